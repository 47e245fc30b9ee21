# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How many LiteLLM instances, of one worker each, a gateway runs, and how many database connections each may hold. Pure.

Only _fleet/compute.py and the views of _fleet call it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host

#: What LiteLLM's documentation asks for a worker. The first two come to be with half of it: one starts with 0.6 GiB, and two
#: that serve in turn are worth more than one with room.
MEMORY_MB = 4096
SMALL_MB = 2048
#: Of a gateway that is nothing else: the database, the edge and the system.
KEPT_MB = 1024
#: One instance answers about a hundred requests a second, so more than these are to be asked for by number.
MOST = 8
#: Without a look at the host: as many as make the rest of the fleet ready for more than one.
UNSEEN = 2
#: Connections that stay free for people and backups, and those of one instance at most.
SPARE_CONNECTIONS = 10
WIDEST_POOL = 20


def instances(host: Host, kept: t.Mapping[str, t.Any]) -> int:
    """As told, or as many as the host carries: at least two where they fit."""
    told = int(host.variables["litellm_instances"])
    if told:
        return told
    cpus, memory_mb = host.facts.get("vcpus"), host.facts.get("memory_mb")
    if not cpus or not memory_mb:
        return int(kept.get("litellm_instances") or UNSEEN)
    return min(_by_cpus(int(cpus), host.is_gpu_server), _by_memory(int(memory_mb), host.is_gpu_server), MOST)


def _by_cpus(cpus: int, shared: bool) -> int:
    """vLLM needs a CPU or two for each GPU, so LiteLLM gets a quarter beside it. One of the others is the database's."""
    return 1 if cpus < 2 else max(2, cpus // 4 if shared else cpus - 1)


def _by_memory(memory_mb: int, shared: bool) -> int:
    """vLLM reads weights through the host's memory, so half of it stays free beside it."""
    room = memory_mb // 2 if shared else memory_mb - KEPT_MB
    return max(room // MEMORY_MB, 2 if room >= 2 * SMALL_MB else 1)


def pool_limit(host: Host, processes: int) -> int:
    """Database connections of one of so many processes."""
    said = host.variables
    shared = (int(said["litellm_max_connections"]) - SPARE_CONNECTIONS) // max(processes, 1)
    return int(said["litellm_database_connection_pool_limit"]) or min(max(shared, 1), WIDEST_POOL)
