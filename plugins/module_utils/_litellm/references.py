# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids in the place of names: of objects that are there, and of those that the same run makes first."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import replace

from . import reader, values
from .change import Change
from .client import Client
from .errors import DuplicateError, Failure, PlanError
from .kinds import KINDS, Field, Kind
from .plan import CREATE, UPDATE, Operation
from .wanted import Wanted, given_fields

Readings = t.Mapping[str, reader.Reading]
LOOKED_UP_SINGLY = 10  # beyond that the pages of all are read


def missing(client: Client, changes: t.Sequence[Change], read: Readings, workers: int) -> list[Failure]:
    """What is about to be written and names an object that there is not: LiteLLM takes most of it, and fails later."""
    wanted: dict[tuple[str, str], dict[str, list[str]]] = {}
    coming, going = _coming(changes)
    for change in changes:
        for plural, by, id, where in _declared_references(change, going):
            wanted.setdefault((plural, by), {}).setdefault(id, []).append(where)
    failures = []
    for (plural, by), ids in wanted.items():
        kind = KINDS[plural]
        there = {id for name, id in coming if name == plural} if by == kind.id else _named_so(changes, kind, by)
        leaving = going.get(plural, set()) if by == kind.id else set()
        unknown = [id for id in ids if not _among(id, there)]
        known = _known_ids(client, kind, by, read.get(plural), unknown, workers) - leaving
        failures += [
            Failure(PlanError(f"{where}: there is no {kind.name} with the {by} {id!r}{_why(id in leaving)}"))
            for id in unknown
            if not _among(id, known)
            for where in ids[id]
        ]
    return failures


def _among(id: str, known: t.Collection[str]) -> bool:
    """A name with a star stands for all that it fits."""
    return id in known or any(fnmatch.fnmatchcase(id, one) for one in known if "*" in one)


def _named_so(changes: t.Sequence[Change], kind: Kind, by: str) -> set[str]:
    """What is there after the writing, by something other than its id."""
    present = [change for change in changes if change.kind is kind and change.wanted.state == "present"]
    if by == kind.identity:
        return {change.wanted.identity for change in present}
    return {str(name) for c in present if (name := c.wanted.given.get(by) or (c.shown or {}).get(by))}


def _why(going: bool) -> str:
    return " after this call, which deletes it" if going else ""


def _declared_references(
    change: Change, going: t.Mapping[str, t.Collection[str]]
) -> t.Iterator[tuple[str, str, str, str]]:
    """Kind and id of what is written, by what it is named, and where. Of what stays as it is those that the same call deletes."""
    if change.wanted.state != "present":
        return
    changed = set(change.operation.changed_fields) if change.operation.action in (CREATE, UPDATE) else set()
    for item in given_fields(change.kind, change.wanted):
        if not (item.name in changed or going):
            continue
        where = f"{change.kind.name} {change.wanted.identity!r}: {item.name}"
        for plural, by, id, place in _references(item, change.wanted.given[item.name], where):
            if item.name in changed or (by == KINDS[plural].id and id in going.get(plural, ())):
                yield plural, by, id, place


def _references(item: Field, value: t.Any, where: str) -> t.Iterator[tuple[str, str, str, str]]:
    for id in (value if isinstance(value, list) else [value]) if item.refers else []:
        pattern = item.patterns and str(id).endswith("*")
        if id is not None and not isinstance(id, Pending) and not pattern:
            plural = str(item.refers)
            yield plural, item.refers_by or KINDS[plural].id, str(id), where
    for name, plural in item.refers_in.items():
        named = value.get(name) if isinstance(value, dict) else None
        for id in named if isinstance(named, list) else [named] if named else []:
            yield plural, KINDS[plural].id, str(id), f"{where}.{name}"
    for number, entry in enumerate(value or [] if item.parts else []):
        for part in item.parts:
            yield from _references(part, entry.get(part.name), f"{where} #{number}.{part.name}")


