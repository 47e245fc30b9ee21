# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restores a backup into a PostgreSQL of its own, counts, and throws that away: the restore test."""

from __future__ import annotations

import os
import shutil
import time
import typing as t

from . import archive, cluster, folder, restore
from .postgres import compare, identifier
from .settings import Settings

CONTAINER = "llmfleet-backup-trial"


def run(settings: Settings, path: str, identity: str) -> dict[str, t.Any]:
    """What was seen. BackupError where rows are missing."""
    began = time.monotonic()
    place = os.path.join(settings.directory, folder.TRIAL)
    shutil.rmtree(place, ignore_errors=True)
    os.makedirs(place, mode=0o700)
    try:
        manifest = archive.unpack(path, identity, place)
        folder.need(settings, place, int(manifest["database_bytes"] * cluster.ROOM), "The restore test")
        with cluster.started(settings, cluster.Cluster(CONTAINER, os.path.join(place, "cluster"))) as server:
            server.sql(f"CREATE ROLE {identifier(settings.user)} LOGIN;\n")
            restore.load(server, settings, os.path.join(place, archive.DUMP), settings.database)
            compare(manifest["rows"], server.rows(settings.database))
    finally:
        shutil.rmtree(place, ignore_errors=True)
    return {
        "at": folder.iso(folder.now()),
        "seconds": round(time.monotonic() - began, 1),
        "rows": sum(manifest["rows"].values()),
    }
