# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A PostgreSQL of its own beside the running one, for a copy of the database that is thrown away."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
import typing as t

from .postgres import Postgres
from .postgres import run as command
from .settings import BackupError, Settings

DATA = "/var/lib/postgresql/data"
#: Nothing of it has to survive, and the fleet goes before it.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "wal_level=minimal", "max_wal_senders=0")
#: Seconds for a new cluster: it has the lowest share of the processor.
READY = 900
#: Indexes are built anew and there is a log, but nothing is bloated.
ROOM = 1.2
NO_NETWORK = "none"
#: What would turn a terminal's colours or move its cursor. This program has no collection beside it.
CONTROL = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Cluster(t.NamedTuple):
    """Where one is, and of which image: that of the running one, unless another is given."""

    container: str
    place: str
    image: str = ""
    network: str = NO_NETWORK


@contextlib.contextmanager
def started(settings: Settings, cluster: Cluster) -> t.Iterator[Postgres]:
    """An empty one that answers, gone at the end with all that was in it."""
    remove(cluster.container)
    shutil.rmtree(cluster.place, ignore_errors=True)
    for name in ("data", "password"):
        os.makedirs(os.path.join(cluster.place, name), mode=0o700)
        os.chown(os.path.join(cluster.place, name), settings.uid, settings.gid)
    try:
        command(_start(settings, cluster))
        server = Postgres(cluster.container)
        _await(server)
        yield server
    finally:
        remove(cluster.container)
        shutil.rmtree(cluster.place, ignore_errors=True)


def _start(settings: Settings, cluster: Cluster) -> list[str]:
    """Who comes by a network needs a password; the socket is for whoever is in the container."""
    path = os.path.join(cluster.place, "password", "superuser")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as stream:
        stream.write(secrets.token_hex(24))
    os.chown(path, settings.uid, settings.gid)
    image = cluster.image or str(Postgres(settings.container).state()["Image"])
    listens = "" if cluster.network == NO_NETWORK else "*"
    owner = f"uid={settings.uid},gid={settings.gid},mode=0755"
    return [
        *("docker", "run", "--detach", "--name", cluster.container, "--label", "io.llmfleet.backup=trial"),
        *("--network", cluster.network, "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--read-only"),
        *("--user", f"{settings.uid}:{settings.gid}", "--cpu-shares", "512", "--shm-size", "256m"),
        *("--tmpfs", "/tmp", "--tmpfs", f"/var/run/postgresql:{owner}"),
        *("--volume", f"{cluster.place}/data:{DATA}", "--volume", f"{cluster.place}/password:/run/llmfleet:ro"),
        *("--env", f"PGDATA={DATA}/pgdata", "--env", "POSTGRES_HOST_AUTH_METHOD=scram-sha-256"),
        *("--env", "POSTGRES_PASSWORD_FILE=/run/llmfleet/superuser"),
        *(image, "postgres", *(word for setting in (*FAST, f"listen_addresses={listens}") for word in ("-c", setting))),
    ]


def _await(server: Postgres) -> None:
    deadline = time.monotonic() + READY
    while not _ready(server):
        if time.monotonic() > deadline or not running(server.container):
            raise BackupError(f"A PostgreSQL for a copy of the database does not start: {log(server.container)}")
        time.sleep(0.5)


def _ready(server: Postgres) -> bool:
    """While a new cluster is made, a server for the scripts of the image answers too, and goes again."""
    with contextlib.suppress(BackupError):
        command(
            server.inside("sh", "-c", '[ "$(cat /proc/1/comm)" = postgres ] && pg_isready --quiet --username postgres')
        )
        return True
    return False


def running(container: str) -> bool:
    with contextlib.suppress(BackupError):
        return command(["docker", "inspect", "--format", "{{.State.Running}}", container]).strip() == "true"
    return False


def log(container: str, lines: int = 5) -> str:
    """Its last lines, of both streams in their order."""
    script = 'exec docker logs --tail "$1" "$2" 2>&1'
    with contextlib.suppress(BackupError):
        said = command(["sh", "-c", script, "sh", str(lines), container])
        return CONTROL.sub("", said).strip() or "its log is empty"
    return "its log can't be read"


def remove(container: str) -> None:
    with contextlib.suppress(BackupError):
        command(["docker", "rm", "--force", "--volumes", container])
