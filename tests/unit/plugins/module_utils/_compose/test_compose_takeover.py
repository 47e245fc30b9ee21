# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers of the release before, in one project for all: each new project takes one over, or leaves it running."""

from __future__ import annotations

import json
from typing import Any

import pytest
from compose_host import Host, Task, own

OLD_FILES = {"compose.yml": "old compose", "a.yaml": "old a", "secrets/key": "old key"}
HOOK = {"service": "web", "command": ["set"], "check_command": ["look"], "description": "the role"}


def deploy_old(host: Host, folder: str = "old", services: tuple[str, ...] = ("a", "b")) -> dict[str, Any]:
    """As the release before left it: containers without our label, its own state files, data beside them."""
    root = host.root / folder
    for path, content in OLD_FILES.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(content)
    (root / "data").mkdir()
    (root / "data/rows").write_text("rows")
    good = root / ".llmfleet/good"
    good.mkdir(parents=True)
    manifest = {}
    for number, (path, content) in enumerate(OLD_FILES.items()):
        (good / str(number)).write_text(content)
        found = (root / path).stat()
        manifest[path] = [str(number), 0o644, found.st_uid, found.st_gid]
    (good / "manifest.json").write_text(json.dumps(manifest))
    applied = {"files": sorted(OLD_FILES), "services": {}, "images": {}}
    (root / ".llmfleet/applied.json").write_text(json.dumps(applied))
    return {name: host.engine.add("old", str(root), name) for name in services}


def taking(host: Host, service: str, name: str = "", **more: Any) -> dict[str, Any]:
    entry = {"project": "old", "project_dir": str(host.root / "old"), "service": service}
    return host.project(name or f"new-{service}", replaces=[entry], **more)


def test_old_container_is_replaced_and_its_files_go_with_the_last_one(host: Host, task: Task) -> None:
    deploy_old(host)
    first = task(taking(host, "a"))["projects"]["new-a"]
    assert (first["replaced"], first["actions"]) == (["old-a-1"], {"web": "create"})
    assert list(host.engine.of("old")) == ["b"]
    assert host.text("old/compose.yml") == "old compose"

    task(taking(host, "b"))
    assert host.engine.of("old") == {}
    assert host.listing("old") == ["data"]
    assert host.text("old/data/rows") == "rows"
    assert not task(taking(host, "a"), taking(host, "b"))["changed"]


def test_both_at_once(host: Host, task: Task) -> None:
    deploy_old(host)
    task(taking(host, "a"), taking(host, "b"))
    assert host.listing("old") == ["data"]


def test_old_container_runs_again_where_the_new_one_fails(host: Host, task: Task) -> None:
    old = deploy_old(host)
    result = task(taking(host, "a", conf="crash"), taking(host, "b"))
    assert result["projects"]["new-a"]["rollback"] == "restored"
    assert result["projects"]["new-b"].get("failed") is None
    assert (old["a"].status, host.engine.of("old")) == ("running", {"a": old["a"]})
    assert host.engine.of("new-a") == {}
    assert "update" in host.engine.calls, "Docker would start it again without its files"
    assert "stop" in host.engine.calls, "a restart that waits for its time is not ended by the policy"
    assert host.listing("new-a") == [".llmfleet"]
    assert host.text("old/compose.yml") == "old compose"
    task(taking(host, "a"))
    assert host.listing("old") == ["data"]


def test_old_container_is_only_stopped_until_the_new_one_works(host: Host, task: Task) -> None:
    old = deploy_old(host)
    task(taking(host, "a"), step="apply")
    assert old["a"].status == "exited"
    task(taking(host, "a"), step="take_back")
    assert old["a"].status == "running"


def test_old_container_is_proven_by_the_checks_too(host: Host, task: Task) -> None:
    old = deploy_old(host)
    host.engine.answers["look"] = "fail: 401"
    result = task(taking(host, "a", conf="crash", hooks=[HOOK]))["projects"]["new-a"]
    assert result["rollback"] == "unproven"
    assert host.engine.executed == [[old["a"].row.id, "look"]]


def test_same_directory_keeps_its_data_and_gets_its_old_files_back(host: Host, task: Task) -> None:
    old = deploy_old(host, services=("db",))
    want = {**taking(host, "db", "new", conf="crash"), "project_dir": str(host.root / "old")}
    assert task(want)["projects"]["new"]["rollback"] == "restored"
    assert {path: host.text(f"old/{path}") for path in OLD_FILES} == OLD_FILES
    assert old["db"].status == "running"

    want = {**taking(host, "db", "new"), "project_dir": str(host.root / "old")}
    result = task(want)["projects"]["new"]
    assert result["removed_files"] == ["a.yaml", "secrets/key"]
    assert host.listing("old") == [".llmfleet", "compose.yml", "data", "web.conf"]
    assert host.text("old/data/rows") == "rows"
    assert not task(want)["changed"]


