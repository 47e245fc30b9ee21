# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Families whose layers differ, against published figures; what the planner does not know is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import (
    Attention,
    Dense,
    Experts,
    Latent,
    MemoryPlanError,
    State,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.plan import plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.reader import longest_context, read_model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.settings import EngineSettings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.weights import checkpoint_bytes

GIB = 1024**3
CONFIGS = json.loads((Path(__file__).parents[2] / "data" / "published_configs.json").read_text(encoding="utf-8"))
LLAMA = CATALOGUE["meta-llama/Llama-3.1-8B"]["config"]
GPT_OSS = CATALOGUE["openai/gpt-oss-120b"]["config"]


def planned(config: str | dict[str, Any], **options: Any) -> dict[str, Any]:
    read = CONFIGS[config] if isinstance(config, str) else config
    return plan(read, EngineSettings(**{"gpu_memory_gib": 79.18, "vllm_version": "0.32.0", **options}))


def kinds(name: str) -> list[type]:
    return [type(layer.mixer) for layer in read_model(CONFIGS[name]).layers]


def text_of(name: str, **changes: Any) -> dict[str, Any]:
    return {**CONFIGS[name], "text_config": {**CONFIGS[name]["text_config"], **changes}}


# ---- case 1: vllm-project/vllm#16152, 48.8682 GiB a GPU
PLAIN = ["re:.*lm_head", "re:.*self_attn", "re:.*router", "re:.*vision_model.*", "re:.*feed_forward.gate_proj"]
PLAIN += ["re:.*shared_expert.*"]


@pytest.mark.parametrize(("ignore", "tolerance"), [([], 0.04), (PLAIN, 0.01)])
def test_llama_4_maverick_has_experts_in_every_other_layer(ignore: list[str], tolerance: float) -> None:
    config = CONFIGS["Llama-4-Maverick-FP8"]
    config = {**config, "quantization_config": {**config["quantization_config"], "ignore": ignore}}
    found = planned(config, tensor_parallel_size=8, max_model_len=8192)
    assert found["weights_gib"] == pytest.approx(48.8682, rel=tolerance)
    assert found["fits"]


def test_llama_4_dense_layers_are_wider_and_the_shared_expert_is_implied() -> None:
    parts = [layer.feed_forward for layer in read_model(CONFIGS["Llama-4-Maverick-FP8"]).layers]
    assert parts[:2] == [Dense(16384), Experts(128, 1, 8192, 8192)]
    assert sum(isinstance(part, Experts) for part in parts) == 24


def test_llama_4_scout_has_experts_in_all_layers() -> None:
    scout = read_model(text_of("Llama-4-Maverick-FP8", interleave_moe_layer_step=1, num_local_experts=16))
    assert all(isinstance(layer.feed_forward, Experts) for layer in scout.layers)


def test_chunked_attention_kept_every_token_before_0_26() -> None:
    found = planned("Llama-4-Maverick-FP8", tensor_parallel_size=8, max_model_len=65536, vllm_version="0.22.0")
    assert found["kv_bytes_per_token"] == 48 * 1 * 2 * 128 * 2


