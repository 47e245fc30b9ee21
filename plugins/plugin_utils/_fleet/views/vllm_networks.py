# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The networks of an instance of vLLM, by Compose's names. Pure and without secrets; views/vllm.py and views/gate.py use it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import reach
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import bracketed

Instance = t.Mapping[str, t.Any]
Said = t.Mapping[str, t.Any]


def network(instance: Instance, said: Said) -> str:
    """The Docker network of an instance, which only the gate on the same host shares.

    One without a way out has another name, so that a change makes a new network and does not need to change one in use.
    """
    return said["vllm_network"] or instance["project"] + ("-offline" if said["vllm_offline"] else "")


def attached(instance: Instance, said: Said) -> dict[str, list[str]]:
    """The gate comes before the instances, so who makes a network brings it in."""
    name = network(instance, said)
    return {} if instance["host_network"] or name == said["litellm_network"] else {name: [reach.GATE]}


def shared_network(instance: Instance, said: Said) -> list[dict[str, t.Any]]:
    return [{"name": said["vllm_network"]}] if said["vllm_network"] and not instance["host_network"] else []


def networks(instance: Instance, said: Said) -> dict[str, t.Any]:
    if instance["host_network"]:
        return {}
    if said["vllm_network"]:
        return {"default": {"name": said["vllm_network"], "external": True}}
    own: dict[str, t.Any] = {
        "name": network(instance, said),
        "labels": {"io.llmfleet.project": instance["project"]},
    }
    if said["vllm_offline"]:
        # Not internal: Docker publishes no port of a container that is only in internal networks.
        own["driver_opts"] = {"com.docker.network.bridge.enable_ip_masquerade": "false"}
    return {"default": own}


def connection(instance: Instance, said: Said) -> dict[str, t.Any]:
    if instance["host_network"]:
        return {"network_mode": "host"}
    return {"ports": [f"{bracketed(one)}:{instance['port']}:{reach.CONTAINER_PORT}" for one in instance["publish"]]}
