# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs keeps its place: places as the last good reading has them, which of them still hold, and what is said of the rest.

Pure; only _fleet/placement.py and _fleet/compute.py call it.
"""

from __future__ import annotations

import hashlib
import json
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import Plan, unlike
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import gpus_of_node, nodes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import Entry, Place, Server, name_of

#: Keys of an entry that say what an instance is, and so what it takes; the others say where it is and how it is called.
_WHAT = ("model", "revision", "tensor_parallel_size", "nodes", "max_model_len", "gpu_memory_utilization")
_WHAT_MORE = ("memory_check", "trust_remote_code", "engine_args", "environment")


class Node(t.NamedTuple):
    """One container of a replica, as it was placed before."""

    server: str
    number: int
    gpus: list[int]
    share: float | None  # as planned
    length: int | None
    made_of: str  # digest of what the plan was made from


class Unit(t.NamedTuple):
    """One replica, as it was placed before: its nodes, the head first."""

    model: str
    nodes: tuple[Node, ...]

    @property
    def name(self) -> str:
        return f"{name_of(self.model, self.nodes[0].number)} on {self.nodes[0].server}"


def digest(entry: Entry, server: Server) -> str:
    """Of what the share and the context of an instance depend on, beside its GPUs and its neighbours."""
    what = {key: entry.get(key) for key in (*_WHAT, *_WHAT_MORE)}
    text = json.dumps([what, server.share, server.vllm_version, server.memory_check], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# ---- to and from the reading


def noted(places: t.Sequence[Place], plans: t.Sequence[Plan | None]) -> dict[str, t.Any]:
    """The part of a reading that is the places', by the head of each replica."""
    found: dict[str, t.Any] = {}
    for place, plan in sorted(zip(places, plans), key=lambda pair: pair[0].rank):
        server, number = place.head
        unit = found.setdefault(f"{server}/{name_of(place.entry['name'], number)}", {"model": place.entry["name"]})
        settings = plan["settings"] if plan else {}
        node = {"server": place.server.name, "number": place.number, "gpus": list(place.gpus)}
        node |= {"share": settings.get("gpu_memory_utilization"), "length": settings.get("max_model_len")}
        unit.setdefault("nodes", []).append({**node, "made_of": digest(place.entry, place.server)})
    return dict(sorted(found.items()))


def units(kept: t.Any) -> list[Unit]:
    """As a reading has them; what is damaged is left out, and placed as if it were new."""
    found = []
    for unit in kept.values() if isinstance(kept, dict) else ():
        try:
            ranks = tuple(_node(one) for one in unit["nodes"])
            found += [Unit(str(unit["model"]), ranks)] if ranks else []
        except (AttributeError, KeyError, TypeError, ValueError):
            continue
    return found


def _node(said: t.Mapping[str, t.Any]) -> Node:
    share, length = said["share"], said["length"]
    return Node(
        str(said["server"]),
        int(said["number"]),
        [int(gpu) for gpu in said["gpus"]],
        None if share is None else float(share),
        None if length is None else int(length),
        str(said["made_of"]),
    )


# ---- which still hold


def of_entry(entry: Entry, found: t.Sequence[Unit], names: t.Container[str]) -> list[Unit]:
    """The replicas of a model, also of one that is called otherwise now: its aliases are its former names."""
    former = [name for name in entry.get("aliases") or () if name not in names]
    return [one for one in found if one.model == entry["name"] or one.model in former]


def fault(entry: Entry, unit: Unit, candidates: t.Mapping[str, Server], servers: t.Mapping[str, Server]) -> str:
    """Why a replica can't stay where it is, whoever its neighbours are; empty where it can."""
    if len(unit.nodes) != nodes(entry):
        return f"it takes {nodes(entry)} nodes now"
    for node in unit.nodes:
        if node.server not in servers:
            return f"{node.server} is not in gpu_servers any more"
        if node.server not in candidates:
            return f"{node.server} is not among its servers any more"
        if text := _gpu_fault(entry, node, servers[node.server]):
            return text
    return ""


