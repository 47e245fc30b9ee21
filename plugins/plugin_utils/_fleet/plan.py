# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the declaration to instances: which model runs on which server, on which GPUs, at which port.

Pure: no Ansible, no host. The same declaration always gives the same plan.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.memory import (
    Demand,
    Gpu,
    Placed,
    description,
    figures,
    no_room,
    plan_server,
    planned_instance,
    unlike,
    with_length,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import (
    label,
    model_errors,
    option_name,
)

#: Ports of further replicas of one model on one server.
REPLICA_STEP = 100


class FleetError(Exception):
    """The declaration can't be carried out. The message lists every fault, one a line."""


class Server(t.NamedTuple):
    """A GPU server as the plan needs it. `gpus` is its number of GPUs; 0 means that vLLM runs on the CPU."""

    name: str
    gpus: int
    reserved_ports: dict[int, str]
    memory: dict[int, Gpu] = {}  # of the GPUs that are known


class Settings(t.NamedTuple):
    """Fleet-wide defaults."""

    vllm_version: str
    gpu_memory_utilization: float | None  # none: the planner's choice
    default_share: float  # where the planner can't choose
    port_base: int
    allow_unknown_options: bool
    memory_check: bool
    descriptions: dict[str, t.Any]  # of models that the catalogue lacks
    unread: frozenset[str]  # what has not been read yet: gpus, models


def plan_fleet(
    models: t.Any, external: t.Any, gateways: list[str], servers: list[Server], settings: Settings
) -> list[dict[str, t.Any]]:
    """Instances in the order of the declaration; FleetError with everything that is wrong with it."""
    errors = _shape_errors(models, external, gateways, servers)
    if errors:
        raise FleetError("\n".join(errors))
    for index, entry in enumerate(models):
        described = description(entry["model"], settings.descriptions) if _has_model(entry) else {}
        errors += model_errors(entry, index, settings.vllm_version, settings.allow_unknown_options, described)
    if errors:
        raise FleetError("\n".join(errors))
    errors += _name_errors(models, external)
    instances = _place(models, servers, settings, errors)
    errors += _port_errors(instances, servers)
    if errors:
        raise FleetError("\n".join(errors))
    return instances


def _has_model(entry: t.Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("model"), str)


def _shape_errors(models: t.Any, external: t.Any, gateways: list[str], servers: list[Server]) -> list[str]:
    errors = []
    if not gateways:
        errors.append("The inventory group gateways has no host: put the host that LiteLLM shall run on into it")
    if not isinstance(models, list) or not isinstance(external, list):
        return [*errors, "llm_models and llm_external_models must be lists"]
    if not models and not external:
        errors.append("No model is declared: give llm_models (served here) or llm_external_models at least one entry")
    if models and not servers:
        errors.append("The inventory group gpu_servers has no host, but llm_models needs one")
    for index, entry in enumerate(external):
        if not isinstance(entry, dict) or not entry.get("name") or not isinstance(entry.get("litellm_params"), dict):
            errors.append(f"llm_external_models[{index}] needs name and litellm_params, see the role litellm")
    return errors


def _name_errors(models: list[dict[str, t.Any]], external: list[dict[str, t.Any]]) -> list[str]:
    errors: list[str] = []
    seen: dict[str, int] = {}
    for index, entry in enumerate(models):
        if entry["name"] in seen:
            errors.append(
                f"{label(entry, index)}: the name {entry['name']} is also that of llm_models[{seen[entry['name']]}];"
                " give each model its own name, or raise replicas"
            )
        seen.setdefault(entry["name"], index)
    for index, entry in enumerate(external):
        if entry["name"] in seen:
            errors.append(
                f"llm_external_models[{index}]: the name {entry['name']} is also that of a model in llm_models"
            )
    return errors


# ---- placement


class _Placement(t.NamedTuple):
    """An instance that has its place."""

    entry: dict[str, t.Any]
    position: int  # of the entry in llm_models
    server: Server
    gpus: list[int]
    number: int  # which replica of its model on this server it is, from 0
    demand: Demand


class _Load:
    """What is placed so far."""

    def __init__(self) -> None:
        self.placed: list[_Placement] = []

    def on(self, server: str, gpu: int) -> list[Demand]:
        return [one.demand for one in self.placed if one.server.name == server and gpu in one.gpus]

    def instances(self, server: str) -> int:
        return sum(one.server.name == server for one in self.placed)

    def replicas(self, server: str, model: str) -> int:
        return sum(one.server.name == server and one.entry["name"] == model for one in self.placed)


def _place(
    models: list[dict[str, t.Any]], servers: list[Server], settings: Settings, errors: list[str]
) -> list[dict[str, t.Any]]:
    load = _Load()
    for index, entry in enumerate(models):
        candidates = _candidates(entry, index, servers, errors)
        count = len(candidates) if entry.get("replicas") == "each" else entry.get("replicas") or 1
        for replica in range(count if candidates else 0):
            chosen = [candidates[replica]] if entry.get("replicas") == "each" else candidates
            if not _place_one(entry, index, chosen, settings, load, errors):
                break
    plans = _plan_memory(load.placed, servers, errors)
    return [_instance(one, found, settings) for one, found in zip(load.placed, plans)]


def _candidates(entry: dict[str, t.Any], index: int, servers: list[Server], errors: list[str]) -> list[Server]:
    wanted = entry.get("servers")
    if wanted is None:
        return servers
    by_name = {server.name: server for server in servers}
    for name in wanted:
        if name not in by_name:
            errors.append(f"{label(entry, index)}: servers names {name}, which is not in the group gpu_servers")
    return [by_name[name] for name in wanted if name in by_name]


def _place_one(
    entry: dict[str, t.Any], index: int, candidates: list[Server], settings: Settings, load: _Load, errors: list[str]
) -> bool:
    """On the candidate with the fewest instances that has room, so that replicas spread; first declared wins a tie."""
    reasons = []
    for server in sorted(candidates, key=lambda candidate: load.instances(candidate.name)):
        demand = _demand(entry, server, settings)
        gpus, reason = _choose_gpus(entry, server, demand, load)
        if gpus is not None:
            number = load.replicas(server.name, entry["name"])
            load.placed.append(_Placement(entry, index, server, gpus, number, demand))
            return True
        reasons.append(reason)
    errors.append(f"{label(entry, index)}: no room for a replica. " + ". ".join(reasons))
    return False


def _demand(entry: dict[str, t.Any], server: Server, settings: Settings) -> Demand:
    share = entry.get("gpu_memory_utilization") or settings.gpu_memory_utilization
    share = None if share is None else float(share)
    planned, note, deferred = None, "", False
    if not settings.memory_check or entry.get("memory_check") is False:
        switch = "memory_check" if settings.memory_check else "vllm_memory_check"
        note = f"{switch} is false"
    elif not server.gpus:
        note = "vLLM runs on the CPU"
    else:
        planned, note = planned_instance(entry, share, settings.descriptions, settings.vllm_version)
        deferred = "gpus" in settings.unread and not server.memory
        deferred = deferred or ("models" in settings.unread and planned is None)
        note = note or ("" if server.memory else "the memory of the GPUs is not known: set llm_gpu_memory_gib")
    return Demand(entry["name"], share, planned, note, settings.default_share, deferred)


def _choose_gpus(entry: dict[str, t.Any], server: Server, demand: Demand, load: _Load) -> tuple[list[int] | None, str]:
    if server.gpus == 0:
        return [], ""
    if entry.get("gpus") is not None:
        return _pinned_gpus(entry, server, demand, load)
    size = entry.get("tensor_parallel_size") or 1
    free = [gpu for gpu in _by_preference(server, demand, load) if _joins(server, gpu, demand, load)]
    for first in free:
        alike = [gpu for gpu in free if not unlike([first, gpu], server.memory)]
        if len(alike) >= size:
            return sorted(alike[:size]), ""
    return None, _no_gpus(server, demand, load, len(free), size)


def _by_preference(server: Server, demand: Demand, load: _Load) -> list[int]:
    """A model whose share is planned takes the emptiest GPU, so that every model gets as much as it can."""
    gpus = list(range(server.gpus))
    if demand.share is not None:
        return gpus
    return sorted(gpus, key=lambda gpu: len(load.on(server.name, gpu)))


def _joins(server: Server, gpu: int, demand: Demand, load: _Load) -> bool:
    """A second replica of a model on one GPU gains nothing, unless its share says that it is meant."""
    others = load.on(server.name, gpu)
    if demand.share is None and demand.name in {one.name for one in others}:
        return False
    return not no_room(demand, others, server.memory.get(gpu), f"{server.name}'s GPU {gpu}")


def _no_gpus(server: Server, demand: Demand, load: _Load, free: int, size: int) -> str:
    taken = ", ".join(
        f"GPU {gpu} {' + '.join(one.name for one in load.on(server.name, gpu)) or 'free'}" for gpu in range(server.gpus)
    )
    share = f"a share of {demand.share:.2f}" if demand.share is not None else "room"
    text = (
        f"{server.name} has {free} of {server.gpus} GPUs with {share} left for {demand.name} (taken: {taken}), {size}"
        f" of one kind needed: {_WAYS[demand.share is None]}, or llm_gpu_count is too low"
    )
    if demand.planned and not server.memory:
        text += ". With llm_gpu_memory_gib declared, models without gpu_memory_utilization share a GPU by plan"
    reasons = [
        no_room(demand, load.on(server.name, gpu), server.memory.get(gpu), f"{server.name}'s GPU {gpu}")
        for gpu in range(server.gpus)
    ]
    return ". ".join([text, *[reason for reason in reasons if reason][:1]])


_WAYS = {True: "choose a smaller model, fewer replicas or other servers", False: "lower gpu_memory_utilization"}


def _pinned_gpus(entry: dict[str, t.Any], server: Server, demand: Demand, load: _Load) -> tuple[list[int] | None, str]:
    for gpu in entry["gpus"]:
        if gpu >= server.gpus:
            return None, f"{server.name} has no GPU {gpu}: its llm_gpu_count is {server.gpus}"
        reason = no_room(demand, load.on(server.name, gpu), server.memory.get(gpu), f"{server.name}'s GPU {gpu}")
        if reason:
            return None, reason
    different = unlike(entry["gpus"], server.memory)
    return (None, different) if different else (list(entry["gpus"]), "")


def _plan_memory(placed: list[_Placement], servers: list[Server], errors: list[str]) -> list[dict[str, t.Any] | None]:
    """Shares and contexts, once it is known which models share a GPU."""
    demands = [one.demand for one in placed]
    found, faults = _plan_servers(placed, demands, servers)
    if not faults:
        found, faults = _plan_servers(placed, _of_one_length(placed, found), servers)
    errors += [f"{fault}{_SWITCH}" for fault in faults]
    return found


def _plan_servers(
    placed: list[_Placement], demands: list[Demand], servers: list[Server]
) -> tuple[list[dict[str, t.Any] | None], list[str]]:
    found: list[dict[str, t.Any] | None] = [None] * len(placed)
    errors = []
    for server in servers:
        own = [index for index, one in enumerate(placed) if one.server.name == server.name]
        plans, faults = plan_server([Placed(demands[index], placed[index].gpus) for index in own], server.memory)
        errors += [f"On {server.name}: {fault}" for fault in faults]
        for index, plan in zip(own, plans):
            found[index] = plan
    return found, errors


def _of_one_length(placed: list[_Placement], found: list[dict[str, t.Any] | None]) -> list[Demand]:
    """The gateway may send a request to any replica, so all the replicas of a model have the context of the poorest."""
    shortest: dict[int, int] = {}
    for one, plan in zip(placed, found):
        if plan:
            length = plan["settings"]["max_model_len"]
            shortest[one.position] = min(length, shortest.get(one.position, length))
    return [with_length(one.demand, shortest[one.position]) if plan else one.demand for one, plan in zip(placed, found)]


_SWITCH = "\n  (memory_check: false of the model starts it without this check)"


def _instance(placed: _Placement, plan: dict[str, t.Any] | None, settings: Settings) -> dict[str, t.Any]:
    entry, demand = placed.entry, placed.demand
    slug = re.sub(r"[^a-z0-9]+", "-", entry["name"].lower()).strip("-")
    port = entry.get("port") or settings.port_base + placed.position
    share = demand.share
    if share is None and not demand.deferred:
        share = demand.default_share
    return {
        "name": slug if placed.number == 0 else f"{slug}-{placed.number + 1}",
        "model_name": entry["name"],
        "server": placed.server.name,
        "gpus": placed.gpus,
        "port": port + placed.number * REPLICA_STEP,
        "environment": {str(key): str(value) for key, value in (entry.get("environment") or {}).items()},
        "model": entry["model"],
        "revision": entry.get("revision"),
        "gated": bool(description(entry["model"], settings.descriptions).get("gated")),
        "options": _options(entry, bool(placed.gpus), share, plan),
        "plan": figures(plan) if plan else None,
        "note": "" if plan else demand.note,
        "max_parallel_requests": entry.get("max_parallel_requests"),
    }


def _options(
    entry: dict[str, t.Any], gpu: bool, share: float | None, plan: dict[str, t.Any] | None
) -> dict[str, t.Any]:
    """What goes into the file for --config, by vLLM's own names."""
    options: dict[str, t.Any] = {"model": entry["model"], "served-model-name": [entry["name"]]}
    if entry.get("revision"):
        options["revision"] = entry["revision"]
    options["tensor-parallel-size"] = entry.get("tensor_parallel_size") or 1
    if gpu and (plan or share is not None):
        options["gpu-memory-utilization"] = plan["settings"]["gpu_memory_utilization"] if plan else share
    if entry.get("max_model_len") is not None:
        options["max-model-len"] = entry["max_model_len"]
    elif plan:
        options["max-model-len"] = plan["settings"]["max_model_len"]
    if entry.get("trust_remote_code"):
        options["trust-remote-code"] = True
    for key, value in (entry.get("engine_args") or {}).items():
        options[option_name(str(key))] = value
    return options


# ---- after placement


def _port_errors(instances: list[dict[str, t.Any]], servers: list[Server]) -> list[str]:
    errors = []
    for server in servers:
        users = {port: [what] for port, what in server.reserved_ports.items()}
        names: dict[str, list[str]] = {}
        for instance in instances:
            if instance["server"] == server.name:
                users.setdefault(instance["port"], []).append(f"model {instance['model_name']}")
                names.setdefault(instance["name"], []).append(instance["model_name"])
        for port, what in sorted(users.items()):
            if len(what) > 1:
                errors.append(
                    f"Port {port} on {server.name} is used twice, by {' and '.join(what)}: set port of a model"
                )
        for name, models in sorted(names.items()):
            if len(models) > 1:
                errors.append(f"{' and '.join(models)} would both be the container {name} on {server.name}: rename one")
    return errors
