# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role docker reads: what it asks of the host, and what differs there."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages import daemon, docker

#: What the plan is made from, without the variables that may hold credentials.
DECLARED = (
    "docker_manage_packages",
    "docker_source",
    "docker_version",
    "docker_containerd_version",
    "docker_buildx_version",
    "docker_compose_version",
    "docker_allow_downgrade",
    "docker_upgrade",
    "docker_packages_hold",
    "docker_python_sdk",
    "docker_repository_url",
    "docker_gpg_key_url",
    "docker_gpg_key_checksum",
    "docker_gpg_key_fingerprint",
    "docker_gpg_key",
    "docker_manage_service",
)


def look(host: Host) -> dict[str, t.Any]:
    """What host_info is asked for."""
    return docker.look(host.variables)


def view(_fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """What differs, and what it is made from."""
    ports = [int(host.variables[port.variable]) for service in SERVICES for port in service.ports]
    return {
        "declared": {name: host.variables[name] for name in DECLARED},
        "daemon_variables": list(daemon.VARIABLES),
        "daemon_secret": daemon.daemon_secret(host.variables),
        "plan": docker.plan(host.variables, host.facts, ports),
    }
