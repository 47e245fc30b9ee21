# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One key on its way to its desired state, with the place of its raw value, which LiteLLM shows only once."""

from __future__ import annotations

import os
import typing as t
from dataclasses import replace

from . import apply, reader, values
from .change import Change
from .client import Client, LiteLLMError
from .controller_store import ControllerStore
from .errors import PlanError, StoreError
from .kinds import Found, Kind
from .plan import CREATE, pick, plan, refuse_incomplete
from .store import FileStore, key_path
from .wanted import Wanted

Store = t.Union[FileStore, ControllerStore]

SHORTEST = 16
NOWHERE = (
    "the key {alias!r} does not exist, and a new raw key would have nowhere to go: LiteLLM shows it only once. "
    "Give its value in `key`, or name a place for it in `store`."
)
LOST = (
    "the key {alias!r} exists ({token}), but {where} does not hold its raw value, and LiteLLM can't show it again. "
    "Put the right value there, or delete the key so that a new one is made."
)


class KeyChange(Change):
    """Besides the key it keeps the file that holds its raw value, which LiteLLM shows only once."""

    def __init__(self, client: Client, kind: Kind, wanted: Wanted, store: Store | None = None) -> None:
        super().__init__(client, kind, wanted)
        self.store = store
        self.stored: str | None = None
        self.made: str | None = None

    @property
    def changes(self) -> bool:
        return self.operation.changes or self._store_changes()

    def prepare(self, found: Found | None) -> None:
        self.shown = found
        self.stored = self.store.read() if self.store else None
        self.operation = plan(self.kind, self._with_value(found), found)
        if self.operation.action == CREATE:
            refuse_incomplete(self.kind, self.wanted)
        self.refuse_value()

    def _with_value(self, found: Found | None) -> Wanted:
        """Add what the store knows to what the user gave, and refuse what would lose a key."""
        if self.wanted.state == "absent" or self.wanted.given.get("key"):
            return self.wanted
        if found is None:
            if not self.store:
                raise PlanError(NOWHERE.format(alias=self.wanted.identity))
            return replace(self.wanted, given={**self.wanted.given, "key": self.stored or self.store.new_value()})
        if self.store and (self.stored is None or values.digest(self.stored) != found["token"]):
            if kept := self._kept_under_former_name(str(found["token"])):
                self.wanted = replace(self.wanted, given={**self.wanted.given, "key": kept})
                return self.wanted
            raise PlanError(LOST.format(alias=self.wanted.identity, token=found["token"], where=self.store.path))
        return self.wanted

    def _kept_under_former_name(self, token: str) -> str | None:
        """In a directory of values the one of a renamed key still has its former name."""
        if not self.wanted.previous or not isinstance(self.store, FileStore):
            return None
        former = FileStore(key_path(os.path.dirname(self.store.path), self.wanted.previous))
        return former.read() if former.holds(token) else None

    def refuse_value(self) -> None:
        """LiteLLM takes no other values for new keys."""
        raw = str(self.operation.body.get("key") or "")
        if self.operation.action == CREATE and not (raw.startswith("sk-") and len(raw) >= SHORTEST):
            raise PlanError(
                f"the value given for the key {self.wanted.identity!r} must begin with sk- and have {SHORTEST} characters or more"
            )

    def _store_changes(self) -> bool:
        if not self.store:
            return False
        if self.wanted.state == "absent":
            return self.stored is not None
        raw = self.wanted.given.get("key") or self.operation.body.get("key")
        return (raw is not None and raw != self.stored) or not self.store.is_private()

    def new_token(self) -> str | None:
        """The hash of the value that a new key would get."""
        return values.digest(self.operation.body["key"]) if self.operation.action == CREATE else None

    def user_of(self, token: str) -> Found | None:
        """The key that has this value."""
        answer = self.client.get("/key/list", {"key_hash": token, "return_full_object": "true"})
        return next(iter(answer.get("keys", [])), None)

    def adopt(self, alias: str | None, known: t.Sequence[Found]) -> bool:
        """A key of this value that has no name yet is given this one."""
        if alias:
            return False
        token = self.new_token()
        holder = next((key for key in known if key.get("token") == token), None) or self.user_of(str(token))
        if holder is not None:
            self.prepare(holder)
        return holder is not None

    def taken_by(self, alias: str | None) -> PlanError:
        """LiteLLM answers 200 to a value that is in use under another alias, and changes nothing."""
        return PlanError(
            f"the value given for the key {self.wanted.identity!r} is in use by the key {alias!r} "
            f"({self.new_token()}); two keys can't share one value"
        )

    def apply(self) -> None:
        if self.operation.action == CREATE:
            self._create()
            return
        if self.operation.changes:
            apply.execute(self.client, self.operation)
            apply.follow_up(self.client, self.operation, str(self.operation.id))
        if self.wanted.state == "absent":
            if self.store:
                self.store.remove()
            return
        raw = self.wanted.given.get("key") or self.stored
        if self.store and raw and self._store_changes():
            self.store.write(raw)

    def _create(self) -> None:
        # The store comes first: whatever breaks after it, the next run finds the same value there.
        raw = self.operation.body["key"]
        if self.store and self.wanted.given.get("key"):
            self.store.write(raw)
        elif self.store:
            raw = self.store.claim(raw)
        self._create_or_mint(raw)

    def _create_or_mint(self, raw: str) -> bool:
        """Make the key, with this value if the proxy takes one. Otherwise the value is the proxy's own, and stored."""
        try:
            self.made = str(self._create_with_value(raw)["token"])
            return True
        except LiteLLMError as exc:
            if exc.status != 403 or self.wanted.given.get("key") or "custom" not in exc.message.lower():
                raise
        self.made = str(self._create_at_server()["token"])
        return False

    def _create_with_value(self, raw: str) -> Found:
        operation = replace(self.operation, body={**self.operation.body, "key": raw})
        try:
            return apply.create_once(self.client, operation)
        except LiteLLMError as exc:
            if exc.status != 400 or "already exists" not in exc.message:
                raise
            # Another run was quicker. With the same value, from the same store, it made the same key.
            found = reader.read_named(self.client, self.kind, self.wanted.identity)
            made = pick(self.kind, self.wanted.identity, found)
            if made is None or made["token"] != values.digest(raw):
                raise
            return made

    def _create_at_server(self) -> Found:
        """This proxy takes no values from outside: it mints the key, and the key goes if it can't be stored."""
        body = {name: value for name, value in self.operation.body.items() if name != "key"}
        made = dict(apply.execute(self.client, replace(self.operation, body=body)))
        raw = made.pop("key")
        try:
            t.cast(Store, self.store).write(raw)
        except StoreError as exc:
            apply.delete(self.client, self.kind, [made["token"]])
            raise StoreError(f"{exc}. The new key {self.wanted.identity!r} was deleted again.") from exc
        return made

    def verify(self, found: t.Sequence[Found]) -> None:
        if self.made:
            found = apply.settle_race(self.client, self.kind, self.wanted.identity, self.made, found)
        super().verify(found)
