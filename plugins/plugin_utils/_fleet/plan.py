# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From the declaration to instances: which model runs on which server, on which GPUs, at which port.

Pure: no Ansible, no host. The same declaration always gives the same plan.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import (
    known,
    label,
    model_errors,
    option_name,
)

#: vLLM instances measure the free memory while they start; above this share in sum the last one finds too little.
MAX_SHARE = 0.95
#: Ports of further replicas of one model on one server.
REPLICA_STEP = 100


class FleetError(Exception):
    """The declaration can't be carried out. The message lists every fault, one a line."""


class Server(t.NamedTuple):
    """A GPU server as the plan needs it. `gpus` is its number of GPUs; 0 means that vLLM runs on the CPU."""

    name: str
    gpus: int
    reserved_ports: dict[int, str]


class Settings(t.NamedTuple):
    """Fleet-wide defaults."""

    vllm_version: str
    gpu_memory_utilization: float
    port_base: int
    allow_unknown_options: bool


def plan_fleet(
    models: t.Any, external: t.Any, gateways: list[str], servers: list[Server], settings: Settings
) -> list[dict[str, t.Any]]:
    """Instances in the order of the declaration; FleetError with everything that is wrong with it."""
    errors = _shape_errors(models, external, gateways, servers)
    if errors:
        raise FleetError("\n".join(errors))
    for index, entry in enumerate(models):
        errors += model_errors(entry, index, settings.vllm_version, settings.allow_unknown_options)
    if errors:
        raise FleetError("\n".join(errors))
    errors += _name_errors(models, external)
    instances = _place(models, servers, settings, errors)
    errors += _port_errors(instances, servers)
    if errors:
        raise FleetError("\n".join(errors))
    return instances


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


class _Load:
    """What is placed so far: shares by (server, GPU), instances by server, replicas by (server, model)."""

    def __init__(self) -> None:
        self.shares: dict[tuple[str, int], list[tuple[str, float]]] = {}
        self.instances: dict[str, int] = {}
        self.replicas: dict[tuple[str, str], int] = {}

    def share(self, server: str, gpu: int) -> float:
        return sum(share for name, share in self.shares.get((server, gpu), []))

    def add(self, server: str, model: str, gpus: list[int], share: float) -> int:
        """Books an instance; returns which replica of its model on this server it is, from 0."""
        for gpu in gpus:
            self.shares.setdefault((server, gpu), []).append((model, share))
        self.instances[server] = self.instances.get(server, 0) + 1
        number = self.replicas.get((server, model), 0)
        self.replicas[(server, model)] = number + 1
        return number


def _place(
    models: list[dict[str, t.Any]], servers: list[Server], settings: Settings, errors: list[str]
) -> list[dict[str, t.Any]]:
    load = _Load()
    instances: list[dict[str, t.Any]] = []
    for index, entry in enumerate(models):
        candidates = _candidates(entry, index, servers, errors)
        count = len(candidates) if entry.get("replicas") == "each" else entry.get("replicas") or 1
        for replica in range(count if candidates else 0):
            chosen = [candidates[replica]] if entry.get("replicas") == "each" else candidates
            placed = _place_one(entry, index, chosen, settings, load, errors)
            if not placed:
                break
            instances.append(placed)
    return instances


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
) -> dict[str, t.Any] | None:
    """On the candidate with the fewest instances that has room, so that replicas spread; first declared wins a tie."""
    share = float(entry.get("gpu_memory_utilization") or settings.gpu_memory_utilization)
    reasons = []
    for server in sorted(candidates, key=lambda candidate: load.instances.get(candidate.name, 0)):
        gpus, reason = _choose_gpus(entry, server, share, load)
        if gpus is not None:
            number = load.add(server.name, entry["name"], gpus, share)
            return _instance(entry, index, server, gpus, share, number, settings)
        reasons.append(reason)
    errors.append(f"{label(entry, index)}: no room for a replica. " + ". ".join(reasons))
    return None


def _choose_gpus(entry: dict[str, t.Any], server: Server, share: float, load: _Load) -> tuple[list[int] | None, str]:
    if server.gpus == 0:
        return [], ""
    size = entry.get("tensor_parallel_size") or 1
    if entry.get("gpus") is not None:
        return _pinned_gpus(entry, server, share, load)
    free = [gpu for gpu in range(server.gpus) if load.share(server.name, gpu) + share <= MAX_SHARE + 1e-9]
    if len(free) >= size:
        return free[:size], ""
    shares = ", ".join(f"GPU {gpu} {load.share(server.name, gpu):.2f}" for gpu in range(server.gpus))
    return None, (
        f"{server.name} has {len(free)} of {server.gpus} GPUs with a share of {share:.2f} left under {MAX_SHARE}"
        f" (taken: {shares}), {size} needed: lower gpu_memory_utilization, or llm_gpu_count is too low"
    )


def _pinned_gpus(entry: dict[str, t.Any], server: Server, share: float, load: _Load) -> tuple[list[int] | None, str]:
    for gpu in entry["gpus"]:
        if gpu >= server.gpus:
            return None, f"{server.name} has no GPU {gpu}: its llm_gpu_count is {server.gpus}"
        taken = load.share(server.name, gpu)
        if taken + share > MAX_SHARE + 1e-9:
            others = (
                " + ".join(f"{name} {size:.2f}" for name, size in load.shares[(server.name, gpu)]) if taken else "0"
            )
            return None, (
                f"The shares on {server.name}'s GPU {gpu} would sum to {taken + share:.2f} ({others} + {entry['name']}"
                f" {share:.2f}), above {MAX_SHARE}: lower gpu_memory_utilization, or pin to another GPU"
            )
    return list(entry["gpus"]), ""


def _instance(
    entry: dict[str, t.Any], index: int, server: Server, gpus: list[int], share: float, number: int, settings: Settings
) -> dict[str, t.Any]:
    slug = re.sub(r"[^a-z0-9]+", "-", entry["name"].lower()).strip("-")
    return {
        "name": slug if number == 0 else f"{slug}-{number + 1}",
        "model_name": entry["name"],
        "server": server.name,
        "gpus": gpus,
        "port": (entry.get("port") or settings.port_base + index) + number * REPLICA_STEP,
        "environment": {str(key): str(value) for key, value in (entry.get("environment") or {}).items()},
        "model": entry["model"],
        "revision": entry.get("revision"),
        "gated": bool(known(entry["model"]).get("gated")),
        "options": _options(entry, bool(gpus), share),
    }


def _options(entry: dict[str, t.Any], gpu: bool, share: float) -> dict[str, t.Any]:
    """What goes into the file for --config, by vLLM's own names."""
    options: dict[str, t.Any] = {"model": entry["model"], "served-model-name": [entry["name"]]}
    if entry.get("revision"):
        options["revision"] = entry["revision"]
    options["tensor-parallel-size"] = entry.get("tensor_parallel_size") or 1
    if gpu:
        options["gpu-memory-utilization"] = share
    if entry.get("max_model_len") is not None:
        options["max-model-len"] = entry["max_model_len"]
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
