# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side, with a module whose answers are a script."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.action import compose_project
from ansible_collections.llmfleet.gateway.plugins.action.compose_project import ActionModule

COMPOSE = {"path": "compose.yml", "content": "services: {}\n"}
DONE = {"phase": "done", "changed": False, "diff": []}
STARTING = {"phase": "waiting", "stage": "starting", "progress": "pulling"}
UNHEALTHY = {"phase": "waiting", "stage": "healthy", "progress": "web: starting"}
RESTORING = {**STARTING, "rollback": "restored", "changed": True}
NO_WAY_BACK = {"phase": "done", "rollback": "none"}
FAILED = {"phase": "failed", "reason": "web is unhealthy", "services": ["web"]}


class Clock:
    """Time that passes only when someone waits, and by ten seconds with every call to the module."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Run:
    """One task: its options, what the module answers in turn, and what happened."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, variables: dict[str, Any]) -> None:
        self.clock = Clock()
        self.variables = {"inventory_hostname": "h1", **variables}
        self.calls: list[dict[str, Any]] = []
        self.said: list[str] = []
        monkeypatch.setattr(compose_project, "time", self.clock)

    def __call__(self, *answers: dict[str, Any], **options: Any) -> dict[str, Any]:
        script = list(answers)
        project = {"name": "p", "project_dir": "/opt/p", "files": [COMPOSE], **options.pop("project", {})}
        action = self.action({"projects": [project], **options})

        def execute(module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
            assert module_name == "llmfleet.gateway.compose_project"
            assert task_vars == self.variables
            self.calls.append(module_args)
            self.clock.now += 10
            answer = script.pop(0)
            return answer if "failed" in answer or "projects" in answer else {"projects": {"p": answer}}

        action._execute_module = execute
        action._display = self
        result = action.run(task_vars=self.variables)
        assert not script, "the module was asked too seldom"
        return result

    def action(self, options: dict[str, Any]) -> Any:
        loader = DataLoader()
        templar = Templar(loader=loader, variables=self.variables)
        task = Task.load({"name": "t", "llmfleet.gateway.compose_project": options})
        task.args = options
        return ActionModule(
            task, connection_loader.get("ansible.builtin.local", PlayContext()), PlayContext(), loader, templar, None
        )

    def display(self, text: str) -> None:
        self.said.append(text)

    @property
    def steps(self) -> list[str]:
        return [call["call"] for call in self.calls]

    @property
    def files(self) -> list[dict[str, Any]]:
        return self.calls[0]["projects"][0]["files"]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "web.conf.j2").write_text("port {{ port }}\n{% if port %}\nopen\n{% endif %}\n")
    return Run(monkeypatch, {"ansible_search_path": [str(tmp_path)], "port": 8080})


# ---- files


def test_template_is_rendered_with_the_task_variables(run: Run) -> None:
    run(DONE, project={"files": [COMPOSE, {"path": "web.conf", "src": "web.conf.j2", "services": ["web"]}]})
    assert run.files[1] == {"path": "web.conf", "content": "port 8080\nopen\n", "services": ["web"]}


def test_variables_of_a_project_are_seen_by_its_templates_alone(run: Run) -> None:
    entry = {"path": "web.conf", "src": "web.conf.j2"}
    projects = [
        {"name": "a", "project_dir": "/opt/a", "files": [entry], "vars": {"port": 1}},
        {"name": "b", "project_dir": "/opt/b", "files": [entry]},
    ]
    run({"projects": {"a": DONE, "b": DONE}}, projects=projects)
    sent = run.calls[0]["projects"]
    assert [project["files"][0]["content"].split("\n")[0] for project in sent] == ["port 1", "port 8080"]
    assert all("vars" not in project for project in sent)


def test_content_is_sent_as_it_is(run: Run) -> None:
    run(DONE, project={"files": [COMPOSE, {"path": "n", "content": 5}]})
    assert run.files == [COMPOSE, {"path": "n", "content": "5"}]
    assert run.calls[0]["secret_contents"] == {}


@pytest.mark.parametrize("secret", [True, "yes", "true"])
def test_secret_goes_by_the_option_that_is_never_logged(run: Run, secret: Any) -> None:
    run(DONE, project={"files": [COMPOSE, {"path": "key", "content": "hidden", "secret": secret}]})
    assert run.calls[0]["secret_contents"] == {"p": {"key": "hidden"}}
    assert "hidden" not in str(run.files)


