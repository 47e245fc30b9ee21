# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role postgres reads: the Compose project of the database, its settings, and the names that its SQL quotes.

Pure and without secrets. Only _fleet/views/__init__.py imports it.
"""

from __future__ import annotations

import typing as t

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

PROJECT = "llmfleet-postgres"
#: The service's name, and so its name in the network.
SERVICE = "postgres"
FORMER_PROJECT = "postgres"
#: Port inside the container.
CONTAINER_PORT = 5432
DATA = "/var/lib/postgresql/data"
PSQL = [
    "psql",
    "--username",
    "postgres",
    "--dbname",
    "postgres",
    "--no-psqlrc",
    "--quiet",
    "--tuples-only",
    "--no-align",
]
#: Of a host that nothing is known of.
SMALL_HOST_MB = 2048
#: Processes of the server beside those of its clients.
OWN_PROCESSES = 64


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    found = project(fleet, host)
    return {
        "projects": [found],
        # Once no LiteLLM has the password before any more.
        "settled": [{**found, "hooks": [_hook(host.variables, settled=True)]}],
        "upgrade": _upgrade(host.variables),
        "wait_timeout": int(host.variables["postgres_wait_timeout"]),
    }


def project(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    said = host.variables
    folder = str(said["postgres_project_dir"])
    return {
        "name": PROJECT,
        "project_dir": folder,
        "state": "present",
        "directories": _directories(said),
        "files": _files(said),
        "networks": [{"name": str(said["postgres_network"]), "internal": True}],
        "guards": [_guard(said)],
        "hooks": [_hook(said)],
        "replaces": [{"project": FORMER_PROJECT, "project_dir": folder, "service": SERVICE}],
        "vars": {
            "postgres_instance": {
                "compose": {"name": PROJECT, "services": {SERVICE: service(said)}, "networks": _networks(said)},
                "settings": settings(host),
                "user": {"identifier": identifier(said["postgres_user"]), "literal": literal(said["postgres_user"])},
                "database": {
                    "identifier": identifier(said["postgres_database"]),
                    "literal": literal(said["postgres_database"]),
                },
            }
        },
    }


# ---- files and directories


def _directories(said: Said) -> list[dict[str, t.Any]]:
    """The server's user has a number that the host may have given to another, so the folder is for root alone: a mount
    doesn't need its parents."""
    owner = (said["postgres_uid"], said["postgres_gid"])
    return [directory(".", "0700"), directory("data", "0700", *owner), *secret_folders("mounted")]


def _files(said: Said) -> list[dict[str, t.Any]]:
    secret = {"secret": True, "mode": "0600"}
    owner = {"owner": str(said["postgres_uid"]), "group": str(said["postgres_gid"])}
    return [
        {"path": "compose.yml", "src": "compose.yml.j2"},
        {"path": "postgresql.conf", "src": "postgresql.conf.j2", "services": [SERVICE]},
        {"path": "secrets/mounted/bootstrap_password", "src": "bootstrap_password.j2", **secret, **owner},
        # The hook gets it as its standard input; the container doesn't see the file.
        {"path": "secrets/roles.sql", "src": "roles.sql.j2", **secret},
    ]


def _guard(said: Said) -> dict[str, t.Any]:
    version = str(said["postgres_version"])
    major = _major(said)
    return {
        "path": "data/pgdata/PG_VERSION",
        "equals": major,
        "fail_msg": (
            f"{said['postgres_project_dir']}/data holds a database of PostgreSQL {{found}}, and postgres_version is"
            f" {version}. PostgreSQL {major} can't read it: set postgres_version to a {{found}}.x, or move the database to"
            " the new release with ansible-playbook llmfleet.gateway.postgres_upgrade"
        ),
    }


def _upgrade(said: Said) -> dict[str, t.Any]:
    """What files/upgrade.py is told beside the password."""
    return {
        "folder": str(said["postgres_project_dir"]),
        "major": _major(said),
        "image": str(said["postgres_image"]),
        "network": str(said["postgres_network"]),
        "uid": said["postgres_uid"],
        "gid": said["postgres_gid"],
        "shm_size": str(said["postgres_shm_size"]),
        "user": str(said["postgres_user"]),
        "database": str(said["postgres_database"]),
    }


