# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where models go, what stays where it is, and that it is said what can't."""

from __future__ import annotations

import json
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import keeping
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import model_errors
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.network_check import network_checks
from declared import Known, fleet_of
from simulated import H100, L40S, LARGE, MIDDLE, RTX, Chance, Fleet, model, overfull, places, server, settings

SEEDS = range(8)


# ---- fleets by chance


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_declaration_gives_the_same_places_in_any_order(seed: int) -> None:
    chance = Chance(seed)
    first = chance.fleet.plan()
    assert not overfull(first)
    assert settings(chance.fleet.plan()) == settings(first)
    chance.shuffled()
    assert places(chance.fleet.plan()) == places(first)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_run_that_changes_nothing_changes_nothing(seed: int) -> None:
    chance = Chance(seed)
    first = chance.fleet.run()
    kept = dict(chance.fleet.kept)
    again = chance.fleet.run()
    assert settings(again) == settings(first)
    assert again.changes == []
    assert chance.fleet.kept == kept


@pytest.mark.parametrize("seed", SEEDS)
def test_a_change_of_one_model_moves_no_other(seed: int) -> None:
    """What shares a GPU with it may have to start anew with less, where no other GPU has room; it is said so."""
    chance = Chance(seed)
    chance.fleet.run()
    for _step in range(8):
        event = chance.random.choice([chance.added, chance.removed, chance.scaled, chance.lengthened, chance.shuffled])
        before = settings(chance.fleet.run())
        touched = (chance.added if len(chance.fleet.models) < 3 else event)()
        found = chance.fleet.run()
        assert not overfull(found)
        after = settings(found)
        for key, settled in before.items():
            if key[1] == touched or key[1] not in chance.fleet.models:
                continue
            assert after[key][0] == settled[0]
            name = f"{key[1]} on {key[0]} " if not key[2] else f"{key[1]}-{key[2] + 1} on {key[0]} "
            assert after[key] == settled or any(line.startswith(f"{name}starts anew") for line in found.changes)


@pytest.mark.parametrize("seed", SEEDS)
def test_replicas_are_on_different_servers_as_far_as_there_are_enough(seed: int) -> None:
    fleet = Fleet([server(f"gpu{index}", 8) for index in range(5)], [])
    chance = Chance(seed, models=0)
    fleet.models = {f"m{index}": model(f"m{index}", replicas=chance.random.randint(1, 5)) for index in range(6)}
    for name, wheres in places(fleet.plan()).items():
        assert len({where[0] for where in wheres}) == fleet.models[name]["replicas"]


# ---- what stays


def test_what_leaves_a_server_leaves_the_others_as_they_are() -> None:
    fleet = Fleet([server("a", 2), server("b", 2)], [model(name, replicas=2) for name in ("x", "y", "z")])
    before = settings(fleet.run())
    del fleet.models["y"]
    found = fleet.run()
    assert settings(found) == {key: value for key, value in before.items() if key[1] != "y"}
    assert found.changes == []


def test_a_server_that_is_gone_gives_its_replicas_to_the_others() -> None:
    fleet = Fleet([server("a", 2), server("b", 2), server("c", 2)], [model("x", replicas=2), model("y")])
    before = places(fleet.run())
    assert before == {"x": {("a", 0, (0,)), ("b", 0, (0,))}, "y": {("c", 0, (0,))}}
    del fleet.servers["a"]
    found = fleet.run()
    assert places(found) == {"x": {("b", 0, (0,)), ("c", 0, (1,))}, "y": {("c", 0, (0,))}}
    assert found.changes == ["x on a moves to c, GPU 1: a is not in gpu_servers any more"]
    # It comes back: nothing needs to move.
    fleet.servers["a"] = server("a", 2)
    assert fleet.run().changes == []
    assert places(fleet.run()) == places(found)


