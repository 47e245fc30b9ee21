# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the fleet: what is refused, in which words, and where instances go."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, FleetError
from declared import fleet_plan

ROOT = Path(__file__).resolve().parents[4]
ONE = {"gateways": ["box"], "gpu_servers": ["box"]}
MODEL: dict[str, t.Any] = {"name": "qwen2.5-0.5b", "model": "Qwen/Qwen2.5-0.5B-Instruct"}


def hosts(**variables: t.Any) -> dict[str, t.Any]:
    return {name: {"inventory_hostname": name, **variables.get(name, {})} for name in ("box", "gw", "gpu1", "gpu2")}


def refusal(
    models: t.Any, groups: dict[str, list[str]] | None = None, external: t.Any = None, **variables: t.Any
) -> str:
    with pytest.raises(FleetError) as caught:
        fleet_plan(models, hosts(**variables), ONE if groups is None else groups, external)
    return str(caught.value)


@pytest.mark.parametrize(
    ("models", "message"),
    [
        ([], "No model is declared: give llm_models"),
        ([MODEL, MODEL], "the name qwen2.5-0.5b is also that of llm_models[0]"),
        ([{**MODEL, "name": "my model"}], "is no valid served name"),
        ([{**MODEL, "name": "gpt-*"}], "is no valid served name"),
        ([{**MODEL, "max_model_length": 1}], "unknown key max_model_length; did you mean max_model_len?"),
        ([{"name": "x"}], "llm_models[0] (x): model is missing"),
        ([{**MODEL, "tensor_parallel_size": 4}], "does not divide the 14 attention heads"),
        ([{**MODEL, "tensor_parallel_size": "2"}], "tensor_parallel_size must be a whole number, not '2'"),
        ([{**MODEL, "tensor_parallel_size": True}], "tensor_parallel_size must be a whole number, not True"),
        ([{**MODEL, "replicas": 0}], "replicas must be a number from 1 or each"),
        ([{**MODEL, "gpu_memory_utilization": 1.2}], "gpu_memory_utilization must be above 0 and at most 1"),
        ([{**MODEL, "max_model_len": "many"}], "max_model_len must be tokens"),
        ([{**MODEL, "port": 80}], "port must be between 1024 and 65535"),
        ([{**MODEL, "port": 4000}], "Port 4000 on box is used twice, by litellm_port and model qwen2.5-0.5b"),
        ([{**MODEL, "servers": ["gpu9"]}], "servers names gpu9, which is not in the group gpu_servers"),
        ([{**MODEL, "gpus": [3]}], "box has no GPU 3: its llm_gpu_count is 1"),
        ([{**MODEL, "gpus": [0, 0]}], "gpus must be different GPU indexes"),
        ([{**MODEL, "gpus": [0, 1]}], "gpus names 2 GPUs, but tensor_parallel_size is 1"),
        ([{**MODEL, "engine_args": {"enforce_eagr": True}}], "has no option enforce-eagr"),
        ([{**MODEL, "engine_args": {"enforce_eagr": True}}], "did you mean enforce-eager?"),
        ([{**MODEL, "engine_args": {"api-key": "x"}}], "engine_args.api-key is set through vllm_api_key"),
        ("qwen", "llm_models and llm_external_models must be lists"),
        (["qwen"], "llm_models[0] is not a dictionary"),
    ],
)
def test_refused_with_the_remedy(models: t.Any, message: str) -> None:
    assert message in refusal(models)


def test_all_faults_are_told_at_once() -> None:
    text = refusal([{**MODEL, "name": "a b"}, {"name": "c", "model": "d", "gpus": [0, 1]}])
    assert "no valid served name" in text
    assert "names 2 GPUs" in text


def test_no_host_in_gateways() -> None:
    assert "group gateways has no host" in refusal([MODEL], groups={"gpu_servers": ["box"]})


def test_no_gpu_server() -> None:
    assert "group gpu_servers has no host" in refusal([MODEL], groups={"gateways": ["box"]})


