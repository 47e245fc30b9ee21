# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's half of a store that only the controller can reach:
  read the stores -> the module plans -> put new values into the stores -> the module works -> carry out its orders.
A value is stored before its key exists. Where nothing changes the module runs once.

Used by the action plugins of keys; the other half is module_utils/_litellm/controller_store.py.
"""

from __future__ import annotations

import secrets
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.controller_store import (
    CURRENT,
    NEXT,
    OPTION,
    PAD,
    unseal,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import StoreError, mint
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.values import digest

Result = dict[str, t.Any]
Call = t.Callable[[dict[str, t.Any]], Result]


class Slots(t.Protocol):
    """One store: a value in use, and maybe that of a successor in the making."""

    where: str

    def read(self) -> dict[str, str | None]: ...

    def is_private(self) -> bool: ...

    def check_writable(self) -> None: ...

    def claim(self, slot: str, raw: str) -> str: ...

    def put(self, values: t.Mapping[str, str | None]) -> None: ...


class Exchange:
    """One task: the stores by alias, the values that the caller gave, and how the module is called."""

    def __init__(self, stores: t.Mapping[str, Slots], given: t.Mapping[str, str], call: Call) -> None:
        self._stores = stores
        self._given = given
        self._call_module = call
        self._pads: dict[str, bytes] = {}
        self._held: dict[str, dict[str, str | None]] = {}

    def run(self, check_mode: bool) -> Result:
        try:
            self._held = {alias: store.read() for alias, store in self._stores.items()}
            planned = self._call(plan_only=True)
            if planned.get("failed") or not planned.get("changed"):
                return public(planned)
            self._prepare(planned, check_mode)
        except StoreError as exc:
            return {"failed": True, "changed": False, "msg": f"{exc}. Nothing was changed."}
        if check_mode:
            return public(planned)
        done = self._call(plan_only=False)
        failures = self._obey(done.get(OPTION) or {})
        if failures:
            return {**public(done), "failed": True, "changed": True, "msg": "; ".join(failures)}
        return public(done)

    def _call(self, **more: t.Any) -> Result:
        told = {
            "where": {alias: store.where for alias, store in self._stores.items()},
            "held": self._held,
            "loose": [alias for alias, store in self._stores.items() if not store.is_private()],
            "pads": {alias: pad.hex() for alias, pad in self._pads.items()},
        }
        return self._call_module({OPTION: {**told, **more}})

    def _prepare(self, planned: Result, check_mode: bool) -> None:
        """New values are stored before their keys exist: whatever breaks after it, the next run finds them there."""
        operations = operations_of(planned)
        for alias, store in self._stores.items():
            operation = operations.get(alias)
            if operation is None:
                continue
            if operation != "delete":
                store.check_writable()
            slot = {"create": CURRENT, "rotate": NEXT}.get(operation)
            if slot and not check_mode:
                self._pads[alias] = secrets.token_bytes(PAD)
                self._prepare_one(alias, store, slot)

    def _prepare_one(self, alias: str, store: Slots, slot: str) -> None:
        given, held = self._given.get(alias), self._held[alias]
        if given and slot == CURRENT and held[CURRENT] != given:
            store.put({CURRENT: given})
            held[CURRENT] = given
        elif not given and held[slot] is None:
            held[slot] = store.claim(slot, mint())

    def _obey(self, orders: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
        failures = []
        for alias, by_slot in orders.items():
            values = {slot: self._ordered(alias, order) for slot, order in by_slot.items()}
            try:
                self._check_whole(by_slot, values)
                self._stores[alias].put(values)
            except StoreError as exc:
                failures.append(f"{exc}{self._take_back(alias, by_slot, values)}")
        return failures

    def _ordered(self, alias: str, order: t.Mapping[str, t.Any]) -> str | None:
        if order.get("copy"):
            return self._held[alias][order["copy"]]
        return unseal(self._pads[alias], order["sealed"]) if order.get("sealed") else None

    @staticmethod
    def _check_whole(orders: t.Mapping[str, t.Mapping[str, t.Any]], values: t.Mapping[str, str | None]) -> None:
        """A value that came back must be that of the key that was made."""
        order, value = orders.get(CURRENT) or {}, values.get(CURRENT)
        if order.get("sealed") and digest(value or "") != order["token"]:
            raise StoreError("the value of the new key did not come back whole")

    def _take_back(
        self, alias: str, orders: t.Mapping[str, t.Mapping[str, t.Any]], values: t.Mapping[str, str | None]
    ) -> str:
        """A key that the proxy made and that found no home goes again; of any other the value is kept elsewhere."""
        order = orders.get(CURRENT) or {}
        if not order.get("sealed") or values[CURRENT] == self._given.get(alias):
            return ""
        undone = self._call(plan_only=False, undo=[order["token"]])
        if undone.get("failed"):
            return f". The new key {alias!r} ({order['token']}) could not be deleted either: {undone.get('msg')}"
        return f". The new key {alias!r} was deleted again."


def operations_of(planned: Result) -> dict[str, str]:
    """What the module would do to each key, from the answer of either module."""
    if "operation" in planned:
        return {str(planned["key_alias"]): planned["operation"]}
    return {item["name"]: item["operation"] for item in planned["operations"] if item["kind"] == "key"}


def public(result: Result) -> Result:
    """The answer without what only the two halves say to each other."""
    shown = {name: value for name, value in result.items() if name != OPTION}
    invocation = shown.get("invocation")
    if isinstance(invocation, dict) and isinstance(invocation.get("module_args"), dict):
        arguments = {k: v for k, v in invocation["module_args"].items() if k != OPTION}
        shown["invocation"] = {**invocation, "module_args": arguments}
    return shown
