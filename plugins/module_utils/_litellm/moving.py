# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Objects that move to another place, such as keys to a team: LiteLLM refuses it where their person is not in there.

Used by the state, before anything is written.
"""

from __future__ import annotations

import typing as t

from . import reader
from .change import Change
from .client import Client, LiteLLMError
from .errors import Failure, PlanError
from .kinds import KINDS, Found
from .kinds._table import Home
from .plan import UPDATE
from .references import Pending

Readings = t.Mapping[str, reader.Reading]


def failures(client: Client, changes: t.Sequence[Change], read: Readings, workers: int) -> list[Failure]:
    failures = []
    places: dict[str, _Places] = {}
    for change in changes:
        home = change.kind.home
        if home and _moves(change, home):
            place = places.setdefault(home.kind, _Places(client, home, changes, read, workers))
            who = f"{change.kind.name} {change.wanted.identity!r}"
            failures += [Failure(PlanError(f"{who}: {wrong}")) for wrong in _refused(change, home, place)]
    return failures


def _moves(change: Change, home: Home) -> bool:
    operation = change.operation
    return operation.action == UPDATE and home.option in operation.changed_fields and bool(_after(change, home.option))


def _refused(change: Change, home: Home, places: _Places) -> list[str]:
    id = change.wanted.given[home.option]
    place = {**(places.found(id) or {}), **{k: v for k, v in places.declared(id).items() if v is not None}}
    person = _after(change, home.person)
    wrong = []
    if place and person and not places.has(id, place, str(person)):
        wrong.append(
            f"LiteLLM moves it only where its {home.person} {person!r} is, and {id!r} does not have it: name it there in "
            f"{home.members}, or give {home.person}: null"
        )
    if _after(change, home.limits[0]) is None:
        return wrong  # LiteLLM looks at none of them then
    pairs = ((limit, _after(change, limit), place.get(limit)) for limit in home.limits)
    return wrong + [
        f"LiteLLM does not move it to {id!r}: its {limit} is {own}, and that has {most}"
        for limit, own, most in pairs
        if own and most and own > most
    ]


def _after(change: Change, name: str) -> t.Any:
    return change.wanted.given.get(name, (change.shown or {}).get(name))


class _Places:
    """What is there and what is declared, and who is in it after the writing."""

    def __init__(self, client: Client, home: Home, changes: t.Sequence[Change], read: Readings, workers: int) -> None:
        self._client, self._home, self._read, self._workers = client, home, read.get(home.kind), workers
        self._kind = KINDS[home.kind]
        present = [one for one in changes if one.wanted.state == "present"]
        self._declared = [one for one in present if one.kind is self._kind]
        persons, self._option = home.also_said_by
        self._persons = {one.wanted.identity: one.wanted.given for one in present if one.kind is KINDS[persons]}
        self._known: dict[str, Found | None] = {}

    def found(self, id: str) -> Found | None:
        if isinstance(id, Pending):
            return None
        if id not in self._known:
            items = self._read.found if self._read and self._read.complete else self._ask(id)
            self._known[id] = next((item for item in items if item.get(self._kind.id) == id), None)
        return self._known[id]

    def _ask(self, id: str) -> reader.Objects:
        try:
            query = {str(self._kind.listing.id_filter): id}
            return reader.read_where(self._client, self._kind, query, self._workers)
        except LiteLLMError:
            return []  # the key may not ask: LiteLLM says it itself

    def declared(self, id: str) -> Found:
        for one in self._declared:
            ids = ((one.shown or {}).get(self._kind.id), one.wanted.given.get(self._kind.id))
            if one.wanted.identity == id.name if isinstance(id, Pending) else id in ids:
                return one.wanted.given
        return {}

    def has(self, id: str, place: Found, person: str) -> bool:
        """Somebody who is named by mail alone may be this one."""
        said = self._persons.get(person, {}).get(self._option)
        if said is not None:
            return id in said
        members = place.get(self._home.members) or []
        return any(not one.get(self._home.person) or one[self._home.person] == person for one in members)
