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
  - Absent C(gpu_memory_utilization) and C(max_model_len) are planned from the GPUs' memory, and what does not fit is refused
    with the arithmetic and with changes that would. The planner knows the models of the catalogue, and those that
    M(llmfleet.gateway.vllm_model_info) found. Models that share a GPU leave 1 GiB of it really free.
  - Where the planner does not know a model or a GPU, a share of 0.9 and the model's own context are the defaults, and models
    that share a GPU may take at most 0.95 of its memory together, since each measures the free memory while it starts.
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
        C(llm_private_address) (default the address of the default route), C(vllm_publish_address), C(llm_gpu_memory_gib) or
        else C(llm_gpu_info) or C(vllm_gpu_info) (results of M(llmfleet.gateway.gpu_info)), and C(vllm_path_models). Read from
        the first of them are C(vllm_version), C(vllm_port_base), C(vllm_gpu_memory_utilization), C(vllm_memory_check) and
        C(vllm_allow_unknown_options). Read from a gateway are C(litellm_port), C(postgres_port) and
        C(litellm_limit_from_vllm), and from C(localhost) C(vllm_hub_models).
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
  unread:
    description:
      - What has not been read yet, V(gpus) or V(models). An entry without a share whose GPUs or model may still come to be
        known is then placed and not judged.
    type: list
    elements: str
    choices: [gpus, models]
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
    plan:
      description: Figures of the memory plan, by the names of P(llmfleet.gateway.vram_plan#filter); null without one.
      type: dict
    note:
      description: Why there is no memory plan; empty with one.
      type: str
    max_parallel_requests:
      description: How many requests the gateways send at once, or null.
      type: int
"""

import ipaddress
import typing as t

from ansible.errors import AnsibleFilterError
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.memory import Gpu
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.plan import (
    FleetError,
    Server,
    Settings,
    plan_fleet,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import default_vllm_version

#: Defaults of the variables that are read from hostvars; those of the roles are the same.
DEFAULTS: dict[str, t.Any] = {
    "vllm_version": default_vllm_version(),
    "vllm_port_base": 8001,
    "vllm_allow_unknown_options": False,
    "vllm_memory_check": True,
    "litellm_port": 4000,
    "litellm_limit_from_vllm": False,
}
#: Share of a model that does not say its own where the planner can't choose one.
DEFAULT_SHARE = 0.9
#: Port inside the container, vLLM's default.
CONTAINER_PORT = 8000
#: A declared memory that is larger than the real one by more than rounding would plan too much.
ROUNDING_GIB = 0.5


def fleet_plan(
    models: t.Any,
    hostvars: t.Mapping[str, t.Any],
    groups: t.Mapping[str, list[str]],
    external: t.Any = None,
    unread: t.Iterable[str] = (),
) -> list[dict[str, t.Any]]:
    gateways = list(groups.get("gateways", []))
    names = list(groups.get("gpu_servers", []))
    try:
        servers = [_server(name, hostvars, gateways) for name in names]
        settings = _settings(names, hostvars, frozenset(unread))
        instances = plan_fleet(models or [], external or [], gateways, servers, settings)
    except FleetError as error:
        raise AnsibleFilterError(f"The declaration of the fleet can't be carried out:\n{error}") from error
    limited = bool(gateways) and boolean(_variable(hostvars[gateways[0]], "litellm_limit_from_vllm"))
    return [_with_limit(_with_addresses(instance, hostvars, gateways), hostvars, limited) for instance in instances]


def _variable(found: t.Mapping[str, t.Any], name: str) -> t.Any:
    return found.get(name, DEFAULTS[name])


def _settings(names: list[str], hostvars: t.Mapping[str, t.Any], unread: frozenset[str]) -> Settings:
    source = hostvars[names[0]] if names else {}
    share = source.get("vllm_gpu_memory_utilization")
    return Settings(
        vllm_version=str(_variable(source, "vllm_version")),
        gpu_memory_utilization=float(share) if share else None,
        default_share=DEFAULT_SHARE,
        port_base=int(_variable(source, "vllm_port_base")),
        allow_unknown_options=boolean(_variable(source, "vllm_allow_unknown_options")),
        memory_check=boolean(_variable(source, "vllm_memory_check")),
        descriptions=_descriptions(names, hostvars),
        unread=unread,
    )


def _descriptions(names: list[str], hostvars: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the module vllm_model_info found at the hub from the controller, and on the servers, by model."""
    asked = (hostvars.get("localhost") or {}).get("vllm_hub_models")
    results = [asked, *(hostvars[name].get("vllm_path_models") for name in names)]
    found: dict[str, t.Any] = {}
    for result in results:
        for one in (result or {}).get("results") or []:
            if one.get("config"):
                found.setdefault(one["item"]["model"], one)
    return found


def _server(name: str, hostvars: t.Mapping[str, t.Any], gateways: list[str]) -> Server:
    found = hostvars[name]
    reserved = {}
    if name in gateways:
        reserved[int(_variable(found, "litellm_port"))] = "litellm_port"
        if found.get("postgres_publish_address"):
            reserved[int(found.get("postgres_port", 5432))] = "postgres_port"
    gpus = int(found.get("llm_gpu_count", 1))
    return Server(name=name, gpus=gpus, reserved_ports=reserved, memory=_memory(name, found, gpus))


def _memory(name: str, found: t.Mapping[str, t.Any], gpus: int) -> dict[int, Gpu]:
    """As declared, else as the module gpu_info read it; always the whole of it, so that every run plans the same."""
    listed = _gpus_of(found.get("llm_gpu_info")) or _gpus_of(found.get("vllm_gpu_info"))
    read = {
        int(gpu["index"]): Gpu(str(gpu["name"]), float(gpu["memory_usable_gib"]))
        for gpu in listed
        if gpu.get("memory_usable_gib") and gpu.get("mig_mode") != "Enabled"
    }
    declared = _declared_memory(name, found.get("llm_gpu_memory_gib"), gpus)
    for index, memory_gib in declared.items():
        real = read.get(index, Gpu("GPU", memory_gib))
        if memory_gib > real.memory_gib + ROUNDING_GIB:
            raise FleetError(
                f"llm_gpu_memory_gib of {name} says {memory_gib:g} for GPU {index}, but its {real.name} has"
                f" {real.memory_gib:.2f} GiB: correct it, or leave it out to have it read"
            )
        read[index] = Gpu(real.name, memory_gib)
    return {index: gpu for index, gpu in read.items() if index < gpus}


def _gpus_of(info: t.Any) -> list[dict[str, t.Any]]:
    return (info or {}).get("gpus") or []


def _declared_memory(name: str, declared: t.Any, gpus: int) -> dict[int, float]:
    if declared is None or declared == "":
        return {}
    values = declared if isinstance(declared, (list, tuple)) else [declared] * gpus
    try:
        sizes = [float(value) for value in values]
    except (TypeError, ValueError):
        sizes = []
    if len(sizes) != gpus or any(size <= 0 for size in sizes):
        raise FleetError(
            f"llm_gpu_memory_gib of {name} must be the usable GiB of each GPU, one number or {gpus} of them"
            f" (llm_gpu_count), not {declared!r}"
        )
    return dict(enumerate(sizes))


def _with_limit(instance: dict[str, t.Any], hostvars: t.Mapping[str, t.Any], limited: bool) -> dict[str, t.Any]:
    """The limit that LiteLLM keeps: the declared one, or the concurrency that vLLM said it has."""
    limit = instance["max_parallel_requests"] or ("auto" if limited else None)
    if limit == "auto":
        figures = vllm_facts(hostvars[instance["server"]]).get(instance["name"]) or {}
        limit = figures.get("parallel_limit")
    return {**instance, "max_parallel_requests": limit}


def vllm_facts(found: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """Figures of the instances of a server: those just read, else those of the facts file."""
    facts = found.get("ansible_facts") or {}
    kept = facts.get("llmfleet_vllm") or (facts.get("ansible_local") or {}).get("llmfleet_vllm") or {}
    return kept.get("instances") or {}


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
