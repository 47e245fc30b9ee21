# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Hugging Face config.json, read into the few numbers that memory depends on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


class MemoryPlanError(ValueError):
    """The model or the settings cannot be planned; the message says what to change."""


@dataclass(frozen=True)
class Experts:
    """The mixture-of-experts part of a model."""

    count: int
    per_token: int
    intermediate: int
    shared_intermediate: int
    first_dense_layers: int
    layer_step: int
    dense_layers: tuple[int, ...]

    def is_expert_layer(self, layer: int) -> bool:
        """Whether this layer routes to experts (Qwen3-MoE and DeepSeek name their dense layers differently)."""
        if layer < self.first_dense_layers or layer in self.dense_layers:
            return False
        return (layer + 1) % self.layer_step == 0


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention, as DeepSeek has it."""

    kv_rank: int
    rope_dim: int
    nope_dim: int
    value_dim: int
    query_rank: int


@dataclass(frozen=True)
class Quantization:
    """How the linear layers are stored."""

    method: str
    bits: float
    group: int
    # bytes for the scale and zero point of one group
    group_bytes: float
    dynamic_activations: bool
    experts_only: bool
    kv_cache_fp8: bool
    # made by vLLM while it loads a checkpoint that is not quantized
    online: bool = False

    def weight_bytes(self, rows: int, columns: int) -> tuple[int, int]:
        """Bytes of one linear layer of columns inputs and rows outputs: its values, and their scales and zero points."""
        groups = -(-columns // self.group) if self.group else 1
        return int(rows * columns * self.bits / 8), int(rows * groups * self.group_bytes)


@dataclass(frozen=True)
class Model:
    """A decoder-only language model."""

    architectures: tuple[str, ...]
    model_type: str
    layers: int
    hidden: int
    intermediate: int
    heads: int
    kv_heads: int
    head_dim: int
    vocab: int
    tied: bool
    dtype: str
    max_positions: int
    # per layer: the window of sliding attention or 0 for full attention
    windows: tuple[int, ...]
    # layers that use another layer's KV cache hold none (Gemma 3n)
    shared_kv_layers: int
    attention_bias: bool
    norms_per_layer: int
    softcapped: bool
    gated_mlp: bool
    experts: Experts | None
    latent: Latent | None
    quantization: Quantization | None
    vision_parameters: int

    @property
    def query_size(self) -> int:
        """Width of all query heads together."""
        return self.heads * self.head_dim


DTYPE_BYTES = {"float32": 4, "float": 4, "bfloat16": 2, "float16": 2, "half": 2, "auto": 2}

_STATE_SPACE = {"linear_attention", "mamba", "mamba2", "recurrent", "conv"}


def read_model(config: Mapping[str, Any], quantization: str | None = None, dtype: str = "auto") -> Model:
    """Read config.json; quantization and dtype are vLLM's options, which win over the file."""
    text = _text_config(config)
    _refuse_state_space(text)
    heads = _number(text, "num_attention_heads", "n_head", "n_heads")
    hidden = _number(text, "hidden_size", "n_embd", "d_model")
    layers = _number(text, "num_hidden_layers", "n_layer", "n_layers")
    experts = _experts(text)
    head_dim = text.get("head_dim") or hidden // heads
    model_type = str(text.get("model_type", ""))
    return Model(
        architectures=tuple(config.get("architectures") or text.get("architectures") or ()),
        model_type=model_type,
        layers=layers,
        hidden=hidden,
        intermediate=int(text.get("intermediate_size") or text.get("ffn_hidden_size") or 4 * hidden),
        heads=heads,
        kv_heads=_kv_heads(text, heads),
        head_dim=int(head_dim),
        vocab=_number(text, "vocab_size"),
        tied=_tied(config, text, model_type),
        dtype=_dtype(config, text, dtype),
        max_positions=derived_max_len(text),
        windows=_windows(text, layers),
        shared_kv_layers=int(text.get("num_kv_shared_layers") or 0),
        attention_bias=_attention_bias(text, model_type),
        norms_per_layer=4 if model_type.startswith(("gemma2", "gemma3", "gemma4")) else 2,
        softcapped=bool(text.get("final_logit_softcapping")),
        gated_mlp=model_type not in {"gpt2", "opt", "gpt_bigcode", "starcoder2", "falcon", "gpt_neox", "mpt"},
        experts=experts,
        latent=_latent(text),
        quantization=read_quantization(config, text, quantization),
        vision_parameters=_vision_parameters(config),
    )


def derived_max_len(text: Mapping[str, Any]) -> int:
    """The context that vLLM derives: vllm/config/model.py, _get_and_verify_max_len."""
    longest = int(
        text.get("max_position_embeddings")
        or text.get("n_positions")
        or text.get("max_seq_len")
        or text.get("model_max_length")
        or 2048
    )
    scaling = text.get("rope_scaling") or text.get("rope_parameters") or {}
    kind = scaling.get("rope_type") or scaling.get("type") or "default"
    if kind in {"default", "su", "longrope", "llama3", "mrope"} or "factor" not in scaling:
        return longest
    start = scaling.get("original_max_position_embeddings", longest) if kind == "yarn" else longest
    return int(start * float(scaling["factor"]))


