# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of variables, as .env and those of env_file: NAME=VALUE by Docker Compose's rules of quotes and comments.

compose.py uses it.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.interpolation import (
    InterpolationError,
    interpolate,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes

_START = re.compile(r"\s*(?:export\s+)?(?P<name>[A-Za-z_][A-Za-z0-9_.-]*)[ \t]*(?P<sign>=|:(?=\s))?[ \t]*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$$", "'": "'"}
_COMMENT = re.compile(r"(?:^|\s)#.*")


class Line(t.NamedTuple):
    """A variable and the line that sets it."""

    value: str
    line: int


def parse(text: str, name: str, notes: Notes, around: t.Mapping[str, str], raw: bool = False) -> dict[str, Line]:
    """The variables of a file by name. *around* holds those that values may use beside the file's own; raw values use none."""
    found: dict[str, Line] = {}
    rows = text.lstrip("\ufeff").replace("\r\n", "\n").split("\n")
    number = 0
    while number < len(rows):
        number += 1
        row = rows[number - 1]
        if not row.strip() or row.lstrip().startswith("#"):
            continue
        start = _START.match(row)
        if not start or (not start["sign"] and row[start.end() :].strip()):
            notes.fault(f"{name}:{number}", "this line is no NAME=VALUE; write it so, or take it out")
            continue
        if not start["sign"]:
            notes.fault(
                f"{name}:{number} {start['name']}",
                "has no value here: Compose took it from the shell that it was started in; write NAME=VALUE",
            )
            continue
        values = {**{key: one.value for key, one in found.items()}, **around}
        begin = number
        value, number = _value(rows, number, start.end(), raw, values, name, notes)
        found[start["name"]] = Line(value, begin)
    return found


def _value(
    rows: list[str], number: int, place: int, raw: bool, values: t.Mapping[str, str], name: str, notes: Notes
) -> tuple[str, int]:
    """The value that begins in a row, and the number of its last row: a quoted one may have several."""
    rest = rows[number - 1][place:]
    if raw:
        return rest, number
    quote = rest[:1]
    if quote not in ("'", '"'):
        text = _COMMENT.sub("", rest).strip()
        return _used(text, values, f"{name}:{number}", notes), number
    begin, inside = number, rest[1:]
    while (end := _end(inside, quote)) < 0:
        if number == len(rows):
            notes.fault(f"{name}:{begin}", f"a value begins with {quote} and nothing closes it; close it")
            return "", number
        number += 1
        inside += "\n" + rows[number - 1]
    if quote == "'":
        return inside[:end], number
    return _used(_unescaped(inside[:end]), values, f"{name}:{begin}", notes), number


def _end(text: str, quote: str) -> int:
    """Where a quoted value ends."""
    escaped = False
    for place, letter in enumerate(text):
        if letter == quote and not escaped:
            return place
        escaped = letter == "\\" and not escaped and quote == '"'
    return -1


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found[1], found[0]), text, flags=re.DOTALL)


def _used(text: str, values: t.Mapping[str, str], where: str, notes: Notes) -> str:
    try:
        found = interpolate(text, values)
    except InterpolationError as error:
        notes.fault(where, f"{error}; in single quotes a value is taken as it is")
        return ""
    for name in found.missing:
        notes.change(where, f"uses {name}, which is set nowhere, so that nothing stands in its place")
    return found.text
