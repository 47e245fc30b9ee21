# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The memory planner at work: which models it knows, what fits beside what, and the shares of those on one server."""

from __future__ import annotations

import typing as t
from dataclasses import replace

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import known, option_name
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner import needs, sharing
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.options import describe, settings_from
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.reader import read_model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.settings import GIB, SPARE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.stages import plausible_ratio

#: Options of vLLM, beside those that are keys of an entry, that the planner counts.
COUNTED_OPTIONS = (
    "max_num_seqs",
    "max_num_batched_tokens",
    "dtype",
    "quantization",
    "kv_cache_dtype",
    "enforce_eager",
    "pipeline_parallel_size",
    "kv_cache_memory_bytes",
)
#: Options that change what vLLM takes in a way that the planner does not know.
UNCOUNTED_OPTIONS = frozenset(
    {
        "block-size",
        "compilation-config",
        "cpu-offload-gb",
        "data-parallel-size",
        "enable-expert-parallel",
        "enable-lora",
        "hf-overrides",
        "kv-transfer-config",
        "max-cudagraph-capture-size",
        "num-gpu-blocks-override",
        "offload-backend",
        "spec-model",
        "speculative-config",
    }
)
#: vLLM instances measure the free memory while they start; above this share in sum the last one finds too little. Where
#: the planner knows all the models on a GPU, it knows better.
MAX_SHARE = 0.95
FIGURES = (
    "weights_gib",
    "kv_cache_gib",
    "kv_cache_tokens",
    "max_concurrency",
    "peak_used_gib",
    "free_gib",
)


class Gpu(t.NamedTuple):
    """A GPU as CUDA sees it."""

    name: str
    memory_gib: float


class Demand(t.NamedTuple):
    """What an entry wants of each of its GPUs."""

    name: str
    share: float | None  # none: the planner's choice
    planned: needs.Instance | None  # none: the planner does not know the model
    note: str  # why it does not
    default_share: float
    deferred: bool  # the planner may come to know it when more has been read


