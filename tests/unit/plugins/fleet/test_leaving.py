# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What moves is known to the gates, and gets requests, until it has left."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import rolls
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate
from declared import Known, fleet_of

GROUPS = {"gateways": ["gw"], "gpu_servers": ["gpu1", "gpu2"]}
Value = dict[str, t.Any]
CHAT: Value = {"name": "chat", "model": "Qwen/Qwen2.5-0.5B-Instruct", "servers": ["gpu1"]}
MOVED: Value = {**CHAT, "servers": ["gpu2"]}
NAMES = {"gw": "10.0.0.1", "gpu1": "10.0.0.21", "gpu2": "10.0.0.22"}


def host(address: str, running: t.Sequence[str]) -> Value:
    addresses = {"default_ipv4": address, "default_ipv6": "", "all": [address]}
    boxes = [{"name": f"llmfleet-vllm-{name}", "project": f"llmfleet-vllm-{name}", "ports": []} for name in running]
    return {"llm_host": {"addresses": addresses, "containers": boxes}, "llm_gpu_count": 0}


def fleet(*models: Value, before: t.Sequence[Value] = (), running: t.Any = None, **more: t.Any) -> Fleet:
    """After a run with the models of *before*; *running*: names of instances by server."""
    seen = {name: host(address, (running or {}).get(name, ())) for name, address in NAMES.items()}
    reading = json.loads(json.dumps(fleet_of(list(before), seen, GROUPS).reading)) if before else None
    known = Known(reading={**reading, **more} if reading else Known().reading)
    return fleet_of(list(models), seen, GROUPS, known=known)


def moving() -> Fleet:
    return fleet(MOVED, before=[CHAT], running={"gpu1": ["chat"]})


def left(found: Fleet) -> list[tuple[str, str]]:
    return [(one["server"], one["name"]) for one in found.leaving]


def config(found: Fleet, name: str, which: str = "projects") -> str:
    text: str = gate.view(found, found.hosts[name])[which][0]["vars"]["gate_instance"]["config"]
    return text


def value_of(found: Fleet) -> Value:
    """As much of llm_fleet as a roll reads."""
    return {
        "gateways": found.gateways,
        "instances": found.instances,
        "leaving": found.leaving,
        "hosts": {name: {"gate": gate.view(found, one)} for name, one in found.hosts.items()},
        "unreachable_hosts": {},
        "drained": [],
        "rollout": {"batch": 9, "min_ready": "", "min_ready_by_model": {}, "canary_seconds": 0, "force": False},
    }


def said(change: str, stops: bool = False) -> Value:
    return {"change": change, "stops": stops, "ready": change != "new", "project_dir": "/opt/x"}


def test_replica_that_moves_is_leaving_its_server() -> None:
    assert left(moving()) == [("gpu1", "chat")]


def test_replica_too_many_is_leaving() -> None:
    two = {**CHAT, "replicas": 2}
    assert left(fleet(CHAT, before=[two], running={"gpu1": ["chat", "chat-2"]})) == [("gpu1", "chat-2")]


@pytest.mark.parametrize(
    ("models", "running", "more"),
    [
        ([CHAT], {"gpu1": ["chat"]}, {}),  # it stays
        ([MOVED], {}, {}),  # it has left
        ([{**MOVED, "name": "other"}], {"gpu1": ["chat"]}, {}),  # its model is gone
        ([{**MOVED, "name": "other", "aliases": ["older"]}], {"gpu1": ["chat"]}, {}),  # and nobody answers to its name
        ([MOVED], {"gpu1": ["chat"]}, {"drained": ["gpu1"]}),
        ([MOVED], {"gpu1": ["chat"]}, {"drained": ["gpu1/chat"]}),
    ],
)
def test_nothing_else_is_leaving(models: list[Value], running: Value, more: Value) -> None:
    found = fleet(*models, before=[CHAT], running=running, **more)
    assert found.leaving == []
    for name in NAMES:
        assert gate.view(found, found.hosts[name])["settled"] == []
        assert "gpu1-chat" not in config(found, "gw") or models == [CHAT]


