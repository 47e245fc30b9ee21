# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plan, apply, watch and the way back, on a real directory with an engine that is a table of containers."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container, Engine, EngineError
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import DirectorySpec, FileSpec
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import (
    Declaration,
    Guard,
    Hook,
    Project,
    ProjectError,
)
from running import run_command


class FakeEngine(Engine):
    """The compose file is JSON: service to image. Its hash is the image's name, as far as the tests care."""

    def __init__(self, directory: Path) -> None:
        super().__init__("p", str(directory), run_command)
        self.found: dict[str, Container] = {}
        self.on_host = {"web:1": "sha256:web1", "web:2": "sha256:web2", "db:1": "sha256:db1"}
        self.present = {"bridge"}
        self.ran: list[tuple[str, ...]] = []
        self.executed: list[list[str]] = []
        self.answer = ""

    def add(self, service: str, image: str = "web:1", **more: Any) -> None:
        base = Container(
            f"id-{service}", service, service, image, image, self.on_host.get(image, ""), "running", "", 0, 0, "always"
        )
        self.found[service] = base._replace(**more)

    def run(self, *args: str, stdin: str | None = None) -> str:
        self.ran.append(args)
        return ""

    def config(self, compose: str) -> dict[str, Any]:
        if not compose.startswith("{"):
            raise EngineError("compose.yml: not a mapping")
        return {"services": {name: {"image": image} for name, image in json.loads(compose).items()}}

    def hashes(self, compose: str) -> dict[str, str]:
        return dict(json.loads(compose))

    def containers(self) -> list[Container]:
        return list(self.found.values())

    def image_ids(self, images: Any) -> dict[str, str]:
        return {image: self.on_host[image] for image in images if image in self.on_host}

    def networks(self) -> set[str]:
        return self.present

    def logs(self, container: Container, lines: int) -> str:
        return f"last {lines} of {container.service}"

    def execute(self, container: Container, command: list[str], stdin: str | None = None) -> str:
        self.executed.append(command if stdin is None else [*command, stdin])
        return self.answer


class FakeJob:
    def __init__(self) -> None:
        self.code: int | None = 0
        self.commands: list[list[str]] = []
        self.stopped = False

    def start(self, commands: list[list[str]]) -> None:
        self.commands, self.code = commands, 0

    def forget(self) -> None:
        self.commands, self.code = [], 0

    def stop(self) -> None:
        self.stopped = True

    def return_code(self) -> int | None:
        return self.code

    def succeeded(self) -> bool:
        return bool(self.commands) and self.code == 0

    def output(self) -> str:
        return "the job's output"

    def last_line(self) -> str:
        return "its last line"

    @property
    def recreated(self) -> list[str]:
        """The services that the job's first command forces."""
        first = self.commands[0] if self.commands else []
        return first[first.index("--force-recreate") + 1 :] if "--force-recreate" in first else []


