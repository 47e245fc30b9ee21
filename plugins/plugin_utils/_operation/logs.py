# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Log lines of several hosts in one order, and which lines of a second look are new."""

from __future__ import annotations

import typing as t

Line = t.Mapping[str, str]


def merged(said: t.Mapping[str, t.Sequence[Line]]) -> list[dict[str, str]]:
    """By the hosts' clocks; lines of one moment stay in the order of their host."""
    found = [{**line, "host": host} for host, lines in said.items() for line in lines]
    return sorted(found, key=lambda line: line["time"])


def shown(line: Line) -> str:
    """To the millisecond: the rest is noise to a person."""
    return f"{line['time'][:23]}Z {line['host']} {line['service']} | {line['text']}"


class Seen:
    """The engine counts `since` from a moment on, that moment included."""

    def __init__(self) -> None:
        self.last = ""
        self._at_last: set[tuple[str, str]] = set()

    def fresh(self, lines: t.Sequence[Line]) -> list[Line]:
        found = [line for line in lines if line["time"] >= self.last]
        new = [line for line in found if line["time"] > self.last or _mark(line) not in self._at_last]
        if found:
            last = found[-1]["time"]
            at_last = {_mark(line) for line in found if line["time"] == last}
            self._at_last = at_last | (self._at_last if last == self.last else set())
            self.last = last
        return new


def _mark(line: Line) -> tuple[str, str]:
    return line["service"], line["text"]
