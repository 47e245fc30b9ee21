# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles vllm and litellm loop over, from llm_fleet and the hosts' answers, and what a batch came to."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import rolls

Value = dict[str, t.Any]


def instance(server: str, name: str = "chat", **more: t.Any) -> Value:
    return {
        "name": name,
        "model_name": name,
        "server": server,
        "project": f"llmfleet-vllm-{name}",
        "gpus": [0],
        "gate": {"backend": f"vllm-{name}", "server": f"{server}-{name}"},
        **more,
    }


def gateway(number: int = 2) -> Value:
    servers = {f"llmfleet-litellm-{one}": {"backend": "litellm", "server": str(one)} for one in range(1, number + 1)}
    litellm = {"projects": [{"name": name} for name in servers], "gate_servers": servers}
    return {"gate": {"socket": "/opt/llmfleet/gate/run/admin.sock"}, "litellm": litellm}


def fleet(*instances: Value, gateways: t.Sequence[str] = ("gw1", "gw2"), **more: t.Any) -> Value:
    hosts = {one["server"]: {"gate": {"socket": "/s"}} for one in instances}
    return {
        "gateways": list(gateways),
        "instances": list(instances),
        "hosts": {**hosts, **{name: gateway() for name in gateways}},
        "unreachable_hosts": {},
        "drained": [],
        "rollout": {"batch": "25%", "min_ready": "", "min_ready_by_model": {}, "canary_seconds": 0, "force": False},
        **more,
    }


def said(change: str = "changed", **more: t.Any) -> Value:
    stops = change in ("changed", "removed")
    return {"change": change, "stops": stops, "ready": change != "new", "project_dir": "/opt/x", **more}


def changed(*hosts: str, project: str = "llmfleet-vllm-chat") -> dict[str, t.Any]:
    return {host: {project: said()} for host in hosts}


def roll(value: Value, answers: t.Any, service: str = "vllm") -> Value:
    found = rolls.roll(value, service, answers)
    json.dumps(found)  # it is registered, and so has to be plain
    return found


# ---- batches


def test_replicas_leave_every_gateway_one_after_the_other() -> None:
    value = fleet(instance("a"), instance("b"))
    found = roll(value, changed("a", "b"))
    first, second = found["batches"]
    assert (first["number"], first["of"], list(first["hosts"]), list(second["hosts"])) == (1, 2, ["a"], ["b"])
    assert first["hosts"]["a"] == {"projects": ["llmfleet-vllm-chat"], "absent": [], "stop_first": False}
    assert [(entry["gateway"], entry["state"]) for entry in first["traffic"]] == [("gw1", "drain"), ("gw2", "drain")]
    assert first["traffic"][0]["servers"] == [{"backend": "vllm-chat", "server": "a-chat"}]
    assert first["traffic"][0]["socket"] == "/opt/llmfleet/gate/run/admin.sock"
    assert found["hosts"] == ["a", "b"]


def test_a_run_that_changes_nothing_has_no_batch() -> None:
    assert roll(fleet(instance("a")), {"a": {"llmfleet-vllm-chat": said("unchanged")}}) == {
        "batches": [],
        "blocked": [],
        "hosts": [],
    }


def test_what_a_killed_run_left_without_requests_gets_them_before_others_change() -> None:
    """It is as declared already; until it has answered, the other one is the only one that serves."""
    value = fleet(instance("a"), instance("b"))
    value["hosts"]["gw2"]["gate"]["forgotten"] = [{"backend": "vllm-chat", "server": "a-chat"}]
    answers = {"a": {"llmfleet-vllm-chat": said("unchanged")}, **changed("b")}
    first, second = roll(value, answers)["batches"]
    assert (list(first["hosts"]), list(second["hosts"])) == (["a"], ["b"])
    assert (
        {entry["state"] for entry in first["traffic"]} == {"drain"} == {entry["state"] for entry in second["traffic"]}
    )
    told = rolls.outcome(value, first, {"a": {"projects": {"llmfleet-vllm-chat": {"changed": False}}}})
    assert [(one["gateway"], one["state"]) for one in told["traffic"]] == [("gw1", "ready"), ("gw2", "ready")]
    assert told["ways"][0]["models"] == ["chat"] and told["faults"] == []


def test_others_wait_for_nobody_where_what_was_left_without_requests_is_elsewhere() -> None:
    """Outside of --limit: it stands in for nobody."""
    value = fleet(instance("a"), instance("b"))
    value["hosts"]["gw1"]["gate"]["forgotten"] = [{"backend": "vllm-chat", "server": "a-chat"}]
    told = {**value["rollout"], "force": True}
    (batch,) = roll({**value, "rollout": told}, changed("b"))["batches"]
    assert {entry["state"] for entry in batch["traffic"]} == {"hold"}


