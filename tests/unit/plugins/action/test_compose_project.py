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
        action = self.action({"name": "p", "project_dir": "/opt/p", "files": [COMPOSE], **options})

        def execute(module_name: str, module_args: dict[str, Any], task_vars: dict[str, Any]) -> dict[str, Any]:
            assert module_name == "llmfleet.gateway.compose_project"
            assert task_vars == self.variables
            self.calls.append(module_args)
            self.clock.now += 10
            return script.pop(0)

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
        return [call["step"] for call in self.calls]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Run:
    templates = tmp_path / "templates"
    templates.mkdir()
    (templates / "web.conf.j2").write_text("port {{ port }}\n{% if port %}\nopen\n{% endif %}\n")
    return Run(monkeypatch, {"ansible_search_path": [str(tmp_path)], "port": 8080})


# ---- files


def test_template_is_rendered_with_the_task_variables(run: Run) -> None:
    run(DONE, files=[COMPOSE, {"path": "web.conf", "src": "web.conf.j2", "services": ["web"]}])
    sent = run.calls[0]["files"][1]
    assert sent == {"path": "web.conf", "content": "port 8080\nopen\n", "services": ["web"]}


def test_content_is_sent_as_it_is(run: Run) -> None:
    run(DONE, files=[COMPOSE, {"path": "n", "content": 5}])
    assert run.calls[0]["files"] == [COMPOSE, {"path": "n", "content": "5"}]
    assert run.calls[0]["secret_contents"] == {}


@pytest.mark.parametrize("secret", [True, "yes", "true"])
def test_secret_goes_by_the_option_that_is_never_logged(run: Run, secret: Any) -> None:
    run(DONE, files=[COMPOSE, {"path": "key", "content": "hidden", "secret": secret}])
    assert run.calls[0]["secret_contents"] == {"key": "hidden"}
    assert "hidden" not in str(run.calls[0]["files"])


@pytest.mark.parametrize("secret", [False, "no", "false"])
def test_what_is_no_secret_keeps_its_content(run: Run, secret: Any) -> None:
    run(DONE, files=[{**COMPOSE, "secret": secret}])
    assert run.calls[0]["files"][0]["content"] == COMPOSE["content"]


def test_task_arguments_are_left_as_they_were(run: Run) -> None:
    entry = {"path": "key", "content": "hidden", "secret": True}
    run(DONE, files=[entry])
    assert entry == {"path": "key", "content": "hidden", "secret": True}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"step": "stop"}, "step is the action plugin's own option"),
        ({"secret_contents": {}}, "secret_contents is the action plugin's own option"),
        ({"window": 1}, "window is the action plugin's own option"),
        ({"stop_services": []}, "stop_services is the action plugin's own option"),
        ({"files": [{"content": "x"}]}, "every entry of files needs a path"),
        ({"files": [{"path": "a"}]}, "files: a needs either src or content"),
        ({"files": [{"path": "a", "src": "b", "content": "c"}]}, "files: a needs either src or content"),
        ({"files": [{"path": "a", "content": "c", "mode": 0o644}]}, "a: mode must be an octal number in quotes"),
        ({"directories": [{"path": "d", "mode": 0o700}]}, "d: mode must be an octal number in quotes"),
    ],
)
def test_wrong_options_fail_before_the_host_is_asked(run: Run, options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleActionFail, match=message):
        run(**options)
    assert run.calls == []


@pytest.mark.parametrize("missing", ["name", "project_dir"])
def test_required_options(run: Run, missing: str) -> None:
    options = {"name": "p", "project_dir": "/opt/p"}
    del options[missing]
    with pytest.raises(AnsibleActionFail, match="needs name and project_dir"):
        run.action(options).run(task_vars=run.variables)


def test_template_that_is_not_there_names_itself(run: Run) -> None:
    with pytest.raises(AnsibleError, match=r"nowhere\.j2"):
        run(files=[{"path": "a", "src": "nowhere.j2"}])


# ---- waiting


def test_converged_project_costs_one_call_and_says_nothing(run: Run) -> None:
    result = run({**DONE, "actions": {}, "containers": []})
    assert result == {"changed": False, "diff": [], "actions": {}, "containers": []}
    assert (run.steps, run.said) == (["apply"], [])


def test_progress_is_told_until_it_is_healthy(run: Run) -> None:
    result = run({**STARTING, "changed": True, "actions": {"web": "create"}}, UNHEALTHY, {**DONE, "containers": [1]})
    assert run.steps == ["apply", "watch", "watch"]
    assert run.said == [
        "h1 | p: pulling images and starting containers, 0 s of at most 7200 s: pulling",
        "h1 | p: waiting for health, 0 s of at most 300 s: web: starting",
    ]
    assert result == {"changed": True, "actions": {"web": "create"}, "diff": [], "containers": [1]}


def test_time_for_health_counts_from_the_end_of_the_pull(run: Run) -> None:
    result = run(*[STARTING] * 8, *[UNHEALTHY] * 3, DONE, wait_timeout=30, pull_timeout=80)
    assert "failed" not in result


