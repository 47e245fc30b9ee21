# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""llmfleet-backup: what timers and playbooks run. Prints one JSON object; a failure is in it, ends with its remedy, and the status is 1."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import typing as t

from . import create, folder, offsite, rehearsal, restore, trial
from .postgres import Postgres
from .settings import BackupError, Settings, read

CONFIG = "/etc/llmfleet/backup.json"
#: Seconds that a run waits for another one.
PATIENCE = 3600

Said = dict[str, t.Any]


def _create(settings: Settings, args: argparse.Namespace) -> Said:
    return noted(settings, "backup", lambda: create.create(settings, args.reason, args.trial, args.keep_all))


def _trial(settings: Settings, _args: argparse.Namespace) -> Said:
    """Of the newest backup; the host can't open an encrypted one, so it makes one and tries that."""
    newest = folder.backups(settings.directory)[:1]
    if not newest or newest[0].encrypted:
        return noted(settings, "restore test", lambda: create.create(settings, "restore test", True))
    return noted(settings, "restore test", lambda: _tried(settings, newest[0]))


def _tried(settings: Settings, backup: folder.Backup) -> Said:
    path = os.path.join(settings.directory, backup.name)
    return {"file": path, "bytes": backup.said["bytes"], "restore_test": trial.run(settings, path, "")}


def noted(settings: Settings, kind: str, work: t.Callable[[], Said]) -> Said:
    """Does it, and says in last.json what came of it, whatever that is."""
    began = folder.now()
    try:
        said = work()
    except BaseException as exc:
        message = str(exc) if isinstance(exc, BackupError) else f"{type(exc).__name__}: {exc}"
        seconds = (folder.now() - began).total_seconds()
        folder.note(
            settings.directory, kind=kind, ok=False, file="", bytes=0, seconds=round(seconds, 1), message=message
        )
        raise
    tested = (said.get("restore_test") or {}).get("at")
    seconds = round((folder.now() - began).total_seconds(), 1)
    told = {"kind": kind, "ok": True, "file": said["file"], "bytes": said["bytes"], "seconds": seconds, "message": ""}
    folder.note(settings.directory, **told, **({"restore_tested": tested} if tested else {}))
    return said


def _list(settings: Settings, _args: argparse.Namespace) -> Said:
    backups = folder.backups(settings.directory)
    found = [{"name": one.name, **one.said, "rows": sum(one.said["rows"].values())} for one in backups]
    server = Postgres(settings.container)
    server.state()
    return {"backups": found, "kept": restore.kept(settings, server)}


def _fetch(settings: Settings, args: argparse.Namespace) -> Said:
    return {"name": offsite.fetch(settings, args.name)}


def _load(settings: Settings, args: argparse.Namespace) -> Said:
    name = args.name
    if not name:
        newest = folder.backups(settings.directory)[:1]
        if not newest:
            raise BackupError(f"{settings.directory} has no backup. Give one: -e backup=FILE, or -e backup=offsite.")
        name = newest[0].name
    identity = sys.stdin.read() if args.identity else ""
    return {"name": name, **restore.prepare(settings, name, identity, args.other_salt_key)}


def _empty(settings: Settings, _args: argparse.Namespace) -> Said:
    server = Postgres(settings.container)
    server.state()
    database = restore.unused(settings, server)
    restore.empty(server, settings, database)
    return {"database": database}


def _switch(settings: Settings, args: argparse.Namespace) -> Said:
    return restore.switch(settings, args.database)


def _drop(settings: Settings, args: argparse.Namespace) -> Said:
    return restore.drop(settings, args.database)


def _rehearse(settings: Settings, _args: argparse.Namespace) -> Said:
    return rehearsal.run(settings, rehearsal.wanted(sys.stdin.read()))


def parser() -> argparse.ArgumentParser:
    found = argparse.ArgumentParser(prog="llmfleet-backup", description="Backups of LiteLLM's database.")
    found.add_argument("--config", default=CONFIG)
    found.add_argument("--patience", type=float, default=PATIENCE, help="seconds to wait for another run")
    commands = found.add_subparsers(dest="command", required=True)

    def command(name: str, work: t.Callable[..., Said], text: str) -> argparse.ArgumentParser:
        one = commands.add_parser(name, help=text)
        one.set_defaults(work=work)
        return one

    made = command("create", _create, "make a backup")
    made.add_argument("--reason", default="asked for")
    made.add_argument("--trial", action="store_true", help="restore it into a server of its own as well")
    made.add_argument("--keep-all", action="store_true", help="remove no older one, which may be the one to bring back")
    command("trial", _trial, "restore the newest backup into a server of its own, count, and throw that away")
    command("list", _list, "complete backups, and databases that were kept")
    command("fetch", _fetch, "bring one from elsewhere").add_argument("name", nargs="?", default="")
    loaded = command("load", _load, "load a backup beside the running database")
    loaded.add_argument("name", nargs="?", default="", help="by default the newest")
    loaded.add_argument("--identity", action="store_true", help="standard input holds the identity that opens it")
    loaded.add_argument("--other-salt-key", action="store_true")
    command("empty", _empty, "make an empty database beside the running one")
    command("switch", _switch, "put a database in the place of the running one").add_argument("database")
    command("drop", _drop, "drop a database that was kept").add_argument("database")
    command("rehearse", _rehearse, "try an upgrade on a copy of the running database; standard input says which")
    return found


def main(argv: list[str] | None = None) -> int:
    args = parser().parse_args(argv)
    # So that what was begun is taken back when systemd or a person stops it.
    signal.signal(signal.SIGTERM, lambda _number, _frame: sys.exit(143))
    try:
        settings = read(args.config)
        with folder.Lock(settings.directory, args.patience):
            said = args.work(settings, args)
    except (BackupError, OSError) as exc:
        print(json.dumps({"ok": False, "message": str(exc)}))
        print(f"llmfleet-backup: {exc}", file=sys.stderr)
        return 1
    print(json.dumps({"ok": True, **said}))
    return 0