def _gpu_fault(entry: Entry, node: Node, server: Server) -> str:
    size = gpus_of_node(entry) if server.gpus else 0
    pinned = entry.get("gpus")
    if len(node.gpus) != size:
        return f"it takes {size} GPUs of a server now"
    if pinned is not None and sorted(pinned) != sorted(node.gpus):
        return "its gpus are others now"
    for gpu in node.gpus:
        if gpu in server.lost:
            return f"GPU {gpu} of {server.name} can't be used: {server.lost[gpu]}"
        if gpu >= server.gpus:
            return f"{server.name} has no GPU {gpu} any more: its llm_gpu_count is {server.gpus}"
    return f"GPUs of {server.name} are others now" if unlike(node.gpus, server.memory) else ""


def without_surplus(found: list[Unit], count: int, each: bool) -> list[Unit]:
    """Those that stay where fewer replicas are wanted: the best spread, and the first on their servers."""
    left = sorted(found, key=lambda unit: (unit.nodes[0].number, unit.nodes[0].server))
    if each:
        return list({unit.nodes[0].server: unit for unit in reversed(left)}.values())[::-1]
    while len(left) > count:
        on = [unit.nodes[0].server for unit in left]
        crowded = max(range(len(left)), key=lambda index: (on.count(on[index]), index))
        del left[crowded]
    return left


# ---- what is said


def changes(
    before: t.Sequence[Unit], places: t.Sequence[Place], plans: t.Sequence[Plan | None], reasons: t.Mapping[str, str]
) -> list[str]:
    """One line for each replica that runs and can't be left as it is; reasons are by the replica's name."""
    now: dict[tuple[str, str, int], list[Place]] = {}
    for place in sorted(places, key=lambda one: one.rank):
        now.setdefault((place.head[0], place.entry["name"], place.head[1]), []).append(place)
    was = {(unit.nodes[0].server, unit.model, unit.nodes[0].number) for unit in before}
    fresh = {key: seats for key, seats in now.items() if key not in was}
    found = []
    for unit in before:
        key = (unit.nodes[0].server, unit.model, unit.nodes[0].number)
        goes = key if key in now else next((one for one in fresh if one[1] == unit.model), None)
        seats = now[goes] if goes else []
        if goes and [(one.server, one.gpus) for one in unit.nodes] != [(one.server.name, one.gpus) for one in seats]:
            fresh.pop(goes, None)
            reason = reasons.get(unit.name, "there is no room for all models otherwise")
            found.append(f"{unit.name} moves to {_where(seats, unit)}: {reason}")
    return found + _resettled(places, plans)


def _where(seats: t.Sequence[Place], before: Unit) -> str:
    """On the same server only its GPUs are named."""
    stays = len(seats) == len(before.nodes) == 1 and seats[0].server.name == before.nodes[0].server and seats[0].gpus
    found = []
    for seat in seats:
        gpus = f"GPU {', '.join(map(str, seat.gpus))}" if seat.gpus else ""
        found.append(", ".join(part for part in ("" if stays else seat.server.name, gpus) if part))
    return " and ".join(found)


def _resettled(places: t.Sequence[Place], plans: t.Sequence[Plan | None]) -> list[str]:
    found = []
    for place, plan in zip(places, plans):
        settings = place.settled.planned.settings if place.settled and place.settled.planned else None
        if not settings or not plan:
            continue
        before = (settings.gpu_memory_utilization, settings.max_model_len)
        now = (plan["settings"]["gpu_memory_utilization"], plan["settings"]["max_model_len"])
        if before != now:
            found.append(
                f"{place.name} on {place.server.name} starts anew with a share of {now[0]:g} and a context of {now[1]}"
                f" ({before[0]:g} and {before[1]} before): it shares its GPUs or its context with others now"
            )
    return found
