# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the plans of docker, nvidia_driver and nvidia_container_toolkit have in common: systems, versions, keys, files."""

from __future__ import annotations

import hashlib
import re
import typing as t
from pathlib import Path

from ansible.module_utils.parsing.convert_bool import boolean

Variables = t.Mapping[str, t.Any]
Facts = t.Mapping[str, t.Any]

ARMOUR = "-----BEGIN PGP"
ENTERPRISE_LINUX = ("rhel", "rocky", "almalinux")
DISTRIBUTIONS = {
    "debian": "Debian",
    "ubuntu": "Ubuntu",
    "rhel": "RedHat",
    "rocky": "Rocky",
    "almalinux": "AlmaLinux",
    "fedora": "Fedora",
}
#: Architectures as Python and Debian call them.
DPKG = {"x86_64": "amd64", "aarch64": "arm64"}


class KeyFileError(Exception):
    """A key that is given by its path can't be read."""


class Installed(t.NamedTuple):
    """Packages of a host: the upstream version of each, names also with their full version, and those on hold."""

    versions: t.Mapping[str, str]
    names: frozenset[str]
    held: frozenset[str]


def installed(facts: Facts) -> Installed:
    """The packages that host_info found."""
    rows = facts["packages"]
    versions = {row["name"]: upstream(row["version"]) for row in rows}
    names = frozenset(row["name"] for row in rows) | {f"{row['name']}-{row['version']}" for row in rows}
    return Installed(versions, names, frozenset(row["name"] for row in rows if row["held"]))


def upstream(version: str) -> str:
    """A package's version without epoch and packaging revision."""
    return re.sub(r"^[0-9]+:|-[^-]*$", "", version)


def version_key(version: str) -> tuple[int, ...]:
    """By which released versions are ordered."""
    return tuple(int(part) for part in re.findall(r"\d+", version))


def truth(value: t.Any) -> bool:
    """A variable as Ansible's filter bool reads it."""
    return boolean(value, strict=False)


def distribution(facts: Facts) -> str:
    """The distribution, as Ansible calls it."""
    found = facts["system"]["id"]
    return DISTRIBUTIONS.get(found, found)


def system(facts: Facts) -> str:
    """The key of a system in the tables: Debian-13, Ubuntu-24.04, EL-9."""
    version = facts["system"]["version"]
    if facts["system"]["id"] in ENTERPRISE_LINUX:
        return f"EL-{version.split('.')[0]}"
    return f"{distribution(facts)}-{version if facts['system']['id'] == 'ubuntu' else version.split('.')[0]}"


def key_text(given: t.Any) -> str:
    """A repository's key that is given itself or by its path on the controller; empty where none is given."""
    if not given:
        return ""
    if ARMOUR in str(given):
        return str(given).strip() + "\n"
    try:
        return Path(str(given)).expanduser().read_text(encoding="utf-8").strip() + "\n"
    except (OSError, UnicodeDecodeError) as error:
        raise KeyFileError(f"the key {given} can't be read on the controller: {error}") from error


def digest(text: str) -> str:
    """SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()


def is_there(facts: Facts, path: str, checksum: str) -> bool:
    """Whether a host has a file with this content."""
    return bool(facts["files"].get(path, {}).get("sha256") == checksum)


def key_is_there(facts: Facts, key: t.Mapping[str, str]) -> bool:
    """Whether a host has a repository's key: the given one, or one that is known by its fingerprint."""
    if key["checksum"]:
        return is_there(facts, key["path"], key["checksum"])
    found = facts["fingerprints"].get(key["path"])
    return bool(found) and (not key["fingerprint"] or set(found) == {key["fingerprint"]})


def repository_key(given: t.Any, path: str, url: str, fingerprint: str, checksum: str = "") -> dict[str, str]:
    """A repository's key: given by the user, or downloaded and known by its fingerprint."""
    text = key_text(given)
    known = "" if text else fingerprint.replace(" ", "").upper()
    return {
        "path": path,
        "url": url,
        "text": text,
        "checksum": digest(text) if text else checksum,
        "fingerprint": known,
    }


def unread(facts: Facts, parts: t.Iterable[str]) -> list[str]:
    """Refusals for what could not be read: what is not known must not be planned as if it were not there."""
    return [f"The look at it failed ({part}: {facts['faults'][part]})." for part in parts if part in facts["faults"]]


def service_runs(facts: Facts, unit: str) -> bool:
    """Whether a unit is enabled and active."""
    state = facts["services"].get(unit, {})
    return bool(state.get("active") and state.get("enabled"))
