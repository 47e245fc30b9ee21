# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rules of the values of arguments: each says what is wrong with one, or nothing. Used by arguments.py alone. Pure, but that a file has
to be there."""

from __future__ import annotations

import os
import re
import typing as t

from ansible.module_utils.parsing.convert_bool import BOOLEANS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import shown
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.names import meant

#: A value as the command line gives it, and the hosts of the inventory's groups.
Rule = t.Callable[[t.Any, t.Sequence[str]], str]

_DURATION = re.compile(r"[1-9][0-9]{0,5}(?:s|m|h|d|w|mo)")
_LOAD = ("concurrency", "requests", "input", "output")


def TEXT(value: t.Any, _hosts: t.Sequence[str]) -> str:
    if not isinstance(value, (str, int, float)) or isinstance(value, bool):
        return f"is {shown(value)}; write one text"
    if not str(value).strip():
        return "is empty; write a value, or leave it out"
    return "has a control character; take it out" if re.search(r"[\x00-\x1f\x7f]", str(value)) else ""


def FLAG(value: t.Any, _hosts: t.Sequence[str]) -> str:
    plain = value.strip().lower() if isinstance(value, str) else value
    good = isinstance(plain, (str, bool, int)) and plain in BOOLEANS
    return "" if good else f"is {shown(value)}; write yes or no"


def WORDS(value: t.Any, hosts: t.Sequence[str]) -> str:
    """One, several with commas, or a list."""
    words = _words(value)
    if not words:
        return "is empty; write a value, or leave it out"
    return next((fault for word in words if (fault := TEXT(word, hosts))), "")


def HOSTS(value: t.Any, hosts: t.Sequence[str]) -> str:
    return WORDS(value, hosts) or next((_no_host(word, hosts) for word in _list(value) if word not in hosts), "")


def INSTANCES(value: t.Any, hosts: t.Sequence[str]) -> str:
    """NAME or HOST/NAME; which names there are is known once the hosts were asked."""
    if fault := WORDS(value, hosts):
        return fault
    for word in map(str, _list(value)):
        host, slash, name = word.rpartition("/")
        if not name or (slash and not host):
            return f"is {shown(word)}; write a name such as assistant, or gpu2/assistant"
        if slash and host not in hosts:
            return _no_host(host, hosts)
    return ""


def FILE(value: t.Any, hosts: t.Sequence[str]) -> str:
    if fault := TEXT(value, hosts):
        return fault
    path = os.path.abspath(os.path.expanduser(str(value)))
    return "" if os.path.isfile(path) and os.access(path, os.R_OK) else f"is no file that can be read: {path}"


def BACKUP(value: t.Any, hosts: t.Sequence[str]) -> str:
    """A name on the host, one elsewhere (offsite:NAME), or by a slash a file of this machine."""
    return FILE(value, hosts) if "/" in str(value) else TEXT(value, hosts)


def ABSOLUTE(value: t.Any, hosts: t.Sequence[str]) -> str:
    fault = TEXT(value, hosts)
    return fault or (
        "" if str(value).startswith("/") else f"is {shown(value)}; write the whole path on the server, from / on"
    )


def DURATION(value: t.Any, hosts: t.Sequence[str]) -> str:
    fault = TEXT(value, hosts)
    return fault or ("" if _DURATION.fullmatch(str(value)) else f"is {shown(value)}; write a time such as 48h or 7d")


def LOAD(value: t.Any, _hosts: t.Sequence[str]) -> str:
    if not isinstance(value, dict):
        return f'is {shown(value)}; write it as -e \'{{"load": {{"concurrency": 64}}}}\''
    for name, number in value.items():
        if name not in _LOAD:
            return f"has {shown(name)}, which is no part of a load{meant(str(name), _LOAD)}"
        if fault := least(1)(number, ()):
            return f"{name} {fault}"
    return ""


def least(number: int) -> Rule:
    def rule(value: t.Any, _hosts: t.Sequence[str]) -> str:
        good = not isinstance(value, bool) and re.fullmatch(r"\d{1,9}", str(value)) and int(value) >= number
        return "" if good else f"is {shown(value)}; write a whole number from {number} on"

    return rule


def choice(*known: str) -> Rule:
    def rule(value: t.Any, _hosts: t.Sequence[str]) -> str:
        return "" if value in known else f"is {shown(value)}{meant(str(value), known)}"

    return rule


def words_of(known: t.Sequence[str]) -> Rule:
    def rule(value: t.Any, hosts: t.Sequence[str]) -> str:
        wrong = next((word for word in _list(value) if word not in known), None)
        return WORDS(value, hosts) or (f"is {shown(wrong)}{meant(str(wrong), known)}" if wrong is not None else "")

    return rule


def some_of(known: t.Collection[str]) -> Rule:
    """As words_of, and text is divided by commas."""

    def rule(value: t.Any, hosts: t.Sequence[str]) -> str:
        return words_of(sorted(known))([str(word).strip() for word in _words(value)], hosts)

    return rule


def _no_host(word: t.Any, hosts: t.Sequence[str]) -> str:
    return f"names {shown(word)}, which is no host of gateways or gpu_servers{meant(str(word), hosts)}"


def _list(value: t.Any) -> list[t.Any]:
    """As playbooks read it, which divide no text by commas."""
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _words(value: t.Any) -> list[t.Any]:
    return list(value) if isinstance(value, (list, tuple)) else [one for one in str(value).split(",") if one.strip()]
