# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the planner chooses where a setting is left to it: the share, the context, and settings for a kind of GPU."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Any

from .model import MemoryPlanError
from .plan import plan
from .reader import Config, ConfigText, canonical, read_model
from .settings import EngineSettings, check

# A context is worth planning for when at least this many full-length requests run at once.
WANTED_CONCURRENCY = 2
SHORTEST_LENGTH = 1024
_ROUND_LENGTH = 1024

# Usable memory of a common GPU of each class: RTX 4060, 3060 and 4060 Ti, 4090, L40S, H100 and H200.
GPU_CLASSES = {8: 7.6, 12: 11.6, 16: 15.6, 24: 23.55, 48: 44.4, 80: 79.18, 141: 139.8}
# Replicas over several GPUs are recommended for GPUs of servers, from this class on.
_SERVERS_FROM = 24
_SEVERAL = (2, 4, 8)
_SMALLER_BATCHES: tuple[dict[str, Any], ...] = (
    {},
    {"max_num_seqs": 64},
    {"max_num_seqs": 16},
    {"max_num_seqs": 16, "enforce_eager": True},
)


def choose(config: Config, settings: EngineSettings) -> dict[str, Any]:
    """Plan one engine, with gpu_memory_utilization and max_model_len chosen where they are absent."""
    check(settings)
    return plan(config, _chosen(canonical(config), settings))


@lru_cache(maxsize=8192)
def _chosen(config: ConfigText, settings: EngineSettings) -> EngineSettings:
    chosen = settings
    if settings.gpu_memory_utilization is None:
        share = plan(config, settings)["largest_gpu_memory_utilization"]
        chosen = replace(settings, gpu_memory_utilization=max(share, 0.001))
    if settings.max_model_len is None:
        chosen = replace(chosen, max_model_len=choose_length(config, chosen))
    return chosen


def choose_length(config: ConfigText, settings: EngineSettings) -> int:
    """The model's whole context, or the longest of which two requests fit, or at least one."""
    longest = read_model(config, settings.quantization, settings.dtype).max_positions
    whole = plan(config, replace(settings, max_model_len=longest))
    if whole["fits"] and whole["max_concurrency"] >= WANTED_CONCURRENCY:
        return longest
    largest = int(whole["largest_max_model_len"])
    length = round_down(largest // WANTED_CONCURRENCY)
    if length >= SHORTEST_LENGTH:
        return length
    return max(round_down(largest), 16)


def round_down(length: int) -> int:
    step = _ROUND_LENGTH if length >= 4 * _ROUND_LENGTH else 256
    return length // step * step


def recommend(config: Config, vllm_version: str, weight_bytes: int | None = None) -> dict[str, dict[str, Any] | None]:
    """For each class of GPU, settings of vLLM that fit one GPU alone; where none do, the fewest GPUs of a server; or none."""
    text, found = canonical(config), {}
    for size, usable in GPU_CLASSES.items():
        alone = EngineSettings(usable, vllm_version, weight_bytes=weight_bytes)
        several = _SEVERAL if size >= _SERVERS_FROM else ()
        choices = (_recommend_for(text, replace(alone, tensor_parallel_size=count)) for count in (1, *several))
        found[str(size)] = next((choice for choice in choices if choice), None)
    return found


def _recommend_for(config: ConfigText, settings: EngineSettings) -> dict[str, Any] | None:
    count = settings.tensor_parallel_size
    for batch in _SMALLER_BATCHES if count == 1 else ({},):
        try:
            result = choose(config, replace(settings, **batch))
        except MemoryPlanError:
            if count == 1:
                raise
            # Heads that so many GPUs can't share.
            return None
        if result["fits"] and result["largest_max_model_len"] >= SHORTEST_LENGTH:
            names = ("gpu_memory_utilization", "max_model_len", *(["tensor_parallel_size"] if count > 1 else []))
            chosen = {name: result["settings"][name] for name in names}
            return {**chosen, **batch, "max_concurrency": result["max_concurrency"]}
    return None
