# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of one model on one kind of GPU: vLLM's own sum, and what comes on top of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from . import kv, runtime, versions, weights
from .model import MemoryPlanError, Model, read_model

GIB = 1024**3
# What must stay really free on a GPU, for fragments and for what requests ask beyond the warm-up.
SPARE = GIB
# vLLM's value of max_model_len for "as long as fits".
AUTOMATIC = -1


@dataclass(frozen=True)
class EngineSettings:
    """vLLM's options, by their own names, and the GPU. None means vLLM's default, or the planner's choice."""

    gpu_memory_gib: float
    tensor_parallel_size: int = 1
    pipeline_parallel_size: int = 1
    gpu_memory_utilization: float | None = None
    max_model_len: int | None = None
    max_num_seqs: int | None = None
    max_num_batched_tokens: int | None = None
    dtype: str = "auto"
    quantization: str | None = None
    kv_cache_dtype: str = "auto"
    enforce_eager: bool = False
    kv_cache_memory_bytes: int | None = None
    used_gib: float = 0.0
    compile_cache: str = "cold"
    vllm_version: str = versions.MEASURED_VERSION
    weight_bytes: int | None = None

    @property
    def gpu_bytes(self) -> int:
        """The GPU's memory as CUDA sees it."""
        return int(self.gpu_memory_gib * GIB)


@dataclass(frozen=True)
class Resolved(EngineSettings):
    """EngineSettings with vLLM's defaults filled in."""

    gpu_memory_utilization: float = 0.0
    max_model_len: int = 0
    max_num_seqs: int = 0
    max_num_batched_tokens: int = 0


@dataclass(frozen=True)
class Parts:
    """Bytes on one GPU of one pipeline stage, and the layout of its KV cache."""

    weights: int
    activation: int
    graphs: int
    graphs_estimate: int
    sampler_state: int
    counted_state: int
    sampler_cache: int
    non_torch: int
    context: int
    cache: kv.Layout

    @property
    def fixed(self) -> int:
        """What vLLM takes out of its share before the KV cache."""
        return self.weights + self.activation + self.non_torch + self.graphs_estimate + self.counted_state

    @property
    def standing(self) -> int:
        """What stays on the GPU once it serves, beside the KV cache."""
        held = self.weights + self.non_torch + self.context + self.graphs
        return held + self.sampler_state + self.sampler_cache


def plan(config: Mapping[str, Any], settings: EngineSettings) -> dict[str, Any]:
    """Plan one replica; the result is what the filter returns."""
    model = read_model(config, settings.quantization, settings.dtype)
    check_parallel(model, settings)
    if settings.max_model_len == AUTOMATIC:
        return _automatic(config, settings)
    resolved = resolve(model, settings)
    stages = [_parts(model, stage, resolved) for stage in weights.stages(model.layers, resolved.pipeline_parallel_size)]
    return _result(model, resolved, stages)


def _automatic(config: Mapping[str, Any], settings: EngineSettings) -> dict[str, Any]:
    """vLLM's max_model_len -1: the model's context, or the longest that fits (_auto_fit_max_model_len)."""
    whole = plan(config, replace(settings, max_model_len=None))
    longest = whole["largest_max_model_len"]
    if whole["fits"] or not longest:
        return whole
    return plan(config, replace(settings, max_model_len=longest))


def check_parallel(model: Model, settings: EngineSettings) -> None:
    """vllm/config/model.py, verify_with_parallel_config: heads are split evenly."""
    parallel = settings.tensor_parallel_size
    if parallel < 1 or settings.pipeline_parallel_size < 1:
        raise MemoryPlanError("tensor_parallel_size and pipeline_parallel_size start at 1.")
    if settings.gpu_memory_gib <= 0:
        raise MemoryPlanError("gpu_memory_gib must be the GPU's usable memory, above 0.")
    if model.heads % parallel:
        divisors = [str(size) for size in range(1, model.heads + 1) if model.heads % size == 0 and size <= 16]
        raise MemoryPlanError(
            f"The model's {model.heads} attention heads are not divisible by tensor_parallel_size {parallel}; "
            f"use one of {', '.join(divisors)}."
        )
    utilization = settings.gpu_memory_utilization
    if utilization is not None and not 0 < utilization <= 1:
        raise MemoryPlanError(f"gpu_memory_utilization {utilization} must lie above 0 and be at most 1.")


