# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What two objects of one declaration say of one thing: both lists are complete, so either would undo the other. Pure.

Used by desired, where the ids are declared, and by the state, which knows those of objects that are there.
"""

from __future__ import annotations

import typing as t

from .kinds import KINDS, Field, Kind, OtherSide
from .wanted import Wanted

# An object's kind, what is wanted of it, and its id where that is known.
Object = tuple[Kind, Wanted, t.Optional[str]]


def contradictions(objects: t.Sequence[Object]) -> list[str]:
    others = _others(objects)
    found = []
    for kind, wanted, id in objects:
        for item, side in _sides(kind) if wanted.state == "present" else ():
            if item.name not in wanted.given:
                continue
            for other in others.get(side.kind, []):
                said = _absent(kind, item, side, wanted, other) or _contradiction(kind, item, side, wanted, id, other)
                found += [said] if said else []
    return found


def _sides(kind: Kind) -> list[tuple[Field, OtherSide]]:
    if kind.plural not in _SIDES:
        _SIDES[kind.plural] = [(item, item.other_side) for item in kind.fields if item.other_side]
    return _SIDES[kind.plural]


_SIDES: dict[str, list[tuple[Field, OtherSide]]] = {}


def _others(objects: t.Sequence[Object]) -> dict[str, list[Object]]:
    """By kind: the objects that have an option which says the other side of something, or are to be absent."""
    options: dict[str, set[str]] = {}
    for side in (side for kind in KINDS.values() for item, side in _sides(kind)):
        options.setdefault(side.kind, set()).add(side.option)
    others: dict[str, list[Object]] = {}
    for one in objects:
        kind, wanted, _id = one
        if kind.plural in options and (wanted.state == "absent" or options[kind.plural] & set(wanted.given)):
            others.setdefault(kind.plural, []).append(one)
    return others


def _absent(kind: Kind, item: Field, side: OtherSide, wanted: Wanted, other: Object) -> str | None:
    """What names others by their ids is looked up as a reference; who is a member is no reference."""
    other_kind, other_wanted, other_id = other
    if item.refers or other_wanted.state != "absent":
        return None
    if not side.names(wanted.given[item.name], other_id or other_wanted.identity, {}):
        return None
    named = f"{other_kind.name} {other_wanted.identity!r}"
    return f"{kind.name} {wanted.identity!r}: its {item.name} names {named}, which is to be absent"


def _contradiction(
    kind: Kind, item: Field, side: OtherSide, wanted: Wanted, id: str | None, other: Object
) -> str | None:
    other_kind, other_wanted, other_id = other
    if not id or other_wanted.state == "absent" or side.option not in other_wanted.given:
        return None
    here = side.names(wanted.given[item.name], other_id or other_wanted.identity, other_wanted.given)
    there = id in (other_wanted.given[side.option] or [])
    if here is None or here == there:
        return None
    this, that = f"{kind.name} {wanted.identity!r}", f"{other_kind.name} {other_wanted.identity!r}"
    return (
        f"{this}: its {item.name} {'names' if here else 'does not name'} {that}, whose {side.option} "
        f"{'names' if there else 'does not name'} {id!r}; both lists are complete: say it in one of them, or the same in both"
    )