def test_shares_of_models_pinned_to_one_gpu() -> None:
    models = [
        {**MODEL, "gpus": [0], "gpu_memory_utilization": 0.6},
        {"name": "b", "model": "m", "gpus": [0], "gpu_memory_utilization": 0.4},
    ]
    text = refusal(models)
    assert "The shares on box's GPU 0 would sum to 1.00 (qwen2.5-0.5b 0.60 + b 0.40), above 0.95" in text


def test_shares_up_to_the_bound_are_fine() -> None:
    models = [{**MODEL, "gpu_memory_utilization": 0.55}, {"name": "b", "model": "m", "gpu_memory_utilization": 0.4}]
    assert [instance["gpus"] for instance in fleet_plan(models, hosts(), ONE)] == [[0], [0]]


def test_a_name_may_be_served_here_and_at_a_provider() -> None:
    """Case 28: LiteLLM takes several deployments of one name as one group."""
    external = [{"name": MODEL["name"], "litellm_params": {"model": "openai/x"}}]
    (instance,) = fleet_plan([MODEL], hosts(), ONE, external)
    assert instance["model_name"] == external[0]["name"]


def test_external_models_alone_need_no_gpu_server() -> None:
    assert (
        fleet_plan([], hosts(), {"gateways": ["box"]}, [{"name": "x", "litellm_params": {"model": "openai/x"}}]) == []
    )


def test_names_that_would_be_one_container() -> None:
    models = [
        {**MODEL, "name": "a.b", "gpu_memory_utilization": 0.4},
        {**MODEL, "name": "a-b", "gpu_memory_utilization": 0.4},
    ]
    assert "would both be the container a-b on box" in refusal(models)


def test_one_server_stays_on_its_own_network() -> None:
    (instance,) = fleet_plan([MODEL], hosts(), ONE)
    assert instance["publish"] == ["127.0.0.1"]
    assert instance["url"] == "http://gate:8100/qwen2-5-0-5b/v1"


def test_a_gateway_elsewhere_opens_no_port_of_the_instance() -> None:
    groups = {"gateways": ["gw"], "gpu_servers": ["gpu1"]}
    (instance,) = fleet_plan([MODEL], hosts(gpu1={"llm_private_address": "10.0.0.21"}), groups)
    assert instance["publish"] == ["127.0.0.1"]
    assert instance["gate"] == {"backend": "vllm-qwen2-5-0-5b", "server": "gpu1-qwen2-5-0-5b"}


def test_a_public_default_address_is_refused() -> None:
    groups = {"gateways": ["gw"], "gpu_servers": ["gpu1"]}
    facts = {"ansible_facts": {"default_ipv4": {"address": "8.8.8.8"}}}
    assert "Set llm_private_address" in refusal([MODEL], groups=groups, gpu1=facts)


def test_direct_address_is_opened_by_a_variable() -> None:
    (instance,) = fleet_plan([MODEL], hosts(box={"vllm_publish_address": "0.0.0.0"}), ONE)
    assert instance["publish"] == ["0.0.0.0"]


def test_replicas_spread_and_count() -> None:
    groups = {"gateways": ["gw"], "gpu_servers": ["gpu1", "gpu2"]}
    variables = {"gpu1": {"llm_gpu_count": 2}, "gpu2": {"llm_gpu_count": 1}}
    placed = fleet_plan([{**MODEL, "replicas": 3}], hosts(**variables), groups)
    assert [(one["server"], one["gpus"], one["name"], one["port"]) for one in placed] == [
        ("gpu1", [0], "qwen2-5-0-5b", 8001),
        ("gpu2", [0], "qwen2-5-0-5b", 8001),
        ("gpu1", [1], "qwen2-5-0-5b-2", 8101),
    ]


def test_each_means_one_on_every_server() -> None:
    groups = {"gateways": ["gw"], "gpu_servers": ["gpu1", "gpu2"]}
    assert [one["server"] for one in fleet_plan([{**MODEL, "replicas": "each"}], hosts(), groups)] == ["gpu1", "gpu2"]


