# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves a database from one PostgreSQL in a container to another, through a dump that stays. Also from a lower major release."""

from __future__ import annotations

import json
import os
import subprocess
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import IO, Any, NamedTuple

#: The database that a rehearsal restores into.
SCRATCH = "llmfleet_rehearsal"
MARK = "llmfleet: moved here by adopt_move"
CHUNK = 1024 * 1024
_COUNTS = """
SELECT coalesce(json_object_agg(schemaname || '.' || relname, (xpath('/row/c/text()', query_to_xml(
  format('select count(*) as c from %I.%I', schemaname, relname), false, true, '')))[1]::text::bigint), '{}')
FROM pg_stat_user_tables
"""


class TransferError(Exception):
    """Why a database could not be moved; nothing of it is in the target then."""


class Server(NamedTuple):
    """PostgreSQL in a container, and who asks it."""

    container: str
    user: str
    password: str = ""

    def argv(self, *command: str) -> list[str]:
        """The password goes through the environment of the command, where no list of processes shows it."""
        return ["docker", "exec", "--interactive", "--env", "PGPASSWORD", self.container, *command]

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "LC_ALL": "C", "PGPASSWORD": self.password}


def psql(server: Server, database: str) -> list[str]:
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password", "--set", "ON_ERROR_STOP=1"]
    return server.argv("psql", *options, "--username", server.user, "--dbname", database)


def ask(server: Server, database: str, sql: str, timeout: float = 3600) -> str:
    """The answer to SQL, which goes through standard input."""
    done = subprocess.run(
        psql(server, database),
        input=sql.encode(),
        capture_output=True,
        env=server.environment,
        timeout=timeout,
        check=False,
    )
    if done.returncode:
        raise TransferError(f"{server.container}: {_told(done.stderr)}")
    return done.stdout.decode("utf-8", "replace").strip()


