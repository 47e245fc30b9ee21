# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of names: environment variables, Docker's networks, images and limits, PostgreSQL's identifiers and settings.

The tables in rules/ are made of these. Values of environment variables and settings are never repeated in a message.
"""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import shown

ENVIRONMENT_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
#: Docker's own networks, which a container of ours can't share with others by name.
DOCKER_NETWORKS = frozenset({"bridge", "default", "host", "none"})
_ULIMITS = "as core cpu data fsize locks memlock msgqueue nice nofile nproc rss rtprio rttime sigpending stack"
ULIMITS = _ULIMITS.split()

_DOMAIN = r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*|\[[0-9a-fA-F:]+\])(?::[0-9]+)?"
_PART = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_IMAGE = re.compile(
    rf"(?:{_DOMAIN}/)?{_PART}(?:/{_PART})*(?::[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}})?(?:@sha256:[0-9a-f]{{64}})?"
)


def suggestion(word: str, known: t.Iterable[str]) -> str:
    close = difflib.get_close_matches(word, [str(name) for name in known], n=1)
    return f"; did you mean {close[0]}?" if close else ""


def meant(word: str, known: t.Iterable[str]) -> str:
    """The remedy for a word that is none of a few: the one that was meant, or all of them."""
    words = [str(name) for name in known]
    return suggestion(word, words) or f"; write one of {', '.join(words)}"


def listed(names: t.Iterable[t.Any]) -> str:
    return " and ".join(shown(str(name)) for name in names)


def environment(value: t.Mapping[t.Any, t.Any]) -> str:
    """Names and values of environment variables."""
    wrong = [name for name in value if not isinstance(name, str) or not ENVIRONMENT_NAME.fullmatch(name)]
    if wrong:
        be = "are no names" if len(wrong) > 1 else "is no name"
        return f"{listed(wrong)} {be} of environment variables; write letters, digits and _ only, no digit first"
    parts = [name for name, part in value.items() if isinstance(part, (dict, list)) or part is None]
    if parts:
        return f"{', '.join(parts)} must be text (its value is not shown); write it in quotes"
    lines = [name for name, part in value.items() if "\x00" in str(part)]
    return f"{', '.join(lines)} has a NUL character (its value is not shown); take it out" if lines else ""


def network_name(value: t.Any) -> str:
    if value in DOCKER_NETWORKS:
        return f"{shown(value)} is a network of Docker's own; write another name such as llmfleet"
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", str(value)):
        return ""
    return f"{shown(value)} is no name of a Docker network; write letters, digits, _, . and - only"


def image(value: t.Any) -> str:
    if _IMAGE.fullmatch(str(value)):
        return ""
    return (
        f"{shown(value)} is no reference of an image; write it as registry.example/name:tag,"
        " lower case, with @sha256: and 64 digits where a digest is meant"
    )


def ulimits(value: t.Any) -> str:
    if not isinstance(value, dict):
        return f"is {shown(value)}; write a mapping such as {{memlock: -1}}"
    for name, limit in value.items():
        if name not in ULIMITS:
            return f"{shown(name)} is no limit{meant(str(name), ULIMITS)}"
        if not _is_limit(limit):
            return f"{name} is {shown(limit)}; write a number from -1 (no limit), or {{soft: 1024, hard: 4096}}"
    return ""


def _is_limit(limit: t.Any) -> bool:
    if isinstance(limit, dict):
        return set(limit) == {"soft", "hard"} and all(_is_limit(part) for part in limit.values())
    return isinstance(limit, int) and not isinstance(limit, bool) and limit >= -1
