# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What LiteLLM changes by itself along with an object: named in the plan, and stopped where it is not ours to lose. Used by the state."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace

from . import reader
from .annotations import owner_of
from .change import Change
from .client import Client
from .errors import EXPECTED, Failure, NoKindError, PlanError
from .kinds import BUDGET, KINDS, Cascade, Found, Kind, dig
from .kinds._table import budget_of, is_limit_of_budget
from .plan import DELETE, UPDATE, in_common

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
        candidates = self._candidates(kind, cascade, id)
        if not cascade.path:
            return [item for item in candidates if self._may_be_of(kind, cascade, id, item)]
        return [item for item in candidates if _names(dig(item, cascade.path), id)]

    def _may_be_of(self, kind: Kind, cascade: Cascade, id: str, item: Found) -> bool:
        """Where the API does not show whose it is, a declaration may say so; otherwise it may be anybody's."""
        change = self._changes.get((kind.plural, str(item.get(kind.id))))
        declared = change.wanted.given.get(cascade.option) if change else None
        return declared is None or str(declared) == id

    def _candidates(self, kind: Kind, cascade: Cascade, id: str) -> reader.Objects:
        known = self.read.get(kind.plural)
        if known and known.complete:
            return known.found
        if cascade.query:
            return reader.read_where(self.client, kind, {cascade.query: id}, self.workers)
        if kind.plural not in self._all:
            self._all[kind.plural] = self._read(kind)
        return self._all[kind.plural]

    def _read(self, kind: Kind) -> reader.Objects:
        try:
            return reader.read(self.client, kind, workers=self.workers)
        except NoKindError:
            return []  # an older version

    def reason(self, cascade: Cascade, id: str, item: Found) -> str | None:
        """Why the deletion must not take this one; an empty text where it may, None where it has gone before."""
        kind = KINDS[cascade.kind]
        change = self._changes.get((kind.plural, str(item.get(kind.id))))
        if change is None and not cascade.path:
            return f"LiteLLM does not show whose it is; declare it with its {cascade.option} if it is another's"
        if change is None:
            return "" if self.owner and owner_of(kind, item) == self.owner else "not ours"
        if change.wanted.state == "absent":
            return None
        return None if _moves_away(kind, cascade, change, id) else "declared"


def _moves_away(kind: Kind, cascade: Cascade, change: Change, id: str) -> bool:
    names = [item.name for item in kind.fields if item.read_path == cascade.path and item.name in change.wanted.given]
    return any(not _names(change.wanted.given[name], id) for name in names)


def _names(value: t.Any, id: str) -> bool:
    """Whether an option that takes an id, or several, has this one."""
    return id in value if isinstance(value, list) else str(value) == id


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


def shared_budgets(
    client: Client, changes: t.Sequence[Change], read: Readings, owner: str | None, workers: int
) -> list[Failure]:
    """Limits that would be written into a budget which others have as well, although its name is one of LiteLLM's own."""
    search = _Search(client, changes, read, owner, workers)
    failures = []
    for change in changes:
        limits = [name for name in change.operation.changed_fields if _is_limit(change.kind, name)]
        budget = budget_of(change.operation.found or {}) if limits and change.operation.action == UPDATE else None
        if budget is None:
            continue
        try:
            others = ", ".join(_others_with(search, change, budget))
            if others:
                raise in_common(change.kind, limits[0], change.wanted, budget, f"{others} has too")
        except EXPECTED as exc:
            failures.append(Failure(exc))
    return failures


def _is_limit(kind: Kind, name: str) -> bool:
    return name in kind.by_name and is_limit_of_budget(kind.by_name[name])


def _others_with(search: _Search, change: Change, budget: str) -> list[str]:
    found = ((KINDS[cascade.kind], item) for cascade in BUDGET.cascades for item in search.naming(cascade, budget))
    return [
        _named(kind, item, "")
        for kind, item in found
        if not (kind is change.kind and str(item.get(kind.id)) == str(change.operation.id))
    ]


def _look(search: _Search, change: Change) -> None:
    kind, id = change.kind, str(change.operation.id)
    along: dict[str, str] = {}
    for cascade in kind.cascades:
        leavers = None if change.operation.action == DELETE else _leavers(change, cascade)
        if leavers == []:
            continue
        for item in search.naming(cascade, id):
            if leavers is None or str(dig(item, cascade.member)) in leavers:
                _add(search, cascade, id, item, along)
    stopping = [f"{named}, {reason}" for named, reason in along.items() if reason]
    if stopping and not change.wanted.cascade:
        raise PlanError(_refusal(change, stopping))
    change.operation = replace(change.operation, along=tuple(along))


def _add(search: _Search, cascade: Cascade, id: str, item: Found, along: dict[str, str]) -> None:
    """One that goes along, why it must not, and what in turn goes along with it."""
    kind, reason = KINDS[cascade.kind], search.reason(cascade, id, item)
    if reason is None:
        return
    along[_named(kind, item, cascade.stays)] = reason
    for further in kind.cascades if not cascade.stays else ():
        for one in search.naming(further, str(item.get(kind.id))):
            _add(search, further, str(item.get(kind.id)), one, along)


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


def _named(kind: Kind, item: Found, stays: str) -> str:
    name, id = item.get(kind.identity), str(item.get(kind.id))
    text = f"{kind.name} {name!r}" if name else f"{kind.name} without a name"
    text += f" ({id[:12]})" if id != name else ""
    return f"{text} (stays, without {stays})" if stays else text


def _refusal(change: Change, stopping: t.Sequence[str]) -> str:
    doing = "deleting it" if change.operation.action == DELETE else "taking persons out of it"
    return (
        f"{change.kind.name} {change.wanted.identity!r}: {doing} would take along: {'; '.join(stopping)}. "
        "Move or delete these first, or name it with `cascade: true`."
    )
