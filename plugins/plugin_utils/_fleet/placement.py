# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which model runs on which server and on which GPUs. Pure: the same declaration always gives the same places.

Only _fleet/compute.py calls it.
"""

from __future__ import annotations

import re
import typing as t
from collections import Counter, defaultdict

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import (
    Demand,
    GpuMemory,
    Placed,
    Plan,
    unlike,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpus import Gpu
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import label

Entry = dict[str, t.Any]


class Server(t.NamedTuple):
    """A GPU server as the placement needs it. `gpus` is its number of GPUs; 0 means that vLLM runs on the CPU."""

    name: str
    gpus: int
    memory: dict[int, Gpu]  # of the GPUs that are known
    lost: dict[int, str]  # GPUs that can't be used, with the reason
    deferred: bool  # whether GPUs that are not known may come to be known later in this run
    share: float | None  # of vllm_gpu_memory_utilization; none: the planner's choice
    default_share: float  # where the planner can't choose
    memory_check: bool
    vllm_version: str


class Place(t.NamedTuple):
    """An instance that has its place."""

    entry: Entry
    position: int  # of the entry in llm_models
    server: Server
    gpus: list[int]
    number: int  # which replica of its model on this server it is, from 0
    demand: Demand


class Placement(t.NamedTuple):
    """Places in the order of the declaration, the memory plan of each, and what has no place."""

    places: list[Place]
    plans: list[Plan | None]
    errors: list[str]


class _Load:
    """What is placed so far, by server and GPU."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.on_server: Counter[str] = Counter()
        self.replicas: Counter[tuple[str, str]] = Counter()
        self._on_gpu: dict[tuple[str, int], list[Demand]] = defaultdict(list)
        #: Servers without room for an entry stay so, since what is placed stays placed.
        self.full: dict[int, dict[str, str]] = defaultdict(dict)

    def on(self, server: str, gpu: int) -> list[Demand]:
        return self._on_gpu[server, gpu]

    def add(self, place: Place) -> None:
        self.places.append(place)
        self.on_server[place.server.name] += 1
        self.replicas[place.server.name, place.entry["name"]] += 1
        for gpu in place.gpus:
            self._on_gpu[place.server.name, gpu].append(place.demand)


def place(models: list[Entry], servers: list[Server], memory: GpuMemory) -> Placement:
    """In the order of the declaration; where GPUs differ the large models choose first, so that small ones leave them the
    large GPUs. Where nothing fits, the last attempt says why."""
    declared = list(range(len(models)))
    orders = [declared]
    if len({(card.name, card.memory_gib) for server in servers for card in server.memory.values()}) > 1:
        orders.insert(0, sorted(declared, key=lambda index: -_weight(models[index], index, servers, memory)))
    for order in orders:
        found = _attempt(models, order, servers, memory, fitting=True)
        if not found.errors:
            return found
    return _attempt(models, declared, servers, memory, fitting=False)


def _weight(entry: Entry, position: int, servers: list[Server], memory: GpuMemory) -> float:
    """Of a GPU, on the server that has the largest."""
    cards = [(card, server) for server in servers for card in server.memory.values()]
    if not cards:
        return 0.0
    card, server = max(cards, key=lambda pair: pair[0].memory_gib)
    return memory.weight(_demand(entry, position, server, memory), card)


def _attempt(
    models: list[Entry], order: list[int], servers: list[Server], memory: GpuMemory, fitting: bool
) -> Placement:
    load, errors = _Load(), list[str]()
    for index in order:
        _place_entry(models[index], index, servers, memory, load, errors, fitting)
    load.places.sort(key=lambda one: one.position)
    plans = _plan_memory(load.places, servers, memory, errors)
    return Placement(load.places, plans, errors)


def _place_entry(
    entry: Entry,
    index: int,
    servers: list[Server],
    memory: GpuMemory,
    load: _Load,
    errors: list[str],
    fitting: bool,
) -> None:
    candidates = _candidates(entry, index, servers, errors)
    each = entry.get("replicas") == "each"
    count = len(candidates) if each else entry.get("replicas") or 1
    for replica in range(count if candidates else 0):
        chosen = [candidates[replica]] if each else candidates
        if not _place_one(entry, index, chosen, memory, load, errors, fitting):
            break


def _candidates(entry: Entry, index: int, servers: list[Server], errors: list[str]) -> list[Server]:
    wanted = entry.get("servers")
    if wanted is None:
        return servers
    by_name = {server.name: server for server in servers}
    for name in wanted:
        if name not in by_name:
            errors.append(f"{label(entry, index)}: servers names {name}, which is not in the group gpu_servers")
    return [by_name[name] for name in wanted if name in by_name]


def _place_one(
    entry: Entry,
    index: int,
    candidates: list[Server],
    memory: GpuMemory,
    load: _Load,
    errors: list[str],
    fitting: bool,
) -> bool:
    """On the candidate with the fewest instances that has room, so that replicas spread; first declared wins a tie."""
    full = load.full[index]
    for server in sorted(candidates, key=lambda candidate: load.on_server[candidate.name]):
        if server.name in full:
            continue
        demand = _demand(entry, index, server, memory)
        gpus, full[server.name] = _choose_gpus(entry, server, demand, memory, load, fitting)
        if gpus is not None:
            del full[server.name]
            number = load.replicas[server.name, entry["name"]]
            load.add(Place(entry, index, server, gpus, number, demand))
            return True
    reasons = list(dict.fromkeys(full[server.name] for server in candidates))
    errors.append(f"{label(entry, index)}: no room for a replica. " + ". ".join(reasons))
    return False


