# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Finishes an instance: everything that its container, its gateways and its neighbours need to know of it. Pure.

Only _fleet/compute.py calls it; proof_url is for whoever has an instance.
"""

from __future__ import annotations

import hashlib
import json
import typing as t
from collections import defaultdict

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes, reach
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import Plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import BACKEND, OWN, RAY
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.ordered import ordered
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import Place, name_of
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.settings import GIB

#: Ports of further replicas of one model on one server.
REPLICA_STEP = 100
PROJECT = "llmfleet-vllm-"
#: The part of a memory plan that goes with an instance.
SETTINGS = ("gpu_memory_utilization", "max_model_len", "max_num_seqs", "gpu_memory_gib")
FIGURES = ("weights_gib", "kv_cache_gib", "kv_cache_tokens", "max_concurrency", "peak_used_gib", "free_gib")

Instance = dict[str, t.Any]
Said = t.Mapping[str, t.Any]


def proof_url(instance: t.Mapping[str, t.Any]) -> str:
    """Where an instance is asked for answers, from inside of its container."""
    return f"{instance['health_url'].removesuffix('/health')}/v1"


class Node(t.NamedTuple):
    """A container of a replica that runs on several servers."""

    server: str
    name: str
    address: str
    port: int


class Around(t.NamedTuple):
    """What an instance takes from the fleet."""

    limited: bool  # whether LiteLLM sends no more at once than vLLM said that it holds
    figures: t.Mapping[str, t.Any]  # what vLLM said at its start, by instance of this server
    described: t.Mapping[str, t.Any]  # what is known of its model
    port: int
    unit: t.Sequence[Node] = ()  # the nodes of its replica, the head first; none where it is the only one
    former: t.Sequence[str] = ()  # names of before that it answers to as well


def ports(
    places: t.Sequence[Place], host: Host, kept: t.Mapping[str, t.Any], reserved: t.Container[int]
) -> dict[str, int]:
    """Instance to port on one server. One that is there keeps its port whatever comes before it in llm_models; a new one
    takes none that another had at the last run, since that one may only be leaving."""
    first = int(host.variables["vllm_port_base"])
    named = [(place.name, place) for place in places]
    found = {name: one.entry["port"] + one.number * REPLICA_STEP for name, one in named if one.entry.get("port")}
    known = {name: port for name, port in kept.items() if isinstance(port, int) and port not in found.values()}
    found.update({name: known[name] for name, _place in named if name in known and name not in found})
    taken = {*found.values(), *known.values()}
    for name, one in named:
        if name not in found:
            port = first + one.position + one.number * REPLICA_STEP
            while port in taken or port in reserved:
                port += 1
            found[name] = port
            taken.add(port)
    return found


def instance(place: Place, plan: Plan | None, host: Host, around: Around) -> Instance:
    """One instance, complete but for its neighbours (with_start_order)."""
    entry, said = place.entry, host.variables
    name, slug, port = place.name, name_of(entry["name"], 0), around.port
    publish = reach.published(host)
    host_network = bool(said["vllm_host_network"]) or bool(around.unit)
    address = reach.target(host) if around.unit else publish[-1]
    address, listens = (address, port) if host_network else ("0.0.0.0", reach.CONTAINER_PORT)
    serving = {"host": address, "port": listens, "shutdown-timeout": int(said["vllm_shutdown_timeout"])}
    options = {**_options(place, plan, around.former, said), **serving}
    return {
        "name": name,
        "model_name": entry["name"],
        "model": entry["model"],
        "revision": entry.get("revision"),
        "gated": bool(around.described.get("gated")),
        "model_info": modes.model_info(entry, around.described, options),
        "server": host.name,
        "gpus": place.gpus,
        "port": port,
        "publish": publish,
        "gate": {"backend": f"vllm-{slug}", "server": reach.server_name(host.name, name)},
        "url": reach.model_url(slug),
        "options": options,
        "environment": _texts({**said["vllm_environment"], **(entry.get("environment") or {})}),
        "image": said["vllm_image"],
        "project": PROJECT + name,
        "project_dir": f"{said['llm_project_root']}/vllm/{name}",
        "container": PROJECT + name,
        "health_url": f"http://{_from_inside(address)}:{listens}/health",
        "metrics": f"http://{reach.bracket(publish[-1])}:{port}/metrics",
        "host_network": host_network,
        "rank": place.rank,
        "unit": [],
        "plan": _figures(plan) if plan else None,
        "note": plan["note"] if plan else place.demand.note,
        "max_parallel_requests": _limit(entry, name, around),
        **(_of_node(place, options, around) if around.unit else {}),
    }


#: From the port of a head to that at which its nodes meet, that of the check of their network, and that at which each
#: sees that the others live. So far apart that two heads on one server never want the same.
MEETING_STEP, CHECK_STEP, UNIT_STEP = 10000, 15000, 20000


def _of_node(place: Place, options: dict[str, t.Any], around: Around) -> Instance:
    """What is otherwise where a replica runs on several servers, by vLLM's multi-node mode or by Ray, all in their hosts' networks.
    Only the head has an API; a node without one is well while its head is, and by Ray it runs no vLLM of its own."""
    head, rank = around.unit[0], place.rank
    api = f"http://{reach.bracket(head.address)}:{head.port}"
    meeting, check, unit = (
        head.port + (step if head.port + UNIT_STEP <= 65535 else -step)
        for step in (MEETING_STEP, CHECK_STEP, UNIT_STEP)
    )
    more: dict[str, t.Any] = {BACKEND: options.get(BACKEND, OWN)}
    if more[BACKEND] == OWN:
        more |= {"nnodes": len(around.unit), "node-rank": rank, "master-addr": head.address, "master-port": meeting}
    found: Instance = {
        "ray": f"{reach.bracket(head.address)}:{meeting}" if more[BACKEND] == RAY else "",
        "unit": [{"server": one.server, "name": one.name} for one in around.unit],
        "unit_address": around.unit[rank].address,
        "unit_nodes": [{"server": one.server, "address": one.address} for one in around.unit],
        "master_port": meeting,
        "check_port": check,
        "unit_port": unit,
        "health_url": f"{api}/health",
        "metrics": f"{api}/metrics",
        "options": {**options, **more},
    }
    if rank:
        left = {key: value for key, value in options.items() if key not in ("host", "port")}
        found |= {"options": {**left, **more, **({} if found["ray"] else {"headless": True})}, "gate": {}, "url": ""}
    return found


def with_units(instances: list[Instance]) -> list[Instance]:
    """With one digest for all nodes of a replica, so that a change of one is a change of all: they only work together."""
    parts: dict[str, list[t.Any]] = defaultdict(list)
    for one in instances:
        if one["unit"]:
            what = [one[key] for key in ("server", "name", "image", "options", "environment", "gpus", "unit_address")]
            parts[str(one["unit"])].append(what)
    digests = {unit: hashlib.sha256(json.dumps(what).encode()).hexdigest()[:16] for unit, what in parts.items()}
    return [{**one, "unit_digest": digests[str(one["unit"])]} if one["unit"] else one for one in instances]


def _texts(values: t.Mapping[t.Any, t.Any]) -> dict[str, str]:
    return ordered({str(key): str(value) for key, value in values.items()})


def _from_inside(address: str) -> str:
    return "127.0.0.1" if address in reach.EVERYWHERE else reach.bracket(address)


def _options(place: Place, plan: Plan | None, former: t.Sequence[str], said: Said) -> dict[str, t.Any]:
    """What goes into the file for --config, by vLLM's own names."""
    entry, demand = place.entry, place.demand
    share = demand.share if demand.share is not None or demand.deferred else demand.default_share
    options: dict[str, t.Any] = {"model": entry["model"], "served-model-name": [entry["name"], *former]}
    if entry.get("revision"):
        options["revision"] = entry["revision"]
    options["tensor-parallel-size"] = entry.get("tensor_parallel_size") or 1
    if place.gpus and (plan or share is not None):
        options["gpu-memory-utilization"] = plan["settings"]["gpu_memory_utilization"] if plan else share
    if entry.get("max_model_len") is not None:
        options["max-model-len"] = entry["max_model_len"]
    elif plan:
        options["max-model-len"] = plan["settings"]["max_model_len"]
    if entry.get("trust_remote_code"):
        options["trust-remote-code"] = True
    if plan and place.gpus and said["vllm_exact_kv_cache"]:
        options[KV_CACHE_BYTES] = int(plan["kv_cache_gib"] * GIB)
    return {**options, **ordered(modes.options(entry, str(said["vllm_version"])))}


