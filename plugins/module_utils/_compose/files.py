# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files and directories: what differs from the disk, and writing it so that a reader never sees half a file."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import stat
import tempfile
import typing as t


class FileSpec(t.NamedTuple):
    """One file as it should be. `path` is relative to the project directory or absolute."""

    path: str
    content: str
    mode: int
    owner: int
    group: int
    secret: bool
    services: tuple[str, ...]
    reload: tuple[str, ...] = ()

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


def is_empty_directory(path: str) -> bool:
    """What Docker leaves at the place of a mounted file that it missed. Nothing is lost with it."""
    return os.path.isdir(path) and not os.path.islink(path) and not os.listdir(path)


def read_text(path: str) -> str | None:
    """None where there is no such file; undecodable bytes and line ends count as different, not as an error."""
    if is_empty_directory(path):
        return None
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


class StagedFile(t.NamedTuple):
    """Content that is on the disk under another name, waiting for its own."""

    temporary: str
    path: str


def stage_file(path: str, content: str, mode: int, owner: int, group: int) -> StagedFile:
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
    except BaseException:
        os.unlink(temporary)
        raise
    return StagedFile(temporary, path)


def name_file(staged: StagedFile) -> None:
    if is_empty_directory(staged.path):
        os.rmdir(staged.path)
    os.replace(staged.temporary, staged.path)


def write_file(path: str, content: str, mode: int, owner: int, group: int) -> None:
    staged = stage_file(path, content, mode, owner, group)
    try:
        name_file(staged)
    except BaseException:
        os.unlink(staged.temporary)
        raise


def write_files(project_dir: str, specs: t.Iterable[FileSpec]) -> None:
    """All or none, as far as a full disk is the reason: no name changes before every content is there."""
    staged: list[StagedFile] = []
    try:
        for spec in specs:
            path = absolute(project_dir, spec.path)
            staged.append(stage_file(path, spec.content, spec.mode, spec.owner, spec.group))
        while staged:
            name_file(staged[0])
            staged.pop(0)
    finally:
        for left in staged:
            os.unlink(left.temporary)


def remove_files(project_dir: str, paths: t.Iterable[str]) -> None:
    """The files, and folders below the project's that are empty then."""
    for path in paths:
        target = absolute(project_dir, path)
        if is_empty_directory(target):
            os.rmdir(target)
        elif os.path.lexists(target):
            os.unlink(target)
        folder = os.path.dirname(target)
        while folder.startswith(project_dir + os.sep) and _remove_if_empty(folder):
            folder = os.path.dirname(folder)


def _remove_if_empty(folder: str) -> bool:
    try:
        os.rmdir(folder)
    except OSError:
        return False
    return True


def remove_empty(folder: str) -> None:
    """Nothing happens to a folder that holds something."""
    _remove_if_empty(folder)


class DirectorySpec(t.NamedTuple):
    path: str
    mode: int
    owner: int
    group: int


def plan_directories(
    project_dir: str, specs: t.Iterable[DirectorySpec], made: t.Container[str]
) -> list[tuple[DirectorySpec, str]]:
    """What is missing, and what has another owner or mode of those that are ours.

    Ours is what lies in the project's own directory, by a relative path, and what we made. A folder of weights that
    was there before keeps the owner and mode that its users gave it.
    """
    changes = []
    for spec in specs:
        path = absolute(project_dir, spec.path)
        if not os.path.isdir(path):
            changes.append((spec, "create"))
        elif not os.path.isabs(spec.path) or spec.path in made:
            attributes = attribute_changes(path, spec.mode, spec.owner, spec.group)
            if attributes:
                changes.append((spec, ", ".join(attributes)))
    return changes


def make_directory(project_dir: str, spec: DirectorySpec) -> None:
    path = absolute(project_dir, spec.path)
    os.makedirs(path, exist_ok=True)
    os.chown(path, spec.owner, spec.group)
    os.chmod(path, spec.mode)
