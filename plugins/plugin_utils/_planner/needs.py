# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One engine beside others: what it takes of a GPU at the least."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

from .model import MemoryPlanError
from .plan import plan, spare
from .reader import Config, ConfigText, canonical, read_model
from .remedies import explain
from .settings import AUTOMATIC, GIB, EngineSettings

# The context that a model must hold beside others, where none is asked for.
LEAST_CONTEXT = 4096


@dataclass(frozen=True)
class Instance:
    """One engine that wants a place on a GPU."""

    name: str
    config: Config
    settings: EngineSettings
    # indexes of its GPUs, where it shares them with others
    gpus: tuple[int, ...] = (0,)

    @cached_property
    def text(self) -> ConfigText:
        """The config.json as plans take it many times."""
        return canonical(self.config)


def need(instance: Instance, gpu_memory_gib: float) -> float:
    """Bytes that an engine takes of each of its GPUs at least, what comes on top of its share included."""
    return sum(parts_of_need(instance, gpu_memory_gib))


def parts_of_need(instance: Instance, gpu_memory_gib: float) -> tuple[float, float]:
    """Bytes of the share that one request needs, and bytes that come on top of it."""
    settings = replace(instance.settings, gpu_memory_gib=gpu_memory_gib, used_gib=0.0)
    result = plan(instance.text, replace(settings, max_model_len=least_length(instance)))
    total = gpu_memory_gib * GIB
    # What requests take is kept once for all that share the GPU.
    beyond = total - spare(int(result["growth_gib"] * GIB)) - result["largest_gpu_memory_utilization"] * total
    if settings.gpu_memory_utilization is not None:
        return settings.gpu_memory_utilization * total, beyond
    smallest = result["smallest_gpu_memory_utilization"]
    if smallest is None:
        shortest = replace(settings, max_model_len=least_length(instance))
        raise MemoryPlanError(explain(instance.name, instance.text, shortest))
    return smallest * total, beyond


def growth(instance: Instance, gpu_memory_gib: float) -> float:
    """Bytes that requests come to take once it serves."""
    settings = replace(instance.settings, gpu_memory_gib=gpu_memory_gib, used_gib=0.0)
    found: float = plan(instance.text, replace(settings, max_model_len=least_length(instance)))["growth_gib"]
    return found * GIB


def least_length(instance: Instance) -> int:
    """What was asked for; else a context that is short and still of use."""
    asked = instance.settings.max_model_len
    if asked and asked != AUTOMATIC:
        return asked
    return min(read_model(instance.text).max_positions, LEAST_CONTEXT)