def test_a_litellm_that_a_killed_run_left_without_requests_is_first_too() -> None:
    value = fleet(instance("a"), gateways=["gw1"])
    value["hosts"]["gw1"]["gate"]["forgotten"] = [{"backend": "litellm", "server": "2"}]
    answers = {"gw1": {"llmfleet-litellm-1": said("unchanged"), "llmfleet-litellm-2": said("unchanged")}}
    (batch,) = roll(value, answers, "litellm")["batches"]
    assert batch["hosts"]["gw1"]["projects"] == ["llmfleet-litellm-2"]
    assert batch["traffic"][0]["servers"] == [{"backend": "litellm", "server": "2"}]


def test_a_single_replica_is_held() -> None:
    (batch,) = roll(fleet(instance("a")), changed("a"))["batches"]
    assert {entry["state"] for entry in batch["traffic"]} == {"hold"}
    assert batch["says"] == ["batch 1 of 1", "chat on a: changed (its requests wait meanwhile)"]


def test_the_minimum_of_a_model_is_its_own() -> None:
    instances = [instance(host) for host in "abcd"]
    told = {**fleet()["rollout"], "batch": 4, "min_ready_by_model": {"chat": "50%"}}
    batches = roll(fleet(*instances, rollout=told), changed(*"abcd"))["batches"]
    assert [list(batch["hosts"]) for batch in batches] == [["a", "b"], ["c", "d"]]


def test_a_replica_outside_of_the_run_counts_where_it_answers() -> None:
    """With --limit, too."""
    value = fleet(instance("a"), instance("b"))
    assert roll(value, changed("a"))["batches"][0]["traffic"][0]["state"] == "drain"
    found = roll({**value, "unreachable_hosts": {"b": "timed out"}}, changed("a"))
    assert (found["batches"], len(found["blocked"])) == ([], 1)


def test_a_gateway_that_does_not_answer_is_not_asked() -> None:
    value = fleet(instance("a"), unreachable_hosts={"gw2": "timed out"})
    (batch,) = roll(value, changed("a"))["batches"]
    assert [entry["gateway"] for entry in batch["traffic"]] == ["gw1"]


def test_what_is_not_declared_any_more_is_made_absent_in_its_directory() -> None:
    answers = {"a": {"llmfleet-vllm-chat": said("new"), "llmfleet-vllm-old": said("removed")}}
    (batch,) = roll(fleet(instance("a")), answers)["batches"]
    absent = {"name": "llmfleet-vllm-old", "project_dir": "/opt/x", "state": "absent"}
    assert batch["hosts"]["a"] == {"projects": ["llmfleet-vllm-chat"], "absent": [absent], "stop_first": False}


def test_a_host_on_which_all_have_to_stop_first() -> None:
    value = fleet(instance("a"), instance("a", "code"))
    answers = {"a": {"llmfleet-vllm-chat": said(), "llmfleet-vllm-code": said()}}
    (batch,) = roll(value, answers)["batches"]
    assert batch["hosts"]["a"]["stop_first"]


@pytest.mark.parametrize("drained", ["a", "a/chat"])
def test_what_a_person_drained_stays_so(drained: str) -> None:
    value = fleet(instance("a"), instance("b"), drained=[drained])
    (batch,) = roll(value, changed("a"))["batches"]
    assert batch["traffic"] == []
    assert rolls.outcome(value, batch, {"a": {"projects": {"llmfleet-vllm-chat": {}}}})["traffic"] == []


# ---- LiteLLM


def test_litellm_instances_change_one_by_one_and_the_migrating_one_first() -> None:
    projects = {"llmfleet-litellm-1": said(), "llmfleet-litellm-2": said()}
    found = roll(fleet(), {"gw1": projects, "gw2": projects}, "litellm")
    assert [[*batch["hosts"]] for batch in found["batches"]] == [["gw1"], ["gw1"], ["gw2"], ["gw2"]]
    first = found["batches"][0]
    assert first["traffic"][0]["gateway"] == "gw1" and len(first["traffic"]) == 1
    assert first["traffic"][0]["servers"] == [{"backend": "litellm", "server": "1"}]
    assert {entry["state"] for batch in found["batches"] for entry in batch["traffic"]} == {"drain"}


def test_a_single_litellm_is_held() -> None:
    value = fleet(gateways=["gw1"])
    value["hosts"]["gw1"] = gateway(1)
    (batch,) = roll(value, {"gw1": {"llmfleet-litellm-1": said()}}, "litellm")["batches"]
    assert batch["traffic"][0]["state"] == "hold"


def test_the_database_is_migrated_before_other_instances_come() -> None:
    answers = {"gw1": {"llmfleet-litellm-1": said("new"), "llmfleet-litellm-2": said("new")}}
    found = roll(fleet(gateways=["gw1"]), answers, "litellm")
    assert [batch["hosts"]["gw1"]["projects"] for batch in found["batches"]] == [
        ["llmfleet-litellm-1"],
        ["llmfleet-litellm-2"],
    ]


