# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a backup into a PostgreSQL of its own, counts, and throws that away: the restore test."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
import typing as t

from . import archive, folder, restore
from .postgres import Postgres, compare, identifier
from .postgres import run as command
from .settings import BackupError, Settings

CONTAINER = "llmfleet-backup-trial"
DATA = "/var/lib/postgresql/data"
#: Nothing of it has to survive, and the fleet goes before it.
FAST = (
    "fsync=off",
    "full_page_writes=off",
    "synchronous_commit=off",
    "wal_level=minimal",
    "max_wal_senders=0",
    "listen_addresses=",
)
#: Seconds for a new cluster: the restore test has the lowest share of the processor.
READY = 900
#: Indexes are built anew and there is a log, but nothing is bloated.
ROOM = 1.2


def run(settings: Settings, path: str, identity: str) -> dict[str, t.Any]:
    """What was seen. BackupError where rows are missing."""
    began = time.monotonic()
    place = os.path.join(settings.directory, folder.TRIAL)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(os.path.join(place, "data"), mode=0o700)
    os.chown(os.path.join(place, "data"), settings.uid, settings.gid)
    try:
        manifest = archive.unpack(path, identity, place)
        folder.need(settings, place, int(manifest["database_bytes"] * ROOM), "The restore test")
        server = _started(settings, place)
        server.sql(f"CREATE ROLE {identifier(settings.user)} LOGIN;\n")
        restore.load(server, settings, os.path.join(place, archive.DUMP), settings.database)
        compare(manifest["rows"], server.rows(settings.database))
    finally:
        _remove()
        shutil.rmtree(place, ignore_errors=True)
    return {
        "at": folder.iso(folder.now()),
        "seconds": round(time.monotonic() - began, 1),
        "rows": sum(manifest["rows"].values()),
    }


def _started(settings: Settings, place: str) -> Postgres:
    _remove()
    image = Postgres(settings.container).state()["Image"]
    owner = f"uid={settings.uid},gid={settings.gid},mode=0755"
    command(
        [
            *("docker", "run", "--detach", "--name", CONTAINER, "--label", "io.llmfleet.backup=trial"),
            *("--network", "none", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--read-only"),
            *("--user", f"{settings.uid}:{settings.gid}", "--cpu-shares", "512", "--shm-size", "256m"),
            *("--tmpfs", "/tmp", "--tmpfs", f"/var/run/postgresql:{owner}"),
            *(
                "--volume",
                f"{place}/data:{DATA}",
                "--env",
                f"PGDATA={DATA}/pgdata",
                "--env",
                "POSTGRES_HOST_AUTH_METHOD=trust",
            ),
            *(image, "postgres", *(word for setting in FAST for word in ("-c", setting))),
        ]
    )
    server, deadline = Postgres(CONTAINER), time.monotonic() + READY
    while not _ready(server):
        if time.monotonic() > deadline:
            raise BackupError(f"The server of the restore test did not start within {READY} s: {_log()}")
        time.sleep(0.5)
    return server


def _ready(server: Postgres) -> bool:
    """While a new cluster is made, a server for the scripts of the image answers too, and goes again."""
    with contextlib.suppress(BackupError):
        command(
            server.inside("sh", "-c", '[ "$(cat /proc/1/comm)" = postgres ] && pg_isready --quiet --username postgres')
        )
        return True
    return False


def _log() -> str:
    with contextlib.suppress(BackupError):
        return command(["docker", "logs", "--tail", "5", CONTAINER]).strip()
    return "its log can't be read"


def _remove() -> None:
    with contextlib.suppress(BackupError):
        command(["docker", "rm", "--force", "--volumes", CONTAINER])
