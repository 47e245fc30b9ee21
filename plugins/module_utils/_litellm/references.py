# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids in the place of names: of objects that are there, and of those that the same run makes first."""

from __future__ import annotations

import fnmatch
import typing as t
from dataclasses import dataclass, field, replace

from . import reader, refusals, values
from .change import Change
from .client import Client
from .errors import EXPECTED, DuplicateError, Failure, PlanError
from .kinds import KINDS, Field, Kind
from .kinds._naming import Named
from .plan import CREATE, UPDATE, Operation
from .wanted import Wanted, given_fields

Readings = t.Mapping[str, reader.Reading]


@dataclass(frozen=True)
class _Reference:
    """What an option names, and where."""

    kind: Kind
    by: tuple[str, ...]
    name: str
    where: str
    changed: bool


def missing(client: Client, changes: t.Sequence[Change], read: Readings, workers: int) -> list[Failure]:
    """What is about to be written and names an object that there is not: LiteLLM takes most of it, and fails later."""
    search = _Search(client, changes, read, workers)
    asked: dict[tuple[str, tuple[str, ...]], list[_Reference]] = {}
    going = any(change.wanted.state == "absent" for change in changes)
    for reference in (one for change in changes for one in _references(change, going)):
        if reference.changed or reference.name in search.leaving(reference.kind, reference.by):
            asked.setdefault((reference.kind.plural, reference.by), []).append(reference)
    failures = []
    for references in asked.values():
        try:
            failures += search.failures(references)
        except EXPECTED as exc:
            failures.append(Failure(exc))
    return failures


@dataclass
class _Search:
    """Finds what is named, with as few requests as the state's own reading leaves to send."""

    client: Client
    changes: t.Sequence[Change]
    read: Readings
    workers: int
    _leaving: dict[tuple[str, tuple[str, ...]], set[str]] = field(default_factory=dict)

    def failures(self, references: t.Sequence[_Reference]) -> list[Failure]:
        kind, by = references[0].kind, references[0].by
        if kind.enterprise and not refusals.has_licence(self.client):
            return []  # refused for that
        coming = {*kind.always_there, *self._coming(kind, by)}
        unknown = [one for one in references if not _among(one.name, coming)]
        known = self._known(kind, by, list(dict.fromkeys(one.name for one in unknown)))
        said = dict.fromkeys(self._refusal(one) for one in unknown if not _among(one.name, known))
        return [Failure(PlanError(refusal)) for refusal in said]

    def _refusal(self, one: _Reference) -> str:
        going = one.name in self.leaving(one.kind, one.by)
        why = " after this call, which deletes it" if going else ""
        return f"{one.where}: there is no {one.kind.name} with the {' or '.join(one.by)} {one.name!r}{why}"

    def leaving(self, kind: Kind, by: tuple[str, ...]) -> set[str]:
        """What this call deletes, by these names."""
        key = (kind.plural, by)
        if key not in self._leaving:
            absent = (c for c in self.changes if c.kind is kind and c.wanted.state == "absent")
            self._leaving[key] = {name for change in absent for name in _names_of(change, by)}
        return self._leaving[key]

    def _coming(self, kind: Kind, by: tuple[str, ...]) -> set[str]:
        """What is there after the writing, by these names."""
        present = [change for change in self.changes if change.wanted.state == "present"]
        names = {name for change in present if change.kind is kind for name in _names_of(change, by)}
        return names.union(*(_made_along(change, kind) for change in present) if by == (kind.id,) else ())

    def _known(self, kind: Kind, by: tuple[str, ...], names: t.Sequence[str]) -> set[str]:
        gone = self.leaving(kind, (kind.id,))
        left = [item for item in self._found(kind, by, names) if str(item.get(kind.id)) not in gone]
        return {str(item[one]) for item in left for one in by if item.get(one) is not None}

    def _found(self, kind: Kind, by: tuple[str, ...], names: t.Sequence[str]) -> reader.Objects:
        listing, read = kind.listing, self.read.get(kind.plural)
        if not names:
            return []
        if read and read.complete:
            return read.found
        singly = by == (kind.id,) and listing.id_filter and listing.page_size
        if not singly or not listing.id_filter or len(names) > reader.LOOKED_UP_SINGLY:
            return reader.read(self.client, kind, workers=self.workers)
        queries = ({listing.id_filter: name} for name in names)
        return [item for query in queries for item in reader.read_where(self.client, kind, query, self.workers)]