def resolve(model: Model, settings: EngineSettings) -> Resolved:
    """Fill in vLLM's defaults."""
    engine = versions.engine_for(settings.vllm_version)
    sequences, tokens = versions.default_batch(engine, settings.gpu_bytes)
    length = settings.max_model_len or model.max_positions
    sequences = settings.max_num_seqs or sequences
    utilization = settings.gpu_memory_utilization
    filled = {
        "gpu_memory_utilization": engine.default_utilization if utilization is None else utilization,
        "max_model_len": length,
        "max_num_seqs": sequences,
        "max_num_batched_tokens": settings.max_num_batched_tokens or min(tokens, sequences * length),
    }
    return Resolved(**{**vars(settings), **filled})


def _batch(model: Model, settings: Resolved) -> runtime.Batch:
    engine = versions.engine_for(settings.vllm_version)
    return runtime.Batch(
        sequences=settings.max_num_seqs,
        tokens=settings.max_num_batched_tokens,
        eager=settings.enforce_eager,
        cold=settings.compile_cache == "cold",
        v2_runner=versions.uses_v2_runner(engine, model.architectures, model.experts is not None),
        tensor_parallel=settings.tensor_parallel_size,
    )


def _in_flight(settings: Resolved, batch: runtime.Batch) -> int:
    """vllm/config/vllm.py, max_in_flight_tokens: every batch in flight may hold its tokens."""
    if not versions.engine_for(settings.vllm_version).reserves_batches_in_flight:
        return batch.tokens
    pipeline = settings.pipeline_parallel_size
    if batch.v2_runner:
        return (pipeline + 1) * batch.tokens
    return max(2, pipeline) * batch.tokens


def _parts(model: Model, stage: weights.Stage, settings: Resolved) -> Parts:
    engine = versions.engine_for(settings.vllm_version)
    batch = _batch(model, settings)
    parallel = settings.tensor_parallel_size
    graphs = runtime.graphs(model, stage, batch)
    estimated = engine.subtracts_graph_estimate and (engine.v2_estimates_graphs or not batch.v2_runner)
    state = runtime.sampler_state(model, batch) if stage.holds_head else 0
    peak = runtime.activation(model, stage, batch, settings.max_model_len)
    several = parallel * settings.pipeline_parallel_size > 1
    return Parts(
        weights=_weights(model, stage, settings),
        activation=peak,
        graphs=graphs,
        graphs_estimate=int(graphs * runtime.GRAPH_ESTIMATE) if estimated else 0,
        sampler_state=state,
        counted_state=state if engine.counts_sampler_state else 0,
        sampler_cache=runtime.sampler_cache(model, batch, peak) if stage.holds_head else 0,
        non_torch=runtime.NON_TORCH,
        context=runtime.CONTEXT + (runtime.COMMUNICATION if several else 0),
        cache=kv.layout(model, stage, parallel, settings.kv_cache_dtype, _in_flight(settings, batch)),
    )


def _weights(model: Model, stage: weights.Stage, settings: Resolved) -> int:
    """The tensors that the configuration implies, brought to the checkpoint's real size where that is known."""
    implied = weights.rank_bytes(model, stage, settings.tensor_parallel_size)
    if not settings.weight_bytes or settings.quantization or settings.dtype != "auto":
        return implied
    ratio = settings.weight_bytes / weights.checkpoint_bytes(model)
    # A checkpoint in 32 bits is served in 16, so its size says nothing here.
    return implied if ratio > 1.5 else int(implied * ratio)


def requested(settings: Resolved) -> int:
    """vllm/v1/worker/utils.py, request_memory: the share, rounded up."""
    return math.ceil(settings.gpu_bytes * settings.gpu_memory_utilization)