def _demand(entry: Entry, position: int, server: Server, memory: GpuMemory) -> Demand:
    share = entry.get("gpu_memory_utilization") or server.share
    share = None if share is None else float(share)
    planned, note, deferred = None, "", False
    if not server.memory_check or entry.get("memory_check") is False:
        switch = "memory_check" if server.memory_check else "vllm_memory_check"
        note = f"{switch} is false"
    elif not server.gpus:
        note = "vLLM runs on the CPU"
    else:
        planned, note = memory.instance(entry, position, share, server.vllm_version)
        deferred = (server.deferred and not server.memory) or (memory.models_unread and planned is None)
        note = note or ("" if server.memory else "the memory of the GPUs is not known: set llm_gpu_memory_gib")
    return Demand(entry["name"], share, planned, note, server.default_share, deferred)


# ---- GPUs of one server


def _choose_gpus(
    entry: Entry, server: Server, demand: Demand, memory: GpuMemory, load: _Load, fitting: bool
) -> tuple[list[int] | None, str]:
    if server.gpus == 0:
        return [], ""
    if entry.get("gpus") is not None:
        return _pinned_gpus(entry, server, demand, memory, load)
    size = entry.get("tensor_parallel_size") or 1
    free = [gpu for gpu in _by_preference(server, demand, load) if _joins(server, gpu, demand, memory, load, fitting)]
    for first in free:
        alike = [gpu for gpu in free if not unlike([first, gpu], server.memory)]
        if len(alike) >= size:
            return sorted(alike[:size]), ""
    return None, _no_gpus(server, demand, memory, load, len(free), size)


def _by_preference(server: Server, demand: Demand, load: _Load) -> list[int]:
    """A model whose share is planned takes the emptiest GPU, so that every model gets as much as it can."""
    gpus = [gpu for gpu in range(server.gpus) if gpu not in server.lost]
    if demand.share is not None:
        return gpus
    return sorted(gpus, key=lambda gpu: len(load.on(server.name, gpu)))


def _joins(server: Server, gpu: int, demand: Demand, memory: GpuMemory, load: _Load, fitting: bool) -> bool:
    """A second replica of a model on one GPU gains nothing, unless its share says that it is meant."""
    others, card = load.on(server.name, gpu), server.memory.get(gpu)
    if demand.share is None and demand.name in {one.name for one in others}:
        return False
    if not others and fitting and not memory.alone(demand, card):
        return False
    return not memory.no_room(demand, others, card, f"{server.name}'s GPU {gpu}")


def _no_gpus(server: Server, demand: Demand, memory: GpuMemory, load: _Load, free: int, size: int) -> str:
    taken = ", ".join(
        f"GPU {gpu} lost: {server.lost[gpu]}"
        if gpu in server.lost
        else f"GPU {gpu}{_kind(server, gpu)} {_names(load.on(server.name, gpu))}"
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
        reason = memory.no_room(demand, load.on(server.name, gpu), card, f"{server.name}'s GPU {gpu}")
        if reason:
            return f"{text}. {_possible(reason, server)}"
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


def _possible(text: str, server: Server) -> str:
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


def _pinned_gpus(
    entry: Entry, server: Server, demand: Demand, memory: GpuMemory, load: _Load
) -> tuple[list[int] | None, str]:
    for gpu in entry["gpus"]:
        if gpu >= server.gpus:
            return None, f"{server.name} has no GPU {gpu}: its llm_gpu_count is {server.gpus}"
        if gpu in server.lost:
            return None, f"GPU {gpu} of {server.name} can't be used: {server.lost[gpu]}"
        reason = memory.no_room(demand, load.on(server.name, gpu), server.memory.get(gpu), f"{server.name}'s GPU {gpu}")
        if reason:
            return None, _possible(reason, server)
    different = unlike(entry["gpus"], server.memory)
    return (None, different) if different else (list(entry["gpus"]), "")


# ---- shares and contexts


_SWITCH = "\n  (memory_check: false of the model starts it without this check)"


def _plan_memory(places: list[Place], servers: list[Server], memory: GpuMemory, errors: list[str]) -> list[Plan | None]:
    """Shares and contexts, once it is known which models share a GPU."""
    demands = [one.demand for one in places]
    found, faults = _plan_servers(places, demands, servers, memory)
    if not faults:
        found, faults = _plan_servers(places, _of_one_length(places, found, memory), servers, memory)
    errors += [f"{fault}{_SWITCH}" for fault in faults]
    return found


def _plan_servers(
    places: list[Place], demands: list[Demand], servers: list[Server], memory: GpuMemory
) -> tuple[list[Plan | None], list[str]]:
    found: list[Plan | None] = [None] * len(places)
    own: dict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(places):
        own[one.server.name].append(index)
    errors = []
    for server in servers:
        members = own[server.name]
        plans, faults = memory.plan_server([Placed(demands[i], places[i].gpus) for i in members], server.memory)
        errors += [f"On {server.name}: {_possible(fault, server)}" for fault in faults]
        for index, plan in zip(members, plans):
            found[index] = plan
    return found, errors


def _of_one_length(places: list[Place], found: list[Plan | None], memory: GpuMemory) -> list[Demand]:
    """The gateway may send a request to any replica, so all the replicas of a model have the context of the poorest."""
    shortest: dict[int, int] = {}
    for one, plan in zip(places, found):
        if plan:
            length = plan["settings"]["max_model_len"]
            shortest[one.position] = min(length, shortest.get(one.position, length))
    return [
        memory.with_length(one.demand, shortest[one.position]) if plan else one.demand
        for one, plan in zip(places, found)
    ]
