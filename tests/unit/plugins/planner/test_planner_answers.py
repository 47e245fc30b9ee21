# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vLLM itself said of a model comes before formulas, and is never trusted to be whole."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.answers import NAME, within
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.plan import plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.settings import EngineSettings

MIB = 1024**2
GIB = 1024**3
LLAMA = CATALOGUE["meta-llama/Llama-3.1-8B"]["config"]
JAMBA = {"architectures": ["JambaForCausalLM"], "model_type": "jamba", "attn_layer_period": 8, "hidden_size": 4096}
SHAPE = {"hidden": 4096, "vocab": 65536, "layers": 32, "heads": 32, "kv_heads": 8, "head_dim": 128}
SHAPE |= {"intermediate": 14336}
FULL = {"kind": "full", "block_tokens": 16, "window": 0}
STATE = {"kind": "state", "block_tokens": 2048, "window": 0}


def answer(**changes: Any) -> dict[str, Any]:
    stage = {"tensors": [[32 * MIB, 480]], "block_bytes": 2 * MIB, "groups": [FULL]}
    return {"stages": [{**stage, **changes}], "shape": SHAPE, "max_model_len": 8192}


def planned(config: dict[str, Any], **options: Any) -> dict[str, Any]:
    return plan(config, EngineSettings(gpu_memory_gib=79.18, vllm_version="0.32.0", **options))


def test_its_weights_and_its_cache_take_the_place_of_the_formulas() -> None:
    found = planned(within(LLAMA, answer(), (1, False)), max_model_len=8192)
    assert found["weights_gib"] == 15.0
    assert found["kv_bytes_per_token"] == 2 * MIB // 16


def test_weights_before_quantizing_are_not_taken() -> None:
    heavy = answer(tensors=[[32 * MIB, 960]])
    online = planned(within(LLAMA, heavy, (1, False)), quantization="fp8")
    assert online["weights_gib"] == planned(LLAMA, quantization="fp8")["weights_gib"]


def test_weights_that_the_formulas_do_not_see_are_taken() -> None:
    heavy = answer(tensors=[[32 * MIB, 960]])
    assert planned(within(LLAMA, heavy, (1, False)))["weights_gib"] == 30.0


def test_a_chunk_is_kept_and_what_is_in_flight() -> None:
    chunk = {"kind": "chunked", "block_tokens": 16, "window": 1024}
    options = {"max_model_len": 8192, "max_num_batched_tokens": 2048, "max_num_seqs": 64}
    found = planned(within(LLAMA, answer(groups=[FULL, chunk]), (1, False)), **options)
    assert found["kv_bytes_per_request"] == (8192 // 16 + (1024 + 2 * 2048) // 16) * 2 * MIB


def test_an_answer_for_other_sizes_says_nothing() -> None:
    found = planned(within(LLAMA, answer(), (2, False)))
    assert found["weights_gib"] == planned(LLAMA)["weights_gib"]


def test_an_architecture_that_no_formula_knows_is_planned_by_it() -> None:
    with pytest.raises(MemoryPlanError, match="JambaForCausalLM"):
        planned(JAMBA)
    mixed = within(JAMBA, answer(groups=[FULL, STATE]), (1, False))
    found = planned(mixed, max_model_len=8192)
    assert found["fits"] and found["weights_gib"] == 15.0 and "what its vLLM said" in found["note"]
    assert found["kv_bytes_per_request"] == (8192 // 16 + 2) * 2 * MIB
    with pytest.raises(MemoryPlanError, match="tensor_parallel_size 1"):
        planned(mixed, tensor_parallel_size=2)


@pytest.mark.parametrize(
    "damage",
    [
        {"stages": []},
        {"stages": [{"tensors": [], "block_bytes": 1, "groups": []}]},
        {"stages": [{"tensors": [[-1, 1]], "block_bytes": 1, "groups": []}]},
        {"stages": [{"tensors": [[1, 1]], "block_bytes": 0, "groups": [FULL]}]},
        {"stages": [{"tensors": [[1, 1]], "block_bytes": 1, "groups": [{**FULL, "kind": "odd"}]}]},
        {"stages": "x"},
        {"shape": []},
        {"max_model_len": "8192"},
        {"tensor_parallel": True},
    ],
)
def test_a_damaged_answer_is_none(damage: dict[str, Any]) -> None:
    whole = within(LLAMA, answer(), (1, False))
    assert planned({**whole, NAME: {**whole[NAME], **damage}}) == planned(LLAMA)
    with pytest.raises(MemoryPlanError):
        planned({**JAMBA, NAME: {**whole[NAME], **damage}})


def test_an_answer_without_a_shape_plans_no_unknown_model() -> None:
    with pytest.raises(MemoryPlanError, match="shape"):
        planned({**JAMBA, NAME: {**within(JAMBA, answer(), (1, False))[NAME], "shape": {}}})


def test_cross_attention_keeps_what_was_heard_whatever_is_written() -> None:
    """Whisper large v3 on an H100: 28 blocks of 448 tokens, and 512 of the sound. vLLM said 51.53 requests."""
    cross = {"kind": "cross", "block_tokens": 16, "window": 0, "blocks": 512}
    options = {"max_model_len": 448, "max_num_seqs": 64, "max_num_batched_tokens": 8192}
    found = planned(within(LLAMA, answer(groups=[FULL, cross]), (1, False)), **options)
    assert found["kv_bytes_per_request"] == (28 + 512) * 2 * MIB
    old = plan(within(LLAMA, answer(groups=[FULL, cross]), (1, False)), EngineSettings(79.18, "0.26.0", **options))
    # It keeps no states: the second runner of 0.26 has it, which takes no graphs out of the cache.
    assert old["cuda_graphs_estimate_gib"] == 0
