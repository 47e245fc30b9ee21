# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replaces the secret of the fleet's authority, step by step, in the text of the file of secrets. Pure.

At every moment each host trusts whoever another one's certificate may be from: first all trust the next authority too, then
hosts get certificates of it, then nobody trusts the previous one any more. What stands in the file says how far it is, so that a
rotation that was cut off goes on.
"""

from __future__ import annotations

import re
import typing as t

KEY, NEXT, PREVIOUS = "llm_ca_key", "llm_ca_next_key", "llm_ca_previous_key"
TRUST, ISSUE, DROP = "trust", "issue", "drop"
STEPS = (TRUST, ISSUE, DROP)


class RotationError(Exception):
    """The text can't be changed. The message holds no secret."""


def rotated(text: str, step: str, make: t.Callable[[], str]) -> str:
    """The text after a step; the same text where the step was made before."""
    found = {name: held(text, name) for name in (KEY, NEXT, PREVIOUS)}
    if not found[KEY]:
        raise RotationError(
            f"has no {KEY} as a line of its own ({KEY}: TEXT); where your secrets are kept elsewhere, take the three steps there"
            " by hand, with a run of the playbook site after each"
        )
    if step == TRUST:
        return text if found[NEXT] or found[PREVIOUS] else with_value(text, NEXT, make())
    if step == ISSUE:
        return _issued(text, found[KEY], found[NEXT]) if found[NEXT] else text
    return without(text, PREVIOUS)


def _issued(text: str, key: str, following: str) -> str:
    """Each value stays as it is written, quotes included."""
    text = without(without(text, NEXT), PREVIOUS)
    text = _line(KEY).sub(lambda _found: f"{KEY}: {following}\n", text, count=1)
    return with_value(text, PREVIOUS, key)


def held(text: str, name: str) -> str:
    """The value of a variable as it is written; empty for none, and for one that goes over several lines."""
    found = _line(name).search(text)
    value = found.group(1).strip() if found else ""
    return "" if value[:1] in ("", "#", "!", "|", ">", "&", "*", "{", "[") or value in ("''", '""', "null") else value


def _line(name: str) -> re.Pattern[str]:
    return re.compile(rf"^{name}:[ \t]*([^\n]*)(?:\n|\Z)", re.MULTILINE)


def with_value(text: str, name: str, value: str) -> str:
    text = without(text, name)
    return f"{text.rstrip()}\n{name}: {value}\n"


def without(text: str, name: str) -> str:
    return _line(name).sub("", text)
