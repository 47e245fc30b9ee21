# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What placement is about: servers, places, and what is placed so far. Pure; for the files of placement and instances.py only."""

from __future__ import annotations

import re
import typing as t
from collections import Counter, defaultdict

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import Demand
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpus import Gpu

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


class Seat(t.NamedTuple):
    """Where a container of a model runs: which of its model's on the server it is, from 0, and on which GPUs."""

    server: Server
    number: int
    gpus: list[int]


class Place(t.NamedTuple):
    """A container that has its place. A replica on one server is one of them, a replica over several nodes is several."""

    entry: Entry
    position: int  # of the entry in llm_models
    server: Server
    gpus: list[int]
    number: int
    demand: Demand
    settled: Demand | None = None  # the same with the share and the context that it runs with
    head: tuple[str, int] = ("", 0)  # server and number of the replica's first node
    rank: int = 0  # of the node

    @property
    def name(self) -> str:
        return name_of(self.entry["name"], self.number)


def name_of(model_name: str, number: int) -> str:
    """Name of an instance on its server, fit for containers and folders."""
    slug = re.sub(r"[^a-z0-9]+", "-", model_name.lower()).strip("-")
    return slug if number == 0 else f"{slug}-{number + 1}"


class Load:
    """What is placed so far, by server and GPU."""

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.taken: Counter[str] = Counter()  # GPUs, once for each that has them
        self.replicas: Counter[tuple[str, str]] = Counter()
        #: GPUs of what runs and is not placed yet.
        self.claims: Counter[tuple[str, int]] = Counter()
        self._numbers: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._on_gpu: dict[tuple[str, int], list[Place]] = defaultdict(list)

    def on(self, server: str, gpu: int, settled: bool) -> list[Demand]:
        """Who has a GPU: with what they run with, or with what they may be given."""
        return [(settled and one.settled) or one.demand for one in self._on_gpu[server, gpu]]

    def count(self, server: str, gpu: int) -> int:
        return len(self._on_gpu[server, gpu])

    def add(self, place: Place) -> None:
        name = place.server.name
        self.places.append(place)
        self.taken[name] += max(1, len(place.gpus))
        self.replicas[name, place.entry["name"]] += 1
        self._numbers[name, place.entry["name"]].add(place.number)
        for gpu in place.gpus:
            self._on_gpu[name, gpu].append(place)

    def free_number(self, server: str, model: str, reserved: t.Container[int] = ()) -> int:
        taken = self._numbers[server, model]
        return next(number for number in range(len(taken) + 1000) if number not in taken and number not in reserved)
