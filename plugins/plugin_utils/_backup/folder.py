# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The folder of backups: what is in it, what is kept, whether there is room, and what is said of the last run."""

from __future__ import annotations

import datetime
import fcntl
import json
import os
import re
import shutil
import time
import typing as t

from .settings import BackupError, Settings

NAME = re.compile(r"^llmfleet-(\d{8}T\d{6}Z)\.tar(\.age)?$")
PARTIAL, TRIAL = ".llmfleet-partial", ".llmfleet-trial"
STATUS, LOCK = "last.json", ".lock"
#: A dump is written, then it is written into the archive.
COPIES = 2
#: How much larger than the last one a backup may be.
GROWTH = 1.5
MIB = 1024 * 1024
#: Less than this left: what failed failed for want of room.
FULL = 4 * MIB


def now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def iso(moment: datetime.datetime) -> str:
    return moment.isoformat(timespec="seconds")


def stamp(moment: datetime.datetime) -> str:
    return moment.strftime("%Y%m%dT%H%M%SZ")


def parsed(text: str) -> datetime.datetime:
    return datetime.datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)


class Backup(t.NamedTuple):
    """A complete one: its archive has the size that was written down when it had been checked."""

    name: str
    made: datetime.datetime
    said: dict[str, t.Any]

    @property
    def encrypted(self) -> bool:
        return self.name.endswith(".age")


def backups(directory: str) -> list[Backup]:
    """Complete ones, the newest first."""
    found = []
    for name in os.listdir(directory) if os.path.isdir(directory) else []:
        match, said = NAME.match(name), read_json(os.path.join(directory, name + ".json"))
        if match and said.get("bytes") == os.path.getsize(os.path.join(directory, name)):
            found.append(Backup(name, parsed(match[1]), said))
    return sorted(found, key=lambda one: one.made, reverse=True)


def read_json(path: str) -> dict[str, t.Any]:
    """A file that can't be read is an empty one."""
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def write_json(path: str, value: t.Mapping[str, t.Any]) -> None:
    """At once, and for root only."""
    aside = f"{path}.new"
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        json.dump(value, handle, indent=1)
        handle.flush()
        os.fsync(handle.fileno())
    os.replace(aside, path)


# ---- what is kept


def expired(found: t.Sequence[Backup], keep: int, keep_days: int, moment: datetime.datetime) -> list[Backup]:
    """Those beyond the number, and those beyond the age (0: any age); the newest always stays."""
    oldest = moment - datetime.timedelta(days=keep_days)
    kept = sorted(found, key=lambda one: one.made, reverse=True)
    return [one for place, one in enumerate(kept) if place and (place >= keep or (keep_days and one.made < oldest))]


def prune(settings: Settings, moment: datetime.datetime) -> list[str]:
    gone = expired(backups(settings.directory), settings.keep, settings.keep_days, moment)
    for one in gone:
        for suffix in ("", ".json"):
            os.unlink(os.path.join(settings.directory, one.name + suffix))
    return [one.name for one in gone]


# ---- room


def free(path: str) -> int:
    found = os.statvfs(path)
    return found.f_bavail * found.f_frsize


def room_for_backup(last: t.Sequence[Backup], database_bytes: int) -> int:
    """Bytes that a backup may take while it is made: by the last one, or by the database, which is never smaller."""
    expected = int(last[0].said["bytes"] * GROWTH) if last else database_bytes
    return COPIES * min(expected, database_bytes) if database_bytes else COPIES * expected


def need(settings: Settings, path: str, wanted: int, what: str) -> None:
    """Refuses what would fill the disk."""
    there = free(path)
    if there < wanted + settings.min_free_mib * MIB:
        raise BackupError(
            f"{what} takes up to {wanted // MIB + 1} MiB, {settings.min_free_mib} MiB have to stay free (backup_min_free_mib), and"
            f" {path} has {there // MIB} MiB. Nothing was changed. Make room there, or set backup_dir to a larger disk."
        )


# ---- one at a time, and what is left of one that was killed


class Lock:
    """The folder for one run at a time, whether a timer or a person started it."""

    def __init__(self, directory: str, seconds: float) -> None:
        self.directory, self.seconds = directory, seconds

    def __enter__(self) -> Lock:
        self.umask = os.umask(0o077)
        # One that is there keeps its mode: others may have their backups in it too. What is written here is for root only.
        os.makedirs(self.directory, mode=0o700, exist_ok=True)
        self.handle = open(os.path.join(self.directory, LOCK), "w", encoding="utf-8")
        deadline = time.monotonic() + self.seconds
        while True:
            try:
                fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except OSError as exc:
                if time.monotonic() >= deadline:
                    self.__exit__()
                    raise BackupError(
                        f"Another backup or restore is at work here for {self.seconds:.0f} s. Run this again when it is through."
                    ) from exc
                time.sleep(1)
        remove_leftovers(self.directory)
        return self

    def __exit__(self, *_error: t.Any) -> None:
        self.handle.close()
        os.umask(self.umask)


def remove_leftovers(directory: str) -> None:
    there = os.listdir(directory)
    for name in there:
        if name.startswith((PARTIAL, TRIAL)):
            shutil.rmtree(os.path.join(directory, name), ignore_errors=True)
        elif name.endswith(".json") and NAME.match(name[: -len(".json")]) and name[: -len(".json")] not in there:
            os.unlink(os.path.join(directory, name))


class Workplace:
    """A folder for what is not complete, gone at the end whatever happens."""

    def __init__(self, directory: str) -> None:
        self.path = os.path.join(directory, f"{PARTIAL}-{os.getpid()}")

    def __enter__(self) -> str:
        os.makedirs(self.path, mode=0o700)
        return self.path

    def __exit__(self, kind: t.Any, error: t.Any, _trace: t.Any) -> None:
        left = free(self.path)
        shutil.rmtree(self.path, ignore_errors=True)
        if isinstance(error, Exception) and left < FULL:
            raise BackupError(
                f"The disk of {self.path} is full: {error}. What was half written has been removed, backups from before are as they"
                " were. Make room, or set backup_dir to a larger disk."
            ) from error


# ---- what is said of the last run


def note(directory: str, **said: t.Any) -> None:
    """What playbooks/status.yml and other programs read: last.json."""
    path = os.path.join(directory, STATUS)
    good = backups(directory)[:1]
    known = {"last_good": iso(good[0].made) if good else None, "restore_tested": read_json(path).get("restore_tested")}
    write_json(path, {"finished": iso(now()), **known, **said})
