# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a model does not fit, and changes with which it does: context, precision, GPUs, fewer requests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from .choice import SHORTEST_LENGTH, choose, round_down
from .model import MemoryPlanError
from .plan import plan
from .reader import Config, canonical, read_model
from .settings import EngineSettings


def remedies(config: Config, settings: EngineSettings) -> list[dict[str, Any]]:
    """Changes that do fit, the least intrusive of each kind: context, precision, GPUs; on small GPUs fewer requests."""
    config = canonical(config)
    context = _shorter_context(config, settings)
    found = [context, _smaller_numbers(config, settings), _more_gpus(config, settings)]
    if context is None or "tensor_parallel_size" in context["changes"]:
        found.append(_fewer_requests(config, settings))
    return [remedy for remedy in found if remedy is not None]


def explain(name: str, config: Config, settings: EngineSettings) -> str:
    """Why a model does not fit, with the arithmetic and the remedies; empty when it fits."""
    try:
        result = plan(config, settings)
    except MemoryPlanError as error:
        return f"{name}: {error}"
    if result["fits"]:
        return ""
    offers = remedies(config, settings)
    lines = [f"{name} does not fit: {result['reason']}"]
    lines += [f"  - {offer['text']}" for offer in offers]
    if not offers:
        lines.append("  No context, precision or number of GPUs of this size helps; choose a smaller model.")
    return "\n".join(lines)


def _shorter_context(config: Config, settings: EngineSettings) -> dict[str, Any] | None:
    """A shorter context at this share or a larger one; where the weights alone are too much, on more GPUs."""
    for changes in _parallel_changes(config, settings):
        found = _longest_that_fits(config, settings, changes)
        if found:
            return _remedy("context", found)
    return None


def _parallel_changes(config: Config, settings: EngineSettings) -> list[dict[str, Any]]:
    """No change, then each larger number of GPUs that divides the heads."""
    heads = read_model(config).heads
    sizes = [size for size in (2, 4, 8, 16) if size > settings.tensor_parallel_size and heads % size == 0]
    return [{}, *({"tensor_parallel_size": size} for size in sizes)]


def _longest_that_fits(config: Config, settings: EngineSettings, changes: dict[str, Any]) -> dict[str, Any] | None:
    changed = replace(settings, **changes)
    roomier = plan(config, changed)["largest_gpu_memory_utilization"]
    for utilization in (settings.gpu_memory_utilization, roomier):
        if not utilization:
            continue
        attempt = replace(changed, gpu_memory_utilization=utilization, max_model_len=None)
        length = round_down(int(plan(config, attempt)["largest_max_model_len"]))
        length = min(length, settings.max_model_len or length)
        found = {**changes, "max_model_len": length, "gpu_memory_utilization": utilization}
        if length >= SHORTEST_LENGTH and plan(config, replace(settings, **found))["fits"]:
            return found
    return None


def _smaller_numbers(config: Config, settings: EngineSettings) -> dict[str, Any] | None:
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


def _fewer_requests(config: Config, settings: EngineSettings) -> dict[str, Any] | None:
    """A smaller batch takes less beside the KV cache; with it the planner's own share and context."""
    for sequences in (64, 16):
        attempt = replace(settings, gpu_memory_utilization=None, max_model_len=None, max_num_seqs=sequences)
        result = choose(config, attempt)
        length = result["settings"]["max_model_len"]
        if result["fits"] and length >= SHORTEST_LENGTH:
            share = result["settings"]["gpu_memory_utilization"]
            changes = {"max_num_seqs": sequences, "max_model_len": length, "gpu_memory_utilization": share}
            return _remedy("batch", changes)
    return None


def _more_gpus(config: Config, settings: EngineSettings) -> dict[str, Any] | None:
    found = _first_that_fits(config, settings, _parallel_changes(config, settings)[1:])
    return _remedy("gpus", found) if found else None


def _first_that_fits(
    config: Config, settings: EngineSettings, attempts: Iterable[dict[str, Any]]
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
    return {"kind": kind, "changes": changes, "text": f"{REMEDY_NAMES[kind]}: {shown}"}


REMEDY_NAMES = {
    "context": "context and share",
    "precision": "smaller numbers, at some quality",
    "gpus": "more GPUs for each replica",
    "batch": "fewer requests at once",
}
