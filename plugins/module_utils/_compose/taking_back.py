# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The way back from a state that failed: the last files that worked, or the container that was to be replaced."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.attaching import attachments_again
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container, EngineError
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look, same_directory
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import reload_key
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import (
    STOP,
    UP,
    Project,
    removal,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.protocol import Rollback
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import KEPT

State = dict[str, t.Any]


def take_back(project: Project, look: Look) -> str:
    """Starts the way back. Returns what there is to go back to."""
    pending = project.store.pending()
    if not pending:
        return Rollback.UNTOUCHED
    if pending["no_rollback"] and pending["started"]:
        return Rollback.KEPT
    way_back = project.store.way_back()
    if way_back.get("project") == project.want.name:
        _restore(project, look, pending, way_back)
        return Rollback.RESTORED
    if pending["replaced"]:
        _give_back(project, look, pending, way_back)
        return Rollback.RESTORED
    if not pending["started"] and not look.own(project.want):
        # Nothing ran before and nothing was started: without its files the project is as it was.
        project.store.restore({}, pending["files"])
        project.store.end_pending()
        return Rollback.UNTOUCHED
    return Rollback.NONE


def _restore(project: Project, look: Look, pending: State, good: State) -> None:
    _end_job(project)
    _end_restarts(project, [found for found in look.own(project.want) if found.service not in good["images"]])
    project.store.restore(good, pending["files"])
    project.store.save_pending(
        {
            **pending,
            **{name: good[name] for name in KEPT},
            "files": sorted(good["files"]),
            "removing": [],
            "restarts": {found.id: found.restarts for found in look.own(project.want)},
            "replaced": [],
            "no_rollback": [],
            "verified": False,
            "rolled_back": True,
        }
    )
    if pending["started"]:
        added = [found for found in look.own(project.want) if found.service not in good["images"]]
        force = sorted(set(pending["touched"]) & set(good["images"]))
        again = attachments_again(project, good["names"], force)
        project.job.start([*removal(added), *project.up(force, again), *_reloads(project, look, pending, force)], UP)


def _reloads(project: Project, look: Look, pending: State, force: t.Container[str]) -> list[list[str]]:
    """Those that may have taken files which were put back; what worked before needs no check."""
    due = [
        found
        for found in look.own(project.want)
        if reload_key(found.service) in pending["touched"] and found.service not in force and found.status == "running"
    ]
    ways = project.want.reload
    return [
        command for found in due if found.service in ways for command in ways[found.service].commands(found.id, False)
    ]


def _give_back(project: Project, look: Look, pending: State, former: State) -> None:
    """The new containers go, and the ones that they were to replace run again, with the files that they had."""
    _end_job(project)
    _end_restarts(project, look.own(project.want))
    shared = any(same_directory(entry.project_dir, project.want.project_dir) for entry in project.want.replaces)
    if former or not shared:
        project.store.restore(former, pending["files"])
    replaced = [found.id for found in look.by_id(pending["replaced"])]
    restarts = {found.id: found.restarts for found in look.by_id(pending["replaced"])}
    project.store.save_pending(
        {**pending, "files": [], "restarts": restarts, "replaced": replaced, "verified": False, "rolled_back": True}
    )
    if pending["started"]:
        start = [["docker", "start", *replaced]] if replaced else []
        project.job.start([*removal(look.own(project.want)), *start], UP)


def _end_restarts(project: Project, leaving: t.Iterable[Container]) -> None:
    """Of what is about to lose its files: Docker makes a directory of a mounted file that it misses when it starts a container
    again, and then nobody can write the file."""
    ids = [found.id for found in leaving]
    for container_id in ids:
        _run_unless_gone(project, "update", "--restart", "no", container_id)
    # A restart that was already waiting for its time goes on under the new policy; only stopping the container ends that.
    for found in project.engine.inspect(ids):
        if found.status == "restarting":
            _run_unless_gone(project, "stop", found.id)


def _run_unless_gone(project: Project, *command: str) -> None:
    try:
        project.engine.run(*command)
    except EngineError:
        pass  # it has ended by itself, or its removal will say why it can't


def _end_job(project: Project) -> None:
    project.job.stop()
    project.job.forget()


def stop(project: Project, look: Look, services: t.Container[str]) -> bool:
    """Ends a crash loop that no earlier configuration can replace, by the containers' ids."""
    ids = [found.id for found in look.own(project.want) if found.service in services]
    if ids:
        project.job.start([["docker", "stop", *ids]], STOP)
    return bool(ids)
