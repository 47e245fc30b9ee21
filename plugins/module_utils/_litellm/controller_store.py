# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The host's half of a store on the controller, and the words that both halves use.

The action plugin tells what the store holds and has a new value stored before the key is made; the module answers with orders.
A value that only the proxy could make goes back sealed, because what a module answers is shown at high verbosity. Hosts have
nothing but Python's standard library, which has no cipher: so the seal is a one-time pad. The controller makes the random bytes
for one value of one call and uses them for nothing else; whether the value came back whole is seen by its hash.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

from .errors import StoreError
from .store import mint
from .values import digest

OPTION = "controller_store"
CURRENT, NEXT = "current", "next"
REMOVE = {"remove": True}
#: Bytes of a pad. LiteLLM's own values have 25.
PAD = 128


def seal(pad: bytes, raw: str) -> str:
    """Make a value unreadable without the pad."""
    data = raw.encode()
    if len(data) > len(pad):
        raise StoreError("the proxy made a key of a strange length")
    return bytes(one ^ other for one, other in zip(data, pad)).hex()


def unseal(pad: bytes, sealed: str) -> str:
    return bytes(one ^ other for one, other in zip(bytes.fromhex(sealed), pad)).decode("utf-8", "replace")


@dataclass
class Controller:
    """What the action plugin told, and what it is asked to do."""

    where: t.Mapping[str, str]  # by alias: the store in words
    held: t.Mapping[str, t.Mapping[str, str | None]] = field(repr=False)
    loose: t.Collection[str] = ()  # aliases whose store could be read by others
    pads: t.Mapping[str, str] = field(default_factory=dict, repr=False)  # by alias: what to seal a new value with
    plan_only: bool = False
    undo: t.Sequence[str] = ()
    orders: dict[str, dict[str, t.Any]] = field(default_factory=dict, repr=False)

    def store(self, alias: str) -> ControllerStore | None:
        return ControllerStore(self, alias, dict(self.held.get(alias) or {})) if alias in self.where else None


def controller_of(told: t.Mapping[str, t.Any] | None) -> Controller | None:
    if not told:
        return None
    return Controller(
        where=told["where"] or {},
        held=told["held"] or {},
        loose=told["loose"] or (),
        pads=told["pads"] or {},
        plan_only=told["plan_only"],
        undo=told["undo"] or (),
    )


class ControllerStore:
    """Like a FileStore, for a place that only the controller can reach."""

    def __init__(self, controller: Controller, alias: str, held: dict[str, str | None], slot: str = CURRENT) -> None:
        self.controller = controller
        self.alias = alias
        self.path = controller.where[alias]
        self._held = held
        self._slot = slot

    def beside(self) -> ControllerStore:
        return ControllerStore(self.controller, self.alias, self._held, NEXT)

    def read(self) -> str | None:
        return self._held.get(self._slot)

    def holds(self, token: str) -> bool:
        raw = self.read()
        return raw is not None and digest(raw) == token

    def is_private(self) -> bool:
        return self.alias not in self.controller.loose

    def new_value(self) -> str:
        """For the plan only: the value in use is made, and stored, by the action plugin."""
        return mint()

    def write(self, raw: str) -> None:
        if self._slot == NEXT and self.read() != raw:
            raise StoreError(f"the key {self.alias!r} changed while it was looked at; run again")
        known = [slot for slot, value in self._held.items() if value == raw]
        order = (
            {"copy": known[0]}
            if known
            else {"sealed": seal(bytes.fromhex(self.controller.pads.get(self.alias, "")), raw)}
        )
        if self._slot == CURRENT:
            self._order({**order, "token": digest(raw)})
        self._held[self._slot] = raw

    def claim(self, raw: str) -> str:
        stored = self.read()
        if stored is None:
            raise StoreError(f"the key {self.alias!r} changed while it was looked at; run again")
        return stored

    def remove(self) -> bool:
        if self.read() is None:
            return False
        self._order(REMOVE)
        self._held[self._slot] = None
        return True

    def _order(self, order: t.Mapping[str, t.Any]) -> None:
        self.controller.orders.setdefault(self.alias, {})[self._slot] = order
