# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import os
import typing as t
import urllib.parse
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from . import apply, reader
from .apply import NotKeptError, RaceError
from .client import AuthenticationError, Client, LiteLLMError, UnreachableError
from .controller import Controller
from .keeper import Keeper, KeyKeeper, Store
from .plan import CREATE, DELETE, NOTHING, UPDATE, PlanError, owner_of, pick
from .references import Names, is_pending
from .resources import KINDS, Kind
from .rotation import ROTATE, RotatingKeyKeeper, is_waiting, replaced_by, rotation_of
from .store import FileStore, StoreError
from .wanted import Wanted

EXPECTED = (LiteLLMError, PlanError, StoreError, RaceError, NotKeptError)
# Errors that every further request would meet as well.
HOPELESS = (AuthenticationError, UnreachableError)
SHOWN_ERRORS = 20
DELETED_AT_ONCE = 100


class StateError(Exception):
    """The desired state can't be reached, or wasn't. Carries every error, not only the first."""

    def __init__(self, summary: str, errors: t.Sequence[str]) -> None:
        self.errors = list(errors)
        shown = self.errors[:SHOWN_ERRORS]
        rest = len(self.errors) - len(shown)
        more = f"; and {rest} more" if rest > 0 else ""
        super().__init__(f"{summary}: {'; '.join(shown)}{more}")


@dataclass(frozen=True)
class State:
    """What the user wants of all kinds."""

    wanted: t.Mapping[str, t.Sequence[Wanted]]  # by plural name; a kind that isn't named is not touched
    owner: str
    prune: bool = False
    key_directory: str | None = None
    controller: Controller | None = None
    workers: int = 4


@dataclass
class Outcome:
    keepers: list[Keeper] = field(default_factory=list)

    @property
    def changed(self) -> bool:
        return any(keeper.changes for keeper in self.keepers)

    def counts(self) -> dict[str, int]:
        counted = Counter(keeper.operation.action for keeper in self.keepers)
        return {action: counted.get(action, 0) for action in (CREATE, UPDATE, DELETE, ROTATE, NOTHING)}

    def operations(self) -> list[dict[str, t.Any]]:
        return [_shown(keeper) for keeper in self.keepers if keeper.changes]

    def diff(self) -> list[dict[str, t.Any]]:
        return [keeper.operation.diff() for keeper in self.keepers if keeper.changes]


def _shown(keeper: Keeper) -> dict[str, t.Any]:
    operation = keeper.operation
    shown = {"kind": keeper.kind.name, "name": operation.identity, "operation": operation.action}
    return {**shown, "changed_fields": operation.changed_fields if operation.action == UPDATE else []}


class Ahead:
    """Reads the objects in the background, while the desired state is still being checked.

    Only what needs no decision is read ahead; everything else is read when it is asked for.
    """

    def __init__(self, client: Client, desired: t.Mapping[str, t.Any], prune: bool, workers: int) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1)
        self._lists: dict[str, Future[reader.Found]] = {}
        for plural in KINDS:
            names = _raw_names(KINDS[plural], desired.get(plural))
            if names:
                wanted = None if prune else names
                self._lists[plural] = self._pool.submit(reader.read, client, KINDS[plural], wanted, workers)

    def take(self, kind: Kind) -> reader.Found | None:
        """What was read of the kind, or None where nothing was read ahead."""
        future = self._lists.pop(kind.plural, None)
        return future.result() if future else None

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _raw_names(kind: Kind, items: t.Any) -> list[str]:
    if kind.enterprise or not isinstance(items, list):
        return []
    return [str(item[kind.identity]) for item in items if isinstance(item, dict) and kind.identity in item]


def run(client: Client, state: State, check_mode: bool, ahead: Ahead | None = None) -> Outcome:
    """All objects: one reading, one plan, then the writing in the order of references, and a second look."""
    kinds = [KINDS[plural] for plural in KINDS if plural in state.wanted]
    found = {kind.plural: _read(client, state, kind, ahead) for kind in kinds}
    outcome = Outcome(_plan_all(client, state, kinds, found))
    apply.refuse_unlicensed(client, [keeper.operation for keeper in outcome.keepers if keeper.changes])
    if not check_mode and outcome.changed:
        _carry_out_all(client, state, kinds, outcome.keepers)
    return outcome


def _read(client: Client, state: State, kind: Kind, ahead: Ahead | None) -> reader.Found:
    read = ahead.take(kind) if ahead else None
    if read is not None:
        return read
    if kind.enterprise:
        apply.refuse_without_licence(client, kind)
    names = None if state.prune else [item.identity for item in state.wanted[kind.plural]]
    if names is not None and not names:
        return []
    return reader.read(client, kind, names, state.workers)


def _plan_all(
    client: Client, state: State, kinds: t.Sequence[Kind], found: t.Mapping[str, reader.Found]
) -> list[Keeper]:
    keepers: list[Keeper] = []
    errors: list[str] = []
    names = Names(client, state.wanted)
    for kind in kinds:
        by_name = _by_name(kind, found[kind.plural])
        for wanted in [*state.wanted[kind.plural], *_surplus(state, kind, found[kind.plural])]:
            try:
                keeper = _keeper(client, state, kind, names.resolve(kind, wanted))
                keeper.prepare(pick(kind, wanted.identity, by_name.get(wanted.identity, [])))
                keepers.append(keeper)
            except EXPECTED as exc:
                errors.append(str(exc))
    errors += _taken_values(client, state, keepers, found.get("keys", []))
    if errors:
        raise StateError("nothing was changed", errors)
    return keepers


