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

from .model import DTYPE_BYTES, Attention, Dense, Experts, Latent, Layer, MemoryPlanError, Model, State

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


def linear(model: Model, rows: int, columns: int, part: str = "", count: int = 1) -> Iterator[Weight]:
    """One linear layer with rows outputs and columns inputs, or that of count experts; part is what it belongs to."""
    quantization = model.quantization
    plain = count * rows * columns * DTYPE_BYTES[model.dtype]
    if quantization is None or part in quantization.plain:
        yield Weight(plain)
        return
    if part in quantization.eight_bits:
        yield Weight(count * (rows * columns + 4))
        return
    values, scales = quantization.weight_bytes(rows, columns)
    yield Weight(count * values, plain if quantization.online else 0)
    yield Weight(count * scales)


def embedding_bytes(model: Model, tensor_parallel: int) -> int:
    """Bytes of the token embedding on one GPU; vLLM pads the vocabulary to a multiple of 64."""
    padded = -(-model.vocab // 64) * 64
    return -(-padded // tensor_parallel) * model.hidden * DTYPE_BYTES[model.dtype]


@lru_cache(maxsize=4096)
def rank_bytes(
    model: Model,
    stage: Stage,
    tensor_parallel: int,
    multiples: tuple[int, int] = (1, 1),
    expert_parallel: bool = False,
) -> int:
    """Bytes that one GPU of a stage holds once the weights are loaded; multiples are those of versions.mxfp4_multiples."""
    memory = Allocator()
    for weight in tensors(model, stage, tensor_parallel, multiples, expert_parallel):
        block = memory.take(weight.loaded) if weight.loaded else 0
        memory.take(weight.size)
        memory.give(block)
    return memory.held


def held(tensors_of_sizes: tuple[tuple[int, int], ...]) -> int:
    """Bytes that tensors of these sizes take, each as many times as it says."""
    memory = Allocator()
    for size, count in tensors_of_sizes:
        for _number in range(min(count, 100_000)):
            memory.take(size)
    return memory.held


@lru_cache(maxsize=4096)
def checkpoint_bytes(model: Model) -> int:
    """Bytes of the whole model as stored: what the safetensors index calls total_size."""
    whole = Stage(0, len(model.layers), True, True)
    return sum(weight.size for weight in tensors(model, whole, 1)) - _not_stored(model)


def _not_stored(model: Model) -> int:
    """What vLLM makes while it loads."""
    made = _rope_bytes(model)
    for layer in model.layers:
        if isinstance(layer.mixer, Latent):
            made += sum(_unpacked_latent(model, layer.mixer, 1))
        if isinstance(layer.mixer, Attention) and layer.mixer.values_are_keys:
            values = layer.mixer.kv_heads * layer.mixer.head_dim
            made += sum(weight.size for weight in linear(model, values, model.hidden, "attention"))
    return made


def tensors(
    model: Model,
    stage: Stage,
    tensor_parallel: int,
    multiples: tuple[int, int] = (1, 1),
    expert_parallel: bool = False,
) -> Iterator[Weight]:
    """Of one GPU of a stage."""
    size = DTYPE_BYTES[model.dtype]
    yield Weight(_rope_bytes(model))
    if stage.holds_embedding or model.embeds_everywhere or (stage.holds_head and model.tied):
        yield Weight(embedding_bytes(model, tensor_parallel))
    if (stage.holds_head or model.heads_everywhere) and not model.tied:
        yield from _head(model, tensor_parallel)
    if stage.holds_embedding and model.extra_parameters:
        yield Weight(model.extra_parameters * size)
    if stage.holds_embedding and any(model.tower):
        yield Weight(model.tower[0] * size // tensor_parallel + model.tower[1] * size)
    if stage.holds_head and model.head_bytes:
        yield Weight(model.head_bytes)
    divided = 1 if model.undivided else tensor_parallel
    for index in stage.layers:
        layer = model.layers[index]
        yield from _mixer(model, layer, divided)
        yield from _feed_forward(model, layer, divided, multiples, expert_parallel)
        yield Weight(layer.norms * model.hidden * size)


def _head(model: Model, tensor_parallel: int) -> Iterator[Weight]:
    if model.quantization and model.quantization.head:
        yield from linear(model, -(-model.vocab // 64) * 64 // tensor_parallel, model.hidden, "head")
    else:
        yield Weight(embedding_bytes(model, tensor_parallel))


def _rope_bytes(model: Model) -> int:
    """The table of cosines and sines of each width: vllm/model_executor/layers/rotary_embedding."""
    if model.encoder:
        return 0
    widths = {mixer.rope_dim if isinstance(mixer, Latent) else mixer.head_dim for mixer in _attentions(model)}
    rows = model.ropes * model.max_positions + model.rope_rows_beyond
    return int(rows * sum(widths) * model.rotated) * DTYPE_BYTES[model.dtype]


def _attentions(model: Model) -> list[Attention | Latent]:
    return [mixer for mixer in model.mixers if not isinstance(mixer, State)]


def _mixer(model: Model, layer: Layer, tensor_parallel: int) -> Iterator[Weight]:
    if isinstance(layer.mixer, Attention):
        yield from _attention(model, layer.mixer, tensor_parallel)
    elif isinstance(layer.mixer, Latent):
        yield from _latent_attention(model, layer.mixer, tensor_parallel)
    elif isinstance(layer.mixer, State):
        yield from _state(model, layer.mixer, tensor_parallel)


def kv_heads_per_rank(attention: Attention, tensor_parallel: int) -> int:
    """Key-value heads on one GPU: at least one, copied where there are fewer heads than GPUs."""
    return max(1, attention.kv_heads // tensor_parallel)


def _attention(model: Model, attention: Attention, tensor_parallel: int) -> Iterator[Weight]:
    heads = attention.width // tensor_parallel
    queries = heads * (2 if attention.gated else 1)
    keys = kv_heads_per_rank(attention, tensor_parallel) * attention.head_dim if attention.projects_keys else 0
    yield from linear(model, queries + 2 * keys, model.hidden, "attention")
    yield from linear(model, model.hidden, heads, "attention")
    if attention.bias:
        yield Weight((queries + 2 * keys) * DTYPE_BYTES[model.dtype])


def _latent_attention(model: Model, latent: Latent, tensor_parallel: int) -> Iterator[Weight]:
    """The projections of vllm/model_executor/models/deepseek_v2.py, DeepseekV2MLAAttention."""
    heads = latent.heads // tensor_parallel
    queries = heads * (latent.nope_dim + latent.rope_dim)
    if latent.query_rank:
        yield from linear(model, latent.query_rank + latent.kv_rank + latent.rope_dim, model.hidden, "attention")
        yield from linear(model, queries, latent.query_rank, "attention")
    else:
        yield from linear(model, latent.kv_rank + latent.rope_dim, model.hidden, "attention")
        yield from linear(model, queries, model.hidden, "attention")
    yield from linear(model, heads * (latent.nope_dim + latent.value_dim), latent.kv_rank, "attention")
    yield from linear(model, model.hidden, heads * latent.value_dim, "attention")
    yield from map(Weight, _unpacked_latent(model, latent, tensor_parallel))
    if latent.index_heads:
        # Class Indexer: whole on every GPU; what weighs the heads is never quantized.
        yield from linear(model, latent.index_heads * latent.index_dim, latent.query_rank or model.hidden, "attention")
        yield Weight((latent.index_dim + latent.index_heads) * model.hidden * DTYPE_BYTES[model.dtype])


def _unpacked_latent(model: Model, latent: Latent, tensor_parallel: int) -> tuple[int, ...]:
    """W_UK and W_UV (mla_attention.py, process_weights_after_loading): views of kv_b_proj, copies where it is quantized."""
    if model.quantization is None or "attention" in model.quantization.plain:
        return ()
    size = latent.heads // tensor_parallel * latent.kv_rank * DTYPE_BYTES[model.dtype]
    return size * latent.nope_dim, size * latent.value_dim


def _state(model: Model, state: State, tensor_parallel: int) -> Iterator[Weight]:
    """mamba_mixer2.py, qwen_gdn_linear_attn.py: one projection in, the convolution, one projection out."""
    size = DTYPE_BYTES[model.dtype]
    inner, channels = state.inner // tensor_parallel, state.channels(tensor_parallel)
    scalars = state.head_scalars * state.heads // tensor_parallel
    yield from linear(model, inner + channels + scalars, model.hidden, "state")
    yield Weight(channels * (state.conv_kernel + 1) * size)
    yield from linear(model, model.hidden, inner, "state")
    yield Weight(inner * size)


def _feed_forward(
    model: Model, layer: Layer, tensor_parallel: int, multiples: tuple[int, int], expert_parallel: bool
) -> Iterator[Weight]:
    part = layer.feed_forward
    if isinstance(part, Dense):
        yield from _dense(model, Dense(part.width // tensor_parallel, part.gated), "dense")
    elif isinstance(part, Experts):
        yield from _experts(
            model,
            part,
            1 if expert_parallel else tensor_parallel,
            multiples,
            _local(part, tensor_parallel, expert_parallel),
        )
        if part.shared_width:
            yield from _dense(model, Dense(part.shared_width // tensor_parallel, part.gated), "shared")


def _local(experts: Experts, tensor_parallel: int, expert_parallel: bool) -> int:
    """Experts of one GPU: whole ones with expert parallelism, a part of each without (fused_moe/layer.py, determine_expert_map)."""
    return -(-experts.count // tensor_parallel) if expert_parallel else experts.count


def _experts(
    model: Model, experts: Experts, tensor_parallel: int, multiples: tuple[int, int], count: int
) -> Iterator[Weight]:
    width, hidden = experts.width // tensor_parallel, experts.latent or model.hidden
    if model.quantization and model.quantization.method == "mxfp4":
        width, hidden = -(-width // multiples[0]) * multiples[0], -(-hidden // multiples[1]) * multiples[1]
    yield from linear(model, (2 if experts.gated else 1) * width, hidden, "experts", count)
    yield from linear(model, hidden, width, "experts", count)
    yield Weight(experts.count * model.hidden * DTYPE_BYTES[model.dtype])
    if experts.latent:
        # Whole on every GPU: nemotron_h.py, fc1_latent_proj and fc2_latent_proj.
        yield from linear(model, experts.latent, model.hidden, "latent")
        yield from linear(model, model.hidden, experts.latent, "latent")
    if model.quantization and model.quantization.method == "mxfp4":
        # gpt-oss's experts have biases.
        yield Weight(count * ((2 if experts.gated else 1) * width + model.hidden) * DTYPE_BYTES[model.dtype])


def _dense(model: Model, dense: Dense, part: str) -> Iterator[Weight]:
    yield from linear(model, (2 if dense.gated else 1) * dense.width, model.hidden, part)
    yield from linear(model, model.hidden, dense.width, part)