@pytest.mark.parametrize("secret", [False, "no", "false"])
def test_what_is_no_secret_keeps_its_content(run: Run, secret: Any) -> None:
    run(DONE, project={"files": [{**COMPOSE, "secret": secret}]})
    assert run.files[0]["content"] == COMPOSE["content"]


def test_task_arguments_are_left_as_they_were(run: Run) -> None:
    entry = {"path": "key", "content": "hidden", "secret": True}
    run(DONE, project={"files": [entry]})
    assert entry == {"path": "key", "content": "hidden", "secret": True}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"call": "stop"}, "call is the action plugin's own option"),
        ({"only": []}, "only is the action plugin's own option"),
        ({"secret_contents": {}}, "secret_contents is the action plugin's own option"),
        ({"window": 1}, "window is the action plugin's own option"),
        ({"stop_services": {}}, "stop_services is the action plugin's own option"),
        ({"projects": {"name": "p"}}, "needs projects, a list of dictionaries"),
        ({"projects": None}, "needs projects, a list of dictionaries"),
        ({"projects": [{"name": "p"}]}, r"projects\[0\] needs name and project_dir"),
        ({"project": {"files": [{"content": "x"}]}}, "every entry of files needs a path"),
        ({"project": {"files": [{"path": "a"}]}}, "files: a needs either src or content"),
        ({"project": {"files": [{"path": "a", "src": "b", "content": "c"}]}}, "files: a needs either src or content"),
        ({"project": {"files": [{"path": "a", "content": "c", "mode": 0o644}]}}, "a: mode must be an octal number"),
        ({"project": {"directories": [{"path": "d", "mode": 0o700}]}}, "d: mode must be an octal number in quotes"),
    ],
)
def test_wrong_options_fail_before_the_host_is_asked(run: Run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=message):
        run(**options)
    assert run.calls == []


def test_template_that_is_not_there_names_itself(run: Run) -> None:
    with pytest.raises(AnsibleError, match=r"nowhere\.j2"):
        run(project={"files": [{"path": "a", "src": "nowhere.j2"}]})


# ---- waiting


def test_converged_projects_cost_one_call_and_say_nothing(run: Run) -> None:
    result = run({**DONE, "actions": {}, "containers": []})
    project = {"changed": False, "diff": [], "actions": {}, "containers": []}
    assert result == {"changed": False, "diff": [], "projects": {"p": project}}
    assert (run.steps, run.said) == (["begin"], [])


def test_progress_is_told_until_it_is_healthy(run: Run) -> None:
    result = run({**STARTING, "changed": True, "actions": {"web": "create"}}, UNHEALTHY, {**DONE, "containers": [1]})
    assert run.steps == ["begin", "watch", "watch"]
    assert run.said == [
        "h1 | p: starting containers, 0 s of at most 7200 s: pulling",
        "h1 | p: waiting for health, 0 s of at most 300 s: web: starting",
    ]
    project = {"changed": True, "actions": {"web": "create"}, "diff": [], "containers": [1]}
    assert result["projects"]["p"] == project


def test_only_those_that_have_not_arrived_are_asked_about(run: Run) -> None:
    projects = [{"name": name, "project_dir": f"/opt/{name}"} for name in ("a", "b")]
    run({"projects": {"a": DONE, "b": UNHEALTHY}}, {"projects": {"b": DONE}}, projects=projects)
    assert [call["only"] for call in run.calls] == [["a", "b"], ["b"]]


def test_time_for_health_counts_from_the_end_of_the_pull(run: Run) -> None:
    result = run(*[STARTING] * 8, *[UNHEALTHY] * 3, DONE, wait_timeout=30, pull_timeout=80)
    assert "failed" not in result


def test_first_change_stays_a_change_and_hooks_of_the_last_call_are_added(run: Run) -> None:
    first = {**UNHEALTHY, "changed": True, "hooks": [], "diff": [{"after": "file"}]}
    result = run(first, {"phase": "done", "changed": True, "hooks": ["role"], "diff": [{"after": "hook"}]})
    assert (result["changed"], result["projects"]["p"]["hooks"]) == (True, ["role"])
    assert result["diff"] == [{"after": "file"}, {"after": "hook"}]


def test_error_of_the_first_call_is_the_result(run: Run) -> None:
    assert run({"failed": True, "msg": "no python"}) == {"failed": True, "msg": "no python"}


