# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From hosts with their variables and facts to the Fleet. Pure: the same input always gives the same fleet.

Only action plugins and tests call it; it calls every other file of this folder.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import (
    api_keys,
    former,
    keeping,
    litellm_instances,
    reach,
    readings,
    upgrades,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.engine_answers import of_hosts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import GpuMemory
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpus import Gpus, gpus_of
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.instances import (
    Around,
    Instance,
    Node,
    clashes,
    instance,
    ports,
    with_start_order,
    with_units,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import GATEWAYS, GPU_SERVERS, Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.leaving import leaving
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.lookups import description, lacking, wants_plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import (
    model_errors,
    name_errors,
    nodes,
    shape_errors,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.placement import Placement, place
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.places import Place, Server
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import (
    SERVICES,
    deployed_redis,
    on_host,
    taken_ports,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, Fleet, FleetError

#: Share of a model that does not say its own where the planner can't choose one.
DEFAULT_SHARE = 0.9


class Known(t.NamedTuple):
    """What was read beside the facts of the hosts. Nothing of it, before any host is looked at."""

    models: t.Mapping[str, t.Any] = {}  # descriptions by lookups.key
    reading: readings.Reading = {"number": 0, "hosts": {}, "models": {}}  # of an earlier run
    unreachable: t.Mapping[str, str] = {}
    driver_to_come: bool = False  # whether GPUs that can't be read may be later in this run
    salt: str = ""  # for a fingerprint of the key; empty where that only stands for one


NOTHING = Known()


def compute(
    hosts: t.Mapping[str, Host], groups: t.Mapping[str, t.Sequence[str]], stage: str, known: Known = NOTHING
) -> Fleet:
    """The fleet; FleetError with everything that is wrong with it."""
    gateways, servers = list(groups.get(GATEWAYS, ())), list(groups.get(GPU_SERVERS, ()))
    models, external = _declared(hosts)
    _refuse(shape_errors(models, external, gateways, servers))
    _refuse(_entry_errors(models, [hosts[name] for name in servers], known))
    faults = name_errors(models)
    litellm = {name: litellm_instances.instances(hosts[name], _kept(known, name)) for name in gateways}
    addressed = {name: _with_fleet(host, known, sum(litellm.values())) for name, host in hosts.items()}
    gpus = {name: gpus_of(addressed[name], _kept(known, name), faults) for name in servers}
    memory = GpuMemory(known.models, models_unread=stage == DECLARED, answers=of_hosts(hosts.values()))
    own = [_server(addressed[name], gpus[name], stage, known) for name in servers]
    found = place(models, own, memory, _kept_places(hosts, known))
    fleet = Fleet(
        root=_root(hosts, faults),
        gateways=gateways,
        gpu_servers=servers,
        hosts=addressed,
        instances=_instances(found, addressed, gateways, known),
        stage=stage,
        litellm=litellm,
        unreachable=dict(known.unreachable),
        open=[name for name in servers if _open(addressed[name], gpus[name], known)],
        changes=found.changes,
    )
    goes_on = former.models_of(models, former.names(models, known.reading))
    fleet = fleet._replace(leaving=leaving(fleet.instances, addressed, known.reading, goes_on))
    places = keeping.noted(found.places, found.plans)
    partial, complete = (_reading(fleet, gpus, known, places, whole) for whole in (False, True))
    fleet = fleet._replace(reading=partial, complete_reading=complete)
    faults += found.errors + _fleet_faults(fleet)
    if stage != DECLARED:
        faults += _unknown_faults(fleet, models, gpus, known)
        faults += api_keys.faults(_keys(fleet, known), known.reading)
    _refuse(faults)
    return fleet


def _refuse(faults: t.Sequence[str]) -> None:
    if faults:
        raise FleetError("\n".join(dict.fromkeys(faults)))


def _declared(hosts: t.Mapping[str, Host]) -> tuple[t.Any, t.Any]:
    said: t.Mapping[str, t.Any] = next((host.variables for host in hosts.values()), {})
    return said.get("llm_models") or [], said.get("llm_external_models") or []


def _root(hosts: t.Mapping[str, Host], faults: list[str]) -> str:
    roots = list(dict.fromkeys(str(host.variables["llm_project_root"]) for host in hosts.values()))
    if len(roots) > 1:
        faults.append(f"llm_project_root is one for the whole fleet, and hosts say {' and '.join(roots)}")
    return roots[0] if roots else ""


def _entry_errors(models: t.Sequence[t.Any], servers: t.Sequence[Host], known: Known) -> list[str]:
    """Every fault of the entries by themselves, for each release of vLLM that is in use."""
    releases: dict[tuple[str, bool], t.Mapping[str, t.Any]] = {}
    for host in servers:
        said = host.variables
        key = (str(said["vllm_version"]), bool(said["vllm_allow_unknown_options"]))
        releases.setdefault(key, said["vllm_environment"])
    errors = []
    for index, entry in enumerate(models):
        described = description(entry, known.models) if isinstance(entry, dict) else {}
        for (version, allow_unknown), environment in releases.items():
            errors += model_errors(entry, index, version, allow_unknown, described, environment)
    return errors


# ---- hosts


def _kept(known: Known, name: str) -> dict[str, t.Any]:
    return dict(known.reading["hosts"].get(name) or {})


def _kept_places(hosts: t.Mapping[str, Host], known: Known) -> list[keeping.Unit]:
    """Where replicas are by the last good reading, unless all shall find their places anew."""
    keep = all(host.variables["llm_keep_places"] for host in hosts.values())
    return keeping.units(known.reading.get("places")) if keep else []


def _with_fleet(host: Host, known: Known, litellm_processes: int) -> Host:
    kept = _kept(known, host.name)
    address, before = reach.private_address(host, kept), bool(kept.get("redis"))
    return host._replace(address=address, litellm_processes=litellm_processes, redis_before=before)


def _server(host: Host, gpus: Gpus, stage: str, known: Known) -> Server:
    said = host.variables
    share = said["vllm_gpu_memory_utilization"]
    return Server(
        name=host.name,
        gpus=host.gpu_count,
        memory=gpus.memory,
        lost=gpus.lost,
        deferred=stage == DECLARED or _open(host, gpus, known),
        share=float(share) if share else None,
        default_share=DEFAULT_SHARE,
        memory_check=bool(said["vllm_memory_check"]),
        vllm_version=str(said["vllm_version"]),
    )


def _open(host: Host, gpus: Gpus, known: Known) -> bool:
    """Whether the GPUs of a host that answers are to be read once this run has given it a driver."""
    unread = bool(host.gpu_count and host.facts) and not gpus.memory and not gpus.lost
    said = host.variables
    return known.driver_to_come and unread and bool(said["nvidia_driver_manage"] and said["vllm_memory_check"])


def figures(host: Host, known: Known) -> dict[str, t.Any]:
    """What vLLM said at its start of the instances of a server, as far as the gateways need it."""
    read = host.facts.get("figures")
    if not read:
        return dict(_kept(known, host.name).get("figures") or {})
    return readings.figures(read.get("instances"))


# ---- instances


def _instances(found: Placement, hosts: t.Mapping[str, Host], gateways: list[str], known: Known) -> list[Instance]:
    limited = bool(gateways) and bool(hosts[gateways[0]].variables["litellm_limit_from_vllm"])
    said = {name: figures(host, known) for name, host in hosts.items() if host.is_gpu_server}
    chosen = _ports(found, hosts, gateways, known)
    units = _units(found.places, hosts, chosen)
    before = former.names([one.entry for one in found.places], known.reading)
    made = []
    for one, plan in zip(found.places, found.plans):
        described = description(one.entry, known.models)
        port = chosen[one.server.name][one.name]
        unit = units.get((one.position, one.head), ())
        around = Around(limited, said[one.server.name], described, port, unit, before.get(one.entry["name"], ()))
        made.append(instance(one, plan, hosts[one.server.name], around))
    return with_start_order(with_units(made))


def _units(
    places: t.Sequence[Place], hosts: t.Mapping[str, Host], chosen: t.Mapping[str, t.Mapping[str, int]]
) -> dict[tuple[int, tuple[str, int]], list[Node]]:
    """The nodes of each replica that runs on several servers, the head first."""
    found: dict[tuple[int, tuple[str, int]], list[Node]] = {}
    for one in sorted(places, key=lambda place: place.rank):
        if nodes(one.entry) > 1:
            host = hosts[one.server.name]
            node = Node(host.name, one.name, reach.target(host), chosen[host.name][one.name])
            found.setdefault((one.position, one.head), []).append(node)
    return found


def _ports(
    found: Placement, hosts: t.Mapping[str, Host], gateways: list[str], known: Known
) -> dict[str, dict[str, int]]:
    on: dict[str, list[Place]] = {}
    for one in found.places:
        on.setdefault(one.server.name, []).append(one)
    groups = {GATEWAYS: gateways, GPU_SERVERS: [name for name, host in hosts.items() if host.is_gpu_server]}
    return {
        name: ports(places, hosts[name], _kept_ports(hosts[name], known), taken_ports(hosts[name], groups))
        for name, places in on.items()
    }


def _kept_ports(host: Host, known: Known) -> dict[str, t.Any]:
    """Of the last run; another vllm_port_base is the wish that they move."""
    kept = _kept(known, host.name)
    listed = kept.get("ports")
    same = kept.get("port_base") == host.variables["vllm_port_base"]
    return dict(listed) if same and isinstance(listed, dict) else {}


# ---- faults of the whole


def _fleet_faults(fleet: Fleet) -> list[str]:
    """What is wrong although each host and each entry is right by itself."""
    known = fleet.stage != DECLARED
    faults = clashes(fleet.instances, {host.name: taken_ports(host, fleet.groups) for host in fleet.hosts.values()})
    # What a gateway's own LiteLLM can't answer goes to the other gateways.
    reached = {*(one["server"] for one in fleet.instances), *fleet.gateways}
    together = {one["server"] for one in fleet.instances if one["unit"]}
    for name in sorted(reached):
        if name in together or any(gateway != name for gateway in fleet.gateways):
            faults += reach.address_faults(fleet.hosts[name], known)
    for name in fleet.gateways:
        faults += reach.plain_http_faults(fleet.hosts[name])
    if len(fleet.gateways) > 1:
        first, *others = (fleet.hosts[name] for name in fleet.gateways)
        faults += reach.database_faults(first, others) + reach.redis_faults(first, others)
    return faults


def _unknown_faults(
    fleet: Fleet, models: t.Sequence[dict[str, t.Any]], gpus: t.Mapping[str, Gpus], known: Known
) -> list[str]:
    """What could not be asked and never was, but decides how instances are planned."""
    planned = [entry for entry in models if wants_plan(entry)]
    faults = []
    for name, reason in known.unreachable.items():
        host = fleet.hosts[name]
        if not host.gpu_count or gpus[name].memory or not host.variables["vllm_memory_check"]:
            continue
        if any(name in (entry.get("servers") or [name]) for entry in planned):
            faults.append(
                f"{name} does not answer ({reason}), and no earlier run has read its GPUs, so it is open what can run"
                " there: bring it up, set its llm_gpu_memory_gib, or take it out of gpu_servers"
            )
    return faults + lacking(models, fleet.hosts.values(), known.models)


def limits_wanted(hosts: t.Mapping[str, Host], gateways: t.Sequence[str], models: t.Sequence[t.Any]) -> bool:
    """Whether LiteLLM's configuration depends on what vLLM says when it starts."""
    everywhere = any(hosts[name].variables["litellm_limit_from_vllm"] for name in gateways[:1])
    return everywhere or any(
        isinstance(entry, dict) and entry.get("max_parallel_requests") == "auto" for entry in models
    )


def _reading(
    fleet: Fleet, gpus: t.Mapping[str, Gpus], known: Known, places: t.Mapping[str, t.Any], complete: bool
) -> readings.Reading:
    """What vLLM said at its start is kept only where something depends on it: it is not there yet when an instance
    is new, and the run after that would have something to write."""
    limited = limits_wanted(fleet.hosts, fleet.gateways, fleet.variable("llm_models"))
    parts = {}
    for name, host in fleet.hosts.items():
        memory = gpus[name].memory if name in gpus else {}
        said = figures(host, known) if limited else {}
        part = readings.of_host(host, memory, said, _kept(known, name))
        if host.is_gpu_server:
            part["ports"] = {one["name"]: one["port"] for one in fleet.instances_on(name)}
            part["port_base"] = host.variables["vllm_port_base"]
        if name in fleet.litellm:
            part["litellm_instances"] = fleet.litellm[name]
        if name in fleet.gateways[:1]:
            part["redis"] = deployed_redis(fleet.hosts[name])
        parts[name] = part
    models = readings.of_models(known.models)
    key = api_keys.noted(_keys(fleet, known), known.reading, complete) if fleet.instances else {}
    names = former.names(fleet.variable("llm_models"), known.reading)
    upgraded = upgrades.noted(known.reading, _images(fleet))
    return readings.renewed(known.reading, parts, models, places, _drained(fleet, known), key, names, upgraded)


def _images(fleet: Fleet) -> dict[str, str]:
    """Declared ones, as the table of services tells them."""
    rows = [(row, [host for host in fleet.hosts.values() if on_host(row, host, fleet.groups)]) for row in SERVICES]
    return {row.name: str(hosts[0].variables.get(row.image, "")) for row, hosts in rows if row.image and hosts}


def _keys(fleet: Fleet, known: Known) -> api_keys.Keys:
    """Only where there is something that asks for one."""
    names = ("vllm_api_key", "vllm_previous_api_key")
    said: t.Mapping[str, t.Any] = next((fleet.hosts[name].variables for name in [*fleet.gpu_servers, *fleet.hosts]), {})
    current, previous = (str(said.get(name) or "") for name in names)
    return api_keys.Keys(current, previous, known.salt) if fleet.instances else api_keys.Keys()


def _drained(fleet: Fleet, known: Known) -> list[str]:
    """Until somebody ends it, or it is gone."""
    there = {*fleet.gpu_servers, *(f"{one['server']}/{one['name']}" for one in fleet.instances)}
    return [one for one in readings.drains(known.reading) if one in there]