class Bed:
    """A host: its engine, its job and its disk. Every run makes a Project of its own, as the module does."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.engine = FakeEngine(directory)
        self.job = FakeJob()

    def project(self, services: dict[str, str] | None = None, **more: Any) -> Project:
        compose = json.dumps(services if services is not None else {"web": "web:1"})
        extra = tuple(self.file(path, *entry) for path, entry in more.pop("files", {}).items())
        options: dict[str, Any] = {
            "directories": (),
            "networks": (),
            "hooks": (),
            "guards": (),
            "forward_only": (),
            "max_restarts": 2,
            "recreate": False,
            **more,
        }
        files = (self.file("compose.yml", compose, ()), *extra)
        project = Project(
            Declaration("p", str(self.directory), files, **options), run_command, sleep=lambda seconds: None
        )
        project.engine, project.job = self.engine, self.job  # type: ignore[assignment]
        return project

    @staticmethod
    def file(path: str, content: str, services: tuple[str, ...], secret: bool = False) -> FileSpec:
        return FileSpec(path, content, 0o644, os.getuid(), os.getgid(), secret, services)

    def run(self, project: Project, good: bool = True) -> Any:
        """One whole run, in which the engine does as it is told and the services become healthy or not."""
        plan = project.plan(check_mode=False)
        project.apply(plan)
        for name, action in plan.actions.items():
            if action == "remove":
                del self.engine.found[name]
            else:
                self.engine.add(name, plan.images[name], health="" if good else "unhealthy")
        if good:
            assert project.watch(0)["phase"] == "done"
            project.commit()
        return plan

    def text(self, name: str) -> str:
        return (self.directory / name).read_text()


@pytest.fixture
def bed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bed:
    monkeypatch.setattr(Engine, "available", lambda self: "")
    return Bed(tmp_path / "project")


def conf(content: str, *services: str) -> dict[str, Any]:
    return {"files": {"web.conf": (content, services or ("web",))}}


# ---- plan: one container


def test_nothing_there_is_created_and_the_second_run_changes_nothing(bed: Bed) -> None:
    first = bed.run(bed.project(**conf("a")))
    assert first.actions == {"web": "create"}
    assert first.summary()["files"] == {"compose.yml": "create", "web.conf": "create"}
    second = bed.project(**conf("a")).plan(check_mode=True)
    assert not second.changed
    assert second.diff() == []


@pytest.mark.parametrize(
    ("more", "state", "action"),
    [
        ({"services": {"web": "web:2"}}, {}, "recreate: its definition changed"),
        ({}, {"image_id": "sha256:old"}, "recreate: its image changed"),
        (conf("b"), {}, "recreate: a file that it reads changed"),
        ({"files": {}}, {}, "recreate: a file that it reads changed"),
        ({"recreate": True}, {}, "recreate: asked for"),
        ({}, {"health": "unhealthy"}, "recreate: it is unhealthy"),
        ({}, {"status": "exited", "exit_code": 1}, "start: it is exited"),
        ({}, {"status": "exited", "exit_code": 0}, "start: it is exited"),
        ({}, {"status": "created"}, "start: it is created"),
    ],
)
def test_action_and_reason(bed: Bed, more: dict[str, Any], state: dict[str, Any], action: str) -> None:
    bed.run(bed.project(**conf("a")))
    bed.engine.add("web", **state)
    plan = bed.project(**{**conf("a"), **more}).plan(check_mode=True)
    assert plan.actions == {"web": action}
    assert plan.force == (["web"] if action.startswith("recreate") else [])


def test_finished_one_shot_service_is_left_alone(bed: Bed) -> None:
    bed.run(bed.project())
    bed.engine.add("web", status="exited", exit_code=0, restart_policy="no")
    assert not bed.project().plan(check_mode=True).changed
    assert bed.project().watch(0)["phase"] == "done"


def test_service_that_starts_up_is_waited_for_not_touched(bed: Bed) -> None:
    bed.run(bed.project())
    bed.engine.add("web", health="starting")
    assert not bed.project().plan(check_mode=True).changed


def test_only_the_readers_of_a_file_are_recreated(bed: Bed) -> None:
    services = {"web": "web:1", "db": "db:1"}
    bed.run(bed.project(services, **conf("a")))
    plan = bed.project(services, **conf("b")).plan(check_mode=True)
    assert plan.actions == {"web": "recreate: a file that it reads changed"}


def test_container_that_no_run_of_ours_started_is_recreated_once(bed: Bed) -> None:
    bed.engine.add("web")
    assert bed.run(bed.project(**conf("a"))).actions == {"web": "recreate: a file that it reads changed"}
    assert not bed.project(**conf("a")).plan(check_mode=True).changed


def test_service_that_is_gone_from_the_declaration_is_removed(bed: Bed) -> None:
    bed.run(bed.project({"web": "web:1", "db": "db:1"}))
    plan = bed.run(bed.project())
    assert plan.actions == {"db": "remove"}
    assert "--remove-orphans" in bed.job.commands[-1]


def test_changed_containers_are_recreated_by_force_then_everything_is_brought_up(bed: Bed) -> None:
    bed.run(bed.project(**conf("a")))
    bed.run(bed.project(**conf("b")))
    force, up = bed.job.commands
    assert force[-3:] == ["--no-deps", "--force-recreate", "web"]
    assert up[-4:] == ["up", "--detach", "--no-build", "--remove-orphans"]


def test_images_to_pull_are_named_once(bed: Bed) -> None:
    plan = bed.project({"a": "new:1", "b": "new:1", "c": "web:1"}).plan(check_mode=True)
    assert plan.pulls == ["new:1"]


# ---- plan: around the containers


def test_leftover_file_is_removed(bed: Bed) -> None:
    bed.run(bed.project(**conf("a")))
    plan = bed.run(bed.project())
    assert plan.removed_files == ["web.conf"]
    assert not (bed.directory / "web.conf").exists()
    assert not bed.project().plan(check_mode=True).changed


def test_file_of_a_user_is_never_a_leftover(bed: Bed) -> None:
    bed.run(bed.project())
    (bed.directory / "notes.txt").write_text("mine")
    assert not bed.project().plan(check_mode=True).changed


def test_missing_network_is_made_with_its_kind(bed: Bed) -> None:
    networks = (("bridge", False), ("inner", True))
    plan = bed.run(bed.project(networks=networks))
    assert plan.networks == [("inner", True)]
    assert ("network", "create", "--label", "io.llmfleet.network=true", "--internal", "inner") in bed.engine.ran


def test_guard_stops_before_anything_is_touched(bed: Bed) -> None:
    bed.directory.mkdir()
    (bed.directory / "PG_VERSION").write_text("16\n")
    guard = Guard("PG_VERSION", "17", "data is of {found}, not 17")
    with pytest.raises(ProjectError, match=r"^data is of 16, not 17$"):
        bed.project(guards=(guard,)).plan(check_mode=True)
    assert os.listdir(bed.directory) == ["PG_VERSION"]


@pytest.mark.parametrize("text", [None, "17\n"])
def test_guard_lets_pass_what_is_right_or_not_there(bed: Bed, text: str | None) -> None:
    bed.directory.mkdir()
    if text:
        (bed.directory / "PG_VERSION").write_text(text)
    assert bed.project(guards=(Guard("PG_VERSION", "17", "no"),)).plan(check_mode=True).changed


def test_no_compose_file(bed: Bed) -> None:
    want = bed.project().want._replace(files=())
    with pytest.raises(ProjectError, match=r"files has no compose\.yml"):
        assert want.compose


def test_compose_file_that_compose_refuses_changes_nothing(bed: Bed) -> None:
    project = bed.project()
    project.want = project.want._replace(files=(bed.file("compose.yml", "nonsense", ()),))
    with pytest.raises(EngineError, match="not a mapping"):
        project.plan(check_mode=False)
    assert not bed.directory.exists()


def test_without_docker_check_mode_says_what_it_cannot_foresee_and_a_run_what_to_do(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Engine, "available", lambda self: "the docker command is not there")
    plan = bed.project().plan(check_mode=True)
    assert plan.changed
    assert plan.unforeseen == ["services of project p: the docker command is not there yet"]
    with pytest.raises(ProjectError, match="run the docker role first"):
        bed.project().plan(check_mode=False)


def test_directories_are_planned_and_made(bed: Bed) -> None:
    want = DirectorySpec("data", 0o700, os.getuid(), os.getgid())
    plan = bed.run(bed.project(directories=(want,)))
    assert plan.summary()["directories"] == {"data": "create"}
    assert (bed.directory / "data").is_dir()


# ---- diff


def test_diff_tells_files_and_actions_but_no_secret(bed: Bed) -> None:
    def declared(key: str) -> Project:
        project = bed.project(**conf("a\n"))
        secret = bed.file("key", key, ("web",), secret=True)
        project.want = project.want._replace(files=(*project.want.files, secret))
        return project

    first = json.dumps(bed.run(declared("hidden-1")).diff())
    second = bed.run(declared("hidden-2")).diff()
    assert "a\\n" in first
    assert "hidden" not in first + json.dumps(second)
    assert [entry["after"] for entry in second] == [
        "(secret, new content not shown)\n",
        "recreate: a file that it reads changed\n",
    ]
    assert second[0]["before"] == "(secret, not shown)\n"


# ---- watch


@pytest.mark.parametrize(
    ("code", "state", "phase", "words"),
    [
        (None, {}, "waiting", "its last line"),
        (0, {"health": "starting"}, "waiting", "web: starting (last 1 of web)"),
        (0, {"status": "created"}, "waiting", "web: created"),
        (0, {"status": "restarting", "exit_code": 1, "restarts": 2}, "waiting", "restarted 2 times"),
        (0, {"status": "restarting", "exit_code": 1, "restarts": 3}, "failed", "last 40 of web"),
        (0, {"health": "unhealthy"}, "failed", "web is unhealthy"),
        (0, {"status": "exited", "exit_code": 1}, "failed", "web is exited (exit code 1)"),
        (1, {}, "failed", "docker compose up failed:\nthe job's output"),
        (255, {"health": "unhealthy"}, "failed", "web is unhealthy"),
        (0, {}, "done", ""),
    ],
)
def test_phase(bed: Bed, code: int | None, state: dict[str, Any], phase: str, words: str) -> None:
    project = bed.project()
    bed.job.code = code
    bed.engine.add("web", **state)
    status = project.watch(0)
    assert status["phase"] == phase
    assert words in status.get("reason", status.get("progress", ""))


def test_restarts_from_before_the_run_do_not_count(bed: Bed) -> None:
    bed.run(bed.project())
    bed.engine.add("web", status="restarting", exit_code=1, restarts=40)
    project = bed.project()
    project.apply(project.plan(check_mode=False))
    assert project.watch(0)["phase"] == "waiting"
    bed.engine.add("web", status="restarting", exit_code=1, restarts=43)
    assert project.watch(0)["phase"] == "failed"


def test_failed_up_names_the_services_that_do_not_run(bed: Bed) -> None:
    bed.job.code = 1
    bed.engine.add("db", "db:1", health="unhealthy")
    bed.engine.add("web", status="created")
    bed.engine.add("fine")
    assert bed.project().watch(0)["services"] == ["db", "web"]


def test_failed_up_gives_the_last_words_of_a_service_that_another_waits_for(bed: Bed) -> None:
    bed.job.code = 1
    bed.engine.add("db", "db:1", status="restarting", exit_code=1, restarts=1)
    bed.engine.add("web", status="created")
    reason = bed.project().watch(0)["reason"]
    assert "last 40 of db" in reason
    assert "of web" not in reason


def test_progress_while_compose_waits_for_a_dependency(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    bed.job.code = None
    monkeypatch.setattr(bed.job, "last_line", lambda: "Container db  Waiting")
    assert bed.project().watch(0)["progress"] == "Container db  Waiting"
    bed.engine.add("db", "db:1", health="starting")
    bed.engine.add("web", status="created")
    assert bed.project().watch(0)["progress"] == "db: starting (last 1 of db)"


def test_watch_ends_with_its_window(bed: Bed) -> None:
    bed.engine.add("web", health="starting")
    looks: list[float] = []
    project = bed.project()
    project.sleep = looks.append
    assert project.watch(0.01)["phase"] == "waiting"
    assert looks


def test_progress_is_cut_to_one_line_of_a_terminal(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bed.engine, "logs", lambda container, lines: "x" * 1000)
    bed.engine.add("web", health="starting")
    assert len(bed.project().watch(0)["progress"]) < 200


# ---- hooks


HOOK = Hook("web", ["set"], ["look"], "the role")


def test_hook_reports_a_change_by_a_word(bed: Bed) -> None:
    plan = bed.run(bed.project())
    bed.engine.answer = "role CHANGED\n"
    bed.project(hooks=(HOOK,)).run_hooks(False, plan)
    assert (plan.hooks, bed.engine.executed) == (["the role"], [["set"]])


def test_hook_that_changed_nothing_is_no_change(bed: Bed) -> None:
    bed.run(bed.project())
    bed.engine.answer = "UNCHANGED"
    plan = bed.project().plan(check_mode=True)
    bed.project(hooks=(HOOK,)).run_hooks(True, plan)
    assert (plan.hooks, plan.changed, bed.engine.executed) == ([], False, [["look"]])


@pytest.mark.parametrize("state", [None, {"status": "exited"}])
def test_check_mode_runs_no_hook_in_what_is_not_there_yet(bed: Bed, state: dict[str, Any] | None) -> None:
    if state is not None:
        bed.engine.add("web", **state)
    project = bed.project(hooks=(HOOK,))
    plan = project.plan(check_mode=True)
    project.run_hooks(True, plan)
    assert bed.engine.executed == []
    assert plan.unforeseen == ["the role: web is not running yet"]


@pytest.mark.parametrize(("check_mode", "command"), [(True, "look"), (False, "set")])
def test_hook_gets_what_a_file_should_hold(bed: Bed, check_mode: bool, command: str) -> None:
    """In check mode the file on the disk is the former one, and the container may be about to be recreated."""
    bed.run(bed.project(files={"roles.sql": ["old", ("web",)]}))
    project = bed.project(files={"roles.sql": ["new", ("web",)]}, hooks=(HOOK._replace(stdin_file="roles.sql"),))
    project.run_hooks(check_mode, project.plan(check_mode=True))
    assert bed.engine.executed == [[command, "new"]]


def test_hook_without_container_is_an_error(bed: Bed) -> None:
    project = bed.project({}, hooks=(HOOK,))
    with pytest.raises(ProjectError, match="the role: there is no container of service web"):
        project.run_hooks(False, project.plan(check_mode=False))


# ---- the way back


def test_failed_change_is_put_back_and_its_containers_are_recreated(bed: Bed) -> None:
    bed.run(bed.project(**conf("good")))
    bad: dict[str, Any] = {"files": {"web.conf": ("bad", ("web",)), "added": ("bad", ("web",))}}
    bed.run(bed.project(**bad), good=False)
    assert bed.project(**bad).roll_back() == "restored"
    assert bed.text("web.conf") == "good"
    assert not (bed.directory / "added").exists()
    assert bed.job.stopped
    assert bed.job.recreated == ["web"]

    bed.engine.add("web")
    watched = bed.project(**bad)
    assert watched.rolled_back()
    assert watched.watch(0)["phase"] == "done"
    watched.commit()
    assert not watched.rolled_back()
    assert not bed.project(**conf("good")).plan(check_mode=True).changed


def test_container_that_the_failed_run_made_anew_is_recreated_too(bed: Bed) -> None:
    bed.run(bed.project(**conf("good")))
    bed.engine.found.clear()
    bed.run(bed.project(**conf("bad")), good=False)
    bed.project(**conf("bad")).roll_back()
    assert bed.job.recreated == ["web"]


def test_service_that_the_failed_run_added_is_no_part_of_the_way_back(bed: Bed) -> None:
    bed.run(bed.project())
    bed.run(bed.project({"web": "web:2", "db": "db:1"}), good=False)
    assert bed.project({"web": "web:2", "db": "db:1"}).roll_back() == "restored"
    assert bed.job.recreated == ["web"]
    assert bed.text("compose.yml") == '{"web": "web:1"}'


def test_first_failure_has_no_way_back(bed: Bed) -> None:
    bed.run(bed.project(**conf("bad")), good=False)
    assert bed.project(**conf("bad")).roll_back() == "none"
    assert bed.text("web.conf") == "bad"


def test_stop_ends_known_services_only(bed: Bed) -> None:
    bed.engine.add("web")
    bed.project().stop(["web", "never-made"])
    assert [call[-2:] for call in bed.engine.ran] == [("stop", "web")]


def forward(bed: Bed, services: dict[str, str], **more: Any) -> Project:
    return bed.project(services, forward_only=("web",), **more)


def test_forward_only_image_is_kept(bed: Bed) -> None:
    bed.run(forward(bed, {"web": "web:1"}))
    bed.run(forward(bed, {"web": "web:2"}), good=False)
    assert forward(bed, {"web": "web:2"}).roll_back() == "kept"
    assert json.loads(bed.text("compose.yml")) == {"web": "web:2"}


def test_forward_only_image_is_kept_however_often_it_is_run_again(bed: Bed) -> None:
    bed.run(forward(bed, {"web": "web:1"}))
    for content in ("one try", "another"):
        bed.run(forward(bed, {"web": "web:2"}, **conf(content)), good=False)
        assert forward(bed, {"web": "web:2"}, **conf(content)).roll_back() == "kept"
    bed.run(forward(bed, {"web": "web:2"}, **conf("mended")))
    bed.run(forward(bed, {"web": "web:2"}, **conf("bad")), good=False)
    assert forward(bed, {"web": "web:2"}, **conf("bad")).roll_back() == "restored"


def test_forward_only_image_is_kept_when_the_container_had_been_removed(bed: Bed) -> None:
    bed.run(forward(bed, {"web": "web:1"}))
    bed.engine.found.clear()
    bed.run(forward(bed, {"web": "web:2"}), good=False)
    assert forward(bed, {"web": "web:2"}).roll_back() == "kept"


def test_forward_only_image_that_changed_under_its_name_is_kept(bed: Bed) -> None:
    bed.run(forward(bed, {"web": "web:1"}))
    bed.engine.on_host["web:1"] = "sha256:rebuilt"
    bed.run(forward(bed, {"web": "web:1"}), good=False)
    assert forward(bed, {"web": "web:1"}).roll_back() == "kept"


def test_forward_only_service_with_the_same_image_is_put_back(bed: Bed) -> None:
    bed.run(forward(bed, {"web": "web:1"}, **conf("good")))
    bed.run(forward(bed, {"web": "web:1"}, **conf("bad")), good=False)
    assert forward(bed, {"web": "web:1"}, **conf("bad")).roll_back() == "restored"


# ---- runs that were cut off


def cut_off(bed: Bed, project: Project, code: int | None) -> None:
    """The controller is gone after the start; the job ends as it will."""
    plan = project.plan(check_mode=False)
    project.apply(plan)
    for name in plan.actions:
        bed.engine.add(name, plan.images[name])
    bed.job.code = code


def test_run_whose_job_went_on_is_only_finished(bed: Bed) -> None:
    bed.run(bed.project(**conf("a")))
    cut_off(bed, bed.project(**conf("b")), 0)
    assert bed.run(bed.project(**conf("b"))).actions == {}
    assert not bed.project(**conf("b")).plan(check_mode=True).changed


def test_run_whose_job_was_killed_is_done_again(bed: Bed) -> None:
    bed.run(bed.project(**conf("a")))
    cut_off(bed, bed.project(**conf("b")), 255)
    assert bed.run(bed.project(**conf("b"))).actions == {"web": "recreate: a file that it reads changed"}
    assert not bed.project(**conf("b")).plan(check_mode=True).changed


@pytest.mark.parametrize("code", [0, 255])
def test_going_back_after_a_cut_off_run_recreates_what_it_may_have_started(bed: Bed, code: int) -> None:
    bed.run(bed.project(**conf("a")))
    cut_off(bed, bed.project(**conf("b")), code)
    assert bed.run(bed.project(**conf("a"))).actions == {"web": "recreate: a file that it reads changed"}


def test_slow_service_that_was_left_running_is_not_restarted_by_the_next_runs(bed: Bed) -> None:
    for attempt in range(3):
        project = bed.project(**conf("a"))
        plan = project.plan(check_mode=False)
        project.apply(plan)
        assert plan.actions == ({} if attempt else {"web": "create"})
        bed.engine.add("web", health="starting")
        assert project.watch(0)["phase"] == "waiting"
    bed.engine.add("web", health="healthy")
    bed.run(bed.project(**conf("a")))
    assert not bed.project(**conf("a")).plan(check_mode=True).changed


def test_declaration_of_a_run_that_never_wrote_its_files_does_not_hinder_the_former_one(bed: Bed) -> None:
    bed.run(bed.project())
    project = bed.project(**conf("b"))
    plan = project.plan(check_mode=False)
    project.state.save("pending.json", project._pending(plan, {}))
    bed.run(bed.project())
    assert json.loads(bed.text(".llmfleet/applied.json"))["files"] == ["compose.yml"]


def test_leftovers_are_known_after_a_run_that_was_cut_off_before_it_removed_them(bed: Bed) -> None:
    bed.run(bed.project(**conf("a")))
    project = bed.project()
    project.state.save("applied.json", {**project.state.load("applied.json"), "files": ["compose.yml"]})
    project.state.save("pending.json", {"files": ["compose.yml"], "removing": ["web.conf"], "services": {}})
    assert bed.project().plan(check_mode=True).removed_files == ["web.conf"]


# ---- absence


def test_absence_removes_containers_and_files_but_no_data(bed: Bed) -> None:
    bed.run(bed.project(directories=(DirectorySpec("data", 0o755, os.getuid(), os.getgid()),), **conf("a")))
    (bed.directory / "data" / "rows").write_text("rows")
    project = bed.project(**conf("a"))
    plan = project.plan_absent()
    assert plan.removed_files == ["compose.yml", "web.conf"]
    assert plan.actions == {"web": "remove"}
    project.apply_absent(plan)
    assert ("compose", "-p", "p", "down", "--remove-orphans") in bed.engine.ran
    assert sorted(os.listdir(bed.directory)) == [".llmfleet", "data"]
    assert bed.text("data/rows") == "rows"
    bed.engine.found.clear()
    assert not bed.project(**conf("a")).plan_absent().changed


def test_absence_of_what_was_never_there_changes_nothing(bed: Bed) -> None:
    assert not bed.project().plan_absent().changed
    assert not bed.directory.exists()
