# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a run finds to do, on a real directory with an engine that is a table of containers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from compose_host import Host, Task, own

HOOK = {"service": "web", "command": ["set"], "check_command": ["look"], "description": "the role"}


def foresee(host: Host, *projects: dict[str, Any], **options: Any) -> dict[str, Any]:
    host.check_mode = True
    try:
        return host.ask(*projects, **options)["projects"]
    finally:
        host.check_mode = False


# ---- one container


def test_nothing_there_is_created_and_the_second_run_changes_nothing_in_one_call(host: Host, task: Task) -> None:
    first = task(host.project())["projects"]["p"]
    assert first["actions"] == {"web": "create"}
    assert first["files"] == {"compose.yml": "create", "web.conf": "create"}
    task.calls.clear()
    second = task(host.project())
    assert (second["changed"], second["diff"], task.calls) == (False, [], ["begin"])


@pytest.mark.parametrize(
    ("more", "state", "action"),
    [
        ({"images": {"web": "web:2"}}, {}, "recreate: its definition changed"),
        ({}, {"image_id": "sha256:old"}, "recreate: its image changed"),
        ({"conf": "other"}, {}, "recreate: a file that it reads changed"),
        ({"conf": None}, {}, "recreate: a file that it reads changed"),
        ({"recreate": True}, {}, "recreate: asked for"),
        ({}, {"health": "unhealthy"}, "recreate: it is unhealthy"),
        ({}, {"status": "exited", "exit_code": 1}, "start: it is exited"),
        ({}, {"status": "exited"}, "start: it is exited"),
        ({}, {"status": "created"}, "start: it is created"),
    ],
)
def test_action_and_reason(host: Host, task: Task, more: dict[str, Any], state: dict[str, Any], action: str) -> None:
    task(host.project())
    options = {"recreate": more.pop("recreate")} if "recreate" in more else {}
    container = host.engine.of("p")["web"]
    for name, value in state.items():
        setattr(container, name, value)
    assert foresee(host, host.project(**more), **options)["p"]["actions"] == {"web": action}
    done = task(host.project(**more), **options)["projects"]["p"]
    assert (done["actions"], done.get("failed")) == ({"web": action}, None)
    assert not task(host.project(**more))["changed"]


def test_finished_one_shot_service_is_left_alone(host: Host, task: Task) -> None:
    task(host.project())
    container = host.engine.of("p")["web"]
    container.status, container.policy = "exited", "no"
    assert not task(host.project())["changed"]


def test_only_the_readers_of_a_file_are_recreated(host: Host, task: Task) -> None:
    images = {"web": "web:1", "db": "db:1"}
    task(host.project(images=images))
    db = host.engine.of("p")["db"].row.id
    assert task(host.project(images=images, conf="b"))["projects"]["p"]["actions"] == {
        "web": "recreate: a file that it reads changed"
    }
    assert host.engine.of("p")["db"].row.id == db


def test_service_and_file_that_are_not_declared_any_more_go(host: Host, task: Task) -> None:
    task(host.project(images={"web": "web:1", "db": "db:1"}, files=[own("deep/extra", "x")]))
    done = task(host.project())["projects"]["p"]
    assert (done["actions"], done["removed_files"]) == ({"db": "remove"}, ["deep/extra"])
    assert list(host.engine.of("p")) == ["web"]
    assert "deep" not in host.listing()


def left_by_compose(host: Host, service: str = "web", **more: Any) -> str:
    """As a Compose leaves it that ended in the middle: the successor is made, and named by the container before it."""
    there = host.engine.of("p")[service]
    name = f"0123456789ab_{there.row.name}"
    more = {"status": "created", "config_hash": there.config_hash, **more}
    made = host.engine.add("p", there.row.working_dir, service, name=name, fleet="p", **more)
    return made.row.id


def test_what_a_recreation_left_that_did_not_end_goes_and_the_container_before_it_runs_on(
    host: Host, task: Task
) -> None:
    """It would be waited for: nothing ever starts it."""
    task(host.project())
    runs = host.engine.of("p")["web"].row.id
    left_by_compose(host)
    foreseen = foresee(host, host.project())["p"]
    assert (foreseen["actions"], foreseen["changed"]) == ({"web": "remove 0123456789ab_p-web-1"}, True)
    assert task(host.project())["projects"]["p"].get("failed") is None
    assert list(host.engine.found) == [runs]
    assert not task(host.project())["changed"]