def _text_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    for key in ("text_config", "llm_config", "language_config"):
        nested = config.get(key)
        if isinstance(nested, Mapping) and "hidden_size" in nested:
            return nested
    return config


def _refuse_state_space(text: Mapping[str, Any]) -> None:
    kinds = {str(kind) for kind in text.get("layer_types") or ()} | {
        str(kind) for kind in text.get("layers_block_type") or ()
    }
    if kinds & _STATE_SPACE or "mamba" in str(text.get("model_type", "")) or text.get("ssm_cfg"):
        raise MemoryPlanError(
            "This model has state-space or linear-attention layers, whose memory the planner does not know. "
            "Set gpu_memory_utilization and max_model_len by hand."
        )


def _number(text: Mapping[str, Any], *names: str) -> int:
    for name in names:
        if text.get(name):
            return int(text[name])
    raise MemoryPlanError(f"The model's config.json has no {names[0]}: it does not describe a language model.")


def _kv_heads(text: Mapping[str, Any], heads: int) -> int:
    if text.get("multi_query") and not text.get("new_decoder_architecture"):
        return 1
    return int(text.get("num_key_value_heads") or text.get("num_kv_heads") or text.get("n_head_kv") or heads)


def _tied(config: Mapping[str, Any], text: Mapping[str, Any], model_type: str) -> bool:
    """Absent means the default of the model's class: true in Gemma, GPT-2 and Cohere, false elsewhere."""
    for source in (text, config):
        if source.get("tie_word_embeddings") is not None:
            return bool(source["tie_word_embeddings"])
    return model_type.startswith(("gemma", "gpt2", "cohere", "opt"))


def _dtype(config: Mapping[str, Any], text: Mapping[str, Any], dtype: str) -> str:
    if dtype != "auto":
        if dtype not in DTYPE_BYTES:
            raise MemoryPlanError(f"dtype {dtype!r} is not one of {', '.join(sorted(DTYPE_BYTES))}.")
        return dtype
    stored = text.get("dtype") or text.get("torch_dtype") or config.get("dtype") or config.get("torch_dtype")
    stored = str(stored or "bfloat16").replace("torch.", "")
    # vLLM serves float32 checkpoints in 16 bits: vllm/config/model.py, _get_and_verify_dtype.
    return "bfloat16" if stored == "float32" or stored not in DTYPE_BYTES else stored


def _windows(text: Mapping[str, Any], layers: int) -> tuple[int, ...]:
    """The sliding window of each layer; 0 is full attention."""
    window = text.get("sliding_window")
    kinds = text.get("layer_types")
    if kinds:
        sizes = {"sliding_attention": window, "chunked_attention": text.get("attention_chunk_size")}
        return tuple(int(sizes.get(str(kind)) or 0) for kind in kinds[:layers])
    if not window or text.get("use_sliding_window") is False:
        return (0,) * layers
    pattern = text.get("sliding_window_pattern") or text.get("_sliding_window_pattern")
    if not pattern:
        pattern = {"gemma2": 2, "gpt_oss": 2, "cohere2": 4, "gemma3_text": 6, "gemma3": 6}.get(
            str(text.get("model_type")), 0
        )
    if text.get("use_sliding_window") and text.get("max_window_layers"):
        return tuple(int(window) if layer >= text["max_window_layers"] else 0 for layer in range(layers))
    if not pattern:
        return (int(window),) * layers
    return tuple(0 if (layer + 1) % pattern == 0 else int(window) for layer in range(layers))


def _attention_bias(text: Mapping[str, Any], model_type: str) -> bool:
    return bool(text.get("attention_bias")) or model_type in {"qwen2", "qwen2_moe", "qwen2_vl", "qwen2_5_vl"}


def _experts(text: Mapping[str, Any]) -> Experts | None:
    count = text.get("n_routed_experts") or text.get("num_local_experts") or text.get("num_experts")
    if not count or int(count) <= 1:
        return None
    width = int(text.get("moe_intermediate_size") or text["intermediate_size"])
    shared = text.get("shared_expert_intermediate_size") or width * int(
        text.get("n_shared_experts") or text.get("num_shared_experts") or 0
    )
    return Experts(
        count=int(count),
        per_token=int(text.get("num_experts_per_tok") or text.get("num_experts_per_token") or 2),
        intermediate=width,
        shared_intermediate=int(shared),
        first_dense_layers=int(text.get("first_k_dense_replace") or 0),
        layer_step=int(text.get("decoder_sparse_step") or text.get("moe_layer_freq") or 1),
        dense_layers=tuple(text.get("mlp_only_layers") or ()),
    )


