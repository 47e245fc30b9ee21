# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults C3 and C4: the value is the same whatever can't be asked this time, or the run refuses."""

from __future__ import annotations

import contextlib
import copy
import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import readings, report
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.outside import shared_out
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet, FleetError
from declared import Known, fleet_of

GROUPS = {"gateways": ["gw"], "gpu_servers": ["gpu1", "gpu2"]}
MODELS: list[dict[str, t.Any]] = [
    {"name": "q", "model": "Qwen/Qwen2.5-0.5B-Instruct", "replicas": "each", "max_parallel_requests": "auto"},
    {"name": "odd", "model": "who/knows", "servers": ["gpu1"]},
]
CONFIG = CATALOGUE["Qwen/Qwen3-4B"]["config"]
DESCRIBED = {"who/knows": {"source": "hub", "config": CONFIG, "weight_bytes": 8_000_000_000, "gated": False}}


def host(address: str, memory: float, **more: t.Any) -> dict[str, t.Any]:
    gpu = {"index": 0, "name": "NVIDIA L40S", "memory_usable_gib": memory}
    figures = {"instances": {"q": {"parallel_limit": 7, "warnings": ["any"]}}}
    addresses = {"default_ipv4": address, "default_ipv6": "", "all": [address]}
    return {"llm_host": {"addresses": addresses, "gpu": {"gpus": [gpu]}, "figures": figures, **more}}


HOSTS = {"gw": host("10.0.0.1", 0), "gpu1": host("10.0.0.21", 44.4), "gpu2": host("10.0.0.22", 79.18)}


def whole(**more: t.Any) -> Fleet:
    return fleet_of(MODELS, HOSTS, GROUPS, known=Known(models=DESCRIBED, **more))


def kept() -> readings.Reading:
    """The reading of a whole run as a file gives it back."""
    return t.cast(readings.Reading, json.loads(json.dumps(whole().reading)))


def test_a_server_that_does_not_answer_is_planned_as_before() -> None:
    without = fleet_of(
        MODELS, HOSTS, GROUPS, known=Known(models=DESCRIBED, reading=kept(), unreachable={"gpu2": "no route"})
    )
    assert without.instances == whole().instances
    assert without.hosts["gpu2"].address == "10.0.0.22"
    assert [one["max_parallel_requests"] for one in without.instances if one["server"] == "gpu2"] == [7]
    # What it was stays known for the next run, and nothing new is to be written.
    assert without.reading == kept()


def drained(*names: str) -> Fleet:
    reading = {**kept(), "drained": list(names)}
    return fleet_of(MODELS, HOSTS, GROUPS, known=Known(models=DESCRIBED, reading=reading))


def test_what_a_person_drained_stays_so_until_it_is_gone() -> None:
    assert drained("gpu1", "gpu2/q").reading["drained"] == ["gpu1", "gpu2/q"]
    assert drained("gpu1").reading["number"] == kept()["number"]
    gone = drained("gpu9", "gpu1/former").reading
    assert ("drained" in gone, gone["number"]) == (False, kept()["number"] + 1)
    assert "drained" not in kept()


def test_what_vllm_said_is_kept_only_where_something_depends_on_it() -> None:
    """Else the run after one that started an instance would change a file."""
    plain = [{**one, "max_parallel_requests": None} for one in MODELS]
    before = fleet_of(plain, {name: host("10.0.0.9", 40) for name in HOSTS}, GROUPS, known=Known(models=DESCRIBED))
    nothing_said = {name: {"llm_host": {**one["llm_host"], "figures": None}} for name, one in HOSTS.items()}
    new = fleet_of(plain, nothing_said, GROUPS, known=Known(models=DESCRIBED))
    again = fleet_of(plain, HOSTS, GROUPS, known=Known(models=DESCRIBED, reading=new.reading))
    assert again.reading == new.reading != before.reading
    assert whole().reading["hosts"]["gpu1"]["figures"] == {"q": {"parallel_limit": 7}}


def test_a_server_that_never_answered_is_refused_with_the_remedy() -> None:
    with pytest.raises(FleetError) as caught:
        fleet_of(MODELS, HOSTS, GROUPS, known=Known(models=DESCRIBED, unreachable={"gpu2": "no route to host"}))
    assert "gpu2 does not answer (no route to host), and no earlier run has read its GPUs" in str(caught.value)
    assert "set its llm_gpu_memory_gib" in str(caught.value)
    assert "gpu2: nothing is known of its address" in str(caught.value)


def test_a_dead_server_that_is_declared_or_takes_no_part_is_none_to_wait_for() -> None:
    declared = {**HOSTS, "gpu2": {"llm_gpu_memory_gib": 79.18, "llm_private_address": "10.0.0.22"}}
    known = Known(models=DESCRIBED, unreachable={"gpu2": "no route"})
    with_figures = [{**one, "max_parallel_requests": None} for one in whole().instances]
    found = [
        {**one, "max_parallel_requests": None} for one in fleet_of(MODELS, declared, GROUPS, known=known).instances
    ]
    assert found == with_figures
    assert fleet_of([MODELS[1]], HOSTS, GROUPS, known=known).instances