def _among(name: str, known: t.Collection[str]) -> bool:
    """A name with a star stands for all that it fits."""
    return name in known or any(fnmatch.fnmatchcase(name, one) for one in known if "*" in one)


def _names_of(change: Change, by: tuple[str, ...]) -> set[str]:
    """What one object is called, as the proxy shows it and as it is declared."""
    kind, given, shown = change.kind, change.wanted.given, change.shown or {}
    names = {shown.get(one) if one == kind.id and shown else given.get(one) or shown.get(one) for one in by}
    if kind.identity in by:
        names.add(change.wanted.identity)
    if kind.raw_value and kind.id in by and isinstance(change.operation.body.get("key"), str) and not shown:
        names = {values.digest(change.operation.body["key"])}
    return {str(name) for name in names if name}


def _made_along(change: Change, kind: Kind) -> set[str]:
    """What LiteLLM makes of those that an option names and there are not."""
    lists = (change.wanted.given.get(item.name) or [] for item in change.kind.making if item.makes == kind.plural)
    return {str(entry[kind.id]) for entries in lists for entry in entries if entry.get(kind.id)}


def _references(change: Change, all_of_them: bool) -> t.Iterator[_Reference]:
    """What an object names that is to be there: what is written of it, or also what stays as it is."""
    kind, wanted = change.kind, change.wanted
    changed = set(change.operation.changed_fields) if change.operation.action in (CREATE, UPDATE) else set()
    if wanted.state != "present" or not (changed or all_of_them):
        return
    about = f"{kind.name} {wanted.identity!r}"
    if kind.names and wanted.identity not in kind.always_there:
        yield _reference(
            Named(kind.names, wanted.identity, by=kind.names_by),
            f"{about}: {kind.identity}",
            change.operation.action == CREATE,
        )
    for item in given_fields(kind, wanted):
        for named in named_by(item, wanted.given[item.name]):
            yield _reference(named, f"{about}: {named.at}", item.name in changed)


def _reference(named: Named, where: str, changed: bool) -> _Reference:
    kind = KINDS[named.kind]
    return _Reference(kind, named.by or (kind.id,), named.name, where, changed)


def named_by(item: Field, value: t.Any, at: str = "") -> t.Iterator[Named]:
    """The objects that one option names, wherever in it."""
    at = at or item.name
    for name in (value if isinstance(value, list) else [value]) if item.refers else []:
        pattern = item.patterns and str(name).endswith("*")
        if name is not None and not isinstance(name, Pending) and not pattern:
            yield Named(str(item.refers), str(name), at, item.refers_by)
    for named in item.refers_in(value) if item.refers_in and value else ():
        yield replace(named, at=f"{at}.{named.at}" if named.at else at)
    for number, entry in enumerate(value or [] if item.parts else []):
        for part in item.parts:
            yield from named_by(part, entry.get(part.name), f"{at} #{number}.{part.name}")


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
        given, body = (self._settled_parts(parts) for parts in (wanted.given, operation.body))
        calls = tuple(replace(call, body=self._settled_parts(call.body)) for call in operation.calls)
        return replace(wanted, given=given), replace(operation, body=body, calls=calls)

    def _settled_parts(self, parts: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
        return {name: self._settled(value) for name, value in parts.items()}

    def _settled(self, value: t.Any) -> t.Any:
        if isinstance(value, list):
            return [self._settled(part) for part in value]
        return self._id(value.kind, value.name, "after its making") if isinstance(value, Pending) else value


def is_pending(wanted: Wanted) -> bool:
    parts = (part for v in wanted.given.values() for part in (v if isinstance(v, list) else [v]))
    return any(isinstance(part, Pending) for part in parts)
