# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tries an upgrade on a copy of the running database: another PostgreSQL, another LiteLLM, and the one of now beside it.

All of it is in a network of its own without a way out, bounded in memory, and gone at the end. The running database is only read.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shlex
import shutil
import subprocess
import tempfile
import time
import typing as t
import urllib.parse

from . import cluster, folder, questions, restore
from .archive import piped
from .postgres import Postgres, identifier, literal, told
from .postgres import run as command
from .settings import BackupError, Settings

NETWORK, DATABASE, PROXY = (f"llmfleet-rehearsal{tail}" for tail in ("", "-postgres", "-litellm"))
PLACE = f"{folder.TRIAL}-rehearsal"
LOCK_SECONDS = 120
#: What of the host's memory stays for everything else.
SPARE_MIB = 512
#: Keys of before whose values are set to known ones in the copy.
KEYS = 3
#: Tables that only people change: a release that has fewer rows in them afterwards has lost some.
PEOPLE = (
    *("LiteLLM_VerificationToken", "LiteLLM_TeamTable", "LiteLLM_UserTable", "LiteLLM_OrganizationTable"),
    *("LiteLLM_BudgetTable", "LiteLLM_ProxyModelTable", "LiteLLM_CredentialsTable"),
)
SPEND = 'SELECT count(*) FROM "LiteLLM_SpendLogs";\n'
SPEND_SECONDS = 40
VALID = """SELECT k.token FROM "LiteLLM_VerificationToken" k LEFT JOIN "LiteLLM_TeamTable" t ON t.team_id = k.team_id
 WHERE k.blocked IS NOT TRUE AND t.blocked IS NOT TRUE AND (k.expires IS NULL OR k.expires > now())
 ORDER BY k.team_id IS NOT NULL, k.token LIMIT {};\n"""
UNFINISHED = "SELECT migration_name FROM _prisma_migrations WHERE finished_at IS NULL AND rolled_back_at IS NULL;\n"
TOOK = """SELECT round(extract(epoch FROM max(finished_at) - min(started_at))::numeric, 1) FROM _prisma_migrations
 WHERE finished_at IS NOT NULL AND migration_name > {};\n"""
COLLATION = (
    "SELECT datcollate, pg_database_collation_actual_version(oid) FROM pg_database WHERE datname = 'template1';\n"
)

Said = dict[str, t.Any]


class Wanted(t.NamedTuple):
    """By the names of the standard input."""

    postgres_image: str
    after: str  # image of LiteLLM as it will be
    before: str  # as it is; the same where it stays
    user: str
    folder: str  # of the running instance's project: its program and its probe
    config: Said
    environment: dict[str, str]
    seconds: int
    memory_mib: int = 3072


def wanted(text: str) -> Wanted:
    try:
        found = json.loads(text)
        return Wanted(**{name: found[name] for name in Wanted._fields if name in found})
    except (ValueError, KeyError, TypeError) as exc:
        raise BackupError(f"The rehearsal was not told what to try: {exc!r}.") from exc


def run(settings: Settings, want: Wanted) -> Said:
    """What was seen. BackupError where the new releases can't be gone to."""
    there = Postgres(settings.container)
    there.state()
    _room(settings, there, want)
    place = os.path.join(settings.directory, PLACE)
    one = cluster.Cluster(DATABASE, os.path.join(place, "cluster"), want.postgres_image, NETWORK)
    try:
        _network()
        with cluster.started(settings, one) as copy:
            notes = _releases(there, copy)
            password = secrets.token_hex(24)
            copied = _copied(settings, there, copy, password)
            proxy = Proxy(settings, want, place, password)
            return {"copy": copied, "notes": notes, **_tried(settings, want, copy, proxy)}
    finally:
        _remove()
        shutil.rmtree(place, ignore_errors=True)


def _room(settings: Settings, there: Postgres, want: Wanted) -> None:
    size = int(there.size(settings.database) * cluster.ROOM)
    folder.need(settings, settings.directory, size, "The copy of the database")
    free = _free_mib()
    if free < want.memory_mib + SPARE_MIB:
        raise BackupError(
            f"The rehearsal takes up to {want.memory_mib} MiB of memory, and {free} MiB are free. Nothing was changed. Give it less by"
            " -e rehearsal_memory_mib=NUMBER (LiteLLM takes some 1500), or stop what can be away."
        )


