# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a checkpoint is quantized, from its quantization_config or vLLM's --quantization. Used by read_model."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace

from .fields import Fields, shown
from .model import Attention, Latent, Layer, MemoryPlanError, Quantization, State

_ONLINE_FP8 = frozenset({"fp8", "ptpc_fp8", "fp8_per_tensor", "fp8_per_block"})
_PARTS = {
    "attention": ("self_attn", "attention"),
    "state": ("linear_attn", "mamba"),
    "shared": ("shared_expert",),
    "dense": ("mlp", "feed_forward", "gate_up_proj"),
}
_MIXERS = {"attention": (Attention, Latent), "state": (State,)}
# Norms and what picks tokens stand under attention, and are never quantized.
_NO_LINEAR = re.compile(r"norm|indexer|rotary|conv1d")
# Of ModelOpt's list of layers in 8 bits: what the names of a part have in them.
_MIXED = {
    "attention": "self_attn",
    "state": "linear_attn",
    "shared": "shared_expert",
    "experts": "experts",
    "dense": "mlp.",
}


def read_quantization(
    sections: tuple[Fields, ...], asked: str | None, layers: tuple[Layer, ...]
) -> Quantization | None:
    """The checkpoint's own quantization, or vLLM's option for a checkpoint that has none."""
    for section in sections:
        for name in ("quantization_config", "compression_config"):
            stored = _said(section, name)
            if stored:
                found = _stored(stored)
                return found and replace(found, plain=found.plain | _plain_parts(stored, layers))
    return _asked(asked)


def _said(section: Fields, name: str) -> Fields | None:
    """What the file says by this name; ModelOpt's own form has it one level down."""
    if not section.says(name):
        return None
    stored = section.section(name)
    inner = stored and stored.section("quantization")
    for part in (stored, inner):
        if part and (part.text("quant_method") or part.text("quant_algo")):
            return part
    raise MemoryPlanError(f"{name} in the model's config.json names no quant_method: {shown(section.get(name))}.")


def _asked(asked: str | None) -> Quantization | None:
    if not asked or asked == "none":
        return None
    if asked in _ONLINE_FP8:
        return Quantization("fp8", 8, 0, 4, dynamic_activations=True, online=True)
    if asked == "bitsandbytes":
        return Quantization(asked, 4, 64, 0.5)
    raise MemoryPlanError(
        f"quantization {shown(asked)} needs a checkpoint that is quantized that way; this one is not. "
        "Name a quantized checkpoint, or use fp8, which vLLM makes while it loads."
    )


def _stored(stored: Fields) -> Quantization | None:
    method = (stored.text("quant_method") or "modelopt").lower()
    if method in {"awq", "gptq", "awq_marlin", "gptq_marlin", "auto-round"}:
        bits = stored.whole("bits", "w_bit", default=4, most=16)
        # A 16-bit scale and a zero point of as many bits as a weight: AWQ and GPTQ store both.
        return Quantization(method, bits, _group(stored, "group_size", "q_group_size", default=128), 2 + bits / 8)
    if method == "fp8":
        block = stored.wholes("weight_block_size")
        if not block:
            return Quantization("fp8", 8, 0, 4, dynamic_activations=True)
        rows, columns = _block(block)
        # One 32-bit scale per block of 128 x 128, that is 1/128 of one for each row of a block.
        return Quantization("fp8", 8, columns, 4 / rows, dynamic_activations=True)
    if method == "mxfp4":
        return Quantization("mxfp4", 4, 32, 1, plain=frozenset(_PARTS))
    if method.startswith("modelopt"):
        return _modelopt(stored)
    if method == "bitsandbytes":
        return Quantization(method, 4 if stored.flag("load_in_4bit") else 8, 64, 0.5)
    if method == "compressed-tensors":
        return _compressed_tensors(stored)
    raise MemoryPlanError(f"The planner does not know the quantization method {shown(method)} (quant_method).")


