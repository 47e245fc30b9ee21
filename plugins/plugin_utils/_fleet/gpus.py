# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The GPUs of a server as the plan takes them: declared, read, or as an earlier run read them. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host

#: A declared memory that is larger than the real one by more than rounding would plan too much.
ROUNDING_GIB = 0.5
#: Part of a memory that CPU and GPU share which is left to the system. NVIDIA lets GPUs have 80 % at most
#: (docs.nvidia.com, RTX Spark porting guide, Unified Memory Architecture); on a GB10 102 of 121.69 GiB were ever free
#: (MiaAI-Lab/GLM-5.3-Flash-EXL3-2x-DGX-Sparks#47), and a host whose memory is used up hangs (vllm-project/vllm#46307).
SYSTEM_SHARE = 0.2
MIB_PER_GIB = 1024


class Gpu(t.NamedTuple):
    """A GPU as CUDA sees it. What is reserved of its memory is the system's, where both share it."""

    name: str
    memory_gib: float
    reserved_gib: float = 0.0


class Gpus(t.NamedTuple):
    """The GPUs of a server: those whose memory is known, and those that are lost, with the reason."""

    memory: dict[int, Gpu]
    lost: dict[int, str]


def gpus_of(host: Host, kept: t.Mapping[str, t.Any], faults: list[str]) -> Gpus:
    """As declared, else as read; always the whole of the memory, so that every run plans the same."""
    count = host.gpu_count
    found = host.facts.get("gpu") or {}
    rows = found.get("gpus") or []
    lost = {int(row["index"]): str(row.get("reason") or "nvidia-smi says so") for row in found.get("lost_gpus") or []}
    lost |= {int(row["index"]): "nvidia-smi says so" for row in rows if "is lost" in str(row.get("name"))}
    memory = _read(host, [row for row in rows if int(row["index"]) not in lost]) if rows or lost else _kept(kept)
    for index, declared in _declared(host, count, faults).items():
        known = memory.get(index) or _unread(rows, index, declared)
        if declared > known.memory_gib + ROUNDING_GIB:
            faults.append(
                f"llm_gpu_memory_gib of {host.name} says {declared:g} for GPU {index}, but its {known.name} has"
                f" {known.memory_gib:.2f} GiB: correct it, or leave it out to have it read"
            )
        memory[index] = known._replace(memory_gib=declared, reserved_gib=known.reserved_gib and declared * SYSTEM_SHARE)
    return Gpus({index: gpu for index, gpu in sorted(memory.items()) if index < count and index not in lost}, lost)


def _read(host: Host, rows: t.Sequence[t.Mapping[str, t.Any]]) -> dict[int, Gpu]:
    """What nvidia-smi said. One that has no memory of its own to tell of takes the host's."""
    memory = {}
    total = float(host.facts.get("memory_mb") or 0) / MIB_PER_GIB
    for row in rows:
        index, name = int(row["index"]), str(row["name"])
        if row.get("mig_mode") == "Enabled":
            continue
        if row.get("memory_usable_gib"):
            memory[index] = Gpu(name, float(row["memory_usable_gib"]))
        elif total:
            memory[index] = Gpu(name, total, total * SYSTEM_SHARE)
    return memory


def _kept(kept: t.Mapping[str, t.Any]) -> dict[int, Gpu]:
    return {int(index): Gpu(*values) for index, values in (kept.get("gpus") or {}).items()}


def _unread(rows: t.Sequence[t.Mapping[str, t.Any]], index: int, declared: float) -> Gpu:
    """A GPU of which only the declaration says its memory: one that was seen without a memory shares the host's."""
    seen = [str(row["name"]) for row in rows if int(row["index"]) == index and row.get("mig_mode") != "Enabled"]
    return Gpu(seen[0], declared, declared * SYSTEM_SHARE) if seen else Gpu("GPU", declared)


def _declared(host: Host, count: int, faults: list[str]) -> dict[int, float]:
    declared = host.variables["llm_gpu_memory_gib"]
    if declared is None or declared == "" or not count:
        return {}
    values = declared if isinstance(declared, (list, tuple)) else [declared] * count
    try:
        sizes = [float(value) for value in values]
    except (TypeError, ValueError):
        sizes = []
    if len(sizes) == count and all(size > 0 for size in sizes):
        return dict(enumerate(sizes))
    faults.append(
        f"llm_gpu_memory_gib of {host.name} must be the usable GiB of each GPU, one number or {count} of them"
        f" (llm_gpu_count), not {declared!r}"
    )
    return {}
