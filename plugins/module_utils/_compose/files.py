# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A project's files: what differs from the disk, and writing it so that a reader never sees half a file."""

from __future__ import annotations

import grp
import hashlib
import json
import os
import pwd
import shutil
import stat
import tempfile
import typing as t

#: Everything that the module keeps for itself lies here, readable by root only.
STATE_DIR = ".llmfleet"


class FileSpec(t.NamedTuple):
    """One file as it should be. `path` is relative to the project directory or absolute."""

    path: str
    content: str
    mode: int
    owner: int
    group: int
    secret: bool
    services: tuple[str, ...]

    def digest(self) -> str:
        """What a container that reads this file depends on."""
        text = "\0".join([self.path, self.content, oct(self.mode), str(self.owner), str(self.group)])
        return hashlib.sha256(text.encode()).hexdigest()


class FileChange(t.NamedTuple):
    """A file that differs, and how: `before` is None where there is none."""

    spec: FileSpec
    before: str | None
    attributes: tuple[str, ...]

    @property
    def content_differs(self) -> bool:
        return self.before != self.spec.content

    def describe(self) -> str:
        if self.before is None:
            return "create"
        return "content" if self.content_differs else ", ".join(self.attributes)


def user_id(value: str) -> int:
    return int(value) if value.isdigit() else pwd.getpwnam(value).pw_uid


def group_id(value: str) -> int:
    return int(value) if value.isdigit() else grp.getgrnam(value).gr_gid


def absolute(project_dir: str, path: str) -> str:
    return path if os.path.isabs(path) else os.path.join(project_dir, path)


def read_text(path: str) -> str | None:
    """None where there is no such file; undecodable bytes and line ends count as different, not as an error."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as handle:
            return handle.read()
    except (FileNotFoundError, NotADirectoryError):
        return None


def attribute_changes(path: str, mode: int, owner: int, group: int) -> tuple[str, ...]:
    """Mode and owner where they differ, as `mode 0644 -> 0600`; nothing for a path that does not exist."""
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return ()
    changes = []
    if stat.S_IMODE(found.st_mode) != mode:
        changes.append(f"mode {stat.S_IMODE(found.st_mode):04o} -> {mode:04o}")
    if (found.st_uid, found.st_gid) != (owner, group):
        changes.append(f"owner {found.st_uid}:{found.st_gid} -> {owner}:{group}")
    return tuple(changes)


def plan_files(project_dir: str, specs: t.Iterable[FileSpec]) -> list[FileChange]:
    changes = []
    for spec in specs:
        path = absolute(project_dir, spec.path)
        before = read_text(path)
        attributes = attribute_changes(path, spec.mode, spec.owner, spec.group)
        if before != spec.content or attributes:
            changes.append(FileChange(spec, before, attributes))
    return changes


def write_file(path: str, content: str, mode: int, owner: int, group: int) -> None:
    """Owner and mode are set before the name exists, so that no one reads a secret in between."""
    directory = os.path.dirname(path)
    os.makedirs(directory, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=directory, prefix=".llmfleet-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="surrogateescape", newline="") as handle:
            os.fchown(handle.fileno(), owner, group)
            os.fchmod(handle.fileno(), mode)
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


class DirectorySpec(t.NamedTuple):
    path: str
    mode: int
    owner: int
    group: int


def plan_directories(project_dir: str, specs: t.Iterable[DirectorySpec]) -> list[tuple[DirectorySpec, str]]:
    changes = []
    for spec in specs:
        path = absolute(project_dir, spec.path)
        if not os.path.isdir(path):
            changes.append((spec, "create"))
        else:
            attributes = attribute_changes(path, spec.mode, spec.owner, spec.group)
            if attributes:
                changes.append((spec, ", ".join(attributes)))
    return changes


def make_directory(project_dir: str, spec: DirectorySpec) -> None:
    path = absolute(project_dir, spec.path)
    os.makedirs(path, exist_ok=True)
    os.chown(path, spec.owner, spec.group)
    os.chmod(path, spec.mode)


class StateStore:
    """What the module remembers of a project between runs, in a directory that only root can read.

    `applied.json` says which content every running service was last started with, `pending.json` what the
    run in progress is doing, and `good/` holds the files of the last start that became healthy.
    """

    def __init__(self, project_dir: str) -> None:
        self.project_dir = project_dir
        self.path = os.path.join(project_dir, STATE_DIR)
        self.good = os.path.join(self.path, "good")

    def ensure(self) -> None:
        os.makedirs(self.project_dir, mode=0o755, exist_ok=True)
        os.makedirs(self.path, mode=0o700, exist_ok=True)

    def file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def load(self, name: str) -> dict[str, t.Any]:
        text = read_text(self.file(name))
        return json.loads(text) if text else {}

    def save(self, name: str, value: dict[str, t.Any]) -> None:
        write_file(self.file(name), json.dumps(value, indent=1, sort_keys=True), 0o600, os.getuid(), os.getgid())

    def remove(self, name: str) -> None:
        if os.path.exists(self.file(name)):
            os.unlink(self.file(name))

    def has_good(self) -> bool:
        return os.path.isdir(self.good)

    def keep_good(self, paths: t.Iterable[str]) -> None:
        """Copies the files that just proved to work, replacing the copy before at once."""
        fresh = self.good + ".new"
        shutil.rmtree(fresh, ignore_errors=True)
        os.makedirs(fresh, mode=0o700)
        manifest = {}
        for number, path in enumerate(sorted(paths)):
            source = absolute(self.project_dir, path)
            found = os.stat(source)
            write_file(os.path.join(fresh, str(number)), read_text(source) or "", 0o600, os.getuid(), os.getgid())
            manifest[path] = [str(number), stat.S_IMODE(found.st_mode), found.st_uid, found.st_gid]
        with open(os.path.join(fresh, "manifest.json"), "w", encoding="utf-8") as handle:
            json.dump(manifest, handle)
        shutil.rmtree(self.good, ignore_errors=True)
        os.rename(fresh, self.good)

    def restore_good(self, written: t.Iterable[str]) -> None:
        """Puts the last working files back and removes what the failed run added to them."""
        manifest = json.loads(read_text(os.path.join(self.good, "manifest.json")) or "{}")
        for path, (name, mode, owner, group) in manifest.items():
            content = read_text(os.path.join(self.good, name))
            write_file(absolute(self.project_dir, path), content or "", mode, owner, group)
        for path in set(written) - set(manifest):
            target = absolute(self.project_dir, path)
            if os.path.exists(target):
                os.unlink(target)
