# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which GPUs of one server an instance gets, or in words why none. Pure; only _fleet/placement.py calls it."""

from __future__ import annotations

import re
from collections import Counter

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import Demand, GpuMemory, unlike
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import gpus_of_node
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import Entry, Load, Place, Server

Chosen = tuple[list[int] | None, str]


def choose(
    entry: Entry, server: Server, demand: Demand, memory: GpuMemory, load: Load, fitting: bool, settled: bool
) -> Chosen:
    """*fitting* leaves out GPUs on which the instance would not start even alone. *settled* leaves the share and the context
    of those that are there as they are."""
    if server.gpus == 0:
        return _without_gpus(entry, server)
    if entry.get("gpus") is not None:
        return _pinned(entry, server, demand, memory, load, settled)
    size = gpus_of_node(entry)
    free = [
        gpu
        for gpu in _by_preference(server, demand, load)
        if _joins(server, gpu, demand, memory, load, fitting, settled)
    ]
    for first in free:
        alike = [gpu for gpu in free if not unlike([first, gpu], server.memory)]
        if len(alike) >= size:
            return sorted(alike[:size]), ""
    return None, _no_gpus(server, demand, memory, load, len(free), size)


def _without_gpus(entry: Entry, server: Server) -> Chosen:
    """On a server that serves by its processors."""
    if not entry.get("gpus"):
        return [], ""
    listed = ", ".join(map(str, entry["gpus"]))
    return None, (
        f"{server.name} has no GPU {listed}: its llm_gpu_count is 0; leave gpus out of {entry['name']}, name another server in its"
        " servers, or set llm_gpu_count"
    )


def has_room(place: Place, memory: GpuMemory, load: Load) -> bool:
    """Whether an instance that runs can stay where it is, beside those that are placed before it."""
    return any(_has_room(place, memory, load, settled) for settled in (True, False))


def _has_room(place: Place, memory: GpuMemory, load: Load, settled: bool) -> bool:
    server, demand = place.server, (settled and place.settled) or place.demand
    return not any(
        memory.no_room(demand, load.on(server.name, gpu, settled), server.memory.get(gpu), "")
        or not memory.alone(demand, server.memory.get(gpu))
        for gpu in place.gpus
    )


def _by_preference(server: Server, demand: Demand, load: Load) -> list[int]:
    """A model whose share is planned takes the emptiest GPU, so that every model gets as much as it can."""
    gpus = [gpu for gpu in range(server.gpus) if gpu not in server.lost]
    if demand.share is not None:
        return sorted(gpus, key=lambda gpu: load.claims[server.name, gpu])
    return sorted(gpus, key=lambda gpu: (load.claims[server.name, gpu], load.count(server.name, gpu)))


def _joins(
    server: Server, gpu: int, demand: Demand, memory: GpuMemory, load: Load, fitting: bool, settled: bool
) -> bool:
    """A second replica of a model on one GPU gains nothing, unless its share says that it is meant."""
    others, card = load.on(server.name, gpu, settled), server.memory.get(gpu)
    if demand.share is None and demand.name in {one.name for one in others}:
        return False
    if not others and fitting and not memory.alone(demand, card):
        return False
    return not memory.no_room(demand, others, card, f"{server.name}'s GPU {gpu}")


def _no_gpus(server: Server, demand: Demand, memory: GpuMemory, load: Load, free: int, size: int) -> str:
    taken = ", ".join(
        f"GPU {gpu} lost: {server.lost[gpu]}"
        if gpu in server.lost
        else f"GPU {gpu}{_kind(server, gpu)} {_names(load.on(server.name, gpu, False))}"
        for gpu in range(server.gpus)
    )
    share = f"a share of {demand.share:.2f}" if demand.share is not None else "room"
    text = (
        f"{server.name} has {free} of {server.gpus} GPUs with {share} left for {demand.name} (taken: {taken}), {size}"
        f" of one kind needed: {_WAYS[demand.share is None]}, or llm_gpu_count is too low"
    )
    if demand.planned and not server.memory:
        text += ". With llm_gpu_memory_gib declared, models without gpu_memory_utilization share a GPU by plan"
    for gpu in range(server.gpus):
        card = server.memory.get(gpu)
        reason = memory.no_room(demand, load.on(server.name, gpu, False), card, f"{server.name}'s GPU {gpu}")
        if reason:
            return f"{text}. {possible(reason, server)}"
    return text


_WAYS = {True: "choose a smaller model, fewer replicas or other servers", False: "lower gpu_memory_utilization"}


def _names(demands: list[Demand]) -> str:
    return " + ".join(one.name for one in demands) or "free"


def _kind(server: Server, gpu: int) -> str:
    """Named where the GPUs of a server are of several kinds."""
    if not unlike(sorted(server.memory), server.memory) or gpu not in server.memory:
        return ""
    card = server.memory[gpu]
    return f" ({card.name}, {card.memory_gib:g} GiB)"


def possible(text: str, server: Server) -> str:
    """The planner's words without remedies that need more GPUs of one kind than the server has."""
    kinds = Counter((card.name, card.memory_gib) for card in server.memory.values())
    most = max(kinds.values(), default=server.gpus)
    lines = text.splitlines()
    left = [line for line in lines if _parallel(line) <= most]
    more = f"  - a server with more GPUs of one kind than the {most} of {server.name}"
    return "\n".join(left if len(left) == len(lines) else [*left, more])


def _parallel(line: str) -> int:
    """GPUs that a remedy asks for; 0 for any other line."""
    match = re.match(r"\s*- .*tensor_parallel_size: (\d+)", line)
    return int(match.group(1)) if match else 0


def _pinned(entry: Entry, server: Server, demand: Demand, memory: GpuMemory, load: Load, settled: bool) -> Chosen:
    for gpu in entry["gpus"]:
        if gpu >= server.gpus:
            return None, f"{server.name} has no GPU {gpu}: its llm_gpu_count is {server.gpus}"
        if gpu in server.lost:
            return None, f"GPU {gpu} of {server.name} can't be used: {server.lost[gpu]}"
        others, card = load.on(server.name, gpu, settled), server.memory.get(gpu)
        reason = memory.no_room(demand, others, card, f"{server.name}'s GPU {gpu}")
        if reason:
            return None, possible(reason, server)
    different = unlike(entry["gpus"], server.memory)
    return (None, different) if different else (list(entry["gpus"]), "")