def test_refusal_is_not_followed_by_a_way_back(run: Run) -> None:
    result = run({"phase": "failed", "reason": "foreign", "rollback": "untouched"})
    assert run.steps == ["begin"]
    assert (result["failed"], result["msg"], result["changed"]) == (True, "p: foreign", False)


def test_module_that_breaks_while_waiting_is_a_failed_state(run: Run) -> None:
    result = run(
        {**UNHEALTHY, "changed": True},
        {"failed": True, "msg": "engine gone"},
        {"rollback": "restored", **STARTING},
        DONE,
    )
    assert run.steps == ["begin", "watch", "take_back", "watch"]
    assert result["msg"].startswith("p: engine gone\nThe last working files were put back")


def test_earlier_run_is_waited_for(run: Run) -> None:
    busy = {"phase": "busy", "progress": "pulling layer 3"}
    assert run(busy, busy, DONE)["changed"] is False
    assert run.said == ["h1 | p: waiting for an earlier run: pulling layer 3"] * 2


def test_earlier_run_is_not_waited_for_without_end(run: Run) -> None:
    result = run(*[{"phase": "busy", "progress": "stuck"}] * 3, pull_timeout=30)
    assert result["failed"] is True
    assert result["msg"] == "p: an earlier run is still at it after 30 s: stuck"


def test_project_that_is_pruned_is_watched_too(run: Run) -> None:
    stopping = {"phase": "waiting", "stage": "stopping", "progress": ""}
    first = {"projects": {"p": DONE, "old": stopping}, "pruned": [{"name": "old", "project_dir": "/opt/old"}]}
    result = run(first, {"projects": {"old": {**DONE, "changed": True}}}, prune_prefix="o")
    assert run.calls[1]["only"] == ["old"]
    assert run.calls[1]["projects"][1] == {"name": "old", "project_dir": "/opt/old", "state": "absent"}
    assert result["projects"]["old"]["changed"] is True


# ---- failure


def test_failed_state_is_put_back(run: Run) -> None:
    result = run({**FAILED, "changed": True, "diff": [1]}, RESTORING, UNHEALTHY, DONE)
    assert run.steps == ["begin", "take_back", "watch", "watch"]
    project = result["projects"]["p"]
    assert (project["failed"], project["rollback"], project["changed"], result["diff"]) == (True, "restored", True, [1])
    assert project["msg"].startswith("web is unhealthy\nThe last working files were put back and run again.")


def test_old_state_whose_checks_fail_is_not_called_working(run: Run) -> None:
    result = run(FAILED, RESTORING, {**DONE, "unproven": "LiteLLM is ready: 401"})
    project = result["projects"]["p"]
    assert project["rollback"] == "unproven"
    assert "The last working files were put back and run, but do not work: LiteLLM is ready: 401" in project["msg"]


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([FAILED], "web is unhealthy"),
        ([{"failed": True, "msg": "engine gone"}], "engine gone"),
        ([UNHEALTHY] * 5, "not healthy after 30 s"),
    ],
)
def test_way_back_that_does_not_run_either_is_said_so(run: Run, answers: list[dict[str, Any]], why: str) -> None:
    result = run({**FAILED, "reason": "new state"}, RESTORING, *answers, wait_timeout=30)["projects"]["p"]
    assert result["rollback"] == "failed"
    assert result["msg"].startswith("new state\nThe last working files were put back, but do not run either: ")
    assert why in result["msg"]


@pytest.mark.parametrize(
    "answer", [{"failed": True, "msg": "disk full"}, {"phase": "failed", "reason": "disk full", "services": []}]
)
def test_way_back_that_breaks_is_said_so(run: Run, answer: dict[str, Any]) -> None:
    result = run(FAILED, answer)["projects"]["p"]
    assert (result["rollback"], result["failed"]) == ("failed", True)
    assert result["msg"] == "web is unhealthy\nPutting the last working files back failed too: disk full"


def test_migrated_data_is_kept_with_the_hint(run: Run) -> None:
    more = {"forward_only": ["web"], "forward_only_hint": "Run restore.yml."}
    result = run(FAILED, {"phase": "done", "rollback": "kept"}, project=more)["projects"]["p"]
    assert run.steps == ["begin", "take_back"]
    assert result["rollback"] == "kept"
    assert result["msg"].endswith("the new image may have migrated data forward. Run restore.yml.")


