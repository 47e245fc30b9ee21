# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which model runs on which server and on which GPUs. Pure: the same declaration and the same past always give the same places.

What runs stays where it is. The rest takes what is left, the most demanding first. Only where that leaves a model without a
place does something move. Only _fleet/compute.py calls it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import keeping
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_choice import choose, has_room
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import Demand, GpuMemory, Plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.keeping import Node, Unit
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.memory_plans import plan_memory
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import gpus_of_node, label, nodes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import Entry, Load, Place, Seat, Server

_UNPLANNED = "it was started before its vLLM was asked what it takes"


class Placement(t.NamedTuple):
    """Places in the order of the declaration, the memory plan of each, what has no place, and what runs and must change."""

    places: list[Place]
    plans: list[Plan | None]
    errors: list[str]
    changes: list[str]


def place(models: list[Entry], servers: list[Server], memory: GpuMemory, kept: t.Sequence[Unit] = ()) -> Placement:
    """Where nothing fits, the last attempt says why."""
    declared = list(range(len(models)))
    ranked = sorted(declared, key=lambda index: _rank(models[index], index, servers, memory))
    for first, lengths in ((True, True), (True, False), (False, False)) if kept else ():
        found = _Attempt(models, servers, memory, kept, first, lengths).run(ranked)
        if not found.errors:
            return found
    for order in (ranked, declared):
        found = _Attempt(models, servers, memory, kept, keeps=None).run(order)
        if not found.errors:
            return found
    return _Attempt(models, servers, memory, (), keeps=None, fitting=False).run(declared)


def _rank(entry: Entry, position: int, servers: list[Server], memory: GpuMemory) -> tuple[t.Any, ...]:
    """The most demanding first: those that have no choice of GPUs, then by what they take. The order in which models are
    declared means nothing."""
    cards = [(card, server) for server in servers for card in server.memory.values()]
    size = gpus_of_node(entry) * nodes(entry)
    weight = 0.0
    if cards:
        card, server = max(cards, key=lambda pair: pair[0].memory_gib)
        weight = memory.weight(demand(entry, position, server, memory), card)
    return (entry.get("gpus") is None, -size * weight, -size, entry.get("servers") is None, entry["name"])


def demand(entry: Entry, position: int, server: Server, memory: GpuMemory) -> Demand:
    """What an entry wants of each of its GPUs on a server."""
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


