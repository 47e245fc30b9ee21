# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is remembered of a project between runs, in a directory that only root can read.

`good/` holds the files of the last state that proved to work and a manifest of it, `previous/` those of the one before, `pending.json` what the change in
progress is doing, `job/` the work on the host, `lock` the lock; recreate.py has the protocol. A file that is cut off,
damaged or of other types than its readers expect counts as none: it never blocks a run.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import stat
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    FileSpec,
    absolute,
    read_text,
    remove_empty,
    remove_files,
    write_file,
    write_files,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.recreate import (
    ANY,
    GOOD,
    LOCK,
    MANIFEST,
    MANIFEST_SHAPE,
    PENDING,
    STATE_DIR,
    fits,
    read_json,
    read_manifest,
)

State = dict[str, t.Any]

#: What a change that proves to work hands over to the manifest.
KEPT = ("project", "made", "services", "images", "hashes", "names", "compose", "hooks")
PENDING_SHAPE: dict[str, t.Any] = {
    **{name: MANIFEST_SHAPE[name] for name in KEPT},
    "files": [str],
    "removing": [str],
    "restarts": {ANY: int},
    "touched": [str],
    "no_rollback": [str],
    "replaced": [str],
    "started": bool,
    "verified": bool,
    "rolled_back": bool,
}
#: Of them, what tells one state of the services from another.
SERVICES = ("images", "hashes", "services")
#: The state that worked before the good one.
PREVIOUS = "previous"
#: Every image that the project ever ran, by the name in its compose file: what may be removed one day.
IMAGES = "images.json"
IMAGES_KEPT = 200
#: The manifest of the release before: path to name of the copy, mode, owner and group.
FORMER_APPLIED = "applied.json"


