# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one model on one kind of GPU: vLLM's own sum, and what comes on top of it."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from functools import lru_cache
from typing import Any

from . import kv, runtime
from .model import Model
from .reader import Config, read_model
from .refusal import cache_refusal, refusal
from .settings import AUTOMATIC, GIB, SPARE, EngineSettings, ResolvedSettings, check, check_parallel, resolve
from .stages import Parts, blocks_of, caching, parts_of, room_for


def plan(config: Config, settings: EngineSettings) -> dict[str, Any]:
    """Plan one replica; the result is what the filter returns."""
    check(settings)
    return plan_model(read_model(config, settings.quantization, settings.dtype), settings)


def plan_model(model: Model, settings: EngineSettings) -> dict[str, Any]:
    """The same of a model that is read already. The caller may change what it gets."""
    found = _planned(model, settings)
    return {**found, "settings": dict(found["settings"])}


@lru_cache(maxsize=8192)
def _planned(model: Model, settings: EngineSettings) -> dict[str, Any]:
    check_parallel(model, settings)
    if settings.max_model_len == AUTOMATIC:
        return _automatic(model, settings)
    resolved = resolve(model, settings)
    return _result(model, resolved, parts_of(model, resolved))


def _automatic(model: Model, settings: EngineSettings) -> dict[str, Any]:
    """vLLM's max_model_len -1: the model's context, or the longest that fits (_auto_fit_max_model_len)."""
    whole = _planned(model, replace(settings, max_model_len=None))
    longest = whole["largest_max_model_len"]
    if whole["fits"] or not longest:
        return whole
    return _planned(model, replace(settings, max_model_len=longest))


def _used_after_start(parts: Parts, blocks: int) -> int:
    """What this engine holds on its GPU, in CUDA's terms, without others' memory."""
    return parts.standing + blocks * parts.cache.block_bytes


def _result(model: Model, settings: ResolvedSettings, stages: list[Parts]) -> dict[str, Any]:
    blocks = blocks_of(stages, settings)
    tight = min(caching(stages) or stages, key=lambda parts: parts.cache.blocks_in(room_for(parts, settings)))
    reason = refusal(stages, settings)
    standing = max(_used_after_start(parts, blocks) for parts in stages)
    if cache_refusal(stages, settings):
        standing = max(parts.fixed + parts.context + parts.sampler_state for parts in stages)
    used = standing + int(settings.used_gib * GIB)
    return {
        "weights_gib": _gib(max(parts.weights for parts in stages)),
        "activation_gib": _gib(tight.activation),
        "cuda_graphs_gib": _gib(tight.graphs),
        "cuda_graphs_estimate_gib": _gib(tight.graphs_estimate),
        "sampler_gib": _gib(tight.sampler_state + tight.sampler_cache),
        "non_torch_gib": _gib(tight.non_torch),
        **_cache_figures(tight, blocks, settings),
        "peak_used_gib": _gib(used + runtime.driver_reserve(settings.gpu_bytes)),
        "growth_gib": _gib(max(parts.growth for parts in stages)),
        "free_gib": _gib(settings.gpu_bytes - used),
        "fits": not reason,
        "reason": reason,
        "note": _note(model),
        "largest_max_model_len": largest_length(model, stages, settings),
        "smallest_gpu_memory_utilization": smallest_utilization(stages, settings),
        "largest_gpu_memory_utilization": largest_utilization(stages, settings),
        "settings": _shown(settings),
    }


def _cache_figures(tight: Parts, blocks: int, settings: ResolvedSettings) -> dict[str, Any]:
    cache, length = tight.cache, settings.max_model_len
    figures = {
        "kv_cache_gib": _gib(room_for(tight, settings)),
        "kv_bytes_per_token": _bytes_per_token(cache, length),
        "kv_bytes_per_request": cache.bytes_for(length),
        "kv_cache_tokens": _tokens(cache, blocks, length),
    }
    if not cache.groups:
        # An encoder keeps nothing: requests are bounded by their number alone.
        return {**figures, "max_concurrency": float(settings.max_num_seqs)}
    return {**figures, "max_concurrency": round(blocks / cache.blocks_for(length), 2)}


def _note(model: Model) -> str:
    if model.only_answered:
        return "weights and KV cache are what its vLLM said; its activation is that of a plain model of its shape"
    if not model.unsure:
        return ""
    return f"{model.unsure}: its weights are planned from the size of its checkpoint"


def _gib(value: float) -> float:
    return round(value / GIB, 3)


def _shown(settings: ResolvedSettings) -> dict[str, Any]:
    return {name: value for name, value in asdict(settings).items() if value is not None}


def _bytes_per_token(cache: kv.Layout, length: int) -> int:
    """What one more token of a long request costs; with sliding windows, the mean over a request."""
    if any(group.window for group in cache.groups):
        return cache.bytes_for(length) // length
    return cache.token_bytes


def _tokens(cache: kv.Layout, blocks: int, length: int) -> int:
    """vLLM prints concurrency x max_model_len; with full attention only, that is blocks of 16 up to rounding."""
    if not cache.groups:
        return 0
    if cache.grows_only and len(cache.groups) == 1:
        return blocks * cache.groups[0].block_tokens
    return int(blocks / cache.blocks_for(length) * length)


def largest_length(model: Model, stages: list[Parts], settings: ResolvedSettings) -> int:
    """The longest max_model_len that starts at this utilization, within what the model was trained for."""
    limit = max(model.max_positions, settings.max_model_len or 0)
    return min(parts.cache.longest(max(0, room_for(parts, settings)), limit) for parts in stages)


def smallest_utilization(stages: list[Parts], settings: ResolvedSettings) -> float | None:
    """The least share in which one request of max_model_len fits; None when the whole GPU is too small."""
    need = max(parts.fixed + parts.cache.bytes_for(settings.max_model_len) for parts in stages)
    share = math.ceil(need / settings.gpu_bytes * 1000) / 1000
    return share if share <= 1 else None


def spare(growth: int) -> int:
    """What stays free at the start, for what requests take: it was seen to come to 1.4 times the plan, and to half a GiB more."""
    return max(SPARE, growth + max(growth, GIB) // 2)


def largest_utilization(stages: list[Parts], settings: ResolvedSettings) -> float:
    """The largest share that leaves 1 GiB really free once graphs and sampler have come on top of it."""
    beyond = max(parts.standing - parts.fixed for parts in stages)
    context = max(parts.context for parts in stages)
    free = settings.gpu_bytes - int(settings.used_gib * GIB)
    kept = spare(max(parts.growth for parts in stages))
    share = min(free - kept - beyond, free - context) / settings.gpu_bytes
    return max(0.0, min(1.0, math.floor(share * 1000) / 1000))