@pytest.mark.parametrize("status", ["created", "running"])
def test_the_container_before_it_is_gone_already(host: Host, task: Task, status: str) -> None:
    """Started under its name of the meantime, it would be nobody's server."""
    task(host.project())
    before = host.engine.of("p")["web"].row.id
    left = left_by_compose(host, status=status)
    del host.engine.found[before]
    done = task(host.project())["projects"]["p"]
    assert (done["actions"], done.get("failed")) == ({"web": "create"}, None)
    assert left not in host.engine.found
    assert host.engine.of("p")["web"].row.name == "p-web-1"


def test_a_service_that_is_not_declared_any_more_goes_with_what_was_left_of_it(host: Host, task: Task) -> None:
    task(host.project(images={"web": "web:1", "db": "db:1"}))
    left_by_compose(host, "db")
    assert foresee(host, host.project())["p"]["actions"] == {"db": "remove"}


# ---- refusals


def test_guard_refuses_before_anything_is_touched(host: Host, task: Task) -> None:
    (host.root / "p").mkdir()
    (host.root / "p/VERSION").write_text("16\n")
    guard = {"path": "VERSION", "equals": "17", "fail_msg": "it is {found}"}
    result = task(host.project(guards=[guard]))
    assert (result["failed"], result["changed"], result["msg"]) == (True, False, "p: it is 16")
    assert result["projects"]["p"]["rollback"] == "untouched"
    assert host.listing() == ["VERSION"]


def test_compose_file_that_compose_refuses_leaves_no_trace(host: Host, task: Task) -> None:
    bad = {**host.project(), "files": [own("compose.yml", "nonsense")]}
    result = task(bad)
    assert "not a mapping" in result["msg"]
    assert not (host.root / "p").exists()


def test_no_compose_file(host: Host, task: Task) -> None:
    assert "files has no compose.yml" in task({**host.project(), "files": []})["msg"]


def test_service_without_our_label_is_refused_with_the_line_to_write(host: Host, task: Task) -> None:
    result = task(host.project(extra={"web": {"labels": {}}}))
    assert "labels: io.llmfleet.project: p" in result["msg"]
    assert host.engine.found == {}


def test_user_that_is_not_there_is_the_projects_own_failure(host: Host, task: Task) -> None:
    bad = host.project("bad", directories=[{"path": "data", "owner": "no-such-user"}])
    result = task(bad, host.project("p"))
    assert "no-such-user" in result["projects"]["bad"]["msg"]
    assert result["projects"]["p"].get("failed") is None


@pytest.mark.parametrize("option", ["name", "project_dir"])
def test_two_projects_of_one_name_or_directory(host: Host, task: Task, option: str) -> None:
    one, two = host.project("a"), host.project("b")
    result = task(one, {**two, option: one[option]})
    assert result["msg"] == f"projects[0] and projects[1] have the same {option}: {one[option]}"


def test_without_docker_check_mode_says_what_it_cannot_foresee_and_a_run_what_to_do(host: Host, task: Task) -> None:
    host.engine.missing = "the docker command is not there"
    seen = foresee(host, host.project())["p"]
    assert seen["unforeseen"] == ["services of project p: the docker command is not there yet"]
    assert "run the docker role first" in task(host.project())["msg"]
    assert not (host.root / "p").exists()


@pytest.mark.parametrize(("there", "wanted"), [(True, False), (False, True)])
def test_network_that_differs_is_refused_with_the_remedy(host: Host, task: Task, there: bool, wanted: bool) -> None:
    host.engine.networks_there["net"] = there
    result = task(host.project(networks=[{"name": "net", "internal": wanted}]))
    assert "network net exists and is" in result["msg"]
    assert "docker network rm net" in result["msg"]
    assert not (host.root / "p").exists()


# ---- directories


