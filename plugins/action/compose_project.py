# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of compose_project: renders the templates, shows progress, asks for the way back."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.protocol import (
    FORWARD_ONLY_HINT,
    INTERNAL_OPTIONS,
    INTERNAL_RESULTS,
    JOB_STAGES,
    PULL_TIMEOUT,
    STAGE_WORDS,
    WAIT_TIMEOUT,
    Call,
    Phase,
    Rollback,
    Stage,
    Step,
)

MODULE = "llmfleet.gateway.compose_project"
#: Between two progress lines, in seconds. One module call waits that long on the host, so it costs no more round trips.
WINDOW = 15

Args = dict[str, t.Any]


class Course:
    """One project on its way: what the module first said of it and last, and whether it is going back."""

    def __init__(self, declared: Args, clock: t.Callable[[], float]) -> None:
        self.name: str = declared["name"]
        self.declared = declared
        self.clock = clock
        self.answer: Args = {"phase": Phase.BUSY}
        self.result: Args = {"changed": False, "diff": []}
        self.failure = ""
        self.going_back = False
        self.stage = ""
        self.began = clock()

    def take(self, answer: Args) -> None:
        self.answer = answer
        if answer.get("stage", self.stage) != self.stage:
            self.stage, self.began = answer["stage"], self.clock()
        diff = [*self.result["diff"], *answer.get("diff", [])]
        changed = bool(self.result["changed"] or answer.get("changed"))
        self.result = {**self.result, **answer, "changed": changed, "diff": diff}

    def turn_back(self) -> None:
        """The way back has a time of its own."""
        self.going_back = True
        self.began = self.clock()

    @property
    def phase(self) -> str:
        return self.answer["phase"]

    @property
    def passed(self) -> float:
        return self.clock() - self.began

    def end(self, text: str, rollback: str) -> None:
        """The project has failed, and this is where the host stands."""
        message = "\n".join(part for part in (self.failure, text) if part)
        self.result = {**self.result, "failed": True, "msg": message}
        if rollback:
            self.result["rollback"] = rollback
        if rollback == Rollback.UNTOUCHED:
            self.result.update(changed=False, diff=[])
        self.answer = {"phase": Phase.DONE}

    def public(self) -> Args:
        return {name: value for name, value in self.result.items() if name not in INTERNAL_RESULTS}


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        self._args = self._module_args()
        self._step = self._args.get("step", Step.ALL)
        self._courses = {entry["name"]: Course(entry, time.monotonic) for entry in self._args["projects"]}
        for course in self._courses.values():
            course.going_back = self._step == Step.TAKE_BACK
        broken = self._begin()
        if broken:
            return broken
        while any(course.phase != Phase.DONE for course in self._courses.values()):
            self._go_on()
        return self._result()

    # ---- arguments

    def _module_args(self) -> Args:
        args = dict(self._task.args)
        for name in INTERNAL_OPTIONS:
            if name in args:
                raise AnsibleActionFail(f"{name} is the action plugin's own option; leave it out")
        projects = args.get("projects")
        if not isinstance(projects, list) or not all(isinstance(entry, dict) for entry in projects):
            raise AnsibleActionFail("compose_project needs projects, a list of dictionaries")
        secrets: dict[str, dict[str, str]] = {}
        rendered = [self._project_args(index, dict(entry), secrets) for index, entry in enumerate(projects)]
        return {**args, "projects": rendered, "secret_contents": secrets}

    def _project_args(self, index: int, project: Args, secrets: dict[str, dict[str, str]]) -> Args:
        if "name" not in project or "project_dir" not in project:
            raise AnsibleActionFail(f"projects[{index}] needs name and project_dir")
        variables = {**self._vars, **(project.pop("vars", None) or {})}
        for entry in [*(project.get("files") or []), *(project.get("directories") or [])]:
            if isinstance(entry.get("mode"), int):
                raise AnsibleActionFail(f"{entry.get('path')}: mode must be an octal number in quotes, such as '0644'")
        files = []
        for entry in project.get("files") or []:
            rendered = self._render(dict(entry), variables)
            if boolean(rendered.get("secret", False)):
                secrets.setdefault(project["name"], {})[rendered["path"]] = rendered.pop("content")
            files.append(rendered)
        return {**project, "files": files}

    def _render(self, entry: Args, variables: Args) -> Args:
        if "path" not in entry:
            raise AnsibleActionFail("every entry of files needs a path")
        if ("src" in entry) == ("content" in entry):
            raise AnsibleActionFail(f"files: {entry['path']} needs either src or content")
        if "src" in entry:
            lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
            entry["content"] = lookup.run([entry.pop("src")], variables=variables)[0]
        entry["content"] = str(entry["content"])
        return entry

    def _limit(self, stage: str) -> int:
        if stage in JOB_STAGES:
            return int(self._args.get("pull_timeout", PULL_TIMEOUT))
        return int(self._args.get("wait_timeout", WAIT_TIMEOUT))

    # ---- talking to the host

    def _call(self, call: str, courses: list[Course], **more: t.Any) -> dict[str, t.Any]:
        """Asks for some of the projects; the courses take what the module says of them. Returns its whole answer."""
        args = {**self._args, "call": call, "only": [course.name for course in courses], "window": WINDOW, **more}
        answer = self._execute_module(module_name=MODULE, module_args=args, task_vars=self._vars)
        for entry in answer.get("pruned", []):
            self._args["projects"].append({**entry, "state": "absent"})
            self._courses[entry["name"]] = Course(entry, time.monotonic)
        for name, status in answer.get("projects", {}).items():
            self._courses[name].take(status)
        return answer

    def _tell(self, course: Course, text: str) -> None:
        self._display.display(f"{self._vars.get('inventory_hostname', '')} | {course.name}: {text}")

    def _in(self, phase: str) -> list[Course]:
        return [course for course in self._courses.values() if course.phase == phase]

    # ---- the way there

    def _begin(self) -> dict[str, t.Any]:
        """Empty, or the answer of a module that could not even begin."""
        began = time.monotonic()
        answer = self._call(Call.BEGIN, self._in(Phase.BUSY))
        while not answer.get("failed") and self._in(Phase.BUSY):
            for course in self._in(Phase.BUSY):
                self._still_busy(course, time.monotonic() - began)
            if self._in(Phase.BUSY):
                time.sleep(2)
                answer = self._call(Call.BEGIN, self._in(Phase.BUSY))
        if answer.get("failed"):
            return answer
        for course in self._courses.values():
            for text in course.result.get("unforeseen", []):
                self._tell(course, f"check mode can't foresee {text}")
        return {}

    def _still_busy(self, course: Course, passed: float) -> None:
        limit, progress = self._limit(Stage.FETCHING), course.answer["progress"]
        if passed > limit:
            course.failure = f"an earlier run is still at it after {limit} s: {progress}"
            course.end("", Rollback.UNTOUCHED)
        else:
            self._tell(course, f"waiting for an earlier run: {progress}")

    def _go_on(self) -> None:
        """One step of what is to be done next: the way back of those that failed, else another look at all."""
        for course in self._in(Phase.WAITING):
            self._measure(course)
        failed = [*self._in(Phase.FAILED), *self._in(Phase.TIMEOUT)]
        if failed:
            self._handle(failed)
            return
        waiting = self._in(Phase.WAITING)
        answer = self._call(Call.WATCH, waiting)
        if answer.get("failed"):
            for course in waiting:
                course.take({"phase": Phase.FAILED, "reason": answer.get("msg", ""), "services": []})
        for course in self._in(Phase.DONE):
            self._arrived(course)

    def _measure(self, course: Course) -> None:
        """Says how far a project is, and sees when its time is up."""
        stage, progress, limit = course.stage, course.answer["progress"], self._limit(course.stage)
        if course.passed > limit:
            what = "not healthy" if stage not in (Stage.FETCHING, Stage.STOPPING) else f"still {STAGE_WORDS[stage]}"
            reason = f"{what} after {limit} s: {progress}"
            course.take({"phase": Phase.TIMEOUT, "reason": reason, "services": course.answer.get("services", [])})
        else:
            self._tell(course, f"{STAGE_WORDS[stage]}, {course.passed:.0f} s of at most {limit} s: {progress}")

    # ---- the way back

    def _handle(self, failed: list[Course]) -> None:
        """Ends what can't go back, and asks the way back for the others, in one call."""
        back = []
        for course in failed:
            if course.going_back:
                course.end(
                    f"The last working files were put back, but do not run either: {course.answer['reason']}",
                    Rollback.FAILED,
                )
                continue
            course.failure = course.answer["reason"]
            if course.answer.get("rollback") == Rollback.UNTOUCHED or self._step != Step.ALL:
                course.end("", course.answer.get("rollback", ""))
            else:
                back.append(course)
        if back:
            self._take_back(back)

    def _take_back(self, courses: list[Course]) -> None:
        timeouts = {course.name for course in courses if course.phase == Phase.TIMEOUT}
        stop = {course.name: course.answer.get("services") or [] for course in courses}
        for course in courses:
            self._tell(course, "the new state failed, looking for the way back")
        answer = self._call(Call.TAKE_BACK, courses)
        hopeless = []
        for course in courses:
            status = answer.get("projects", {}).get(course.name, {"phase": Phase.FAILED, "reason": answer.get("msg")})
            if status["phase"] == Phase.FAILED:
                course.end(f"Putting the last working files back failed too: {status['reason']}", Rollback.FAILED)
            elif status["rollback"] == Rollback.RESTORED:
                course.turn_back()
            elif status["rollback"] == Rollback.NONE and stop[course.name] and course.name not in timeouts:
                hopeless.append(course)
            else:
                self._stay(course, status["rollback"], course.name in timeouts)
        if hopeless:
            self._stop(hopeless, stop)

    def _stay(self, course: Course, outcome: str, timeout: bool) -> None:
        """Nothing is put back."""
        if outcome == Rollback.KEPT:
            hint = course.declared.get("forward_only_hint", FORWARD_ONLY_HINT)
            course.end(f"Nothing was put back: the new image may have migrated data forward. {hint}", outcome)
        elif outcome == Rollback.UNTOUCHED:
            course.end("", outcome)
        elif timeout:
            text = "It was left running. If it only needs longer, raise the timeout and run again."
            course.end(f"{text} {_where(course)}", Rollback.RUNNING)
        else:
            course.end(f"There is no earlier working state; it was left as it is. {_where(course)}", Rollback.RUNNING)

    def _stop(self, courses: list[Course], services: dict[str, list[str]]) -> None:
        """Ends crash loops that no earlier state can replace."""
        self._call(Call.STOP, courses, stop_services=services)
        for course in courses:
            while course.phase == Phase.WAITING and course.passed <= self._limit(Stage.STOPPING):
                if self._call(Call.WATCH, [course]).get("failed"):
                    break
            course.end(f"There is no earlier working state; it was stopped. {_where(course)}", Rollback.STOPPED)

    def _arrived(self, course: Course) -> None:
        """The old state runs again: only its checks tell whether it works."""
        if not course.going_back or "msg" in course.result:
            return
        unproven = course.result.get("unproven")
        if unproven:
            text = f"The last working files were put back and run, but do not work: {unproven}"
            text += ". What they rely on was changed before: bring it back, or mend the cause and run again."
            course.end(text, Rollback.UNPROVEN)
        elif self._step != Step.TAKE_BACK:
            text = "The last working files were put back and run again. Mend the cause and run again."
            course.end(text, Rollback.RESTORED)

    # ---- the result

    def _result(self) -> dict[str, t.Any]:
        results = {name: course.public() for name, course in self._courses.items()}
        failed = {name: result for name, result in results.items() if result.get("failed")}
        whole = {
            "changed": any(result["changed"] for result in results.values()),
            "diff": [entry for result in results.values() for entry in result["diff"]],
            "projects": results,
        }
        if failed:
            whole["failed"] = True
            whole["msg"] = "\n".join(f"{name}: {result['msg']}" for name, result in failed.items())
        return whole


def _where(course: Course) -> str:
    return f"Look at it with: cd {course.declared['project_dir']} && docker compose logs"
