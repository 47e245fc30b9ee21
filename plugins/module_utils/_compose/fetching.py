# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run would do to a project, and what can be fetched for it before: images, and what its fetching services bring.

A service with the label io.llmfleet.step=fetch only fetches, and ends by itself. It is run ahead from files of its own below
the state directory, as a container beside the project's, so that no file and no service of the project changes.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import ABSENT
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container, compose_args
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    DirectorySpec,
    make_directory,
    write_files,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import FETCH, Project
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.protocol import Change

LABEL_STEP = "io.llmfleet.step"
#: Folder below the state directory that the containers of fetching services read from.
FOLDER = "fetch"
FILE = "compose.json"
#: Runs a service by its compose file, and leaves neither the file nor the network that Compose made for it.
RUN = '"$@"; code=$?; docker network rm "$0" >/dev/null 2>&1; rm -rf {folder}; exit $code'


# ---- what would be done


def foresee(project: Project, plan: Plan, look: Look | None) -> dict[str, t.Any]:
    """The answer of the step fetch: what a run would do to the project, and whether it serves now."""
    serving = (look.own(project.want) or look.replaced(project.want)) if look else []
    return {
        "change": change(project, plan, bool(serving)),
        "stops": bool(plan.stopped),
        "ready": _serves(serving),
        "project_dir": project.want.project_dir,
        "pulls": plan.pulls,
        "fetches": plan.fetches,
    }


def change(project: Project, plan: Plan, there: bool) -> str:
    """One of the words of Change. A change that an earlier run did not bring to its end is one still."""
    if project.want.state == ABSENT:
        return Change.REMOVED if plan.changed else Change.UNCHANGED
    if not there:
        return Change.NEW
    if plan.reloads and not plan.recreating and not plan.replaced:
        return Change.RELOADED
    return Change.CHANGED if plan.changed or project.store.pending() else Change.UNCHANGED


def _serves(serving: t.Sequence[Container]) -> bool:
    """Whether every container works, and one of them runs on: those that ended by themselves serve nobody."""
    return all(found.ready for found in serving) and any(found.status == "running" for found in serving)


# ---- fetching services


def plan_fetches(project: Project, plan: Plan) -> None:
    """Those of the fetching services that would get another container. Compose is asked only where one would."""
    if plan.actions and project.want.state != ABSENT:
        plan.fetches = sorted(_fetching(project, plan))


def _fetching(project: Project, plan: Plan) -> dict[str, dict[str, t.Any]]:
    config = project.engine.config(project.want.name, _folder(project), project.want.compose)
    due = {name for name, action in plan.actions.items() if action != "remove"}
    services: dict[str, dict[str, t.Any]] = config.get("services") or {}
    return {
        name: service
        for name, service in services.items()
        if name in due and (service.get("labels") or {}).get(LABEL_STEP) == FETCH
    }


def _folder(project: Project) -> str:
    return project.store.file(FOLDER)


def fetch(project: Project, plan: Plan) -> None:
    """Starts the job. Nothing is stopped, and no file of the project changes."""
    project.store.ensure()
    commands = [["docker", "pull", image] for image in plan.pulls]
    if plan.fetches:
        commands += _runs(project, plan)
    project.job.start(commands, FETCH)


def _runs(project: Project, plan: Plan) -> list[list[str]]:
    folder, want = _folder(project), project.want
    found = _fetching(project, plan)
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, mode=0o700)
    write_files(folder, [spec for spec in want.files if set(spec.services) & set(found)])
    sources = {mount["source"] for service in found.values() for mount in service.get("volumes") or []}
    for directory in want.directories:
        if os.path.join(folder, directory.path) in sources:
            _have(folder, directory)
    bare = {name: _alone(service) for name, service in found.items()}
    with open(os.path.join(folder, FILE), "w", encoding="utf-8") as handle:
        json.dump({"name": want.name, "services": bare}, handle)
    compose = ["docker", *compose_args(want.name, folder, os.path.join(folder, FILE))]
    script = RUN.format(folder=shlex.quote(folder))
    network = f"{want.name}_default"
    return [
        ["/bin/sh", "-c", script, network, *compose, "run", "--rm", "--no-deps", "-T", name] for name in sorted(found)
    ]


def _have(folder: str, directory: DirectorySpec) -> None:
    """A directory elsewhere that is there keeps what it has."""
    if not os.path.isdir(os.path.join(folder, directory.path)) or not os.path.isabs(directory.path):
        make_directory(folder, directory)


def _alone(service: dict[str, t.Any]) -> dict[str, t.Any]:
    """Without the project's networks, which a changed definition would have Compose make anew, and without its name."""
    return {key: value for key, value in service.items() if key not in ("networks", "depends_on", "container_name")}
