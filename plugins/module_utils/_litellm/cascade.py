# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What LiteLLM deletes by itself along with an object: named in the plan, and stopped where it is not ours to lose. Used by the state."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from . import reader
from .annotations import owner_of
from .change import Change
from .client import Client
from .errors import EXPECTED, Failure, PlanError
from .kinds import KINDS, Cascade, Found, Kind, dig
from .plan import DELETE, UPDATE

Readings = t.Mapping[str, reader.Reading]


@dataclass
class _Search:
    """Finds what goes along, with as few requests as the state's own reading leaves to send."""

    client: Client
    changes: t.Sequence[Change]
    read: Readings
    owner: str | None
    workers: int
    _all: dict[str, reader.Objects] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shown = ((change, change.shown) for change in self.changes if change.shown)
        self._changes = {(change.kind.plural, str(item.get(change.kind.id))): change for change, item in shown}

    def naming(self, cascade: Cascade, id: str) -> reader.Objects:
        kind = KINDS[cascade.kind]
        return [item for item in self._candidates(kind, cascade, id) if str(dig(item, cascade.path)) == id]

    def _candidates(self, kind: Kind, cascade: Cascade, id: str) -> reader.Objects:
        known = self.read.get(kind.plural)
        if known and known.complete:
            return known.found
        if cascade.query:
            return reader.read_where(self.client, kind, {cascade.query: id}, self.workers)
        if kind.plural not in self._all:
            self._all[kind.plural] = reader.read(self.client, kind, workers=self.workers)
        return self._all[kind.plural]

    def reason(self, cascade: Cascade, id: str, item: Found) -> str | None:
        """Why the deletion must not take this one; an empty text where it may, None where it has gone before."""
        kind = KINDS[cascade.kind]
        change = self._changes.get((kind.plural, str(item.get(kind.id))))
        if change is None:
            return "" if self.owner and owner_of(kind, item) == self.owner else "not ours"
        if change.wanted.state == "absent":
            return None
        return None if _moves_away(kind, cascade, change, id) else "declared"


def _moves_away(kind: Kind, cascade: Cascade, change: Change, id: str) -> bool:
    names = [item.name for item in kind.fields if item.read_path == cascade.path and item.name in change.wanted.given]
    return any(change.wanted.given[name] != id for name in names)


def name_what_goes(
    client: Client, changes: t.Sequence[Change], read: Readings, owner: str | None, workers: int
) -> list[Failure]:
    search = _Search(client, changes, read, owner, workers)
    failures = []
    for change in changes:
        if not change.kind.cascades or change.operation.action not in (DELETE, UPDATE):
            continue
        try:
            _look(search, change)
        except EXPECTED as exc:
            failures.append(Failure(exc))
    return failures


def _look(search: _Search, change: Change) -> None:
    kind, id = change.kind, str(change.operation.id)
    along: list[str] = []
    stopping: list[str] = []
    for cascade in kind.cascades:
        leavers = None if change.operation.action == DELETE else _leavers(change, cascade)
        if leavers == []:
            continue
        for item in search.naming(cascade, id):
            if leavers is not None and str(dig(item, cascade.member)) not in leavers:
                continue
            reason = search.reason(cascade, id, item)
            if reason is not None:
                named = _named(KINDS[cascade.kind], item, cascade.stays)
                along.append(named)
                stopping += [f"{named}, {reason}"] if reason else []
    if stopping and not change.wanted.cascade:
        raise PlanError(_refusal(change, stopping))
    change.operation = replace(change.operation, along=tuple(along))


def _leavers(change: Change, cascade: Cascade) -> list[str]:
    """Who leaves the object, where that takes something along."""
    if not cascade.member or not change.shown:
        return []
    given = change.wanted.given
    rules = [(item, item.rule) for item in change.kind.fields if item.rule and item.name in given]
    return [
        person
        for item, rule in rules
        if rule.leavers
        for person in rule.leavers(given[item.name], dig(change.shown, item.read_path))
    ]


def _named(kind: Kind, item: Found, stays: bool) -> str:
    name, id = item.get(kind.identity), str(item.get(kind.id))
    text = f"{kind.name} {name!r}" if name else f"{kind.name} without a name"
    text += f" ({id[:12]})" if id != name else ""
    return f"{text} (stays, without its budget)" if stays else text


def _refusal(change: Change, stopping: t.Sequence[str]) -> str:
    doing = "deleting it" if change.operation.action == DELETE else "taking persons out of it"
    return (
        f"{change.kind.name} {change.wanted.identity!r}: {doing} would take along: {'; '.join(stopping)}. "
        "Move or delete these first, or name it with `cascade: true`."
    )
