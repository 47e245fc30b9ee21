# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fleets by chance, without a host: servers, models, what happens to them. For test_placement.py and the benchmark."""

from __future__ import annotations

import json
import random
import typing as t
from collections import defaultdict

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import keeping
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import GpuMemory
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpus import Gpu
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.placement import Placement, place
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import Place, Server

Entry = dict[str, t.Any]
Where = tuple[str, int, tuple[int, ...]]
H100, L40S, RTX = Gpu("NVIDIA H100 80GB HBM3", 79.18), Gpu("NVIDIA L40S", 44.4), Gpu("NVIDIA RTX 4090", 23.55)
SMALL, MIDDLE, LARGE = "Qwen/Qwen2.5-0.5B-Instruct", "Qwen/Qwen2.5-7B-Instruct", "Qwen/Qwen2.5-32B-Instruct"


def server(name: str, count: int = 8, card: Gpu = H100, lost: t.Iterable[int] = ()) -> Server:
    gone = dict.fromkeys(lost, "GPU is lost")
    memory = {gpu: card for gpu in range(count) if gpu not in gone}
    return Server(name, count, memory, gone, False, None, 0.9, True, "0.32.0")


def model(name: str, path: str = SMALL, **more: t.Any) -> Entry:
    return {"name": name, "model": path, **more}


class Fleet:
    """Runs one after another: each keeps what the one before has left, as the file of the servers gives it back."""

    def __init__(self, servers: t.Iterable[Server], models: t.Iterable[Entry]) -> None:
        self.servers = {one.name: one for one in servers}
        self.models = {one["name"]: one for one in models}
        self.kept: dict[str, t.Any] = {}

    def plan(self) -> Placement:
        """What a run would do."""
        return place(list(self.models.values()), list(self.servers.values()), GpuMemory({}), keeping.units(self.kept))

    def run(self) -> Placement:
        found = self.plan()
        assert not found.errors, found.errors
        self.kept = json.loads(json.dumps(keeping.noted(found.places, found.plans)))
        return found


def at(one: Place) -> Where:
    return one.server.name, one.number, tuple(one.gpus)


def places(found: Placement) -> dict[str, set[Where]]:
    wheres: dict[str, set[Where]] = {}
    for one in found.places:
        wheres.setdefault(one.entry["name"], set()).add(at(one))
    return wheres


def settings(found: Placement) -> dict[tuple[str, str, int], tuple[t.Any, ...]]:
    """What an instance starts with: where it differs, the instance starts anew."""
    return {
        (one.server.name, one.entry["name"], one.number): (
            tuple(one.gpus),
            plan and plan["settings"]["gpu_memory_utilization"],
            plan and plan["settings"]["max_model_len"],
        )
        for one, plan in zip(found.places, found.plans)
    }


def overfull(found: Placement) -> list[str]:
    """GPUs on which more is planned than they have, GPUs that a replica has twice or that are lost."""
    shares: dict[tuple[str, int], float] = defaultdict(float)
    wrong = []
    for one, plan in zip(found.places, found.plans):
        if len(set(one.gpus)) != len(one.gpus) or set(one.gpus) & set(one.server.lost):
            wrong.append(f"{one.name} on {one.server.name}")
        if plan and plan["free_gib"] < 0.99:
            wrong.append(f"{one.name} leaves {plan['free_gib']} GiB free on {one.server.name}")
        for gpu in one.gpus:
            shares[one.server.name, gpu] += plan["settings"]["gpu_memory_utilization"] if plan else 0.9
    return wrong + [f"{server}'s GPU {gpu}: {share}" for (server, gpu), share in shares.items() if share > 1]


