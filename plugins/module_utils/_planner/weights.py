# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of the weights on each GPU, tensor by tensor, as vLLM fuses them and torch's allocator rounds them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from .model import DTYPE_BYTES, Latent, Model, PlanError

MIB = 1024**2


@dataclass(frozen=True)
class Stage:
    """The layers of one pipeline stage."""

    first: int
    last: int
    holds_embedding: bool
    holds_head: bool

    @property
    def layers(self) -> range:
        """Indexes of the layers in this stage."""
        return range(self.first, self.last)


def stages(layers: int, pipeline: int) -> list[Stage]:
    """Split as vllm/distributed/utils.py, get_pp_indices does: the rest goes to the stages before the last."""
    if layers < pipeline:
        raise PlanError(f"pipeline_parallel_size {pipeline} is more than the model's {layers} layers.")
    sizes = [layers // pipeline] * pipeline
    for index in range(2, layers % pipeline + 2):
        sizes[-index] += 1
    found, first = [], 0
    for index, size in enumerate(sizes):
        found.append(Stage(first, first + size, index == 0, index == pipeline - 1))
        first += size
    return found


def allocated(size: int) -> int:
    """What torch's caching allocator holds for a tensor of this size.

    Blocks of 10 MiB and more come in multiples of 2 MiB; while weights load, vLLM forbids splitting blocks above
    20 MiB, so the rest of such a block is lost (vllm/v1/worker/gpu_worker.py, load_model; torch
    c10/cuda/CUDACachingAllocator.cpp, get_allocation_size and should_split).
    """
    if size < 10 * MIB:
        return -(-size // 512) * 512
    rounded = -(-size // (2 * MIB)) * 2 * MIB
    if size < 20 * MIB and rounded - size > MIB:
        return size
    return rounded


def linear(model: Model, rows: int, columns: int, expert: bool = False) -> int:
    """Bytes of one linear layer with rows outputs and columns inputs."""
    quantization = model.quantization
    if quantization is None or (quantization.experts_only and not expert):
        return rows * columns * DTYPE_BYTES[model.dtype]
    return quantization.weight_bytes(rows, columns)


def embedding_bytes(model: Model, tensor_parallel: int) -> int:
    """Bytes of the token embedding on one GPU; vLLM pads the vocabulary to a multiple of 64."""
    padded = -(-model.vocab // 64) * 64
    return -(-padded // tensor_parallel) * model.hidden * DTYPE_BYTES[model.dtype]


@lru_cache(maxsize=512)
def rank_bytes(model: Model, stage: Stage, tensor_parallel: int) -> int:
    """Bytes that one GPU of a stage holds once the weights are loaded."""
    return sum(allocated(size) for size in _tensors(model, stage, tensor_parallel))


@lru_cache(maxsize=512)
def checkpoint_bytes(model: Model) -> int:
    """Bytes of the whole model as stored: what the safetensors index calls total_size."""
    whole = Stage(0, model.layers, True, True)
    made_while_loading = _rope_bytes(model) + model.layers * sum(_unpacked_latent(model, 1))
    return sum(_tensors(model, whole, 1)) - made_while_loading


def _tensors(model: Model, stage: Stage, tensor_parallel: int) -> Iterator[int]:
    yield _rope_bytes(model)
    if stage.holds_embedding or (stage.holds_head and model.tied):
        yield embedding_bytes(model, tensor_parallel)
    if stage.holds_head and not model.tied:
        yield embedding_bytes(model, tensor_parallel)
    if stage.holds_embedding and model.vision_parameters:
        yield model.vision_parameters * DTYPE_BYTES[model.dtype] // tensor_parallel
    for layer in stage.layers:
        yield from _attention(model, tensor_parallel)
        yield from _feed_forward(model, layer, tensor_parallel)
        yield model.norms_per_layer * model.hidden * DTYPE_BYTES[model.dtype]


def _rope_bytes(model: Model) -> int:
    """The table of cosines and sines, one for all layers: vllm/model_executor/layers/rotary_embedding."""
    width = model.latent.rope_dim if model.latent else model.head_dim
    return model.max_positions * width * DTYPE_BYTES[model.dtype]


def kv_heads_per_rank(model: Model, tensor_parallel: int) -> int:
    """Key-value heads on one GPU: at least one, copied where there are fewer heads than GPUs."""
    return max(1, model.kv_heads // tensor_parallel)


def _attention(model: Model, tensor_parallel: int) -> Iterator[int]:
    if model.latent:
        yield from _latent_attention(model, model.latent, tensor_parallel)
        return
    queries = model.query_size // tensor_parallel
    keys = kv_heads_per_rank(model, tensor_parallel) * model.head_dim
    yield linear(model, queries + 2 * keys, model.hidden)
    yield linear(model, model.hidden, queries)
    if model.attention_bias:
        yield (queries + 2 * keys) * DTYPE_BYTES[model.dtype]


def _latent_attention(model: Model, latent: Latent, tensor_parallel: int) -> Iterator[int]:
    """The projections of vllm/model_executor/models/deepseek_v2.py, DeepseekV2MLAAttention."""
    heads = model.heads // tensor_parallel
    queries = heads * (latent.nope_dim + latent.rope_dim)
    if latent.query_rank:
        yield linear(model, latent.query_rank + latent.kv_rank + latent.rope_dim, model.hidden)
        yield linear(model, queries, latent.query_rank)
    else:
        yield linear(model, latent.kv_rank + latent.rope_dim, model.hidden)
        yield linear(model, queries, model.hidden)
    yield linear(model, heads * (latent.nope_dim + latent.value_dim), latent.kv_rank)
    yield linear(model, model.hidden, heads * latent.value_dim)
    yield from _unpacked_latent(model, tensor_parallel)


def _unpacked_latent(model: Model, tensor_parallel: int) -> tuple[int, ...]:
    """W_UK and W_UV (mla_attention.py, process_weights_after_loading): views of kv_b_proj, copies where it is quantized."""
    if not model.latent or model.quantization is None or model.quantization.experts_only:
        return ()
    size = model.heads // tensor_parallel * model.latent.kv_rank * DTYPE_BYTES[model.dtype]
    return size * model.latent.nope_dim, size * model.latent.value_dim


def _feed_forward(model: Model, layer: int, tensor_parallel: int) -> Iterator[int]:
    experts = model.experts
    if experts is None or not experts.is_expert_layer(layer):
        yield from _mlp(model, model.intermediate // tensor_parallel)
        return
    width = experts.intermediate // tensor_parallel
    yield experts.count * linear(model, 2 * width, model.hidden, expert=True)
    yield experts.count * linear(model, model.hidden, width, expert=True)
    yield experts.count * model.hidden * DTYPE_BYTES[model.dtype]
    if experts.shared_intermediate:
        yield from _mlp(model, experts.shared_intermediate // tensor_parallel)


def _mlp(model: Model, width: int) -> Iterator[int]:
    yield linear(model, (2 if model.gated_mlp else 1) * width, model.hidden)
    yield linear(model, model.hidden, width)