def test_chunked_attention_keeps_a_chunk_and_what_is_in_flight() -> None:
    """Three groups of 12 layers look at a chunk of 8,192 tokens each, one of 12 at all."""
    found = planned("Llama-4-Maverick-FP8", tensor_parallel_size=8, max_model_len=65536, max_num_batched_tokens=8192)
    block = 12 * 16 * 1 * 2 * 128 * 2
    assert found["kv_bytes_per_request"] == (65536 // 16 + 3 * (8192 + 2 * 8192) // 16) * block


# ---- case 2: ai-dynamo/aiconfigurator; vLLM 0.32 itself: 37.18 GiB of parameters at TP 4, 36 states
def test_qwen3_next_has_attention_in_every_fourth_layer() -> None:
    found = planned("Qwen3-Next-80B-A3B", tensor_parallel_size=4)
    assert kinds("Qwen3-Next-80B-A3B") == [State, State, State, Attention] * 12
    assert found["kv_bytes_per_token"] == 12288
    states = found["kv_bytes_per_request"] - 12288 * 272 * -(-262144 // 272)
    assert states == 3 * 2 * 12 * 272 * 1024
    # a quarter of each head is rotated
    assert found["weights_gib"] == pytest.approx(37.18 + 262144 * 64 * 2 / GIB, abs=0.02)


def test_qwen3_next_on_one_gpu_has_blocks_of_544_tokens() -> None:
    found = planned("Qwen3-Next-80B-A3B", gpu_memory_gib=200.0)
    assert found["kv_bytes_per_request"] == 12 * 544 * 2048 * (-(-262144 // 544) + 3 * 2)


def test_layer_types_say_the_same_as_the_interval() -> None:
    config = dict(CONFIGS["Qwen3-Next-80B-A3B"])
    config.pop("full_attention_interval")
    config["layer_types"] = (["linear_attention"] * 3 + ["full_attention"]) * 12
    assert read_model(config).layers == read_model(CONFIGS["Qwen3-Next-80B-A3B"]).layers


def test_a_state_in_32_bits_is_twice_as_large() -> None:
    half, whole = (
        planned("Qwen3-Next-80B-A3B"),
        planned({**CONFIGS["Qwen3-Next-80B-A3B"], "mamba_ssm_dtype": "float32"}),
    )
    assert whole["kv_bytes_per_token"] == half["kv_bytes_per_token"]
    assert whole["kv_bytes_per_request"] > half["kv_bytes_per_request"]


# ---- case 3: mondegreens/apron, 1,725,628,416 B for one request of 262,144 tokens; 63.2 GB of weights
def test_nemotron_3_nano_fits_one_h100() -> None:
    found = planned("Nemotron-3-Nano-30B-A3B")
    assert found["fits"]
    assert found["kv_bytes_per_request"] == 1725628416
    assert checkpoint_bytes(read_model(CONFIGS["Nemotron-3-Nano-30B-A3B"])) == pytest.approx(63.2e9, rel=0.002)
    assert [kinds("Nemotron-3-Nano-30B-A3B").count(kind) for kind in (State, Attention, type(None))] == [23, 6, 23]


def test_nemotron_names_its_layers_in_words_too() -> None:
    config = dict(CONFIGS["Nemotron-3-Nano-30B-A3B"])
    words = {"M": "mamba", "*": "attention", "E": "moe"}
    config["layers_block_type"] = [words[letter] for letter in config.pop("hybrid_override_pattern")]
    assert read_model(config).layers == read_model(CONFIGS["Nemotron-3-Nano-30B-A3B"]).layers


@pytest.mark.parametrize("pattern", ["ME", "M" * 51 + "X", "", None, 7, ["M"] * 52])
def test_a_pattern_that_does_not_name_each_layer(pattern: Any) -> None:
    with pytest.raises(MemoryPlanError, match="hybrid_override_pattern"):
        read_model({**CONFIGS["Nemotron-3-Nano-30B-A3B"], "hybrid_override_pattern": pattern})


# ---- case 4: apron, 13,637 blocks of 2,621,440 B for one request of 262,144 tokens
def test_gemma_4_has_wider_heads_in_its_global_layers() -> None:
    found = planned("Gemma-4-31B", gpu_memory_gib=139.8, max_num_batched_tokens=8192)
    assert found["kv_bytes_per_request"] == 13637 * 2621440
    assert found["fits"]


def test_gemma_4_holds_about_what_was_reported() -> None:
    """vllm-project/vllm#43308: about 525,000 tokens in about 50 GB."""
    found = planned("Gemma-4-31B", gpu_memory_gib=139.8, kv_cache_memory_bytes=50 * GIB, max_num_batched_tokens=2048)
    assert found["kv_cache_tokens"] == pytest.approx(525000, rel=0.2)


def test_layers_that_use_an_earlier_cache_keep_nothing() -> None:
    shared = planned(text_of("Gemma-4-31B", num_kv_shared_layers=30), gpu_memory_gib=139.8)
    own = planned("Gemma-4-31B", gpu_memory_gib=139.8)
    assert shared["kv_bytes_per_request"] * 2 == own["kv_bytes_per_request"]
    assert shared["weights_gib"] < own["weights_gib"]


# ---- case 6: sgl-project/sglang#11309, 61 x (656 + 132) B a token in fp8
@pytest.mark.parametrize(("kv_cache_dtype", "size"), [("auto", 61 * (1152 + 132)), ("fp8", 61 * (656 + 132))])
def test_deepseek_v32_keeps_its_indexer_too(kv_cache_dtype: str, size: int) -> None:
    found = planned("DeepSeek-V3.2", gpu_memory_gib=139.8, tensor_parallel_size=8, kv_cache_dtype=kv_cache_dtype)
    assert found["kv_bytes_per_token"] == size
    assert kinds("DeepSeek-V3.2") == [Latent] * 61


def test_the_indexer_has_weights_on_every_gpu() -> None:
    without = {key: value for key, value in CONFIGS["DeepSeek-V3.2"].items() if not key.startswith("index_")}
    without["architectures"] = ["DeepseekV3ForCausalLM"]
    spared = planned("DeepSeek-V3.2", gpu_memory_gib=200.0, tensor_parallel_size=8)["weights_gib"]
    spared -= planned(without, gpu_memory_gib=200.0, tensor_parallel_size=8)["weights_gib"]
    assert spared == pytest.approx(61 * (64 * 128 * 1536 + 2 * 192 * 7168) / GIB, rel=0.1)


# ---- cases 9 and 10
def test_context_of_gemma_3_is_scaled_already() -> None:
    assert longest_context(CONFIGS["Gemma-3-4B"]) == 131072


def test_gemma_3_as_published_has_the_defaults_of_its_architecture() -> None:
    model = read_model(CONFIGS["Gemma-3-27B"])
    assert (model.vocab, model.max_positions) == (262208, 131072)
    assert sum(isinstance(one.mixer, Attention) and not one.mixer.window for one in model.layers) == 10
    small = {"text_config": {"model_type": "gemma3_text", "hidden_size": 2560, "num_hidden_layers": 34}}
    attention = read_model({**CONFIGS["Gemma-3-4B"], **small}).layers[0].mixer
    assert isinstance(attention, Attention)
    assert (attention.heads, attention.kv_heads, attention.head_dim) == (8, 4, 256)


def test_a_default_that_the_planner_does_not_know_is_named() -> None:
    config = {key: value for key, value in LLAMA.items() if key != "vocab_size"}
    with pytest.raises(MemoryPlanError, match="leaves vocab_size to the library's default"):
        read_model(config)


# ---- case 12: vllm-project/vllm#23278 (0.10.1), #33155 (0.14.1), #27508 (4.54 GiB a request)
@pytest.mark.parametrize(
    ("version", "weights_gib", "starts"),
    [("0.10.1", 65.97, False), ("0.14.1", 64.38, False), ("0.26.0", 60.98, True), ("0.32.0", 60.98, True)],
)
def test_experts_in_mxfp4_were_padded(version: str, weights_gib: float, starts: bool) -> None:
    options = {"max_model_len": 131072, "max_num_batched_tokens": 1024, "gpu_memory_utilization": 0.9}
    found = planned(GPT_OSS, vllm_version=version, **options)
    assert found["weights_gib"] == pytest.approx(weights_gib, rel=0.01)
    assert found["fits"] is starts
    assert found["kv_bytes_per_request"] / GIB == pytest.approx(4.54, abs=0.04)


# ---- case 13: vllm-project/vllm#25865
def test_a_head_that_vllm_never_shares_with_the_embedding() -> None:
    """Asked of vLLM 0.32: a DeepSeek V2 of 70,016 words has 0.27 GiB, its head, more than if it shared it."""
    tied = {**GPT_OSS, "tie_word_embeddings": True}
    assert planned(tied)["weights_gib"] == planned(GPT_OSS)["weights_gib"]


def test_an_encoder_keeps_nothing() -> None:
    found = planned("bge-m3", gpu_memory_gib=23.5)
    assert (found["kv_cache_tokens"], found["kv_bytes_per_request"]) == (0, 0)
    assert found["settings"]["max_model_len"] == longest_context(CONFIGS["bge-m3"]) == 8192
    assert found["fits"] and found["max_concurrency"] == found["settings"]["max_num_seqs"]
    assert found["weights_gib"] == pytest.approx(2.27e9 / 2 / GIB, rel=0.01)


def test_an_encoder_that_is_larger_than_the_gpu_does_not_fit() -> None:
    found = planned("bge-m3", gpu_memory_gib=1.9, gpu_memory_utilization=0.5)
    assert "out of memory" in found["reason"] and not found["fits"]


# ---- case 15: about 48.0 GB, 163,840 B a token
def test_mistral_small_is_read_from_its_text_part() -> None:
    text = {
        "model_type": "mistral",
        "hidden_size": 5120,
        "intermediate_size": 32768,
        "num_hidden_layers": 40,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 131072,
        "max_position_embeddings": 131072,
    }
    vision = {"model_type": "pixtral", "hidden_size": 1024, "num_hidden_layers": 24, "intermediate_size": 4096}
    outer = {"architectures": ["Mistral3ForConditionalGeneration"], "model_type": "mistral3", "torch_dtype": "bfloat16"}
    found = planned({**outer, "text_config": text, "vision_config": vision})
    assert found["weights_gib"] == pytest.approx(44.5, rel=0.01)
    assert (found["kv_bytes_per_token"], found["note"]) == (163840, "")


PLAIN_KEYS = {"hidden_size": 2048, "num_hidden_layers": 32, "num_attention_heads": 32, "vocab_size": 100352}
HYBRIDS: dict[str, dict[str, Any]] = {
    "GraniteMoeHybrid": {"layer_types": ["mamba"] * 31 + ["attention"], "mamba_d_state": 128, "mamba_n_heads": 64},
    "Lfm2": {"layer_types": ["conv"] * 31 + ["full_attention"], "conv_L_cache": 3},
    "Jamba": {"attn_layer_period": 8, "attn_layer_offset": 4, "mamba_d_conv": 4, "expert_layer_period": 2},
    "Bamba": {"attn_layer_indices": [9, 18, 27], "mamba_d_state": 128},
    "FalconH1": {"mamba_d_ssm": 3072, "mamba_d_state": 256},
    "KimiLinear": {"linear_attn_config": {"full_attn_layers": [4, 8], "kda_layers": [1, 2, 3]}, "kv_lora_rank": 512},
    "MiniMaxM1": {"attn_type_list": [0, 1] * 16},
    "RecurrentGemma": {"block_types": ["recurrent", "recurrent", "attention"], "lru_width": 2560},
    "Zamba2": {"hybrid_layer_ids": [6, 12], "layers_block_type": ["mamba"] * 32},
    "DeepseekV4": {"compress_ratios": [0, 4] * 16},
    "Mllama": {"cross_attention_layers": [3, 8]},
    "T5": {"is_encoder_decoder": True},
}


@pytest.mark.parametrize("name", HYBRIDS)
def test_hybrids_without_a_formula_are_refused_by_name(name: str) -> None:
    config = {**PLAIN_KEYS, "max_position_embeddings": 4096, **HYBRIDS[name]}
    with pytest.raises(MemoryPlanError, match=f"{name}ForCausalLM"):
        planned({**config, "architectures": [f"{name}ForCausalLM"], "model_type": name.lower()}, weight_bytes=3 * 10**9)


def test_a_list_that_says_full_attention_of_every_layer_is_plain() -> None:
    config: dict[str, Any] = {**PLAIN_KEYS, "max_position_embeddings": 4096, "num_local_experts": 8}
    config |= {"architectures": ["MiniMaxM2ForCausalLM"], "model_type": "minimax_m2", "attn_type_list": [1] * 32}
    config["intermediate_size"] = 512
    assert not read_model(config).unsure


# ---- case 14 and its kind
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        (
            {"model_type": "whisper", "architectures": ["WhisperForConditionalGeneration"], "is_encoder_decoder": True},
            "Whisper",
        ),
        ({"model_type": "nope", "architectures": ["NopeForCausalLM"], "attn_type_list": [0, 1] * 16}, "attn_type_list"),
        ({"attn_layer_period": 8, "attn_layer_offset": 4}, "attn_layer_"),
        ({"attn_layer_indices": [9, 18]}, "attn_layer_indices"),
        ({"mamba_d_state": 128}, "mamba_d_state"),
        ({"linear_attn_config": {"kda_layers": [1]}}, "linear_attn_config"),
        ({"block_types": ["recurrent", "attention"]}, "block_types"),
        ({"layers_block_type": ["mamba"] * 32}, "layers_block_type"),
        ({"full_attention_interval": 4}, "full_attention_interval"),
        ({"hybrid_override_pattern": "M*"}, "hybrid_override_pattern"),
        ({"index_head_dim": 128}, "index_head_dim"),
        ({"global_head_dim": 512}, "global_head_dim"),
        ({"interleave_moe_layer_step": 2}, "interleave_moe_layer_step"),
        ({"intermediate_size_mlp": 16384}, "intermediate_size_mlp"),
        ({"block_configs": [{}] * 32}, "block_configs"),
        ({"conv_L_cache": 3}, "conv_L_cache"),
        ({"ssm_cfg": {"layer": "Mamba2"}}, "ssm_cfg"),
        ({"num_key_value_heads": [8, 4] * 16}, "num_key_value_heads"),
        ({"intermediate_size": [8192, 4096] * 16}, "intermediate_size"),
        ({"head_dim": [64, 128] * 16}, "head_dim"),
        ({"ffn_multipliers": [0.5 + index / 32 for index in range(32)]}, "ffn_multipliers"),
        ({"layer_types": ["full_attention"] * 31}, "31 of 32 layers"),
        ({"layer_types": ["conv", "full_attention"] * 16}, "conv"),
        ({"architectures": ["MambaForCausalLM"], "model_type": "mamba"}, "Mamba"),
    ],
    ids=str,
)
def test_layers_that_differ_in_unknown_ways_are_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(MemoryPlanError, match=named):
        planned({**LLAMA, **changes}, weight_bytes=16060522496)


def test_a_list_of_equal_values_is_a_value() -> None:
    assert read_model({**LLAMA, "num_key_value_heads": [8] * 32}).layers == read_model(LLAMA).layers


# ---- architectures that are in no family
MYSTERY = {**LLAMA, "architectures": ["MysteryForCausalLM"], "model_type": "mystery"}


def test_an_unknown_architecture_is_planned_from_its_checkpoint_and_said_so() -> None:
    found = planned(MYSTERY, weight_bytes=int(16060522496 * 1.05))
    assert "does not know the architecture 'MysteryForCausalLM'" in found["note"]
    assert found["weights_gib"] == pytest.approx(1.05 * planned(LLAMA)["weights_gib"], rel=0.001)
    assert planned(LLAMA)["note"] == ""


@pytest.mark.parametrize(
    ("size", "why"), [(None, "is not known"), (40 * 10**9, "2.49 times"), (8 * 10**9, "0.50 times")]
)
def test_an_unknown_architecture_that_no_plain_reading_explains_is_refused(size: int | None, why: str) -> None:
    with pytest.raises(MemoryPlanError, match=f"MysteryForCausalLM.*{why}"):
        planned(MYSTERY, weight_bytes=size)


def test_the_architecture_decides_and_not_the_model_type() -> None:
    """vLLM takes the class of the architecture: Kimi K2 is a DeepSeek V3, derivatives of Mistral are Llamas."""
    assert not read_model({**LLAMA, "model_type": "mistral"}).unsure
    assert not read_model({**CATALOGUE["deepseek-ai/DeepSeek-V2-Lite"]["config"], "model_type": "kimi_k2"}).unsure


def test_gemma_3n_needs_its_checkpoints_size() -> None:
    config = {
        "architectures": ["Gemma3nForConditionalGeneration"],
        "model_type": "gemma3n",
        "text_config": {
            "model_type": "gemma3n_text",
            "hidden_size": 2048,
            "intermediate_size": [16384] * 35,
            "num_hidden_layers": 35,
            "num_attention_heads": 8,
            "num_key_value_heads": 2,
            "head_dim": 256,
            "vocab_size": 262400,
            "max_position_embeddings": 32768,
            "num_kv_shared_layers": 15,
            "sliding_window": 512,
            "layer_types": (["sliding_attention"] * 4 + ["full_attention"]) * 7,
            "hidden_size_per_layer_input": 256,
            "altup_num_inputs": 4,
            "laurel_rank": 64,
            "activation_sparsity_pattern": [0.95] * 10 + [0.0] * 25,
        },
    }
    with pytest.raises(MemoryPlanError, match="size of its checkpoint"):
        planned(config)
    found = planned(config, weight_bytes=15_700_000_000)
    assert "checkpoint" in found["note"] and found["weights_gib"] > 13


# ---- what vLLM 0.32 itself says of it: 40.66 GiB
def test_ernie_counts_experts_by_names_of_its_own() -> None:
    found = planned("ERNIE-4.5-21B-A3B")
    assert found["weights_gib"] - 131072 * 128 * 2 / GIB == pytest.approx(40.66, rel=0.002)


@pytest.mark.parametrize(
    ("scaling", "context"),
    [
        ({"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 2048}, 8192),
        ({"rope_type": "dynamic", "factor": 2.0}, 16384),
        ({"type": "linear", "factor": 2}, 16384),
        (
            {"full_attention": {"rope_type": "linear", "factor": 2}, "sliding_attention": {"rope_type": "default"}},
            16384,
        ),
        ({"rope_type": "llama3", "factor": 8.0}, 8192),
        ({"rope_type": "longrope", "factor": 8.0}, 8192),
        ({}, 8192),
        ("odd", 8192),
    ],
)
def test_context_by_kind_of_scaling(scaling: Any, context: int) -> None:
    assert longest_context({**LLAMA, "max_position_embeddings": 8192, "rope_scaling": scaling}) == context


def test_parts_that_a_checkpoint_leaves_unquantized() -> None:
    quantized = {"quant_method": "fp8"}
    names = [f"model.layers.{index}.self_attn.o_proj" for index in range(32)]
    all_of_it = planned({**LLAMA, "quantization_config": quantized})["weights_gib"]
    without = planned({**LLAMA, "quantization_config": {**quantized, "modules_to_not_convert": names}})["weights_gib"]
    few = planned({**LLAMA, "quantization_config": {**quantized, "modules_to_not_convert": names[:4]}})["weights_gib"]
    assert without - all_of_it == pytest.approx(32 * (6144 + 4096) * 4096 / GIB, rel=0.01)
    assert few == all_of_it


GLM_AIR = CONFIGS["GLM-4.5-Air"]
KINDS = ["dense"] + ["sparse"] * 45


def test_kinds_of_dense_parts_that_say_what_the_file_says_already_are_read() -> None:
    """transformers 5 writes them into what it saves; GLM-5.1 in NVFP4 is published so."""
    assert read_model({**GLM_AIR, "mlp_layer_types": KINDS}).layers == read_model(GLM_AIR).layers
    with pytest.raises(MemoryPlanError, match="mlp_layer_types"):
        read_model({**GLM_AIR, "mlp_layer_types": ["dense"] * 2 + ["sparse"] * 44})


OLD_SHAPE = {"vocab_size": 50304, "hidden_size": 1024, "num_hidden_layers": 4, "num_attention_heads": 16}
STRAY = {"num_key_value_heads": 2, "num_kv_heads": 4, "intermediate_size": 512, "ffn_hidden_size": 640, "n_inner": 768}


@pytest.mark.parametrize(
    ("architecture", "own"),
    [
        ("BertModel", {"intermediate_size": 4096, "max_position_embeddings": 512}),
        ("XLMRobertaModel", {"intermediate_size": 4096, "max_position_embeddings": 514}),
        ("GPTNeoXForCausalLM", {"intermediate_size": 4096, "max_position_embeddings": 2048}),
        ("FalconForCausalLM", {"max_position_embeddings": 2048}),
        ("FalconForCausalLM", {"new_decoder_architecture": True, "num_kv_heads": 8, "max_position_embeddings": 2048}),
        ("OPTForCausalLM", {"ffn_dim": 4096, "max_position_embeddings": 2048, "word_embed_proj_dim": 1024}),
        ("GPT2LMHeadModel", {"n_inner": None, "n_positions": 1024}),
        ("PhiForCausalLM", {"n_inner": 4096, "max_position_embeddings": 2048}),
        ("GPTJForCausalLM", {"n_inner": 4096, "n_positions": 2048}),
    ],
)
def test_keys_that_an_architecture_does_not_read_do_not_count(architecture: str, own: dict[str, Any]) -> None:
    """vLLM's files of these models read one name of the width, and heads of keys only where there may be fewer."""
    plain = {**OLD_SHAPE, "ffn_hidden_size": 4096, **own, "architectures": [architecture]}
    assert read_model({**STRAY, **plain}).layers == read_model(plain).layers
    attention = read_model({**STRAY, **plain}).layers[0].mixer
    assert isinstance(attention, Attention)
    few = {"FalconForCausalLM": own.get("num_kv_heads", 1)}
    assert attention.kv_heads == few.get(architecture, 16)


def test_embeddings_of_another_width_are_refused_by_name() -> None:
    config = {**OLD_SHAPE, "architectures": ["OPTForCausalLM"], "max_position_embeddings": 2048}
    with pytest.raises(MemoryPlanError, match="word_embed_proj_dim"):
        read_model({**config, "word_embed_proj_dim": 512})


def test_glm_5_2_has_an_indexer_in_every_fourth_layer() -> None:
    """zai-org/GLM-5.2: 21 of 78 layers; index_topk_freq 4, index_skip_topk_offset 3."""
    changes: dict[str, Any] = {"num_hidden_layers": 78, "index_topk_freq": 4, "index_skip_topk_offset": 3}
    types = ["full"] * 3 + (["shared"] * 3 + ["full"]) * 18 + ["shared"] * 3
    sparse = {**CONFIGS["DeepSeek-V3.2"], "architectures": ["GlmMoeDsaForCausalLM"], **changes}
    model = read_model({**sparse, "indexer_types": types})
    assert [mixer.index_heads > 0 for layer in model.layers if isinstance(mixer := layer.mixer, Latent)] == [
        kind == "full" for kind in types
    ]
    found = planned({**sparse, "indexer_types": types}, tensor_parallel_size=8)
    assert found["kv_bytes_per_token"] == 78 * 1152 + 21 * 132
    assert read_model(sparse).layers == model.layers
    letters = {**sparse, "index_topk_freq": None, "index_topk_pattern": "FFF" + "SSSF" * 18 + "SSS"}
    assert read_model(letters).layers == model.layers
    with pytest.raises(MemoryPlanError, match="indexer_types"):
        read_model({**sparse, "indexer_types": ["full"] * 78})


def test_nemotron_3_super_has_experts_in_a_space_of_their_own() -> None:
    """120.67 thousand million parameters, as published: moe_latent_size. Layers may be counted by their kinds."""
    base = {**CONFIGS["Nemotron-3-Nano-30B-A3B"], "n_routed_experts": 512, "num_experts_per_tok": 22}
    pattern = "MEMEMEM*EMEMEMEM*EMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEMEM*EMEMEMEM*EMEMEMEME"
    large: dict[str, Any] = {
        **base,
        "hidden_size": 4096,
        "num_hidden_layers": 88,
        "hybrid_override_pattern": pattern,
        "intermediate_size": 2688,
        "moe_intermediate_size": 2688,
        "moe_shared_expert_intermediate_size": 5376,
        "mamba_num_heads": 128,
        "moe_latent_size": 1024,
    }
    assert checkpoint_bytes(read_model(large)) / 2e9 == pytest.approx(120.67, rel=0.001)
    words = {"M": "mamba", "*": "attention", "-": "mlp", "E": "moe"}
    uncounted = {
        key: value for key, value in large.items() if key not in ("num_hidden_layers", "hybrid_override_pattern")
    }
    uncounted["layers_block_type"] = [words[letter] for letter in pattern]
    assert read_model(uncounted).layers == read_model(large).layers


# ---- checkpoints that are quantized, as their publishers write it; sizes are what vLLM 0.26 said of the whole files


def quantized(base: dict[str, Any], **said: Any) -> dict[str, Any]:
    return planned({**base, "quantization_config": said}, max_model_len=8192)


def test_norms_and_indexers_that_are_left_out_leave_attention_quantized() -> None:
    """Qwen3-235B-A22B-FP8 and GLM-5-FP8 name the norms of all layers: 2.8 and 1.9 % too much once."""
    norms = [f"model.layers.{index}.post_attention_layernorm" for index in range(32)]
    norms += [f"model.layers.{index}.self_attn.{part}" for index in range(32) for part in ("q_norm", "indexer.k_norm")]
    fp8 = {"quant_method": "fp8", "weight_block_size": [128, 128]}
    assert quantized(LLAMA, **fp8, modules_to_not_convert=norms) == quantized(LLAMA, **fp8)


@pytest.mark.parametrize("said", ["FP8", {"num_bits": 8, "type": "float"}])
def test_modelopts_cache_is_read(said: Any) -> None:
    plain = {"quant_method": "modelopt", "quant_algo": "NVFP4", "ignore": ["lm_head"]}
    assert quantized(LLAMA, **plain, kv_cache_scheme=said)["kv_bytes_per_token"] == 65536
    assert quantized(LLAMA, **plain)["kv_bytes_per_token"] == 131072


def test_modelopt_quantizes_the_head_unless_it_is_left_out() -> None:
    plain = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
    saved = quantized(LLAMA, **plain, ignore=["lm_head"])["weights_gib"] - quantized(LLAMA, **plain)["weights_gib"]
    assert saved == pytest.approx(128256 * 4096 * (2 - 0.5625) / GIB, abs=0.02)


def test_attention_that_few_layers_have_is_left_out_where_most_of_them_are_named() -> None:
    """nvidia/Qwen3.5-122B-A10B-NVFP4: 12 layers of 48 have attention."""
    base = CONFIGS["Qwen3-Next-80B-A3B"]
    plain = {"quant_method": "modelopt", "quant_algo": "NVFP4"}
    attention = [f"model.layers.{index}.self_attn*" for index in range(3, 48, 4)]
    nets = [f"model.layers.{index}.linear_attn*" for index in range(48) if index % 4 != 3]
    sizes = [
        planned({**base, "quantization_config": {**plain, "ignore": ["lm_head", *names]}}, tensor_parallel_size=4)[
            "weights_gib"
        ]
        for names in ([], attention, [*attention, *nets])
    ]
    assert sizes[0] + 0.1 < sizes[1] and sizes[1] + 0.1 < sizes[2]


def test_modelopts_mixed_precision_is_read_by_parts() -> None:
    """nvidia/Qwen3.6-27B-NVFP4: mixers in 8 bits, the rest in 4; it was read as 8 bits."""
    listed = {f"model.layers.{index}.self_attn.q_proj": {"quant_algo": "FP8"} for index in range(32)}
    listed |= {f"model.layers.{index}.mlp.up_proj": {"quant_algo": "W4A16_NVFP4"} for index in range(32)}
    plain = {"quant_method": "modelopt", "ignore": ["lm_head"]}
    four, eight = (quantized(LLAMA, **plain, quant_algo=name)["weights_gib"] for name in ("NVFP4", "FP8"))
    mixed = quantized(LLAMA, **plain, quant_algo="MIXED_PRECISION", quantized_layers=listed)["weights_gib"]
    assert mixed - four == pytest.approx(32 * (6144 + 4096) * 4096 * (1 - 0.5625) / GIB, abs=0.08)
    assert four < mixed < eight


# ---- tables of rotary angles, and heads


def test_tables_of_rotary_angles() -> None:
    """Gemma 3's linear scaling lengthens one of two; positions in pictures have four times as many rows."""
    text = {**CONFIGS["Gemma-3-4B"]["text_config"], "architectures": ["Gemma3ForCausalLM"], "model_type": "gemma3_text"}
    scaled = {**text, "rope_scaling": {"rope_type": "linear", "factor": 8.0}}
    plain = {name: value for name, value in text.items() if name not in ("rope_scaling", "rope_parameters")}
    more = planned(scaled)["weights_gib"] - planned(plain)["weights_gib"]
    assert more == pytest.approx(7 * 131072 * 256 * 2 / GIB, abs=0.02)
    seen = {**LLAMA, "rope_scaling": {"rope_type": "default", "mrope_section": [16, 24, 24]}}
    base = {**LLAMA, "rope_scaling": None}
    assert planned(seen)["weights_gib"] - planned(base)["weights_gib"] == pytest.approx(0.094, abs=0.003)
    half = planned({**base, "partial_rotary_factor": 0.5})["weights_gib"]
    assert planned(base)["weights_gib"] - half == pytest.approx(0.016, abs=0.002)
    assert planned({**base, "partial_rotary_factor": "{{ x }}"})["weights_gib"] == planned(base)["weights_gib"]


@pytest.mark.parametrize("architecture", ["LlamaForSequenceClassification", "Qwen2ForRewardModel"])
def test_what_classifies_has_no_head_over_the_vocabulary(architecture: str) -> None:
    found = planned({**LLAMA, "architectures": [architecture]})
    assert planned(LLAMA)["weights_gib"] - found["weights_gib"] == pytest.approx(0.979, abs=0.02)