def _keeper(client: Client, state: State, kind: Kind, wanted: Wanted) -> Keeper:
    if kind.name != "key":
        return Keeper(client, kind, wanted)
    store: Store | None = None
    if state.controller and not wanted.given.get("key"):
        store = state.controller.store(wanted.identity)
    elif state.key_directory and not wanted.given.get("key") and wanted.owner:
        name = urllib.parse.quote(wanted.identity, safe=" @+=,")
        store = FileStore(os.path.join(state.key_directory, f"{name}.key"), make_directory=True)
    return RotatingKeyKeeper(client, kind, wanted, store, rotation_of(wanted.rotate))


def _by_name(kind: Kind, found: reader.Found) -> dict[str, reader.Found]:
    named: dict[str, reader.Found] = {}
    for item in found:
        named.setdefault(str(item.get(kind.identity)), []).append(item)
    return named


def _surplus(state: State, kind: Kind, found: reader.Found) -> list[Wanted]:
    """What carries our owner's marker and isn't wanted any more. Nothing else is ever pruned."""
    if not state.prune or not kind.annotations:
        return []
    named = {item.identity for item in state.wanted[kind.plural]}
    # A key that was rotated away lives until its grace time is over.
    replaced = replaced_by(found, named) if kind.name == "key" else set()
    owned = (item for item in found if owner_of(kind, item) == state.owner and not is_waiting(item))
    owned = (item for item in owned if str(item.get(kind.id)) not in replaced)
    names = dict.fromkeys(str(item.get(kind.identity)) for item in owned)
    return [Wanted(name, {}, state="absent") for name in names if name not in named]


def _taken_values(
    client: Client, state: State, keepers: t.Sequence[Keeper], found: t.Sequence[t.Mapping[str, t.Any]]
) -> list[str]:
    """Values of new keys that other keys have already; a value twice in the list counts as well."""
    users = {str(item.get("token")): item.get("key_alias") for item in found}
    errors = []
    for keeper in keepers:
        token = keeper.new_token() if isinstance(keeper, KeyKeeper) else None
        if token is None:
            continue
        if token in users:
            errors.append(f"the keys {keeper.wanted.identity!r} and {users[token]!r} have the same value ({token})")
        users[token] = keeper.wanted.identity
    return errors


def _carry_out_all(client: Client, state: State, kinds: t.Sequence[Kind], keepers: t.Sequence[Keeper]) -> None:
    errors: list[str] = []
    for kind in kinds:
        changing = [k for k in keepers if k.kind is kind and k.changes and k.wanted.state == "present"]
        errors += _settle(client, changing)
        errors += _in_parallel([k for k in changing if not is_pending(k.wanted)], state.workers)
    for kind in reversed(kinds):
        errors += _delete(client, state, kind, [k for k in keepers if k.kind is kind and k.wanted.state == "absent"])
    if not errors:
        errors += _look_again(client, state, kinds, keepers)
    if errors:
        raise StateError("not everything was done, run again to finish", errors)


def _settle(client: Client, keepers: t.Sequence[Keeper]) -> list[str]:
    """Objects that were made a moment ago have their ids now."""
    waiting = [keeper for keeper in keepers if is_pending(keeper.wanted)]
    names = Names(client)
    try:
        for keeper in waiting:
            keeper.wanted, keeper.operation = names.settle(keeper.wanted, keeper.operation)
    except EXPECTED as exc:
        return [str(exc)]
    return []


def _in_parallel(keepers: t.Sequence[Keeper], workers: int) -> list[str]:
    """Every object gets its turn, also after another's error, unless no request can succeed any more."""
    hopeless: list[str] = []

    def one(keeper: Keeper) -> str | None:
        if hopeless:
            return None
        try:
            keeper.carry_out()
        except HOPELESS as exc:
            hopeless.append(str(exc))
            return str(exc)
        except EXPECTED as exc:
            return f"{keeper.kind.name} {keeper.wanted.identity!r}: {exc}"
        return None

    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(keepers)))) as pool:
        return list(dict.fromkeys(error for error in pool.map(one, keepers) if error))


def _delete(client: Client, state: State, kind: Kind, keepers: t.Sequence[Keeper]) -> list[str]:
    there = [keeper for keeper in keepers if keeper.operation.action == DELETE]
    if not kind.delete.id_list or any(isinstance(k, KeyKeeper) and k.store for k in keepers):
        return _in_parallel([keeper for keeper in keepers if keeper.changes], state.workers)
    ids = [doomed for keeper in there for doomed in keeper.doomed]
    try:
        for start in range(0, len(ids), DELETED_AT_ONCE):
            apply.delete(client, kind, ids[start : start + DELETED_AT_ONCE])
    except EXPECTED as exc:
        return [str(exc)]
    return []


def _look_again(client: Client, state: State, kinds: t.Sequence[Kind], keepers: t.Sequence[Keeper]) -> list[str]:
    errors: list[str] = []
    for kind in kinds:
        changed = [k for k in keepers if k.kind is kind and k.changes and k.wanted.state == "present"]
        if not changed:
            continue
        found = reader.read(client, kind, [keeper.wanted.identity for keeper in changed], state.workers)
        by_name = _by_name(kind, found)
        for keeper in changed:
            try:
                keeper.check(by_name.get(keeper.wanted.identity, []))
            except EXPECTED as exc:
                errors.append(str(exc))
    return errors
