# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KV cache: pages, groups of layers, blocks, and how many requests they hold.

vllm/v1/kv_cache_interface.py (page sizes, what one request needs), vllm/v1/core/kv_cache_utils.py (groups, number of
blocks, concurrency) and vllm/platforms/interface.py (blocks of models with states of fixed size).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

from .fields import shown
from .model import DTYPE_BYTES, Attention, Latent, MemoryPlanError, Mixer, Model, State
from .weights import Stage, kv_heads_per_rank

BLOCK = 16
# Sparse latent attention has blocks of its own size: v1/attention/backends/mla/indexer.py.
SPARSE_BLOCK = 64
# With prefix caching a request keeps its state and the one before (mamba_cache_mode "align"), else its state alone.
STATES_WITH_PREFIXES = 2
_KV_BYTES = {
    "bfloat16": 2.0,
    "float16": 2.0,
    "fp8": 1.0,
    "fp8_e4m3": 1.0,
    "fp8_e5m2": 1.0,
    "fp8_inc": 1.0,
    # 4 bits a value and one 8-bit scale for 16 values.
    "nvfp4": 0.5625,
}


class Kept(NamedTuple):
    """What one layer keeps: bytes of BLOCK tokens, or of a request's state."""

    size: int
    window: int = 0
    is_state: bool = False
    chunked: bool = False


class Group(NamedTuple):
    """Layers that share a block table: tokens of a block, and the window (0: all tokens)."""

    block_tokens: int
    window: int = 0
    is_state: bool = False
    chunked: bool = False
    # states of a request, where it keeps any, or other blocks that do not follow from its length
    states: int = 0

    @property
    def kept_states(self) -> int:
        """Of a request: blocks of a group that keeps states."""
        return self.states or STATES_WITH_PREFIXES


