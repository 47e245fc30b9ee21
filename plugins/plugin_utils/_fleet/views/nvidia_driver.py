# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role nvidia_driver reads: what it asks of the host, and what differs there."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver import plan as driver
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet


def look(host: Host) -> dict[str, t.Any]:
    """What host_info is asked for."""
    return driver.look(host.variables)


def view(_fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """What differs, and what it is made from."""
    declared = {name: value for name, value in host.variables.items() if name.startswith("nvidia_driver_")}
    return {
        "declared": declared,
        "plan": driver.plan(declared, host.facts),
    }
