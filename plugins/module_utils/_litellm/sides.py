# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What two objects of one declaration say of one thing: both lists are complete, so either would undo the other. Pure.

Used by desired, where the ids are declared, and by the state, which knows those of objects that are there.
"""

from __future__ import annotations

import typing as t

from .kinds import KINDS, Field, Kind
from .wanted import Wanted

# An object's kind, what is wanted of it, and its id where that is known.
Object = tuple[Kind, Wanted, t.Optional[str]]


def contradictions(objects: t.Sequence[Object]) -> list[str]:
    present = [one for one in objects if one[1].state == "present"]
    found = []
    for kind, wanted, id in present:
        for item in (one for one in kind.fields if one.other_side and one.name in wanted.given):
            found += [said for other in present if id and (said := _contradiction(kind, item, wanted, id, other))]
    return found


def _contradiction(kind: Kind, item: Field, wanted: Wanted, id: str, other: Object) -> str | None:
    side, (other_kind, other_wanted, other_id) = item.other_side, other
    if side is None or other_kind is not KINDS[side.kind] or side.option not in other_wanted.given:
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
