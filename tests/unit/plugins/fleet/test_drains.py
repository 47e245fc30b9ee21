# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers and instances that a person drains, and the end of it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import drains, rolls
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import FleetError
from test_rolls import fleet, instance

Value = dict[str, t.Any]


def value(*instances: Value, **more: t.Any) -> Value:
    found = fleet(*instances, **more)
    servers = list(dict.fromkeys(one["server"] for one in instances))
    reading = {"number": 3, "format": 1, "hosts": {}, "drained": found["drained"]}
    return {**found, "gpu_servers": servers, "reading": reading}


TWO = [instance("a"), instance("b"), instance("a", "code"), instance("b", "code")]


def states(found: Value) -> set[tuple[str, str, str]]:
    return {(entry["gateway"], entry["state"], one["server"]) for entry in found["traffic"] for one in entry["servers"]}


def test_a_server_is_drained_at_every_gateway_and_kept_so() -> None:
    found = drains.traffic(value(*TWO), ["a"], "drained")
    assert states(found) == {
        (gateway, "drain", server) for gateway in ("gw1", "gw2") for server in ("a-chat", "a-code")
    }
    assert (found["reading"]["drained"], found["reading"]["number"], found["refused"]) == (["a"], 4, [])


@pytest.mark.parametrize(("name", "keys"), [("a/chat", ["a/chat"]), ("chat", ["a/chat", "b/chat"]), ("b", ["b"])])
def test_what_can_be_named(name: str, keys: list[str]) -> None:
    assert drains.keys_of(value(*TWO), name) == keys


def test_a_name_that_is_none_is_answered_with_those_that_are() -> None:
    with pytest.raises(FleetError, match="write one of: a, b, a/chat"):
        drains.traffic(value(*TWO), ["c"], "drained")


def test_the_last_replicas_are_refused() -> None:
    found = drains.traffic(value(instance("a"), instance("b", "code")), ["a"], "drained")
    assert found["refused"] == ["0 replicas of chat would be left, and 1 must be; -e force=yes does it all the same"]
    assert drains.traffic(value(*TWO, drained=["b"]), ["a"], "drained")["refused"]
    assert drains.traffic(value(*TWO, unreachable_hosts={"b": "x"}), ["a"], "away")["refused"]


def test_force_does_it_all_the_same() -> None:
    told = {**fleet()["rollout"], "force": True}
    found = drains.traffic(value(instance("a"), rollout=told), ["a"], "drained")
    assert (found["refused"], found["short"]) == ([], ["0 replicas of chat would be left, and 1 must be"])


def test_requests_of_a_single_replica_wait_while_its_server_reboots() -> None:
    found = drains.traffic(value(*TWO, instance("a", "only")), ["a"], "away")
    assert ("gw1", "hold", "a-only") in states(found) and ("gw1", "drain", "a-chat") in states(found)
    assert found["refused"] == [] and found["reading"]["number"] == 3


def test_what_was_drained_for_good_does_not_come_back_after_a_reboot() -> None:
    known = value(*TWO, drained=["a/chat"])
    assert {server for _gateway, _state, server in states(drains.traffic(known, ["a"], "away"))} == {"a-code"}
    assert {server for _gateway, _state, server in states(drains.traffic(known, ["a"], "back"))} == {"a-code"}


def test_a_server_that_gets_requests_again_takes_its_instances_along() -> None:
    found = drains.traffic(value(*TWO, drained=["a", "a/chat", "b/code"]), ["a"], "ready")
    assert states(found) == {
        (gateway, "ready", server) for gateway in ("gw1", "gw2") for server in ("a-chat", "a-code")
    }
    assert (found["reading"]["drained"], found["reading"]["number"]) == (["b/code"], 4)


def test_an_instance_of_a_drained_server_waits_for_its_server() -> None:
    found = drains.traffic(value(*TWO, drained=["a", "a/chat"]), ["a/chat"], "ready")
    assert (found["traffic"], found["reading"]["drained"]) == ([], ["a"])


def test_a_reading_without_drains_has_no_word_of_them() -> None:
    found = drains.traffic(value(*TWO, drained=["a"]), ["a"], "ready")
    assert "drained" not in found["reading"]


def test_projects_that_go_back_by_host() -> None:
    assert rolls.chosen(value(*TWO), {"a", "b/chat"}) == {
        "a": ["llmfleet-vllm-chat", "llmfleet-vllm-code"],
        "b": ["llmfleet-vllm-chat"],
    }
