# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of Prisma's command line that LiteLLM calls, without Prisma's native schema engine.

`migrate deploy` applies ./migrations as Prisma does: in order, under Prisma's advisory lock, each recorded in
`_prisma_migrations`, with Prisma's error codes, which LiteLLM reads. `migrate diff` only compares tables and
columns with schema.prisma, and never writes the script that would bring them together.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import psycopg
from psycopg import pq, sql

VERSION = "5.17.0"
LOCK_KEY = 72707369
LOCK_SECONDS = 10
LEDGER = """CREATE TABLE IF NOT EXISTS _prisma_migrations (
    id VARCHAR(36) PRIMARY KEY NOT NULL,
    checksum VARCHAR(64) NOT NULL,
    finished_at TIMESTAMPTZ,
    migration_name VARCHAR(255) NOT NULL,
    logs TEXT,
    rolled_back_at TIMESTAMPTZ,
    started_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    applied_steps_count INTEGER NOT NULL DEFAULT 0
)"""
LIBPQ_PARAMETERS = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}


class PrismaError(Exception):
    """An error in the words of Prisma: a code and a text."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(f"Error: {code}\n\n{text}")


def split_url(url: str) -> tuple[str, str]:
    """The URL without the parameters that only Prisma knows, and the schema that one of those names."""
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    kept = urlencode({k: v for k, v in query.items() if k in LIBPQ_PARAMETERS})
    return urlunsplit(parts._replace(query=kept)), query.get("schema", "public")


def connect() -> psycopg.Connection:
    url = os.environ.get("DATABASE_URL")
    if not url:
        raise PrismaError("P1012", "Environment variable not found: DATABASE_URL.")
    libpq_url, schema = split_url(url)
    try:
        conn = psycopg.connect(libpq_url, autocommit=True, connect_timeout=10)
    except psycopg.OperationalError as e:
        server = urlsplit(url).netloc.rpartition("@")[2]
        raise PrismaError("P1001", f"Can't reach database server at `{server}`: {e}") from e
    if schema != "public":
        conn.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(schema)))
    conn.execute(sql.SQL("SET search_path TO {}").format(sql.Identifier(schema)))
    conn.execute("SET client_min_messages TO warning")
    return conn


@contextmanager
def locked(conn: psycopg.Connection) -> Iterator[None]:
    """Prisma's advisory lock, so that of several instances one migrates; the connection's end frees it."""
    if os.environ.get("PRISMA_SCHEMA_DISABLE_ADVISORY_LOCK") in ("1", "true"):
        yield  # who calls holds the lock
        return
    deadline = time.monotonic() + LOCK_SECONDS
    while not scalar(conn, "SELECT pg_try_advisory_lock(%s)", LOCK_KEY):
        if time.monotonic() > deadline:
            raise PrismaError("P1002", "Timed out trying to acquire a postgres advisory lock.")
        time.sleep(0.5)
    yield


def scalar(conn: psycopg.Connection, query: str, *args: object) -> object:
    row = conn.execute(query.encode(), args).fetchone()
    return row[0] if row else None


def ensure_ledger(conn: psycopg.Connection) -> None:
    """Make the ledger; a schema that has tables but no ledger is somebody else's, as for Prisma."""
    if scalar(conn, "SELECT to_regclass('_prisma_migrations')") is not None:
        return
    if scalar(conn, "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() LIMIT 1"):
        raise PrismaError("P3005", "The database schema is not empty. Read more about how to baseline it.")
    conn.execute(LEDGER)


def fail_on_unfinished(conn: psycopg.Connection) -> None:
    row = conn.execute(
        "SELECT migration_name, started_at FROM _prisma_migrations "
        "WHERE finished_at IS NULL AND rolled_back_at IS NULL ORDER BY started_at LIMIT 1"
    ).fetchone()
    if row:
        raise PrismaError(
            "P3009",
            "migrate found failed migrations in the target database, new migrations will not be applied.\n"
            f"The `{row[0]}` migration started at {row[1]} failed",
        )


def pending(conn: psycopg.Connection, folder: Path) -> list[Path]:
    done = {
        row[0]
        for row in conn.execute(
            "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL AND rolled_back_at IS NULL"
        )
    }
    return [f for f in sorted(folder.glob("*/migration.sql")) if f.parent.name not in done]


def apply(conn: psycopg.Connection, file: Path) -> None:
    script = file.read_bytes()
    row_id = str(uuid.uuid4())
    conn.execute(
        "INSERT INTO _prisma_migrations (id, checksum, migration_name) VALUES (%s, %s, %s)",
        (row_id, hashlib.sha256(script).hexdigest(), file.parent.name),
    )
    try:
        conn.execute(script)
    except psycopg.Error as e:
        text = (
            "A migration failed to apply. New migrations cannot be applied before the error is recovered from.\n\n"
            f"Migration name: {file.parent.name}\n\nDatabase error code: {e.sqlstate}\n\nDatabase error:\n{e}"
        )
        conn.execute("UPDATE _prisma_migrations SET logs = %s WHERE id = %s", (text, row_id))
        raise PrismaError("P3018", text) from e
    conn.execute(
        "UPDATE _prisma_migrations SET finished_at = clock_timestamp(), applied_steps_count = 1 WHERE id = %s",
        (row_id,),
    )


