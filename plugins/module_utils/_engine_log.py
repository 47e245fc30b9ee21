# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a started engine says of itself in its log and on its metrics page, against what was planned.

Imported by the module vllm_figures on hosts and by the filter of that name on the controller.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

WARN_ABOVE_PERCENT = 5.0

_NUMBER = r"(-?\d[\d,]*(?:\.\d+)?)"
_PATTERNS = {
    "weights_gib": rf"Model loading took {_NUMBER} ?Gi?B",
    "kv_cache_gib": rf"Available KV cache memory: {_NUMBER} GiB",
    "kv_cache_tokens": rf"KV cache size: {_NUMBER} tokens",
    "max_model_len": rf"Maximum concurrency for {_NUMBER} tokens per request",
    "max_concurrency": rf"Maximum concurrency for [\d,]+ tokens per request: {_NUMBER}x",
    "cuda_graphs_gib": rf"Graph capturing finished in [\d.]+ secs?, took {_NUMBER} GiB",
    "activation_gib": rf"{_NUMBER} GiB for peak activation",
    "non_torch_gib": rf"{_NUMBER} GiB for non-torch memory",
}
_WHOLE = {"kv_cache_tokens", "max_model_len"}
_REFUSALS = (
    r"No available memory for the cache blocks[^\n]*",
    # vLLM up to 0.11 writes "models's".
    r"To serve at least one request with the models?'s max seq len[^\n]*",
    r"Free memory on device [^\n]*is less than desired GPU memory utilization[^\n]*",
    r"CUDA out of memory[^\n]*",
)
COMPARED = ("weights_gib", "kv_cache_gib", "kv_cache_tokens", "max_concurrency")


def read_log(text: str) -> dict[str, Any]:
    """Figures of the last start in a vLLM log; with several ranks, those of the poorest KV cache.

    Starts append to one log, so what comes before the last "Model loading" of the first rank belongs to older ones;
    ranks of one start print the same line close together, and the least KV room decides.
    """
    start = _last_start(text)
    figures: dict[str, Any] = {}
    for name, pattern in _PATTERNS.items():
        values = [float(found.replace(",", "")) for found in re.findall(pattern, text[start:])]
        if not values:
            continue
        value = min(values) if name in {"kv_cache_gib", "kv_cache_tokens", "max_concurrency"} else max(values)
        figures[name] = int(value) if name in _WHOLE else value
    refusal = _refusal(text[start:])
    return {**figures, "refusal": refusal} if refusal else figures


def _last_start(text: str) -> int:
    banners = list(re.finditer(r"vLLM (?:API )?server version|Initializing a V\d LLM engine", text))
    starts = [found.start() for found in banners if "server" in found.group()] or [found.start() for found in banners]
    return starts[-1] if starts else 0


def _refusal(text: str) -> str:
    for pattern in _REFUSALS:
        found = re.search(pattern, text)
        if found:
            return found.group(0).strip()
    return ""


def read_metrics(text: str) -> dict[str, Any]:
    """Figures of vLLM's /metrics page: the blocks of its KV cache."""
    found = re.search(r"^vllm:cache_config_info\{([^}]*)\}", text, re.MULTILINE)
    if not found:
        return {}
    labels = dict(re.findall(r'(\w+)="([^"]*)"', found.group(1)))
    if not labels.get("num_gpu_blocks", "").isdigit() or not labels.get("block_size", "").isdigit():
        return {}
    return {"kv_cache_tokens": int(labels["num_gpu_blocks"]) * int(labels["block_size"])}


def compare(predicted: Mapping[str, Any], real: Mapping[str, Any]) -> dict[str, Any]:
    """Predicted against real, in percent, with a warning for each figure more than 5 % off."""
    figures = {}
    for name in COMPARED:
        planned, seen = _number(predicted.get(name)), _number(real.get(name))
        if planned is None or not seen:
            continue
        figures[name] = {
            "predicted": planned,
            "real": seen,
            "error_percent": round(100 * (planned - seen) / seen, 2),
        }
    warnings = [
        f"{name}: planned {figure['predicted']}, vLLM has {figure['real']} ({figure['error_percent']:+.1f} %)"
        for name, figure in figures.items()
        if abs(figure["error_percent"]) > WARN_ABOVE_PERCENT
    ]
    return {"figures": figures, "warnings": warnings}


def _number(value: Any) -> Any:
    """A figure as it is; none where it is no number that could be compared."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value if is_number and math.isfinite(value) else None


def record(predicted: Mapping[str, Any], real: Mapping[str, Any], max_num_seqs: int | None = None) -> dict[str, Any]:
    """What is kept of an instance: both sides, the comparison, and the limit for the gateway."""
    compared = compare(predicted, real)
    limit = parallel_limit(real, max_num_seqs or _number(predicted.get("max_num_seqs")))
    return {"predicted": dict(predicted), "real": dict(real), **compared, "parallel_limit": limit}


def parallel_limit(real: Mapping[str, Any], max_num_seqs: int | None = None) -> int | None:
    """How many requests LiteLLM should send at once: as many as hold a full context, at least one."""
    concurrency = _number(real.get("max_concurrency"))
    if not concurrency:
        return None
    limit = max(1, int(concurrency))
    return min(limit, max_num_seqs) if max_num_seqs else limit
