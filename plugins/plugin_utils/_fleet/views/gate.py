# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role gate reads: the Compose project of the gate of a host, with the text of haproxy.cfg.

Pure and without secrets. views/__init__.py imports it, and the views of the roles that the gate stands before.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.client import USER_AGENT
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import former, reach, readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate_config as haproxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import vllm_networks
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import (
    LOCKED_DOWN,
    bracketed,
    directory,
    mount,
    secret_folders,
)

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Said = t.Mapping[str, t.Any]

PROJECT = reach.GATE
#: The service's name, and its name in the network of the gateway's containers.
SERVICE = reach.GATE_ALIAS
#: Ports inside the container.
LITELLM_PORT, SERVERS_PORT, METRICS_PORT = 4000, 8443, 8405
#: Port of LiteLLM in its own containers, and the backend of all of them.
LITELLM_CONTAINER_PORT, LITELLM_BACKEND = 4000, "litellm"
LITELLM_PREFIX = "llmfleet-litellm-"
#: Our modules, and browsers that are logged in at the web UI (the cookie of ui_sso.py in LiteLLM).
MANAGE = (f"{{ req.hdr(user-agent) -m str {USER_AGENT} }}", "{ req.cook(token) -m found }")
#: What the release before that had.
LITELLM_FORMER = "litellm"
#: What LiteLLM asks of an instance, and monitoring of the gate. Adapters are loaded by people, not through the gate.
API_PATHS = ("{ path_beg /v1/ } !{ path_beg /v1/load_lora /v1/unload_lora }", "{ path /health }")
#: What runs HAProxy and stops it.
START = ("bash", f"{haproxy.CONFIG}/start.sh")
#: Bash is in HAProxy's image, a program that speaks HTTP is not.
ASK = "exec 3<>/dev/tcp/127.0.0.1/{port} && printf 'GET /health HTTP/1.0\\r\\n\\r\\n' >&3 && read -r line <&3 && [[ $line == *200* ]]"


def look(host: Host) -> dict[str, t.Any]:
    """What host_info is asked for."""
    return {"gate_states": f"{host.variables['llm_project_root']}/gate/state/servers"} if host.is_gateway else {}


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """What leaves is known until it has left: `settled` is without it."""
    return {
        "projects": [project(fleet, host, listens=True)],
        "settled": [project(fleet._replace(leaving=[]), host, listens=True)] if fleet.leaving else [],
        "left": [one["gate"] for one in fleet.leaving if one["gate"]] if host.is_gateway else [],
        "forgotten": forgotten(fleet, host),
        "takes_over": takes_over(host),
        "first": [project(fleet, host, listens=not takes_over(host))],
        "socket": f"{fleet.root}/gate/run/{haproxy.ADMIN_SOCKET}",
        "wait_timeout": int(host.variables["gate_wait_timeout"]),
    }


def forgotten(fleet: Fleet, host: Host) -> list[dict[str, str]]:
    """Servers that the gate was seen to keep from requests, although no person drained them: a run that was cut off had taken the
    requests away, or an instance of that name has left and come back. A backend that holds has all of its servers in this."""
    away = [(one["backend"], one["server"]) for one in host.facts.get("gate_away") or ()]
    holding = {backend for backend, server in away if server == haproxy.HOLD_SERVER}
    drained = _drained(fleet)
    return [
        {"backend": backend.name, "server": server.name}
        for backend in (_backends(fleet._replace(leaving=[]), host) if away else ())
        for server in backend.servers
        if ((backend.name, server.name) in away or backend.name in holding) and server.name not in drained
    ]


def _drained(fleet: Fleet) -> set[str]:
    """By a person, by the names that gates have for them."""
    told = {*readings.drains(fleet.reading)}
    return {one["gate"]["server"] for one in fleet.serving if {one["server"], f"{one['server']}/{one['name']}"} & told}


def takes_over(host: Host) -> str:
    """When LiteLLM, whose container has the port that the gate is to have, gives it up: empty where it has none. `early`,
    before the instances change, where the gate reaches those that run; `late` after those of a layout that no gate knows."""
    port = int(host.variables["litellm_port"])
    boxes = host.facts.get("containers") or []
    holders = [box["project"] for box in boxes if port in box["ports"] and box["name"] != PROJECT]
    if not host.is_gateway:
        return ""
    if any(project.startswith(LITELLM_PREFIX) for project in holders):
        return "early"
    return "late" if LITELLM_FORMER in holders else ""


