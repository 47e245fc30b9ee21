# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Brings a backup into a database beside the running one, and has the two change places. Nothing is dropped but by its own command.

Databases beside the running one are named after it: NAME_new_TIME while one is loaded, NAME_kept_TIME once it has been replaced.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import time
import typing as t

from . import archive, fingerprints, folder
from .postgres import Postgres, compare, identifier, literal, told
from .settings import BackupError, Settings

#: What a database may take beside its tables while it is loaded.
ROOM = 1.3
NAME_BYTES = 63


def beside(database: str, word: str) -> str:
    """A name for a database that PostgreSQL does not cut."""
    tail = f"_{word}_{folder.stamp(folder.now()).lower()}"
    return database.encode()[: NAME_BYTES - len(tail)].decode(errors="ignore") + tail


def kept(settings: Settings, server: Postgres, word: str = "kept") -> list[str]:
    """Databases that an earlier restore or reset has replaced; or by another word those that were loaded for one."""
    base = beside(settings.database, word).rpartition(f"_{word}_")[0]
    pattern = re.compile(rf"{re.escape(base)}_{word}_\d{{8}}t\d{{6}}z")
    return [name for name in server.databases() if pattern.fullmatch(name)]


def unused(settings: Settings, server: Postgres) -> str:
    """A name for a new database. Those that were loaded and never came into place are dropped: they are copies."""
    for name in kept(settings, server, "new"):
        remove(server, name)
    return beside(settings.database, "new")


# ---- what is refused


def refusals(manifest: t.Mapping[str, t.Any], now: t.Mapping[str, t.Any], other_salt_key: bool) -> list[str]:
    """Why a backup can't be brought back here: what it was made with against what is there now."""
    found = []
    if not now["secrets"]:
        found.append("LiteLLM's secrets are not on this host yet. Run site.yml first, then this again.")
    differing = fingerprints.differing(manifest["fingerprints"], now["secrets"]) if now["secrets"] else []
    if fingerprints.SALT_KEY in differing and not other_salt_key:
        found.append(
            "litellm_salt_key is not the one that this backup was made with, so credentials, models and other values that LiteLLM"
            " encrypted could never be read. Set litellm_salt_key to what it was then (the vault's history), run site.yml, and"
            " restore again. Where that key is lost: -e other_salt_key=yes brings back keys, teams and spend, and what was encrypted"
            " has to be entered again."
        )
    major, there = (_major(text) for text in (manifest["versions"]["postgres"], now["postgres"]))
    if major > there:
        found.append(
            f"The backup is of PostgreSQL {major}, and here is {there}. Set postgres_version to {major} or newer first."
        )
    newer = sorted(set(manifest["migrations"]) - set(now["migrations"])) if now["migrations"] else []
    if newer:
        found.append(
            f"The backup was made by a newer LiteLLM ({manifest['versions'].get('litellm', 'unknown')}): the database here lacks"
            f" {len(newer)} of its migrations, such as {newer[-1]}. Set litellm_version to that release, run site.yml, and restore again."
        )
    return found


def _major(version: str) -> int:
    return int(version.partition(".")[0])


def _now(settings: Settings, server: Postgres) -> dict[str, t.Any]:
    there = settings.database in server.databases()
    return {
        "secrets": fingerprints.read_environment(settings.environment),
        "postgres": server.version(),
        "migrations": server.migrations(settings.database) if there else [],
    }


# ---- loading


def load(server: Postgres, settings: Settings, dump: str, database: str) -> None:
    """A new database from a dump; gone again when that fails."""
    empty(server, settings, database)
    options = ["--username", "postgres", "--dbname", database, "--no-owner", "--no-privileges", "--role", settings.user]
    try:
        with open(dump, "rb") as handle:
            done = subprocess.run(
                server.inside("pg_restore", "--single-transaction", *options),
                stdin=handle,
                capture_output=True,
                check=False,
            )
        if done.returncode != 0:
            raise BackupError(f"pg_restore failed: {told(done.stderr.decode(errors='replace'))}")
        server.sql("ANALYZE;\n", database, 3600)
    except BaseException:
        with contextlib.suppress(BackupError):
            remove(server, database)
        raise