# ---- what a batch came to


def came_to(result: t.Any, *instances: Value, **more: t.Any) -> Value:
    value = fleet(*(instances or (instance("a"), instance("b"))), **more)
    batch = roll(value, changed("a"))["batches"][0]
    return rolls.outcome(value, batch, {} if result is None else {"a": result})


def project(**status: t.Any) -> Value:
    return {"projects": {"llmfleet-vllm-chat": status}}


def test_what_works_gets_requests_and_is_asked_through_every_gateway() -> None:
    found = came_to(project(changed=True))
    assert [(entry["gateway"], entry["state"]) for entry in found["traffic"]] == [("gw1", "ready"), ("gw2", "ready")]
    assert [(way["gateway"], way["container"], way["models"]) for way in found["ways"]] == [
        ("gw1", "llmfleet-litellm-1", ["chat"]),
        ("gw2", "llmfleet-litellm-1", ["chat"]),
    ]
    assert (found["faults"], found["released"]) == ([], [])


def test_what_was_put_back_gets_requests_and_the_run_ends() -> None:
    found = came_to(project(failed=True, msg="unhealthy", rollback="restored"))
    assert len(found["traffic"]) == 2
    assert found["faults"] == ["chat on a: unhealthy"]


def test_what_does_not_work_gets_no_requests_while_others_answer() -> None:
    found = came_to(project(failed=True, msg="unhealthy", rollback="unproven"))
    assert (found["traffic"], found["released"], found["ways"]) == ([], [], [])
    assert found["faults"]


def test_requests_do_not_wait_for_what_could_not_be_brought_back() -> None:
    found = came_to(project(failed=True, msg="unhealthy", rollback="stopped"), instance("a"))
    assert found["traffic"] == []
    assert {entry["state"] for entry in found["released"]} == {"ready"}


@pytest.mark.parametrize(
    ("result", "why"),
    [
        (None, "its host dropped out of the run"),
        ({"unreachable": True, "msg": "ssh: timed out"}, "ssh: timed out"),
        ({"msg": "module failed"}, "module failed"),
    ],
)
def test_a_host_that_is_lost_in_a_batch(result: t.Any, why: str) -> None:
    assert came_to(result)["faults"] == [f"chat on a: {why}"]


def test_litellm_is_asked_for_a_model_that_runs() -> None:
    value = fleet(instance("a"), instance("b", "code"), drained=["a"])
    batch = roll(value, {"gw1": {"llmfleet-litellm-2": said()}}, "litellm")["batches"][0]
    found = rolls.outcome(value, batch, {"gw1": {"projects": {"llmfleet-litellm-2": {}}}})
    assert [(way["container"], way["models"]) for way in found["ways"]] == [("llmfleet-litellm-2", ["code"])]


# ---- a canary


def watched(value: Value, answers: t.Any) -> list[Value]:
    value["rollout"]["canary_seconds"] = 30
    return [batch["probes"] for batch in roll(value, answers)["batches"]]


def running(server: str, **more: t.Any) -> Value:
    return instance(server, health_url="http://127.0.0.1:8000/health", **more)


def test_the_first_changed_replica_and_another_one_are_asked_the_same() -> None:
    asked = {"container": "llmfleet-vllm-chat", "url": "http://127.0.0.1:8000/v1", "model": "chat", "of": "chat on a"}
    first, *others = watched(fleet(*map(running, "abc")), changed("a", "b", "c"))
    assert first == {"a": [{**asked, "watched": True}], "b": [{**asked, "watched": False}]}
    assert others and not any(others)


def test_who_is_drained_or_not_in_the_run_is_not_asked_beside_it() -> None:
    value = fleet(*map(running, "abcd"), drained=["b"])
    value["rollout"]["min_ready"] = "1"
    unchanged = {host: {"llmfleet-vllm-chat": said("unchanged")} for host in "bd"}
    (first,) = watched(value, {**changed("a"), **unchanged})
    assert list(first) == ["a", "d"]


def test_another_one_on_the_same_host_is_asked_where_there_is_no_other_host() -> None:
    second = running("a", project="llmfleet-vllm-chat-2", gate={"backend": "vllm-chat", "server": "a-chat-2"}, gpus=[1])
    value = fleet(running("a"), second)
    (first, *_others) = watched(value, {"a": {one: said() for one in ("llmfleet-vllm-chat", "llmfleet-vllm-chat-2")}})
    assert [(one["container"], one["watched"]) for one in first["a"]] == [
        ("llmfleet-vllm-chat", True),
        ("llmfleet-vllm-chat-2", False),
    ]
