# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether site.yml would take the fleet that was asked for: the same rules, before a file is written. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import check, read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import GATEWAYS, GPU_SERVERS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._project.asked import Asked
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve


class _Hosts(dict[str, dict[str, t.Any]]):
    """Stands for Ansible's hostvars."""

    def raw_get(self, host_name: str) -> dict[str, t.Any]:
        return self[host_name]


def faults(asked: Asked, defaults: t.Mapping[str, t.Any], loader: t.Any) -> list[str]:
    """Every fault that the declaration would have; secrets are not made yet, and stand in."""
    groups = {GATEWAYS: [asked.gateway.name], GPU_SERVERS: [server.name for server in asked.gpu_servers]}
    shared = {
        "llm_models": [dict(model._asdict()) for model in asked.models],
        "llm_domain": asked.domain,
        "llm_gpu_count": int(asked.gpu_count),
        **{secret.variable: secret.prefix + "x" * secret.length for secret in secrets(authority=True)},
    }
    raw = _Hosts({server.name: {**shared, "inventory_hostname": server.name} for server in asked.servers})
    found = resolve(raw, groups, defaults, loader)
    given = {name: host.variables for name, host in found.hosts.items()}
    return [*found.faults, *check(given, groups, read_specs(COLLECTION), defaults).faults]