def description(model: str, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the catalogue says of a model, else what was read of it; nothing where neither knows it."""
    return known(model) or dict(found.get(model) or {})


def planned_instance(
    entry: dict[str, t.Any],
    share: float | None,
    found: t.Mapping[str, t.Any],
    vllm_version: str,
) -> tuple[needs.Instance | None, str]:
    """The entry as the planner takes it, or why it can't."""
    described = description(entry["model"], found)
    if not described:
        return None, "the planner does not know this model"
    arguments = {option_name(str(key)): value for key, value in (entry.get("engine_args") or {}).items()}
    odd = sorted(UNCOUNTED_OPTIONS & set(arguments))
    if odd:
        return None, f"the planner does not know what {odd[0]} takes"
    options = {name: arguments.get(option_name(name)) for name in COUNTED_OPTIONS}
    options |= {"max_model_len": entry.get("max_model_len"), "gpu_memory_utilization": share}
    options |= {"tensor_parallel_size": entry.get("tensor_parallel_size"), "vllm_version": vllm_version}
    try:
        config, weight_bytes = describe(described)
        settings = settings_from({**options, "gpu_memory_gib": 1.0, "weight_bytes": weight_bytes})
        plausible_ratio(read_model(config, settings.quantization, settings.dtype), settings.weight_bytes)
    except MemoryPlanError as error:
        return None, str(error)
    return needs.Instance(entry["name"], config, settings), ""


def with_length(demand: Demand, length: int) -> Demand:
    """The same with the context fixed, where it was left to the planner."""
    if not demand.planned or demand.planned.settings.max_model_len is not None:
        return demand
    settings = replace(demand.planned.settings, max_model_len=length)
    return demand._replace(planned=replace(demand.planned, settings=settings))


def no_room(demand: Demand, others: list[Demand], memory: Gpu | None, gpu: str) -> str:
    """Why an instance can't join the others on a GPU; empty where it can."""
    everyone = [*others, demand]
    instances = [one.planned for one in everyone if one.planned]
    if memory and len(instances) == len(everyone):
        return _crowded(instances, memory.memory_gib, gpu) if others else ""
    total = sum(_least_share(one, memory) for one in everyone)
    if total <= MAX_SHARE + 1e-9:
        return ""
    listed = " + ".join(f"{one.name} {_least_share(one, memory):.2f}" for one in everyone)
    return (
        f"The shares on {gpu} would sum to {total:.2f} ({listed}), above {MAX_SHARE}: lower gpu_memory_utilization, or"
        " pin to another GPU"
    )


def _crowded(instances: list[needs.Instance], memory_gib: float, gpu: str) -> str:
    try:
        sharing.share_gpu(instances, memory_gib)
    except MemoryPlanError as error:
        return f"On {gpu}: {error}"
    return ""


def _least_share(demand: Demand, memory: Gpu | None) -> float:
    """The share to reckon with by the plain rule."""
    if demand.share is not None:
        return demand.share
    if demand.planned and memory:
        try:
            return needs.need(demand.planned, memory.memory_gib) / (memory.memory_gib * GIB)
        except MemoryPlanError:
            return 1.0
    return 0.0 if demand.deferred else demand.default_share


def unlike(gpus: list[int], memory: t.Mapping[int, Gpu]) -> str:
    """Why these can't be the GPUs of one replica; empty where they can, or where they are not known."""
    seen = [memory[gpu]._asdict() for gpu in gpus if gpu in memory]
    try:
        sharing.check_alike(seen)
    except MemoryPlanError as error:
        return str(error)
    return ""


class Placed(t.NamedTuple):
    """An instance with its GPUs on a server."""

    demand: Demand
    gpus: list[int]


def plan_server(placed: list[Placed], memory: t.Mapping[int, Gpu]) -> tuple[list[dict[str, t.Any] | None], list[str]]:
    """The plan of every instance on a server, none for those that are not planned, and what can't be."""
    plans: list[dict[str, t.Any] | None] = [None] * len(placed)
    errors = []
    for group in _groups(placed, memory):
        instances = list(group.values())
        sizes = {gpu: memory[gpu].memory_gib for gpu in sorted({gpu for one in instances for gpu in one.gpus})}
        try:
            results = sharing.share_gpus(instances, sizes, _reserved(placed, sizes))
        except MemoryPlanError as error:
            errors.append(str(error))
            continue
        for index, result in zip(group, results):
            plans[index] = result
    return plans, errors


def _groups(placed: list[Placed], memory: t.Mapping[int, Gpu]) -> list[dict[int, needs.Instance]]:
    """Planned instances on GPUs of known memory; those that share a GPU, directly or through others, together."""
    groups: list[tuple[set[int], dict[int, needs.Instance]]] = []
    for index, one in enumerate(placed):
        planned = one.demand.planned
        if not planned or not one.gpus or any(gpu not in memory for gpu in one.gpus):
            continue
        gpus, members = set(one.gpus), {index: replace(planned, gpus=tuple(one.gpus))}
        for group in [group for group in groups if group[0] & gpus]:
            groups.remove(group)
            gpus |= group[0]
            members |= group[1]
        groups.append((gpus, dict(sorted(members.items()))))
    return [members for _gpus, members in groups]


def _reserved(placed: list[Placed], sizes: t.Mapping[int, float]) -> dict[int, float]:
    """GiB of each GPU that go to models that the planner does not know, with what their shares leave out."""
    reserved = {}
    for gpu, memory_gib in sizes.items():
        shares = [one.demand for one in placed if gpu in one.gpus and not one.demand.planned]
        if shares:
            held = sum(one.share or one.default_share for one in shares) + 1 - MAX_SHARE
            reserved[gpu] = max(0.0, held * memory_gib - SPARE / GIB)
    return reserved


def figures(plan: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The part of a plan that goes with an instance."""
    settings = ("gpu_memory_utilization", "max_model_len", "max_num_seqs", "gpu_memory_gib")
    return {**{name: plan["settings"][name] for name in settings}, **{name: plan[name] for name in FIGURES}}
