# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of the weights on each GPU, tensor by tensor, as vLLM fuses them and torch's allocator rounds them."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from .model import DTYPE_BYTES, Latent, MemoryPlanError, Model

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
        raise MemoryPlanError(f"pipeline_parallel_size {pipeline} is more than the model's {layers} layers.")
    sizes = [layers // pipeline] * pipeline
    for index in range(2, layers % pipeline + 2):
        sizes[-index] += 1
    found, first = [], 0
    for index, size in enumerate(sizes):
        found.append(Stage(first, first + size, index == 0, index == pipeline - 1))
        first += size
    return found


class Weight(NamedTuple):
    """A tensor on the GPU, in bytes, and what it is loaded as where vLLM quantizes it afterwards."""

    size: int
    loaded: int = 0


class Allocator:
    """Torch's caching allocator while weights load: c10/cuda/CUDACachingAllocator.cpp, alloc_block and should_split.

    Tensors from 10 MiB on get segments in steps of 2 MiB, smaller ones parts of 20 MiB. vLLM forbids splitting blocks of
    20 MiB and more meanwhile (vllm/v1/worker/gpu_worker.py, load_model), so the rest of such a block is lost, and a free one
    is used for anything that is less than 20 MiB smaller.
    """

    SPLIT = 20 * MIB

    def __init__(self) -> None:
        self.held = 0
        self._free: list[int] = []

    def take(self, size: int) -> int:
        """Allocate a tensor; the size of its block."""
        size = -(-size // 512) * 512
        block = size if size <= MIB else self._large(size)
        self.held += block
        return block

    def give(self, block: int) -> None:
        """Free a tensor's block."""
        self.held -= block
        if block > MIB:
            insort(self._free, block)

    def _large(self, size: int) -> int:
        block = self._reused(size)
        if not block:
            block = self.SPLIT if size < 10 * MIB else -(-size // (2 * MIB)) * 2 * MIB
        if size < self.SPLIT and block - size > MIB:
            insort(self._free, block - size)
            return size
        return block

    def _reused(self, size: int) -> int:
        index = bisect_left(self._free, size)
        if index == len(self._free):
            return 0
        block = self._free[index]
        limit = self.SPLIT if size < self.SPLIT else size + self.SPLIT
        return self._free.pop(index) if block < limit else 0


def linear(model: Model, rows: int, columns: int, experts: int = 0) -> Iterator[Weight]:
    """One linear layer with rows outputs and columns inputs, or that of all experts."""
    quantization, count = model.quantization, experts or 1
    plain = count * rows * columns * DTYPE_BYTES[model.dtype]
    if quantization is None or (quantization.experts_only and not experts):
        yield Weight(plain)
        return
    values, scales = quantization.weight_bytes(rows, columns)
    yield Weight(count * values, plain if quantization.online else 0)
    yield Weight(count * scales)


def embedding_bytes(model: Model, tensor_parallel: int) -> int:
    """Bytes of the token embedding on one GPU; vLLM pads the vocabulary to a multiple of 64."""
    padded = -(-model.vocab // 64) * 64
    return -(-padded // tensor_parallel) * model.hidden * DTYPE_BYTES[model.dtype]


@lru_cache(maxsize=512)
def rank_bytes(model: Model, stage: Stage, tensor_parallel: int) -> int:
    """Bytes that one GPU of a stage holds once the weights are loaded."""
    memory = Allocator()
    for weight in _tensors(model, stage, tensor_parallel):
        block = memory.take(weight.loaded) if weight.loaded else 0
        memory.take(weight.size)
        memory.give(block)
    return memory.held


@lru_cache(maxsize=512)
def checkpoint_bytes(model: Model) -> int:
    """Bytes of the whole model as stored: what the safetensors index calls total_size."""
    whole = Stage(0, model.layers, True, True)
    made_while_loading = _rope_bytes(model) + model.layers * sum(_unpacked_latent(model, 1))
    return sum(weight.size for weight in _tensors(model, whole, 1)) - made_while_loading


def _tensors(model: Model, stage: Stage, tensor_parallel: int) -> Iterator[Weight]:
    yield Weight(_rope_bytes(model))
    if stage.holds_embedding or (stage.holds_head and model.tied):
        yield Weight(embedding_bytes(model, tensor_parallel))
    if stage.holds_head and not model.tied:
        yield Weight(embedding_bytes(model, tensor_parallel))
    if stage.holds_embedding and model.vision_parameters:
        yield Weight(model.vision_parameters * DTYPE_BYTES[model.dtype] // tensor_parallel)
    for layer in stage.layers:
        yield from _attention(model, tensor_parallel)
        yield from _feed_forward(model, layer, tensor_parallel)
        yield Weight(model.norms_per_layer * model.hidden * DTYPE_BYTES[model.dtype])


def _rope_bytes(model: Model) -> int:
    """The table of cosines and sines, one for all layers: vllm/model_executor/layers/rotary_embedding."""
    width = model.latent.rope_dim if model.latent else model.head_dim
    return model.max_positions * width * DTYPE_BYTES[model.dtype]


def kv_heads_per_rank(model: Model, tensor_parallel: int) -> int:
    """Key-value heads on one GPU: at least one, copied where there are fewer heads than GPUs."""
    return max(1, model.kv_heads // tensor_parallel)


def _attention(model: Model, tensor_parallel: int) -> Iterator[Weight]:
    if model.latent:
        yield from _latent_attention(model, model.latent, tensor_parallel)
        return
    queries = model.query_size // tensor_parallel
    keys = kv_heads_per_rank(model, tensor_parallel) * model.head_dim
    yield from linear(model, queries + 2 * keys, model.hidden)
    yield from linear(model, model.hidden, queries)
    if model.attention_bias:
        yield Weight((queries + 2 * keys) * DTYPE_BYTES[model.dtype])


def _latent_attention(model: Model, latent: Latent, tensor_parallel: int) -> Iterator[Weight]:
    """The projections of vllm/model_executor/models/deepseek_v2.py, DeepseekV2MLAAttention."""
    heads = model.heads // tensor_parallel
    queries = heads * (latent.nope_dim + latent.rope_dim)
    if latent.query_rank:
        yield from linear(model, latent.query_rank + latent.kv_rank + latent.rope_dim, model.hidden)
        yield from linear(model, queries, latent.query_rank)
    else:
        yield from linear(model, latent.kv_rank + latent.rope_dim, model.hidden)
        yield from linear(model, queries, model.hidden)
    yield from linear(model, heads * (latent.nope_dim + latent.value_dim), latent.kv_rank)
    yield from linear(model, model.hidden, heads * latent.value_dim)
    yield from map(Weight, _unpacked_latent(model, tensor_parallel))


def _unpacked_latent(model: Model, tensor_parallel: int) -> tuple[int, ...]:
    """W_UK and W_UV (mla_attention.py, process_weights_after_loading): views of kv_b_proj, copies where it is quantized."""
    if not model.latent or model.quantization is None or model.quantization.experts_only:
        return ()
    size = model.heads // tensor_parallel * model.latent.kv_rank * DTYPE_BYTES[model.dtype]
    return size * model.latent.nope_dim, size * model.latent.value_dim


def _feed_forward(model: Model, layer: int, tensor_parallel: int) -> Iterator[Weight]:
    experts = model.experts
    if experts is None or not experts.is_expert_layer(layer):
        yield from _mlp(model, model.intermediate // tensor_parallel)
        return
    width = experts.intermediate // tensor_parallel
    yield from linear(model, 2 * width, model.hidden, experts.count)
    yield from linear(model, model.hidden, width, experts.count)
    yield Weight(experts.count * model.hidden * DTYPE_BYTES[model.dtype])
    if experts.shared_intermediate:
        yield from _mlp(model, experts.shared_intermediate // tensor_parallel)


def _mlp(model: Model, width: int) -> Iterator[Weight]:
    yield from linear(model, (2 if model.gated_mlp else 1) * width, model.hidden)
    yield from linear(model, model.hidden, width)
