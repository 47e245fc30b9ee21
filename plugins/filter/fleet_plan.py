# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_plan
short_description: Plan which model runs where
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Turns the declared models into vLLM instances, each with its server, GPUs, port, vLLM options and the address at which
    every gateway reaches it. The same declaration always gives the same plan.
  - Fails with every fault of the declaration at once, each with its remedy. It needs no connection to any host.
  - An instance listens on the loopback address of its server. When a gateway is another host, it listens on the server's
    private address too.
  - Models that share a GPU may take at most 0.95 of its memory together, since each measures the free memory while it
    starts.
positional: _input, hostvars, groups
options:
  _input:
    description: The models, C(llm_models).
    type: list
    elements: dict
    required: true
  hostvars:
    description:
      - Ansible's C(hostvars). Read from a GPU server are C(llm_gpu_count) (default 1; 0 for vLLM on the CPU),
        C(llm_private_address) (default the address of the default route) and C(vllm_publish_address). Read from the first of
        them are C(vllm_version), C(vllm_port_base), C(vllm_gpu_memory_utilization) and C(vllm_allow_unknown_options). Read
        from a gateway are C(litellm_port) and C(postgres_port).
    type: dict
    required: true
  groups:
    description: Ansible's C(groups). C(gateways) and C(gpu_servers) are used.
    type: dict
    required: true
  external:
    description: Models of other providers, C(llm_external_models).
    type: list
    elements: dict
    default: []
"""

EXAMPLES = r"""
# [{"name": "qwen2-5-7b", "server": "gpu1", "gpus": [0], "port": 8001, ...}]
- name: Show the plan
  ansible.builtin.debug:
    msg: "{{ llm_models | llmfleet.gateway.fleet_plan(hostvars, groups) }}"
"""

RETURN = r"""
_value:
  description: The instances, in the order of the declaration.
  type: list
  elements: dict
  contains:
    name:
      description: Name of the instance, unique on its server.
      type: str
    model_name:
      description: Name of the model in the API.
      type: str
    model:
      description: Repository or path of the model.
      type: str
    revision:
      description: Revision of the repository, or null.
      type: str
    gated:
      description: Whether the catalogue knows that the repository asks for a token.
      type: bool
    server:
      description: Inventory name of the server.
      type: str
    gpus:
      description: Indexes of its GPUs. Empty on the CPU.
      type: list
      elements: int
    port:
      description: Port on the server.
      type: int
    publish:
      description: Addresses of the server that the port is bound to.
      type: list
      elements: str
    urls:
      description: Gateway to the base URL at which it reaches the instance.
      type: dict
    options:
      description: Options for C(vllm serve), by vLLM's own names.
      type: dict
    environment:
      description: Further environment variables of the container.
      type: dict
"""

import ipaddress
import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.plan import (
    FleetError,
    Server,
    Settings,
    plan_fleet,
)

#: Defaults of the variables that are read from hostvars; those of the roles are the same.
DEFAULTS: dict[str, t.Any] = {
    "vllm_version": "0.32.0",
    "vllm_gpu_memory_utilization": 0.9,
    "vllm_port_base": 8001,
    "vllm_allow_unknown_options": False,
    "litellm_port": 4000,
}
#: Port inside the container, vLLM's default.
CONTAINER_PORT = 8000


def fleet_plan(
    models: t.Any, hostvars: t.Mapping[str, t.Any], groups: t.Mapping[str, list[str]], external: t.Any = None
) -> list[dict[str, t.Any]]:
    gateways = list(groups.get("gateways", []))
    servers = [_server(name, hostvars, gateways) for name in groups.get("gpu_servers", [])]
    try:
        instances = plan_fleet(models or [], external or [], gateways, servers, _settings(servers, hostvars))
    except FleetError as error:
        raise AnsibleFilterError(f"The declaration of the fleet can't be carried out:\n{error}") from error
    return [_with_addresses(instance, hostvars, gateways) for instance in instances]


def _settings(servers: list[Server], hostvars: t.Mapping[str, t.Any]) -> Settings:
    source = hostvars[servers[0].name] if servers else {}
    return Settings(
        vllm_version=str(source.get("vllm_version", DEFAULTS["vllm_version"])),
        gpu_memory_utilization=float(
            source.get("vllm_gpu_memory_utilization", DEFAULTS["vllm_gpu_memory_utilization"])
        ),
        port_base=int(source.get("vllm_port_base", DEFAULTS["vllm_port_base"])),
        allow_unknown_options=bool(source.get("vllm_allow_unknown_options", DEFAULTS["vllm_allow_unknown_options"])),
    )


def _server(name: str, hostvars: t.Mapping[str, t.Any], gateways: list[str]) -> Server:
    found = hostvars[name]
    reserved = {}
    if name in gateways:
        reserved[int(found.get("litellm_port", DEFAULTS["litellm_port"]))] = "litellm_port"
        if found.get("postgres_publish_address"):
            reserved[int(found.get("postgres_port", 5432))] = "postgres_port"
    return Server(name=name, gpus=int(found.get("llm_gpu_count", 1)), reserved_ports=reserved)


def _with_addresses(
    instance: dict[str, t.Any], hostvars: t.Mapping[str, t.Any], gateways: list[str]
) -> dict[str, t.Any]:
    """A gateway on the same host goes through the containers' own network, so nothing has to be published for it."""
    server = instance["server"]
    remote = [gateway for gateway in gateways if gateway != server]
    address = private_address(hostvars[server]) if remote else ""
    publish = ["127.0.0.1"] + ([address] if address else [])
    opened = hostvars[server].get("vllm_publish_address")
    urls = {gateway: f"http://{_bracket(address)}:{instance['port']}/v1" for gateway in remote}
    if server in gateways:
        urls[server] = f"http://vllm-{instance['name']}:{CONTAINER_PORT}/v1"
    return {**instance, "publish": [str(opened)] if opened else publish, "urls": urls}


def private_address(found: t.Mapping[str, t.Any]) -> str:
    """Empty as long as nothing is known of it: the declaration can be checked before facts are gathered."""
    declared = found.get("llm_private_address")
    if declared:
        return str(declared)
    address = (found.get("ansible_facts") or {}).get("default_ipv4", {}).get("address", "")
    if address and ipaddress.ip_address(address).is_global:
        raise AnsibleFilterError(
            f"{found.get('inventory_hostname')}: its default address {address} is public, and vLLM answers some requests"
            " without a key. Set llm_private_address of the host to an address that only the gateways reach"
        )
    return str(address)


def _bracket(address: str) -> str:
    return f"[{address}]" if ":" in address else address


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"fleet_plan": fleet_plan}