@dataclass(frozen=True)
class Layout:
    """The KV cache of one GPU: how large a block is, and the groups of layers; none for an encoder."""

    block_bytes: int
    groups: tuple[Group, ...]
    in_flight_tokens: int

    @property
    def grows_only(self) -> bool:
        """Whether every layer keeps every token."""
        return all(not group.window and not group.is_state for group in self.groups)

    def blocks_for(self, length: int) -> int:
        """Blocks that one request of this length needs."""
        return sum(self._group_blocks(group, length) for group in self.groups)

    def bytes_for(self, length: int) -> int:
        """Bytes that one request of this length needs."""
        return self.blocks_for(length) * self.block_bytes

    def _group_blocks(self, group: Group, length: int) -> int:
        if group.is_state:
            return group.kept_states
        if not group.window:
            return -(-length // group.block_tokens)
        if group.chunked:
            return -(-min(group.window + self.in_flight_tokens, length) // group.block_tokens)
        held = min(group.window - 1 + self.in_flight_tokens, length)
        return -(-held // group.block_tokens) + 1

    def blocks_in(self, room: int) -> int:
        """Whole blocks in this many bytes."""
        return max(0, room // self.block_bytes) if self.block_bytes else 0

    def longest(self, room: int, limit: int) -> int:
        """The longest single request that fits, up to limit; 0 when none does."""
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            if self.bytes_for(middle) <= room:
                low = middle
            else:
                high = middle - 1
        return low

    @property
    def token_bytes(self) -> int:
        """What one more token costs in the layers that keep every token."""
        return sum(self.block_bytes // group.block_tokens for group in self.groups if _grows(group))

    @property
    def state_bytes(self) -> int:
        """What a request takes whatever its length."""
        return sum(group.kept_states * self.block_bytes for group in self.groups if group.is_state)


def _grows(group: Group) -> bool:
    return not group.window and not group.is_state


def element_bytes(model: Model, kv_cache_dtype: str) -> float:
    """Bytes of one value in the cache; "auto" follows the checkpoint's own scheme."""
    if kv_cache_dtype == "auto":
        if model.quantization and model.quantization.kv_cache_fp8:
            return 1.0
        return float(DTYPE_BYTES[model.dtype])
    if kv_cache_dtype not in _KV_BYTES:
        raise MemoryPlanError(
            f"kv_cache_dtype {shown(kv_cache_dtype)} is not one of auto, {', '.join(sorted(_KV_BYTES))}."
        )
    return _KV_BYTES[kv_cache_dtype]


def kept_by(model: Model, mixer: Mixer | None, tensor_parallel: int, kv_cache_dtype: str) -> Kept | None:
    """What a layer with this mixer keeps on one GPU; none where it keeps nothing."""
    size = element_bytes(model, kv_cache_dtype)
    if isinstance(mixer, Attention) and mixer.cached:
        values = kv_heads_per_rank(mixer, tensor_parallel) * 2 * mixer.head_dim
        return Kept(int(BLOCK * values * size), mixer.window, chunked=mixer.chunked)
    if isinstance(mixer, Latent):
        return Kept(int(BLOCK * _latent_bytes(mixer, size)))
    if isinstance(mixer, State):
        convolution = mixer.channels(tensor_parallel) * (mixer.conv_kernel - 1) * DTYPE_BYTES[model.dtype]
        values = mixer.heads * mixer.head_dim * mixer.state_size // tensor_parallel
        return Kept(convolution + values * (mixer.state_bytes or DTYPE_BYTES[model.dtype]), is_state=True)
    return None


def _latent_bytes(latent: Latent, size: float) -> float:
    """One vector a token, on every GPU the whole of it; sparse attention's indexer keeps a key of 8 bits and its scale."""
    if not latent.index_heads:
        return (latent.kv_rank + latent.rope_dim) * size
    index = latent.index_dim + latent.index_dim // 128 * 4
    if size == 1:
        # fp8_ds_mla: values of 8 bits, a scale for each 128 of them, the rotary part in 16 bits.
        return latent.kv_rank + latent.kv_rank // 128 * 4 + 2 * latent.rope_dim + index
    return (latent.kv_rank + latent.rope_dim) * size + index


def layout(
    model: Model,
    stage: Stage,
    tensor_parallel: int,
    kv_cache_dtype: str,
    in_flight: int,
    chunks: bool = True,
    states: int = STATES_WITH_PREFIXES,
) -> Layout:
    """The cache of one pipeline stage. Groups are made of all the model's layers, and each stage has its part of them.

    Without *chunks* layers of chunked attention keep every token, as in releases that switch the hybrid cache off for them. *states* are
    those of one request.
    """
    by_mixer = {mixer: kept_by(model, mixer, tensor_parallel, kv_cache_dtype) for mixer in model.mixers}
    if not chunks:
        by_mixer = {mixer: Kept(one.size) if one and one.chunked else one for mixer, one in by_mixer.items()}
    kept = {}
    for index, layer in enumerate(model.layers):
        found = by_mixer[layer.mixer] if layer.mixer else None
        if found:
            kept[index] = found
    if not kept:
        return Layout(0, (), in_flight)
    if len({one[1:] for one in kept.values()}) == 1:
        held = sum(one.size for index, one in kept.items() if index in stage.layers)
        first = next(iter(kept.values()))
        tokens = _block_tokens(model, kv_cache_dtype)
        only = Group(tokens, *first[1:], states=states if first.is_state else 0)
        return Layout(held * tokens // BLOCK, (only,), in_flight)
    return _mixed(kept, stage, in_flight, states)


def _block_tokens(model: Model, kv_cache_dtype: str) -> int:
    """Of layers that are all of one kind: FlashMLA, which alone reads a latent cache of 8 bits on Hopper, and sparse attention have larger ones."""
    if model.latent and (model.latent.index_heads or element_bytes(model, kv_cache_dtype) == 1):
        return SPARSE_BLOCK
    return BLOCK


def _mixed(kept: dict[int, Kept], stage: Stage, in_flight: int, states: int) -> Layout:
    """Layers that keep different things get pages of one size: unify_kv_cache_spec_page_size."""
    largest = max((one.size for one in kept.values() if not one.is_state), default=0)
    state = max((one.size for one in kept.values() if one.is_state), default=0)
    # A page of attention must be as large as a state: _align_hybrid_block_size.
    tokens = BLOCK * -(-max(state, 1) // largest) if largest else BLOCK
    page = largest * tokens // BLOCK or state
    buckets: dict[tuple[Group, int], list[int]] = defaultdict(list)
    for index, one in kept.items():
        buckets[(_group(one, page, tokens, states), one.size)].append(index)
    groups = [(key[0], members) for key, layers in buckets.items() for members in _split(layers, _group_size(buckets))]
    most = max(sum(index in stage.layers for index in members) for _group_key, members in groups)
    return Layout(page * most, tuple(group for group, _members in groups), in_flight)


def _group(one: Kept, page: int, tokens: int, states: int) -> Group:
    """Smaller pages hold more tokens where they divide the largest, and are padded where they do not."""
    if one.is_state:
        return Group(tokens, is_state=True, states=states)
    own = one.size * tokens // BLOCK
    return Group(tokens * (page // own) if page % own == 0 else tokens, one.window, chunked=one.chunked)


def _group_size(buckets: dict[tuple[Group, int], list[int]]) -> int:
    """_get_kv_cache_groups_uniform_page_size: groups of as many layers as the rarest kind has."""
    fewest, most = min(map(len, buckets.values())), max(map(len, buckets.values()))
    return most if most < fewest * 1.5 else fewest


def _split(layers: list[int], size: int) -> list[list[int]]:
    count = -(-len(layers) // size)
    return [layers[number::count] for number in range(count)]