def _told(raw: bytes) -> str:
    """The last lines of an error, which PostgreSQL writes without data of rows but for DETAIL and CONTEXT."""
    lines = [line for line in raw.decode("utf-8", "replace").splitlines() if not line.startswith(("DETAIL", "CONTEXT"))]
    return " / ".join(lines[-3:])[:500] or "failed without a word"


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def identifier(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


# ---- what is there


def major(server: Server, database: str) -> int:
    return int(ask(server, database, "SHOW server_version_num")) // 10000


def size(server: Server, database: str) -> int:
    return int(ask(server, database, "SELECT pg_database_size(current_database())"))


def counts(server: Server, database: str) -> dict[str, int]:
    """Rows of every table."""
    found = json.loads(ask(server, database, _COUNTS))
    return {str(name): int(rows) for name, rows in found.items()}


def mark(server: Server, database: str) -> str:
    sql = f"SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = {literal(database)}"
    return ask(server, "postgres", sql)


def wait(server: Server, seconds: float) -> None:
    """Until it answers: it may have been started just now."""
    deadline = time.monotonic() + seconds
    while subprocess.run(
        server.argv("pg_isready", "--quiet", "--username", server.user),
        env=server.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=60,
        check=False,
    ).returncode:
        if time.monotonic() > deadline:
            raise TransferError(f"{server.container}: PostgreSQL does not answer; see docker logs {server.container}")
        time.sleep(1)


# ---- the dump


def dump(server: Server, database: str, path: str) -> int:
    """Writes it, readable by root only; its bytes."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    aside = f"{path}.new"
    command = ["pg_dump", "--format", "custom", "--no-owner", "--no-acl", "--no-password"]
    with open(aside, "wb", opener=_private) as stream:
        done = subprocess.run(
            server.argv(*command, "--username", server.user, "--dbname", database),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.PIPE,
            env=server.environment,
            check=False,
        )
        os.fsync(stream.fileno())
    if done.returncode:
        os.remove(aside)
        raise TransferError(f"The dump of {database} failed: {_told(done.stderr)}")
    os.replace(aside, path)
    return os.path.getsize(path)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


# ---- into the target


def restore(server: Server, database: str, owner: str, path: str, comment: str) -> None:
    """All of it or nothing: what ends early, also by a killed module, leaves the database as it was."""
    # Without a buffer: pg_restore reads on by the file's own place.
    with open(path, "rb", buffering=0) as stream, _client(server, database) as client:
        try:
            _feed(client, _statements(server, stream, database, owner, comment))
        finally:
            _close(client)
        errors = _pipe(client.stderr).read()
    if client.returncode:
        raise TransferError(f"The dump can't be restored into {database}: {_told(errors)}")


def _client(server: Server, database: str) -> subprocess.Popen[bytes]:
    """psql, which takes SQL from its standard input."""
    return subprocess.Popen(
        psql(server, database),
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=server.environment,
    )


def _statements(server: Server, stream: IO[bytes], database: str, owner: str, comment: str) -> Iterator[bytes]:
    yield f"BEGIN;\nSET ROLE {identifier(owner)};\n".encode()
    yield from _script(server, stream)
    yield f"\nRESET ROLE;\nCOMMENT ON DATABASE {identifier(database)} IS {literal(comment)};\nCOMMIT;\n".encode()


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """One that was asked for is there."""
    if stream is None:
        raise TransferError("A pipe to docker exec is missing")
    return stream


def _feed(client: subprocess.Popen[bytes], parts: Iterator[bytes]) -> None:
    """A client that has met an error reads no more; its own words say why."""
    try:
        for part in parts:
            _pipe(client.stdin).write(part)
    except BrokenPipeError:
        pass


def _close(client: subprocess.Popen[bytes]) -> None:
    try:
        if client.stdin:
            client.stdin.close()
    except BrokenPipeError:
        pass
    client.stdin = None


def _script(server: Server, stream: IO[bytes]) -> Iterator[bytes]:
    """A dump as SQL: pg_restore's form, plain, or either of them compressed by gzip."""
    start = stream.read(5)
    stream.seek(0)
    if start == b"PGDMP":
        yield from _restored(server, stream)
    elif start[:2] == b"\x1f\x8b":
        yield from _unpacked(stream)
    else:
        yield from iter(lambda: stream.read(CHUNK), b"")


def _unpacked(stream: IO[bytes]) -> Iterator[bytes]:
    """Of a packed dump in pg_restore's form nothing can be fed to psql."""
    unpack = zlib.decompressobj(wbits=31)
    first = True
    for part in iter(lambda: stream.read(CHUNK), b""):
        plain = unpack.decompress(part)
        if first and plain.startswith(b"PGDMP"):
            raise TransferError(
                "The dump is packed twice: unpack it (gunzip), pg_dump's custom format is packed itself"
            )
        first = first and not plain
        yield plain
    if not unpack.eof:
        raise TransferError("The dump ends early; make it again")


def _restored(server: Server, stream: IO[bytes]) -> Iterator[bytes]:
    with subprocess.Popen(
        server.argv("pg_restore", "--no-owner", "--no-acl", "--file", "-"),
        stdin=stream,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=server.environment,
    ) as process:
        output = _pipe(process.stdout)
        yield from iter(lambda: output.read(CHUNK), b"")
        errors = _pipe(process.stderr).read()
    if process.returncode:
        raise TransferError(f"The dump can't be read: {_told(errors)}")


def create(server: Server, database: str, owner: str) -> None:
    drop(server, database)
    ask(
        server,
        "postgres",
        f"CREATE DATABASE {identifier(database)} OWNER {identifier(owner)} ENCODING 'UTF8' TEMPLATE template0",
    )


def drop(server: Server, database: str) -> None:
    ask(server, "postgres", f"DROP DATABASE IF EXISTS {identifier(database)} WITH (FORCE)")


def set_aside(server: Server, database: str, name: str) -> None:
    """What nobody may lose gets another name; its clients have been stopped."""
    ask(
        server,
        "postgres",
        f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = {literal(database)};\n"
        f"ALTER DATABASE {identifier(database)} RENAME TO {identifier(name)};",
    )


def differing(first: dict[str, int], second: dict[str, int]) -> Sequence[str]:
    """Tables whose rows are not as many on both sides."""
    names: set[str] = {*first, *second}
    return sorted(name for name in names if first.get(name) != second.get(name))


def summary(found: dict[str, int]) -> dict[str, Any]:
    return {"tables": len(found), "rows": sum(found.values())}
