# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role gateway_state reads, and the playbooks that talk to LiteLLM's API: where the proxy is, seen from its host."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.reach import EVERYWHERE, bare, bracket
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.gate import litellm_address


def view(_fleet: Fleet, host: Host) -> dict[str, t.Any]:
    said = host.variables
    return {
        "api_url": str(said["gateway_state_api_url"] or api_url(host)),
        "prune": bool(said["gateway_state_prune"]),
        "owner": str(said["gateway_state_owner"]),
        "key_directory": str(said["gateway_state_key_directory"] or ""),
        "workers": int(said["gateway_state_workers"]),
    }


def api_url(host: Host) -> str:
    """Where LiteLLM is open, for its own host."""
    address = bare(litellm_address(host))
    near = {"0.0.0.0": "127.0.0.1", "::": "::1"}[address] if address in EVERYWHERE else address
    return f"http://{bracket(near)}:{host.variables['litellm_port']}"
