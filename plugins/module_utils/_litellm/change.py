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
from .plan import CREATE, DELETE, NOTHING, Operation, pick, plan
from .wanted import Wanted


class Change:
    """Brings one object to its desired state: prepare decides, apply does it, verify looks at what came of it."""

    def __init__(self, client: Client, kind: Kind, wanted: Wanted) -> None:
        self.client = client
        self.kind = kind
        self.wanted = wanted
        self.operation = Operation(NOTHING, kind, wanted.identity)
        self.shown: Found | None = None  # the object as it was last seen

    @property
    def changes(self) -> bool:
        return self.operation.changes

    @property
    def deleted_ids(self) -> list[str]:
        """The objects that go when this one is deleted."""
        return [str(self.operation.id)] if self.operation.action == DELETE else []

    @property
    def needs_detail(self) -> bool:
        return any(f.detail and f.name in self.wanted.given for f in self.kind.fields)

    def prepare(self, found: Found | None) -> None:
        if found is not None and self.needs_detail and self.wanted.state == "present":
            found = reader.with_detail(self.client, self.kind, found)
        self.shown = found
        self.operation = plan(self.kind, self.wanted, found)

    def apply(self) -> None:
        if self.operation.action == CREATE:
            made = apply.create_once(self.client, self.operation)
            apply.follow_up(self.client, self.operation, str(_id_of(self.kind, made, self.wanted.identity)))
        elif self.operation.changes:
            apply.execute(self.client, self.operation)
            if self.operation.action != DELETE:
                apply.follow_up(self.client, self.operation, str(self.operation.id))

    def verify(self, found: t.Sequence[Found]) -> None:
        """What is there now must be what was wanted."""
        there = pick(self.kind, self.wanted.identity, found)
        if there is None:
            raise NotKeptError(f"the {self.kind.name} {self.wanted.identity!r} is not there after all")
        if self.needs_detail:
            there = reader.with_detail(self.client, self.kind, there)
        if self.operation.changes:
            apply.check_kept(self.kind, self.wanted, there)
        self.shown = there


def _id_of(kind: Kind, made: t.Any, identity: str) -> t.Any:
    return (dig(made, (kind.id,)) if isinstance(made, dict) else None) or identity