def _room(parts: Parts, settings: Resolved) -> int:
    if settings.kv_cache_memory_bytes is not None:
        return settings.kv_cache_memory_bytes
    return requested(settings) - parts.fixed


def _blocks(stages: list[Parts], settings: Resolved) -> int:
    """All stages get as many blocks as the poorest: kv_cache_utils.py, get_kv_cache_configs."""
    return min(parts.cache.blocks_in(_room(parts, settings)) for parts in stages)


def _used_after_start(parts: Parts, blocks: int) -> int:
    """What this engine holds on its GPU, in CUDA's terms, without others' memory."""
    return parts.standing + blocks * parts.cache.block_bytes


def _live_after_start(parts: Parts, blocks: int) -> int:
    """The part that torch cannot give back: about a quarter of the warm-up's cache is free blocks."""
    return parts.standing - parts.sampler_cache // 4 + blocks * parts.cache.block_bytes


def refusal(stages: list[Parts], settings: Resolved) -> str:
    """The reason that vLLM would give, in its own words' order; empty when it starts."""
    tight = min(stages, key=lambda parts: _room(parts, settings))
    held = int(settings.used_gib * GIB)
    free = settings.gpu_bytes - held - tight.context
    load = tight.weights + tight.activation + tight.non_torch
    if settings.kv_cache_memory_bytes is None and free < requested(settings):
        return (
            f"Free memory at start ({free / GIB:.2f} GiB) is less than the share asked for "
            f"({settings.gpu_memory_utilization} of {settings.gpu_memory_gib:.2f} GiB = "
            f"{requested(settings) / GIB:.2f} GiB)."
        )
    if settings.kv_cache_memory_bytes is None and load > free:
        return (
            f"CUDA out of memory: weights ({tight.weights / GIB:.2f} GiB) and activation "
            f"({tight.activation / GIB:.2f} GiB) are more than the {free / GIB:.2f} GiB that are free."
        )
    return _cache_refusal(stages, settings) or _overflow(stages, settings)


def _cache_refusal(stages: list[Parts], settings: Resolved) -> str:
    tight = min(stages, key=lambda parts: _room(parts, settings))
    room = _room(tight, settings)
    if room <= 0:
        return (
            f"No available memory for the cache blocks: {_sum_text(tight, settings)} leaves {room / GIB:.2f} GiB "
            "for the KV cache."
        )
    for parts in stages:
        room = _room(parts, settings)
        needed = parts.cache.blocks_for(settings.max_model_len) * parts.cache.block_bytes
        if needed > room:
            longest = parts.cache.longest(room, settings.max_model_len)
            return (
                f"One request of {settings.max_model_len} tokens needs {needed / GIB:.2f} GiB of KV cache, and "
                f"{room / GIB:.2f} GiB are left ({_sum_text(parts, settings)}); the longest that fits is {longest}."
            )
    return ""


def _overflow(stages: list[Parts], settings: Resolved) -> str:
    """The engine fits its share, but what comes on top of the share no longer fits the GPU."""
    blocks = _blocks(stages, settings)
    over = max(_live_after_start(parts, blocks) for parts in stages) + int(settings.used_gib * GIB) - settings.gpu_bytes
    if over <= 0:
        return ""
    return (
        f"CUDA out of memory after the KV cache is taken: graphs and sampler come on top of the share, and together "
        f"they pass the GPU's memory by {over / GIB:.2f} GiB. Lower gpu_memory_utilization or max_num_seqs."
    )


def _sum_text(parts: Parts, settings: Resolved) -> str:
    share = settings.gpu_memory_utilization
    text = (
        f"{share} x {settings.gpu_memory_gib:.2f} = {requested(settings) / GIB:.2f} GiB, less weights "
        f"{parts.weights / GIB:.2f}, activation {parts.activation / GIB:.2f}, non-torch {parts.non_torch / GIB:.2f}"
    )
    beside = parts.graphs_estimate + parts.counted_state
    return f"{text}, graphs and sampler {beside / GIB:.2f}" if beside else text


