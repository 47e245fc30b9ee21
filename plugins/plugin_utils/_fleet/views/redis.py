# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role redis reads: the Compose project of Redis and its settings; and where each gateway finds it.

Pure and without secrets. Only _fleet/views/__init__.py and the views of LiteLLM import it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import deployed_redis
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import (
    LOCKED_DOWN,
    bracketed,
    mount,
    secret_folders,
)

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Said = t.Mapping[str, t.Any]

PROJECT = "llmfleet-redis"
#: The service's name, and so its name in the network.
SERVICE = "redis"
#: Port inside the container.
CONTAINER_PORT = 6379
#: Says that the server takes the password that LiteLLM has; the password is in no argument.
PROBE = 'REDISCLI_AUTH="$(head -n 1 /run/llmfleet/passwords)" redis-cli ping | grep -qx PONG'
#: Has the server read its users again. It knows the passwords of the file before, so each that is known is tried.
LOAD_USERS = """while read -r password; do
  REDISCLI_AUTH="$password" redis-cli acl load 2>/dev/null | grep -qx OK && exit 0
done < /run/llmfleet/passwords
echo "Redis has another password than redis_password and redis_previous_password" >&2
exit 1
"""


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    present = deployed_redis(host)
    found = project(fleet, host) if present else {"name": PROJECT, "project_dir": _folder(fleet), "state": "absent"}
    return {"projects": [found], "present": present, "wait_timeout": int(host.variables["redis_wait_timeout"])}


def _folder(fleet: Fleet) -> str:
    return f"{fleet.root}/redis"


def project(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    said = host.variables
    return {
        "name": PROJECT,
        "project_dir": _folder(fleet),
        "state": "present",
        "directories": secret_folders("mounted"),
        "files": _files(said),
        # Another password is no reason to forget what was counted.
        "reload": {SERVICE: {"command": ["sh", "-c", LOAD_USERS]}},
        "networks": [{"name": str(said["redis_network"]), "internal": True}],
        "vars": {
            "redis_instance": {
                "compose": {"name": PROJECT, "services": {SERVICE: service(said)}, "networks": _networks(said)},
                "settings": settings(said),
            }
        },
    }


def _files(said: Said) -> list[dict[str, t.Any]]:
    owner = {"owner": str(said["redis_uid"]), "group": str(said["redis_gid"])}
    secret = {"secret": True, "mode": "0600", **owner, "reload": [SERVICE]}
    return [
        {"path": "compose.yml", "src": "compose.yml.j2"},
        {"path": "redis.conf", "src": "redis.conf.j2", "services": [SERVICE]},
        {"path": "secrets/mounted/users.acl", "src": "users.acl.j2", **secret},
        {"path": "secrets/mounted/passwords", "src": "passwords.j2", **secret},
    ]


def settings(said: Said) -> dict[str, str]:
    """For redis.conf. What redis_settings says wins.

    Nothing is kept on disk: windows of limits last a minute, LiteLLM reads spend from its database where Redis has none, and
    what it caches is there again with the next request.
    """
    found = {
        "aclfile": "/run/llmfleet/users.acl",
        "appendonly": "no",
        "dir": "/tmp",
        "maxmemory": said["redis_maxmemory"],
        # A counter that is evicted would be a limit that begins anew.
        "maxmemory-policy": "noeviction",
        "save": '""',
        "tcp-keepalive": 60,
        **said["redis_settings"],
    }
    return {str(name): _written(value) for name, value in sorted(found.items())}


def _written(value: t.Any) -> str:
    """As Redis writes it: Python's True is yes."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


# ---- the container


def service(said: Said) -> dict[str, t.Any]:
    """By Compose's names. The image's own entry point is passed over: it loads modules that nobody asks for."""
    found: dict[str, t.Any] = {
        "image": str(said["redis_image"]),
        "container_name": PROJECT,
        "labels": {"io.llmfleet.project": PROJECT},
        "restart": "unless-stopped",
        **LOCKED_DOWN,
        "user": f"{said['redis_uid']}:{said['redis_gid']}",
        "read_only": True,
        # The image declares /data a volume: without a mount there Docker makes one that nobody names, each time anew.
        "tmpfs": ["/tmp:mode=1777,size=16m", "/data:mode=0700,size=1m"],
        "pids_limit": 64,
        "mem_limit": str(said["redis_memory_limit"]),
        "stop_grace_period": str(said["redis_stop_grace_period"]),
        "entrypoint": ["redis-server", "/etc/llmfleet/redis.conf"],
        "volumes": [
            mount("./secrets/mounted", "/run/llmfleet"),
            mount("./redis.conf", "/etc/llmfleet/redis.conf"),
        ],
        "networks": list(_networks(said)),
        "healthcheck": {
            "test": ["CMD-SHELL", PROBE],
            "interval": "10s",
            "timeout": "5s",
            "retries": 3,
            "start_period": "60s",
            "start_interval": "1s",
        },
    }
    if said["redis_publish_address"]:
        found["ports"] = [f"{bracketed(said['redis_publish_address'])}:{said['redis_port']}:{CONTAINER_PORT}"]
    return found


def _networks(said: Said) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {"redis": {"name": str(said["redis_network"]), "external": True}}
    if said["redis_publish_address"]:
        # Docker publishes no port of a container that is only in internal networks.
        found["published"] = {}
    return found


# ---- where it is


class Where(t.NamedTuple):
    """How a gateway's LiteLLM reaches Redis; a network only where it is a container of the same host."""

    host: str
    port: int
    ssl: bool
    network: str


def where(fleet: Fleet, host: Host) -> Where | None:
    """None where one process counts alone."""
    said = host.variables
    if said["redis_mode"] == "external":
        return Where(str(said["redis_host"]), int(said["redis_port"]), bool(said["redis_ssl"]), "")
    if host.litellm_processes < 2:
        return None
    if host.name == fleet.gateways[0]:
        return Where(SERVICE, CONTAINER_PORT, False, str(said["redis_network"]))
    first = fleet.hosts[fleet.gateways[0]].variables
    return Where(str(first["redis_publish_address"]), int(first["redis_port"]), False, "")
