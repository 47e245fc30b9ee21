# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What host_info is asked of a host: the union of what the services, the models and the roles there need to know. Pure.

Only _fleet/assemble.py calls it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import lookups, readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.instances import REPLICA_STEP
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES, on_host, taken_ports
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import LOOKS

#: Where the module vllm_figures keeps what vLLM said at its start.
FIGURES = "/etc/ansible/facts.d/llmfleet_vllm.fact"
#: Where the module vllm_engine_info keeps what vLLM said of models.
ANSWERS = "/etc/ansible/facts.d/llmfleet_engine.fact"

Asked = dict[str, t.Any]


def look(fleet: Fleet, host: Host) -> Asked:
    """Arguments of host_info for a host."""
    asked = _of_fleet(fleet, host)
    for row in SERVICES:
        if row.name in LOOKS and on_host(row, host, fleet.groups):
            asked = merged(asked, LOOKS[row.name](host))
    return asked


def merged(asked: Asked, more: t.Mapping[str, t.Any]) -> Asked:
    """Both: lists without repetition, and what either asks for."""
    found = dict(asked)
    for name, value in more.items():
        before = found.get(name)
        if isinstance(value, list):
            found[name] = list(dict.fromkeys([*(before or []), *value]))
        elif value or before is None:
            found[name] = value
    return found


def _of_fleet(fleet: Fleet, host: Host) -> Asked:
    said = host.variables
    asked: Asked = {
        "gpus": host.gpu_count > 0,
        "images": images(fleet, host),
        "ports": [],
        "urls": [],
        "timeout": said["preflight_timeout"],
        "reading": f"{fleet.root}/{readings.FILE}",
    }
    if said["preflight_enabled"]:
        asked["ports"] = sorted({*taken_ports(host, fleet.groups), *_instance_ports(host)})
        asked["urls"] = urls(fleet, host) if said["preflight_check_urls"] else []
    if host.is_gpu_server:
        asked["figures"], asked["answers"] = FIGURES, ANSWERS
        asked["models_dir"] = said["vllm_models_dir"]
        asked["models"] = list(dict.fromkeys(entry["model"] for entry in _entries(host) if _in_hub(entry)))
        asked["model_folders"] = lookups.model_folders(said["llm_models"], host)
    return asked


def _entries(host: Host) -> list[dict[str, t.Any]]:
    """Entries that may get an instance on a host: where in earnest is known when all the GPUs are."""
    models = host.variables["llm_models"] if host.is_gpu_server else []
    return [entry for entry in models if entry.get("servers") is None or host.name in entry["servers"]]


def _in_hub(entry: t.Mapping[str, t.Any]) -> bool:
    return not str(entry["model"]).startswith("/")


def _instance_ports(host: Host) -> set[int]:
    models = host.variables["llm_models"]
    ports = set()
    for entry in _entries(host):
        first = entry.get("port") or int(host.variables["vllm_port_base"]) + models.index(entry)
        replicas = entry.get("replicas") or 1
        most = min(replicas if isinstance(replicas, int) else 1, max(host.gpu_count, 1))
        ports |= {first + number * REPLICA_STEP for number in range(most)}
    return ports


def images(fleet: Fleet, host: Host) -> list[str]:
    """Images of the services of a host."""
    rows = [row for row in SERVICES if row.image and on_host(row, host, fleet.groups)]
    return list(dict.fromkeys(host.variables[row.image] for row in rows))


def urls(fleet: Fleet, host: Host) -> list[str]:
    """Where the services of a host download from. The hub is asked only of a host that may need it."""
    found = []
    for row in SERVICES:
        for one in row.repositories if on_host(row, host, fleet.groups) else ():
            if one.applies(host) and (row.name != "vllm" or any(map(_in_hub, _entries(host)))):
                found.append(host.variables[one.variable])
    return list(dict.fromkeys(found))
