# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts and options from public reports, each as a kind."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, FleetError
from declared import fleet_plan

ONE = {"gateways": ["box"], "gpu_servers": ["box"]}
AWQ = {"name": "q", "model": "Qwen/Qwen2.5-7B-Instruct-AWQ"}
SMALL = {"name": "s", "model": "Qwen/Qwen2.5-0.5B-Instruct"}
MISTRAL = {"name": "m", "model": "mistralai/Mistral-7B-Instruct-v0.3"}
OSS = {"name": "oss", "model": "openai/gpt-oss-120b"}


def box(*gpus: dict[str, t.Any], lost: t.Sequence[dict[str, t.Any]] = (), **more: t.Any) -> dict[str, t.Any]:
    rows = [{"index": index, "mig_mode": None, **gpu} for index, gpu in enumerate(gpus)]
    facts = {"gpu": {"gpus": rows, "lost_gpus": list(lost)}, "memory_mb": more.pop("memory_mb", 0)}
    return {"llm_gpu_count": len(rows) + len(lost), "llm_host": facts, **more}


def plan(models: list[dict[str, t.Any]], found: dict[str, t.Any], **more: t.Any) -> list[dict[str, t.Any]]:
    return fleet_plan(models, {"box": found}, ONE, **more)


def refusal(models: list[dict[str, t.Any]], found: dict[str, t.Any], **more: t.Any) -> str:
    with pytest.raises(FleetError) as caught:
        plan(models, found, **more)
    return str(caught.value)


RTX_3090 = {"name": "NVIDIA GeForce RTX 3090", "memory_usable_gib": 23.5}
RTX_3070 = {"name": "NVIDIA GeForce RTX 3070", "memory_usable_gib": 7.7}
GB10 = {"name": "NVIDIA GB10", "memory_usable_gib": None}
H200 = {"name": "NVIDIA H200", "memory_usable_gib": 139.8}


# ---- 16: a context above the model's own (vllm-project/vllm#3676)


@pytest.mark.parametrize("length", [131072, "128K", "131k"])
def test_16_a_context_above_the_models_is_refused_before_any_host_is_looked_at(length: t.Any) -> None:
    text = refusal([{**AWQ, "max_model_len": length}], {}, stage=DECLARED)
    assert f"max_model_len {length} is above the 32768 tokens of Qwen/Qwen2.5-7B-Instruct-AWQ" in text


