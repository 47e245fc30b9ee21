# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The check of the network between the nodes of a replica, as commands of Docker. Pure; only views/vllm.py calls it."""

from __future__ import annotations

import json
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import readings

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Instance = t.Mapping[str, t.Any]

PREFIX = "llmfleet-network-check-"
#: What one node sends at once. NCCL takes memory of its own beside it; a GiB of each GPU is free.
MEBIBYTES = 64


def network_checks(fleet: Fleet, host: Host) -> list[dict[str, t.Any]]:
    """One for each replica that has a node on this host. A replica whose head never came up is new."""
    own = [one for one in fleet.instances_on(host.name) if one["unit"]]
    return [_check(one, fleet, host) for one in own]


def _check(instance: Instance, fleet: Fleet, host: Host) -> dict[str, t.Any]:
    nodes = [_member(one, fleet) for one in instance["unit"]]
    head = nodes[0]
    figures = readings.figures((fleet.hosts[head["server"]].facts.get("figures") or {}).get("instances"))
    return {
        "name": f"{head['name']} of {' and '.join(one['server'] for one in nodes)}",
        "servers": [one["server"] for one in nodes],
        "new": head["name"] not in figures,
        "container": PREFIX + instance["name"],
        "run": _arguments(instance, host),
        "said": _said(instance, nodes, int(host.variables["vllm_network_check_timeout"])),
    }


def _member(node: t.Mapping[str, str], fleet: Fleet) -> Instance:
    return next(one for one in fleet.instances_on(node["server"]) if one["name"] == node["name"])


def _arguments(instance: Instance, host: Host) -> list[str]:
    """Of docker run; the program comes next, and then what it is told."""
    said = host.variables
    environment = [
        f"--env={name}={value}"
        for name, value in sorted(instance["environment"].items())
        if name.startswith(("NCCL_", "GLOO_"))
    ]
    devices = [f"--device=nvidia.com/gpu={gpu}" for gpu in instance["gpus"][:1]]
    return [
        f"--name={PREFIX}{instance['name']}",
        "--label=io.llmfleet.network-check=true",
        "--network=host",
        f"--user={said['vllm_uid']}:{said['vllm_gid']}",
        "--read-only",
        "--tmpfs=/tmp",
        "--cap-drop=ALL",
        "--security-opt=no-new-privileges",
        f"--shm-size={said['vllm_shm_size']}",
        *devices,
        *environment,
        "--entrypoint=python3",
        str(instance["image"]),
        "-c",
    ]


def _said(instance: Instance, nodes: t.Sequence[Instance], limit: int) -> str:
    """What the program check_network.py is told."""
    return json.dumps(
        {
            "rank": instance["rank"],
            "nodes": [{"server": one["server"], "address": one["unit_address"]} for one in nodes],
            "port": instance["check_port"],
            "backend": "nccl" if instance["gpus"] else "gloo",
            "mebibytes": MEBIBYTES,
            "limit": limit,
        }
    )
