# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left on a host once the fleet's projects are gone: networks of ours that nobody is in, and our folders below the project root.
Known by label and by name; everything else is somebody's.
"""

from __future__ import annotations

import errno
import os
import shutil
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import LABEL_FLEET, Engine
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import remove_empty

#: Ours below the root. The first ones hold nothing that can't be made again.
PASSING = ("locks", "reading.json", "gate")
HOLDING = ("backup", "backups", "edge", "litellm", "models", "postgres", "redis", "vllm")
#: Folders of data, in which nothing is looked at.
DATA = ("data", "cache", "models", "hub", "backup", "backups")
LABEL_SHARED = "io.llmfleet.network"


def networks(engine: Engine) -> list[str]:
    """By our labels, with nobody in them: a foreign container may have joined one."""
    listed: list[str] = []
    for label in (LABEL_FLEET, LABEL_SHARED):
        listed += engine.run("network", "ls", "--filter", f"label={label}", "--format", "{{.Name}}").split()
    return [name for name in dict.fromkeys(listed) if not engine.members(name)]


def paths(root: str, data: bool) -> list[str]:
    """What goes as a whole."""
    found = [os.path.join(root, name) for name in PASSING + (HOLDING if data else ())]
    return [path for path in found if os.path.lexists(path) and not _only_mounted(path)]


def _only_mounted(path: str) -> bool:
    """Whether nothing is left of it but what a mounted disk needs."""
    return _has_mount(path) and not any(files for _folder, _names, files in os.walk(path))


def perform(engine: Engine | None, root: str, data: bool, check_mode: bool) -> dict[str, t.Any]:
    """Without an engine there are no networks."""
    left, gone = networks(engine) if engine else [], paths(root, data)
    if not check_mode:
        if engine:
            engine.remove_networks(left)
        for path in gone:
            _remove(path)
        for name in HOLDING:
            _remove_empty(os.path.join(root, name))
        remove_empty(root)
    kept = [os.path.join(root, name) for name in sorted(os.listdir(root))] if os.path.isdir(root) else []
    return {
        "changed": bool(left or gone),
        "removed": [*gone, *(f"network {name}" for name in left)],
        "kept": [path for path in kept if not (check_mode and path in gone)],
    }


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path, onerror=_unless_mounted)
    else:
        os.unlink(path)


def _unless_mounted(_function: t.Any, path: str, error: t.Any) -> None:
    """A disk that is mounted there is emptied and stays mounted, with the folders above it."""
    if error[1].errno not in (errno.EBUSY, errno.ENOTEMPTY) or not _has_mount(path):
        raise error[1]


def _has_mount(path: str) -> bool:
    return any(os.path.ismount(folder) for folder, _names, _files in os.walk(path))


def _remove_empty(path: str) -> None:
    """Folders in which a project had its files; from the bottom up, and none of data. What a link leads to is elsewhere."""
    if os.path.islink(path) or os.path.basename(path) in DATA:
        remove_empty(path)
        return
    for folder, _names, _files in os.walk(path, topdown=False):
        if not set(os.path.relpath(folder, path).split(os.sep)) & set(DATA):
            remove_empty(folder)
