# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who reaches whom where: addresses of hosts, names in the gates, and what would be open to the world. Pure.

Only _fleet/compute.py, _fleet/instances.py and the views call it.
"""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host

#: Port inside a container of vLLM, its default.
CONTAINER_PORT = 8000
#: The gate's container and project, its name in the network of a gateway's containers, and the port there that leads to models.
GATE, GATE_ALIAS, MODELS_PORT = "llmfleet-gate", "gate", 8100
#: Addresses that stand for all of a host's, by what they open.
EVERYWHERE = {"0.0.0.0": 4, "::": 6}

Kept = t.Mapping[str, t.Any]


def bare(address: str) -> str:
    """An address as programs compare it: without the brackets that only a URL needs."""
    return address[1:-1] if address.startswith("[") and address.endswith("]") else address


def bracket(address: str) -> str:
    """An address as a URL or a published port holds it."""
    return f"[{address}]" if ":" in address else address


def is_address(text: str) -> bool:
    """One that programs take; a zone, which only one host knows, is any text to Python."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text


def is_public(text: str) -> bool:
    return is_address(text) and ipaddress.ip_address(text).is_global


def private_address(host: Host, kept: Kept) -> str:
    """As declared, else of the host's default route, IPv4 first, else as an earlier run read it; empty when not known."""
    declared = bare(str(host.variables["llm_private_address"] or "").strip())
    if declared:
        return declared
    found = host.facts.get("addresses") or {}
    read = (found.get("default_ipv4"), found.get("default_ipv6"), kept.get("address"))
    # It goes into the configuration of every gate: what a host says of itself is not taken as it is.
    return next((str(one) for one in read if one and is_address(str(one))), "")


def address_faults(host: Host, known: bool) -> list[str]:
    """What keeps other hosts from reaching this one privately; host.address is what private_address said."""
    declared = str(host.variables["llm_private_address"] or "").strip()
    if declared and not is_address(bare(declared)):
        return [
            f"llm_private_address of {host.name} is {declared}, which is no IP address; write it as 10.0.0.21 or fd00::21"
        ]
    if not declared and is_public(host.address):
        return [
            f"{host.name}: its default address {host.address} is public, and its gate would listen there for the other"
            " hosts. Set llm_private_address of the host to an address that only they reach"
        ]
    if is_address(host.address) and ipaddress.ip_address(host.address).is_loopback:
        return [
            f"{host.name}: its gate would listen on {host.address} only, and gateways on other hosts need it. Set"
            " llm_private_address to an address that they reach"
        ]
    if known and not host.address:
        return [
            f"{host.name}: nothing is known of its address, since it has no default route or never answered. Set"
            " llm_private_address of the host to the address at which the other hosts reach it"
        ]
    return []


def target(host: Host) -> str:
    """The address at which other hosts reach an instance that is in its host's network."""
    opened = bare(str(host.variables["vllm_publish_address"] or ""))
    return opened if opened and opened not in EVERYWHERE else host.address


def server_name(host: str, instance: str) -> str:
    """Of an instance in the gates' backends, in letters that HAProxy takes."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", f"{host}-{instance}" if instance else host)


def model_url(slug: str) -> str:
    """Base URL of a model for LiteLLM, on every gateway: its own gate knows the replicas."""
    return f"http://{GATE_ALIAS}:{MODELS_PORT}/{slug}/v1"


def published(host: Host) -> list[str]:
    """Addresses of a server that the ports of its instances are bound to, for people on it; requests come by the gate."""
    return [bare(str(host.variables["vllm_publish_address"] or "")) or "127.0.0.1"]


def plain_http_faults(host: Host) -> list[str]:
    """LiteLLM speaks plain HTTP, so keys and passwords could be read on the way from a public address. Behind an edge it is open for
    its own host only."""
    if host.variables["litellm_plain_http"] or host.variables["llm_domain"]:
        return []
    address = bare(str(host.variables["litellm_publish_address"]))
    opened = [one for one in _opened(host, address) if is_public(one)]
    if not opened:
        return []
    return [
        f"litellm_publish_address of {host.name} is {address}, which opens LiteLLM with plain HTTP on the public address"
        f" {opened[0]}: set llm_domain, for TLS before it, or set it to a private or loopback address, or set litellm_plain_http to true"
    ]


def _opened(host: Host, address: str) -> list[str]:
    """Addresses at which something bound to an address answers, as far as they are known."""
    if address not in EVERYWHERE:
        return [address]
    found = host.facts.get("addresses") or {}
    listed = [*(found.get("all") or ()), found.get("default_ipv4"), found.get("default_ipv6")]
    known = [str(one) for one in listed if one and is_address(str(one))]
    return [one for one in known if ipaddress.ip_address(one).version == EVERYWHERE[address]]


def redis_faults(first: Host, others: t.Sequence[Host]) -> list[str]:
    """Gateways beside the first one reach its Redis only where it is published."""
    said = first.variables
    if not others or said["redis_mode"] != "deploy" or said["redis_publish_address"]:
        return []
    return [
        f"redis_publish_address of {first.name} is empty, but {', '.join(host.name for host in others)} needs its Redis: set it"
        " to the private address of the host, or use an external Redis (redis_mode: external)"
    ]


def database_faults(first: Host, others: t.Sequence[Host]) -> list[str]:
    """Gateways beside the first one reach its database only where it is published and named."""
    if first.variables["postgres_mode"] != "deploy":
        return []
    published_at = first.variables["postgres_publish_address"]
    alone = [host.name for host in others if host.variables["litellm_database_host"] in ("", "postgres")]
    faults = []
    if others and not published_at:
        faults.append(
            f"postgres_publish_address of {first.name} is empty, but {', '.join(host.name for host in others)} needs its"
            " database: set it to the private address of the host (and sslmode=require in litellm_database_options where"
            " the network is not yours), or use an external database (postgres_mode: external)"
        )
    if alone:
        faults.append(
            f"litellm_database_host of {', '.join(alone)} is not set, and its own host has no database: set it to"
            f" postgres_publish_address of {first.name}"
        )
    return faults