@pytest.mark.parametrize(
    "more",
    [
        {"max_model_len": 32768},
        {"max_model_len": "auto"},
        {"max_model_len": 65536, "engine_args": {"hf_overrides": {"rope_parameters": {"rope_type": "yarn"}}}},
        {"max_model_len": 65536, "environment": {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": "1"}},
        {"max_model_len": 65536, "model": "who/knows"},
    ],
)
def test_16_a_context_that_vllm_takes_passes(more: dict[str, t.Any]) -> None:
    assert plan([{**AWQ, **more}], box({"name": "H100", "memory_usable_gib": 79.18}))


def test_16_the_variable_may_be_that_of_all_instances() -> None:
    found = box({"name": "H100", "memory_usable_gib": 79.18})
    found["vllm_environment"] = {"VLLM_ALLOW_LONG_MAX_MODEL_LEN": 1}
    assert plan([{**AWQ, "max_model_len": 65536}], found)


# ---- 17: memory that CPU and GPU share (vllm-project/vllm#46307)


@pytest.mark.parametrize(
    "found", [box(GB10, llm_gpu_memory_gib=121.69), box(GB10, memory_mb=124611)], ids=["declared", "read"]
)
def test_17_the_system_keeps_a_fifth_of_a_shared_memory(found: dict[str, t.Any]) -> None:
    (alone,) = plan([OSS], found)
    assert alone["options"]["gpu-memory-utilization"] < 0.8
    assert alone["plan"]["free_gib"] >= 1
    together = plan([SMALL, {**SMALL, "name": "other"}], found)
    assert sum(one["options"]["gpu-memory-utilization"] for one in together) < 0.8


def test_17_a_share_that_takes_the_systems_part_is_refused() -> None:
    assert "others 24.34" in refusal([{**OSS, "gpu_memory_utilization": 0.95}], box(GB10, llm_gpu_memory_gib=121.69))


# ---- 19: a lost GPU (NVIDIA/dcgm-exporter#604)


LOST = [{"index": 1, "reason": "GPU is lost"}]


def test_19_nothing_is_placed_on_a_lost_gpu() -> None:
    (instance,) = plan([SMALL], box(H200, lost=LOST))
    assert instance["gpus"] == [0]
    text = refusal([{**SMALL, "replicas": 2}], box(H200, lost=LOST))
    assert "taken: GPU 0 s, GPU 1 lost: GPU is lost" in text
    assert "GPU 1 of box can't be used: GPU is lost" in refusal([{**SMALL, "gpus": [1]}], box(H200, lost=LOST))


def test_19_a_lost_gpu_is_not_counted_because_its_memory_is_declared() -> None:
    text = refusal([{**SMALL, "replicas": 2}], box(H200, lost=LOST, llm_gpu_memory_gib=139.8))
    assert "GPU 1 lost" in text


# ---- 20: GPUs of different kinds in one host (vllm-project/vllm#2317)


@pytest.mark.parametrize("cards", [(RTX_3090, RTX_3070), (RTX_3070, RTX_3090)])
@pytest.mark.parametrize("models", [[SMALL, MISTRAL], [MISTRAL, SMALL]])
def test_20_a_small_model_leaves_the_large_gpu_to_the_large_one(
    models: list[dict[str, t.Any]], cards: tuple[dict[str, t.Any], ...]
) -> None:
    placed = plan(models, box(*cards))
    assert [one["model_name"] for one in placed] == [one["name"] for one in models]
    assert {one["model_name"]: cards[one["gpus"][0]]["name"] for one in placed} == {
        "s": RTX_3070["name"],
        "m": RTX_3090["name"],
    }


def test_20_servers_of_different_kinds_are_chosen_among_alike() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["a", "b"]}
    servers = {"a": box(RTX_3070), "b": box(RTX_3090, llm_private_address="10.0.0.2")}
    assert [one["server"] for one in fleet_plan([SMALL, MISTRAL], servers, groups)] == ["a", "b"]
    assert [one["server"] for one in fleet_plan([MISTRAL], servers, groups)] == ["b"]


def test_20_remedies_are_those_that_the_host_can_have() -> None:
    text = refusal([{**MISTRAL, "gpus": [1]}], box(RTX_3090, RTX_3070))
    assert "tensor_parallel_size" not in text
    assert "a server with more GPUs of one kind than the 1 of box" in text


def test_20b_gpus_that_are_not_alike_are_named() -> None:
    text = refusal([{**MISTRAL, "tensor_parallel_size": 2}], box(RTX_3090, RTX_3070))
    assert "GPU 0 (NVIDIA GeForce RTX 3090, 23.5 GiB) free, GPU 1 (NVIDIA GeForce RTX 3070, 7.7 GiB) free" in text


# ---- 21: options that vLLM has removed (jdaln/dgx-spark-inference-stack#12)


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("disable-log-requests", "it is gone, since requests are not logged unless enable-log-requests is true"),
        ("disable_log_requests", "leave it out"),
        ("swap-space", "leave it out"),
        ("guided-decoding-backend", "write structured-outputs-config: {backend: ...}"),
        ("enable-reasoning", "reasoning-parser alone switches it on"),
        ("no-enable-prefix-caching", "write enable-prefix-caching: false"),
        ("calculate-kv-scales", "vLLM 0.26 was the last known to have it; leave it out"),
    ],
)
def test_21_a_removed_option_says_what_replaced_it(option: str, told: str) -> None:
    text = refusal([{**AWQ, "engine_args": {option: True}}], {}, stage=DECLARED)
    assert told in text
    assert "did you mean" not in text
    assert "vllm_allow_unknown_options" not in text


# ---- 28: one name here and at a provider (BerriAI/litellm#8994)


def test_28_one_name_here_and_at_a_provider() -> None:
    external = [{"name": "s", "litellm_params": {"model": "azure/gpt-4o", "api_key": "os.environ/AZURE"}}]
    assert len(plan([SMALL], box(RTX_3090), external=external)) == 1
