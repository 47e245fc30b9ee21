# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Variables in texts as Docker Compose replaces them: $NAME, ${NAME}, ${NAME:-default}, ${NAME:?error}, ${NAME:+other}, $$.

dotenv.py and compose.py use it.
"""

from __future__ import annotations

import re
import typing as t

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OPERATOR = re.compile(r":?[-?+]")

Variables = t.Mapping[str, str]


class InterpolationError(ValueError):
    """The text can't be read; the message repeats none of it but names of variables."""


class Replaced(t.NamedTuple):
    """A text with its variables replaced, and those that nobody sets; Compose puts nothing in their place."""

    text: str
    missing: list[str]


def interpolate(text: str, variables: Variables) -> Replaced:
    parts, missing, place = [], list[str](), 0
    while (dollar := text.find("$", place)) >= 0:
        parts.append(text[place:dollar])
        value, place = _variable(text, dollar + 1, variables, missing)
        parts.append(value)
    return Replaced("".join(parts) + text[place:], missing)


def _variable(text: str, place: int, variables: Variables, missing: list[str]) -> tuple[str, int]:
    """What stands for the variable whose name begins at *place*, after the dollar, and where the text goes on."""
    if text.startswith("$", place):
        return "$", place + 1
    if text.startswith("{", place):
        end = _closing(text, place)
        return _braced(text[place + 1 : end], variables, missing), end + 1
    found = _NAME.match(text, place)
    if not found:
        raise InterpolationError("a $ that begins no variable; write $$ for the character itself")
    return _value(found.group(), variables, missing), found.end()


def _closing(text: str, place: int) -> int:
    """Where the brace at *place* closes: a default may have variables of its own."""
    depth = 0
    for index in range(place, len(text)):
        if text[index] == "{" and (index == place or text[index - 1] == "$"):
            depth += 1
        elif text[index] == "}":
            depth -= 1
            if not depth:
                return index
    raise InterpolationError("a ${ that nothing closes")


def _braced(inside: str, variables: Variables, missing: list[str]) -> str:
    name = _NAME.match(inside)
    if not name:
        raise InterpolationError("a ${ without the name of a variable")
    rest = inside[name.end() :]
    if not rest:
        return _value(name.group(), variables, missing)
    operator = _OPERATOR.match(rest)
    if not operator:
        raise InterpolationError(f"${{{name.group()}…}} is no form that Compose knows")
    return _chosen(name.group(), operator.group(), rest[operator.end() :], variables, missing)


def _chosen(name: str, operator: str, other: str, variables: Variables, missing: list[str]) -> str:
    value = variables.get(name)
    there = bool(value) if operator.startswith(":") else value is not None
    if operator.endswith("+"):
        return _nested(other, variables, missing) if there else ""
    if there:
        return value or ""
    if operator.endswith("-"):
        return _nested(other, variables, missing)
    raise InterpolationError(f"{name} must be set; write it into .env")


def _nested(text: str, variables: Variables, missing: list[str]) -> str:
    found = interpolate(text, variables)
    missing += found.missing
    return found.text


def _value(name: str, variables: Variables, missing: list[str]) -> str:
    if name not in variables:
        missing.append(name)
    return variables.get(name, "")