@pytest.mark.parametrize("kind", ["unreachable", "http", "token_missing", "license_not_accepted", "not_found"])
def test_a_model_that_the_hub_does_not_describe_is_planned_as_before(kind: str) -> None:
    before = kept()["models"]["who/knows"]
    answer = {"who/knows": {**before, "source": "kept", "hub_error": f"{kind}"}}
    assert fleet_of(MODELS, HOSTS, GROUPS, known=Known(models=answer)).instances == whole().instances


def test_what_could_not_be_asked_is_said_with_who_knew_it() -> None:
    reading = {"number": 1, "hosts": {"gpu1": {}}, "models": {}}
    models = {
        "who/kept": {"source": "kept", "hub_error": "503"},
        "who/cached": {"source": "cache", "hub_error": "no token"},
        "who/asked": {"source": "hub"},
        "/srv/models/m": {"config": {}},
    }
    assert readings.stale(reading, models, {"gpu1": "no route", "gpu2": "refused"}) == [
        "who/kept is planned as an earlier run knew it: 503",
        "who/cached is planned as the cache of Hugging Face on this machine knew it: no token",
        "gpu1 is planned as an earlier run knew it, since it does not answer: no route",
        "gpu2 is planned by the inventory alone, since it does not answer: refused",
    ]


def test_a_model_that_nobody_ever_described_is_refused_with_the_remedy() -> None:
    answer = {"who/knows": {"error": "The hub answered 503 for who/knows.", "error_kind": "http"}}
    with pytest.raises(FleetError) as caught:
        fleet_of(MODELS, HOSTS, GROUPS, known=Known(models=answer))
    assert "llm_models[1] (odd): it is not known what the model takes. The hub answered 503" in str(caught.value)
    assert "memory_check: false of the model" in str(caught.value)
    unchecked = [MODELS[0], {**MODELS[1], "memory_check": False, "gpu_memory_utilization": 0.3}]
    assert fleet_of(unchecked, HOSTS, GROUPS, known=Known(models=answer)).instances


def test_gpus_that_can_not_be_read_this_time_are_those_of_before() -> None:
    broken = {**HOSTS, "gpu1": host("10.0.0.21", 44.4, gpu={"gpus": [], "smi_error": "timed out"})}
    known = Known(models=DESCRIBED, reading=kept())
    assert fleet_of(MODELS, broken, GROUPS, known=known).instances == whole().instances
    unread = {**HOSTS, "gpu1": host("10.0.0.21", 44.4, gpu={}, faults={"gpus": "OSError"})}
    assert fleet_of(MODELS, unread, GROUPS, known=known).instances == whole().instances


def test_parts_of_a_look_that_failed_are_those_of_before() -> None:
    poor = {"gpu": {}, "addresses": {}, "figures": None, "faults": {"system": "OSError"}}
    known = Known(models=DESCRIBED, reading=kept())
    found = fleet_of(MODELS, {**HOSTS, "gpu1": {"llm_host": poor}}, GROUPS, known=known)
    assert found.instances == whole().instances
    assert found.reading == kept()


def test_a_run_that_reads_the_same_keeps_the_same() -> None:
    first = kept()
    assert first["number"] == 1
    assert whole(reading=first).reading == first
    more = fleet_of(MODELS, {**HOSTS, "gpu1": host("10.0.0.33", 44.4)}, GROUPS, known=Known(DESCRIBED, first))
    assert more.reading["number"] == 2


def test_a_reading_holds_no_more_than_the_plan_needs() -> None:
    first = kept()
    assert first["models"] == {"who/knows": {"config": CONFIG, "weight_bytes": 8_000_000_000, "gated": False}}
    assert first["hosts"]["gpu1"] == {
        "address": "10.0.0.21",
        "gpus": {"0": ["NVIDIA L40S", 44.4, 0.0]},
        "figures": {"q": {"parallel_limit": 7}},
        "ports": {"q": 8001, "odd": 8002},
        "port_base": 8001,
    }


def ports(models: list[dict[str, t.Any]], reading: readings.Reading | None = None, **said: t.Any) -> dict[str, int]:
    box = {**host("10.0.0.21", 0), "llm_gpu_count": 0, **said}
    groups = {"gateways": ["box"], "gpu_servers": ["box"]}
    more = {"reading": reading} if reading else {}
    fleet = fleet_of(models, {"box": box}, groups, known=Known(**more))
    assert not reading or fleet.reading["number"] >= reading["number"]
    return {one["name"]: one["port"] for one in fleet.instances}


def test_an_instance_keeps_its_port_whatever_comes_before_it() -> None:
    a, b, c = ({"name": name, "model": f"/srv/{name}"} for name in "abc")
    assert ports([a, b]) == {"a": 8001, "b": 8002}
    reading: readings.Reading = {"number": 1, "hosts": {}, "models": {}}
    reading["hosts"] = {"box": {"ports": {"a": 8001, "b": 8002}, "port_base": 8001}}
    assert ports([b], reading) == {"b": 8002}
    # The port of one that is only just leaving is not given to one that comes.
    assert ports([c, b], reading) == {"c": 8003, "b": 8002}
    assert ports([{**b, "port": 9000}, a], reading) == {"b": 9000, "a": 8001}
    # Another base is the wish that they move; a damaged reading says nothing.
    assert ports([b], reading, vllm_port_base=9001) == {"b": 9001}
    reading["hosts"]["box"]["ports"] = {"b": "8002"}
    assert ports([b], reading) == {"b": 8001}


