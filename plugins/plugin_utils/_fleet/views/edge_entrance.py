# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The entrance of the edge: HAProxy has the ports of the host and hands connections, as they are, to one of two containers of Caddy, so
that each of these can be replaced while the other one serves.

Pure and without secrets. Only views/edge.py imports it.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge_config as caddy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate_config as haproxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import (
    LOCKED_DOWN,
    bracketed,
    directory,
    mount,
)

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host

Said = t.Mapping[str, t.Any]

PREFIX, FORMER = "llmfleet-edge-", "llmfleet-edge"
PROJECT, SERVICE = f"{PREFIX}entrance", "entrance"
#: Of the containers of Caddy.
NUMBERS = (1, 2)
HTTP, HTTPS = "http", "https"
#: What Docker says in place of an image whose name another one has now.
NAMELESS = re.compile(r"(sha256:)?[0-9a-f]{12,64}")


def socket(said: Said) -> str:
    return f"{said['edge_project_dir']}/entrance/run/{haproxy.ADMIN_SOCKET}"


def servers(number: int) -> list[dict[str, str]]:
    """By which names the entrance knows a container of Caddy."""
    return [{"backend": name, "server": str(number)} for name in (HTTPS, HTTP)]


def project(host: Host) -> dict[str, t.Any]:
    """One entry of compose_project's list."""
    said = host.variables
    root = str(said["edge_project_dir"])
    return {
        "name": PROJECT,
        "project_dir": f"{root}/entrance",
        "state": "present",
        "directories": [
            directory("."),
            directory("config"),
            directory("state"),
            directory("run", "0700", said["edge_uid"], said["edge_gid"]),
        ],
        "files": [
            {"path": "compose.yml", "src": "compose.yml.j2"},
            {"path": "config/haproxy.cfg", "content": config(said), "reload": [SERVICE]},
        ],
        "networks": [{"name": str(said["litellm_network"])}],
        "reload": {SERVICE: {"signal": "USR2", "check": ["haproxy", "-c", "-f", f"{haproxy.CONFIG}/haproxy.cfg"]}},
        "replaces": [{"project": FORMER, "project_dir": root, "service": "edge"}],
        "vars": {"edge_instance": {"compose": compose(host)}},
    }


# ---- the container


def running(host: Host) -> t.Mapping[str, t.Any] | None:
    """The container that was seen on the host."""
    return next((box for box in host.facts.get("containers") or () if box["name"] == PROJECT), None)


def image(host: Host) -> str:
    """Another one makes a new container, for which nobody listens for a second or two: so what runs stays, until somebody asks for
    another one."""
    said, box = host.variables, running(host) or {}
    kept = "" if NAMELESS.fullmatch(str(box.get("image", ""))) else str(box.get("image", ""))
    return str(said["edge_entrance_image"] or kept or said["gate_image"])


def compose(host: Host) -> dict[str, t.Any]:
    """The project's compose file."""
    networks = {"fleet": {"name": str(host.variables["litellm_network"]), "external": True}}
    return {"name": PROJECT, "services": {SERVICE: service(host)}, "networks": networks}


def service(host: Host) -> dict[str, t.Any]:
    """By Compose's names."""
    said, at = host.variables, caddy.CONTAINER
    files = 4 * int(said["gate_max_connections"]) + 1024
    return {
        "image": image(host),
        "container_name": PROJECT,
        "labels": {"io.llmfleet.project": PROJECT},
        "restart": "unless-stopped",
        **LOCKED_DOWN,
        "user": f"{said['edge_uid']}:{said['edge_gid']}",
        "read_only": True,
        "pids_limit": int(said["edge_pids_limit"]),
        "ulimits": {"nofile": {"soft": files, "hard": files}},
        "stop_signal": "SIGUSR1",
        "stop_grace_period": "30s",
        "entrypoint": ["haproxy"],
        "command": gate.command(haproxy.CONFIG),
        "volumes": [
            mount("./config", haproxy.CONFIG),
            mount("./state", haproxy.STATE),
            mount("./run", haproxy.RUN, False),
        ],
        "networks": ["fleet"],
        "ports": [
            *_published(said, "edge_http_port", at.http_port),
            *_published(said, "edge_https_port", at.https_port),
        ],
        "healthcheck": {
            "test": ["CMD", "bash", "-c", f"exec 3<>/dev/tcp/127.0.0.1/{at.http_port}"],
            "interval": "15s",
            "timeout": "5s",
            "retries": 3,
            "start_period": "30s",
            "start_interval": "1s",
        },
    }


def _published(said: Said, variable: str, inside: int) -> list[str]:
    """Without an address Docker listens on all of them, and on IPv6 where the host has it."""
    addresses = said["edge_publish_addresses"]
    listens = [f"{bracketed(address)}:{said[variable]}:{inside}" for address in addresses]
    return listens or [f"{said[variable]}:{inside}"]


# ---- haproxy.cfg


def config(said: Said) -> str:
    """Connections are taken as they are: TLS is Caddy's, which also closes those that nothing comes over."""
    at = caddy.CONTAINER
    sections = [_overall(said), _defaults(said), haproxy.resolvers()]
    for name, port in ((HTTPS, at.https_port), (HTTP, at.http_port)):
        sections.append([f"frontend {name}", f"bind :{port}", f"default_backend {name}"])
        servers = [_server(number, port, said) for number in NUMBERS]
        sections.append([f"backend {name}", "balance leastconn", *servers, *haproxy.RETRY])
    return haproxy.render(sections) + "\n"


def _overall(said: Said) -> list[str]:
    return [
        "global",
        "log stdout format raw local0",
        f"maxconn {said['gate_max_connections']}",
        f"stats socket {haproxy.RUN}/{haproxy.ADMIN_SOCKET} mode 600 level admin",
        f"server-state-file {haproxy.STATE}/servers",
        f"hard-stop-after {caddy.grace(said)}s",
    ]


def _defaults(said: Said) -> list[str]:
    longest = max(caddy.grace(said), int(said["edge_idle_timeout"])) + caddy.MARGIN
    return [
        "defaults",
        "mode tcp",
        "log global",
        "option dontlog-normal",
        "timeout connect 1s",
        f"timeout client {longest}s",
        f"timeout server {longest}s",
        # Where neither of them takes a connection, clients wait for so many seconds.
        f"retries {said['edge_retry_duration']}",
        "option redispatch 1",
        "load-server-state-from-file global",
        # A packet that is lost is no reason to have nobody, while the other one is away; one that is gone refuses at once.
        "default-server check inter 1s fastinter 200ms downinter 200ms rise 1 fall 3",
    ]


def _server(number: int, port: int, said: Said) -> str:
    """With the client's address before all else, where Caddy can read that."""
    told = " send-proxy-v2 check-send-proxy" if caddy.release(said) >= caddy.PROXY_PROTOCOL else ""
    return f"server {number} {PREFIX}{number}:{port}{told} resolvers docker resolve-prefer ipv4 init-addr none"
