# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a person has to know of a translation: faults, what is left behind, what is other than it was. Without values.

The other files of _adopt use it.
"""

from __future__ import annotations

import typing as t


class Note(t.NamedTuple):
    """Where it stands, as FILE:LINE and the key, and what is to be known of it."""

    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.where}: {self.text}"


class Notes:
    """Collects. A fault ends the translation once everything has been read, so that all of them are told at once."""

    def __init__(self) -> None:
        self.faults: list[Note] = []
        self.left: list[Note] = []
        self.changed: list[Note] = []

    def fault(self, where: str, text: str) -> None:
        _add(self.faults, Note(where, text))

    def leave(self, where: str, text: str) -> None:
        """Not translated."""
        _add(self.left, Note(where, text))

    def change(self, where: str, text: str) -> None:
        """Translated, and not quite what it was."""
        _add(self.changed, Note(where, text))

    def told(self) -> dict[str, list[str]]:
        return {
            "faults": [str(note) for note in self.faults],
            "left": [str(note) for note in self.left],
            "changed": [str(note) for note in self.changed],
        }


def _add(notes: list[Note], note: Note) -> None:
    if note not in notes:
        notes.append(note)
