# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What runs and is in no plan any more, of models that go on: the gates know it until its requests have ended. Pure.

Only _fleet/compute.py calls it. The last good reading says what ran where, and the look at a host whether it still runs.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import keeping, reach, readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.instances import PROJECT, Instance
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import name_of

Kept = t.Mapping[str, t.Any]


def leaving(
    instances: t.Sequence[Instance], hosts: t.Mapping[str, Host], reading: Kept, goes_on: t.Mapping[str, str]
) -> list[Instance]:
    """One for each container of such a replica, with what the gates and the roll need to know of it. What a person drained has no
    requests to lose. *goes_on*: names that somebody answers to, with the models that do. A model that is called otherwise now and
    does not keep its name as an alias is another one."""
    drained = {*readings.drains(reading)}
    planned = {(one["server"], one["name"]) for one in instances}
    limits = {one["model_name"]: one["max_parallel_requests"] for one in instances}
    found = []
    for unit in keeping.units(reading.get("places")):
        head = unit.nodes[0]
        if drained & {head.server, f"{head.server}/{name_of(unit.model, head.number)}"}:
            continue
        where = [(node.server, name_of(unit.model, node.number)) for node in unit.nodes]
        model = goes_on.get(unit.model, "")
        if model in limits and not planned.intersection(where) and _runs(where, hosts):
            nodes = [_node(unit, rank, hosts[unit.nodes[rank].server], reading) for rank in range(len(where))]
            found += [{**one, "model_name": model, "max_parallel_requests": limits[model]} for one in nodes]
    return found


def _runs(where: t.Sequence[tuple[str, str]], hosts: t.Mapping[str, Host]) -> bool:
    """Whether all its containers were seen; of a host that does not answer nothing can be removed either."""
    return all(
        server in hosts and hosts[server].is_gpu_server and PROJECT + name in _containers(hosts[server])
        for server, name in where
    )


def _containers(host: Host) -> set[str]:
    return {str(box["name"]) for box in host.facts.get("containers") or ()}


def _node(unit: keeping.Unit, rank: int, host: Host, reading: Kept) -> Instance:
    node = unit.nodes[rank]
    name = name_of(unit.model, node.number)
    together = len(unit.nodes) > 1
    port = ((reading["hosts"].get(host.name) or {}).get("ports") or {}).get(name, 0)
    address = reach.target(host) if together else reach.published(host)[-1]
    gate = {"backend": f"vllm-{name_of(unit.model, 0)}", "server": reach.server_name(host.name, name)}
    return {
        "name": name,
        "model_name": unit.model,
        "server": host.name,
        "gpus": node.gpus,
        "project": PROJECT + name,
        "container": PROJECT + name,
        "rank": rank,
        "unit": [one.server for one in unit.nodes] + [unit.name] if together else [],
        "host_network": bool(host.variables["vllm_host_network"]) or together,
        "options": {"host": address, "port": port},
        "gate": gate if not rank else {},
    }