def test_a_lost_gpu_moves_who_had_it_and_nobody_else() -> None:
    fleet = Fleet([server("a", 3)], [model("x"), model("y")])
    assert places(fleet.run()) == {"x": {("a", 0, (0,))}, "y": {("a", 0, (1,))}}
    fleet.servers["a"] = server("a", 3, lost=[0])
    found = fleet.run()
    assert places(found) == {"x": {("a", 0, (2,))}, "y": {("a", 0, (1,))}}
    # On the same server it is the same instance, with another GPU.
    assert found.changes == ["x on a moves to GPU 2: GPU 0 of a can't be used: GPU is lost"]


def test_something_moves_only_where_there_is_no_room_otherwise() -> None:
    fleet = Fleet([server("a", 1, L40S), server("b", 1, H100)], [model("small", servers=["b"])])
    fleet.run()
    fleet.models["small"] = model("small")
    assert places(fleet.run()) == {"small": {("b", 0, (0,))}}
    fleet.models["large"] = model("large", LARGE, max_model_len=4096, gpu_memory_utilization=0.9)
    found = fleet.run()
    assert places(found) == {"small": {("a", 0, (0,))}, "large": {("b", 0, (0,))}}
    assert found.changes == ["small on b moves to a, GPU 0: there is no room for all models otherwise"]


def test_the_most_demanding_comes_first_and_one_without_a_choice_before_it() -> None:
    fleet = Fleet([server("a", 2)], [model("free"), model("wide", MIDDLE), model("pinned", gpus=[0])])
    assert places(fleet.plan()) == {"pinned": {("a", 0, (0,))}, "wide": {("a", 0, (1,))}, "free": {("a", 0, (0,))}}


def test_a_new_model_takes_a_gpu_that_costs_nobody_anything() -> None:
    fleet = Fleet([server("a", 2), server("b", 1)], [model("x", replicas=2)])
    before = settings(fleet.run())
    fleet.models["y"] = model("y", replicas=2, servers=["a", "b"])
    found = fleet.run()
    # One GPU is free: the second replica has to share one, and it is said who starts anew.
    assert {where[:1] for where in places(found)["y"]} == {("a",), ("b",)}
    assert settings(found)["a", "x", 0] == before["a", "x", 0]
    assert [line.split(" with ")[0] for line in found.changes] == ["x on b starts anew"]
    fleet.models["y"] = model("y")
    assert settings(fleet.run())["a", "x", 0] == before["a", "x", 0]


def test_what_a_neighbour_leaves_is_not_taken_before_it_is_asked_for() -> None:
    """Else a model that is taken out starts another one anew."""
    fleet = Fleet([server("a", 1)], [model("x"), model("y")])
    both = settings(fleet.run())
    del fleet.models["y"]
    assert settings(fleet.run())["a", "x", 0] == both["a", "x", 0]
    # What changes is planned with all that there is.
    fleet.models["x"] = model("x", engine_args={"max-num-seqs": 64})
    assert settings(fleet.run())["a", "x", 0][1] > both["a", "x", 0][1]


def test_another_context_is_one_for_all_replicas() -> None:
    fleet = Fleet([server("a", 1)], [model("x", "meta-llama/Llama-3.1-8B-Instruct")])
    assert {one[2] for one in settings(fleet.run()).values()} == {131072}
    fleet.servers["b"] = server("b", 1, RTX)
    fleet.models["x"] = {**fleet.models["x"], "replicas": 2}
    found = fleet.run()
    (length,) = {one[2] for one in settings(found).values()}
    assert length < 131072
    assert len(found.changes) == 1
    assert f"a context of {length}" in found.changes[0]


def test_fewer_replicas_leave_the_best_spread() -> None:
    fleet = Fleet([server("a", 2), server("b", 1)], [model("x", replicas=3)])
    assert places(fleet.run())["x"] == {("a", 0, (0,)), ("a", 1, (1,)), ("b", 0, (0,))}
    fleet.models["x"] = model("x", replicas=2)
    found = fleet.run()
    assert places(found)["x"] == {("a", 0, (0,)), ("b", 0, (0,))}
    assert found.changes == []
    fleet.models["x"] = model("x", replicas="each")
    assert places(fleet.run()) == places(found)


