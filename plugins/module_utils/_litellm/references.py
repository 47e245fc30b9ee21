# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Ids in the place of names: of objects that are there, and of those that the same run makes first."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from . import reader
from .client import Client
from .errors import DuplicateError, PlanError
from .kinds import KINDS, Kind
from .plan import Operation
from .wanted import Wanted


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
