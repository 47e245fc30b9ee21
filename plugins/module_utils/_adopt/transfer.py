# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Moves a database from one PostgreSQL in a container to another, through a dump that stays. Also from a lower major release."""

from __future__ import annotations

import gzip
import json
import os
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from .._host.run import Done, run

#: The database that a rehearsal restores into.
SCRATCH = "llmfleet_rehearsal"
MARK = "llmfleet: moved here by adopt_move"
#: Seconds for what depends on the size of a database.
LONG = 24 * 3600.0
#: What is fed to psql when the dump ends early, so that nothing is committed.
_SPOILT = "DO $$BEGIN RAISE 'the dump can not be read to its end'; END$$;"
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

    def run(self, script: str, command: Sequence[str], timeout: float = LONG, **variables: str) -> Done:
        """A command, which a line of shell gives input and output; what that needs is in variables."""
        environment = {**variables, "PGPASSWORD": self.password}
        return run(["sh", "-c", script, "sh", *command], timeout, environment)


def psql(server: Server, database: str) -> list[str]:
    options = ["--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--no-password", "--set", "ON_ERROR_STOP=1"]
    return server.argv("psql", *options, "--username", server.user, "--dbname", database)


def ask(server: Server, database: str, sql: str) -> str:
    """The answer to SQL, which goes through standard input."""
    done = server.run('printf %s "$SQL" | "$@"', psql(server, database), SQL=sql)
    if done.rc:
        raise TransferError(f"{server.container}: {_told(done.err)}")
    return done.out.strip()


def _told(text: str) -> str:
    """The last lines of an error, without those in which PostgreSQL may show a row."""
    lines = [
        line for line in text.splitlines() if not line.startswith(("DETAIL", "CONTEXT", "LINE ", "STATEMENT", "QUERY"))
    ]
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
    ready = server.argv("pg_isready", "--quiet", "--username", server.user)
    while server.run('"$@"', ready, 60).rc:
        if time.monotonic() > deadline:
            raise TransferError(f"{server.container}: PostgreSQL does not answer; see docker logs {server.container}")
        time.sleep(1)


# ---- the dump


def dump(server: Server, database: str, path: str) -> int:
    """Writes it, readable by root only; its bytes."""
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    aside = f"{path}.new"
    command = ["pg_dump", "--format", "custom", "--no-owner", "--no-acl", "--no-password"]
    argv = server.argv(*command, "--username", server.user, "--dbname", database)
    done = server.run('umask 077; "$@" > "$ASIDE" && sync "$ASIDE"', argv, ASIDE=aside)
    if done.rc:
        if os.path.exists(aside):
            os.remove(aside)
        raise TransferError(f"The dump of {database} failed: {_told(done.err)}")
    os.replace(aside, path)
    return os.path.getsize(path)


# ---- into the target


def restore(server: Server, database: str, owner: str, path: str, comment: str) -> None:
    """All of it or nothing: the COMMIT is only sent behind a dump that was read to its end."""
    begin = f"BEGIN;\nSET ROLE {identifier(owner)};\n"
    end = f"\nRESET ROLE;\nCOMMENT ON DATABASE {identifier(database)} IS {literal(comment)};\nCOMMIT;\n"
    script = (
        f"""{{ printf %s "$BEGIN"; {_reading(path)} && printf %s "$END" || printf %s "$SPOILT"; }} | "$@" >/dev/null"""
    )
    done = server.run(
        script,
        psql(server, database),
        BEGIN=begin,
        END=end,
        SPOILT=_SPOILT,
        DUMP=path,
        TARGET=server.container,
    )
    if done.rc:
        raise TransferError(f"The dump can't be restored into {database}: {_told(done.err)}")


def _reading(path: str) -> str:
    """A dump as SQL, in shell: pg_restore's form, plain, or the latter packed by gzip."""
    start = _start(path)
    if start == b"PGDMP":
        return 'docker exec --interactive "$TARGET" pg_restore --no-owner --no-acl --file - < "$DUMP"'
    return 'gunzip --stdout < "$DUMP"' if start[:2] == b"\x1f\x8b" else 'cat "$DUMP"'


def _start(path: str) -> bytes:
    """Of a packed dump in pg_restore's form nothing can be fed to psql."""
    with open(path, "rb") as stream:
        start = stream.read(5)
    if start[:2] != b"\x1f\x8b":
        return start
    try:
        with gzip.open(path) as packed:
            inside = packed.read(5)
    except (OSError, EOFError) as error:
        raise TransferError("The dump ends early; make it again") from error
    if inside == b"PGDMP":
        raise TransferError("The dump is packed twice: unpack it (gunzip), pg_dump's custom format is packed itself")
    return start


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
