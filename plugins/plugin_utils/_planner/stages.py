# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each pipeline stage takes of its GPU: weights, activation, graphs, sampler, cache. Used by plan and refusal."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from . import kv, runtime, versions, weights
from .answers import AnsweredStage
from .model import MemoryPlanError, Model
from .settings import ResolvedSettings

# A plain reading of an unknown architecture that is further from the checkpoint's size is no reading of it.
_PLAUSIBLE = (0.85, 1.15)


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
    beside: int
    growth: int
    cache: kv.Layout

    @property
    def fixed(self) -> int:
        """What vLLM takes out of its share before the KV cache."""
        return self.weights + self.activation + self.non_torch + self.graphs_estimate + self.counted_state

    @property
    def standing(self) -> int:
        """What stays on the GPU once it serves, beside the KV cache."""
        held = self.weights + self.non_torch + self.context + self.graphs
        return held + self.sampler_state + self.sampler_cache + self.beside


def parts_of(model: Model, settings: ResolvedSettings) -> list[Parts]:
    """The parts of every stage."""
    stages = weights.stages(len(model.layers), settings.pipeline_parallel_size)
    return [_parts(model, stage, settings) for stage in stages]


def _batch(model: Model, settings: ResolvedSettings) -> runtime.Batch:
    engine, generates = versions.engine_for(settings.vllm_version), model.generates(settings.runner)
    return runtime.Batch(
        sequences=settings.max_num_seqs,
        tokens=settings.max_num_batched_tokens,
        eager=settings.enforce_eager,
        cold=settings.compile_cache == "cold",
        v2_runner=versions.uses_v2_runner(
            engine, model.architectures, model.experts is not None, model.keeps_states or not generates
        ),
        generates=generates,
        flashinfer_sampler=settings.flashinfer_sampler,
        whole_experts=settings.enable_expert_parallel,
        tensor_parallel=settings.tensor_parallel_size,
        pipeline_parallel=settings.pipeline_parallel_size,
    )


def _in_flight(settings: ResolvedSettings, batch: runtime.Batch) -> int:
    """vllm/config/vllm.py, max_in_flight_tokens: every batch in flight may hold its tokens."""
    if not versions.engine_for(settings.vllm_version).reserves_batches_in_flight:
        return batch.tokens
    pipeline = settings.pipeline_parallel_size
    if batch.v2_runner:
        return (pipeline + 1) * batch.tokens
    return max(2, pipeline) * batch.tokens


def _parts(model: Model, stage: weights.Stage, settings: ResolvedSettings) -> Parts:
    engine = versions.engine_for(settings.vllm_version)
    batch = _batch(model, settings)
    graphs = runtime.graphs(model, stage, batch)
    if batch.several and batch.v2_runner and graphs:
        graphs += runtime.GRAPHS_OF_SEVERAL
    estimated = engine.subtracts_graph_estimate and (engine.v2_estimates_graphs or not batch.v2_runner)
    state = runtime.sampler_state(model, batch) if stage.holds_head else 0
    peak = runtime.activation(model, stage, batch, settings.max_model_len)
    warm = runtime.activation(model, stage, replace(batch, cold=False), settings.max_model_len)
    left = runtime.sampler_cache(model, batch, peak) if stage.holds_head else 0
    told = _answered(model, stage, settings)
    return Parts(
        weights=_weights(model, stage, settings, told),
        activation=peak,
        graphs=graphs,
        graphs_estimate=int(graphs * runtime.GRAPH_ESTIMATE) if estimated else 0,
        sampler_state=state,
        counted_state=state if engine.counts_sampler_state else 0,
        sampler_cache=left,
        non_torch=runtime.non_torch(model, batch),
        context=runtime.CONTEXT + runtime.communication(model, batch),
        beside=runtime.workspace(model, batch) + runtime.pipeline(batch) + runtime.tower(model, stage),
        growth=runtime.growth(model, batch, warm, left) + runtime.tower(model, stage),
        cache=_cache(model, stage, settings, batch, told),
    )


