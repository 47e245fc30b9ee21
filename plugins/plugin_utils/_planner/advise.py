# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From one plan to decisions: which settings to use, what to do where a model does not fit, how models share a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .model import PlanError, read_model
from .plan import AUTOMATIC, SPARE, Settings, plan

GIB = 1024**3
# A context is worth planning for when at least this many full-length requests run at once.
WANTED_CONCURRENCY = 2
_ROUND_LENGTH = 1024
# Two engines on one H200 held 0.25 GiB each beyond their plan (docs/planner.md); kept only where it costs no start.
_UNKNOWN = 0.25 * GIB
_SHORTEST_LENGTH = 1024
# The context that a model must hold beside others, where none is asked for.
LEAST_CONTEXT = 4096


@dataclass(frozen=True)
class Instance:
    """One engine that wants a place on a GPU."""

    name: str
    config: Mapping[str, Any]
    settings: Settings
    # indexes of its GPUs, where it shares them with others
    gpus: tuple[int, ...] = (0,)


def choose(config: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Plan one engine, with gpu_memory_utilization and max_model_len chosen where they are absent."""
    chosen = settings
    if settings.gpu_memory_utilization is None:
        share = plan(config, settings)["largest_gpu_memory_utilization"]
        chosen = replace(settings, gpu_memory_utilization=max(share, 0.001))
    if settings.max_model_len is None:
        chosen = replace(chosen, max_model_len=choose_length(config, chosen))
    return plan(config, chosen)


def choose_length(config: Mapping[str, Any], settings: Settings) -> int:
    """The model's whole context, or the longest of which two requests fit, or at least one."""
    longest = read_model(config, settings.quantization, settings.dtype).max_positions
    whole = plan(config, replace(settings, max_model_len=longest))
    if whole["fits"] and whole["max_concurrency"] >= WANTED_CONCURRENCY:
        return longest
    largest = int(whole["largest_max_model_len"])
    length = _round_down(largest // WANTED_CONCURRENCY)
    if length >= _SHORTEST_LENGTH:
        return length
    return max(_round_down(largest), 16)


def _round_down(length: int) -> int:
    step = _ROUND_LENGTH if length >= 4 * _ROUND_LENGTH else 256
    return length // step * step


def remedies(config: Mapping[str, Any], settings: Settings) -> list[dict[str, Any]]:
    """Changes that do fit, the least intrusive of each kind: context, precision, GPUs; on small GPUs fewer requests."""
    context = _shorter_context(config, settings)
    found = [context, _smaller_numbers(config, settings), _more_gpus(config, settings)]
    if context is None or "tensor_parallel_size" in context["changes"]:
        found.append(_fewer_requests(config, settings))
    return [remedy for remedy in found if remedy is not None]


def explain(name: str, config: Mapping[str, Any], settings: Settings) -> str:
    """Why a model does not fit, with the arithmetic and the remedies; empty when it fits."""
    try:
        result = plan(config, settings)
    except PlanError as error:
        return f"{name}: {error}"
    if result["fits"]:
        return ""
    offers = remedies(config, settings)
    lines = [f"{name} does not fit: {result['reason']}"]
    lines += [f"  - {offer['text']}" for offer in offers]
    if not offers:
        lines.append("  No context, precision or number of GPUs of this size helps; choose a smaller model.")
    return "\n".join(lines)


def _shorter_context(config: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """A shorter context at this share or a larger one; where the weights alone are too much, on more GPUs."""
    for changes in _parallel_changes(config, settings):
        found = _longest_that_fits(config, settings, changes)
        if found:
            return _remedy("context", found)
    return None


def _parallel_changes(config: Mapping[str, Any], settings: Settings) -> list[dict[str, Any]]:
    """No change, then each larger number of GPUs that divides the heads."""
    heads = read_model(config).heads
    sizes = [size for size in (2, 4, 8, 16) if size > settings.tensor_parallel_size and heads % size == 0]
    return [{}, *({"tensor_parallel_size": size} for size in sizes)]


def _longest_that_fits(config: Mapping[str, Any], settings: Settings, changes: dict[str, Any]) -> dict[str, Any] | None:
    changed = replace(settings, **changes)
    roomier = plan(config, changed)["largest_gpu_memory_utilization"]
    for utilization in (settings.gpu_memory_utilization, roomier):
        if not utilization:
            continue
        attempt = replace(changed, gpu_memory_utilization=utilization, max_model_len=None)
        length = _round_down(int(plan(config, attempt)["largest_max_model_len"]))
        length = min(length, settings.max_model_len or length)
        found = {**changes, "max_model_len": length, "gpu_memory_utilization": utilization}
        if length >= _SHORTEST_LENGTH and plan(config, replace(settings, **found))["fits"]:
            return found
    return None


def _smaller_numbers(config: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """fp8 for the cache, the weights or both; then with a shorter context, then on more GPUs."""
    attempts: list[dict[str, Any]] = [{"kv_cache_dtype": "fp8"}]
    if read_model(config).quantization is None and settings.quantization is None:
        attempts += [{"quantization": "fp8"}, {"quantization": "fp8", "kv_cache_dtype": "fp8"}]
    for more in _parallel_changes(config, settings):
        tried = [{**attempt, **more} for attempt in attempts]
        found = _first_that_fits(config, settings, tried) or _longest_that_fits(config, settings, tried[-1])
        if found:
            return _remedy("precision", found)
    return None


def _fewer_requests(config: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    """A smaller batch takes less beside the KV cache; with it the planner's own share and context."""
    for sequences in (64, 16):
        attempt = replace(settings, gpu_memory_utilization=None, max_model_len=None, max_num_seqs=sequences)
        result = choose(config, attempt)
        length = result["settings"]["max_model_len"]
        if result["fits"] and length >= _SHORTEST_LENGTH:
            share = result["settings"]["gpu_memory_utilization"]
            changes = {"max_num_seqs": sequences, "max_model_len": length, "gpu_memory_utilization": share}
            return _remedy("batch", changes)
    return None


def _more_gpus(config: Mapping[str, Any], settings: Settings) -> dict[str, Any] | None:
    found = _first_that_fits(config, settings, _parallel_changes(config, settings)[1:])
    return _remedy("gpus", found) if found else None


def _first_that_fits(
    config: Mapping[str, Any], settings: Settings, attempts: Iterable[dict[str, Any]]
) -> dict[str, Any] | None:
    """Try each change as it is, then with the share that leaves 1 GiB free."""
    for changes in attempts:
        result = plan(config, replace(settings, **changes))
        if result["fits"]:
            return changes
        share = result["largest_gpu_memory_utilization"]
        roomier: dict[str, Any] = {**changes, "gpu_memory_utilization": share}
        if share and plan(config, replace(settings, **roomier))["fits"]:
            return roomier
    return None


def _remedy(kind: str, changes: dict[str, Any]) -> dict[str, Any]:
    shown = ", ".join(f"{name}: {value}" for name, value in changes.items())
    return {"kind": kind, "changes": changes, "text": f"{_REMEDY_NAMES[kind]}: {shown}"}


_REMEDY_NAMES = {
    "context": "context and share",
    "precision": "smaller numbers, at some quality",
    "gpus": "more GPUs for each replica",
    "batch": "fewer requests at once",
}

# Usable memory of a common GPU of each class: RTX 4060, 3060 and 4060 Ti, 4090, L40S, H100 and H200.
GPU_CLASSES = {8: 7.6, 12: 11.6, 16: 15.6, 24: 23.55, 48: 44.4, 80: 79.18, 141: 139.8}
_SMALLER_BATCHES: tuple[dict[str, Any], ...] = (
    {},
    {"max_num_seqs": 64},
    {"max_num_seqs": 16},
    {"max_num_seqs": 16, "enforce_eager": True},
)


def recommend(config: Mapping[str, Any], weight_bytes: int | None = None) -> dict[str, dict[str, Any] | None]:
    """For each class of GPU, settings of vLLM that fit one GPU alone, or none."""
    return {str(size): _recommend_for(config, usable, weight_bytes) for size, usable in GPU_CLASSES.items()}


def _recommend_for(config: Mapping[str, Any], usable: float, weight_bytes: int | None) -> dict[str, Any] | None:
    for batch in _SMALLER_BATCHES:
        result = choose(config, Settings(gpu_memory_gib=usable, weight_bytes=weight_bytes, **batch))
        if result["fits"] and result["largest_max_model_len"] >= _SHORTEST_LENGTH:
            settings = {name: result["settings"][name] for name in ("gpu_memory_utilization", "max_model_len")}
            return {**settings, **batch, "max_concurrency": result["max_concurrency"]}
    return None


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
        (0.0, 0.0) if alone else _need(instance, _least(instance, memory_gib))
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
            raise PlanError(_too_much(chosen, [needs[index] for index in sharers], memory, used[gpu]))
        free[gpu] = max(0.0, free[gpu] - len(sharers) * _UNKNOWN)
    return free


def _even_share(
    instances: Sequence[Instance],
    index: int,
    needs: Sequence[tuple[float, float]],
    free: Mapping[int, float],
    settings: Settings,
) -> float:
    """Its need and its part of the rest, on the GPU that has the least to give."""

    def part(gpu: int) -> float:
        open_ended = [i for i in _sharers(instances, gpu) if instances[i].settings.gpu_memory_utilization is None]
        return free[gpu] / len(open_ended)

    share = needs[index][0] + min(part(gpu) for gpu in instances[index].gpus)
    return int(share / (settings.gpu_memory_gib * GIB) * 1000) / 1000


def _start(instance: Instance, settings: Settings, used: dict[int, float], alone: bool) -> dict[str, Any]:
    """Plan an engine beside those that are there already, and add what it holds to theirs."""
    before = max(used[gpu] for gpu in instance.gpus)
    result = choose(instance.config, replace(settings, used_gib=before))
    if not result["fits"] or _too_short(instance, result):
        share = result["settings"]["gpu_memory_utilization"]
        tried = replace(settings, gpu_memory_utilization=share, used_gib=before)
        if alone:
            raise PlanError(explain(instance.name, instance.config, tried))
        raise PlanError(f"{instance.name} does not fit beside the others: {plan(instance.config, tried)['reason']}")
    held = settings.gpu_memory_gib - result["free_gib"] - before
    for gpu in instance.gpus:
        used[gpu] += held
    return result


def _too_short(instance: Instance, result: Mapping[str, Any]) -> bool:
    """Whether the context that was left to the planner came out too short to be of use."""
    if instance.settings.max_model_len is not None:
        return False
    return bool(result["settings"]["max_model_len"] < min(_SHORTEST_LENGTH, read_model(instance.config).max_positions))


def need(instance: Instance, gpu_memory_gib: float) -> float:
    """Bytes that an engine takes of each of its GPUs at least, what comes on top of its share included."""
    return sum(_need(instance, gpu_memory_gib))


def _need(instance: Instance, gpu_memory_gib: float) -> tuple[float, float]:
    """Bytes of the share that one request needs, and bytes that come on top of it."""
    settings = replace(instance.settings, gpu_memory_gib=gpu_memory_gib, used_gib=0.0)
    result = plan(instance.config, replace(settings, max_model_len=_least_length(instance)))
    total = gpu_memory_gib * GIB
    beyond = total - SPARE - result["largest_gpu_memory_utilization"] * total
    if settings.gpu_memory_utilization is not None:
        return settings.gpu_memory_utilization * total, beyond
    smallest = result["smallest_gpu_memory_utilization"]
    if smallest is None:
        shortest = replace(settings, max_model_len=_least_length(instance))
        raise PlanError(explain(instance.name, instance.config, shortest))
    return smallest * total, beyond


def _least_length(instance: Instance) -> int:
    """What was asked for; else a context that is short and still of use."""
    asked = instance.settings.max_model_len
    if asked and asked != AUTOMATIC:
        return asked
    return min(read_model(instance.config).max_positions, LEAST_CONTEXT)


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
        f"{_names(instances)} do not fit one GPU of {gpu_memory_gib:.2f} GiB together. Least share plus what comes on "
        f"top, in GiB: {'; '.join(parts)}; with 1 GiB free that is {wanted + 1:.2f}."
    )
    offers = _remedies_together(instances, gpu_memory_gib - reserved_gib)
    return "\n".join([text, *(f"  - {offer}" for offer in offers)])


def _names(instances: Sequence[Instance]) -> str:
    return " and ".join(instance.name for instance in instances)


def _remedies_together(instances: Sequence[Instance], gpu_memory_gib: float) -> list[str]:
    """Changes with which the models do fit, one of each kind where there is one."""
    free = [replace(one, settings=replace(one.settings, gpu_memory_utilization=None)) for one in instances]
    found = [_shorter_together(free, gpu_memory_gib), _smaller_together(free, gpu_memory_gib)]
    largest = max(free, key=lambda one: _weight(one, gpu_memory_gib))
    others = [one for one in free if one is not largest]
    if _together(others, gpu_memory_gib) and _together([largest], gpu_memory_gib):
        found.append(f"{_REMEDY_NAMES['gpus']}: a GPU of its own for {largest.name} (gpus, or a higher llm_gpu_count)")
    return [text for text in found if text]


def _weight(instance: Instance, gpu_memory_gib: float) -> float:
    settings = replace(instance.settings, gpu_memory_gib=gpu_memory_gib, max_model_len=_least_length(instance))
    return float(plan(instance.config, settings)["weights_gib"])


def _together(instances: Sequence[Instance], gpu_memory_gib: float) -> bool:
    try:
        wanted = sum(need(instance, gpu_memory_gib) for instance in instances)
    except PlanError:
        return False
    return wanted + SPARE <= gpu_memory_gib * GIB


def _shorter_together(instances: Sequence[Instance], gpu_memory_gib: float) -> str:
    """The longest of a few contexts for all; shares are the planner's then."""
    for length in (32768, 16384, 8192, 4096, 2048, 1024):
        lengths = {one.name: min(_least_length(one), length) for one in instances}
        changed = [replace(one, settings=replace(one.settings, max_model_len=lengths[one.name])) for one in instances]
        if _together(changed, gpu_memory_gib):
            shown = ", ".join(f"{name} {value}" for name, value in lengths.items())
            return f"{_REMEDY_NAMES['context']}: max_model_len {shown}, without gpu_memory_utilization"
    return ""


def _smaller_together(instances: Sequence[Instance], gpu_memory_gib: float) -> str:
    """fp8 for the cache of all, then for the weights of those that are not quantized yet."""
    cache = [replace(one, settings=replace(one.settings, kv_cache_dtype="fp8")) for one in instances]
    if _together(cache, gpu_memory_gib):
        return f"{_REMEDY_NAMES['precision']}: kv_cache_dtype: fp8 for {_names(cache)}, without gpu_memory_utilization"
    plain = [one for one in cache if not one.settings.quantization and read_model(one.config).quantization is None]
    changed = [
        replace(one, settings=replace(one.settings, quantization="fp8")) if one in plain else one for one in cache
    ]
    if not plain or not _together(changed, gpu_memory_gib):
        return ""
    return (
        f"{_REMEDY_NAMES['precision']}: kv_cache_dtype: fp8 for {_names(cache)} and quantization: fp8 for "
        f"{_names(plain)}, without gpu_memory_utilization"
    )


def check_alike(gpus: Sequence[Mapping[str, Any]]) -> None:
    """The GPUs of one replica must be of one kind: the smallest would decide for all."""
    kinds = {(gpu.get("name"), round(float(gpu["memory_gib"]), 1)) for gpu in gpus}
    if len(kinds) > 1:
        listed = ", ".join(sorted(f"{name} {memory} GiB" for name, memory in kinds))
        raise PlanError(f"The GPUs of one replica must be alike, and these are not: {listed}. Name alike ones in gpus.")


_HEADINGS = ("model", "gpu", "gpus", "weights", "share", "max_model_len", "tokens", "requests", "free", "verdict")


def table(instances: Sequence[Instance], gpus: Mapping[str, float]) -> list[str]:
    """Lines of a table: each model alone on each kind of GPU, and under it why what does not fit does not."""
    rows: list[tuple[str, ...]] = [_HEADINGS]
    notes: list[str] = []
    for instance in instances:
        for gpu, memory_gib in gpus.items():
            row, note = _table_row(instance, gpu, memory_gib)
            rows.append(row)
            notes += note.splitlines()
    return aligned(rows) + notes


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as lines of columns."""
    widths = [max(len(cell) for cell in column) for column in zip(*rows)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]


def _table_row(instance: Instance, gpu: str, memory_gib: float) -> tuple[tuple[str, ...], str]:
    settings = replace(instance.settings, gpu_memory_gib=memory_gib)
    count = settings.tensor_parallel_size * settings.pipeline_parallel_size
    name = (instance.name, gpu, str(count))
    try:
        result = choose(instance.config, settings)
    except PlanError as error:
        return (*name, "", "", "", "", "", "", "refused"), f"{instance.name} on {gpu}: {error}"
    used = result["settings"]
    cells = (
        f"{result['weights_gib']:.1f}",
        f"{used['gpu_memory_utilization']:.3f}",
        str(used["max_model_len"]),
        str(result["kv_cache_tokens"]),
        f"{result['max_concurrency']:.1f}",
        f"{result['free_gib']:.1f}",
    )
    if result["fits"]:
        return (*name, *cells, "fits"), ""
    return (*name, cells[0], "", "", "", "", "", "too large"), explain(
        f"{instance.name} on {gpu}", instance.config, settings
    )