def empty(server: Postgres, settings: Settings, database: str) -> None:
    server.sql(
        f"CREATE DATABASE {identifier(database)} OWNER {identifier(settings.user)} ENCODING 'UTF8' TEMPLATE template0;\n"
    )


def prepare(settings: Settings, name: str, identity: str, other_salt_key: bool) -> dict[str, t.Any]:
    """Judges an archive, loads it beside the running database and counts. The running one is not touched."""
    began, server = time.monotonic(), Postgres(settings.container)
    data = server.state()
    path = name if os.path.isabs(name) else os.path.join(settings.directory, name)
    if not os.path.isfile(path):
        there = ", ".join(one.name for one in folder.backups(settings.directory)[:5])
        raise BackupError(f"There is no backup {path}. The newest are: {there or 'none'}.")
    folder.need(settings, settings.directory, 2 * os.path.getsize(path), "Unpacking the backup")
    with folder.Workplace(settings.directory) as workplace:
        manifest = archive.unpack(path, identity, workplace)
        faults = refusals(manifest, _now(settings, server), other_salt_key)
        if faults:
            raise BackupError("\n".join(faults))
        folder.need(settings, _data_folder(data), int(manifest["database_bytes"] * ROOM), "The database of the backup")
        database = unused(settings, server)
        load(server, settings, os.path.join(workplace, archive.DUMP), database)
        try:
            compare(manifest["rows"], server.rows(database))
        except BackupError:
            remove(server, database)
            raise
        made = archive.restore_certificates(os.path.join(workplace, archive.CERTIFICATES), settings.certificates)
    told = {"created": manifest["created"], "rows": sum(manifest["rows"].values())}
    return {**told, "database": database, "certificates": made, "seconds": round(time.monotonic() - began, 1)}


def _data_folder(container: t.Mapping[str, t.Any]) -> str:
    """Where the server's data is on the host."""
    found = [one["Source"] for one in container.get("Mounts", ()) if "/postgresql" in one["Destination"]]
    return found[0] if found and os.path.isdir(found[0]) else "/"


# ---- changing places


def switch(settings: Settings, database: str) -> dict[str, t.Any]:
    """Puts a database in the place of the running one, which is kept under another name. Both in one transaction."""
    server = Postgres(settings.container)
    there, ours = server.databases(), [*kept(settings, server), *kept(settings, server, "new")]
    if database not in ours:
        raise BackupError(
            f"{database} is no database that was kept, or loaded, to put in its place. There are: {', '.join(ours) or 'none'}."
        )
    aside, name = beside(settings.database, "kept"), settings.database
    moves = [f"ALTER DATABASE {identifier(database)} RENAME TO {identifier(name)};\n"]
    if name in there:
        moves.insert(0, f"ALTER DATABASE {identifier(name)} RENAME TO {identifier(aside)};\n")
    try:
        for one in {name, database} & set(there):
            server.sql(f"ALTER DATABASE {identifier(one)} ALLOW_CONNECTIONS false;\n{_ended(one)}")
        server.sql(f"BEGIN;\n{''.join(moves)}COMMIT;\n")
    finally:
        for one in {name, database, aside} & set(server.databases()):
            server.sql(f"ALTER DATABASE {identifier(one)} ALLOW_CONNECTIONS true;\n")
    return {"database": name, "kept": aside if name in there else ""}


def _ended(database: str) -> str:
    return f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {literal(database)};\n"


def remove(server: Postgres, database: str) -> None:
    server.sql(f"DROP DATABASE IF EXISTS {identifier(database)} WITH (FORCE);\n")


def drop(settings: Settings, database: str) -> dict[str, t.Any]:
    """Only one that was kept."""
    server = Postgres(settings.container)
    found = kept(settings, server)
    if database not in found:
        raise BackupError(f"{database} is no database that was kept. There are: {', '.join(found) or 'none'}.")
    freed = server.size(database)
    remove(server, database)
    return {"dropped": database, "bytes": freed}
