# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet as one value: what every role, playbook and template reads as llm_fleet. Pure: no Ansible, no host."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import GATEWAYS, GPU_SERVERS, Host

DECLARED = "declared"
KNOWN = "known"
#: At the end of a run: what it leaves undone.
REPORT = "report"
#: In which order a change reaches the replicas of a service, and what one batch of it came to.
ROLLOUT = "rollout"
ROLLED = "rolled"
#: Who gets no requests, by the word of a person; and which projects go back to what they were.
TRAFFIC = "traffic"
CHOSEN = "chosen"
#: What a person stops, starts or restarts.
SERVICE_STATE = "service_state"
#: Which models are off once one has come and another has left.
SWITCHED = "switched"
#: How the first changed replica does beside the others.
CANARY = "canary"
#: What runs another image than the declared one; what is remembered of a change of that; what came of it; and the way back.
UPGRADE = "upgrade"
UPGRADED = "upgraded"
UPGRADE_OUTCOME = "upgrade_outcome"
UPGRADE_UNDO = "upgrade_undo"
#: Not of a fleet: each model alone on kinds of GPU.
KINDS = "kinds"


class FleetError(Exception):
    """The declaration can't be carried out. The message lists every fault, one a line."""


class Fleet(t.NamedTuple):
    """What the views of the roles are made from."""

    root: str
    gateways: list[str]
    gpu_servers: list[str]
    hosts: dict[str, Host]
    instances: list[dict[str, t.Any]]
    stage: str
    unreachable: dict[str, str] = {}
    reading: dict[str, t.Any] = {}  # what is kept for later runs, see readings.py
    complete_reading: dict[str, t.Any] = {}  # the same after a run that brought all of it to all hosts
    litellm: dict[str, int] = {}  # LiteLLM instances by gateway
    open: list[str] = []  # servers whose GPUs are to be read once they have a driver
    changes: list[str] = []  # what runs and can't be left as it is, in words
    leaving: list[dict[str, t.Any]] = []  # what runs and is in no plan any more, of models that go on, see leaving.py

    @property
    def groups(self) -> dict[str, list[str]]:
        return {GATEWAYS: self.gateways, GPU_SERVERS: self.gpu_servers}

    @property
    def external_models(self) -> list[dict[str, t.Any]]:
        return next(iter(self.hosts.values())).variables["llm_external_models"] if self.hosts else []

    def variable(self, name: str) -> t.Any:
        """One that the fleet has once, as its first GPU server says it, or else its first host."""
        return next(self.hosts[host].variables[name] for host in [*self.gpu_servers, *self.hosts])

    @property
    def serving(self) -> list[dict[str, t.Any]]:
        """Instances that have an API: of a replica on several servers only the head."""
        return [instance for instance in self.instances if not instance["rank"]]

    def instances_on(self, server: str) -> list[dict[str, t.Any]]:
        return [instance for instance in self.instances if instance["server"] == server]
