# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of models and kinds of GPU, as lines of text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from .choice import choose
from .model import MemoryPlanError
from .needs import Instance
from .remedies import explain

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
        result = choose(instance.text, settings)
    except MemoryPlanError as error:
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
        f"{instance.name} on {gpu}", instance.text, settings
    )