def test_a_new_instance_takes_no_port_of_a_service() -> None:
    assert ports([{"name": "a", "model": "/srv/a"}], vllm_port_base=4000) == {"a": 4001}


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        {},
        {"format": 1, "number": 9},
        {"format": 2, "number": 9, "hosts": {}, "models": {}},
        {"format": 1, "number": "9", "hosts": {}, "models": {}},
        {"format": 1, "number": 9, "hosts": {"a": 1}, "models": {}},
    ],
)
def test_the_newest_sound_reading_counts(damaged: t.Any) -> None:
    sound: list[t.Any] = [{"format": 1, "number": number, "hosts": {}, "models": {}} for number in (3, 5)]
    hosts = [
        Host(str(index), frozenset(), {}, {"reading": reading})
        for index, reading in enumerate([sound[0], damaged, sound[1]])
    ]
    assert readings.newest(hosts)["number"] == 5
    assert readings.newest(hosts[1:2])["number"] == 0


def test_hosts_outside_the_limit_are_shared_out() -> None:
    assert shared_out(["a", "b", "c", "d", "e"], ["b", "d"]) == {"b": ["a", "e"], "d": ["c"]}
    assert shared_out(["a", "b"], ["a", "b"]) == {"a": [], "b": []}


def test_what_a_run_leaves_undone_is_said_with_those_who_count_on_it() -> None:
    """Fault M10."""
    fleet = whole()
    value = {"hosts": fleet.hosts, "instances": fleet.instances, "unreachable_hosts": {"gpu2": "no route"}}
    first, second = report.lines(value, ["gpu1", "elsewhere"])
    assert first.startswith("gpu1 failed in this run: it may lack what this run changed; run again once it is well")
    assert first.endswith("only while it passes their check; q also runs elsewhere; odd runs nowhere else")
    assert second.startswith("gpu2 does not answer (no route): it may lack what this run changed")
    assert second.endswith("The gates send it requests only while it passes their check; q also runs elsewhere")
    assert report.lines({**value, "unreachable_hosts": {}}, []) == []


def test_a_reading_says_what_a_later_run_needs_of_the_gateways() -> None:
    """How many LiteLLM instances one has that doesn't answer, and that a Redis is there to be taken away."""
    two = whole()
    part = two.reading["hosts"]["gw"]
    assert (part["litellm_instances"], part["redis"]) == (2, True)
    alone = {**HOSTS, "gw": {**HOSTS["gw"], "litellm_instances": 1}}
    one = fleet_of(MODELS, alone, GROUPS, known=Known(models=DESCRIBED, reading=two.reading))
    assert one.reading["hosts"]["gw"]["redis"] is False
    assert one.hosts["gw"].redis_before and one.hosts["gw"].litellm_processes == 1


ODD: list[t.Any] = [True, -1, float("nan"), "{{ x }}", [[]], {"a": {}}]


def damaged(value: t.Any, odd: t.Any) -> t.Iterator[t.Any]:
    """The same with something else in each of its places."""
    yield odd
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        for inner in damaged(value[key], odd):
            changed = copy.deepcopy(value)
            changed[key] = inner
            yield changed


@pytest.mark.parametrize("odd", ODD, ids=repr)
def test_what_is_damaged_in_a_hosts_file_ends_no_run(odd: t.Any) -> None:
    reading = json.loads(json.dumps(whole().complete_reading))
    for hosts in damaged(reading["hosts"], odd):
        found = readings.newest([Host("gpu1", frozenset(), {}, {"reading": {**reading, "hosts": hosts}})])
        known = Known(models=DESCRIBED, reading=found, unreachable={"gpu2": "away"})
        with contextlib.suppress(FleetError):  # what is not known of a host that is away may be a refusal
            fleet_of(MODELS, HOSTS, GROUPS, known=known)


def test_figures_of_a_host_are_numbers_or_nothing() -> None:
    said = {"a": {"parallel_limit": 7, "warnings": []}, "b": {"parallel_limit": "{{ x }}"}, "c": 5}
    assert readings.figures(said) == {"a": {"parallel_limit": 7}, "b": {"parallel_limit": None}}
    assert readings.figures(["x"]) == {}


@pytest.mark.parametrize(
    "address", ["10.0.0.22 check\n  server x 6.6.6.6:80", "fe80::1%\n server x", "gpu2", "fe80::1%eth0"]
)
def test_an_address_that_a_host_tells_of_itself_is_one_or_it_has_none(address: str) -> None:
    """It stands in the configuration of every gate."""
    hosts = {**HOSTS, "gpu2": host(address, 79.18)}
    with pytest.raises(FleetError, match="gpu2: nothing is known of its address"):
        fleet_of(MODELS, hosts, GROUPS, known=Known(models=DESCRIBED))
