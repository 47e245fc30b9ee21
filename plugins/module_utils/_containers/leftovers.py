# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is left of ours on a host and nobody uses: images that projects of ours ran, weights below the project root, caches of instances
that are gone. Foreign images, models and folders are never among it.
"""

from __future__ import annotations

import os
import shutil
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.recreate import STATE_DIR
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import Store

IMAGE, MODEL, CACHE = "image", "model", "cache"
Found = dict[str, t.Any]


class Look(t.NamedTuple):
    """What is in use, by the declaration."""

    root: str
    models_dir: str
    cache_dir: str  # empty: in each instance's project
    models: t.Collection[str]  # repositories of the hub
    instances: t.Collection[str]
    images: t.Collection[str]


def find(engine: Engine, look: Look) -> list[Found]:
    return [*images(engine, look), *models(look), *caches(look)]


def remove(engine: Engine, found: t.Iterable[Found]) -> None:
    """EngineError or OSError with the first that can't be removed."""
    for one in found:
        if one["kind"] == IMAGE:
            # By its name and without force: another name of the image stays, and so does one that is in use by now.
            engine.run("image", "rm", one["name"], timeout=600.0)
        else:
            shutil.rmtree(one["name"])


# ---- images


def images(engine: Engine, look: Look) -> list[Found]:
    ran, needed = _images_of_projects(look.root)
    wanted = sorted(ran - needed - set(look.images))
    ids = engine.image_ids(wanted)
    busy, sizes = _in_use(engine), _sizes(engine, set(ids.values()))
    return [
        {"kind": IMAGE, "name": name, "bytes": sizes.get(ids[name], 0)}
        for name in wanted
        if name in ids and ids[name] not in busy
    ]


def _images_of_projects(root: str) -> tuple[set[str], set[str]]:
    """Those that projects ran, and of these what the state that works and the one before it need."""
    ran: set[str] = set()
    needed: set[str] = set()
    for folder, names, _files in os.walk(root):
        if STATE_DIR in names:
            store = Store(folder)
            ran.update(store.images())
            needed.update(store.good().get("images", {}).values(), store.previous()[0].get("images", {}).values())
        # No project lies inside another's data.
        names[:] = [name for name in names if name not in (STATE_DIR, "data", "cache", "models", "hub", "backups")]
    return ran | needed, needed


def _in_use(engine: Engine) -> set[str]:
    """Of all containers of the host, whoever's they are, running or not."""
    ids = engine.run("ps", "--all", "--quiet", "--no-trunc").split()
    return {found.image_id for found in engine.inspect(ids)}


def _sizes(engine: Engine, ids: t.Collection[str]) -> dict[str, int]:
    if not ids:
        return {}
    told = engine.run("image", "inspect", "--format", "{{.Id}} {{.Size}}", *sorted(ids))
    return {name: int(size) for name, size in (line.split() for line in told.splitlines() if line.strip())}


# ---- weights and caches


def models(look: Look) -> list[Found]:
    """Only below the project root: another folder may be somebody else's too."""
    if not _below(look.models_dir, look.root):
        return []
    used = {"models--" + name.replace("/", "--") for name in look.models}
    hub = os.path.join(look.models_dir, "hub")
    return [_folder(MODEL, path) for path in _folders(hub) if _is_weights(path) and os.path.basename(path) not in used]


def _is_weights(path: str) -> bool:
    return os.path.basename(path).startswith("models--")


def caches(look: Look) -> list[Found]:
    """Of instances that are neither declared nor there: a project that is there has its compose file."""
    shared = _folders(look.cache_dir) if look.cache_dir and _below(look.cache_dir, look.root) else []
    shared = [path for path in shared if not _holds_more(path, look)]
    projects = [path for path in _folders(os.path.join(look.root, "vllm")) if not _has_project(path)]
    own = [os.path.join(path, "cache") for path in projects if os.path.isdir(os.path.join(path, "cache"))]
    gone = [path for path in own if os.path.basename(os.path.dirname(path)) not in look.instances]
    return [
        _folder(CACHE, path)
        for path in [*gone, *(one for one in shared if os.path.basename(one) not in look.instances)]
    ]


def _has_project(path: str) -> bool:
    return os.path.exists(os.path.join(path, "compose.yml"))


def _holds_more(path: str, look: Look) -> bool:
    """Where the folder of caches is that of projects or of weights too, what lies in it is no cache."""
    weights = os.path.realpath(look.models_dir)
    around = os.path.dirname(os.path.realpath(path)) in (weights, os.path.realpath(os.path.join(look.root, "vllm")))
    return around or weights == os.path.realpath(path) or _below(weights, path) or STATE_DIR in os.listdir(path)


def _below(path: str, root: str) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(root) + os.sep)


def _folders(path: str) -> list[str]:
    """Links are left alone: what they lead to is elsewhere."""
    try:
        found = [os.path.join(path, name) for name in sorted(os.listdir(path))]
    except OSError:
        return []
    return [one for one in found if os.path.isdir(one) and not os.path.islink(one)]


def _folder(kind: str, path: str) -> Found:
    total = sum(_size(os.path.join(folder, name)) for folder, _names, files in os.walk(path) for name in files)
    return {"kind": kind, "name": path, "bytes": total}


def _size(path: str) -> int:
    """Nothing of what went meanwhile: a program may be at work in its cache."""
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def perform(engine: Engine, look: Look, wanted: t.Sequence[str] | None, check_mode: bool) -> Found:
    """Without *wanted* it only looks. What is not left over any more is not removed."""
    found = find(engine, look)
    chosen = [one for one in found if wanted is not None and one["name"] in wanted]
    if not check_mode:
        remove(engine, chosen)
    return {"changed": bool(chosen), "leftovers": found if wanted is None else chosen}