# ---- the project


def project(fleet: Fleet, host: Host, listens: bool) -> dict[str, t.Any]:
    """One entry of compose_project's list; *listens*: whether it has LiteLLM's port on the host."""
    said = host.variables
    return {
        "name": PROJECT,
        "project_dir": f"{fleet.root}/gate",
        "state": "present",
        "directories": [
            *secret_folders("mounted"),
            directory("config"),
            directory("state"),
            directory("run", "0700", said["gate_uid"], said["gate_gid"]),
        ],
        "files": _files(fleet, host),
        "networks": _made_networks(fleet, host),
        "reload": {SERVICE: {"signal": "USR2", "check": ["haproxy", "-c", "-f", f"{haproxy.CONFIG}/haproxy.cfg"]}},
        "attach": {} if said["vllm_host_network"] else {SERVICE: _instance_networks(fleet, host)},
        "vars": {
            "gate_instance": {
                "compose": compose(fleet, host, listens),
                "config": config(fleet, host),
                "certificate": {"host": host.name, "addresses": [host.address]},
            }
        },
    }


def _files(fleet: Fleet, host: Host) -> list[dict[str, t.Any]]:
    found: list[dict[str, t.Any]] = [
        {"path": "compose.yml", "src": "compose.yml.j2"},
        {"path": "config/haproxy.cfg", "src": "haproxy.cfg.j2", "reload": [SERVICE]},
        {"path": "config/start.sh", "src": "../files/start.sh", "services": [SERVICE]},
    ]
    if serves_others(fleet, host):
        found.append({"path": "config/away.http", "content": haproxy.AWAY, "reload": [SERVICE]})
    if unproven := _unproven(fleet, host):
        found.append({"path": "config/unproven", "content": unproven, "reload": [SERVICE]})
    if fleet.instances:
        found.append(_secret("keys", host.variables))
    if len(fleet.hosts) > 1:
        found += [_secret("host.pem", host.variables), _secret("authority.pem", host.variables)]
    return found


def _unproven(fleet: Fleet, host: Host) -> str:
    """The LiteLLM of other gateways, which would get requests before it was asked how it is, and may not be there yet."""
    servers = [server for server in _litellm(fleet, host).servers if server.backup] if host.is_gateway else []
    rows = [haproxy.unproven(LITELLM_BACKEND, one.name, int(one.address.rpartition(":")[2])) for one in servers]
    return "".join(f"{row}\n" for row in rows)


def _secret(name: str, said: Said) -> dict[str, t.Any]:
    return {
        "path": f"secrets/mounted/{name}",
        "src": f"{name}.j2",
        "secret": True,
        "mode": "0600",
        "owner": str(said["gate_uid"]),
        "group": str(said["gate_gid"]),
        "reload": [SERVICE],
    }


def _made_networks(fleet: Fleet, host: Host) -> list[dict[str, t.Any]]:
    said = host.variables
    if said["vllm_host_network"]:
        return []
    shared = [str(said["vllm_network"])] if said["vllm_network"] and host.is_gpu_server else []
    return [{"name": name} for name in dict.fromkeys([str(said["litellm_network"]), *shared])]


def _instance_networks(fleet: Fleet, host: Host) -> list[str]:
    said = host.variables
    here = [*fleet.instances_on(host.name), *_leaving_on(fleet, host)]
    own = [vllm_networks.network(one, said) for one in here if not one["host_network"]]
    return [name for name in dict.fromkeys(own) if name != said["litellm_network"]]


# ---- the container


def compose(fleet: Fleet, host: Host, listens: bool) -> dict[str, t.Any]:
    """The project's compose file."""
    networks = {"fleet": {"name": str(host.variables["litellm_network"]), "external": True}}
    found = {"name": PROJECT, "services": {SERVICE: service(fleet, host, listens)}}
    return found if host.variables["vllm_host_network"] else {**found, "networks": networks}


