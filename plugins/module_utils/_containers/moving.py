# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A folder of weights at another place: linked on the same disk, copied and compared on another. The old one goes only as far as all of
it is at the new place.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import typing as t

CHUNK = 1 << 22
WEIGHTS = (".safetensors", ".gguf", ".bin", ".pt", ".pth")


class MoveError(Exception):
    """Why it can't be done, with the remedy as the last line."""


def entries(root: str) -> list[str]:
    """Every folder, file and link below, folders before what is in them."""
    found = []
    for folder, names, files in os.walk(root):
        found += [os.path.relpath(os.path.join(folder, name), root) for name in sorted([*names, *files])]
    return found


def same(one: str, other: str) -> bool:
    """As a copy leaves it: links to the same, files of one size and time."""
    try:
        here, there = os.lstat(one), os.lstat(other)
    except OSError:
        return False
    if stat.S_IFMT(here.st_mode) != stat.S_IFMT(there.st_mode):
        return False
    if stat.S_ISLNK(here.st_mode):
        return os.readlink(one) == os.readlink(other)
    if stat.S_ISDIR(here.st_mode):
        return True
    return (here.st_size, int(here.st_mtime)) == (there.st_size, int(there.st_mtime))


def holds_weights(path: str) -> bool:
    """A cache of the hub, or files of a model in it or in a folder of it: what containers get to see is to be nothing else."""
    inside = [name for name in [".", *os.listdir(path)] if os.path.isdir(os.path.join(path, name))]
    files = {name for folder in inside for name in os.listdir(os.path.join(path, folder))}
    return "hub" in inside or any(name == "config.json" or name.endswith(WEIGHTS) for name in files)


class Move:
    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = os.path.realpath(source), os.path.realpath(target)
        # An empty one would be the folder that the module happens to run in.
        if not os.path.isabs(source) or not os.path.isdir(self.source):
            raise MoveError(
                f"{source or 'An empty name'} is no folder here\nGive the folder where the weights are with -e from_dir=FOLDER"
            )
        if self.source == self.target or _inside(self.target, self.source) or _inside(self.source, self.target):
            raise MoveError(
                f"{source} and {target} are one folder, or one is in the other\nDeclare another vllm_models_dir first"
            )

        if not holds_weights(self.source):
            raise MoveError(
                f"{source} holds no weights, neither a cache of the hub nor a model's folder, so nothing of it is brought to"
                f" {target}\nGive the folder where the weights are with -e from_dir=FOLDER"
            )

    def missing(self) -> list[str]:
        return [path for path in entries(self.source) if not same(self._old(path), self._new(path))]

    def size(self, paths: t.Iterable[str]) -> int:
        """Of plain files."""
        found = (os.lstat(self._old(path)) for path in paths)
        return sum(one.st_size for one in found if stat.S_ISREG(one.st_mode))

    def links(self) -> bool:
        """On one disk nothing is copied."""
        place = self.target
        while not os.path.exists(place):
            place = os.path.dirname(place)
        return os.stat(place).st_dev == os.stat(self.source).st_dev

    def check_room(self, needed: int) -> None:
        place = self.target
        while not os.path.exists(place):
            place = os.path.dirname(place)
        free = shutil.disk_usage(place).free
        if not self.links() and needed > free:
            raise MoveError(
                f"{self.target} has {free} bytes free, and {needed} are to be copied\nMake room there, or declare another folder"
            )

    def copy(self, paths: t.Sequence[str]) -> None:
        links = self.links()
        if not os.path.isdir(self.target):
            os.makedirs(self.target)
            _like(self.source, self.target)
        for path in paths:
            self._bring(self._old(path), self._new(path), links)

    def _bring(self, old: str, new: str, links: bool) -> None:
        mode = os.lstat(old).st_mode
        if stat.S_ISDIR(mode):
            os.makedirs(new, exist_ok=True)
            _like(old, new)
            return
        fresh = f"{new}.moving"
        if os.path.lexists(fresh):
            os.unlink(fresh)
        if stat.S_ISLNK(mode):
            os.symlink(os.readlink(old), fresh)
        elif links:
            os.link(old, fresh)
        elif stat.S_ISREG(mode):
            _copied(old, fresh)
        else:
            return
        os.replace(fresh, new)

    def remove(self) -> list[str]:
        """Of the old folder what is at the new place too; what is not, stays with the folders around it."""
        kept = set(self.missing())
        gone = [path for path in entries(self.source) if path not in kept]
        for path in reversed(gone):
            old = self._old(path)
            if os.path.isdir(old) and not os.path.islink(old):
                if not os.listdir(old):
                    os.rmdir(old)
            else:
                os.unlink(old)
        if not os.listdir(self.source):
            os.rmdir(self.source)
        return sorted(kept)

    def _old(self, path: str) -> str:
        return os.path.join(self.source, path)

    def _new(self, path: str) -> str:
        return os.path.join(self.target, path)


def _inside(path: str, folder: str) -> bool:
    return path.startswith(folder.rstrip(os.sep) + os.sep)


def _like(old: str, new: str) -> None:
    found = os.lstat(old)
    os.chown(new, found.st_uid, found.st_gid)
    shutil.copystat(old, new)


def _copied(old: str, new: str) -> None:
    """What is read back from the new place has to be what was read from the old one."""
    digest = hashlib.sha256()
    with open(old, "rb") as source, open(new, "wb") as target:
        for chunk in iter(lambda: source.read(CHUNK), b""):
            digest.update(chunk)
            target.write(chunk)
        target.flush()
        os.fsync(target.fileno())
    _like(old, new)
    again = hashlib.sha256()
    with open(new, "rb") as target:
        for chunk in iter(lambda: target.read(CHUNK), b""):
            again.update(chunk)
    if again.digest() != digest.digest():
        os.unlink(new)
        raise MoveError(f"{new} is not what was written there\nLook at that disk (dmesg), and run it again")


def perform(source: str, target: str, remove: bool, check_mode: bool) -> dict[str, t.Any]:
    if remove and not os.path.isdir(source):
        return {"changed": False, "bytes": 0, "files": 0, "linked": False, "kept": []}
    move = Move(source, target)
    if remove:
        kept = move.missing() if check_mode else move.remove()
        return {"changed": True, "bytes": 0, "files": 0, "linked": False, "kept": kept}
    paths = move.missing()
    size = move.size(paths)
    move.check_room(size)
    if not check_mode:
        move.copy(paths)
        if move.missing():
            raise MoveError(
                f"{move.missing()[0]} changed in {source} meanwhile\nEnd what writes there, and run it again"
            )
    return {"changed": bool(paths), "bytes": size, "files": len(paths), "linked": move.links(), "kept": []}