def test_an_instance_keeps_its_name_when_the_one_before_it_leaves() -> None:
    fleet = Fleet([server("a", 2)], [model("x", replicas=2)])
    fleet.run()
    fleet.servers = {"a": server("a", 2, lost=[0]), "b": server("b", 1)}
    found = fleet.run()
    assert places(found)["x"] == {("b", 0, (0,)), ("a", 1, (1,))}
    assert found.changes == ["x on a moves to b, GPU 0: GPU 0 of a can't be used: GPU is lost"]
    fleet.servers["a"] = server("a", 2)
    fleet.models["x"] = model("x", replicas=3)
    assert places(fleet.run())["x"] == {("b", 0, (0,)), ("a", 1, (1,)), ("a", 0, (0,))}


def test_a_model_that_is_called_otherwise_keeps_its_place() -> None:
    fleet = Fleet([server("a", 2), server("b", 2)], [model("y"), model("x")])
    fleet.run()
    (before,) = places(fleet.run())["x"]
    fleet.models = {"new": model("new", aliases=["x"]), "y": model("y")}
    found = fleet.run()
    assert places(found)["new"] == {before}
    assert found.changes == []
    # A name that is another model's is no former name.
    fleet.models = {"x": model("x"), "new": model("new", aliases=["x"])}
    assert len({str(wheres) for wheres in places(fleet.run()).values()}) == 2


def test_other_servers_or_gpus_in_the_declaration_are_the_wish_to_move() -> None:
    fleet = Fleet([server("a", 2), server("b", 2)], [model("x")])
    fleet.run()
    fleet.models["x"] = model("x", servers=["b"])
    assert fleet.run().changes == ["x on a moves to b, GPU 0: a is not among its servers any more"]
    fleet.models["x"] = model("x", servers=["b"], gpus=[1])
    assert fleet.run().changes == ["x on b moves to GPU 1: its gpus are others now"]
    fleet.models["x"] = model("x", servers=["b"], tensor_parallel_size=2)
    assert fleet.run().changes == ["x on b moves to GPU 0, 1: it takes 2 GPUs of a server now"]


# ---- several nodes


def test_a_replica_on_two_servers_has_gpus_of_one_kind_on_both() -> None:
    servers = [server("a", 4, L40S), server("b", 4), server("c", 2), server("d", 4)]
    wide = model("x", LARGE, nodes=2, tensor_parallel_size=8)
    fleet = Fleet(servers, [wide, model("y")])
    found = fleet.run()
    assert places(found)["x"] == {("b", 0, (0, 1, 2, 3)), ("d", 0, (0, 1, 2, 3))}
    assert [(one.rank, one.head) for one in found.places if one.entry is wide] == [(0, ("b", 0)), (1, ("b", 0))]
    assert fleet.run().changes == []
    # A node that is lost takes the other with it.
    fleet.servers["e"] = server("e", 4)
    fleet.servers["d"] = server("d", 4, lost=[3])
    moved = fleet.run()
    assert {where[0] for where in places(moved)["x"]} == {"b", "e"}
    assert moved.changes == [
        "x on b moves to b, GPU 0, 1, 2, 3 and e, GPU 0, 1, 2, 3: GPU 3 of d can't be used: GPU is lost"
    ]
    assert places(moved)["y"] == places(found)["y"]


def test_too_few_servers_for_the_nodes() -> None:
    errors = Fleet([server("a", 8), server("b", 1)], [model("x", nodes=2, tensor_parallel_size=4)]).plan().errors
    assert "llm_models[0] (x): no room for a replica. 2 servers with GPUs of one kind are needed" in errors[0]
    assert "b has 1 of 1 GPUs with room left for x" in errors[0]


def test_stages_of_a_pipeline_take_gpus_too() -> None:
    fleet = Fleet([server("a", 8)], [model("x", tensor_parallel_size=2, engine_args={"pipeline_parallel_size": 2})])
    assert places(fleet.plan())["x"] == {("a", 0, (0, 1, 2, 3))}


