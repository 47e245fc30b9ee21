# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the action plugin compose_project and its module say to each other. Both import it; it imports nothing of ours."""

from __future__ import annotations


class Step:
    """What the task asks for, once it has the projects."""

    ALL = "all"
    FETCH = "fetch"
    APPLY = "apply"
    VERIFY = "verify"
    COMMIT = "commit"
    TAKE_BACK = "take_back"


STEPS = [Step.ALL, Step.FETCH, Step.APPLY, Step.VERIFY, Step.COMMIT, Step.TAKE_BACK]


class Call:
    """What the action plugin asks the module for in one round trip."""

    BEGIN = "begin"
    WATCH = "watch"
    TAKE_BACK = "take_back"
    STOP = "stop"


CALLS = [Call.BEGIN, Call.WATCH, Call.TAKE_BACK, Call.STOP]


class Phase:
    """Where one project stands when the module answers."""

    DONE = "done"
    #: Go on asking, by Call.WATCH.
    WAITING = "waiting"
    FAILED = "failed"
    #: The work of an earlier run still runs on the host: begin again later.
    BUSY = "busy"
    #: Said by the action plugin, which has the clock.
    TIMEOUT = "timeout"


class Stage:
    """What a waiting project is waiting for."""

    FETCHING = "fetching"
    STARTING = "starting"
    STOPPING = "stopping"
    HEALTHY = "healthy"


#: Stages that run a job on the host, for which pull_timeout counts; wait_timeout counts for the other one.
JOB_STAGES = (Stage.FETCHING, Stage.STARTING, Stage.STOPPING)

STAGE_WORDS = {
    Stage.FETCHING: "fetching",
    Stage.STARTING: "starting containers",
    Stage.STOPPING: "stopping containers",
    Stage.HEALTHY: "waiting for health",
}


class Change:
    """What a run would do to a project: the answer of the step fetch."""

    NEW = "new"
    CHANGED = "changed"
    RELOADED = "reloaded"
    REMOVED = "removed"
    UNCHANGED = "unchanged"


class Rollback:
    """What became of a failed state."""

    RESTORED = "restored"
    #: The last working files run again, and a check says that something does not work.
    UNPROVEN = "unproven"
    KEPT = "kept"
    STOPPED = "stopped"
    RUNNING = "running"
    FAILED = "failed"
    #: Nothing had been changed yet.
    UNTOUCHED = "untouched"
    #: There is no earlier state; the module's answer, which becomes stopped or running.
    NONE = "none"


#: Seconds for stages that run a job, and for the other one.
PULL_TIMEOUT, WAIT_TIMEOUT = 7200, 300
FORWARD_ONLY_HINT = "Restore the backup that was taken before the change, and run again with the former image."

#: Options that only the action plugin sets.
INTERNAL_OPTIONS = ("call", "only", "secret_contents", "window", "stop_services")
#: Parts of a project's answer that are not the task's result.
INTERNAL_RESULTS = ("phase", "stage", "progress", "services", "reason", "unproven")
