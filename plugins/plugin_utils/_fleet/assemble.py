# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints a Fleet as the plain dictionary that is registered as llm_fleet. Pure; the action plugin fleet calls it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.compute import limits_wanted
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.look import look
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES, Service, on_host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import (
    DECLARED_VIEWS,
    VIEWS,
    leftovers,
    preflight,
)


def assemble(fleet: Fleet) -> dict[str, t.Any]:
    """The whole value."""
    hosts = {name: _host(fleet, host) for name, host in fleet.hosts.items()}
    return {
        "stage": fleet.stage,
        "root": fleet.root,
        "gateways": fleet.gateways,
        "gpu_servers": fleet.gpu_servers,
        "instances": fleet.instances,
        "leaving": fleet.leaving,
        "services": [_service(row, fleet) for row in SERVICES],
        "unreachable_hosts": fleet.unreachable,
        "open": fleet.open,
        "changes": fleet.changes,
        "reading": fleet.reading,
        "complete_reading": fleet.complete_reading,
        "limits_from_vllm": limits_wanted(fleet.hosts, fleet.gateways, fleet.variable("llm_models")),
        "drained": readings.drains(fleet.reading),
        "rollout": {
            "batch": fleet.variable("llm_rollout_batch"),
            "min_ready": fleet.variable("llm_rollout_min_ready"),
            "min_ready_by_model": fleet.variable("llm_rollout_min_ready_by_model"),
            "drain_timeout": fleet.variable("llm_rollout_drain_timeout"),
            "ready_timeout": fleet.variable("vllm_wait_timeout"),
            "force": fleet.variable("llm_rollout_force"),
            "canary_seconds": fleet.variable("llm_canary_seconds"),
        },
        "nvidia_driver_batch": fleet.variable("nvidia_driver_batch"),
        "hosts": hosts,
    }


def _host(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {"address": host.address, "gpu_count": host.gpu_count, "look": look(fleet, host)}
    rows = [row for row in SERVICES if row.name in VIEWS and on_host(row, host, fleet.groups)]
    if fleet.stage == DECLARED or not host.facts:
        return {**found, **{row.name: VIEWS[row.name](fleet, host) for row in rows if row.name in DECLARED_VIEWS}}
    views = {row.name: VIEWS[row.name](fleet, host) for row in rows}
    kept = host.facts.get("reading")
    keep = {"keep_reading": kept != fleet.reading, "keep_complete_reading": kept != fleet.complete_reading}
    of_host = {"preflight": preflight.view(fleet, host), "leftovers": leftovers.view(fleet, host)}
    return {**found, **keep, **of_host, **views}


def refusals(value: t.Mapping[str, t.Any]) -> list[str]:
    """What the roles refuse on their hosts, by what was found there."""
    plans = [
        (name, view.get("plan") or {})
        for name, parts in value["hosts"].items()
        for view in parts.values()
        if isinstance(view, dict)
    ]
    return [f"{name}: {line}" for name, plan in plans for line in plan.get("refusals", ())]


def _service(row: Service, fleet: Fleet) -> dict[str, t.Any]:
    """A row with its variables' values on its first host; a service that is nowhere has none."""
    hosts = [host for host in fleet.hosts.values() if on_host(row, host, fleet.groups)]
    said = hosts[0].variables if hosts else {}
    return {
        "name": row.name,
        "group": row.group,
        "hosts": [host.name for host in hosts],
        "image": said.get(row.image, ""),
        "ports": [{"name": port.variable, "port": said.get(port.variable)} for port in row.ports],
        "secrets": [secret.variable for secret in row.secrets],
        "repositories": [said[one.variable] for one in row.repositories if hosts and one.applies(hosts[0])],
        "health": row.health,
        "metrics": row.metrics,
        "data": said.get(row.data, ""),
        "forward_only": row.forward_only,
        "depends_on": list(row.depends_on),
    }