def _coming(changes: t.Sequence[Change]) -> tuple[set[tuple[str, str]], dict[str, set[str]]]:
    """The ids of objects that are there after the writing, and of those that are not."""
    coming: set[tuple[str, str]] = set()
    going: dict[str, set[str]] = {}
    for change in changes:
        kind, wanted = change.kind, change.wanted
        shown = (change.shown or {}).get(kind.id)
        id = shown or wanted.given.get(kind.id) or (wanted.identity if kind.id == kind.identity else None)
        if kind.raw_value and not shown and isinstance(change.operation.body.get("key"), str):
            id = values.digest(change.operation.body["key"])
        if id and wanted.state == "present":
            coming.add((kind.plural, str(id)))
        elif id:
            going.setdefault(kind.plural, set()).add(str(id))
    return coming, going


def _known_ids(
    client: Client, kind: Kind, by: str, known: reader.Reading | None, ids: t.Sequence[str], workers: int
) -> set[str]:
    if not ids:
        return set()
    if known and known.complete:
        found = known.found
    elif by != kind.id or not kind.listing.id_filter or not kind.listing.page_size or len(ids) > LOOKED_UP_SINGLY:
        found = reader.read(client, kind, workers=workers)
    else:
        found = [item for id in ids for item in reader.read_where(client, kind, {kind.listing.id_filter: id}, workers)]
    return {str(item.get(by)) for item in found}


class Pending(str):
    """Stands for the id of an object that this run makes first."""

    kind: Kind
    name: str

    def __new__(cls, kind: Kind, name: str) -> Pending:
        text = super().__new__(cls, f"(id of the {kind.name} {name!r})")
        text.kind, text.name = kind, name
        return text


class Names:
    """Finds ids by names. Each kind is read when the first name needs it."""

    def __init__(self, client: Client, wanted: t.Mapping[str, t.Sequence[Wanted]] | None = None) -> None:
        self._client = client
        self._wanted = wanted or {}
        self._known: dict[str, dict[str, list[str]]] = {}

    def resolve(self, kind: Kind, wanted: Wanted) -> Wanted:
        """Ids in the place of the names that the user wrote."""
        if not wanted.named or wanted.state == "absent":
            return wanted
        asker = f"{kind.name} {wanted.identity!r}"
        given = dict(wanted.given)
        for reference in kind.references:
            if reference.option in wanted.named:
                target, named = KINDS[reference.kind], wanted.named[reference.option]
                names = (named or []) if reference.many else [named]
                ids = [None if name is None else self._id(target, name, asker) for name in names]
                given[reference.field] = ids if reference.many else ids[0]
        return replace(wanted, given=given)

    def _id(self, kind: Kind, name: str, asker: str) -> str:
        found = self._ids(kind).get(name, [])
        if len(found) > 1:
            raise DuplicateError(
                f"{asker}: {len(found)} {kind.plural} have the name {name!r}: {', '.join(sorted(found))}"
            )
        if found:
            return found[0]
        for coming in self._wanted.get(kind.plural, []):
            if coming.identity == name and coming.state == "present":
                chosen = coming.given.get(kind.id)
                return str(chosen) if chosen else Pending(kind, name)
        raise PlanError(f"{asker}: there is no {kind.name} with the {kind.identity} {name!r}")

    def _ids(self, kind: Kind) -> dict[str, list[str]]:
        if kind.plural not in self._known:
            known: dict[str, list[str]] = {}
            for item in reader.read(self._client, kind):
                known.setdefault(str(item.get(kind.identity)), []).append(str(item[kind.id]))
            self._known[kind.plural] = known
        return self._known[kind.plural]

    def settle(self, wanted: Wanted, operation: Operation) -> tuple[Wanted, Operation]:
        """The ids of objects that were made meanwhile."""
        given, body = ({k: self._settled(v) for k, v in part.items()} for part in (wanted.given, operation.body))
        return replace(wanted, given=given), replace(operation, body=body)

    def _settled(self, value: t.Any) -> t.Any:
        if isinstance(value, list):
            return [self._settled(part) for part in value]
        return self._id(value.kind, value.name, "after its making") if isinstance(value, Pending) else value


def is_pending(wanted: Wanted) -> bool:
    parts = (part for v in wanted.given.values() for part in (v if isinstance(v, list) else [v]))
    return any(isinstance(part, Pending) for part in parts)