def test_nodes_are_one_unit_of_which_the_head_has_the_api() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["a", "b"]}
    entry = model("x", nodes=2, tensor_parallel_size=2, gpus=[1])
    fleet = fleet_of([entry], box("a", "b"), groups)
    head, worker = fleet.instances
    assert fleet.serving == [head]
    assert head["unit"] == worker["unit"] == [{"server": "a", "name": "x"}, {"server": "b", "name": "x"}]
    assert head["unit_digest"] == worker["unit_digest"]
    assert (head["gpus"], worker["gpus"], head["host_network"], worker["host_network"]) == ([1], [1], True, True)
    both = {
        "tensor-parallel-size": 2,
        "nnodes": 2,
        "master-addr": "10.0.0.1",
        "master-port": 18001,
        "distributed-executor-backend": "mp",
    }
    assert both.items() <= head["options"].items()
    assert both.items() <= worker["options"].items()
    assert {key: head["options"].get(key) for key in ("node-rank", "headless", "host", "port")} == {
        "node-rank": 0,
        "headless": None,
        "host": "10.0.0.1",
        "port": 8001,
    }
    assert {key: worker["options"].get(key) for key in ("node-rank", "headless", "host", "port")} == {
        "node-rank": 1,
        "headless": True,
        "host": None,
        "port": None,
    }
    assert head["health_url"] == worker["health_url"] == "http://10.0.0.1:8001/health"
    assert (head["gate"]["server"], worker["gate"]) == ("a-x", {})
    ports = {key: head[key] for key in ("master_port", "check_port", "unit_port")}
    assert ports == {"master_port": 18001, "check_port": 23001, "unit_port": 28001}
    assert worker["unit_nodes"] == [{"server": "a", "address": "10.0.0.1"}, {"server": "b", "address": "10.0.0.2"}]
    # What one of them is started with is a reason to start both anew.
    said = box("a", "b")
    said["b"]["vllm_environment"] = {"NCCL_DEBUG": "INFO"}
    again = fleet_of([entry], said, groups).instances
    assert again[0]["unit_digest"] != head["unit_digest"]
    assert fleet_of([entry], box("a", "b"), groups, known=Known(reading=fleet.reading)).instances == fleet.instances


def test_nodes_can_be_brought_together_by_ray() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["a", "b"]}
    entry = model("x", nodes=2, tensor_parallel_size=2, engine_args={"distributed_executor_backend": "ray"})
    fleet = fleet_of([entry, model("y")], box("a", "b"), groups)
    head, worker = (one for one in fleet.instances if one["model_name"] == "x")
    for one in (head, worker):
        assert one["ray"] == "10.0.0.1:18001"
        assert one["options"]["distributed-executor-backend"] == "ray"
        assert not {"nnodes", "node-rank", "master-addr", "master-port", "headless"} & set(one["options"])
    assert (head["options"]["port"], worker["options"].get("port"), worker["gate"]) == (8001, None, {})
    assert head["unit_digest"] == worker["unit_digest"]
    assert next(one for one in fleet.instances if one["model_name"] == "y").get("ray", "") == ""


