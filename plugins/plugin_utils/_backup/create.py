# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes a backup: a consistent dump with the counts of the same snapshot, read through, packed, read back, and only then named."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time
import typing as t

from . import archive, fingerprints, folder, offsite, trial
from .postgres import COUNT, Postgres, counts, told
from .settings import BackupError, Settings

END = "-- end of answers"
#: A migration of LiteLLM locks tables for a while.
LOCK_SECONDS = 120


class Snapshot:
    """A session that holds one state of the database, which pg_dump reads too."""

    def __init__(self, server: Postgres, database: str) -> None:
        self.server, self.database = server, database

    def __enter__(self) -> Snapshot:
        self.session = subprocess.Popen(
            self.server.psql(self.database),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        begin = f"SET lock_timeout = '{LOCK_SECONDS}s';\nBEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;\n"
        self.name = self._ask(f"{begin}SELECT pg_export_snapshot();\n")[0]
        return self

    def _ask(self, text: str) -> list[str]:
        stdin, stdout, stderr = (
            archive.piped(self.session.stdin),
            archive.piped(self.session.stdout),
            archive.piped(self.session.stderr),
        )
        with contextlib.suppress(BrokenPipeError):
            # What psql prints stays in its buffer until it ends; what it gives to a command goes when that ends.
            stdin.write(f"\\o |cat\n{text}\\qecho '{END}'\n\\o\n")
            stdin.flush()
        lines: list[str] = []
        for line in stdout:
            if line.rstrip("\n") == END:
                return lines
            lines.append(line.rstrip("\n"))
        raise BackupError(f"{self.server.container}: {told(stderr.read())}")

    def rows(self) -> dict[str, int]:
        return counts(self._ask(COUNT))

    def __exit__(self, *_error: t.Any) -> None:
        """Without its input psql ends; without its client it would stay in the container."""
        try:
            self.session.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.session.kill()
            self.session.communicate()


def dump(server: Postgres, snapshot: Snapshot, path: str) -> None:
    argv = [
        "--username",
        "postgres",
        "--format",
        "custom",
        "--snapshot",
        snapshot.name,
        "--lock-wait-timeout",
        f"{LOCK_SECONDS}s",
    ]
    with open(path, "wb") as out:
        done = subprocess.run(
            server.inside("pg_dump", *argv, "--dbname", snapshot.database),
            stdout=out,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode == 0:
            out.flush()
            os.fsync(out.fileno())
    if done.returncode != 0:
        raise BackupError(f"pg_dump failed: {told(done.stderr.decode(errors='replace'))}")


def read_through(server: Postgres, path: str) -> int:
    """Entries of the dump's list. All its data is read too, since the list alone says nothing of what comes after it."""
    listed = _pg_restore(server, path, "--list")
    _pg_restore(server, path, "--file", "/dev/null")
    return sum(1 for line in listed.splitlines() if line and not line.startswith(b";"))


def _pg_restore(server: Postgres, path: str, *options: str) -> bytes:
    with open(path, "rb") as handle:
        done = subprocess.run(server.inside("pg_restore", *options), stdin=handle, capture_output=True, check=False)
    if done.returncode != 0:
        raise BackupError(f"pg_restore can't read the dump: {told(done.stderr.decode(errors='replace'))}")
    return done.stdout


def create(settings: Settings, reason: str, tried: bool = False, keep_all: bool = False) -> dict[str, t.Any]:
    """A backup; with *tried* it is restored into a server of its own as well, from the archive that is kept."""
    began, server = time.monotonic(), Postgres(settings.container)
    server.state()
    last = folder.backups(settings.directory)
    size = server.size(settings.database)
    folder.need(settings, settings.directory, folder.room_for_backup(last, size), "A backup")
    moment = folder.now()
    name = f"llmfleet-{folder.stamp(moment)}.tar" + (".age" if settings.recipients else "")
    if any(one.name == name for one in last):
        raise BackupError(f"{name} was made in this very second. Run this again.")
    with folder.Workplace(settings.directory) as workplace:
        manifest = _parts(
            settings, server, workplace, {"created": folder.iso(moment), "reason": reason, "database_bytes": size}
        )
        said = _packed(settings, workplace, name, manifest, tried)
        said["seconds"] = round(time.monotonic() - began, 1)
        folder.write_json(os.path.join(settings.directory, f"{name}.json"), said)
        os.replace(os.path.join(workplace, name), os.path.join(settings.directory, name))
    removed = [] if keep_all else folder.prune(settings, moment)
    return {
        "file": os.path.join(settings.directory, name),
        "removed": removed,
        "offsite": offsite.copy(settings),
        **said,
        "rows": sum(said["rows"].values()),
    }


def _parts(settings: Settings, server: Postgres, workplace: str, head: dict[str, t.Any]) -> dict[str, t.Any]:
    """Writes them, and says what is in them."""
    path = os.path.join(workplace, archive.DUMP)
    with Snapshot(server, settings.database) as snapshot:
        dump(server, snapshot, path)
        rows = snapshot.rows()
    entries = read_through(server, path)
    files = archive.pack_certificates(settings.certificates, os.path.join(workplace, archive.CERTIFICATES))
    with contextlib.suppress(FileNotFoundError):
        shutil.copyfile(settings.declaration, os.path.join(workplace, archive.DECLARATION))
    there = [
        name
        for name in (archive.DECLARATION, archive.CERTIFICATES, archive.DUMP)
        if os.path.exists(os.path.join(workplace, name))
    ]
    return {
        "format": archive.FORMAT,
        **head,
        "database": settings.database,
        "versions": {**settings.versions, "postgres": server.version()},
        "migrations": server.migrations(settings.database),
        "rows": rows,
        "entries": entries,
        "certificates": files,
        "fingerprints": fingerprints.fingerprints(fingerprints.read_environment(settings.environment)),
        "parts": {name: archive.part(os.path.join(workplace, name)) for name in there},
    }


def _packed(settings: Settings, workplace: str, name: str, manifest: dict[str, t.Any], tried: bool) -> dict[str, t.Any]:
    """Writes the archive and reads it back; what stands beside it in the folder."""
    target = os.path.join(workplace, name)
    key = archive.ephemeral() if settings.recipients else archive.Ephemeral("", "")
    archive.write(workplace, manifest, [*settings.recipients, key.recipient] if settings.recipients else [], target)
    os.unlink(os.path.join(workplace, archive.DUMP))
    archive.unpack(target, key.identity, None)
    tested = trial.run(settings, target, key.identity) if tried else None
    told = {key: manifest[key] for key in ("created", "reason", "versions", "rows", "database_bytes")}
    return {**told, "bytes": os.path.getsize(target), "sha256": archive.sha256(target), "restore_test": tested}
