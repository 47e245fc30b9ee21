# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How an option that is a structure names other objects.

Used by the files of kinds, and by the look-up of references.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass


@dataclass(frozen=True)
class Named:
    """An object that a structure names: its kind, its name there, and where it stands."""

    kind: str
    name: str
    at: str = ""
    by: tuple[str, ...] = ()  # what is said of it; its id, if nothing


@dataclass(frozen=True)
class Naming:
    """What a structure names."""

    names: t.Callable[[t.Any], list[Named]]
    places: t.Mapping[str, str]  # where in it, and objects of which kind

    def __call__(self, value: t.Any) -> list[Named]:
        return self.names(value)


def naming(**parts: str | tuple[str, ...]) -> Naming:
    """Of a dictionary the parts that name objects: their kinds, and by what they are named, if not by their ids."""

    def names(value: t.Any) -> list[Named]:
        named = []
        for part, target in parts.items():
            kind, *by = (target,) if isinstance(target, str) else target
            found = value.get(part) if isinstance(value, dict) else None
            ids = found if isinstance(found, (list, dict)) else [found]
            named += [Named(kind, str(id), part, tuple(by)) for id in ids if isinstance(id, (str, int)) and id != ""]
        return named

    return Naming(names, {part: target if isinstance(target, str) else target[0] for part, target in parts.items()})
