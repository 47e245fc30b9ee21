# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why vLLM would not start, in the order in which it would say so. Used by plan."""

from __future__ import annotations

from .settings import GIB, ResolvedSettings
from .stages import Parts, blocks_of, requested, room_for


def _live_after_start(parts: Parts, blocks: int) -> int:
    """The part that torch cannot give back: about a quarter of the warm-up's cache is free blocks."""
    return parts.standing - parts.sampler_cache // 4 + blocks * parts.cache.block_bytes


def refusal(stages: list[Parts], settings: ResolvedSettings) -> str:
    """The reason that vLLM would give, in its own words' order; empty when it starts."""
    tight = min(stages, key=lambda parts: room_for(parts, settings))
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
    return cache_refusal(stages, settings) or _overflow(stages, settings)


def cache_refusal(stages: list[Parts], settings: ResolvedSettings) -> str:
    tight = min(stages, key=lambda parts: room_for(parts, settings))
    room = room_for(tight, settings)
    if room <= 0 and tight.cache.groups:
        return (
            f"No available memory for the cache blocks: {_sum_text(tight, settings)} leaves {room / GIB:.2f} GiB "
            "for the KV cache."
        )
    for parts in stages:
        room = room_for(parts, settings)
        needed = parts.cache.bytes_for(settings.max_model_len)
        if needed > room:
            longest = parts.cache.longest(room, settings.max_model_len)
            return (
                f"One request of {settings.max_model_len} tokens needs {needed / GIB:.2f} GiB of KV cache, and "
                f"{room / GIB:.2f} GiB are left ({_sum_text(parts, settings)}); the longest that fits is {longest}."
            )
    return ""


def _overflow(stages: list[Parts], settings: ResolvedSettings) -> str:
    """The engine fits its share, but what comes on top of the share no longer fits the GPU."""
    blocks = blocks_of(stages, settings)
    over = max(_live_after_start(parts, blocks) for parts in stages) + int(settings.used_gib * GIB) - settings.gpu_bytes
    if over <= 0:
        return ""
    return (
        f"CUDA out of memory after the KV cache is taken: graphs and sampler come on top of the share, and together "
        f"they pass the GPU's memory by {over / GIB:.2f} GiB. Lower gpu_memory_utilization or max_num_seqs."
    )


def _sum_text(parts: Parts, settings: ResolvedSettings) -> str:
    share = settings.gpu_memory_utilization
    text = (
        f"{share} x {settings.gpu_memory_gib:.2f} = {requested(settings) / GIB:.2f} GiB, less weights "
        f"{parts.weights / GIB:.2f}, activation {parts.activation / GIB:.2f}, non-torch {parts.non_torch / GIB:.2f}"
    )
    beside = parts.graphs_estimate + parts.counted_state
    return f"{text}, graphs and sampler {beside / GIB:.2f}" if beside else text