def test_nodes_of_a_replica_leave_together() -> None:
    node = {"number": 1, "gpus": [], "share": None, "length": None, "made_of": ""}
    unit = {"model": "chat", "nodes": [{**node, "server": server} for server in ("gpu1", "gpu2")]}
    running = {"gpu1": ["chat", "chat-2"], "gpu2": ["chat-2"]}
    found = fleet(CHAT, before=[CHAT], running=running, places={"gpu1/chat-2": unit})
    assert left(found) == [("gpu1", "chat-2"), ("gpu2", "chat-2")]
    assert [bool(one["gate"]) for one in found.leaving] == [True, False]
    answers = {
        "gpu1": {"llmfleet-vllm-chat": said("unchanged"), "llmfleet-vllm-chat-2": said("removed", True)},
        "gpu2": {"llmfleet-vllm-chat-2": said("removed", True)},
    }
    (batch,) = rolls.roll(value_of(found), "vllm", answers)["batches"]
    assert sorted(batch["hosts"]) == ["gpu1", "gpu2"]
    assert [entry["state"] for entry in batch["traffic"]] == ["drain"]


def test_gates_know_both_until_it_has_left() -> None:
    found = moving()
    assert "server gpu1-chat 10.0.0.21:8443" in config(found, "gw")
    assert "server gpu2-chat 10.0.0.22:8443" in config(found, "gw")
    assert "backend local-gpu1-chat" in config(found, "gpu1")
    view = gate.view(found, found.hosts["gpu1"])["projects"][0]
    assert view["attach"] == {"gate": ["llmfleet-vllm-chat"]}
    assert gate.view(found, found.hosts["gw"])["left"] == [{"backend": "vllm-chat", "server": "gpu1-chat"}]
    assert gate.view(found, found.hosts["gpu1"])["left"] == []


@pytest.mark.parametrize("name", list(NAMES))
def test_after_the_run_the_gates_are_what_the_next_run_wants(name: str) -> None:
    after = fleet(MOVED, before=[MOVED], running={"gpu2": ["chat"]})
    before = moving()
    assert gate.view(before, before.hosts[name])["settled"] == gate.view(after, after.hosts[name])["projects"]


def test_new_place_is_up_in_the_gates_before_the_old_one_is_drained_and_removed() -> None:
    answers = {
        "gpu1": {"llmfleet-vllm-chat": said("removed", True)},
        "gpu2": {"llmfleet-vllm-chat": said("new")},
    }
    value = value_of(moving())
    comes, goes = rolls.roll(value, "vllm", answers)["batches"]
    assert (list(comes["hosts"]), comes["traffic"], comes["awaited"]) == (["gpu2"], [], True)
    result = {"gpu2": {"projects": {"llmfleet-vllm-chat": {"changed": True}}}}
    (ready,) = rolls.outcome(value, comes, result)["traffic"]
    assert (ready["state"], ready["servers"]) == ("ready", [{"backend": "vllm-chat", "server": "gpu2-chat"}])
    assert (list(goes["hosts"]), goes["awaited"]) == (["gpu1"], False)
    assert goes["hosts"]["gpu1"]["absent"][0]["name"] == "llmfleet-vllm-chat"
    assert [(entry["state"], entry["servers"][0]["server"]) for entry in goes["traffic"]] == [("drain", "gpu1-chat")]
    result = {"gpu1": {"projects": {"llmfleet-vllm-chat": {"changed": True}}}}
    assert rolls.outcome(value, goes, result)["traffic"] == []


def test_one_that_could_not_leave_gets_requests_again() -> None:
    value = value_of(moving())
    answers = {"gpu1": {"llmfleet-vllm-chat": said("removed", True)}, "gpu2": {"llmfleet-vllm-chat": said("new")}}
    goes = rolls.roll(value, "vllm", answers)["batches"][-1]
    failed = {"failed": True, "msg": "busy", "rollback": "untouched"}
    found = rolls.outcome(value, goes, {"gpu1": {"projects": {"llmfleet-vllm-chat": failed}}})
    assert [entry["servers"][0]["server"] for entry in found["traffic"]] == ["gpu1-chat"]
    assert found["faults"]


def test_on_a_host_outside_of_the_run_it_stays_and_counts() -> None:
    value = value_of(moving())
    (batch,) = rolls.roll(value, "vllm", {"gpu2": {"llmfleet-vllm-chat": said("new")}})["batches"]
    assert (list(batch["hosts"]), batch["traffic"]) == (["gpu2"], [])


