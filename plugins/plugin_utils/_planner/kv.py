# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The KV cache: pages, groups of layers, blocks, and how many requests they hold.

vllm/v1/kv_cache_interface.py (page sizes, what one request needs) and vllm/v1/core/kv_cache_utils.py (groups,
number of blocks, concurrency).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from .model import DTYPE_BYTES, MemoryPlanError, Model
from .weights import Stage, kv_heads_per_rank

BLOCK = 16
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


@dataclass(frozen=True)
class Layout:
    """The KV cache of one GPU: how large a block is, and which windows the groups of layers have."""

    page_bytes: int
    # layers that share one block table; every group is padded to this size
    group_layers: int
    # window of each group, 0 for full attention
    group_windows: tuple[int, ...]
    in_flight_tokens: int

    @property
    def block_bytes(self) -> int:
        """Bytes of one block in all the tensors of the cache."""
        return self.page_bytes * self.group_layers

    def blocks_for(self, length: int) -> int:
        """Blocks that one request of this length needs."""
        return sum(self._group_blocks(window, length) for window in self.group_windows)

    def _group_blocks(self, window: int, length: int) -> int:
        if not window:
            return -(-length // BLOCK)
        held = min(window - 1 + self.in_flight_tokens, length)
        return -(-held // BLOCK) + 1

    def blocks_in(self, room: int) -> int:
        """Whole blocks in this many bytes."""
        return max(0, room // self.block_bytes)

    def longest(self, room: int, limit: int) -> int:
        """The longest single request that fits, up to limit; 0 when none does."""
        low, high = 0, limit
        while low < high:
            middle = (low + high + 1) // 2
            if self.blocks_for(middle) * self.block_bytes <= room:
                low = middle
            else:
                high = middle - 1
        return low


def element_bytes(model: Model, kv_cache_dtype: str) -> float:
    """Bytes of one value in the cache; "auto" follows the checkpoint's own scheme."""
    if kv_cache_dtype == "auto":
        if model.quantization and model.quantization.kv_cache_fp8:
            return 1.0
        return float(DTYPE_BYTES[model.dtype])
    if kv_cache_dtype not in _KV_BYTES:
        raise MemoryPlanError(f"kv_cache_dtype {kv_cache_dtype!r} is not one of auto, {', '.join(sorted(_KV_BYTES))}.")
    return _KV_BYTES[kv_cache_dtype]


def page_bytes(model: Model, tensor_parallel: int, kv_cache_dtype: str) -> int:
    """Bytes of one block of one layer. Latent attention keeps one vector a token, on every GPU the whole of it."""
    size = element_bytes(model, kv_cache_dtype)
    if model.latent:
        return int(BLOCK * (model.latent.kv_rank + model.latent.rope_dim) * size)
    return int(BLOCK * kv_heads_per_rank(model, tensor_parallel) * 2 * model.head_dim * size)


def layout(model: Model, stage: Stage, tensor_parallel: int, kv_cache_dtype: str, in_flight: int) -> Layout:
    """The cache of one pipeline stage."""
    own = model.layers - model.shared_kv_layers
    groups, size = _groups(model.windows[:own])
    page = page_bytes(model, tensor_parallel, kv_cache_dtype)
    if len(groups) == 1:
        size = max(1, len([layer for layer in stage.layers if layer < own]))
    else:
        size = -(-size * len(stage.layers) // model.layers)
    return Layout(page, size, groups, in_flight)


def _groups(windows: tuple[int, ...]) -> tuple[tuple[int, ...], int]:
    """kv_cache_utils.py, _get_kv_cache_groups_uniform_page_size: groups of as many layers as the rarest kind has."""
    kinds = Counter(windows)
    fewest, most = min(kinds.values()), max(kinds.values())
    size = most if most < fewest * 1.5 else fewest
    groups = [window for window, count in kinds.items() for _unused in range(-(-count // size))]
    return tuple(groups), size
