# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes one project a step further when its time has come: from fetched to applied, from healthy to verified, committed."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.absence import finish_removal
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.applying import commit
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import ABSENT
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.hooks import disproof, run_hooks
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import line_diff
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import FETCH, STOP, Project
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.protocol import Phase, Rollback, Step
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.watching import status

Status = dict[str, t.Any]

#: The images are here, so the caller goes on with a new plan.
FETCHED = "fetched"


def advance(project: Project, look: Look, job: Status | None, step: str, declared_files: t.Container[str]) -> Status:
    """The project's status after that. *job* is where its job stood before *look* was taken (job_status);
    *declared_files* are those of all projects, which nobody cleans away.
    """
    kind = project.job.kind
    if project.want.state == ABSENT or kind == STOP:
        return job or _ended(project, look, step, declared_files)
    if kind == FETCH:
        return _fetched(project, job, step)
    if project.store.pending().get("rolled_back"):
        return _taken_back(project, look, job, declared_files)
    if step == Step.APPLY:
        return job or {"phase": Phase.DONE}
    if step == Step.COMMIT:
        commit(project, look, declared_files)
        return {"phase": Phase.DONE}
    found = status(project, look, job)
    return _verified(project, look, step, declared_files, found) if found["phase"] == Phase.DONE else found


def _ended(project: Project, look: Look, step: str, declared_files: t.Container[str]) -> Status:
    if project.want.state == ABSENT and step in (Step.ALL, Step.APPLY):
        finish_removal(project, look, declared_files)
    return {"phase": Phase.DONE}


def _fetched(project: Project, job: Status | None, step: str) -> Status:
    if job is not None:
        return {**job, "rollback": Rollback.UNTOUCHED} if job["phase"] == Phase.FAILED else job
    project.job.forget()
    return {"phase": Phase.DONE if step == Step.FETCH else FETCHED}


def _verified(project: Project, look: Look, step: str, declared_files: t.Container[str], found: Status) -> Status:
    changed = run_hooks(project, project.watched(look))
    pending = project.store.pending()
    if pending:
        project.store.save_pending({**pending, "verified": True})
        if step == Step.ALL:
            commit(project, look, declared_files)
    diff = [line_diff(f"{project.want.name}: hook", "", what) for what in changed]
    return {**found, "hooks": changed, "hook_diff": diff}


def _taken_back(project: Project, look: Look, job: Status | None, declared_files: t.Container[str]) -> Status:
    found = status(project, look, job)
    if found["phase"] != Phase.DONE:
        return found
    unproven = disproof(project, project.watched(look))
    project.store.save_pending({**project.store.pending(), "verified": True})
    commit(project, look, declared_files)
    return {**found, "unproven": unproven}