def migrate_deploy(args: argparse.Namespace) -> None:
    with connect() as conn, locked(conn):
        ensure_ledger(conn)
        fail_on_unfinished(conn)
        files = pending(conn, Path(args.schema).parent / "migrations")
        for file in files:
            apply(conn, file)
            print(f"Applying migration `{file.parent.name}`")
    print("All migrations have been successfully applied." if files else "No pending migrations to apply.")


def migrate_resolve(args: argparse.Namespace) -> None:
    with connect() as conn, locked(conn):
        conn.execute(LEDGER)
        name = args.applied or args.rolled_back
        conn.execute(
            "UPDATE _prisma_migrations SET rolled_back_at = clock_timestamp() "
            "WHERE migration_name = %s AND finished_at IS NULL AND rolled_back_at IS NULL",
            (name,),
        )
        if not args.applied:
            return
        if scalar(conn, "SELECT 1 FROM _prisma_migrations WHERE migration_name = %s AND rolled_back_at IS NULL", name):
            raise PrismaError("P3008", f"The migration `{name}` is already recorded as applied in the database.")
        script = (Path(args.schema).parent / "migrations" / name / "migration.sql").read_bytes()
        conn.execute(
            "INSERT INTO _prisma_migrations (id, checksum, migration_name, finished_at) VALUES (%s, %s, %s, now())",
            (str(uuid.uuid4()), hashlib.sha256(script).hexdigest(), name),
        )


def columns_of_models(datamodel: str) -> set[tuple[str, str]]:
    """Table and column of every field of schema.prisma that is stored, so not a relation."""
    models = dict(re.findall(r"^model (\w+) \{(.*?)^\}", datamodel, re.MULTILINE | re.DOTALL))
    columns = set()
    for model, body in models.items():
        table = re.search(r'@@map\("(\w+)"\)', body)
        for field, kind, rest in re.findall(r"^\s+(\w+)\s+(\w+)(.*)$", body, re.MULTILINE):
            column = re.search(r'@map\("(\w+)"\)', rest)
            if kind not in models:
                columns.add((table[1] if table else model, column[1] if column else field))
    return columns


def columns_of_database() -> set[tuple[str, str]]:
    with connect() as conn:
        rows = conn.execute(
            "SELECT table_name, column_name FROM information_schema.columns NATURAL JOIN information_schema.tables "
            "WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name <> '_prisma_migrations'"
        ).fetchall()
    return {(row[0], row[1]) for row in rows}


def migrate_diff(args: argparse.Namespace) -> None:
    """With --exit-code LiteLLM asks whether a database fits its schema; else for a script, which isn't made here."""
    if not args.exit_code:
        print("-- This is an empty migration.")
        return
    different = columns_of_database() ^ columns_of_models(Path(args.to_schema_datamodel).read_text())
    if different:
        tables = ", ".join(sorted({table for table, _column in different}))
        raise PrismaError("P4001", f"The database differs from the schema in: {tables}")


def db_execute(args: argparse.Namespace) -> None:
    script = sys.stdin.buffer.read() if args.stdin else Path(args.file).read_bytes()
    with connect() as conn:
        conn.execute(script)
    print("Script executed successfully.")


def generate(args: argparse.Namespace) -> None:
    print("The client was generated when the image was built.")


def parse_args(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="prisma")
    parser.add_argument("--version", "-v", action="version", version=f"prisma : {VERSION}")
    commands = parser.add_subparsers(required=True)
    migrate = commands.add_parser("migrate").add_subparsers(required=True)
    db = commands.add_parser("db").add_subparsers(required=True)
    # Without the schema engine, `db push` brings a database to the same schema by the same migrations.
    for name, group, run in (
        ("deploy", migrate, migrate_deploy),
        ("resolve", migrate, migrate_resolve),
        ("diff", migrate, migrate_diff),
        ("execute", db, db_execute),
        ("push", db, migrate_deploy),
        ("generate", commands, generate),
    ):
        command = group.add_parser(name)
        command.add_argument("--schema", default="schema.prisma")
        command.set_defaults(run=run)
        if name == "resolve":
            command.add_argument("--applied")
            command.add_argument("--rolled-back")
        if name == "diff":
            command.add_argument("--exit-code", action="store_true")
            command.add_argument("--to-schema-datamodel")
        if name == "execute":
            command.add_argument("--file")
            command.add_argument("--stdin", action="store_true")
    return parser.parse_known_args(argv)[0]


def main() -> int:
    args = parse_args(sys.argv[1:])
    try:
        args.run(args)
    except (PrismaError, psycopg.Error) as e:
        print(e, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