def test_first_change_stays_a_change_and_hooks_of_the_last_call_are_added(run: Run) -> None:
    first = {**UNHEALTHY, "changed": True, "hooks": [], "diff": [{"after": "file"}]}
    result = run(first, {"phase": "done", "changed": True, "hooks": ["role"], "diff": [{"after": "hook"}]})
    assert (result["changed"], result["hooks"]) == (True, ["role"])
    assert result["diff"] == [{"after": "file"}, {"after": "hook"}]


def test_change_by_a_hook_alone_is_a_change(run: Run) -> None:
    assert run({**UNHEALTHY, "changed": False}, {**DONE, "changed": True})["changed"] is True


def test_error_of_the_first_call_is_the_result(run: Run) -> None:
    assert run({"failed": True, "msg": "guard"}) == {"failed": True, "msg": "guard"}


def test_error_while_waiting_is_not_taken_for_a_failed_state(run: Run) -> None:
    result = run({**UNHEALTHY, "changed": True}, {"failed": True, "msg": "hook broke"})
    assert run.steps == ["apply", "watch"]
    assert (result["failed"], result["msg"], result["changed"]) == (True, "hook broke", True)


def test_earlier_run_is_waited_for(run: Run) -> None:
    busy = {"phase": "busy", "progress": "pulling layer 3"}
    assert run(busy, busy, DONE) == {"changed": False, "diff": []}
    assert run.said == ["h1 | p: waiting for an earlier run: pulling layer 3"] * 2


def test_earlier_run_is_not_waited_for_without_end(run: Run) -> None:
    result = run(*[{"phase": "busy", "progress": "stuck"}] * 3, pull_timeout=30)
    assert result["failed"] is True
    assert result["msg"] == "an earlier run is still at it after 30 s: stuck"


# ---- failure


def test_failed_state_is_put_back(run: Run) -> None:
    result = run({**FAILED, "changed": True, "diff": [1]}, {"rollback": "restored"}, UNHEALTHY, DONE)
    assert run.steps == ["apply", "roll_back", "watch", "watch"]
    assert (result["failed"], result["rollback"], result["changed"], result["diff"]) == (True, "restored", True, [1])
    assert result["msg"].startswith("web is unhealthy\nThe last working files were put back and run again.")


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ([FAILED], "web is unhealthy"),
        ([{"failed": True, "msg": "engine gone"}], "engine gone"),
        ([UNHEALTHY] * 5, "not healthy after 30 s"),
    ],
)
def test_way_back_that_does_not_run_either_is_said_so(run: Run, answers: list[dict[str, Any]], why: str) -> None:
    result = run({**FAILED, "reason": "new state"}, {"rollback": "restored"}, *answers, wait_timeout=30)
    assert result["rollback"] == "failed"
    assert result["msg"].startswith("new state\nThe last working files were put back, but do not run either: ")
    assert why in result["msg"]


def test_way_back_that_breaks_is_said_so(run: Run) -> None:
    result = run(FAILED, {"failed": True, "msg": "disk full"})
    assert (result["rollback"], result["failed"]) == ("failed", True)
    assert result["msg"] == "web is unhealthy\nPutting the last working files back failed too: disk full"


def test_migrated_data_is_kept_with_the_hint(run: Run) -> None:
    result = run(FAILED, {"rollback": "kept"}, forward_only=["web"], forward_only_hint="Run restore.yml.")
    assert run.steps == ["apply", "roll_back"]
    assert result["rollback"] == "kept"
    assert result["msg"].endswith("the new image may have migrated data forward. Run restore.yml.")


def test_first_failure_is_stopped(run: Run) -> None:
    result = run(FAILED, {"rollback": "none"}, {"phase": "done"})
    assert run.steps == ["apply", "roll_back", "stop"]
    assert run.calls[-1]["stop_services"] == ["web"]
    assert result["rollback"] == "stopped"
    assert result["msg"].endswith("it was stopped. Look at it with: cd /opt/p && docker compose logs")


def test_first_failure_before_any_container_has_nothing_to_stop(run: Run) -> None:
    assert run({**FAILED, "services": []}, {"rollback": "none"})["rollback"] == "stopped"


def test_first_start_that_is_only_slow_is_left_running(run: Run) -> None:
    result = run(*[UNHEALTHY] * 5, {"rollback": "none"}, wait_timeout=30)
    assert run.steps == ["apply", "watch", "watch", "watch", "watch", "roll_back"]
    assert result["rollback"] == "running"
    assert result["msg"].startswith("not healthy after 30 s: web: starting\nIt was left running.")


def test_change_that_takes_too_long_is_put_back(run: Run) -> None:
    result = run(*[UNHEALTHY] * 5, {"rollback": "restored"}, DONE, wait_timeout=30)
    assert result["rollback"] == "restored"


def test_what_is_between_plugin_and_module_is_not_in_the_result(run: Run) -> None:
    result = run({**FAILED, "_ansible_verbose_override": True}, {"rollback": "none"}, {"phase": "done"})
    assert set(result) == {"changed", "diff", "failed", "msg", "rollback"}
