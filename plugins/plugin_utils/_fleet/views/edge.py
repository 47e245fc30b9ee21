# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role edge reads: the Compose projects of the edge, and where its certificate comes from. Two containers of Caddy, of which one
serves while the other is replaced, stand behind an entrance that has the ports (edge_entrance.py).

Pure and without secrets. Only _fleet/views/__init__.py imports it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge_config as caddy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge_entrance as entrance
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import (
    LOCKED_DOWN,
    bracketed,
    directory,
    duration,
    mount,
    secret_folders,
)

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Said = t.Mapping[str, t.Any]

#: Of each of the two; the entrance has a name instead of a number. The release before had one project, by the name without either.
PREFIX = entrance.PREFIX
#: The service's name.
SERVICE = "edge"
CONFIG = "/etc/caddy/caddy.json"
#: Where a certificate comes from that is no authority's by ACME.
CONTROLLER, ON_HOST, AUTHORITY = "controller", "host", "authority"
STATUS = f"http://{caddy.CONTAINER.status}"


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """The entrance comes last: it takes the ports over when there is somebody behind it."""
    said = host.variables
    found: dict[str, t.Any] = {"wait_timeout": seconds(said), "read_on_host": [], "socket": entrance.socket(said)}
    found |= {"entrance_runs": entrance.running(host) is not None, "servers": {}}
    if not said["llm_domain"]:
        return {**found, "projects": _gone(said)}
    if source(said) == ON_HOST:
        found["read_on_host"] = [str(said["edge_certificate_file"]), str(said["edge_certificate_key_file"])]
    both = [project(number, fleet, host) for number in entrance.NUMBERS]
    found["servers"] = {f"{PREFIX}{number}": entrance.servers(number) for number in entrance.NUMBERS}
    return {**found, "projects": [*both, entrance.project(host)], "url": url(said)}


def _gone(said: Said) -> list[dict[str, t.Any]]:
    """The entrance first, as nobody is to come in."""
    root = str(said["edge_project_dir"])
    parts = ["entrance", *map(str, entrance.NUMBERS)]
    found = [{"name": f"{PREFIX}{part}", "project_dir": f"{root}/{part}", "state": "absent"} for part in parts]
    return [*found, {"name": entrance.FORMER, "project_dir": root, "state": "absent"}]


def seconds(said: Said) -> int:
    """To wait for a container, whose former one may have to wait for its requests."""
    return int(said["edge_wait_timeout"]) + duration(str(said["edge_stop_grace_period"]))


def url(said: Said) -> str:
    """Where users find the API."""
    port = "" if said["edge_https_port"] == 443 else f":{said['edge_https_port']}"
    return f"https://{bracketed(said['llm_domain'])}{port}"


def source(said: Said) -> str:
    """Where the certificate comes from; empty where Caddy gets it by itself."""
    kind = caddy.certificates(said)
    if kind == caddy.INTERNAL:
        return AUTHORITY
    if kind == caddy.FILES:
        return ON_HOST if said["edge_certificate_on_host"] else CONTROLLER
    return ""


def project(number: int, fleet: Fleet, host: Host) -> dict[str, t.Any]:
    said = host.variables
    owner, root = (said["edge_uid"], said["edge_gid"]), str(said["edge_project_dir"])
    return {
        "name": f"{PREFIX}{number}",
        "project_dir": f"{root}/{number}",
        "state": "present",
        # Only root may enter: a mount doesn't need its parents, and another program with the number of Caddy's user gets no further.
        "directories": [
            directory(root, "0700"),
            directory(".", "0700"),
            directory("config"),
            directory(data(said), "0700", *owner),
            *secret_folders("mounted"),
        ],
        "files": _files(said),
        "networks": [{"name": str(said["litellm_network"])}],
        "hooks": _hooks(number, said),
        "vars": {
            "edge_instance": {
                "compose": compose(number, said),
                "config": caddy.configuration(said, peers(fleet, host)),
                "certificate": source(said),
                "names": caddy.names(said),
            }
        },
    }


def data(said: Said) -> str:
    """Caddy's own, its certificates for instance; one for both."""
    return f"{said['edge_project_dir']}/data"


def peers(fleet: Fleet, host: Host) -> list[str]:
    """The other gateways' edges, as this one reaches them without TLS."""
    others = [fleet.hosts[name] for name in fleet.gateways if name != host.name]
    return [
        f"{bracketed(other.address)}:{other.variables['edge_http_port']}"
        for other in others
        if other.address and other.variables["llm_domain"]
    ]


# ---- files


