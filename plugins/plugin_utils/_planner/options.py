# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options as a template gives them, strings among them, and models as a module or a file gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any

from .fields import shown
from .model import MemoryPlanError
from .needs import Instance
from .settings import AUTOMATIC, EngineSettings, check

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise ValueError(text)
    return text in _TRUE


def _length(value: Any) -> int:
    return AUTOMATIC if str(value).strip() in {"auto", "-1"} else _count(value)


def _count(value: Any) -> int:
    """vLLM takes 8k (8000) or 8K (8192), and so on: vllm/engine/arg_utils.py, human_readable_int."""
    text = str(value).strip()
    power = "kmg".find(text[-1:].lower()) + 1 if text[-1:] else 0
    base = 1024 if text[-1:].isupper() else 1000
    count = int(float(text[:-1]) * base**power) if power else int(text)
    if count < 1:
        raise ValueError(text)
    return count


_TYPES: dict[str, Callable[[Any], Any]] = {
    "gpu_memory_gib": float,
    "gpu_memory_utilization": float,
    "used_gib": float,
    "tensor_parallel_size": int,
    "pipeline_parallel_size": int,
    "max_model_len": _length,
    "max_num_seqs": int,
    "max_num_batched_tokens": _count,
    "kv_cache_memory_bytes": _count,
    "weight_bytes": int,
    "enforce_eager": _boolean,
    "enable_expert_parallel": _boolean,
    "enable_prefix_caching": _boolean,
    "flashinfer_sampler": _boolean,
}
_MAY_BE_ABSENT = {field.name for field in fields(EngineSettings) if field.default is None}


def settings_from(options: Mapping[str, Any]) -> EngineSettings:
    """Options as a template gives them, strings among them, as typed settings."""
    known = {field.name for field in fields(EngineSettings)}
    unknown = sorted(set(options) - known)
    if unknown:
        raise MemoryPlanError(f"vram_plan has no option {', '.join(unknown)}; it has {', '.join(sorted(known))}.")
    if not options.get("vllm_version"):
        raise MemoryPlanError("vram_plan needs vllm_version, the release of vLLM to plan for.")
    if options.get("gpu_memory_gib") is None:
        raise MemoryPlanError("vram_plan needs gpu_memory_gib, the GPU's usable memory in GiB.")
    values: dict[str, Any] = {}
    for name, value in options.items():
        if value is None or (value == "" and name in _MAY_BE_ABSENT):
            continue
        try:
            values[name] = _TYPES.get(name, _plain)(value)
        except (TypeError, ValueError, OverflowError) as error:
            raise MemoryPlanError(f"{name} cannot be {shown(value)}.") from error
    settings = EngineSettings(**values)
    check(settings)
    return settings


def _plain(value: Any) -> Any:
    return str(value)


def context_length(value: Any) -> int:
    """max_model_len as a user may write it, in tokens; AUTOMATIC for as long as fits."""
    try:
        return _length(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise MemoryPlanError(f"max_model_len cannot be {shown(value)}.") from error


def describe(model: Any) -> tuple[Mapping[str, Any], int | None]:
    """A config.json, or the result of vllm_model_info with the config and the weights' size in it."""
    if not isinstance(model, Mapping):
        raise MemoryPlanError("vram_plan takes a model's config.json as a dictionary.")
    if isinstance(model.get("config"), Mapping):
        return model["config"], model.get("weight_bytes")
    return model, None


def instance_from(entry: Mapping[str, Any], gpu_memory_gib: Any, vllm_version: str) -> Instance:
    """A model of a list: its name, its description under model, and any of vram_plan's options."""
    options = dict(entry)
    name, described = options.pop("name", None), options.pop("model", None)
    if not name or described is None:
        raise MemoryPlanError("each model needs name and model.")
    config, weight_bytes = describe(described)
    options.setdefault("weight_bytes", weight_bytes)
    options.setdefault("vllm_version", vllm_version)
    return Instance(str(name), config, settings_from({**options, "gpu_memory_gib": gpu_memory_gib}))
