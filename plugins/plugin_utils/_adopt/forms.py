# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Short and long forms of a service's keys as one form: environment, env_file, command, ports, volumes. Pure; compose.py and the readers of services use it."""

from __future__ import annotations

import re
import shlex
import typing as t

_PORT = re.compile(
    r"(?:(?:(?P<address>\[[0-9a-fA-F:.]+\]|[0-9.]+):)?(?P<published>[0-9]*):)?(?P<target>[0-9]+)(?:/(?P<protocol>tcp|udp))?"
)
_VOLUME = re.compile(r"(?:(?P<source>[^:]+):)?(?P<target>/[^:]*)(?::(?P<mode>[A-Za-z,]+))?")


class Port(t.NamedTuple):
    """A published port. No number on the host: Docker chose one."""

    target: int
    published: int
    address: str  # empty: all


class Mount(t.NamedTuple):
    """What a container has at a path: a folder or file of the host, or a named volume."""

    target: str
    source: str
    volume: bool


class FormError(ValueError):
    """A form that can't be read; the message repeats no value."""


def text_of(value: t.Any) -> str:
    """As Compose writes a scalar into the environment."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def listed(value: t.Any) -> list[t.Any]:
    """Nothing where a list should be and is none."""
    return value if isinstance(value, list) else []


def below(value: t.Any, *path: str) -> t.Any:
    """What mappings have at a path; None where one of them is none."""
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def environment(value: t.Any) -> dict[str, str | None]:
    """By name; None for one that Compose takes from its own environment."""
    if isinstance(value, dict):
        return {str(name): None if part is None else text_of(part) for name, part in value.items()}
    if not isinstance(value, list):
        raise FormError("is neither a list nor a mapping; write NAME: value")
    pairs = [str(entry).partition("=") for entry in value if entry is not None]
    return {name: part if sign else None for name, sign, part in pairs}


def env_files(value: t.Any) -> list[dict[str, t.Any]]:
    """Each with path, required and format."""
    listed = value if isinstance(value, list) else [value]
    found = [entry if isinstance(entry, dict) else {"path": str(entry)} for entry in listed if entry is not None]
    if not all(isinstance(entry.get("path"), str) for entry in found):
        raise FormError("has an entry without a path; write {path: NAME.env}")
    return [{"required": True, "format": "", **entry} for entry in found]


def words(value: t.Any) -> list[str]:
    """A command, which Compose splits as a shell would where it is one text."""
    if value is None:
        return []
    if isinstance(value, list):
        return [text_of(word) for word in value]
    try:
        return shlex.split(text_of(value).replace("\\\n", " "))
    except ValueError as error:
        raise FormError("has a quote that nothing closes; close it") from error


def ports(value: t.Any) -> list[Port]:
    found = []
    for entry in value if isinstance(value, list) else []:
        found += [_long_port(entry)] if isinstance(entry, dict) else _short_ports(text_of(entry))
    return found


def _long_port(entry: t.Mapping[str, t.Any]) -> Port:
    target, published = text_of(entry.get("target", "")), text_of(entry.get("published") or 0)
    if not (target.isdigit() and published.isdigit()):
        raise FormError("has a port that is no single number; write one entry for each")
    return Port(int(target), int(published), str(entry.get("host_ip") or ""))


def _short_ports(text: str) -> list[Port]:
    first, sign, last = text.partition("-")
    found = _PORT.fullmatch(text)
    if not found:
        what = "a range of ports" if sign and (first and last) else "a port that is no number"
        raise FormError(f"has {what}; write one entry for each as HOST:CONTAINER")
    return [Port(int(found["target"]), int(found["published"] or 0), (found["address"] or "").strip("[]"))]


def mounts(value: t.Any) -> list[Mount]:
    return [_mount(entry) for entry in value if entry is not None] if isinstance(value, list) else []


def _mount(entry: t.Any) -> Mount:
    if isinstance(entry, dict):
        source, target = str(entry.get("source") or ""), str(entry.get("target") or "")
        kind = entry.get("type") or ("bind" if _is_path(source) else "volume")
        return Mount(target.rstrip("/") or "/", source, kind == "volume")
    found = _VOLUME.fullmatch(str(entry))
    if not found:
        raise FormError("has an entry that is no SOURCE:/TARGET; write it so")
    source = found["source"] or ""
    return Mount(found["target"].rstrip("/") or "/", source, not _is_path(source))


def _is_path(source: str) -> bool:
    return source.startswith(("/", ".", "~"))