def _files(said: Said) -> list[dict[str, t.Any]]:
    """What changes makes a new container. Caddy could load it too, but closes connections then that have not sent their request yet."""
    new = {"services": [SERVICE]}
    found: list[dict[str, t.Any]] = [
        {"path": "compose.yml", "src": "compose.yml.j2"},
        {"path": "config/caddy.json", "src": "caddy.json.j2", **new},
    ]
    if caddy.certificates(said) == caddy.ACME and said["edge_acme_ca_file"]:
        found.append({"path": "config/acme-roots.pem", "src": "acme-roots.pem.j2", **new})
    if source(said):
        found += [_secret(name, said) for name in ("certificate.pem", "key.pem")]
    return found


def _secret(name: str, said: Said) -> dict[str, t.Any]:
    return {
        "path": f"secrets/mounted/{name}",
        "src": f"{name}.j2",
        "secret": True,
        "mode": "0600",
        "owner": str(said["edge_uid"]),
        "group": str(said["edge_gid"]),
        "services": [SERVICE],
    }


def _hooks(number: int, said: Said) -> list[dict[str, t.Any]]:
    question = ["wget", "-q", "-T", "60", "-O", "-", f"{STATUS}/upstream"]
    found = [
        {
            "service": SERVICE,
            "description": "the edge reaches LiteLLM",
            "command": question,
            "check_command": question,
        }
    ]
    if caddy.certificates(said) == caddy.ACME:
        found.append(_certificate_hook(number, said))
    return found


def _certificate_hook(number: int, said: Said) -> dict[str, t.Any]:
    limit = int(said["edge_certificate_timeout"])
    files = " ".join(f"{caddy.CONTAINER.data}/certificates/*/{name}/{name}.crt" for name in caddy.names(said))
    missing = f'[ "$(ls {files} 2>/dev/null | wc -l)" -lt {len(caddy.names(said))} ]'
    told = (
        f"There is no certificate yet. The authority has to reach {' and '.join(caddy.names(said))} here, on port"
        f" {said['edge_http_port']} or {said['edge_https_port']}; docker logs {PREFIX}{number} says what it answered"
    )
    script = (
        f"n=0; while {missing}; do n=$((n+1)); [ $n -le {limit} ] || {{ echo '{told}' >&2; exit 1; }}; sleep 1; done"
    )
    return {
        "service": SERVICE,
        "description": f"there is a certificate for {', '.join(caddy.names(said))}",
        "command": ["sh", "-c", script],
        "check_command": ["true"],
        "timeout": limit + 30,
    }


# ---- the container


def compose(number: int, said: Said) -> dict[str, t.Any]:
    """The project's compose file."""
    networks = {"fleet": {"name": str(said["litellm_network"]), "external": True}}
    return {"name": f"{PREFIX}{number}", "services": {SERVICE: service(number, said)}, "networks": networks}


def service(number: int, said: Said) -> dict[str, t.Any]:
    """By Compose's names. The entrance alone has ports on the host."""
    found: dict[str, t.Any] = {
        "image": str(said["edge_image"]),
        "container_name": f"{PREFIX}{number}",
        "labels": {"io.llmfleet.project": f"{PREFIX}{number}"},
        "restart": "unless-stopped",
        **LOCKED_DOWN,
        # The image's program asks for it by a file capability and doesn't start where it is out of reach. Nothing needs it.
        "cap_add": ["NET_BIND_SERVICE"],
        "user": f"{said['edge_uid']}:{said['edge_gid']}",
        "read_only": True,
        "tmpfs": [f"/run/caddy:uid={said['edge_uid']},gid={said['edge_gid']},mode=0700"],
        "pids_limit": int(said["edge_pids_limit"]),
        "stop_grace_period": str(said["edge_stop_grace_period"]),
        "command": ["caddy", "run", "--config", CONFIG],
        "environment": {"HOME": "/run/caddy", "XDG_CONFIG_HOME": "/run/caddy", "XDG_DATA_HOME": "/data"},
        "volumes": [
            mount("./config", "/etc/caddy"),
            mount("./secrets/mounted", "/run/llmfleet"),
            mount(data(said), "/data", False),
        ],
        "networks": ["fleet"],
        "healthcheck": {
            "test": ["CMD", "wget", "-q", "-O", "/dev/null", f"{STATUS}/"],
            "interval": "15s",
            "timeout": "5s",
            "retries": 3,
            "start_period": "30s",
            "start_interval": "1s",
        },
    }
    if said["edge_memory_limit"]:
        found["mem_limit"] = str(said["edge_memory_limit"])
    return found