def _modelopt(stored: Fields) -> Quantization:
    algorithm = stored.text("quant_algo").upper()
    scheme = stored.get("kv_cache_scheme")
    fp8_cache = "FP8" in (stored.get("kv_cache_quant_algo"), scheme)
    fp8_cache |= isinstance(scheme, Mapping) and scheme.get("num_bits") == 8
    # It quantizes the head too, unless that is left out.
    head = not any("lm_head" in name for name in _listed(stored))
    if algorithm == "MIXED_PRECISION":
        return Quantization("nvfp4", 4, 16, 1, kv_cache_fp8=fp8_cache, eight_bits=_in_eight_bits(stored), head=head)
    if "NVFP4" in algorithm:
        return Quantization("nvfp4", 4, 16, 1, kv_cache_fp8=fp8_cache, head=head)
    return Quantization("fp8", 8, 0, 4, kv_cache_fp8=fp8_cache)


def _in_eight_bits(stored: Fields) -> frozenset[str]:
    """Parts of which ModelOpt's list names more layers in FP8 than in fewer bits."""
    listed = stored.get("quantized_layers")
    votes = dict.fromkeys(_MIXED, 0)
    for name, said in listed.items() if isinstance(listed, Mapping) else ():
        part = next((part for part, word in _MIXED.items() if word in str(name)), None)
        if part and isinstance(said, Mapping):
            votes[part] += 1 if said.get("quant_algo") == "FP8" else -1
    return frozenset(part for part, count in votes.items() if count > 0)


def _compressed_tensors(stored: Fields) -> Quantization | None:
    groups = stored.get("config_groups")
    first = next(iter(groups.values()), None) if isinstance(groups, Mapping) else None
    group = Fields(first) if isinstance(first, Mapping) else Fields({})
    weights = group.section("weights")
    if weights is None:
        return None
    activations, scheme = group.section("input_activations"), stored.section("kv_cache_scheme")
    bits = weights.whole("num_bits", default=8, most=16)
    is_float4 = bits == 4 and weights.text("type") == "float"
    size, scale = _group(weights, "group_size", default=0), 1.0 if is_float4 else 2.0
    if weights.text("strategy") in {"channel", "tensor"}:
        size, scale = 0, 4.0
    return Quantization(
        "nvfp4" if is_float4 else "fp8" if weights.text("type") == "float" else "int",
        bits,
        size,
        scale,
        dynamic_activations=bool(activations and activations.get("dynamic")),
        kv_cache_fp8=bool(scheme and scheme.get("num_bits") == 8),
    )


def _group(section: Fields, *names: str, default: int) -> int:
    """Values that share a scale; -1 is the whole row."""
    return max(0, section.whole(*names, default=default, least=-1))


def _block(sizes: tuple[int, ...]) -> tuple[int, int]:
    if len(sizes) != 2 or not all(sizes):
        raise MemoryPlanError(f"weight_block_size in the model's config.json cannot be {shown(list(sizes))}.")
    return sizes[0], sizes[1]


def _plain_parts(stored: Fields, layers: tuple[Layer, ...]) -> frozenset[str]:
    """Parts that the checkpoint leaves out: named for at least half of the layers, or for all of them at once."""
    listed = _listed(stored)
    return frozenset(part for part, words in _PARTS.items() if _is_left_out(part, words, listed, _having(part, layers)))


def _listed(stored: Fields) -> list[str]:
    listed: list[str] = []
    for name in ("ignore", "modules_to_not_convert", "ignored_layers", "exclude_modules"):
        value = stored.get(name)
        listed += [str(item) for item in value] if isinstance(value, (list, tuple)) else []
    return listed


def _having(part: str, layers: tuple[Layer, ...]) -> int:
    """Layers with such a part, of models whose layers differ."""
    kinds = _MIXERS.get(part)
    return sum(isinstance(layer.mixer, kinds) for layer in layers) if kinds else len(layers)


def _is_left_out(part: str, words: tuple[str, ...], listed: list[str], layers: int) -> bool:
    named = [name for name in listed if any(word in name for word in words) and not _NO_LINEAR.search(name)]
    if part == "dense":
        # Routers and shared experts stand under mlp too, and are small or counted by themselves.
        named = [name for name in named if not re.search(r"expert|router|gate$", name)]
    if any(not re.search(r"\.\d+\.", name) and "vision" not in name for name in named):
        return True
    numbers = {
        found.group(1) for name in named if (found := re.search(r"layers\.(\d+)\.", name)) and "vision" not in name
    }
    return len(numbers) * 2 >= layers > 0