def service(fleet: Fleet, host: Host, listens: bool) -> dict[str, t.Any]:
    """By Compose's names."""
    said = host.variables
    files = 4 * int(said["gate_max_connections"]) + 1024
    found: dict[str, t.Any] = {
        "image": str(said["gate_image"]),
        "container_name": PROJECT,
        "labels": {"io.llmfleet.project": PROJECT},
        "restart": "unless-stopped",
        **LOCKED_DOWN,
        "user": f"{said['gate_uid']}:{said['gate_gid']}",
        "read_only": True,
        "pids_limit": int(said["gate_pids_limit"]),
        "ulimits": {"nofile": {"soft": files, "hard": files}},
        "stop_signal": "SIGUSR1",
        "stop_grace_period": str(said["gate_stop_grace_period"]),
        "entrypoint": list(START),
        "command": command(haproxy.MEMORY),
        "volumes": [
            mount("./config", haproxy.CONFIG),
            mount("./secrets/mounted", haproxy.SECRETS),
            mount("./state", haproxy.STATE),
            mount("./run", haproxy.RUN, False),
        ],
        "healthcheck": _healthcheck(said),
        **_connection(fleet, host, listens),
    }
    if said["gate_memory_limit"]:
        found["mem_limit"] = str(said["gate_memory_limit"])
    return found


def command(folder: str) -> list[str]:
    """Of HAProxy, with its master's socket; *folder*: of haproxy.cfg."""
    master = f"{haproxy.RUN}/{haproxy.MASTER_SOCKET},mode,600"
    return ["-W", "-db", "-S", master, "-f", f"{folder}/haproxy.cfg"]


def _healthcheck(said: Said) -> dict[str, t.Any]:
    return {
        "test": ["CMD", "bash", "-c", ASK.format(port=_metrics_port(said))],
        "interval": "10s",
        "timeout": "5s",
        "retries": 3,
        "start_period": "30s",
        "start_interval": "1s",
    }


def _metrics_port(said: Said) -> int:
    return int(said["gate_metrics_port"]) if said["vllm_host_network"] else METRICS_PORT


def _connection(fleet: Fleet, host: Host, listens: bool) -> dict[str, t.Any]:
    said = host.variables
    if said["vllm_host_network"]:
        return {"network_mode": "host"}
    ports = [f"{bracketed(said['gate_metrics_address'])}:{said['gate_metrics_port']}:{METRICS_PORT}"]
    if serves_others(fleet, host):
        ports.append(f"{bracketed(host.address)}:{said['gate_port']}:{SERVERS_PORT}")
    if host.is_gateway and listens:
        ports.append(f"{bracketed(litellm_address(host))}:{said['litellm_port']}:{LITELLM_PORT}")
    return {"networks": {"fleet": {"aliases": [SERVICE]}}, "ports": ports}


def litellm_address(host: Host) -> str:
    """Where LiteLLM is open on its host. Behind an edge only for the host itself."""
    return "127.0.0.1" if host.variables["llm_domain"] else str(host.variables["litellm_publish_address"])


def serves_others(fleet: Fleet, host: Host) -> bool:
    """Whether the gate of another host comes here: for instances, and for LiteLLM where that host's is away."""
    others = any(name != host.name for name in fleet.gateways)
    return others and bool(fleet.instances_on(host.name) or _leaving_on(fleet, host) or host.is_gateway)


# ---- haproxy.cfg


def config(fleet: Fleet, host: Host) -> str:
    said = host.variables
    docker = not said["vllm_host_network"]
    limits = haproxy.Limits(
        int(said["litellm_request_timeout"]), int(said["gate_queue_timeout"]), int(said["gate_max_connections"])
    )
    sections = [haproxy.overall(limits), haproxy.defaults(limits)]
    sections += [haproxy.resolvers()] if docker else []
    sections += [*_frontends(fleet, host), haproxy.unknown()]
    by_prefix = said["gate_balance"] == "prefix" and host.is_gateway and fleet.instances
    sections += haproxy.counted() if by_prefix else []
    sections += [haproxy.backend(one, docker) for one in _backends(fleet, host)]
    return haproxy.render(sections)


def _frontends(fleet: Fleet, host: Host) -> list[haproxy.Section]:
    said = host.variables
    on_address = bool(said["vllm_host_network"])
    where = bracketed(said["gate_metrics_address"]) if on_address else ""
    networks = [str(one) for one in said["gate_metrics_networks"]]
    found = [haproxy.metrics(f"{where}:{_metrics_port(said)}", networks, not on_address)]
    if host.is_gateway:
        found.append(haproxy.entrance("litellm", f":{LITELLM_PORT}", LITELLM_BACKEND))
    if host.is_gateway and fleet.instances:
        found.append(haproxy.models(f":{reach.MODELS_PORT}", said["gate_balance"] == "prefix"))
    if serves_others(fleet, host):
        bind = f"{bracketed(host.address)}:{said['gate_port']}" if on_address else f":{SERVERS_PORT}"
        found.append(haproxy.servers(bind))
    return found


