# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role nvidia_container_toolkit reads: what it asks of the host, and what differs there."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages import toolkit
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import truth

PREFIX = "nvidia_container_toolkit_"
#: Compose projects of the instances
VLLM = "llmfleet-vllm-"


def look(host: Host) -> dict[str, t.Any]:
    """What host_info is asked for."""
    return toolkit.look(host.variables)


def tested(declared: t.Mapping[str, t.Any], host: Host, plan: t.Mapping[str, t.Any]) -> bool:
    """Whether a container is asked for its GPUs: not where nothing changes and our containers run with theirs."""
    proven = any(box["own"] and box["project"].startswith(VLLM) for box in host.facts["containers"])
    return truth(declared["nvidia_container_toolkit_test"]) and (plan["differs"] or plan["stale"] or not proven)


def view(_fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """What differs, and what it is made from."""
    declared = {name: value for name, value in host.variables.items() if name.startswith(PREFIX)}
    plan = toolkit.plan(declared, host.facts)
    return {
        "declared": declared,
        "gpu_count": host.gpu_count,
        "plan": plan,
        "test": tested(declared, host, plan),
    }