def test_directory_is_made_and_kept_as_declared(host: Host, task: Task) -> None:
    def want(mode: str) -> dict[str, Any]:
        return host.project(directories=[{**own("data", ""), "mode": mode}])

    def clean(project: dict[str, Any]) -> dict[str, Any]:
        for entry in project["directories"]:
            entry.pop("content", None)
        return project

    assert task(clean(want("0700")))["projects"]["p"]["directories"] == {"data": "create"}
    assert task(clean(want("0750")))["projects"]["p"]["directories"] == {"data": "mode 0700 -> 0750"}


def test_directory_elsewhere_that_was_there_before_keeps_its_mode(host: Host, task: Task) -> None:
    models, made = host.root / "models", host.root / "made"
    models.mkdir(mode=0o775)
    models.chmod(0o2775)
    for mode in ("0755", "0700"):
        entries = [{k: v for k, v in own(str(path), "").items() if k != "content"} for path in (models, made)]
        result = task(host.project(directories=[{**entry, "mode": mode} for entry in entries]))
        assert result.get("failed") is None
    assert models.stat().st_mode & 0o7777 == 0o2775
    assert made.stat().st_mode & 0o7777 == 0o700


# ---- check mode, diff, hooks


def test_what_is_foreseen_is_what_is_done(host: Host, task: Task) -> None:
    task(host.project())
    want = host.project(images={"web": "web:2"}, conf="b", files=[own("x", "y")])
    seen = foresee(host, want)["p"]
    done = task(want)["projects"]["p"]
    for name in ("actions", "files", "removed_files", "pulls", "diff", "networks", "hooks"):
        assert seen[name] == done[name], name


def test_check_mode_leaves_no_trace(host: Host) -> None:
    assert foresee(host, host.project())["p"]["changed"]
    assert not (host.root / "p").exists()


def test_diff_tells_files_and_actions_but_no_secret(host: Host, task: Task) -> None:
    def declared(key: str) -> dict[str, Any]:
        return host.project(files=[own("key", key, secret=True, services=["web"])])

    first, second = task(declared("hidden-1")), task(declared("hidden-2"))
    assert "hidden" not in json.dumps([first, second])
    assert [entry["after"] for entry in second["diff"]] == [
        "(secret, new content not shown)\n",
        "recreate: a file that it reads changed\n",
    ]
    assert host.text("p/key") == "hidden-2"


def test_hook_reports_a_change_by_a_word(host: Host, task: Task) -> None:
    host.engine.answers["set"] = "role CHANGED\n"
    result = task(host.project(hooks=[HOOK]))["projects"]["p"]
    assert (result["hooks"], result["diff"][-1]["after"]) == (["the role"], "the role\n")
    again = task(host.project(hooks=[HOOK]))
    assert (again["changed"], again["projects"]["p"]["hooks"]) == (True, ["the role"])
    host.engine.answers["set"] = "UNCHANGED"
    assert not task(host.project(hooks=[HOOK]))["changed"]


@pytest.mark.parametrize("there", [False, True])
def test_check_mode_runs_no_hook_in_what_is_not_there_yet(host: Host, task: Task, there: bool) -> None:
    if there:
        task(host.project())
        host.engine.of("p")["web"].status = "exited"
    seen = foresee(host, host.project(hooks=[HOOK]))["p"]
    assert seen["unforeseen"] == ["the role: web is not running yet"]
    assert host.engine.executed == []


@pytest.mark.parametrize(("check_mode", "command"), [(True, "look"), (False, "set")])
def test_hook_gets_what_a_file_should_hold(host: Host, task: Task, check_mode: bool, command: str) -> None:
    """In check mode the file on the disk is the former one, and the container may be about to be recreated."""
    task(host.project(files=[own("roles.sql", "old")]))
    want = host.project(files=[own("roles.sql", "new")], hooks=[{**HOOK, "stdin_file": "roles.sql"}])
    foresee(host, want) if check_mode else task(want)
    assert [call[1:] for call in host.engine.executed] == [[command, "new"]]


def test_hook_without_container_is_an_error(host: Host, task: Task) -> None:
    result = task(host.project(hooks=[{**HOOK, "service": "db"}]))
    assert "the role: there is no container of service db" in result["msg"]


# ---- calls of the engine


def test_unchanged_projects_cost_one_call_of_each_kind_together(host: Host, task: Task) -> None:
    host.engine.networks_there["net"] = False
    want = [host.project(name, networks=[{"name": "net"}]) for name in ("a", "b", "c")]
    task(*want)
    host.engine.calls.clear()
    assert not task(*want)["changed"]
    assert sorted(host.engine.calls) == ["images", "inspect", "networks", "ps"]