def _figures(plan: Plan) -> dict[str, t.Any]:
    return {**{name: plan["settings"][name] for name in SETTINGS}, **{name: plan[name] for name in FIGURES}}


def _limit(entry: t.Mapping[str, t.Any], name: str, around: Around) -> t.Any:
    """The limit that LiteLLM keeps: the declared one, or the concurrency that vLLM said it has."""
    limit = entry.get("max_parallel_requests") or ("auto" if around.limited else None)
    return (around.figures.get(name) or {}).get("parallel_limit") if limit == "auto" else limit


#: Of vLLM: with it the KV cache has this size, and without it what is measured to be left.
KV_CACHE_BYTES = "kv-cache-memory-bytes"


def with_start_order(instances: list[Instance]) -> list[Instance]:
    """Who measures the free memory while it starts must be alone with it, so those that share such a GPU start one after the other.
    Where all have a KV cache of a given size nobody measures, and each starts by itself."""
    measured = {
        (one["server"], gpu) for one in instances for gpu in one["gpus"] if KV_CACHE_BYTES not in one["options"]
    }
    started: dict[tuple[str, int], list[str]] = defaultdict(list)
    ordered = []
    for one in instances:
        places = [place for gpu in one["gpus"] if (place := (one["server"], gpu)) in measured]
        before = dict.fromkeys(name for place in places for name in started[place])
        ordered.append({**one, "start_after": list(before), "locked_gpus": [gpu for _server, gpu in places]})
        for place in places:
            started[place].append(one["name"])
    return ordered


def clashes(instances: t.Sequence[Instance], reserved: t.Mapping[str, t.Mapping[int, str]]) -> list[str]:
    """Ports and container names of a server that two things would have; reserved are ports of other services."""
    users: dict[tuple[str, int], list[str]] = defaultdict(list)
    names: dict[tuple[str, str], list[str]] = defaultdict(list)
    for server, ports in reserved.items():
        for port, what in ports.items():
            users[server, port].append(what)
    for one in instances:
        users[one["server"], one["port"]].append(f"model {one['model_name']}")
        if one["unit"] and not one["rank"]:
            for what in ("master_port", "check_port", "unit_port"):
                users[one["server"], one[what]].append(f"the nodes of model {one['model_name']}")
        names[one["server"], one["name"]].append(one["model_name"])
    faults = [
        f"Port {port} on {server} is used twice, by {' and '.join(those)}: set port of a model"
        for (server, port), those in users.items()
        if len(those) > 1
    ]
    return faults + [
        f"{' and '.join(models)} would both be the container {name} on {server}: rename one"
        for (server, name), models in names.items()
        if len(models) > 1
    ]