def test_same_directory_whose_old_copies_are_gone_keeps_what_the_old_container_mounts(host: Host, task: Task) -> None:
    old = deploy_old(host, services=("db",))
    (host.root / "old/.llmfleet/good/manifest.json").write_text("{")
    want = {**taking(host, "db", "new", conf="crash"), "project_dir": str(host.root / "old")}
    assert task(want)["projects"]["new"]["rollback"] == "restored"
    assert old["db"].status == "running"
    assert (host.root / "old/compose.yml").exists()


def test_same_name_elsewhere_is_left_alone(host: Host, task: Task) -> None:
    foreign = host.engine.add("old", "/home/someone/old", "a")
    assert task(taking(host, "a"))["projects"]["new-a"]["replaced"] == []
    assert foreign.status == "running"


def test_what_the_old_project_has_that_nobody_names_goes_with_an_absent_one(host: Host, task: Task) -> None:
    old = deploy_old(host, services=("a", "forgotten"))
    rest = {"project": "old", "project_dir": str(host.root / "old")}
    cleaner = host.project("rest", state="absent", replaces=[rest], conf=None)
    result = task(taking(host, "a", conf="crash"), cleaner)
    assert result["projects"]["rest"]["replaced"] == ["old-forgotten-1"]
    assert host.engine.of("old") == {"a": old["a"]}
    assert old["a"].status == "running"
    task(taking(host, "a"), cleaner)
    assert host.listing("old") == ["data"]


def test_old_project_whose_services_nobody_takes_over_goes_with_an_absent_one_in_its_directory(
    host: Host, task: Task
) -> None:
    deploy_old(host)
    entry = {"project": "old", "project_dir": str(host.root / "old")}
    gone = {"name": "new", "project_dir": str(host.root / "old"), "state": "absent", "replaces": [entry]}
    result = task(gone)["projects"]["new"]
    assert (result["replaced"], host.engine.of("old")) == (["old-a-1", "old-b-1"], {})
    assert (host.listing("old"), host.text("old/data/rows")) == (["data"], "rows")
    assert not task(gone)["changed"]
    assert not task({**gone, "project_dir": str(host.root / "never")})["changed"]


def test_takeover_is_foreseen(host: Host) -> None:
    old = deploy_old(host)
    host.check_mode = True
    status = host.ask(taking(host, "a"))["projects"]["new-a"]
    assert status["replaced"] == ["old-a-1"]
    assert "container old-a-1" in {entry["before_header"] for entry in status["diff"]}
    assert old["a"].status == "running"


def test_takeover_that_was_cut_off_before_the_removal_is_ended(host: Host, task: Task) -> None:
    deploy_old(host)
    task(taking(host, "a"), step="apply")
    task(taking(host, "a"), step="verify")
    assert host.engine.of("old")["a"].status == "exited"
    task(taking(host, "a"))
    assert list(host.engine.of("old")) == ["b"]


def test_backup_runs_in_the_container_that_is_replaced(host: Host, task: Task) -> None:
    old = deploy_old(host)
    backup = {"service": "web", "description": "the backup", "command": ["dump"]}
    task(taking(host, "a", images={"web": "web:2"}, before_image_change=[backup]))
    assert host.engine.executed == [[old["a"].row.id, "dump"]]


def test_forward_only_takeover_is_kept(host: Host, task: Task) -> None:
    old = deploy_old(host)
    want = taking(host, "a", images={"web": "web:2"}, conf="crash", forward_only=["web"])
    assert task(want)["projects"]["new-a"]["rollback"] == "kept"
    assert old["a"].status == "exited"


def test_files_that_another_project_of_the_call_declares_stay(host: Host, task: Task) -> None:
    deploy_old(host, services=("a",))
    shared = own(str(host.root / "old/a.yaml"), "shared")
    task(taking(host, "a", files=[shared]))
    assert host.text("old/a.yaml") == "shared"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"files": 7}', '{"a": ["0"]}'])
def test_damaged_state_of_the_old_project_blocks_nothing(host: Host, task: Task, text: str) -> None:
    deploy_old(host, services=("a",))
    for name in ("good/manifest.json", "applied.json"):
        (host.root / "old/.llmfleet" / name).write_text(text)
    assert task(taking(host, "a")).get("failed") is None
    assert host.text("old/data/rows") == "rows"
