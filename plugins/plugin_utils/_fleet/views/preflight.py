# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a host is judged by before anything is changed: the declaration's side of _preflight/judge.py. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import taken_ports
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

#: Shares that could not be planned, because GPUs are not known yet, make up vLLM's default together.
UNPLANNED_SHARE = 0.9


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    said, own = host.variables, fleet.instances_on(host.name)
    ports = {str(port): name for port, name in taken_ports(host, fleet.groups).items()}
    return {
        "enabled": bool(said["preflight_enabled"]),
        "root": fleet.root,
        "leaving": str(said["preflight_leaving"]),
        "gpu_count": host.gpu_count,
        "driver_managed": bool(said["nvidia_driver_manage"]),
        "manages_packages": bool(said["docker_manage_packages"]),
        "image": said["vllm_image"],
        "vllm_version": str(said["vllm_version"]),
        "cuda": said["preflight_cuda"],
        "images": {said["vllm_image"]: float(said["preflight_image_gib"])} if own else {},
        "models": list(dict.fromkeys(one["model"] for one in own if not one["model"].startswith("/"))),
        "ports": {**{str(one["port"]): f"model {one['model_name']} (port)" for one in own}, **ports},
        "shares": shares(own),
        "projects": [one["project"] for one in own],
    }


def shares(instances: t.Iterable[t.Mapping[str, t.Any]]) -> dict[str, float]:
    """The part of its memory that the instances of a host take of each GPU."""
    known: dict[str, float] = {}
    unplanned = set()
    for one in instances:
        for gpu in map(str, one["gpus"]):
            known[gpu] = known.get(gpu, 0.0) + float(one["options"].get("gpu-memory-utilization") or 0.0)
            if "gpu-memory-utilization" not in one["options"]:
                unplanned.add(gpu)
    return {gpu: max(share, UNPLANNED_SHARE) if gpu in unplanned else share for gpu, share in known.items()}
