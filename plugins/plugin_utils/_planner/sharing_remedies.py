# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes with which models that are too large for one GPU together do fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from .model import MemoryPlanError
from .needs import Instance, least_length, need
from .plan import plan
from .reader import read_model
from .remedies import REMEDY_NAMES
from .settings import GIB, SPARE


def names_of(instances: Sequence[Instance]) -> str:
    return " and ".join(instance.name for instance in instances)


def remedies_together(instances: Sequence[Instance], gpu_memory_gib: float) -> list[str]:
    """Changes with which the models do fit, one of each kind where there is one."""
    free = [replace(one, settings=replace(one.settings, gpu_memory_utilization=None)) for one in instances]
    found = [_shorter_together(free, gpu_memory_gib), _smaller_together(free, gpu_memory_gib)]
    largest = max(free, key=lambda one: _weight(one, gpu_memory_gib))
    others = [one for one in free if one is not largest]
    if _together(others, gpu_memory_gib) and _together([largest], gpu_memory_gib):
        found.append(f"{REMEDY_NAMES['gpus']}: a GPU of its own for {largest.name} (gpus, or a higher llm_gpu_count)")
    return [text for text in found if text]


def _weight(instance: Instance, gpu_memory_gib: float) -> float:
    settings = replace(instance.settings, gpu_memory_gib=gpu_memory_gib, max_model_len=least_length(instance))
    return float(plan(instance.text, settings)["weights_gib"])


def _together(instances: Sequence[Instance], gpu_memory_gib: float) -> bool:
    try:
        wanted = sum(need(instance, gpu_memory_gib) for instance in instances)
    except MemoryPlanError:
        return False
    return wanted + SPARE <= gpu_memory_gib * GIB


def _shorter_together(instances: Sequence[Instance], gpu_memory_gib: float) -> str:
    """The longest of a few contexts for all; shares are the planner's then."""
    for length in (32768, 16384, 8192, 4096, 2048, 1024):
        lengths = {one.name: min(least_length(one), length) for one in instances}
        changed = [replace(one, settings=replace(one.settings, max_model_len=lengths[one.name])) for one in instances]
        if _together(changed, gpu_memory_gib):
            shown = ", ".join(f"{name} {value}" for name, value in lengths.items())
            return f"{REMEDY_NAMES['context']}: max_model_len {shown}, without gpu_memory_utilization"
    return ""


def _smaller_together(instances: Sequence[Instance], gpu_memory_gib: float) -> str:
    """fp8 for the cache of all, then for the weights of those that are not quantized yet."""
    cache = [replace(one, settings=replace(one.settings, kv_cache_dtype="fp8")) for one in instances]
    if _together(cache, gpu_memory_gib):
        return f"{REMEDY_NAMES['precision']}: kv_cache_dtype: fp8 for {names_of(cache)}, without gpu_memory_utilization"
    plain = [one for one in cache if not one.settings.quantization and read_model(one.text).quantization is None]
    changed = [
        replace(one, settings=replace(one.settings, quantization="fp8")) if one in plain else one for one in cache
    ]
    if not plain or not _together(changed, gpu_memory_gib):
        return ""
    return (
        f"{REMEDY_NAMES['precision']}: kv_cache_dtype: fp8 for {names_of(cache)} and quantization: fp8 for "
        f"{names_of(plain)}, without gpu_memory_utilization"
    )