def test_more_replicas_than_room() -> None:
    assert "no room for a replica" in refusal([{**MODEL, "replicas": 2}])


def test_tensor_parallel_takes_different_gpus() -> None:
    (instance,) = fleet_plan([{**MODEL, "tensor_parallel_size": 2}], hosts(box={"llm_gpu_count": 4}), ONE)
    assert instance["gpus"] == [0, 1]
    assert instance["options"]["tensor-parallel-size"] == 2


def test_cpu_server_has_no_share() -> None:
    (instance,) = fleet_plan([MODEL], hosts(box={"llm_gpu_count": 0}), ONE)
    assert instance["gpus"] == []
    assert "gpu-memory-utilization" not in instance["options"]


def test_cpu_server_has_no_gpu_to_name() -> None:
    text = refusal([{**MODEL, "gpus": [0]}], box={"llm_gpu_count": 0})
    assert "box has no GPU 0: its llm_gpu_count is 0; leave gpus out of qwen2.5-0.5b" in text
    both = {"box": {"llm_gpu_count": 0}, "big": {"llm_gpu_count": 1}}
    (instance,) = fleet_plan([{**MODEL, "gpus": [0]}], both, {"gateways": ["box"], "gpu_servers": ["box", "big"]})
    assert (instance["server"], instance["gpus"]) == ("big", [0])


def test_the_catalogue_tells_what_is_gated() -> None:
    models = ["meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-8B", "someone/unknown", "/srv/models/x"]
    entries = [{"name": f"m{index}", "model": model} for index, model in enumerate(models)]
    placed = fleet_plan(entries, hosts(box={"llm_gpu_count": 4}), ONE)
    assert [instance["gated"] for instance in placed] == [True, False, False, False]


def test_options_are_vllms_own() -> None:
    entry = {
        **MODEL,
        "max_model_len": 4096,
        "gpu_memory_utilization": 0.9,
        "trust_remote_code": True,
        "engine_args": {"max_num_seqs": 4},
    }
    (instance,) = fleet_plan([entry], hosts(), ONE)
    assert instance["options"] == {
        "model": "Qwen/Qwen2.5-0.5B-Instruct",
        "served-model-name": ["qwen2.5-0.5b"],
        "tensor-parallel-size": 1,
        "gpu-memory-utilization": 0.9,
        "max-model-len": 4096,
        "trust-remote-code": True,
        "enable-auto-tool-choice": True,
        "tool-call-parser": "hermes",
        "max-num-seqs": 4,
        "host": "0.0.0.0",
        "port": 8000,
        "shutdown-timeout": 120,
    }


def test_unknown_options_may_be_allowed() -> None:
    entry = {**MODEL, "engine_args": {"brand_new": 1}}
    (instance,) = fleet_plan([entry], hosts(box={"vllm_allow_unknown_options": True}), ONE)
    assert instance["options"]["brand-new"] == 1


@pytest.mark.parametrize("inventory", ["single", "fleet", "demo"])
def test_the_example_inventories_can_be_planned(inventory: str) -> None:
    tree = yaml.safe_load((ROOT / "inventory" / inventory / "hosts.yml").read_text())
    variables = yaml.safe_load((ROOT / "inventory" / inventory / "group_vars" / "all" / "main.yml").read_text())
    groups = {name: list(tree[name]["hosts"]) for name in ("gateways", "gpu_servers")}
    known: dict[str, dict[str, t.Any]] = {name: {} for name in groups["gateways"]}
    for group in [tree["all"], tree["gpu_servers"]]:
        for name, own in (group.get("hosts") or {}).items():
            known[name] = {**known.get(name, {}), **group.get("vars", {}), **(own or {})}
    declared = (variables["llm_models"], known, groups, variables.get("llm_external_models"))
    assert fleet_plan(*declared, stage=DECLARED)
    for name in groups["gpu_servers"]:
        known[name]["llm_gpu_memory_gib"] = 23.55
    placed = fleet_plan(*declared)
    assert all(instance["plan"] or not instance["gpus"] for instance in placed)
