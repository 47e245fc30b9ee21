# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Models that share GPUs: the share and the context of each, in the order in which they start."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from .choice import SHORTEST_LENGTH, choose
from .model import MemoryPlanError
from .needs import Instance, growth, parts_of_need
from .plan import plan
from .reader import read_model
from .remedies import explain
from .settings import GIB, SPARE, EngineSettings
from .sharing_remedies import names_of, remedies_together

# Two engines on one H200 held 0.25 GiB each beyond their plan (docs/planner.md); kept only where it costs no start.
_UNKNOWN = 0.25 * GIB


def share_gpu(instances: Sequence[Instance], gpu_memory_gib: float) -> list[dict[str, Any]]:
    """Utilization and context of models that share one GPU, in the order in which they start."""
    return share_gpus([replace(instance, gpus=(0,)) for instance in instances], {0: gpu_memory_gib})


def share_gpus(
    instances: Sequence[Instance], memory_gib: Mapping[int, float], reserved_gib: Mapping[int, float] | None = None
) -> list[dict[str, Any]]:
    """The same for models on several GPUs, some of which they share, with the memory of each GPU.

    A share is what vLLM counts; graphs and sampler come on top. So each engine gets what one request needs, the rest
    is split evenly, and 1 GiB stays really free. What is reserved is held by engines that the planner knows nothing of.
    """
    used = {gpu: (reserved_gib or {}).get(gpu, 0.0) for gpu in memory_gib}
    lonely = [
        all(_sharers(instances, gpu) == [index] and not used[gpu] for gpu in instance.gpus)
        for index, instance in enumerate(instances)
    ]
    needs = [
        (0.0, 0.0) if alone else parts_of_need(instance, _least(instance, memory_gib))
        for instance, alone in zip(instances, lonely)
    ]
    free = _free_beside(instances, needs, memory_gib, used)
    results = []
    for index, (instance, alone) in enumerate(zip(instances, lonely)):
        settings = replace(instance.settings, gpu_memory_gib=_least(instance, memory_gib))
        if settings.gpu_memory_utilization is None and not alone:
            settings = replace(settings, gpu_memory_utilization=_even_share(instances, index, needs, free, settings))
        results.append({"name": instance.name, **_start(instance, settings, used, alone)})
    return results


def _least(instance: Instance, memory_gib: Mapping[int, float]) -> float:
    return min(memory_gib[gpu] for gpu in instance.gpus)


def _sharers(instances: Sequence[Instance], gpu: int) -> list[int]:
    return [index for index, instance in enumerate(instances) if gpu in instance.gpus]


def _free_beside(
    instances: Sequence[Instance],
    needs: Sequence[tuple[float, float]],
    memory_gib: Mapping[int, float],
    used: Mapping[int, float],
) -> dict[int, float]:
    """Bytes to be split on each GPU once every engine has its least, 1 GiB is free, and what plans don't know is kept."""
    free = {}
    for gpu, memory in memory_gib.items():
        sharers = _sharers(instances, gpu)
        free[gpu] = (memory - used[gpu]) * GIB - SPARE - sum(sum(needs[index]) for index in sharers)
        if free[gpu] < 0 and (len(sharers) > 1 or used[gpu]):
            chosen = [instances[index] for index in sharers]
            raise MemoryPlanError(_too_much(chosen, [needs[index] for index in sharers], memory, used[gpu]))
        # Two that shared an H100 took 1.0 GiB more under load than at the start, of 1.1 that one of them may grow by.
        grown = max((growth(instances[index], memory) for index in sharers), default=0.0)
        free[gpu] = max(0.0, free[gpu] - max(grown, len(sharers) * _UNKNOWN))
    return free


def _even_share(
    instances: Sequence[Instance],
    index: int,
    needs: Sequence[tuple[float, float]],
    free: Mapping[int, float],
    settings: EngineSettings,
) -> float:
    """Its need and its part of the rest, on the GPU that has the least to give."""

    def part(gpu: int) -> float:
        open_ended = [i for i in _sharers(instances, gpu) if instances[i].settings.gpu_memory_utilization is None]
        return free[gpu] / len(open_ended)

    share = needs[index][0] + min(part(gpu) for gpu in instances[index].gpus)
    return int(share / (settings.gpu_memory_gib * GIB) * 1000) / 1000


def _start(instance: Instance, settings: EngineSettings, used: dict[int, float], alone: bool) -> dict[str, Any]:
    """Plan an engine beside those that are there already, and add what it holds to theirs."""
    before = max(used[gpu] for gpu in instance.gpus)
    result = choose(instance.text, replace(settings, used_gib=before))
    if not result["fits"] or _too_short(instance, result):
        share = result["settings"]["gpu_memory_utilization"]
        tried = replace(settings, gpu_memory_utilization=share, used_gib=before)
        if alone:
            raise MemoryPlanError(explain(instance.name, instance.text, tried))
        raise MemoryPlanError(f"{instance.name} does not fit beside the others: {plan(instance.text, tried)['reason']}")
    held = settings.gpu_memory_gib - result["free_gib"] - before
    for gpu in instance.gpus:
        used[gpu] += held
    return result


def _too_short(instance: Instance, result: Mapping[str, Any]) -> bool:
    """Whether the context that was left to the planner came out too short to be of use."""
    if instance.settings.max_model_len is not None:
        return False
    return bool(result["settings"]["max_model_len"] < min(SHORTEST_LENGTH, read_model(instance.text).max_positions))


def _too_much(
    instances: Sequence[Instance], needs: Sequence[tuple[float, float]], gpu_memory_gib: float, reserved_gib: float
) -> str:
    parts = [
        f"{instance.name} {share / GIB:.2f} + {beyond / GIB:.2f}" for instance, (share, beyond) in zip(instances, needs)
    ]
    if reserved_gib:
        parts.append(f"others {reserved_gib:.2f}")
    wanted = sum(share + beyond for share, beyond in needs) / GIB + reserved_gib
    text = (
        f"{names_of(instances)} do not fit one GPU of {gpu_memory_gib:.2f} GiB together. Least share plus what comes on "
        f"top, in GiB: {'; '.join(parts)}; with 1 GiB free that is {wanted + 1:.2f}."
    )
    offers = remedies_together(instances, gpu_memory_gib - reserved_gib)
    return "\n".join([text, *(f"  - {offer}" for offer in offers)])


def check_alike(gpus: Sequence[Mapping[str, Any]]) -> None:
    """The GPUs of one replica must be of one kind: the smallest would decide for all."""
    kinds = {(gpu.get("name"), round(float(gpu["memory_gib"]), 1)) for gpu in gpus}
    if len(kinds) > 1:
        listed = ", ".join(sorted(f"{name} {memory} GiB" for name, memory in kinds))
        raise MemoryPlanError(
            f"The GPUs of one replica must be alike, and these are not: {listed}. Name alike ones in gpus."
        )