def _major(said: Said) -> str:
    return str(said["postgres_version"]).split(".", maxsplit=1)[0]


def _hook(said: Said, settled: bool = False) -> dict[str, t.Any]:
    told = [*PSQL, "--variable", f"settled={'on' if settled else 'off'}", "--variable"]
    return {
        "service": SERVICE,
        "description": f"database {said['postgres_database']} and role {said['postgres_user']}",
        "command": [*told, "check=off", "--file", "-"],
        "check_command": [*told, "check=on", "--file", "-"],
        "stdin_file": "secrets/roles.sql",
    }


# ---- settings


def settings(host: Host) -> dict[str, str]:
    """For postgresql.conf. What postgres_settings says wins."""
    said = host.variables
    memory_mb = int(host.facts.get("memory_mb") or SMALL_HOST_MB)
    # A quarter of the memory is the usual advice for a machine of its own; this database is small and shares its host.
    buffers, cache = min(max(memory_mb // 16, 128), 2048), min(max(memory_mb // 4, 256), 16384)
    found = {
        "listen_addresses": "*",
        "max_connections": said["postgres_max_connections"],
        "password_encryption": "scram-sha-256",
        "shared_buffers": said["postgres_shared_buffers"] or f"{buffers}MB",
        "effective_cache_size": said["postgres_effective_cache_size"] or f"{cache}MB",
        "log_timezone": "UTC",
        "timezone": "UTC",
        **said["postgres_settings"],
    }
    return {str(name): literal(_written(value)) for name, value in sorted(found.items())}


def _written(value: t.Any) -> str:
    """As PostgreSQL writes it: Python's True is on."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def identifier(name: t.Any) -> str:
    """A name in SQL, also where it is one of SQL's own words."""
    return '"' + str(name).replace('"', '""') + '"'


def literal(text: t.Any) -> str:
    """A text in SQL and in postgresql.conf."""
    return "'" + str(text).replace("'", "''") + "'"


# ---- the container


def service(said: Said) -> dict[str, t.Any]:
    """By Compose's names."""
    user = f"{said['postgres_uid']}:{said['postgres_gid']}"
    found: dict[str, t.Any] = {
        "image": str(said["postgres_image"]),
        "container_name": PROJECT,
        "labels": {"io.llmfleet.project": PROJECT},
        "restart": "unless-stopped",
        **LOCKED_DOWN,
        "user": user,
        "read_only": True,
        "tmpfs": ["/tmp", f"/var/run/postgresql:uid={said['postgres_uid']},gid={said['postgres_gid']},mode=0755"],
        "pids_limit": 2 * int(said["postgres_max_connections"]) + OWN_PROCESSES,
        "shm_size": str(said["postgres_shm_size"]),
        "stop_grace_period": str(said["postgres_stop_grace_period"]),
        "command": ["postgres", "-c", "config_file=/etc/llmfleet/postgresql.conf"],
        "environment": {
            "PGDATA": f"{DATA}/pgdata",
            "POSTGRES_PASSWORD_FILE": "/run/llmfleet/bootstrap_password",
            "POSTGRES_INITDB_ARGS": "--data-checksums",
        },
        "volumes": [
            mount("./data", DATA, False),
            mount("./secrets/mounted", "/run/llmfleet"),
            mount("./postgresql.conf", "/etc/llmfleet/postgresql.conf"),
        ],
        "networks": list(_networks(said)),
        "healthcheck": {
            "test": ["CMD", "pg_isready", "--quiet", "--username", "postgres", "--host", "127.0.0.1"],
            "interval": "30s",
            "timeout": "5s",
            "retries": 5,
            "start_period": "120s",
            "start_interval": "1s",
        },
    }
    if said["postgres_publish_address"]:
        found["ports"] = [f"{bracketed(said['postgres_publish_address'])}:{said['postgres_port']}:{CONTAINER_PORT}"]
    return found


def _networks(said: Said) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {"database": {"name": str(said["postgres_network"]), "external": True}}
    if said["postgres_publish_address"]:
        # Docker publishes no port of a container that is only in internal networks.
        found["published"] = {}
    return found
