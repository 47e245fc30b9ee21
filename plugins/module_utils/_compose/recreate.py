# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Recreates one container of a Compose project from files that proved to work, under the project's lock.

This file is complete by itself (Python 3.9, standard library), so that a role can install it as a script:

    recreate.py PROJECT_DIR SERVICE [SECONDS]

SECONDS are what the old container has to stop after its signal; without them as long as its own settings say.

Exit status: that of Compose, so 0 when it was recreated; 2 wrong usage; 3 refused, the reason is printed; 75 the lock is
held; 124 Compose took too long. The process becomes Compose's, so that the lock is held until that has ended.

The protocol, for whatever touches a project beside compose_project:

1. Hold an exclusive flock on PROJECT_DIR/.llmfleet/lock all the time. Never make that file: where there is none, there
   is no project. Having the lock, see that the path still is the locked file, since `state: absent` removes it.
2. Leave the project alone while PROJECT_DIR/.llmfleet/pending.json exists: a change has not ended.
3. Use committed files only: PROJECT_DIR/.llmfleet/good/manifest.json names the project, and each of its files with the
   SHA-256 of its content. A file that differs from that has never proved to work, so nothing is started from it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import sys
import time
import typing as t

#: Everything that is remembered of a project lies here, below its directory, readable by root only.
STATE_DIR = ".llmfleet"
LOCK = "lock"
PENDING = "pending.json"
GOOD = "good"
MANIFEST = "manifest.json"
COMPOSE_FILE = "compose.yml"

RECREATED, USAGE, REFUSED, HELD = 0, 2, 3, 75
LOCK_SECONDS, COMPOSE_SECONDS = 60, 600

#: Any name, in a shape of a mapping.
ANY = "*"
MANIFEST_SHAPE: dict[str, t.Any] = {
    "project": str,
    "files": {ANY: {"copy": str, "mode": int, "owner": int, "group": int, "sha256": str}},
    "made": [str],
    "services": {ANY: str},
    "images": {ANY: str},
    "hashes": {ANY: str},
    "names": {ANY: str},
    "compose": str,
    "hooks": [{"service": str, "check_command": [str], "description": str, "stdin_file": str, "timeout": int}],
}


class LockHeld(Exception):
    """Someone else had the lock all the time; the message says who."""


class Refused(Exception):
    """The project is not to be touched now; the message says why."""


def fits(value: t.Any, shape: t.Any) -> bool:
    """Whether a value read from a file has the types that its readers rely on."""
    if isinstance(shape, type):
        return isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
    if isinstance(shape, list):
        return isinstance(value, list) and all(fits(item, shape[0]) for item in value)
    if not isinstance(value, dict):
        return False
    if ANY in shape:
        return all(fits(item, shape[ANY]) for item in value.values())
    return all(name in value and fits(value[name], inner) for name, inner in shape.items())


def read_json(path: str) -> t.Any:
    """None where there is no such file, or one that was cut off or damaged."""
    try:
        with open(path, encoding="utf-8") as handle:
            return json.load(handle)
    except (OSError, ValueError, RecursionError):
        return None


def read_manifest(state_dir: str, folder: str = GOOD) -> dict[str, t.Any] | None:
    """The state that last proved to work; None where there is none that can be relied on."""
    found = read_json(os.path.join(state_dir, folder, MANIFEST))
    return found if fits(found, MANIFEST_SHAPE) else None


def sha256(path: str) -> str:
    """Empty where there is no such file."""
    try:
        with open(path, "rb") as handle:
            return hashlib.sha256(handle.read()).hexdigest()
    except OSError:
        return ""


def lock_holder(handle: t.IO[str]) -> str:
    """Who holds the lock, as the kernel tells it, for a person who wants to know what to wait for."""
    inode = str(os.fstat(handle.fileno()).st_ino)
    try:
        with open("/proc/locks", encoding="utf-8") as locks:
            rows = [line.split() for line in locks]
        pids = [row[4] for row in rows if row[1] == "FLOCK" and row[5].rpartition(":")[2] == inode]
        with open(f"/proc/{pids[0]}/cmdline", encoding="utf-8", errors="replace") as command:
            return f"process {pids[0]} ({command.read().replace(chr(0), ' ').strip()[:80]})"
    except (OSError, IndexError):
        return "a process that can't be seen from here"


@contextlib.contextmanager
def locked(path: str, seconds: float, make: bool = False) -> t.Iterator[t.IO[str]]:
    """Holds the lock, or raises LockHeld after that time, or FileNotFoundError where there is no project."""
    end = time.monotonic() + seconds
    while True:
        with open(path, "a" if make else "r", encoding="utf-8") as handle:
            _flock(handle, path, end, seconds)
            # Who removed the project while we waited removed this file: the lock is another one now.
            if os.path.exists(path) and os.path.samestat(os.fstat(handle.fileno()), os.stat(path)):
                yield handle
                return


def _flock(handle: t.IO[str], path: str, end: float, seconds: float) -> None:
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if time.monotonic() >= end:
                raise LockHeld(
                    f"{path} is held by {lock_holder(handle)} for more than {seconds:.0f} s; wait for it or end it"
                ) from None
            time.sleep(0.1)


def committed(project_dir: str) -> dict[str, t.Any]:
    """The manifest, where the files on the disk are the ones that proved to work. Call it with the lock held."""
    state_dir = os.path.join(project_dir, STATE_DIR)
    if os.path.exists(os.path.join(state_dir, PENDING)):
        raise Refused(f"a change of {project_dir} has not ended")
    manifest = read_manifest(state_dir)
    if manifest is None:
        raise Refused(f"no state of {project_dir} has proved to work yet")
    for path, entry in manifest["files"].items():
        if sha256(os.path.join(project_dir, path)) != entry["sha256"]:
            raise Refused(f"{os.path.join(project_dir, path)} is not the file that proved to work")
    return manifest


def command(project_dir: str, service: str, seconds: t.Sequence[str] = ()) -> list[str]:
    """What makes a new container of a service. Call it with the lock held."""
    manifest = committed(project_dir)
    if service not in manifest["hashes"]:
        raise Refused(f"project {manifest['project']} has no service {service}")
    compose = ["docker", "compose", "-p", manifest["project"], "--project-directory", project_dir]
    compose += ["-f", os.path.join(project_dir, COMPOSE_FILE)]
    up = ["up", "--detach", "--no-build", "--pull", "never", "--no-deps", "--force-recreate"]
    up += [*(["--timeout", seconds[0]] if seconds else []), service]
    return ["timeout", "-k", "5", str(COMPOSE_SECONDS), *compose, *up]


def main(arguments: list[str], seconds: float = LOCK_SECONDS) -> int:
    """Returns only where nothing is done."""
    if len(arguments) not in (2, 3) or not all(word.isdigit() for word in arguments[2:]):
        return _say(__doc__ or "", USAGE)
    project_dir, service, *grace = arguments
    try:
        with locked(os.path.join(project_dir, STATE_DIR, LOCK), seconds) as handle:
            words = command(project_dir, service, grace)
            os.set_inheritable(handle.fileno(), True)
            os.execvp(words[0], words)
    except LockHeld as held:
        return _say(str(held), HELD)
    except FileNotFoundError:
        return _say(f"{project_dir} is no project of ours", REFUSED)
    except Refused as refused:
        return _say(str(refused), REFUSED)


def _say(text: str, status: int) -> int:
    sys.stdout.write(f"{text}\n")
    return status


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