def _result(model: Model, settings: Resolved, stages: list[Parts]) -> dict[str, Any]:
    blocks = _blocks(stages, settings)
    tight = min(stages, key=lambda parts: parts.cache.blocks_in(_room(parts, settings)))
    reason = refusal(stages, settings)
    needed = tight.cache.blocks_for(settings.max_model_len)
    concurrency = blocks / needed
    standing = max(_used_after_start(parts, blocks) for parts in stages)
    if _cache_refusal(stages, settings):
        standing = max(parts.fixed + parts.context + parts.sampler_state for parts in stages)
    used = standing + int(settings.used_gib * GIB)
    return {
        "weights_gib": _gib(max(parts.weights for parts in stages)),
        "activation_gib": _gib(tight.activation),
        "cuda_graphs_gib": _gib(tight.graphs),
        "cuda_graphs_estimate_gib": _gib(tight.graphs_estimate),
        "sampler_gib": _gib(tight.sampler_state + tight.sampler_cache),
        "non_torch_gib": _gib(tight.non_torch),
        "kv_cache_gib": _gib(_room(tight, settings)),
        "kv_bytes_per_token": _bytes_per_token(tight.cache, settings.max_model_len),
        "kv_cache_tokens": _tokens(tight.cache, blocks, settings.max_model_len),
        "max_concurrency": round(concurrency, 2),
        "peak_used_gib": _gib(used + runtime.driver_reserve(settings.gpu_bytes)),
        "free_gib": _gib(settings.gpu_bytes - used),
        "fits": not reason,
        "reason": reason,
        "largest_max_model_len": largest_length(model, stages, settings),
        "smallest_gpu_memory_utilization": smallest_utilization(stages, settings),
        "largest_gpu_memory_utilization": largest_utilization(stages, settings),
        "settings": _shown(settings),
    }


def _gib(value: float) -> float:
    return round(value / GIB, 3)


def _shown(settings: Resolved) -> dict[str, Any]:
    return {name: value for name, value in asdict(settings).items() if value is not None}


def _bytes_per_token(cache: kv.Layout, length: int) -> int:
    """What one more token of a long request costs; with sliding windows, the mean over a request."""
    if not any(cache.group_windows):
        return cache.block_bytes // kv.BLOCK
    return cache.blocks_for(length) * cache.block_bytes // length


def _tokens(cache: kv.Layout, blocks: int, length: int) -> int:
    """vLLM prints concurrency x max_model_len; with full attention only, that is blocks of 16 up to rounding."""
    if not any(cache.group_windows):
        return blocks * kv.BLOCK
    return int(blocks / cache.blocks_for(length) * length)


def largest_length(model: Model, stages: list[Parts], settings: Resolved) -> int:
    """The longest max_model_len that starts at this utilization, within what the model was trained for."""
    limit = max(model.max_positions, settings.max_model_len or 0)
    return min(parts.cache.longest(max(0, _room(parts, settings)), limit) for parts in stages)


def smallest_utilization(stages: list[Parts], settings: Resolved) -> float | None:
    """The least share in which one request of max_model_len fits; None when the whole GPU is too small."""
    need = max(
        parts.fixed + parts.cache.blocks_for(settings.max_model_len) * parts.cache.block_bytes for parts in stages
    )
    share = math.ceil(need / settings.gpu_bytes * 1000) / 1000
    return share if share <= 1 else None


def largest_utilization(stages: list[Parts], settings: Resolved) -> float:
    """The largest share that leaves 1 GiB really free once graphs and sampler have come on top of it."""
    beyond = max(parts.standing - parts.fixed for parts in stages)
    context = max(parts.context for parts in stages)
    free = settings.gpu_bytes - int(settings.used_gib * GIB)
    share = min(free - SPARE - beyond, free - context) / settings.gpu_bytes
    return max(0.0, min(1.0, math.floor(share * 1000) / 1000))