class _Attempt:
    """One way through all models. *keeps* says when what runs gets its place: true before all else, false with the others
    of its model, none: as if nothing ran. With *lengths* it keeps its context too, where its share can't be kept: else all
    replicas of the model would start anew."""

    def __init__(
        self,
        models: list[Entry],
        servers: list[Server],
        memory: GpuMemory,
        kept: t.Sequence[Unit],
        keeps: bool | None,
        lengths: bool = False,
        fitting: bool = True,
    ) -> None:
        self.models, self.servers, self.memory, self.kept = models, servers, memory, kept
        self.keeps, self.lengths, self.fitting = keeps, lengths, fitting
        self.by_name = {server.name: server for server in servers}
        self.load, self.errors, self.reasons = Load(), list[str](), dict[str, str]()
        #: Servers without room for an entry stay so, since what is placed stays placed.
        self.full: dict[tuple[int, bool, int | None], dict[str, str]] = {}
        self.candidates = [self._candidates(entry, index) for index, entry in enumerate(models)]
        self.staying = self._staying() if kept else [[] for _entry in models]

    def run(self, order: list[int]) -> Placement:
        if self.keeps is not None:
            self._claim()
        for index in order if self.keeps else ():
            self._keep(index)
        for index in order:
            if self.keeps is False:
                self._keep(index)
            self._fill(index)
        turn = {server.name: number for number, server in enumerate(self.servers)}
        places = sorted(
            self.load.places, key=lambda one: (one.position, one.head[1], turn[one.head[0]], one.rank, one.number)
        )
        plans = plan_memory(places, self.servers, self.memory, self.errors)
        lines = keeping.changes(self.kept, places, plans, self.reasons)
        return Placement(places, plans, self.errors, lines)

    def _candidates(self, entry: Entry, index: int) -> list[Server]:
        wanted = entry.get("servers")
        if wanted is None:
            return self.servers
        for name in wanted:
            if name not in self.by_name:
                text = f"servers names {name}, which is not in the group gpu_servers"
                self.errors.append(f"{label(entry, index)}: {text}")
        return [self.by_name[name] for name in dict.fromkeys(wanted) if name in self.by_name]

    def _count(self, index: int) -> int:
        """Replicas that are wanted."""
        entry, candidates = self.models[index], self.candidates[index]
        if entry.get("replicas") == "each":
            return len(candidates)
        return (entry.get("replicas") or 1) if candidates else 0

    # ---- what runs

    def _staying(self) -> list[list[Unit]]:
        """Of each model, the replicas that can stay where they are, as far as their servers and GPUs are concerned."""
        names = {entry["name"] for entry in self.models}
        found = []
        for index, entry in enumerate(self.models):
            candidates = {server.name: server for server in self.candidates[index]}
            sound = []
            for unit in keeping.of_entry(entry, self.kept, names):
                if reason := keeping.fault(entry, unit, candidates, self.by_name):
                    self.reasons[unit.name] = reason
                else:
                    sound.append(unit)
            each = entry.get("replicas") == "each"
            found.append(keeping.without_surplus(sound, self._count(index), each))
        return found

    def _claim(self, sign: int = 1, found: t.Iterable[Unit] | None = None) -> None:
        for unit in (one for own in self.staying for one in own) if found is None else found:
            for node in unit.nodes:
                for gpu in node.gpus:
                    self.load.claims[node.server, gpu] += sign

    def _keep(self, index: int) -> None:
        entry, own = self.models[index], self.staying[index]
        self._claim(-1, own)
        for unit in own:
            seats = [Seat(self.by_name[node.server], node.number, node.gpus) for node in unit.nodes]
            same = unit.nodes[0].made_of == keeping.digest(entry, seats[0].server)
            for length in (unit.nodes[0].length, None) if self.lengths and same else (None,):
                places = self._places(entry, index, seats, unit.nodes, length)
                if all(has_room(one, self.memory, self.load) for one in places):
                    self._add(places)
                    break

    def _settled(self, wanted: Demand, node: Node, entry: Entry, server: Server) -> Demand | None:
        """With the share and the context that it runs with, unless what they were planned from has changed."""
        if not wanted.planned or node.share is None or node.length is None:
            return None
        if node.made_of != keeping.digest(entry, server):
            return None
        return self.memory.settled(wanted, node.share, node.length)

    def _came_unplanned(self, wanted: Demand, node: Node, entry: Entry, server: Server) -> bool:
        """Whether it runs as it was started before anybody could plan it, and nothing else has changed."""
        same = node.share is None and node.made_of == keeping.digest(entry, server)
        return same and self.memory.only_answered(wanted)

    # ---- the rest

    def _fill(self, index: int) -> None:
        entry, candidates = self.models[index], self.candidates[index]
        each = entry.get("replicas") == "each"
        missing = self._count(index) - sum(one.position == index and one.rank == 0 for one in self.load.places)
        for server in candidates if each else [None] * max(0, missing):
            if server and self.load.replicas[server.name, entry["name"]]:
                continue
            among = [server] if server else candidates
            if not self._place_one(entry, index, among):
                break

    def _place_one(self, entry: Entry, index: int, candidates: list[Server]) -> bool:
        """Better where nothing that runs has to give something up: a part of its GPU, or of the context of all replicas."""
        length = self._length(index)
        for settled, fixed in dict.fromkeys([(True, length), (False, length), (True, None), (False, None)]):
            if settled and self.keeps is None:
                continue
            if seats := self._seats(entry, index, candidates, settled, fixed):
                self._add(self._places(entry, index, seats, length=fixed))
                return True
        full = self.full[index, False, None]
        reasons = list(dict.fromkeys(full[server.name] for server in candidates if server.name in full))
        if nodes(entry) > 1:
            reasons.insert(0, f"{nodes(entry)} servers with GPUs of one kind are needed, one for each node")
        self.errors.append(f"{label(entry, index)}: no room for a replica. " + ". ".join(reasons))
        return False

    def _length(self, index: int) -> int | None:
        """The context of the replicas that run and stay, which is one for all."""
        settled = [one.settled.planned for one in self.load.places if one.position == index and one.settled]
        return min((one.settings.max_model_len or 0 for one in settled if one), default=None)

    def _demand(self, entry: Entry, index: int, server: Server, length: int | None) -> Demand:
        wanted = demand(entry, index, server, self.memory)
        return self.memory.with_length(wanted, length) if length else wanted

    def _seats(
        self, entry: Entry, index: int, candidates: list[Server], settled: bool, length: int | None
    ) -> list[Seat]:
        """On the servers with the fewest replicas of the model, and of these on the emptiest that has room."""
        full = self.full.setdefault((index, settled, length), {})
        alike: dict[t.Any, list[Seat]] = {}
        for server in sorted(candidates, key=lambda one: self._preference(entry, one)):
            if server.name in full:
                continue
            wanted = self._demand(entry, index, server, length)
            gpus, reason = choose(entry, server, wanted, self.memory, self.load, self.fitting, settled)
            if gpus is None:
                full[server.name] = reason
                continue
            card = server.memory.get(gpus[0]) if gpus else None
            seats = alike.setdefault((bool(gpus), card), [])
            seats.append(Seat(server, self._number(entry, server), gpus))
            if len(seats) == nodes(entry):
                return seats
        return []

    def _number(self, entry: Entry, server: Server) -> int:
        """None that a replica has which keeps its place and is placed later."""
        own = next(units for one, units in zip(self.models, self.staying) if one is entry)
        kept = {node.number for unit in own for node in unit.nodes if node.server == server.name}
        return self.load.free_number(server.name, entry["name"], kept)

    def _preference(self, entry: Entry, server: Server) -> tuple[float, ...]:
        claims = sorted(self.load.claims[server.name, gpu] for gpu in range(server.gpus))
        displaced = sum(claims[: gpus_of_node(entry)])
        name = server.name
        return displaced, self.load.replicas[name, entry["name"]], self.load.taken[name] / max(server.gpus, 1)

    def _places(
        self, entry: Entry, index: int, seats: list[Seat], before: t.Sequence[Node] = (), length: int | None = None
    ) -> list[Place]:
        head = (seats[0].server.name, seats[0].number)
        found = []
        for rank, seat in enumerate(seats):
            wanted = self._demand(entry, index, seat.server, length)
            if before and self._came_unplanned(wanted, before[rank], entry, seat.server):
                # What it takes is known only since its vLLM was asked: a later start is planned, this one goes on.
                wanted = wanted._replace(planned=None, note=_UNPLANNED)
            settled = self._settled(wanted, before[rank], entry, seat.server) if before else None
            found.append(Place(entry, index, seat.server, seat.gpus, seat.number, wanted, settled, head, rank))
        return found

    def _add(self, places: list[Place]) -> None:
        for one in places:
            self.load.add(one)
