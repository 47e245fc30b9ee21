# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All the projects of one module call: locks them, plans all, applies all, watches all; each succeeds or fails by itself."""

from __future__ import annotations

import contextlib
import time
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose import advance, planning
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.absence import (
    finish_removal,
    plan_absence,
    start_removal,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.applying import apply
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import (
    ABSENT,
    PREVIOUS,
    Declaration,
    ProjectError,
    declaration,
    refuse_duplicates,
    words,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import (
    Engine,
    EngineError,
    EngineMissing,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.fetching import fetch, foresee, plan_fetches
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import absolute
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.hooks import before_image_change, foresee_hooks
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.mask import Mask
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look, found_projects
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.previous import previous
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import UP, Project
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.protocol import (
    Call,
    Phase,
    Rollback,
    Stage,
    Step,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.recreate import LockHeld, locked
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.taking_back import stop, take_back
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.watching import job_status

Params = dict[str, t.Any]
Status = dict[str, t.Any]

#: How often containers are looked at while they start, in seconds.
POLL_SECONDS = 0.5
FAILURES = (ProjectError, EngineError, LockHeld, OSError, KeyError, ValueError)
PLANNING_STEPS = (Step.ALL, Step.FETCH, Step.APPLY)


def secrets(params: Params) -> list[str]:
    """What is masked: the values told, and files that hold one value alone."""
    told = [value for project in params["projects"] for value in project["secret_values"]]
    contents = [content.strip() for files in params["secret_contents"].values() for content in files.values()]
    return [*told, *(content for content in contents if "\n" not in content)]


class Batch:
    def __init__(
        self,
        params: Params,
        check_mode: bool,
        engine: Engine,
        sleep: t.Callable[[float], None] = time.sleep,
    ) -> None:
        self.params = params
        self.check_mode = check_mode
        self.step: str = params["step"]
        self.engine = engine
        self.sleep = sleep
        self.mask = Mask(secrets(params))
        self.statuses: dict[str, Status] = {}
        self.projects: list[Project] = []
        self.locks = contextlib.ExitStack()
        self.new: list[Project] = []
        self.began = time.monotonic()
        self.started = time.time_ns()

    # ---- the whole call

    def perform(self) -> dict[str, t.Any]:
        refuse_duplicates(self.params["projects"])
        only = self.params["only"]
        chosen = [project for project in self.params["projects"] if not only or project["name"] in only]
        for project in chosen:
            self._try(project["name"], self._add, project)
        with self.locks:
            pruned = self._perform_call()
            self._leave_no_trace()
            self._remove_left_networks()
        for status in self.statuses.values():
            _conclude(status)
        return self.mask.value({"projects": self.statuses, "pruned": pruned})

    def _perform_call(self) -> list[dict[str, str]]:
        # Always in one order, so that two calls can't each wait for a lock of the other.
        for project in sorted(self.projects, key=lambda found: found.want.project_dir):
            self._try(project.want.name, self._lock, project)
        call = self.params["call"]
        if call == Call.BEGIN and (self.step in PLANNING_STEPS or self.check_mode):
            return self._begin()
        if call == Call.TAKE_BACK or (call == Call.BEGIN and self.step == Step.TAKE_BACK):
            self._each(self._take_back)
        elif call == Call.STOP:
            self._each(self._stop)
        else:
            if call == Call.BEGIN:
                self._forget_other_jobs()
            self._watch(None)
        return []

    def _forget_other_jobs(self) -> None:
        """What a fetch or a stop of an earlier run came to says nothing about the services."""
        for project in self.going:
            if project.job.kind != UP and project.job.return_code() is not None:
                project.job.forget()

    def _add(self, entry: Params) -> None:
        want = declaration(entry, self.params)
        want = previous(want) if want.state == PREVIOUS else want
        self.projects.append(Project(want, self.engine, self.mask))

    def _lock(self, project: Project) -> None:
        """Two runs on one project would each undo the other's half. Nothing is locked where that would leave a trace."""
        if self.check_mode or (project.want.state == ABSENT and not project.store.exists):
            return
        new = not project.store.exists
        project.store.ensure()
        # One time for all of them: the second must not wait as long again for who holds the first.
        left = max(0.0, self.began + self.params["lock_timeout"] - time.monotonic())
        self.locks.enter_context(locked(project.store.lock, left, make=True))
        if not project.store.newest(self.started, time.time_ns()):
            raise ProjectError(
                "a run that began later than this one was here while this one waited for the lock; run again where this one has to win"
            )
        if new:
            self.new.append(project)

    def _remove_left_networks(self) -> None:
        """Of projects that are gone, once the last neighbour has left them: LiteLLM is in those of the instances that it
        knows, and those that it does not know any more stay until it is committed."""
        call, statuses = self.params["call"], self.statuses.values()
        worked = call == Call.WATCH or (call == Call.BEGIN and any(status.get("changed") for status in statuses))
        ended = all(status.get("phase") == Phase.DONE for status in statuses)
        if self.check_mode or not (worked and ended) or self.step not in (Step.ALL, Step.COMMIT):
            return
        needed = {project["name"] for project in self.params["projects"] if project["state"] != ABSENT}
        with contextlib.suppress(EngineError):  # what is left does no harm
            self.engine.remove_networks(self.engine.left_networks(needed))

    def _leave_no_trace(self) -> None:
        """What is refused at first sight has no directory made either."""
        for project in self.new:
            if self.statuses.get(project.want.name, {}).get("rollback") == Rollback.UNTOUCHED:
                project.store.remove()

    # ---- failures are a project's own

    def _try(self, name: str, action: t.Callable[..., Status | None], *args: t.Any) -> None:
        """Whatever fails here has changed nothing of the project."""
        try:
            answer = action(*args)
        except FAILURES as error:
            answer = {"phase": Phase.FAILED, "reason": words(error), "rollback": Rollback.UNTOUCHED}
        if answer is not None:
            self.statuses[name] = {**self.statuses.get(name, {}), **answer}

    @property
    def going(self) -> list[Project]:
        """Those that have not come to an end in this call."""
        ended = (Phase.DONE, Phase.FAILED, Phase.BUSY)
        return [found for found in self.projects if self.statuses.get(found.want.name, {}).get("phase") not in ended]

    def _each(self, action: t.Callable[[Project, Look], Status]) -> None:
        look = Look(self.engine, [project.want for project in self.going])
        for project in self.going:
            self._attempt(project, action, look)

    def _attempt(self, project: Project, action: t.Callable[..., Status], *args: t.Any) -> None:
        """What fails here may have changed something: the action plugin asks for the way back."""
        try:
            answer = action(project, *args)
        except FAILURES as error:
            answer = {"phase": Phase.FAILED, "reason": words(error), "services": []}
        name = project.want.name
        self.statuses[name] = {**self.statuses.get(name, {}), **answer}

    # ---- begin

    def _begin(self) -> list[dict[str, str]]:
        missing, look = "", None
        try:
            look = Look(self.engine, [project.want for project in self.projects])
        except EngineMissing as error:
            missing = str(error)
        pruned = self._prune(look) if look else []
        if pruned:
            look = Look(self.engine, [project.want for project in self.projects])
        plans = self._plan(self.going, look, missing)
        planned = [(project, plans[project.want.name]) for project in self.projects if project.want.name in plans]
        self._order(planned)
        for project, plan in planned:
            self.statuses[project.want.name] = {**plan.summary(), "diff": plan.diff(), "phase": Phase.WAITING}
            self._start(project, plan, look)
        if not self.check_mode:
            self._watch(look)
        return pruned

    def _order(self, planned: list[tuple[Project, Plan]]) -> None:
        """What leaves holds ports and GPUs that others may be about to take, and so may what only makes room."""
        together = self.params["stop_first"]
        planned.sort(key=lambda one: one[0].want.state != ABSENT)
        for project, plan in planned:
            others = [other for neighbour, other in planned if neighbour is not project]
            gone = [found for other in others for found in other.stopped if together or other.leaves]
            plan.stop_first, plan.gone_first = together, gone

    def _prune(self, look: Look) -> list[dict[str, str]]:
        prefix = self.params["prune_prefix"]
        declared = {project["name"] for project in self.params["projects"]}
        found = found_projects(look, prefix) if prefix and self.step in PLANNING_STEPS else {}
        pruned = [{"name": name, "project_dir": found[name]} for name in sorted(set(found) - declared)]
        for entry in pruned:
            project = Project(Declaration(**entry, state=ABSENT), self.engine, self.mask)
            self.projects.append(project)
            self._try(entry["name"], self._lock, project)
        return pruned

    def _plan(self, projects: list[Project], look: Look | None, missing: str) -> dict[str, Plan]:
        """What differs, of those that can be planned; the others' statuses say why not."""
        plans: dict[str, Plan] = {}
        for project in projects:
            self._try(project.want.name, self._plan_first, project, look, missing, plans)
        if look is None:
            return plans
        images = {image for plan in plans.values() for image in plan.definition.images.values()}
        look.ask(images, {name for project in projects for name in project.want.network_names})
        for project in projects:
            if project.want.name in plans and project.want.state != ABSENT:
                self._try(project.want.name, planning.plan_services, project, look, plans[project.want.name])
            if project.want.name in plans and self.step == Step.FETCH:
                self._try(project.want.name, plan_fetches, project, plans[project.want.name])
        refused = {name for name, status in self.statuses.items() if status.get("phase") == Phase.FAILED}
        return {name: plan for name, plan in plans.items() if name not in refused}

    def _plan_first(self, project: Project, look: Look | None, missing: str, plans: dict[str, Plan]) -> Status | None:
        """Files, and what the compose file means; or that an earlier run is still at it."""
        if not self.check_mode and project.job.return_code() is None:
            return {"phase": Phase.BUSY, "progress": self.mask.tail(project.job.last_line(), 160)}
        if project.want.state == ABSENT:
            plans[project.want.name] = plan_absence(project, look)
            return None
        planning.check_guards(project)
        plan = planning.plan_on_disk(project)
        if look is None:
            if not self.check_mode:
                raise ProjectError(f"{missing}; run the docker role first, or install Docker Engine with Compose v2")
            plan.unforeseen.append(f"services of project {project.want.name}: {missing} yet")
        else:
            plan.definition = planning.definition(project)
        plans[project.want.name] = plan
        return None

    def _start(self, project: Project, plan: Plan, look: Look | None) -> None:
        name = project.want.name
        if self.check_mode:
            self._try(name, self._foresee, project, plan, look)
        elif project.want.state == ABSENT and self.step != Step.FETCH:
            self._attempt(project, self._start_absence, plan, look)
        elif self.step == Step.FETCH or plan.pulls:
            self._try(name, self._start_fetch, project, plan, look)
        else:
            self._start_apply(project, plan)

    def _foresee(self, project: Project, plan: Plan, look: Look | None) -> Status:
        present = look is not None and project.want.state != ABSENT
        if present and not plan.unforeseen and self.step in (Step.ALL, Step.VERIFY):
            foresee_hooks(project, t.cast("Look", look).own(project.want), plan)
        return {**self._told(project, plan, look), "phase": Phase.DONE}

    def _told(self, project: Project, plan: Plan, look: Look | None) -> Status:
        """What the step does of the plan."""
        if self.step == Step.FETCH:
            return {"changed": bool(plan.pulls or plan.fetches), "diff": [], **foresee(project, plan, look)}
        if self.step in (Step.ALL, Step.APPLY):
            return {**plan.summary(), "diff": plan.diff()}
        return {"changed": False, "diff": []}

    def _start_absence(self, project: Project, plan: Plan, look: Look | None) -> Status:
        if plan.changed and look is None:
            finish_removal(project, None, ())
        if not plan.changed or look is None:
            return {"phase": Phase.DONE}
        start_removal(project, plan)
        return {"phase": Phase.WAITING, "stage": Stage.STOPPING, "progress": ""}

    def _start_fetch(self, project: Project, plan: Plan, look: Look | None) -> Status:
        ahead = self.step == Step.FETCH
        more = self._told(project, plan, look) if ahead else {}
        if not plan.pulls and not plan.fetches:
            return {**more, "phase": Phase.DONE}
        fetch(project, plan)
        progress = ", ".join([*plan.pulls, *plan.fetches])
        return {**more, "phase": Phase.WAITING, "stage": Stage.FETCHING, "progress": progress}

    def _start_apply(self, project: Project, plan: Plan) -> None:
        name = project.want.name
        self._try(name, before_image_change, project, plan)
        if self.statuses.get(name, {}).get("phase") != Phase.FAILED:
            self._attempt(project, self._apply, plan)

    def _apply(self, project: Project, plan: Plan) -> Status:
        applied = apply(project, plan)
        return {"phase": Phase.WAITING, "stage": Stage.STARTING, "progress": "", "applied": applied}

    # ---- watch

    def _watch(self, look: Look | None) -> None:
        """Until all have ended, one has failed, or the window is over. *look* serves for what was not touched."""
        end = time.monotonic() + self.params["window"]
        declared = {
            absolute(project["project_dir"], entry["path"])
            for project in self.params["projects"]
            for entry in project["files"]
        }
        touched = any(self.statuses.get(project.want.name, {}).get("applied", True) for project in self.going)
        while self.going:
            # Jobs first: what ended before the look is in it. The other way round, a job that ends in between would be
            # taken for done by what was there before it.
            jobs = {project.want.name: job_status(project) for project in self.going}
            seen = look if look and not touched else self._look_again()
            for project in self.going:
                self._attempt(project, self._advance, seen, jobs[project.want.name], declared)
            failed = any(status.get("phase") == Phase.FAILED for status in self.statuses.values())
            if not self.going or failed or time.monotonic() >= end:
                return
            self.sleep(POLL_SECONDS)
            touched = True

    def _look_again(self) -> Look | None:
        """An engine that does not answer any more is a failure of all that wait for it."""
        try:
            return Look(self.engine, [project.want for project in self.going])
        except EngineError as error:
            for project in self.going:
                self.statuses.setdefault(project.want.name, {}).update(
                    {"phase": Phase.FAILED, "reason": str(error), "services": []}
                )
            return None

    def _advance(self, project: Project, look: Look, job: Status | None, declared: t.Container[str]) -> Status:
        answer = advance.advance(project, look, job, self.step, declared)
        if answer["phase"] != advance.FETCHED:
            return answer
        # The plan is made anew: only now is it known which of the images differ from those that run.
        seen = Look(self.engine, [found.want for found in self.projects])
        plans = self._plan([project], seen, "")
        leaving = [found.want for found in self.projects if found.want.state == ABSENT]
        if project.want.name in plans:
            plan = plans[project.want.name]
            plan.gone_first = [one for want in leaving for one in seen.all_own(want) if one.status == "running"]
            self._start_apply(project, plan)
        return self.statuses[project.want.name]

    # ---- failure

    def _take_back(self, project: Project, look: Look) -> Status:
        outcome = take_back(project, look)
        if outcome == Rollback.RESTORED:
            waiting = {"phase": Phase.WAITING, "stage": Stage.STARTING, "progress": ""}
            return {**waiting, "rollback": outcome, "changed": True}
        return {"phase": Phase.DONE, "rollback": outcome, "changed": False}

    def _stop(self, project: Project, look: Look) -> Status:
        stop(project, look, self.params["stop_services"].get(project.want.name, []))
        return {"phase": Phase.WAITING, "stage": Stage.STOPPING, "progress": ""}


def _conclude(status: Status) -> None:
    """What a hook changed is a change of the project."""
    status.pop("applied", None)
    diff = status.pop("hook_diff", [])
    if status.get("hooks"):
        status["changed"] = True
        status["diff"] = [*status.get("diff", []), *diff]
