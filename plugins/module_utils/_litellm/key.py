# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

# The life of one key: like that of any object, and besides it has a raw value that is seen only once.

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace

from . import apply, reader, values
from .client import Client, ForbiddenError, LiteLLMError
from .plan import CREATE, DELETE, Operation, PlanError, Wanted, pick, plan, with_body
from .resources import KEY
from .store import FileStore, StoreError, mint

NOWHERE = (
    "the key {alias!r} does not exist, and a new raw key would have nowhere to go: LiteLLM shows it only once. "
    "Give its value in `key`, or name a file for it in `store`."
)
LOST = (
    "the key {alias!r} exists ({token}), but {where} does not hold its raw value, and LiteLLM can't show it again. "
    "Put the right value there, or delete the key so that a new one is made."
)


@dataclass(frozen=True)
class KeyRun:
    """What one run of the module found, decided and did."""

    operation: Operation
    store_changes: bool
    found: t.Mapping[str, t.Any] | None


class KeyKeeper:
    """Brings one key, and the file that holds its raw value, to their desired state."""

    def __init__(self, client: Client, wanted: Wanted, store: FileStore | None, check_mode: bool) -> None:
        self.client = client
        self.wanted = wanted
        self.store = store
        self.check_mode = check_mode

    def run(self) -> KeyRun:
        found = pick(KEY, self.wanted.identity, reader.read_named(self.client, KEY, self.wanted.identity))
        stored = self.store.read() if self.store else None
        operation = plan(KEY, self._with_value(found, stored), found)
        apply.refuse_unlicensed(self.client, operation)
        self._refuse_taken_value(operation)
        store_changes = self._store_changes(operation, found, stored)
        if self.check_mode:
            return KeyRun(operation, store_changes, found)
        return KeyRun(operation, store_changes, self._carry_out(operation, found))

    def _with_value(self, found: t.Mapping[str, t.Any] | None, stored: str | None) -> Wanted:
        """Add what the store knows to what the user gave, and refuse what would lose a key."""
        if self.wanted.state == "absent" or self.wanted.given.get("key"):
            return self.wanted
        if found is None:
            if not self.store:
                raise PlanError(NOWHERE.format(alias=self.wanted.identity))
            self.store.check_writable()
            return self._given(key=stored or mint())
        if self.store and (stored is None or values.digest(stored) != found["token"]):
            raise PlanError(LOST.format(alias=self.wanted.identity, token=found["token"], where=self.store.path))
        return self.wanted

    def _given(self, **more: t.Any) -> Wanted:
        return replace(self.wanted, given={**self.wanted.given, **more})

    def _refuse_taken_value(self, operation: Operation) -> None:
        """LiteLLM answers 200 to a value that is in use under another alias, and changes nothing."""
        if operation.action != CREATE:
            return
        token = values.digest(operation.body["key"])
        answer = self.client.get("/key/list", {"key_hash": token, "return_full_object": "true"})
        for other in answer.get("keys", []):
            raise PlanError(
                f"the value given for the key {self.wanted.identity!r} is in use by the key "
                f"{other.get('key_alias')!r} ({token}); two keys can't share one value"
            )

    def _store_changes(self, operation: Operation, found: t.Mapping[str, t.Any] | None, stored: str | None) -> bool:
        if not self.store:
            return False
        if self.wanted.state == "absent":
            return stored is not None
        raw = self.wanted.given.get("key") or operation.body.get("key")
        return (raw is not None and raw != stored) or not self.store.is_private()

    def _carry_out(self, operation: Operation, found: t.Mapping[str, t.Any] | None) -> t.Mapping[str, t.Any] | None:
        if operation.action == CREATE:
            return self._create(operation)
        if operation.action == DELETE or self.wanted.state == "absent":
            apply.execute(self.client, operation)
            if self.store:
                self.store.remove()
            return None
        if operation.changes:
            apply.execute(self.client, operation)
            found = pick(KEY, self.wanted.identity, reader.read_named(self.client, KEY, self.wanted.identity))
            apply.check_kept(KEY, self.wanted, found or {})
        self._tidy_store()
        return found

    def _tidy_store(self) -> None:
        raw = self.wanted.given.get("key") or (self.store.read() if self.store else None)
        if self.store and raw and (self.store.read() != raw or not self.store.is_private()):
            self.store.write(raw)

    def _create(self, operation: Operation) -> t.Mapping[str, t.Any]:
        # The store comes first: whatever breaks after it, the next run finds the same value there.
        raw = operation.body["key"]
        if self.store and self.wanted.given.get("key"):
            self.store.write(raw)
        elif self.store:
            raw = self.store.claim(raw)
        try:
            made = self._create_with_value(operation, raw)
        except ForbiddenError as exc:
            if self.wanted.given.get("key") or "custom" not in exc.message.lower():
                raise
            made = self._create_at_server(operation)
        kept = apply.settle_race(self.client, KEY, self.wanted.identity, str(made["token"]))[0]
        apply.check_kept(KEY, self.wanted, kept)
        return kept

    def _create_with_value(self, operation: Operation, raw: str) -> t.Mapping[str, t.Any]:
        try:
            return apply.create_once(self.client, with_body(operation, key=raw))
        except LiteLLMError as exc:
            if exc.status != 400 or "already exists" not in exc.message:
                raise
            # Another run was quicker. With the same value, from the same store, it made the same key.
            made = pick(KEY, operation.identity, reader.read_named(self.client, KEY, operation.identity))
            if made is None or made["token"] != values.digest(raw):
                raise
            return made

    def _create_at_server(self, operation: Operation) -> t.Mapping[str, t.Any]:
        """This proxy takes no values from outside: it mints the key, and the key goes if it can't be stored."""
        body = {name: value for name, value in operation.body.items() if name != "key"}
        made = t.cast("dict[str, t.Any]", apply.execute(self.client, replace(operation, body=body)))
        raw = made.pop("key")
        try:
            t.cast(FileStore, self.store).write(raw)
        except StoreError as exc:
            apply.delete(self.client, KEY, [made["token"]])
            raise StoreError(f"{exc}. The new key {self.wanted.identity!r} was deleted again.") from exc
        return made


def report(run: KeyRun, diff: bool) -> dict[str, t.Any]:
    operation = run.operation
    shown = run.found or {}
    result: dict[str, t.Any] = {
        "changed": operation.changes or run.store_changes,
        "operation": operation.action,
        "key_alias": operation.identity,
        "token": shown.get("token") or operation.id,
        "key_name": shown.get("key_name"),
        "object": {k: v for k, v in shown.items() if v is not None and k not in UNSHOWN} or None,
    }
    if diff:
        result["diff"] = operation.diff()
    return result


# Names under which some versions echo the raw key.
UNSHOWN = ("key", "api_key")