def _free_mib() -> int:
    with open("/proc/meminfo", encoding="ascii") as stream:
        return next(int(line.split()[1]) // 1024 for line in stream if line.startswith("MemAvailable:"))


def _network() -> None:
    _remove()
    command(["docker", "network", "create", "--internal", "--label", "io.llmfleet.backup=trial", NETWORK])


def _remove() -> None:
    for words in (("rm", "--force", "--volumes", PROXY), ("network", "rm", NETWORK)):
        with contextlib.suppress(BackupError):
            command(["docker", *words])


def _releases(there: Postgres, copy: Postgres) -> list[str]:
    """Refuses another major release; says what another C library means for indexes of text."""
    before, after = there.version(), copy.version()
    if before.partition(".")[0] != after.partition(".")[0]:
        raise BackupError(
            f"The database is of PostgreSQL {before}, and the declared image has {after}: that is another major release. Go there by"
            " llmfleet.gateway.postgres_upgrade, and keep postgres_version as it is until then."
        )
    sorts = [server.value(COLLATION) if int(before.partition(".")[0]) >= 15 else "" for server in (there, copy)]
    if sorts[0] == sorts[1]:
        return []
    return [f"The new image sorts text otherwise ({sorts[1]}, now {sorts[0]}): run REINDEX DATABASE after the upgrade."]


# ---- the copy


def _copied(settings: Settings, there: Postgres, copy: Postgres, password: str) -> Said:
    began = time.monotonic()
    copy.sql(f"CREATE ROLE {identifier(settings.user)} LOGIN PASSWORD {literal(password)};\n")
    restore.empty(copy, settings, settings.database)
    _piped(settings, there, copy)
    copy.sql("ANALYZE;\n", settings.database, 3600)
    rows = copy.rows(settings.database)
    if not copy.migrations(settings.database):
        raise BackupError(f"Database {settings.database} has no tables of LiteLLM. Run site.yml, then this again.")
    return {
        "seconds": round(time.monotonic() - began, 1),
        "bytes": copy.size(settings.database),
        "rows": sum(rows.values()),
    }


def _piped(settings: Settings, there: Postgres, copy: Postgres) -> None:
    """Nothing of it is on the disk in between. Only who loads reads the pipe, so that its end ends the dump too."""
    dump = ["--format", "custom", "--compress", "0", "--lock-wait-timeout", f"{LOCK_SECONDS}s"]
    load = ["--exit-on-error", "--no-owner", "--no-privileges", "--role", settings.user]
    who = ["--username", "postgres", "--dbname", settings.database]
    with tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as words:
        source = subprocess.Popen(
            there.inside("pg_dump", *dump, *who), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        )
        target = subprocess.Popen(
            copy.inside("pg_restore", *load, *who), stdin=source.stdout, stdout=subprocess.DEVNULL, stderr=words
        )
        piped(source.stdout).close()
        if [target.wait(), source.wait()] != [0, 0]:
            raise BackupError(f"The database can't be copied: {told(_all_of(said) + _all_of(words))}")


def _all_of(stream: t.IO[bytes]) -> str:
    stream.seek(0)
    return stream.read().decode(errors="replace")


# ---- LiteLLM on it


class Proxy:
    """A LiteLLM on the copy, by the configuration and the secrets of the running one."""

    def __init__(self, settings: Settings, want: Wanted, place: str, password: str) -> None:
        self.settings, self.want, self.place = settings, want, place
        user, database = (urllib.parse.quote(name, safe="") for name in (settings.user, settings.database))
        login = f"{user}:{password}@{DATABASE}:5432/{database}"
        self.password = password
        self.secrets = {**_environment(settings.environment), "DATABASE_URL": f"postgresql://{login}"}

    def start(self, image: str, migrates: bool) -> float:
        """Seconds until it answers."""
        self._write()
        began = time.monotonic()
        with contextlib.suppress(BackupError):
            command(["docker", "rm", "--force", "--volumes", PROXY])
        command(self._start(image, migrates))
        while not self._alive():
            if not cluster.running(PROXY):
                raise BackupError(f"it ended: {self.log()}")
            if time.monotonic() - began > self.want.seconds:
                raise BackupError(f"it does not answer after {self.want.seconds} s: {self.log()}")
            time.sleep(1)
        return round(time.monotonic() - began, 1)

    def _write(self) -> None:
        """JSON is YAML. Only its user reads the environment."""
        uid, gid = (int(part) for part in self.want.user.split(":"))
        hidden = os.path.join(self.place, "secrets")
        os.makedirs(hidden, mode=0o700, exist_ok=True)
        lines = "".join(f"{name}={shlex.quote(value)}\n" for name, value in sorted(self.secrets.items()))
        files = {os.path.join(self.place, "config.yaml"): json.dumps(self.want.config)}
        files[os.path.join(hidden, "environment")] = lines
        for path, text in files.items():
            with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as stream:
                stream.write(text)
            os.chown(path, uid, gid)
        os.chown(hidden, uid, gid)

    def _start(self, image: str, migrates: bool) -> list[str]:
        """As the role runs it. The one that does not migrate takes the tables as they are."""
        environment = {**self.want.environment, **({} if migrates else {"DISABLE_SCHEMA_UPDATE": "True"})}
        files = [(f"{self.want.folder}/{name}", name) for name in ("entrypoint.sh", "probe.py")]
        mounts = [*files, (f"{self.place}/config.yaml", "config.yaml")]
        memory = f"{self.want.memory_mib}m"
        return [
            *("docker", "run", "--detach", "--name", PROXY, "--label", "io.llmfleet.backup=trial", "--init"),
            *("--network", NETWORK, "--memory", memory, "--memory-swap", memory, "--cpu-shares", "512"),
            *("--pids-limit", "1024", "--cap-drop", "ALL", "--security-opt", "no-new-privileges:true", "--read-only"),
            *("--user", self.want.user, "--tmpfs", "/tmp:mode=1777,size=1g"),
            *(word for pair in sorted(environment.items()) for word in ("--env", "=".join(pair))),
            *(word for path, name in mounts for word in ("--volume", f"{path}:/etc/llmfleet/{name}:ro")),
            *("--volume", f"{self.place}/secrets:/run/llmfleet:ro", "--no-healthcheck", "--entrypoint", "/bin/sh"),
            *(image, "/etc/llmfleet/entrypoint.sh", "--config", "/etc/llmfleet/config.yaml"),
            *("--host", "0.0.0.0", "--port", "4000"),
        ]

    def _alive(self) -> bool:
        with contextlib.suppress(BackupError):
            command(["docker", "exec", PROXY, "python3", "/etc/llmfleet/probe.py", "liveliness"], timeout=60)
            return True
        return False

    def ask(self, keys: t.Sequence[str]) -> Said:
        with open(questions.__file__, encoding="utf-8") as stream:
            program = stream.read()
        said = command(["docker", "exec", "-i", PROXY, "python3", "-c", program], json.dumps({"keys": list(keys)}))
        return dict(json.loads(said))

    def log(self) -> str:
        """Its last words, without a secret of its environment."""
        text = cluster.log(PROXY, 15)
        for value in sorted([*self.secrets.values(), self.password], key=len, reverse=True):
            text = text.replace(value, "***") if len(value) >= 6 else text
        return text[-2000:]


def _environment(path: str) -> dict[str, str]:
    try:
        with open(path, encoding="utf-8") as stream:
            pairs = (word.partition("=") for word in shlex.split(stream.read(), comments=True))
            return {name: value for name, _sign, value in pairs}
    except (OSError, ValueError) as exc:
        raise BackupError(f"LiteLLM's secrets can't be read ({exc}). Run site.yml, then this again.") from exc


# ---- what is tried


def _tried(settings: Settings, want: Wanted, copy: Postgres, proxy: Proxy) -> Said:
    keys = _known_keys(copy, settings.database)
    before, rows = copy.migrations(settings.database), copy.rows(settings.database)
    try:
        ready = proxy.start(want.after, migrates=True)
        answers = _answers(settings, copy, proxy, keys)
    except BackupError as exc:
        raise BackupError(f"{want.after} on a copy of the database: {exc}") from exc
    faults = [*answers["faults"], *_database_faults(settings, copy, rows)]
    if faults:
        raise BackupError(f"{want.after} on a copy of the database: {'; '.join(faults)}. Its log ends: {proxy.log()}")
    applied = sorted(set(copy.migrations(settings.database)) - set(before))
    took = copy.value(TOOK.format(literal(before[-1])), settings.database) if applied else "0"
    return {
        "migration": {"applied": len(applied), "seconds": float(took or 0), "last": applied[-1] if applied else ""},
        "ready_seconds": ready,
        "answers": answers,
        "side_by_side": _beside(settings, want, copy, proxy, keys),
    }


def _known_keys(copy: Postgres, database: str) -> list[str]:
    """Values by which keys of before are asked for: in the copy they get the hashes of these."""
    found = []
    for token in copy.sql(VALID.format(KEYS), database):
        value = f"sk-{secrets.token_hex(16)}"
        digest = hashlib.sha256(value.encode()).hexdigest()
        change = f'UPDATE "LiteLLM_VerificationToken" SET token = {literal(digest)} WHERE token = {literal(token)};\n'
        copy.sql(change, database)
        found.append(value)
    return found


def _answers(settings: Settings, copy: Postgres, proxy: Proxy, keys: t.Sequence[str]) -> Said:
    """With what the request leaves in the database."""
    before = copy.value(SPEND, settings.database)
    found = proxy.ask(keys)
    deadline = time.monotonic() + SPEND_SECONDS
    while found["counted"] and copy.value(SPEND, settings.database) == before:
        if time.monotonic() > deadline:
            found["faults"].append("a request is answered and not counted")
            break
        time.sleep(1)
    return found


def _database_faults(settings: Settings, copy: Postgres, rows: t.Mapping[str, int]) -> list[str]:
    now = copy.rows(settings.database)
    fewer = [name for name in (f"public.{table}" for table in PEOPLE) if now.get(name, 0) < rows.get(name, 0)]
    found = [f"{name} has {now.get(name, 0)} of {rows[name]} rows" for name in fewer]
    return found + [f"migration {name} did not end" for name in copy.sql(UNFINISHED, settings.database)]


def _beside(settings: Settings, want: Wanted, copy: Postgres, proxy: Proxy, keys: t.Sequence[str]) -> Said:
    """Whether the release of now works with what the new one has made of the database."""
    if want.before == want.after:
        return {"works": True, "seconds": 0.0, "why": ""}
    try:
        seconds = proxy.start(want.before, migrates=False)
        faults = _answers(settings, copy, proxy, keys)["faults"]
    except BackupError as exc:
        return {"works": False, "seconds": 0.0, "why": str(exc)}
    return {"works": not faults, "seconds": seconds, "why": "; ".join(faults)}
