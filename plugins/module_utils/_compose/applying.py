# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Carries out a plan: writes what differs, starts the job, and keeps what proved to work.

Whether the services become healthy is watching's to say, and the way back taking_back's.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.absence import clean_replaced
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import ProjectError
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    make_directory,
    remove_files,
    write_files,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.hooks import remembered
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Attachment, Plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import UP, Project, removal

#: How long others wait for what leaves: a vLLM that has requests to finish takes two minutes and a half by default.
GONE_SECONDS = 600


def apply(project: Project, plan: Plan) -> bool:
    """Writes what differs and starts the job; whether there was anything to do."""
    unfinished = project.store.pending()
    if project.job.kind != UP:
        project.job.forget()
    if not plan.changed and not unfinished:
        # A file that could not be read, or the mark of a removal that nobody wants any more, would keep the watch away.
        project.store.end_pending()
        return False
    project.store.ensure()
    if plan.actions or plan.replaced or project.job.return_code():
        project.job.forget()
    pending = _pending(project, plan, unfinished)
    project.store.save_pending(pending)
    _write(project, plan)
    commands = _commands(project, plan)
    if commands:
        # Before this nothing was stopped: a failure up to here needs no container to be made anew.
        touched = sorted({*plan.touched, *unfinished.get("touched", [])})
        project.store.save_pending({**pending, "touched": touched, "started": True})
        project.job.start(commands, UP)
    return True


def _write(project: Project, plan: Plan) -> None:
    for directory, _difference in plan.directories:
        make_directory(project.want.project_dir, directory)
    write_files(project.want.project_dir, [change.spec for change in plan.files])
    remove_files(project.want.project_dir, plan.removed_files)
    for name, internal in plan.networks:
        project.engine.create_network(name, internal)


def _commands(project: Project, plan: Plan) -> list[list[str]]:
    ended = [found.id for found in [*plan.replaced, *(plan.recreated if plan.stop_first else [])]]
    stop = [["docker", "stop", *ended]] if ended else []
    made = [one for one in plan.attachments if _made(project, plan, one)]
    up = [*_others_gone(plan), *project.up(plan.force, made)] if plan.recreating else []
    # With a network that is gone no container starts; a guest leaves a former network once its new one is there.
    out = [one for one in plan.attachments if one.leaves and one.container in plan.definition.names.values()]
    rest = [one.command for one in plan.attachments if one not in (*made, *out)]
    reloads = [command for found in plan.reloads for command in project.want.reload[found.service].commands(found.id)]
    return [*stop, *removal(plan.orphans), *(one.command for one in out), *up, *rest, *reloads]


def _made(project: Project, plan: Plan, one: Attachment) -> bool:
    """Whether the container is made anew in this run."""
    service = next((name for name, known in plan.definition.names.items() if known == one.container), "")
    return service in project.want.attach and plan.actions.get(service, "").startswith(("create", "recreate"))


def _others_gone(plan: Plan) -> list[list[str]]:
    """What holds ports or memory of a GPU that this project is about to take ends at the same time, by a job of its own."""
    if not plan.gone_first:
        return []
    names = ", ".join(found.name for found in plan.gone_first)
    words = f'echo waiting for the end of "$0"; timeout {GONE_SECONDS} docker wait "$@" >/dev/null 2>&1 || true'
    return [["/bin/sh", "-c", words, names, *(found.id for found in plan.gone_first)]]


def _pending(project: Project, plan: Plan, unfinished: dict[str, t.Any]) -> dict[str, t.Any]:
    """What a take-back and the next run must know of this run; an unfinished run before it may have had its effects."""
    migrating = set(plan.image_changes) & set(project.want.forward_only)
    made = [spec.path for spec, what in plan.directories if what == "create"]
    definition = plan.definition
    return {
        "project": project.want.name,
        "files": [spec.path for spec in project.want.files],
        "removing": plan.removed_files,
        "made": sorted({*made, *project.store.made_directories()}),
        "services": plan.digests,
        "images": definition.images,
        "hashes": definition.hashes,
        "names": definition.names,
        "compose": definition.key,
        "hooks": remembered(project.want.hooks),
        "restarts": plan.restarts,
        "touched": unfinished.get("touched", []),
        "no_rollback": sorted(migrating | set(unfinished.get("no_rollback", []))),
        "replaced": sorted({found.id for found in plan.replaced}),
        "started": unfinished.get("started", False),
        "verified": False,
        "rolled_back": False,
    }


def commit(project: Project, look: Look, declared_files: t.Container[str]) -> None:
    """Keeps a state that proved to work as the way back, and lets go of what it replaced."""
    pending = project.store.pending()
    if not pending:
        return
    if not pending["verified"]:
        raise ProjectError(f"project {project.want.name} has not been verified; run the step verify before commit")
    if not pending["rolled_back"]:
        project.store.keep_good(pending)
        project.store.forget_former()
        gone = [found.id for found in look.by_id(pending["replaced"])]
        if gone:
            project.engine.run("rm", *gone)
            look.forget(gone)
        clean_replaced(project, look, declared_files)
    project.store.end_pending()
