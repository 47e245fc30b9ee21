# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan is made with: vLLM's options and the GPU, checked, and with vLLM's defaults filled in."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache
from typing import Any

from . import versions
from .fields import MOST, shown
from .model import MemoryPlanError, Model

GIB = 1024**3
# What must stay really free on a GPU, for fragments and for what requests ask beyond the warm-up.
SPARE = GIB
# vLLM's value of max_model_len for "as long as fits".
AUTOMATIC = -1


@dataclass(frozen=True)
class EngineSettings:
    """vLLM's options, by their own names, and the GPU. None means vLLM's default, or the planner's choice."""

    gpu_memory_gib: float
    vllm_version: str
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
    enable_expert_parallel: bool = False
    enable_prefix_caching: bool | None = None
    runner: str = "auto"
    # vLLM's environment: VLLM_USE_FLASHINFER_SAMPLER
    flashinfer_sampler: bool = True
    kv_cache_memory_bytes: int | None = None
    used_gib: float = 0.0
    compile_cache: str = "cold"
    weight_bytes: int | None = None

    @property
    def gpu_bytes(self) -> int:
        """The GPU's memory as CUDA sees it."""
        return int(self.gpu_memory_gib * GIB)


@dataclass(frozen=True)
class ResolvedSettings(EngineSettings):
    """Settings with vLLM's defaults filled in."""

    gpu_memory_utilization: float = 0.0
    max_model_len: int = 0
    max_num_seqs: int = 0
    max_num_batched_tokens: int = 0


_NAMES = tuple(field.name for field in fields(EngineSettings))
_MAY_BE_ABSENT = frozenset(field.name for field in fields(EngineSettings) if field.default is None)
# Each option's least value.
_LEAST = {
    "tensor_parallel_size": 1,
    "pipeline_parallel_size": 1,
    "max_model_len": AUTOMATIC,
    "max_num_seqs": 1,
    "max_num_batched_tokens": 1,
    "kv_cache_memory_bytes": 0,
    "weight_bytes": 0,
}
_MOST_GIB = 2**20


def check(settings: EngineSettings) -> None:
    """Refuse values that no engine takes, and those that are no numbers."""
    try:
        _check(settings)
    except TypeError as error:
        raise MemoryPlanError("A setting cannot be a list or a dictionary.") from error


@lru_cache(maxsize=8192)
def _check(settings: EngineSettings) -> None:
    for name, least in _LEAST.items():
        value = getattr(settings, name)
        if value is None and name in _MAY_BE_ABSENT:
            continue
        most = 2**50 if name.endswith("_bytes") else MOST
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            raise MemoryPlanError(f"{name} cannot be {shown(value)}; it starts at {max(least, 1)}.")
    if not _is_size(settings.gpu_memory_gib) or settings.gpu_memory_gib <= 0:
        raise MemoryPlanError("gpu_memory_gib must be the GPU's usable memory, above 0.")
    if not _is_size(settings.used_gib):
        raise MemoryPlanError(f"used_gib cannot be {shown(settings.used_gib)}.")
    share = settings.gpu_memory_utilization
    if share is not None and (not _is_size(share) or not 0 < share <= 1):
        raise MemoryPlanError(f"gpu_memory_utilization {shown(share)} must lie above 0 and be at most 1.")
    for name in ("dtype", "quantization", "kv_cache_dtype", "runner", "compile_cache", "vllm_version"):
        value = getattr(settings, name)
        if not isinstance(value, str) and not (value is None and name in _MAY_BE_ABSENT):
            raise MemoryPlanError(f"{name} cannot be {shown(value)}.")
    for name in ("enforce_eager", "enable_expert_parallel", "enable_prefix_caching", "flashinfer_sampler"):
        value = getattr(settings, name)
        if not isinstance(value, bool) and not (value is None and name in _MAY_BE_ABSENT):
            raise MemoryPlanError(f"{name} cannot be {shown(getattr(settings, name))}.")


def _is_size(value: Any) -> bool:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return number and math.isfinite(value) and 0 <= value <= _MOST_GIB


def check_parallel(model: Model, settings: EngineSettings) -> None:
    """vllm/config/model.py, verify_with_parallel_config: heads are split evenly."""
    parallel = settings.tensor_parallel_size
    if model.heads % parallel:
        divisors = [str(size) for size in range(1, 17) if model.heads % size == 0]
        raise MemoryPlanError(
            f"The model's {model.heads} attention heads are not divisible by tensor_parallel_size {parallel}; "
            f"use one of {', '.join(divisors)}."
        )


def resolve(model: Model, settings: EngineSettings) -> ResolvedSettings:
    """Fill in vLLM's defaults."""
    engine = versions.engine_for(settings.vllm_version)
    sequences, tokens = versions.default_batch(engine, settings.gpu_bytes)
    length = settings.max_model_len or model.max_positions
    sequences = settings.max_num_seqs or sequences
    utilization = settings.gpu_memory_utilization
    tokens = min(tokens, sequences * length)
    filled = {
        "gpu_memory_utilization": engine.default_utilization if utilization is None else utilization,
        "max_model_len": length,
        "max_num_seqs": sequences,
        # An encoder takes a request whole.
        "max_num_batched_tokens": settings.max_num_batched_tokens or (max(tokens, length) if model.encoder else tokens),
    }
    return ResolvedSettings(**{**{name: getattr(settings, name) for name in _NAMES}, **filled})
