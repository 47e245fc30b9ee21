# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole look: each part by itself and all at once, so that it takes as long as its slowest part."""

from __future__ import annotations

import concurrent.futures
import os
import shutil
from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.llmfleet.gateway.plugins.module_utils._gate import traffic

from . import disks, driver, engine, gpus, openpgp, packages, ports, read, services, system, toolkit
from .run import Run

Asked = Mapping[str, Any]
Part = Callable[[], Any]


def look_at_gpus(run: Run, asked: Asked, root: str) -> dict[str, Any]:
    """GPUs with the container of each process, driver and toolkit."""
    found = gpus.look(run, gpus.find_smi(), root)
    for gpu in found["gpus"]:
        for process in gpu["processes"]:
            process["container"] = ports.container_of(process["pid"], root) if process["pid"] else None
    running = system.kernel(root)["release"]
    return {
        "gpu": found,
        "driver": driver.driver(run, found, running, asked["kernel"] or "", root),
        "toolkit": toolkit.toolkit(run, root),
    }


def look_at_engine(run: Run, asked: Asked) -> dict[str, Any]:
    """The engine with its images and containers, and room for more images."""
    docker = shutil.which("docker")
    info = engine.answer(run, docker)
    return {
        "docker": engine.engine(info),
        "containers": engine.containers(run, docker),
        "images": engine.images_present(run, docker, asked["images"]),
        "images_room": disks.room(engine.data_root(info)),
    }


def look_at_packages(run: Run, asked: Asked, root: str) -> dict[str, Any]:
    """Packages, and what apt's sources come to."""
    manager = system.system(root)["package_manager"]
    targets = asked["apt_targets"] and manager == "apt"
    return {
        "packages": packages.installed(run, manager, asked["packages"], root),
        "apt_targets": packages.apt_targets(run) if targets else [],
        "repositories": read.naming(asked["repositories"], root),
    }


def look_at_files(asked: Asked) -> dict[str, Any]:
    """Files that were asked for, and what earlier runs kept."""
    return {
        "files": read.digests(asked["files"]),
        "fingerprints": openpgp.fingerprints_of(asked["key_files"]),
        "reading": disks.kept(asked["reading"]) if asked["reading"] else None,
        "figures": disks.kept(asked["figures"]) if asked["figures"] else None,
        "answers": disks.kept(asked["answers"]) if asked.get("answers") else None,
        "gate_away": traffic.away(read.read_text(asked["gate_states"])) if asked.get("gate_states") else [],
    }


def look_at_models(asked: Asked) -> dict[str, Any]:
    """Room for models, and those that are there."""
    place = asked["models_dir"]
    return {
        "models_room": disks.room(place) if place else None,
        "models": {name: disks.model_bytes(place or "", name) for name in asked["models"]},
        "model_folders": {path: disks.model_folder(path) for path in asked["model_folders"]},
    }


def look_at_system(run: Run, root: str) -> dict[str, Any]:
    """The system itself."""
    return {
        "system": system.system(root),
        "kernel": system.kernel(root),
        "memory_mb": system.memory_mb(root),
        "vcpus": os.cpu_count() or 1,
        "addresses": system.addresses(run),
    }


def parts(run: Run, asked: Asked, root: str) -> dict[str, Part]:
    """What is looked at, by name."""
    found: dict[str, Part] = {
        "system": lambda: look_at_system(run, root),
        "packages": lambda: look_at_packages(run, asked, root),
        "files": lambda: look_at_files(asked),
        "services": lambda: {"services": services.services(run, asked["units"])},
        "docker": lambda: look_at_engine(run, asked),
        "models": lambda: look_at_models(asked),
        "listeners": lambda: {"listeners": ports.listeners(asked["ports"], root)},
        "urls": lambda: {"urls": ports.reach_all(asked["urls"], asked["timeout"])},
    }
    if asked["gpus"]:
        found["gpus"] = lambda: look_at_gpus(run, asked, root)
    return found


def empty(asked: Asked) -> dict[str, Any]:
    """What a host is told to have where a part could not be looked at."""
    nothing: dict[str, Any] = {"gpu": {}, "driver": {}, "toolkit": {}, "docker": engine.engine({"error": "not read"})}
    lists = ("containers", "images", "packages", "apt_targets", "listeners", "urls", "gate_away")
    nothing.update({name: [] for name in lists})
    nothing.update(
        {name: {} for name in ("repositories", "files", "fingerprints", "services", "models", "model_folders")}
    )
    return {**nothing, "images_room": None, "models_room": None, "reading": None, "figures": None, "answers": None}


def guarded(name: str, part: Part) -> dict[str, Any]:
    """A part's findings; one that fails keeps no other from being told."""
    try:
        return dict(part())
    except Exception as exc:
        return {"faults": {name: f"{type(exc).__name__}: {exc}"[:300]}}


def look(run: Run, asked: Asked, root: str = "/") -> dict[str, Any]:
    """Everything that is asked for."""
    every = parts(run, asked, root)
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(every)) as pool:
        answers = list(pool.map(lambda name: guarded(name, every[name]), every))
    found = empty(asked)
    faults: dict[str, str] = {}
    for answer in answers:
        faults.update(answer.pop("faults", {}))
        found.update(answer)
    return {**found, "faults": faults}
