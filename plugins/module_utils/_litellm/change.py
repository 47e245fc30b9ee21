# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One object on its way to its desired state. Used by the state only; what is odd about keys is in key_change.py."""

from __future__ import annotations

import typing as t

from . import apply, reader
from .client import Client
from .errors import NotKeptError
from .kinds import Found, Kind, dig
from .plan import CREATE, DELETE, NOTHING, Operation, find, plan, refuse_incomplete, refuse_permanent
from .wanted import Wanted, given_fields


class Change:
    """Brings one object to its desired state: prepare decides, apply does it, verify looks at what came of it."""

    def __init__(self, client: Client, kind: Kind, wanted: Wanted) -> None:
        self.client = client
        self.kind = kind
        self.wanted = wanted
        self.operation = Operation(NOTHING, kind, wanted.identity)
        self.shown: Found | None = None  # the object as it was last seen
        self.made_id: str | None = None

    @property
    def changes(self) -> bool:
        return self.operation.changes

    @property
    def deleted_ids(self) -> list[str]:
        """The objects that go when this one is deleted."""
        return [str(self.operation.id)] if self.operation.action == DELETE else []

    @property
    def touched(self) -> set[str]:
        """Other objects that LiteLLM writes to when this one is written."""
        names: set[str] = {self.kind.plural} if self.kind.serial else set()
        for item in given_fields(self.kind, self.wanted):
            value, found = self.wanted.given[item.name], dig(self.shown, item.read_path)
            if item.rule and item.rule.touched:
                names |= item.rule.touched(value, found)
            elif item.touches:
                names |= {str(name) for name in (*(value or []), *(found or []))}
        return names

    @property
    def needs_detail(self) -> bool:
        return self._needs_all or any(f.detail and f.name in self.wanted.given for f in self.kind.fields)

    @property
    def _needs_all(self) -> bool:
        given = given_fields(self.kind, self.wanted)
        return any(f.detail_for(self.wanted.given[f.name]) for f in given if f.detail_for)

    def prepare(self, found: Found | None) -> None:
        if found is not None and self.needs_detail and self.wanted.state == "present":
            found = reader.with_detail(self.client, self.kind, found, self._needs_all)
        refuse_permanent(self.kind, self.wanted, found)
        self.shown = found
        self.operation = plan(self.kind, self.wanted, found)
        if self.operation.action == CREATE:
            refuse_incomplete(self.kind, self.wanted)

    def apply(self) -> None:
        if self.operation.action == CREATE:
            made = apply.create_once(self.client, self.operation)
            self.made_id = str(_id_of(self.kind, made, self.wanted.identity))
            apply.follow_up(self.client, self.operation, self.made_id)
        elif self.operation.changes:
            apply.execute(self.client, self.operation)
            if self.operation.action != DELETE:
                apply.follow_up(self.client, self.operation, str(self.operation.id))

    def apply_late(self) -> None:
        """What needs objects of other kinds, which are there by now."""
        apply.follow_up(self.client, self.operation, str(self.made_id or self.operation.id), late=True)

    def verify(self, found: t.Sequence[Found]) -> None:
        """What is there now must be what was wanted."""
        there = find(self.kind, self.wanted, {self.wanted.identity: found})
        if there is None:
            raise NotKeptError(f"the {self.kind.name} {self.wanted.identity!r} is not there after all")
        if self.needs_detail:
            there = reader.with_detail(self.client, self.kind, there, self._needs_all)
        if self.operation.changes:
            apply.check_kept(self.kind, self.wanted, there)
        self.shown = there


def _id_of(kind: Kind, made: t.Any, identity: str) -> t.Any:
    return (dig(made, (kind.id,)) if isinstance(made, dict) else None) or identity