def test_the_network_between_nodes_is_tried_before_a_replica_first_starts() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["a", "b"]}
    entry = model("x", nodes=2, tensor_parallel_size=2, environment={"NCCL_DEBUG": "INFO", "OTHER": "1"})
    fleet = fleet_of([entry, model("y")], box("a", "b"), groups)
    (check,) = network_checks(fleet, fleet.hosts["b"])
    assert (check["name"], check["servers"], check["new"]) == ("x of a and b", ["a", "b"], True)
    assert "--device=nvidia.com/gpu=0" in check["run"]
    assert "--env=NCCL_DEBUG=INFO" in check["run"]
    assert not [one for one in check["run"] if "OTHER" in one]
    assert check["run"][-3:] == ["--entrypoint=python3", fleet.instances[0]["image"], "-c"]
    said = json.loads(check["said"])
    assert said == {
        "rank": 1,
        "nodes": [{"server": "a", "address": "10.0.0.1"}, {"server": "b", "address": "10.0.0.2"}],
        "port": 23001,
        "backend": "nccl",
        "mebibytes": 64,
        "limit": 60,
    }
    up = box("a", "b")
    up["a"]["llm_host"]["figures"] = {"instances": {"x": {}}}
    fleet = fleet_of([entry], up, groups)
    assert [one["new"] for name in ("a", "b") for one in network_checks(fleet, fleet.hosts[name])] == [False, False]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"nodes": 0}, "nodes must be 1 or more, not 0"),
        (
            {"nodes": 2},
            "tensor_parallel_size times pipeline-parallel-size (engine_args) is 1, which 2 nodes can't share",
        ),
        (
            {"nodes": 2, "tensor_parallel_size": 2, "replicas": "each"},
            "replicas is each, but a replica takes 2 servers",
        ),
        ({"nodes": 2, "tensor_parallel_size": 2, "servers": ["a"]}, "servers names fewer servers than the 2 nodes"),
        (
            {"nodes": 2, "tensor_parallel_size": 2, "gpus": [0, 1]},
            "gpus names 2 GPUs, but it takes 1 on each of its nodes",
        ),
        (
            {"nodes": 2, "tensor_parallel_size": 2, "engine_args": {"data_parallel_size": 2}},
            "engine_args.data-parallel-size does not go with nodes",
        ),
        (
            {"nodes": 2, "tensor_parallel_size": 2, "engine_args": {"distributed_executor_backend": "uni"}},
            "engine_args.distributed-executor-backend of a replica with nodes is mp, vLLM's own multi-node mode",
        ),
        ({"engine_args": {"nnodes": 2}}, "engine_args.nnodes is set through nodes of the model"),
    ],
)
def test_nodes_that_can_not_be_are_refused(more: dict[str, t.Any], message: str) -> None:
    (found,) = model_errors(model("x", **more), 0, "0.32.0", False, {})
    assert message in found


# ---- the reading


@pytest.mark.parametrize(
    "damaged",
    [
        None,
        [],
        {"a/x": 1},
        {"a/x": {"model": "x"}},
        {"a/x": {"model": "x", "nodes": []}},
        {"a/x": {"model": "x", "nodes": [{"server": "a", "number": 0, "gpus": ["?"], "share": 1, "length": 1}]}},
    ],
)
def test_what_is_damaged_in_a_reading_is_placed_as_new(damaged: t.Any) -> None:
    assert keeping.units(damaged) == []


def box(*names: str) -> dict[str, t.Any]:
    gpus = [{"index": gpu, "name": H100.name, "memory_usable_gib": H100.memory_gib} for gpu in range(2)]
    return {
        name: {
            "llm_gpu_count": 2,
            "llm_host": {"addresses": {"default_ipv4": f"10.0.0.{index}"}, "gpu": {"gpus": gpus}},
        }
        for index, name in enumerate(names, 1)
    }


def test_places_come_back_with_the_reading_and_can_be_left_out_for_a_run() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["a", "b"]}
    before = fleet_of([model("y"), model("x")], box("a", "b"), groups)
    assert [(one["model_name"], one["server"]) for one in before.instances] == [("y", "b"), ("x", "a")]
    assert before.changes == []
    known = Known(reading=before.reading)
    less = fleet_of([model("y")], box("a", "b"), groups, known=known)
    assert [(one["model_name"], one["server"]) for one in less.instances] == [("y", "b")]
    assert less.instances[0] == before.instances[0]
    anew = {name: {**said, "llm_keep_places": False} for name, said in box("a", "b").items()}
    (moved,) = fleet_of([model("y")], anew, groups, known=known).instances
    assert moved["server"] == "a"


def test_a_server_that_does_not_answer_keeps_what_it_has() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["a", "b"]}
    before = fleet_of([model("x", replicas=2)], box("a", "b"), groups)
    known = Known(reading=before.reading, unreachable={"b": "no route"})
    found = fleet_of([model("x", replicas=2)], box("a", "b"), groups, known=known)
    assert found.instances == before.instances
    assert found.changes == []
    assert found.reading == before.reading