@pytest.mark.parametrize("reads", ["${PORT}", "env_file", "extends", "include", "profiles"])
def test_compose_is_asked_again_where_the_text_alone_does_not_say_it(host: Host, task: Task, reads: str) -> None:
    want = host.project(extra={"web": {"x-more": reads}})
    task(want)
    host.engine.calls.clear()
    task(want)
    assert "hash" in host.engine.calls


def test_env_file_of_the_folder_makes_compose_be_asked_again(host: Host, task: Task) -> None:
    task(host.project())
    (host.root / "p/.env").write_text("A=1")
    host.engine.calls.clear()
    task(host.project())
    assert "config" in host.engine.calls


# ---- prune


def test_projects_of_ours_that_are_not_listed_are_made_absent(host: Host, task: Task) -> None:
    task(host.project("fleet-a"), host.project("fleet-b"), host.project("other"))
    foreign = host.engine.add("fleet-x", "/home/someone", "web")
    result = task(host.project("fleet-a"), prune_prefix="fleet-")
    assert result["projects"]["fleet-b"]["actions"] == {"web": "remove"}
    assert not (host.root / "fleet-b").exists()
    assert sorted({found.row.project for found in host.engine.found.values()}) == ["fleet-a", "fleet-x", "other"]
    assert foreign.status == "running"
    assert not task(host.project("fleet-a"), prune_prefix="fleet-")["changed"]


def test_what_leaves_is_gone_before_others_start(host: Host, task: Task) -> None:
    """It holds ports and GPUs, and the one that is declared may stand before it."""
    task(host.project("fleet-b"))
    host.engine.performed.clear()
    task(host.project("fleet-a"), prune_prefix="fleet-")
    words = [" ".join(command) for command in host.engine.performed]
    waited = next(index for index, line in enumerate(words) if "docker wait" in line)
    started = next(index for index, line in enumerate(words) if "fleet-a" in line and " up " in line)
    assert words[waited].endswith("fleet-b-web-1 id1") and waited < started


def test_the_module_does_not_block_while_others_leave(host: Host, task: Task) -> None:
    """Two minutes and more without a word: the wait is the job's, so the run shows how far it is."""
    task(host.project("fleet-b"))
    host.engine.hold_jobs = True
    seen = host.ask(host.project("fleet-a"), prune_prefix="fleet-")["projects"]
    assert {name: status["stage"] for name, status in seen.items()} == {"fleet-b": "stopping", "fleet-a": "starting"}
    assert host.job("fleet-a").commands[0][:2] == ["/bin/sh", "-c"]


def test_former_containers_of_all_end_before_a_new_one_starts(host: Host, task: Task) -> None:
    """They share a GPU: who starts first measures what the other still holds."""
    task(host.project("a"), host.project("b"))
    host.engine.hold_jobs = True
    host.ask(host.project("a", conf="new"), host.project("b", conf="new"), stop_first=True)
    stop, wait, *up = host.job("a").commands
    assert (stop, wait[-1], up[0][-1]) == (["docker", "stop", "id1"], "id2", "web")
    host.engine.hold_jobs = False
    assert host.job("b").commands[1][-1] == "id1"


def test_by_default_projects_do_not_wait_for_each_other(host: Host, task: Task) -> None:
    task(host.project("a"), host.project("b"))
    host.engine.hold_jobs = True
    host.ask(host.project("a", conf="new"), host.project("b", conf="new"))
    assert all(command[:2] == ["docker", "compose"] for command in host.job("a").commands)


def test_prune_is_foreseen(host: Host, task: Task) -> None:
    task(host.project("fleet-a"), host.project("fleet-b"))
    seen = foresee(host, host.project("fleet-a"), prune_prefix="fleet-")
    assert seen["fleet-b"]["actions"] == {"web": "remove"}
    assert "fleet-b" in {found.row.project for found in host.engine.found.values()}


def test_prune_alone(host: Host, task: Task) -> None:
    task(host.project("fleet-b"))
    assert task(prune_prefix="fleet-")["changed"]
    assert host.engine.found == {}
