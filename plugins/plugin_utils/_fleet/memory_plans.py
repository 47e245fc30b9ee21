# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Shares and contexts, once it is known which models share a GPU. Pure; only _fleet/placement.py calls it."""

from __future__ import annotations

from collections import defaultdict

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_choice import possible
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import Demand, GpuMemory, Placed, Plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import Place, Server

_SWITCH = "\n  (memory_check: false of the model starts it without this check)"


def plan_memory(places: list[Place], servers: list[Server], memory: GpuMemory, errors: list[str]) -> list[Plan | None]:
    """The plan of each place. What runs keeps its share and its context, as long as they still go with its neighbours."""
    found, faults = _plan_servers([_placed(one, one.demand) for one in places], places, servers, memory)
    if not faults:
        found, faults = _plan_servers(_of_one_length(places, found, memory), places, servers, memory)
    errors += [f"{fault}{_SWITCH}" for fault in faults]
    return found


def _placed(place: Place, demand: Demand) -> Placed:
    return Placed(place.settled, place.gpus, demand) if place.settled else Placed(demand, place.gpus)


def _plan_servers(
    placed: list[Placed], places: list[Place], servers: list[Server], memory: GpuMemory
) -> tuple[list[Plan | None], list[str]]:
    found: list[Plan | None] = [None] * len(places)
    own: dict[str, list[int]] = defaultdict(list)
    for index, one in enumerate(places):
        own[one.server.name].append(index)
    errors = []
    for server in servers:
        members = own[server.name]
        plans, faults = memory.plan_server([placed[index] for index in members], server.memory)
        errors += [f"On {server.name}: {possible(fault, server)}" for fault in faults]
        for index, plan in zip(members, plans):
            found[index] = plan
    return found, errors


def _of_one_length(places: list[Place], found: list[Plan | None], memory: GpuMemory) -> list[Placed]:
    """The gateway may send a request to any replica, so all the replicas of a model have the context of the poorest."""
    shortest: dict[int, int] = {}
    for one, plan in zip(places, found):
        if plan:
            length = plan["settings"]["max_model_len"]
            shortest[one.position] = min(length, shortest.get(one.position, length))
    return [
        _with_length(one, shortest[one.position], memory) if plan else Placed(one.demand, one.gpus)
        for one, plan in zip(places, found)
    ]


def _with_length(place: Place, length: int, memory: GpuMemory) -> Placed:
    demand = memory.with_length(place.demand, length)
    if place.settled and place.settled.planned and place.settled.planned.settings.max_model_len != length:
        return Placed(demand, place.gpus)
    return _placed(place, demand)