class Chance:
    """A fleet and what happens to it, the same for the same seed."""

    def __init__(self, seed: int, servers: int = 6, models: int = 8) -> None:
        self.random = random.Random(seed)
        self._made = 0
        cards = [(8, H100), (4, L40S), (2, RTX)]
        machines = []
        for index in range(servers):
            count, card = self.random.choice(cards)
            machines.append(server(f"gpu{index}", count, card))
        self.fleet = Fleet(machines, [])
        for _number in range(models):
            self.added()

    def added(self) -> str:
        """A model more, if there is room for it."""
        self._made += 1
        path, size = self.random.choice([(SMALL, 1), (SMALL, 1), (MIDDLE, 1), (MIDDLE, 2), (LARGE, 4)])
        entry = model(f"m{self._made}", path, replicas=self.random.randint(1, 3))
        return self._tried(entry if size == 1 else {**entry, "tensor_parallel_size": size})

    def _tried(self, entry: Entry) -> str:
        before = self.fleet.models.get(entry["name"])
        self.fleet.models[entry["name"]] = entry
        if not self.fleet.plan().errors:
            return str(entry["name"])
        del self.fleet.models[entry["name"]]
        if before:
            self.fleet.models[entry["name"]] = before
        return ""

    def removed(self) -> str:
        return str(self.fleet.models.pop(self.random.choice(list(self.fleet.models)))["name"])

    def scaled(self) -> str:
        entry = self.random.choice(list(self.fleet.models.values()))
        return self._tried({**entry, "replicas": self.random.randint(1, 4)})

    def lengthened(self) -> str:
        entry = self.random.choice(list(self.fleet.models.values()))
        return self._tried({**entry, "max_model_len": self.random.choice([2048, 4096, 8192])})

    def shuffled(self) -> str:
        entries = list(self.fleet.models.values())
        self.random.shuffle(entries)
        self.fleet.models = {one["name"]: one for one in entries}
        return ""


class Large:
    """Hundreds of servers, and what happens to them: GPUs and servers fail and come back, models come and go."""

    def __init__(self, seed: int, servers: int, instances: int) -> None:
        self.random = random.Random(seed)
        cards = [H100, L40S, RTX]
        self.whole = [server(f"gpu{index}", 8, cards[index % len(cards)]) for index in range(servers)]
        count = max(1, instances // 20)
        kinds = [(SMALL, 1, 24), (MIDDLE, 1, 20), (LARGE, 4, 12), (MIDDLE, 2, 24)]
        self.fleet = Fleet(self.whole, [self._model(f"m{index}", *kinds[index % len(kinds)]) for index in range(count)])
        self._made = count

    @staticmethod
    def _model(name: str, path: str, size: int, replicas: int) -> Entry:
        return model(name, path, tensor_parallel_size=size, replicas=replicas)

    def event(self) -> str:
        """Something happens; in words."""
        return self.random.choice(
            [self._lose_gpu, self._lose_server, self._mend, self._add, self._remove, self._scale]
        )()

    def _lose_gpu(self) -> str:
        one = self.random.choice(list(self.fleet.servers.values()))
        gpu = self.random.randrange(8)
        left = {index: card for index, card in one.memory.items() if index != gpu}
        self.fleet.servers[one.name] = one._replace(lost={**one.lost, gpu: "GPU is lost"}, memory=left)
        return f"GPU {gpu} of {one.name} is lost"

    def _lose_server(self) -> str:
        return f"{self.fleet.servers.pop(self.random.choice(list(self.fleet.servers))).name} is gone"

    def _mend(self) -> str:
        self.fleet.servers = {one.name: one for one in self.whole}
        return "all servers are whole"

    def _add(self) -> str:
        self._made += 1
        entry = self._model(f"m{self._made}", *self.random.choice([(SMALL, 1, 5), (MIDDLE, 1, 10), (LARGE, 4, 2)]))
        self.fleet.models[entry["name"]] = entry
        return f"{entry['name']} comes"

    def _remove(self) -> str:
        return f"{self.fleet.models.pop(self.random.choice(list(self.fleet.models)))['name']} goes"

    def _scale(self) -> str:
        entry = self.random.choice(list(self.fleet.models.values()))
        self.fleet.models[entry["name"]] = {**entry, "replicas": self.random.randint(2, 24)}
        return f"{entry['name']} has {self.fleet.models[entry['name']]['replicas']} replicas"

    def moved(self, before: Placement, after: Placement) -> int:
        """Replicas that could have stayed where they were and did not, beside those that a model has too many of."""
        stayed = {(one.entry["name"], *at(one)) for one in after.places}
        wanted: dict[str, int] = defaultdict(int)
        could: dict[str, int] = defaultdict(int)
        stays: dict[str, int] = defaultdict(int)
        for one in after.places:
            wanted[one.entry["name"]] += 1
        for one in before.places:
            whole = self.fleet.servers.get(one.server.name)
            could[one.entry["name"]] += bool(whole and not set(one.gpus) & set(whole.lost))
            stays[one.entry["name"]] += (one.entry["name"], *at(one)) in stayed
        return sum(min(could[name], count) - stays[name] for name, count in wanted.items())
