# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What stop, start and restart mean: which projects, in which order, and where requests are meanwhile."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import acts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import FleetError
from test_rolls import fleet, instance

Value = dict[str, t.Any]


def project(name: str, state: str = "present", **more: t.Any) -> Value:
    return {"name": f"llmfleet-{name}", "state": state, **more}


def value(*instances: Value, **more: t.Any) -> Value:
    """One gateway with everything, and the servers of the instances."""
    found = fleet(*instances, gateways=["gw1"], **more)
    gate = [project("gate")]
    for one in instances:
        host = found["hosts"].setdefault(one["server"], {"gate": {"socket": "/s"}})
        host["gate"]["projects"] = gate
        host.setdefault("vllm", {"projects": []})["projects"].append({"name": one["project"], "state": "present"})
    gateway = found["hosts"]["gw1"]
    gateway["gate"] = {"socket": "/s", "projects": gate}
    for entry in gateway["litellm"]["projects"]:
        entry["state"] = "present"
    gateway["postgres"] = {"projects": [project("postgres")]}
    gateway["edge"] = {"projects": [project("edge", "absent")]}
    return found


def steps(found: Value, act: str, services: t.Sequence[str] = (), names: t.Sequence[str] = ()) -> Value:
    told = acts.steps(found, act, services, names)
    json.dumps(told)
    return told


def projects(told: Value) -> list[str]:
    return [name for step in told["steps"] for names in step["hosts"].values() for name in names]


def test_requests_go_to_another_replica_while_one_restarts() -> None:
    told = steps(value(instance("a"), instance("b")), "restarted", names=["a/chat"])
    (step,) = told["steps"]
    assert step["hosts"] == {"a": ["llmfleet-vllm-chat"]}
    assert [(entry["gateway"], entry["state"]) for entry in step["away"]] == [("gw1", "drain")]
    assert [entry["state"] for entry in step["back"]] == ["ready"]
    assert told["destroys"] == []


@pytest.mark.parametrize("more", [{}, {"drained": ["b"]}, {"unreachable_hosts": {"b": "x"}}])
def test_they_wait_where_there_is_no_other(more: Value) -> None:
    instances = [instance("a"), instance("b")] if more else [instance("a")]
    (step,) = steps(value(*instances, **more), "restarted", names=["a/chat"])["steps"]
    assert [entry["state"] for entry in step["away"]] == ["hold"]


def test_processes_of_litellm_restart_one_after_the_other() -> None:
    told = steps(value(), "restarted", ["litellm"])
    assert projects(told) == ["llmfleet-litellm-1", "llmfleet-litellm-2"]
    assert [step["away"][0]["state"] for step in told["steps"]] == ["drain", "drain"]
    assert told["destroys"] == []


def test_what_nothing_stands_in_for_is_a_matter_of_consent() -> None:
    told = steps(value(instance("a")), "restarted", ["postgres", "gate"])
    assert projects(told)[0] == "llmfleet-postgres"
    assert any(line.startswith("postgres on gw1 is away until it is back") for line in told["destroys"])
    assert [step["away"] for step in told["steps"]] == [[]] * len(told["steps"])


def test_a_stopped_replica_gets_no_requests_and_the_last_one_asks() -> None:
    found = value(instance("a"), instance("b"))
    told = steps(found, "stopped", names=["a/chat"])
    assert (told["steps"][0]["away"][0]["state"], told["steps"][0]["back"], told["destroys"]) == ("drain", [], [])
    assert steps(found, "stopped", names=["chat"])["destroys"] == ["Requests for chat are refused until it is started"]


def test_what_stands_on_another_stops_before_it_and_starts_after_it() -> None:
    found = value(instance("gw1"))
    order = ["llmfleet-postgres", "llmfleet-gate", "llmfleet-vllm-chat", "llmfleet-litellm-1", "llmfleet-litellm-2"]
    assert projects(steps(found, "started", names=["gw1"])) == order
    assert projects(steps(found, "stopped", names=["gw1"])) == order[::-1]
    assert steps(found, "started", names=["gw1"])["destroys"] == []


def test_a_drained_replica_gets_no_requests_by_a_start() -> None:
    (step,) = steps(value(instance("a"), drained=["a"]), "started", names=["a/chat"])["steps"]
    assert step["back"] == []


def test_the_nodes_of_a_replica_go_together() -> None:
    nodes = [instance("a", unit="u", rank=0), instance("b", unit="u", rank=1)]
    (step,) = steps(value(*nodes), "restarted", names=["a/chat"])["steps"]
    assert step["hosts"] == {"a": ["llmfleet-vllm-chat"], "b": ["llmfleet-vllm-chat"]}


@pytest.mark.parametrize(
    ("services", "names"), [([], []), ([], ["nobody"]), (["redis"], []), (["vllm"], ["litellm-1"]), (["edge"], [])]
)
def test_what_there_is_not_is_refused_with_what_there_is(services: list[str], names: list[str]) -> None:
    with pytest.raises(FleetError) as caught:
        steps(value(instance("a")), "stopped", services, names)
    assert str(caught.value).splitlines()[-1].startswith("Write -e service= one of postgres, gate, vllm, litellm;")