def test_fewer_replicas_than_the_minimum_can_be_declared() -> None:
    two = {**CHAT, "replicas": 2}
    value = value_of(fleet(CHAT, before=[two], running={"gpu1": ["chat", "chat-2"]}))
    value["rollout"]["min_ready"] = 2
    answers = {"gpu1": {"llmfleet-vllm-chat": said("unchanged"), "llmfleet-vllm-chat-2": said("removed", True)}}
    found = rolls.roll(value, "vllm", answers)
    assert (len(found["batches"]), found["blocked"]) == (1, [])


# ---- called otherwise


RENAMED: Value = {**MOVED, "name": "other", "aliases": ["chat"]}


def renaming() -> Fleet:
    return fleet(RENAMED, before=[CHAT], running={"gpu1": ["chat"]})


def served_names(found: Fleet) -> list[str]:
    names: list[str] = found.instances[0]["options"]["served-model-name"]
    return names


def test_former_name_is_answered_to_by_old_and_new_until_litellm_knows_the_new_one() -> None:
    found = renaming()
    assert left(found) == [("gpu1", "chat")]
    assert served_names(found) == ["other", "chat"]
    backends = dict(re.findall(r"^backend (vllm-\S+)\n((?:  .*\n?)+)", config(found, "gw"), re.MULTILINE))
    assert [re.findall(r"server (gpu\S+)", backends[name]) for name in ("vllm-chat", "vllm-other")] == [
        ["gpu1-chat", "gpu2-other"],
        ["gpu2-other"],
    ]
    assert "vllm-chat" not in config(found, "gw", "settled")


def test_requests_for_the_former_name_go_to_the_new_replica_before_the_old_one_leaves() -> None:
    value = value_of(renaming())
    answers = {"gpu1": {"llmfleet-vllm-chat": said("removed", True)}, "gpu2": {"llmfleet-vllm-other": said("new")}}
    comes, goes = json.loads(json.dumps(rolls.roll(value, "vllm", answers)["batches"]))
    assert (list(comes["hosts"]), comes["traffic"], comes["awaited"]) == (["gpu2"], [], True)
    result = {"gpu2": {"projects": {"llmfleet-vllm-other": {"changed": True}}}}
    (ready,) = rolls.outcome(value, comes, result)["traffic"]
    assert ready["servers"] == [{"backend": name, "server": "gpu2-other"} for name in ("vllm-other", "vllm-chat")]
    assert [(entry["state"], entry["servers"]) for entry in goes["traffic"]] == [
        ("drain", [{"backend": "vllm-chat", "server": "gpu1-chat"}])
    ]


def test_requests_for_the_former_name_wait_where_the_new_replica_needs_the_gpu_of_the_old_one() -> None:
    found = fleet({**RENAMED, "servers": ["gpu1"]}, before=[CHAT], running={"gpu1": ["chat"]})
    value = value_of(found)
    for one in (*value["instances"], *value["leaving"]):
        one["gpus"] = [0]
    answers = {"gpu1": {"llmfleet-vllm-chat": said("removed", True), "llmfleet-vllm-other": said("new")}}
    (batch,) = rolls.roll(value, "vllm", answers)["batches"]
    (held,) = batch["traffic"]
    assert held["state"] == "hold"
    assert {"backend": "vllm-chat", "server": "gpu1-chat"} in held["servers"]
    assert {"backend": "vllm-chat", "server": "gpu1-other"} in held["servers"]
    done = {"changed": True}
    result = {"gpu1": {"projects": {"llmfleet-vllm-chat": done, "llmfleet-vllm-other": done}}}
    (ready,) = rolls.outcome(value, batch, result)["traffic"]
    assert {"backend": "vllm-chat", "server": "gpu1-other"} in ready["servers"]


def test_former_name_that_instances_know_is_no_reason_to_start_them_anew() -> None:
    """Neither is an alias of a model that was never called so."""
    reading = json.loads(json.dumps(renaming().reading))
    for aliases in (["chat"], [], ["chat", "more"]):
        later = fleet({**RENAMED, "aliases": aliases}, before=[CHAT], **reading)
        assert (served_names(later), later.leaving) == (["other", "chat"], [])
        assert later.reading["number"] == reading["number"]


def test_damaged_former_names_are_none() -> None:
    assert served_names(fleet(MOVED, before=[MOVED], former={"chat": "no list"})) == ["chat"]
