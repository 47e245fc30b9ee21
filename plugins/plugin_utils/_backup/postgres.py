# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands, and PostgreSQL in its container. SQL and data go by standard input and output, nothing secret by an argument."""

from __future__ import annotations

import json
import subprocess
import typing as t

from .settings import BackupError

PSQL = ("--username", "postgres", "--no-psqlrc", "--quiet", "--tuples-only", "--no-align", "--set", "ON_ERROR_STOP=1")
#: How every table is counted: psql runs each line that this prints.
COUNT = (
    "SELECT format('SELECT %L, count(*) FROM %I.%I', schemaname || '.' || tablename, schemaname, tablename) FROM pg_tables"
    " WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1 \\gexec\n"
)
MIGRATIONS = "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NOT NULL ORDER BY 1;\n"


#: Lines of an error in which PostgreSQL's programs may show a row, or the statement that failed with its values.
SHOWING = ("DETAIL", "CONTEXT", "LINE ", "STATEMENT", "QUERY")
COMMAND = "Command was:"


def told(text: str) -> str:
    """The end of an error without what may be a user's data or a secret."""
    lines = [line for line in text.split(COMMAND)[0].splitlines() if not _shows(line)]
    return "\n".join(lines).strip()[-2000:] or "failed without a word"


def _shows(line: str) -> bool:
    """pg_restore and psql write where they are before such a line."""
    return any(line.startswith(word) or f": {word}:" in line for word in SHOWING)


def run(argv: t.Sequence[str], stdin: str | None = None, timeout: float = 600) -> str:
    """What a command says. BackupError with its words when it fails."""
    try:
        done = subprocess.run(argv, input=stdin, capture_output=True, text=True, timeout=timeout, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise BackupError(f"{argv[0]} could not be run: {exc}") from exc
    if done.returncode != 0:
        raise BackupError(f"{' '.join(argv[:4])} failed: {told(done.stderr or done.stdout)}")
    return done.stdout


def identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Postgres:
    """The server in a container."""

    def __init__(self, container: str) -> None:
        self.container = container

    def inside(self, *command: str) -> list[str]:
        return ["docker", "exec", "-i", self.container, *command]

    def psql(self, database: str) -> list[str]:
        return self.inside("psql", *PSQL, "--dbname", database, "--file", "-")

    def sql(self, text: str, database: str = "postgres", timeout: float = 600) -> list[str]:
        """The lines that statements print."""
        return run(self.psql(database), text, timeout).splitlines()

    def value(self, text: str, database: str = "postgres") -> str:
        return (self.sql(text, database) or [""])[0]

    def state(self) -> dict[str, t.Any]:
        """Its container, as the engine knows it. BackupError where it does not run."""
        try:
            found = json.loads(run(["docker", "inspect", self.container]))[0]
        except (BackupError, ValueError, IndexError) as exc:
            raise BackupError(f"There is no container {self.container}. Run site.yml, then this again.") from exc
        if not found["State"]["Running"]:
            raise BackupError(
                f"{self.container} does not run. Start it (docker start {self.container}), then run this again."
            )
        return dict(found)

    def version(self) -> str:
        return self.value("SHOW server_version;\n").split()[0]

    def size(self, database: str) -> int:
        return int(self.value(f"SELECT pg_database_size({literal(database)});\n"))

    def databases(self) -> list[str]:
        return self.sql("SELECT datname FROM pg_database WHERE NOT datistemplate ORDER BY 1;\n")

    def rows(self, database: str) -> dict[str, int]:
        """Rows of every table."""
        return counts(self.sql(COUNT, database, 3600))

    def migrations(self, database: str) -> list[str]:
        """Names of LiteLLM's migrations that a database has; none where LiteLLM has not come to it yet."""
        there = self.value("SELECT to_regclass('_prisma_migrations') IS NOT NULL;\n", database)
        return self.sql(MIGRATIONS, database) if there == "t" else []


def counts(lines: t.Iterable[str]) -> dict[str, int]:
    pairs = (line.rpartition("|") for line in lines if "|" in line)
    return {name: int(count) for name, _bar, count in pairs}


def compare(wanted: t.Mapping[str, int], found: t.Mapping[str, int]) -> None:
    """BackupError where a database has other rows than the backup's own counts say."""
    differing = [
        f"{name}: {found.get(name, 0)} of {count}" for name, count in wanted.items() if found.get(name) != count
    ]
    if differing:
        raise BackupError(
            f"Rows differ from the backup's own counts ({'; '.join(differing[:5])}). Make another backup."
        )