def _latent(text: Mapping[str, Any]) -> Latent | None:
    if not text.get("kv_lora_rank"):
        return None
    return Latent(
        kv_rank=int(text["kv_lora_rank"]),
        rope_dim=int(text["qk_rope_head_dim"]),
        nope_dim=int(text["qk_nope_head_dim"]),
        value_dim=int(text["v_head_dim"]),
        query_rank=int(text.get("q_lora_rank") or 0),
    )


def _vision_parameters(config: Mapping[str, Any]) -> int:
    """A vision tower counted as a plain transformer; the safetensors index is exact where it is at hand."""
    vision = config.get("vision_config")
    if not isinstance(vision, Mapping) or not vision.get("hidden_size"):
        return 0
    hidden = int(vision["hidden_size"])
    layers = int(vision.get("num_hidden_layers") or vision.get("depth") or 0)
    return layers * (4 * hidden * hidden + 2 * hidden * int(vision.get("intermediate_size") or 4 * hidden))


def read_quantization(
    config: Mapping[str, Any], text: Mapping[str, Any], asked: str | None = None
) -> Quantization | None:
    """The checkpoint's own quantization, or vLLM's --quantization for a checkpoint that has none."""
    stored = config.get("quantization_config") or text.get("quantization_config") or config.get("compression_config")
    if isinstance(stored, Mapping) and stored.get("quant_method", stored.get("quant_algo")):
        return _stored_quantization(stored)
    if not asked or asked == "none":
        return None
    if asked in {"fp8", "ptpc_fp8", "fp8_per_tensor", "fp8_per_block"}:
        return replace(_quantization("fp8", 8, 0, 4, dynamic=True), online=True)
    if asked in {"bitsandbytes"}:
        return _quantization(asked, 4, 64, 0.5)
    raise MemoryPlanError(
        f"quantization {asked!r} needs a checkpoint that is quantized that way; this one is not. "
        "Name a quantized checkpoint, or use fp8, which vLLM makes while it loads."
    )


def _quantization(
    method: str,
    bits: float,
    group: int,
    group_bytes: float,
    dynamic: bool = False,
    experts_only: bool = False,
    kv_fp8: bool = False,
) -> Quantization:
    return Quantization(method, bits, group, group_bytes, dynamic, experts_only, kv_fp8)


def _stored_quantization(stored: Mapping[str, Any]) -> Quantization | None:
    method = str(stored.get("quant_method") or "modelopt").lower()
    algorithm = str(stored.get("quant_algo") or "").upper()
    if method in {"awq", "gptq", "awq_marlin", "gptq_marlin", "auto-round"}:
        bits = float(stored.get("bits") or stored.get("w_bit") or 4)
        group = int(stored.get("group_size") or stored.get("q_group_size") or 128)
        # A 16-bit scale and a zero point of as many bits as a weight: AWQ and GPTQ store both.
        return _quantization(method, bits, max(group, 0), 2 + bits / 8)
    if method == "fp8":
        block = stored.get("weight_block_size")
        # One 32-bit scale per block of 128 x 128, that is 1/128 of one for each row of a block.
        return _quantization("fp8", 8, int(block[1]) if block else 0, 4 / block[0] if block else 4, dynamic=True)
    if method == "mxfp4":
        return _quantization("mxfp4", 4, 32, 1, experts_only=True)
    if "NVFP4" in algorithm:
        return _quantization("nvfp4", 4, 16, 1, kv_fp8=stored.get("kv_cache_quant_algo") == "FP8")
    if algorithm == "FP8" or method.startswith("modelopt"):
        return _quantization("fp8", 8, 0, 4, kv_fp8=stored.get("kv_cache_quant_algo") == "FP8")
    if method == "bitsandbytes":
        bits = 4 if stored.get("load_in_4bit") else 8
        return _quantization(method, bits, 64, 0.5)
    if method == "compressed-tensors":
        return _compressed_tensors(stored)
    raise MemoryPlanError(f"The planner does not know the quantization method {method!r}.")


def _compressed_tensors(stored: Mapping[str, Any]) -> Quantization | None:
    groups = list((stored.get("config_groups") or {}).values())
    weights: Mapping[str, Any] = (groups[0].get("weights") or {}) if groups else {}
    if not weights:
        return None
    activations = groups[0].get("input_activations") or {}
    bits = float(weights.get("num_bits") or 8)
    group = int(weights.get("group_size") or 0)
    is_float4 = bits == 4 and weights.get("type") == "float"
    scale = 1.0 if is_float4 else 2.0
    if weights.get("strategy") in {"channel", "tensor"}:
        group, scale = 0, 4.0
    scheme = stored.get("kv_cache_scheme") or {}
    return _quantization(
        "nvfp4" if is_float4 else "fp8" if weights.get("type") == "float" else "int",
        bits,
        max(group, 0),
        scale,
        dynamic=bool(activations.get("dynamic")),
        kv_fp8=scheme.get("num_bits") == 8,
    )
