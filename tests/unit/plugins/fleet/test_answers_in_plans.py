# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers of vLLM reach the plan of the entry that they were asked for, and of no other."""

from __future__ import annotations

import types
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.engine_answers import of_hosts, tells, with_answer
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import Demand, GpuMemory
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.answers import NAME

JAMBA = {"architectures": ["JambaForCausalLM"], "model_type": "jamba", "attn_layer_period": 8, "hidden_size": 4096}
ENTRY = {"name": "jamba", "model": "org/jamba"}
ANSWER: dict[str, Any] = {
    "accepted": True,
    "built": True,
    "vllm": "0.32.0",
    "asked": {"model": "org/jamba", "revision": "main", "image": "i", "options": {"tensor-parallel-size": 1}},
    "max_model_len": 8192,
    "shape": {"hidden": 4096, "vocab": 65536, "layers": 32, "heads": 32},
    "stages": [
        {
            "tensors": [[33554432, 480]],
            "block_bytes": 2097152,
            "groups": [{"kind": "full", "block_tokens": 16, "window": 0}],
        }
    ],
}


def host(answers: Any) -> Any:
    return types.SimpleNamespace(facts={"answers": answers})


def test_answers_of_all_hosts_are_found_and_damaged_ones_are_not() -> None:
    sound = host({"format": 1, "answers": {"k": ANSWER, "refused": {"accepted": False}, "odd": 3}})
    assert of_hosts([host(None), host({"answers": []}), host({}), sound]) == [ANSWER]


def test_an_entry_finds_its_own() -> None:
    assert with_answer(JAMBA, ENTRY, "0.32.0", [ANSWER])[NAME]["tensor_parallel"] == 1


@pytest.mark.parametrize(
    ("change", "version"),
    [
        ({"model": "org/other"}, "0.32.0"),
        ({"revision": "v2"}, "0.32.0"),
        ({"tensor_parallel_size": 2}, "0.32.0"),
        ({"engine_args": {"kv_cache_dtype": "fp8"}}, "0.32.0"),
        ({}, "0.33.0"),
    ],
)
def test_another_entry_does_not(change: dict[str, Any], version: str) -> None:
    assert with_answer(JAMBA, {**ENTRY, **change}, version, [ANSWER]) == JAMBA


def test_what_a_models_author_wrote_under_the_name_of_an_answer_is_none() -> None:
    """A config.json of the hub may hold anything."""
    forged = with_answer(JAMBA, ENTRY, "0.32.0", [{**ANSWER, "stages": [], "max_model_len": 10**6}])
    assert NAME in forged
    assert with_answer(forged, ENTRY, "0.32.0", []) == JAMBA
    plan, note = GpuMemory({"org/jamba@main": {"config": forged}, "org/jamba": {"config": forged}}).instance(
        ENTRY, 0, None, "0.32.0"
    )
    assert plan is None and "JambaForCausalLM" in note


def test_a_damaged_question_of_an_answer_is_another_one() -> None:
    damaged = {**ANSWER, "asked": {**ANSWER["asked"], "draft": 5}}
    assert with_answer(JAMBA, ENTRY, "0.32.0", [damaged]) == JAMBA


def test_a_model_that_no_formula_knows_gets_a_plan() -> None:
    described = {"org/jamba": {"config": JAMBA}, "org/jamba@main": {"config": JAMBA}}
    without, note = GpuMemory(described).instance(ENTRY, 0, None, "0.32.0")
    assert without is None and "JambaForCausalLM" in note
    memory = GpuMemory(described, answers=[ANSWER])
    planned, note = memory.instance(ENTRY, 0, None, "0.32.0")
    assert planned is not None and not note
    assert memory.only_answered(Demand("jamba", None, planned, "", 0.9, False))
    assert not memory.only_answered(Demand("jamba", None, None, "", 0.9, False))


LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336}
LLAMA |= {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "vocab_size": 128256}
EAGLE = {"method": "eagle", "model": "org/head", "num_speculative_tokens": 3}
LORA = {"enable-lora": True, "max-loras": 4, "max-lora-rank": 64}


@pytest.mark.parametrize(
    ("args", "options", "draft"),
    [
        ({"enable_lora": True, "max_loras": 4, "max_lora_rank": 64}, LORA, []),
        ({"speculative_config": EAGLE}, {"speculative-config": {**EAGLE, "model": "@draft"}}, ["org/head", "main"]),
        (
            {"speculative_config": {"method": "ngram", "num_speculative_tokens": 2}},
            {"speculative-config": {"method": "ngram", "num_speculative_tokens": 2}},
            [],
        ),
    ],
)
def test_adapters_and_drafts_are_planned_once_their_vllm_was_asked(
    args: dict[str, Any], options: dict[str, Any], draft: list[str]
) -> None:
    entry = {"name": "a", "model": "org/l", "engine_args": args}
    described = {"org/l": {"config": LLAMA}, "org/l@main": {"config": LLAMA}}
    without, note = GpuMemory(described).instance(entry, 0, None, "0.32.0")
    assert without is None and "does not know what" in note
    asked = {**ANSWER["asked"], "model": "org/l", "options": {"tensor-parallel-size": 1, **options}, "draft": draft}
    memory = GpuMemory(described, answers=[{**ANSWER, "asked": asked}])
    planned, note = memory.instance(entry, 0, None, "0.32.0")
    assert planned is not None and not note
    # What was started before anybody could plan it stays as it is.
    assert memory.only_answered(Demand("a", None, planned, "", 0.9, False))
    other = {**asked, "draft": ["org/other", "main"]}
    assert GpuMemory(described, answers=[{**ANSWER, "asked": other}]).instance(entry, 0, None, "0.32.0")[0] is None


def test_adapters_beside_quantized_weights_are_not_planned() -> None:
    config = {**LLAMA, "quantization_config": {"quant_method": "fp8"}}
    entry = {"name": "a", "model": "org/l", "engine_args": {"enable_lora": True}}
    asked = {**ANSWER["asked"], "model": "org/l", "options": {"enable-lora": True}}
    memory = GpuMemory({"org/l": {"config": config}}, answers=[{**ANSWER, "asked": asked}])
    planned, note = memory.instance(entry, 0, None, "0.32.0")
    assert planned is None and "quantized" in note


@pytest.mark.parametrize(
    "said", [{"model": "org/small"}, {"method": "draft_model", "model": "org/small"}, "no JSON", {"method": "medusa"}]
)
def test_a_draft_that_is_a_whole_model_is_not_planned(said: Any) -> None:
    assert not tells({"speculative-config": said}) and not tells({"spec-model": "org/small"})
    assert tells({"speculative-config": '{"method": "mtp", "num_speculative_tokens": 1}'}) and tells(LORA)
