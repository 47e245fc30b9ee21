# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A host of the inventory as the fleet's computation needs it. Pure: no Ansible, no host.

Every room of _fleet, _packages, _driver and _preflight may import it; it imports nothing of the collection.
"""

from __future__ import annotations

import typing as t

GATEWAYS = "gateways"
GPU_SERVERS = "gpu_servers"


class Host(t.NamedTuple):
    """One host: its variables are templated, the roles' defaults included; its facts are what host_info found, or {}."""

    name: str
    groups: frozenset[str]
    variables: t.Mapping[str, t.Any]
    facts: t.Mapping[str, t.Any] = {}
    address: str = ""
    litellm_processes: int = 1  # of the whole fleet; compute.py counts them
    redis_before: bool = False  # whether the last run left a Redis of ours here

    @property
    def is_gateway(self) -> bool:
        return GATEWAYS in self.groups

    @property
    def is_gpu_server(self) -> bool:
        return GPU_SERVERS in self.groups

    @property
    def gpu_count(self) -> int:
        """GPUs that vLLM may use; a host outside gpu_servers has none."""
        return int(self.variables["llm_gpu_count"]) if self.is_gpu_server else 0


def members(groups: t.Mapping[str, t.Iterable[str]]) -> list[str]:
    """The hosts of the fleet, each once: gateways first, both in the order of the inventory."""
    return list(dict.fromkeys([*groups.get(GATEWAYS, ()), *groups.get(GPU_SERVERS, ())]))


def group_names(name: str, groups: t.Mapping[str, t.Iterable[str]]) -> frozenset[str]:
    """Those of the fleet's groups that a host is in."""
    return frozenset(group for group in (GATEWAYS, GPU_SERVERS) if name in groups.get(group, ()))