def test_first_failure_is_stopped_and_that_is_waited_for(run: Run) -> None:
    stopping = {"phase": "waiting", "stage": "stopping", "progress": ""}
    result = run(FAILED, NO_WAY_BACK, stopping, stopping, DONE)["projects"]["p"]
    assert run.steps == ["begin", "take_back", "stop", "watch", "watch"]
    assert run.calls[2]["stop_services"] == {"p": ["web"]}
    assert result["rollback"] == "stopped"
    assert result["msg"].endswith("it was stopped. Look at it with: cd /opt/p && docker compose logs")


def test_stop_that_cannot_be_watched_ends_all_the_same(run: Run) -> None:
    stopping = {"phase": "waiting", "stage": "stopping", "progress": ""}
    result = run(FAILED, NO_WAY_BACK, stopping, {"failed": True, "msg": "engine gone"})["projects"]["p"]
    assert result["rollback"] == "stopped"


def test_first_failure_before_any_container_has_nothing_to_stop(run: Run) -> None:
    result = run({**FAILED, "services": []}, NO_WAY_BACK)["projects"]["p"]
    assert (result["rollback"], run.steps) == ("running", ["begin", "take_back"])


def test_first_start_that_is_only_slow_is_left_running(run: Run) -> None:
    result = run(*[UNHEALTHY] * 5, NO_WAY_BACK, wait_timeout=30)["projects"]["p"]
    assert run.steps == ["begin", "watch", "watch", "watch", "watch", "take_back"]
    assert result["rollback"] == "running"
    assert result["msg"].startswith("not healthy after 30 s: web: starting\nIt was left running.")


def test_way_back_has_a_time_of_its_own(run: Run) -> None:
    late = [STARTING] * 5
    assert run(*late, RESTORING, *late[:3], DONE, pull_timeout=30)["projects"]["p"]["rollback"] == "restored"


def test_what_was_not_touched_has_not_changed(run: Run) -> None:
    fetching = {**STARTING, "stage": "fetching", "changed": True, "diff": [1], "pulls": ["a:1"]}
    result = run(fetching, {"phase": "failed", "reason": "no registry", "rollback": "untouched"})
    assert (result["failed"], result["changed"], result["diff"]) == (True, False, [])
    assert "failed" not in fetching


def test_change_that_takes_too_long_is_put_back(run: Run) -> None:
    assert run(*[UNHEALTHY] * 5, RESTORING, DONE, wait_timeout=30)["projects"]["p"]["rollback"] == "restored"


def test_one_that_fails_is_put_back_while_the_others_go_on(run: Run) -> None:
    projects = [{"name": name, "project_dir": f"/opt/{name}"} for name in ("a", "b")]
    result = run(
        {"projects": {"a": UNHEALTHY, "b": FAILED}},
        {"projects": {"b": RESTORING}},
        {"projects": {"a": DONE, "b": UNHEALTHY}},
        {"projects": {"b": DONE}},
        projects=projects,
    )
    assert [call["only"] for call in run.calls] == [["a", "b"], ["b"], ["a", "b"], ["b"]]
    assert result["projects"]["a"].get("failed") is None
    assert result["projects"]["b"]["rollback"] == "restored"
    assert result["msg"].startswith("b: web is unhealthy")


@pytest.mark.parametrize("step", ["fetch", "apply", "verify", "commit"])
def test_single_step_that_fails_leaves_the_way_back_to_its_caller(run: Run, step: str) -> None:
    result = run(FAILED, step=step)
    assert run.steps == ["begin"]
    assert result["msg"] == "p: web is unhealthy"


def test_take_back_as_a_step_says_what_became_of_it(run: Run) -> None:
    assert run(RESTORING, DONE, step="take_back")["projects"]["p"]["rollback"] == "restored"
    failed = run(RESTORING, {**DONE, "unproven": "no"}, step="take_back")
    assert (failed["failed"], failed["projects"]["p"]["rollback"]) == (True, "unproven")
    failed = run(RESTORING, FAILED, step="take_back")
    assert (failed["failed"], failed["projects"]["p"]["rollback"]) == (True, "failed")


def test_what_is_between_plugin_and_module_is_not_in_the_result(run: Run) -> None:
    result = run(FAILED, NO_WAY_BACK, DONE)["projects"]["p"]
    assert set(result) == {"changed", "diff", "failed", "msg", "rollback"}