def _cache(
    model: Model, stage: weights.Stage, settings: ResolvedSettings, batch: runtime.Batch, told: AnsweredStage | None
) -> kv.Layout:
    engine, in_flight = versions.engine_for(settings.vllm_version), _in_flight(settings, batch)
    if told:
        return _laid(told, in_flight)
    prefixes = settings.enable_prefix_caching
    if prefixes is None:
        prefixes = engine.hybrids_cache_prefixes
    return kv.layout(
        model,
        stage,
        settings.tensor_parallel_size,
        settings.kv_cache_dtype,
        in_flight,
        engine.keeps_chunks,
        kv.STATES_WITH_PREFIXES if prefixes else 1,
    )


def _answered(model: Model, stage: weights.Stage, settings: ResolvedSettings) -> AnsweredStage | None:
    """What vLLM said of this stage, where it was asked for the same sizes."""
    told = model.answered
    if told is None:
        return None
    number = [one.first for one in weights.stages(len(model.layers), settings.pipeline_parallel_size)].index(
        stage.first
    )
    same = told.tensor_parallel == settings.tensor_parallel_size and len(told.stages) == settings.pipeline_parallel_size
    if same and told.expert_parallel == settings.enable_expert_parallel:
        return told.stages[number]
    if model.only_answered:
        raise MemoryPlanError(
            f"What this model takes is known for tensor_parallel_size {told.tensor_parallel} and pipeline_parallel_size "
            f"{len(told.stages)} only, for which its vLLM was asked."
        )
    return None


def _laid(told: AnsweredStage, in_flight: int) -> kv.Layout:
    groups = tuple(kv.Group(*one[:-1]) for one in told.groups)
    return kv.Layout(told.block_bytes, groups, in_flight)


def _weights(model: Model, stage: weights.Stage, settings: ResolvedSettings, told: AnsweredStage | None) -> int:
    """vLLM's own tensors; else those that the configuration implies, brought to the checkpoint's real size where that is known."""
    if told and model.only_answered:
        return weights.held(told.tensors)
    multiples = versions.engine_for(settings.vllm_version).mxfp4_multiples
    expert_parallel = settings.enable_expert_parallel
    implied = weights.rank_bytes(model, stage, settings.tensor_parallel_size, multiples, expert_parallel)
    if told and model.quantization is None:
        return weights.held(told.tensors)
    as_stored = settings.weight_bytes and not settings.quantization and settings.dtype == "auto"
    if model.unsure:
        return int(implied * plausible_ratio(model, settings.weight_bytes))
    if not as_stored:
        return implied
    ratio = (settings.weight_bytes or 0) / weights.checkpoint_bytes(model)
    # A checkpoint in 32 bits is served in 16, so its size says nothing here.
    return implied if ratio > 1.5 else int(implied * ratio)


def plausible_ratio(model: Model, weight_bytes: int | None) -> float:
    """The checkpoint's size to the implied one, of a model whose weights the formulas do not know; 1 where they do."""
    if not model.unsure:
        return 1.0
    remedy = "Set gpu_memory_utilization and max_model_len by hand."
    if not weight_bytes:
        raise MemoryPlanError(
            f"{_sentence(model)}, and the size of its checkpoint (weight_bytes) is not known. {remedy}"
        )
    ratio = weight_bytes / weights.checkpoint_bytes(model)
    if not model.unknown or _PLAUSIBLE[0] <= ratio <= _PLAUSIBLE[1]:
        return ratio
    raise MemoryPlanError(
        f"{_sentence(model)}, and its checkpoint is {ratio:.2f} times as large as its config.json says in plain words. "
        f"{remedy}"
    )


def _sentence(model: Model) -> str:
    return model.unsure[:1].upper() + model.unsure[1:]


def requested(settings: ResolvedSettings) -> int:
    """vllm/v1/worker/utils.py, request_memory: the share, rounded up."""
    return math.ceil(settings.gpu_bytes * settings.gpu_memory_utilization)


def room_for(parts: Parts, settings: ResolvedSettings) -> int:
    """Bytes left for the KV cache."""
    if settings.kv_cache_memory_bytes is not None:
        return settings.kv_cache_memory_bytes
    return requested(settings) - parts.fixed


def blocks_of(stages: list[Parts], settings: ResolvedSettings) -> int:
    """All stages get as many blocks as the poorest: kv_cache_utils.py, get_kv_cache_configs."""
    return min((parts.cache.blocks_in(room_for(parts, settings)) for parts in caching(stages)), default=0)


def caching(stages: list[Parts]) -> list[Parts]:
    """The stages that keep anything; none of an encoder."""
    return [parts for parts in stages if parts.cache.block_bytes]
