# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Where a started project stands: its job, its containers' health, and what a person wants to know of them. Reads only."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import (
    FETCH,
    REMOVE,
    STOP,
    UP,
    Project,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.protocol import Phase, Stage

Status = dict[str, t.Any]

#: A progress line has to fit a terminal, a message has to be read.
PROGRESS_LENGTH, REASON_LENGTH, LOG_LINES = 160, 4000, 40
STAGES = {FETCH: Stage.FETCHING, UP: Stage.STARTING, STOP: Stage.STOPPING, REMOVE: Stage.STOPPING}
FAILURES = {
    FETCH: "what it needs can't be fetched",
    UP: "docker compose up failed",
    STOP: "stopping failed",
    REMOVE: "removing failed",
}


def job_status(project: Project) -> Status | None:
    """None where the job has done its work, or where there is none."""
    code, kind = project.job.return_code(), project.job.kind
    if code is None:
        progress = project.mask.tail(project.job.last_line(), PROGRESS_LENGTH)
        return {"phase": Phase.WAITING, "stage": STAGES.get(kind, Stage.STARTING), "progress": progress}
    if code == 0:
        return None
    output = project.mask.tail(project.job.output(), REASON_LENGTH)
    reason = f"{FAILURES.get(kind, 'the work on the host failed')}:\n{output}".strip()
    return {"phase": Phase.FAILED, "reason": reason, "services": []}


def status(project: Project, look: Look, job: Status | None) -> Status:
    """Of a project whose job starts containers, or that has no job. *job* is older than *look*, never younger."""
    containers = project.watched(look)
    if job and job["phase"] == Phase.WAITING:
        return {**job, "progress": _starting(project, job["progress"], containers)}
    restarts = project.store.pending().get("restarts", {})
    dead = [found for found in containers if _dead(found, restarts, project.want.max_restarts)]
    unready = [found for found in containers if not found.ready]
    if job:
        # Compose gives up at the first exit of a service that another waits for, long before that counts as dead here.
        guilty = dead or [found for found in unready if found.status != "created"]
        reason = "\n".join([job["reason"], last_logs(project, guilty)]).strip()
        return {**job, "reason": reason, "services": [found.service for found in unready]}
    if dead:
        services = [found.service for found in dead]
        return {"phase": Phase.FAILED, "reason": last_logs(project, dead), "services": services}
    if unready:
        return {"phase": Phase.WAITING, "stage": Stage.HEALTHY, "progress": _progress(project, unready)}
    return {"phase": Phase.DONE, "containers": [found.report() for found in containers]}


def _starting(project: Project, last: str, containers: list[Container]) -> str:
    """Compose's last line; while it waits for a service that another one depends on, what that service says."""
    if not last.endswith("Waiting"):
        return last
    return _progress(project, [found for found in containers if not found.ready and found.status != "created"]) or last


def _dead(found: Container, restarts: dict[str, int], limit: int) -> bool:
    if found.unhealthy or found.restarts - restarts.get(found.id, 0) > limit:
        return True
    return found.status in ("exited", "dead") and not found.finished


def last_logs(project: Project, containers: list[Container]) -> str:
    return "\n".join(
        f"{found.service} is {found.describe()}; its last words:\n"
        f"{project.mask.text(project.engine.logs(found, LOG_LINES))}"
        for found in containers
    )


def _progress(project: Project, unready: list[Container]) -> str:
    words = []
    for found in unready:
        last = project.mask.tail(project.engine.logs(found, 1), PROGRESS_LENGTH)
        words.append(f"{found.service}: {found.describe()}" + (f" ({last})" if last else ""))
    return "; ".join(words)