def _backends(fleet: Fleet, host: Host) -> list[haproxy.Backend]:
    found = []
    if host.is_gateway:
        found = [_litellm(fleet, host), *_models(fleet, host)]
    for one in (one for one in _known(fleet) if one["server"] == host.name):
        server = haproxy.Server(one["gate"]["server"], _near(one))
        name = one["gate"]["server"]
        found.append(haproxy.Backend(f"metrics-{name}", [server], ""))
        if serves_others(fleet, host):
            found.append(haproxy.Backend(f"local-{name}", [server], "/health", paths=API_PATHS, away=True))
    if host.is_gateway and serves_others(fleet, host):
        own = haproxy.Backend(f"local-{_litellm_name(host.name)}", _own_litellm(fleet, host), "/health/liveliness")
        found.append(own)
    return found


def _litellm(fleet: Fleet, host: Host) -> haproxy.Backend:
    """Its own, and those of the other gateways for when none of them answers.

    Each process has its own copy of credentials, prompts and some more, which it makes anew every half minute
    (proxy_config_reload_interval_seconds): who writes them and looks afterwards has to meet one and the same.
    """
    others = [fleet.hosts[name] for name in fleet.gateways if name != host.name]
    backup = [_far(_litellm_name(one.name), one)._replace(backup=True) for one in others]
    servers = [*_own_litellm(fleet, host), *backup]
    return haproxy.Backend(LITELLM_BACKEND, servers, "/health/liveliness", hold=True, first_for=MANAGE)


def _litellm_name(host: str) -> str:
    """Of the LiteLLM of another gateway as a whole: no instance of vLLM has a colon in its name."""
    return f"{reach.server_name(host, '')}:litellm"


def _own_litellm(fleet: Fleet, host: Host) -> list[haproxy.Server]:
    numbers = range(1, fleet.litellm[host.name] + 1)
    return [haproxy.Server(str(one), f"{LITELLM_PREFIX}{one}:{LITELLM_CONTAINER_PORT}") for one in numbers]


def _known(fleet: Fleet) -> list[dict[str, t.Any]]:
    """What has an API, also what is about to leave."""
    return [*fleet.serving, *(one for one in fleet.leaving if not one["rank"])]


def _leaving_on(fleet: Fleet, host: Host) -> list[dict[str, t.Any]]:
    return [one for one in fleet.leaving if one["server"] == host.name]


def _models(fleet: Fleet, host: Host) -> list[haproxy.Backend]:
    by_backend: dict[str, list[haproxy.Server]] = {}
    for one in _known(fleet):
        by_backend.setdefault(one["gate"]["backend"], []).append(_replica(one, fleet, host))
    for name, model in former.backends(fleet.instances, fleet.leaving).items():
        by_backend[name] += [_replica(one, fleet, host) for one in fleet.serving if one["model_name"] == model]
    return [_model(name, servers, host.variables) for name, servers in by_backend.items()]


def _model(name: str, servers: list[haproxy.Server], said: Said) -> haproxy.Backend:
    limited = any(server.maxconn for server in servers)
    return haproxy.Backend(
        name=name,
        servers=servers,
        check="/health",
        balance=str(said["gate_balance"]),
        paths=API_PATHS,
        stripped=True,
        hold=True,
        asks_again=True,
        queue_limit=int(said["gate_queue_limit"]) if limited else 0,
    )


def _replica(one: t.Mapping[str, t.Any], fleet: Fleet, host: Host) -> haproxy.Server:
    """As the gateway reaches it. Each gateway has its part of the limit, rounded up."""
    name = one["gate"]["server"]
    near = one["server"] == host.name
    found = haproxy.Server(name, _near(one)) if near else _far(name, fleet.hosts[one["server"]])
    limit = int(one.get("max_parallel_requests") or 0)
    return found._replace(maxconn=-(-limit // len(fleet.gateways)))


def _near(one: t.Mapping[str, t.Any]) -> str:
    """Where an instance listens, for the gate of its own host."""
    if one["host_network"]:
        return f"{bracketed(one['options']['host'])}:{one['options']['port']}"
    return f"{one['container']}:{reach.CONTAINER_PORT}"


def _far(name: str, host: Host) -> haproxy.Server:
    return haproxy.Server(name, f"{bracketed(host.address)}:{host.variables['gate_port']}", peer=host.name)
