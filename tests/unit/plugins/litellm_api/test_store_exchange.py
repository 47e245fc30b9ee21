# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the two halves of a store on the controller say to each other, with a module that is a script."""

from __future__ import annotations

import json
import secrets
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.controller_store import (
    PAD,
    Controller,
    seal,
    unseal,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import StoreError
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.exchange import Exchange

from .scripted import Call, Script, key, listed, named, run_module, sha

RAW = "sk-0123456789abcdef"
OLD = "sk-1123456789abcdef"
Told = dict[str, t.Any]
PLAN = {"changed": True, "operation": "create", "key_alias": "app"}


class Memory:
    """A store that keeps what it is given, until it refuses."""

    where = "memory"

    def __init__(self, **values: str | None) -> None:
        self.values: dict[str, str | None] = {"current": None, "next": None, **values}
        self.writable = True
        self.full_after = 100

    def read(self) -> dict[str, str | None]:
        return dict(self.values)

    def is_private(self) -> bool:
        return True

    def check_writable(self) -> None:
        if not self.writable:
            raise StoreError("memory can't be written")

    def claim(self, slot: str, raw: str) -> str:
        self.put({slot: raw})
        return raw

    def put(self, values: t.Mapping[str, str | None]) -> None:
        self.full_after -= 1
        if self.full_after < 0:
            raise StoreError("memory is full")
        self.values.update(values)


class Module:
    """Answers in turn, and remembers what it was told."""

    def __init__(self, *answers: t.Any) -> None:
        self.answers = list(answers)
        self.told: list[Told] = []

    def __call__(self, more: Told) -> Told:
        told = json.loads(json.dumps(more["controller_store"]))
        self.told.append(told)
        answer = self.answers.pop(0)
        return t.cast("Told", answer(told) if callable(answer) else answer)


def exchange(store: Memory, module: Module, check: bool = False, given: str | None = None) -> Told:
    result = Exchange({"app": store}, {"app": given} if given else {}, module).run(check)
    assert not module.answers
    assert "controller_store" not in json.dumps(result)
    return result


def test_a_seal_hides_and_opens() -> None:
    pad = secrets.token_bytes(PAD)
    sealed = seal(pad, RAW)
    assert RAW.encode().hex() not in sealed
    assert unseal(pad, sealed) == RAW
    assert pad.hex() not in repr(Controller({}, {}, pads={"app": pad.hex()}))
    with pytest.raises(StoreError, match="strange length"):
        seal(pad, RAW * 8)


def test_a_new_value_is_stored_before_the_key_is_made() -> None:
    store = Memory()

    def made(told: Told) -> Told:
        assert store.values["current"]
        assert told["held"]["app"]["current"] == store.values["current"]
        assert not told["plan_only"]
        return {**PLAN, "controller_store": {}}

    module = Module(PLAN, made)
    assert exchange(store, module)["changed"] is True
    assert module.told[0]["plan_only"]
    assert module.told[0]["held"] == {"app": {"current": None, "next": None}}


def test_check_mode_and_an_unchanged_key_take_one_call_and_write_nothing() -> None:
    for check, answer in ((True, PLAN), (False, {**PLAN, "changed": False, "operation": "none"})):
        store = Memory()
        store.full_after = 0
        exchange(store, Module(answer), check=check)
        assert store.values["current"] is None


def test_a_value_of_the_caller_is_stored_first() -> None:
    store = Memory()
    exchange(store, Module(PLAN, PLAN), given=RAW)
    assert store.values["current"] == RAW


def test_a_rotation_waits_beside_and_takes_the_place_in_the_end() -> None:
    store = Memory(current=OLD)

    def rotated(told: Told) -> Told:
        assert told["held"]["app"] == {"current": OLD, "next": store.values["next"]}
        orders = {"app": {"current": {"copy": "next", "token": "x"}, "next": {"remove": True}}}
        return {**PLAN, "operation": "rotate", "controller_store": orders}

    exchange(store, Module({**PLAN, "operation": "rotate"}, rotated))
    assert store.values["current"] not in (OLD, None)
    assert store.values["next"] is None


@pytest.mark.parametrize("check", [True, False])
def test_a_store_that_refuses_stops_before_anything_is_made(check: bool) -> None:
    store = Memory()
    store.writable = False
    result = exchange(store, Module(PLAN), check=check)
    assert result == {"failed": True, "changed": False, "msg": "memory can't be written. Nothing was changed."}


def minted(told: Told) -> Told:
    order = {"sealed": seal(bytes.fromhex(told["pads"]["app"]), RAW), "token": sha(RAW)}
    return {**PLAN, "controller_store": {"app": {"current": order}}}


def test_a_value_that_the_proxy_made_arrives() -> None:
    store = Memory()
    exchange(store, Module(PLAN, minted))
    assert store.values["current"] == RAW


def test_a_pad_is_of_one_call_and_only_for_what_may_come_back() -> None:
    pads = []
    for _call in range(2):
        module = Module(PLAN, PLAN)
        exchange(Memory(), module)
        assert module.told[0]["pads"] == {}
        pads.append(module.told[1]["pads"]["app"])
    assert pads[0] != pads[1]
    assert len(bytes.fromhex(pads[0])) == PAD


def test_a_value_that_did_not_come_back_whole_is_not_stored() -> None:
    def garbled(told: Told) -> Told:
        answer = minted(told)
        answer["controller_store"]["app"]["current"]["sealed"] = "00" * len(RAW)
        return answer

    store = Memory()
    result = exchange(store, Module(PLAN, garbled, {"changed": True}))
    assert "did not come back whole" in result["msg"]
    assert "was deleted again" in result["msg"]


def test_a_key_that_finds_no_home_is_deleted_again() -> None:
    store = Memory()
    store.full_after = 1
    module = Module(PLAN, minted, {"changed": True})
    result = exchange(store, module)
    assert result["failed"] is True
    assert result["msg"] == "memory is full. The new key 'app' was deleted again."
    assert module.told[2]["undo"] == [sha(RAW)]
    assert RAW not in json.dumps(result)


def test_where_it_cannot_be_deleted_either_its_hash_is_said() -> None:
    store = Memory()
    store.full_after = 1
    result = exchange(store, Module(PLAN, minted, {"failed": True, "msg": "gone"}))
    assert sha(RAW) in result["msg"]
    assert "gone" in result["msg"]


def test_orders_of_a_module_that_failed_are_obeyed_too() -> None:
    store = Memory()
    result = exchange(store, Module(PLAN, lambda told: {**minted(told), "failed": True, "msg": "not kept"}))
    assert store.values["current"] == RAW
    assert result["msg"] == "not kept"


TOLD: Told = {"where": {"app": "there"}, "held": {"app": {"current": None, "next": None}}, "pads": {"app": "6b" * PAD}}


def test_the_module_seals_what_the_proxy_made(monkeypatch: pytest.MonkeyPatch) -> None:
    candidate = "sk-candidate-0123456789"
    refusal = {"error": {"message": "Custom API key values are disabled"}}
    script = Script(
        named("app"),
        Call("GET", "/key/list", listed()),
        Call("POST", "/key/generate", refusal, status=403),
        Call("POST", "/key/generate", {"token": sha(RAW), "key": RAW}, body={"key_alias": "app"}),
        named("app", key("app", RAW)),
    )
    told = {**TOLD, "held": {"app": {"current": candidate, "next": None}}}
    options = {"key_alias": "app", "controller_store": told}
    result = run_module(litellm_key, script, options, monkeypatch=monkeypatch)
    script.assert_done()
    order = result["controller_store"]["app"]["current"]
    assert unseal(b"k" * PAD, order["sealed"]) == RAW
    assert order["token"] == sha(RAW)
    assert RAW not in json.dumps(result)
    assert candidate not in json.dumps(result)
    assert "6b" * PAD not in json.dumps(result)


def test_the_module_takes_a_key_back(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Call("POST", "/key/delete", {}, body={"keys": [sha(RAW)]}))
    options = {"key_alias": "app", "controller_store": {**TOLD, "undo": [sha(RAW)]}}
    assert run_module(litellm_key, script, options, monkeypatch=monkeypatch)["changed"] is True
    script.assert_done()


def test_the_module_makes_no_key_without_a_stored_value(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between plan and work somebody else deleted the key: a value made now would have no home."""
    script = Script(named("app"), Call("GET", "/key/list", listed()))
    options = {"key_alias": "app", "controller_store": TOLD}
    assert "run again" in run_module(litellm_key, script, options, monkeypatch=monkeypatch)["msg"]
    script.assert_done()