class Store:
    def __init__(self, project_dir: str) -> None:
        self.project_dir = project_dir
        self.path = os.path.join(project_dir, STATE_DIR)
        self.lock = os.path.join(self.path, LOCK)

    @property
    def exists(self) -> bool:
        return os.path.isdir(self.path)

    def ensure(self) -> None:
        os.makedirs(self.project_dir, mode=0o755, exist_ok=True)
        os.makedirs(self.path, mode=0o700, exist_ok=True)

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    # ---- the change in progress

    def pending(self) -> State:
        """Empty where no change is in progress."""
        found = read_json(self.file(PENDING))
        return found if fits(found, PENDING_SHAPE) else {}

    def save_pending(self, pending: State) -> None:
        text = json.dumps(pending, indent=1, sort_keys=True)
        write_file(self.file(PENDING), text, 0o600, os.getuid(), os.getgid())

    def end_pending(self) -> None:
        if os.path.exists(self.file(PENDING)):
            os.unlink(self.file(PENDING))

    # ---- the last state that proved to work

    def good(self) -> State:
        """Empty where there is none."""
        return read_manifest(self.path) or {}

    def way_back(self) -> State:
        """The good state with all its copies proven whole, or that of the release before; empty where there is none."""
        good = self.good() or self._former_good()
        for entry in good.get("files", {}).values():
            content = read_text(self._copy(entry))
            if content is None or entry["sha256"] not in ("", _sha256(content)):
                return {}
        return good

    def keep_good(self, pending: State) -> None:
        """Copies the files that just proved to work. A run that ends half way leaves the former copy or this one."""
        fresh = self.file(GOOD + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        os.makedirs(fresh, mode=0o700)
        files = {}
        for number, path in enumerate(sorted(pending["files"])):
            source = absolute(self.project_dir, path)
            content, found = read_text(source) or "", os.stat(source)
            write_file(os.path.join(fresh, str(number)), content, 0o600, os.getuid(), os.getgid())
            files[path] = {
                "copy": str(number),
                "mode": stat.S_IMODE(found.st_mode),
                "owner": found.st_uid,
                "group": found.st_gid,
                "sha256": _sha256(content),
            }
        manifest = json.dumps({**{name: pending[name] for name in KEPT}, "files": files}, indent=1, sort_keys=True)
        write_file(os.path.join(fresh, MANIFEST), manifest, 0o600, os.getuid(), os.getgid())
        self._remember_images(pending)
        self._retire(pending)
        os.rename(fresh, self.file(GOOD))

    def _remember_images(self, pending: State) -> None:
        before = self.images()
        found = list(dict.fromkeys([*before, *self.good().get("images", {}).values(), *pending["images"].values()]))
        if found != before:
            write_file(self.file(IMAGES), json.dumps(found[-IMAGES_KEPT:]), 0o600, os.getuid(), os.getgid())

    def images(self) -> list[str]:
        """Those that the project ran, the latest last."""
        found = read_json(self.file(IMAGES))
        return found if fits(found, [str]) else []

    def _retire(self, pending: State) -> None:
        """What worked until now is kept too. The same services again, as when only a neighbour changed, are no other state."""
        former = self.good()
        if former and any(former[name] != pending[name] for name in SERVICES):
            shutil.rmtree(self.file(PREVIOUS), ignore_errors=True)
            os.rename(self.file(GOOD), self.file(PREVIOUS))
        else:
            shutil.rmtree(self.file(GOOD), ignore_errors=True)

    def previous(self) -> tuple[State, dict[str, str]]:
        """The state before the good one, with its files' contents; empty where there is none that is whole."""
        found = read_manifest(self.path, PREVIOUS) or {}
        texts = {path: self._kept_text(entry) for path, entry in found.get("files", {}).items()}
        whole = all(
            text is not None and _sha256(text) == found["files"][path]["sha256"] for path, text in texts.items()
        )
        return (found, {path: text or "" for path, text in texts.items()}) if whole else ({}, {})

    def _kept_text(self, entry: State) -> str | None:
        return read_text(os.path.join(self.path, PREVIOUS, os.path.basename(entry["copy"])))

    def restore(self, good: State, written: t.Iterable[str]) -> None:
        """Puts a good state's files back and removes what the failed run added to them."""
        specs = []
        for path, entry in good.get("files", {}).items():
            content = read_text(self._copy(entry)) or ""
            specs.append(FileSpec(path, content, entry["mode"], entry["owner"], entry["group"], False, ()))
        write_files(self.project_dir, specs)
        remove_files(self.project_dir, sorted(set(written) - set(good.get("files", {}))))

    def _copy(self, entry: State) -> str:
        return os.path.join(self.path, GOOD, os.path.basename(entry["copy"]))

    # ---- of both

    def newest(self, started: int, now: int) -> bool:
        """Whether nobody who began later has held the lock yet; notes the time (ns) for the next. Call it with the lock held.

        A run that is killed leaves its module behind, waiting for the lock with what was declared then. A time that lies in
        the future is of a clock that was put back, and says nothing.
        """
        found = (read_text(self.lock) or "")[:20]
        last = int(found) if found.isascii() and found.isdigit() else 0
        if started < last <= now:
            return False
        # That the disk is full is told by what has to be written.
        with contextlib.suppress(OSError), open(self.lock, "w", encoding="utf-8") as handle:
            handle.write(str(started))
        return True

    def written_files(self) -> list[str]:
        """Every file on the disk that a run wrote."""
        pending = self.pending()
        known = {*pending.get("files", []), *pending.get("removing", []), *self.good().get("files", {})}
        known.update(self._former_files())
        return sorted(path for path in known if os.path.lexists(absolute(self.project_dir, path)))

    def made_directories(self) -> set[str]:
        return {*self.pending().get("made", []), *self.good().get("made", [])}

    def forget_former(self) -> None:
        if os.path.exists(self.file(FORMER_APPLIED)):
            os.unlink(self.file(FORMER_APPLIED))

    def remove(self) -> None:
        """All that is remembered. The lock goes last; who waits for it sees that it has gone."""
        for name in (GOOD, GOOD + ".new", PREVIOUS, "job", "fetch"):
            shutil.rmtree(self.file(name), ignore_errors=True)
        for name in (PENDING, FORMER_APPLIED, IMAGES, LOCK):
            if os.path.exists(self.file(name)):
                os.unlink(self.file(name))
        remove_empty(self.path)
        remove_empty(self.project_dir)

    # ---- the release before this layout

    def _former_files(self) -> list[str]:
        applied = read_json(self.file(FORMER_APPLIED))
        files = applied["files"] if fits(applied, {"files": [str]}) else []
        return [*files, *self._former_good().get("files", {})]

    def _former_good(self) -> State:
        found = read_json(os.path.join(self.path, GOOD, MANIFEST))
        if not isinstance(found, dict) or "files" in found:
            return {}
        names = ("copy", "mode", "owner", "group")
        entries = {path: dict(zip(names, row)) for path, row in found.items() if fits(row, list) and len(row) == 4}
        shape = {"copy": str, "mode": int, "owner": int, "group": int}
        if len(entries) != len(found) or not all(fits(entry, shape) for entry in entries.values()):
            return {}
        return {"project": "", "files": {path: {**entry, "sha256": ""} for path, entry in entries.items()}}


def _sha256(content: str) -> str:
    return hashlib.sha256(content.encode("utf-8", "surrogateescape")).hexdigest()
