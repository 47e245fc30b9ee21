# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""States that fail, and the way back from them."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest
from compose_host import Host, Task, own

HOOK = {"service": "web", "command": ["set"], "check_command": ["look"], "description": "the role"}


def failed(result: dict[str, Any], name: str = "p") -> dict[str, Any]:
    assert result["failed"]
    return result["projects"][name]


def serving(host: Host, name: str = "p") -> str:
    web = host.engine.of(name)["web"].inspected()
    return host.text(f"{name}/web.conf") if web.ready else web.describe()


# ---- the last files that worked


@pytest.mark.parametrize("bad", ["crash", "sick", "slow"])
def test_failed_change_is_put_back_and_its_containers_are_recreated(host: Host, task: Task, bad: str) -> None:
    task(host.project())
    before = host.engine.of("p")["web"].row.id
    result = failed(task(host.project(conf=bad, files=[own("added", "x")])))
    assert (result["rollback"], serving(host)) == ("restored", "good")
    assert host.engine.of("p")["web"].row.id != before
    assert "added" not in host.listing()
    assert not task(host.project())["changed"]


def test_service_that_the_failed_run_added_is_no_part_of_the_way_back(host: Host, task: Task) -> None:
    task(host.project())
    failed(task(host.project(images={"web": "web:1", "db": "db:1"}, conf="crash")))
    assert list(host.engine.of("p")) == ["web"]
    assert "update" in host.engine.calls, "Docker would start it again without its files"
    assert list(json.loads(host.text("p/compose.yml"))["services"]) == ["web"]


def test_two_projects_where_one_fails_and_only_that_one_is_taken_back(host: Host, task: Task) -> None:
    task(host.project("a"), host.project("b"))
    result = task(host.project("a", conf="new"), host.project("b", conf="crash"))
    assert result["projects"]["a"].get("failed") is None
    assert failed(result, "b")["rollback"] == "restored"
    assert (serving(host, "a"), serving(host, "b")) == ("new", "good")


def test_first_failure_has_no_way_back_and_is_stopped(host: Host, task: Task) -> None:
    assert failed(task(host.project(conf="crash")))["rollback"] == "stopped"
    assert host.engine.of("p")["web"].status == "exited"
    assert host.text("p/web.conf") == "crash"
    assert task(host.project())["projects"]["p"].get("failed") is None


def test_first_start_that_is_slow_is_waited_for_by_the_next_run(host: Host, task: Task) -> None:
    assert failed(task(host.project(conf="slow"), wait_timeout=5))["rollback"] == "running"
    container = host.engine.of("p")["web"]
    container.health = "healthy"
    result = task(host.project(conf="slow"))
    assert result["projects"]["p"]["actions"] == {}
    assert host.engine.of("p")["web"] is container
    assert not task(host.project(conf="slow"))["changed"]


# ---- the proof


def test_old_state_that_does_not_work_any_more_is_not_called_put_back(host: Host, task: Task) -> None:
    """A rotation: the database took the new password, the proxy's start failed, the old password is refused."""
    task(host.project(hooks=[HOOK]))
    host.engine.answers["look"] = "fail: 401"
    result = failed(task(host.project(conf="crash", hooks=[HOOK])))
    assert result["rollback"] == "unproven"
    assert "put back and run, but do not work: the role: docker exec: fail: 401" in result["msg"]


def test_check_of_the_old_state_that_finds_a_difference_is_no_proof(host: Host, task: Task) -> None:
    task(host.project(hooks=[HOOK]))
    host.engine.answers["look"] = "CHANGED"
    assert "it is not as these files say" in failed(task(host.project(conf="crash", hooks=[HOOK])))["msg"]


def test_checks_are_those_of_the_state_that_runs_again_and_read_its_files(host: Host, task: Task) -> None:
    old = {**HOOK, "check_command": ["old-look"], "stdin_file": "roles.sql"}
    task(host.project(hooks=[old], files=[own("roles.sql", "old")]))
    host.engine.executed.clear()
    failed(task(host.project(conf="crash", hooks=[HOOK], files=[own("roles.sql", "new")])))
    assert [call[1:] for call in host.engine.executed] == [["old-look", "old"]]


