# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings objects of all kinds to their desired state: one reading, one plan, the writing in the order of references, a second look.

The one way through, for thousands of objects as for one: a module of one object gives a state of one. Above the changes, used by
the modules.
"""

from __future__ import annotations

import typing as t
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import apply, cascade, moving, reader, references, refusals, sides, taken
from .annotations import owner_of
from .background import BackgroundReading
from .change import Change
from .client import AuthenticationError, Client, UnreachableError
from .errors import EXPECTED, Failure, PlanError, StateError
from .key_change import KeyChange, Store
from .kinds import KINDS, Kind
from .persons import Persons, by_mail
from .plan import CREATE, DELETE, NOTHING, UPDATE, find
from .references import Names, is_pending
from .rotation import ROTATE, RotatingKeyChange, is_waiting, replaced_by, rotation_of
from .wanted import Wanted

# Errors that every further request would meet as well.
HOPELESS = (AuthenticationError, UnreachableError)
DELETED_AT_ONCE = 100
Readings = t.Mapping[str, reader.Reading]
Early = t.Mapping[str, Change]


def nowhere(wanted: Wanted) -> Store | None:
    return None


@dataclass(frozen=True)
class State:
    """What the user wants of all kinds."""

    wanted: t.Mapping[str, t.Sequence[Wanted]]  # by plural name; a kind that isn't named is not touched
    owner: str | None = None
    prune: bool = False
    store_of: t.Callable[[Wanted], Store | None] = nowhere  # where the raw value of a key is kept
    workers: int = 4


@dataclass
class Outcome:
    changes: list[Change] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(change.changes for change in self.changes)

    def counts(self) -> dict[str, int]:
        counted = Counter(change.operation.action for change in self.changes)
        return {action: counted.get(action, 0) for action in (CREATE, UPDATE, DELETE, ROTATE, NOTHING)}

    def operations(self) -> list[dict[str, t.Any]]:
        return [_listed(change) for change in self.changes if change.changes]

    def diff(self) -> list[dict[str, t.Any]]:
        return [change.operation.diff() for change in self.changes if change.changes]


def _listed(change: Change) -> dict[str, t.Any]:
    operation = change.operation
    listed: dict[str, t.Any] = {"kind": change.kind.name, "name": operation.identity, "operation": operation.action}
    listed["changed_fields"] = operation.changed_fields if operation.action == UPDATE else []
    return {**listed, "along": list(operation.along)}


def run(client: Client, state: State, check_mode: bool, background: BackgroundReading | None = None) -> Outcome:
    kinds = [KINDS[plural] for plural in KINDS if plural in state.wanted]
    early = {kind.plural: _prepare_early(client, state, kind, background) for kind in kinds}
    read = {kind.plural: _read(client, state, kind, background) for kind in kinds}
    outcome = Outcome(_prepare_all(client, state, kinds, read, early))
    if not check_mode and outcome.changed:
        _apply_all(client, state, kinds, outcome.changes)
    return outcome


def _read(client: Client, state: State, kind: Kind, background: BackgroundReading | None) -> reader.Reading:
    read = background.take(kind) if background else None
    if read is not None:
        return read
    if kind.enterprise:
        refusals.refuse_without_licence(client, kind)
    wanted = state.wanted[kind.plural]
    names = None if state.prune else [*(w.identity for w in wanted), *(w.previous for w in wanted if w.previous)]
    if names is not None and not names:
        return reader.Reading([], False)
    return reader.read_enough(client, kind, names, state.workers)


def _prepare_early(client: Client, state: State, kind: Kind, background: BackgroundReading | None) -> Early:
    """Plans while the pages of a long list still come in. It holds where nothing else of that name comes after it."""
    plain = (one for one in state.wanted[kind.plural] if not (one.named or one.twin or by_mail(kind, one)))
    wanted = {one.identity: one for one in plain}
    early: dict[str, Change] = {}
    for page in background.pages(kind) if background else ():
        for item in page:
            one = wanted.pop(str(item.get(kind.identity)), None)
            change = _change(client, state, kind, one) if one else None
            if change is None or change.needs_detail:
                continue
            try:
                change.prepare(item)
            except EXPECTED:
                continue  # said in its turn
            early[change.wanted.identity] = change
    return early


def _prepare_all(
    client: Client, state: State, kinds: t.Sequence[Kind], read: Readings, early: t.Mapping[str, Early]
) -> list[Change]:
    changes: list[Change] = []
    failures: list[Failure] = []
    names, persons = Names(client, state.wanted), Persons(client, state.wanted, read.get("users"))
    for kind in kinds:
        found = read[kind.plural].found
        by_name = _by_name(kind, found)
        for wanted in [*state.wanted[kind.plural], *_surplus(state, kind, found)]:
            try:
                there = find(kind, wanted, by_name)
                change = None if wanted.twin else early[kind.plural].get(wanted.identity)
                if change is None or change.shown is not there:
                    change = _change(client, state, kind, persons.resolve(kind, names.resolve(kind, wanted)))
                    change.prepare(there)
                changes.append(change)
            except EXPECTED as exc:
                failures.append(Failure(exc))
    failures += _contradictions(changes)
    failures += taken.failures(changes, read, state.workers)
    failures += refusals.refused(client, changes)
    failures += references.missing(client, changes, read, state.workers)
    failures += moving.failures(client, changes, read, state.workers)
    failures += cascade.name_what_goes(client, changes, read, state.owner, state.workers)
    failures += cascade.shared_budgets(client, changes, read, state.owner, state.workers)
    if failures:
        raise StateError("nothing was changed", failures)
    return changes


def _contradictions(changes: t.Sequence[Change]) -> list[Failure]:
    """Also by the ids of objects that are there; those that are declared were looked at before."""
    found = [(change.kind, change.wanted, (change.shown or {}).get(change.kind.id)) for change in changes]
    return [Failure(PlanError(said)) for said in sides.contradictions(found)]


def _change(client: Client, state: State, kind: Kind, wanted: Wanted) -> Change:
    if not kind.raw_value:
        return Change(client, kind, wanted)
    return RotatingKeyChange(client, kind, wanted, state.store_of(wanted), rotation_of(wanted.rotate))


def _by_name(kind: Kind, found: reader.Objects) -> dict[str, reader.Objects]:
    named: dict[str, reader.Objects] = {}
    for item in found:
        named.setdefault(str(item.get(kind.identity)), []).append(item)
    return named


def _surplus(state: State, kind: Kind, found: reader.Objects) -> list[Wanted]:
    """What carries our owner's marker and isn't wanted any more. Nothing else is ever pruned."""
    if not state.prune or not kind.annotations:
        return []
    wanted = state.wanted[kind.plural]
    named = {item.identity for item in wanted} | {item.previous for item in wanted if item.previous}
    # A key that was rotated away lives until its grace time is over.
    replaced = replaced_by(found, named) if kind.raw_value else set()
    owned = (item for item in found if owner_of(kind, item) == state.owner and not is_waiting(item))
    owned = (item for item in owned if str(item.get(kind.id)) not in replaced)
    names = dict.fromkeys(str(item.get(kind.identity)) for item in owned)
    return [Wanted(name, {}, state="absent") for name in names if name not in named]


def _apply_all(client: Client, state: State, kinds: t.Sequence[Kind], changes: t.Sequence[Change]) -> None:
    first = taken.givers(changes)
    going = [change for change in changes if change.wanted.state == "absent"]
    failures = [f for kind in kinds for f in _delete(client, state, kind, _of(kind, going, among=first))]
    for kind in kinds:
        changing = [change for change in _of(kind, changes) if change.changes and change.wanted.state == "present"]
        failures += _settle(client, changing)
        ready = [change for change in changing if not is_pending(change.wanted)]
        failures += _in_parallel(_of(kind, ready, among=first), state.workers)
        failures += _in_parallel(_of(kind, ready, but=first), state.workers)
    if not failures:
        failures += _late([c for c in changes if any(call.late for call in c.operation.calls)])
    for kind in reversed(kinds):
        failures += _delete(client, state, kind, _of(kind, going, but=first))
    if not failures:
        failures += _look_again(client, state, kinds, changes)
    if failures:
        raise StateError("not everything was done, run again to finish", failures)


def _of(
    kind: Kind, changes: t.Sequence[Change], among: t.Sequence[Change] | None = None, but: t.Sequence[Change] = ()
) -> list[Change]:
    """Those of a kind, only these of them or all others."""
    some = None if among is None else {id(change) for change in among}
    others = {id(change) for change in but}
    ours = (change for change in changes if change.kind is kind and id(change) not in others)
    return [change for change in ours if some is None or id(change) in some]


def _settle(client: Client, changes: t.Sequence[Change]) -> list[Failure]:
    """Objects that were made a moment ago have their ids now."""
    names = Names(client)
    try:
        for change in (change for change in changes if is_pending(change.wanted)):
            change.wanted, change.operation = names.settle(change.wanted, change.operation)
    except EXPECTED as exc:
        return [Failure(exc)]
    return []


def _late(changes: t.Sequence[Change]) -> list[Failure]:
    """What refers to objects of all kinds: one after the other, for it touches those as well."""
    return _in_parallel(changes, 1, Change.apply_late)


def _chains(changes: t.Sequence[Change]) -> list[list[Change]]:
    """Changes that write to one object besides their own go one after the other: LiteLLM reads, changes and writes it."""
    chains: list[tuple[set[str], list[Change]]] = []
    alone: list[list[Change]] = []
    for change in changes:
        names, members = change.touched, [change]
        if not names:
            alone.append(members)
            continue
        apart: list[tuple[set[str], list[Change]]] = []
        for chain in chains:
            if names & chain[0]:
                names, members = names | chain[0], chain[1] + members
            else:
                apart.append(chain)
        chains = [*apart, (names, members)]
    return [*(members for names, members in chains), *alone]


def _in_parallel(
    changes: t.Sequence[Change], workers: int, do: t.Callable[[Change], None] = lambda change: change.apply()
) -> list[Failure]:
    """Every object gets its turn, also after another's error, unless no request can succeed any more."""
    hopeless: list[Failure] = []

    def one(change: Change) -> Failure | None:
        if hopeless:
            return None
        try:
            do(change)
        except HOPELESS as exc:
            hopeless.append(Failure(exc))
            return hopeless[0]
        except EXPECTED as exc:
            return Failure(exc, f"{change.kind.name} {change.wanted.identity!r}")
        return None

    def chain(members: t.Sequence[Change]) -> list[Failure]:
        return [failure for failure in map(one, members) if failure]

    chains = _chains(changes)
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(chains)))) as pool:
        return [failure for failures in pool.map(chain, chains) for failure in failures]


def _delete(client: Client, state: State, kind: Kind, changes: t.Sequence[Change]) -> list[Failure]:
    for change in changes:
        change.shown = None
    if not kind.delete.id_list or any(isinstance(change, KeyChange) and change.store for change in changes):
        return _in_parallel([change for change in changes if change.changes], state.workers)
    ids = [id for change in changes for id in change.deleted_ids]
    try:
        for start in range(0, len(ids), DELETED_AT_ONCE):
            apply.withdraw(client, kind, ids[start : start + DELETED_AT_ONCE], state.workers)
    except EXPECTED as exc:
        return [Failure(exc)]
    return []


def _look_again(client: Client, state: State, kinds: t.Sequence[Kind], changes: t.Sequence[Change]) -> list[Failure]:
    failures: list[Failure] = []
    for kind in kinds:
        changed = [c for c in changes if c.kind is kind and c.changes and c.wanted.state == "present"]
        if not changed:
            continue
        names = [change.wanted.identity for change in changed]
        by_name = _by_name(kind, apply.read_until_there(client, kind, names, state.workers))
        for change in changed:
            try:
                change.verify(by_name.get(change.wanted.identity, []))
            except EXPECTED as exc:
                failures.append(Failure(exc))
    return failures
