# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role nvidia_container_toolkit reads: what it asks of the host, and what differs there."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages import toolkit

PREFIX = "nvidia_container_toolkit_"


def look(host: Host) -> dict[str, t.Any]:
    """What host_info is asked for."""
    return toolkit.look(host.variables)


def view(_fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """A host that was not looked at has no plan."""
    declared = {name: value for name, value in host.variables.items() if name.startswith(PREFIX)}
    return {
        "declared": declared,
        "gpu_count": host.gpu_count,
        "plan": toolkit.plan(declared, host.facts) if host.facts else None,
    }