def test_hook_that_fails_after_a_change_takes_it_back(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.answers["set"] = "fail: not ready"
    result = failed(task(host.project(conf="new", hooks=[HOOK])))
    assert (result["rollback"], serving(host)) == ("restored", "good")
    assert "the role: docker exec: fail: not ready" in result["msg"]


def test_hook_that_fails_where_nothing_changed_touches_nothing(host: Host, task: Task) -> None:
    task(host.project(hooks=[HOOK]))
    before = host.engine.of("p")["web"].row.id
    host.engine.answers["set"] = "fail: down"
    result = failed(task(host.project(hooks=[HOOK])))
    assert (result["rollback"], host.engine.of("p")["web"].row.id) == ("untouched", before)


# ---- failures before the start


def test_network_that_cannot_be_made_leaves_the_old_files_and_container(host: Host, task: Task) -> None:
    task(host.project())
    before = host.engine.of("p")["web"].row.id
    host.engine.broken.add("network create")
    result = failed(task(host.project(conf="new", networks=[{"name": "net"}])))
    assert (result["rollback"], serving(host)) == ("restored", "good")
    assert "no answer within" in result["msg"]
    assert host.engine.of("p")["web"].row.id == before
    assert not task(host.project())["changed"]


def test_first_start_that_fails_before_it_leaves_no_files(host: Host, task: Task) -> None:
    host.engine.broken.add("network create")
    result = failed(task(host.project(networks=[{"name": "net"}], files=[own("secrets/key", "k", secret=True)])))
    assert (result["rollback"], host.listing()) == ("untouched", [".llmfleet"])


def test_full_disk_leaves_the_old_files_and_container(host: Host, task: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    task(host.project())
    before, fsync, writes = host.engine.of("p")["web"].row.id, os.fsync, []

    def full(descriptor: int) -> None:
        writes.append(descriptor)
        if len(writes) == 2:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", full)
    result = failed(task(host.project(conf="new", files=[own("x", "y")])))
    assert "No space left" in result["msg"]
    assert "Free some space" in result["msg"]
    assert (host.engine.of("p")["web"].row.id, host.text("p/web.conf")) == (before, "good")
    assert "x" not in host.listing()


def test_engine_that_stops_answering_while_waiting_is_a_failure_with_a_way_back(
    host: Host, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    task(host.project())
    inspect, turns = host.engine.inspect, []

    def once(ids: Any) -> Any:
        turns.append(1)
        if len(turns) == 2:
            from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import EngineError

            raise EngineError("docker inspect: no answer within 60 s")
        return inspect(ids)

    monkeypatch.setattr(host.engine, "inspect", once)
    assert failed(task(host.project(conf="new")))["rollback"] == "restored"
    assert serving(host) == "good"


def test_image_that_cannot_be_pulled_stops_nothing(host: Host, task: Task) -> None:
    task(host.project())
    before = host.engine.of("p")["web"].row.id
    result = failed(task(host.project(images={"web": "away:1"}, conf="new")))
    assert (result["rollback"], host.engine.of("p")["web"].row.id) == ("untouched", before)
    assert "manifest for away:1 not found" in result["msg"]
    assert (serving(host), host.engine.of("p")["web"].image) == ("good", "web:1")
    assert not task(host.project())["changed"]


# ---- data that was migrated forward


def forward(host: Host, image: str, conf: str = "good") -> dict[str, Any]:
    return host.project(images={"web": image}, conf=conf, forward_only=["web"], forward_only_hint="Ask Ann.")


def test_forward_only_image_is_kept_however_often_it_is_run_again(host: Host, task: Task) -> None:
    task(forward(host, "web:1"))
    for conf in ("crash one", "crash two"):
        result = failed(task(forward(host, "web:2", conf)))
        assert (result["rollback"], host.text("p/web.conf")) == ("kept", conf)
        assert result["msg"].endswith("Ask Ann.")
    task(forward(host, "web:2", "mended"))
    assert failed(task(forward(host, "web:2", "crash")))["rollback"] == "restored"


def test_forward_only_image_is_kept_when_the_container_had_been_removed(host: Host, task: Task) -> None:
    task(forward(host, "web:1"))
    host.engine.found.clear()
    assert failed(task(forward(host, "web:2", "crash")))["rollback"] == "kept"


@pytest.mark.parametrize("more", ["", "definition too"])
def test_forward_only_image_that_changed_under_its_name_is_kept(host: Host, task: Task, more: str) -> None:
    task(forward(host, "web:1"))
    host.engine.on_host["web:1"] = "sha256:rebuilt"
    want = forward(host, "web:1", "crash")
    if more:
        want["files"][0]["content"] = want["files"][0]["content"].replace('"image"', '"x": 1, "image"')
    assert failed(task(want))["rollback"] == "kept"


def test_forward_only_service_with_the_same_image_is_put_back(host: Host, task: Task) -> None:
    task(forward(host, "web:1"))
    assert failed(task(forward(host, "web:1", "crash")))["rollback"] == "restored"


def test_forward_only_that_never_started_is_put_back(host: Host, task: Task) -> None:
    task(forward(host, "web:1"))
    host.engine.broken.add("network create")
    result = failed(task({**forward(host, "web:2"), "networks": [{"name": "net"}]}))
    assert (result["rollback"], host.engine.of("p")["web"].image) == ("restored", "web:1")


# ---- before another image


BACKUP = {"service": "web", "description": "the backup", "command": ["dump"]}


def test_backup_runs_in_the_old_container_before_another_image(host: Host, task: Task) -> None:
    task(host.project(before_image_change=[BACKUP]))
    task(host.project(conf="new", before_image_change=[BACKUP]))
    assert host.engine.executed == []
    old = host.engine.of("p")["web"].row.id
    task(host.project(images={"web": "web:2"}, conf="new", before_image_change=[BACKUP]))
    assert host.engine.executed == [[old, "dump"]]


def test_backup_that_fails_changes_nothing(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.answers["dump"] = "fail: no space"
    before = host.engine.of("p")["web"].row.id
    result = failed(task(host.project(images={"web": "web:2"}, before_image_change=[BACKUP])))
    assert "the backup failed, so nothing was changed" in result["msg"]
    assert (result["rollback"], host.engine.of("p")["web"].row.id) == ("untouched", before)
    assert "web:1" in host.text("p/compose.yml")
    assert not task(host.project())["changed"]


def test_backup_needs_the_old_container_to_run(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.of("p")["web"].status = "exited"
    result = failed(task(host.project(images={"web": "web:2"}, before_image_change=[BACKUP])))
    assert "its container p-web-1 is exited: start it" in result["msg"]


def test_backup_as_a_one_off_of_the_old_definition(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.of("p")["web"].status = "exited"
    task(host.project(images={"web": "web:2"}, before_image_change=[{**BACKUP, "one_off": True}]))
    (call,) = host.engine.executed
    assert call[-6:] == ["run", "--rm", "--no-deps", "-T", "web", "dump"]


# ---- runs that were cut off


def cut_off(host: Host, project: dict[str, Any], code: int | None) -> None:
    """The controller is gone after the start; the job ends as it will."""
    host.engine.hold_jobs = True
    host.ask(project)
    host.engine.hold_jobs = False
    if code == 0:
        host.job("p").work()
    host.job("p").code = code


def test_run_whose_job_went_on_is_only_finished(host: Host, task: Task) -> None:
    task(host.project())
    cut_off(host, host.project(conf="b"), 0)
    assert task(host.project(conf="b"))["projects"]["p"]["actions"] == {}
    assert not task(host.project(conf="b"))["changed"]


def test_run_whose_job_was_killed_is_done_again(host: Host, task: Task) -> None:
    task(host.project())
    cut_off(host, host.project(conf="b"), 255)
    again = task(host.project(conf="b"))["projects"]["p"]
    assert again["actions"] == {"web": "recreate: a file that it reads changed"}
    assert not task(host.project(conf="b"))["changed"]


@pytest.mark.parametrize("code", [0, 255])
def test_going_back_after_a_cut_off_run_recreates_what_it_may_have_started(host: Host, task: Task, code: int) -> None:
    task(host.project())
    cut_off(host, host.project(conf="b"), code)
    assert task(host.project())["projects"]["p"]["actions"] == {"web": "recreate: a file that it reads changed"}


def test_run_that_still_is_at_it_is_waited_for(host: Host, task: Task) -> None:
    task(host.project())
    cut_off(host, host.project(conf="b"), None)
    result = task(host.project(conf="b"), pull_timeout=30)
    assert "an earlier run is still at it after 30 s" in result["msg"]


# ---- steps


def test_steps_one_by_one(host: Host, task: Task) -> None:
    task(host.project(hooks=[HOOK]))
    host.engine.registry["new:1"] = "sha256:new"
    want = host.project(images={"web": "new:1"}, hooks=[HOOK])
    old = host.engine.of("p")["web"]

    fetched = task(want, step="fetch")
    assert (fetched["changed"], fetched["projects"]["p"]["pulls"]) == (True, ["new:1"])
    assert (host.engine.of("p")["web"], "new:1" in host.text("p/compose.yml")) == (old, False)
    assert not task(want, step="fetch")["changed"]

    host.engine.executed.clear()
    assert task(want, step="apply")["projects"]["p"]["actions"] == {"web": "recreate: its definition changed"}
    assert host.engine.of("p")["web"].image == "new:1"
    assert host.engine.executed == []
    assert "has not been verified" in task(want, step="commit")["msg"]
    task(want, step="verify")
    assert [call[1:] for call in host.engine.executed] == [["set"]]
    assert (host.root / "p/.llmfleet/pending.json").exists()
    task(want, step="commit")
    assert not (host.root / "p/.llmfleet/pending.json").exists()
    assert not task(want)["changed"]


def test_steps_can_be_taken_back_after_verify(host: Host, task: Task) -> None:
    task(host.project())
    task(host.project(conf="new"), step="apply")
    task(host.project(conf="new"), step="verify")
    result = task(host.project(conf="new"), step="take_back")
    assert (result.get("failed"), result["projects"]["p"]["rollback"], serving(host)) == (None, "restored", "good")
    assert task(host.project(conf="new"), step="take_back")["projects"]["p"]["rollback"] == "untouched"


def test_step_that_fails_is_not_put_back_by_itself(host: Host, task: Task) -> None:
    task(host.project())
    task(host.project(conf="crash"), step="apply")
    assert task(host.project(conf="crash"), step="verify")["failed"]
    assert host.text("p/web.conf") == "crash"
    task(host.project(conf="crash"), step="take_back")
    assert serving(host) == "good"


def test_fetch_that_failed_does_not_hinder_the_verification_of_what_runs(host: Host, task: Task) -> None:
    task(host.project())
    task(host.project(conf="new"), step="apply")
    assert task(host.project(images={"web": "away:1"}), step="fetch")["failed"]
    assert task(host.project(conf="new"), step="verify").get("failed") is None
    task(host.project(conf="new"), step="commit")
    assert not task(host.project(conf="new"))["changed"]


@pytest.mark.parametrize("step", ["fetch", "apply", "verify", "commit", "take_back", "all"])
def test_no_step_touches_anything_in_check_mode(host: Host, task: Task, step: str) -> None:
    task(host.project())
    before = sorted(str(path) for path in host.root.rglob("*"))
    host.check_mode = True
    result = task(host.project(conf="new", images={"web": "away:1"}), step=step)
    assert result["changed"] == (step in ("fetch", "apply", "all"))
    assert sorted(str(path) for path in host.root.rglob("*")) == before
    assert host.engine.of("p")["web"].image == "web:1"
