# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The step fetch: what would be done to each project, and what is brought before anything is stopped."""

from __future__ import annotations

import json
import typing as t

import pytest
from compose_host import Host, Task, own

FETCHING = {"get": {"labels": {"io.llmfleet.project": "p", "io.llmfleet.step": "fetch"}}}


def seen(result: dict[str, t.Any], name: str = "p") -> tuple[str, bool, bool]:
    found = result["projects"][name]
    return found["change"], found["stops"], found["ready"]


def with_download(host: Host, what: str = "weights", **more: t.Any) -> dict[str, t.Any]:
    extra = {"get": {**FETCHING["get"], "command": [what]}}
    files = [own("get.py", what, services=["get"]), own("secrets/key", "s3cr3t-key", mode="0600", secret=True)]
    return host.project(images={"web": "web:1", "get": "web:1"}, extra=extra, files=files, **more)


def ended(host: Host) -> None:
    """What only fetches has done so."""
    found = host.engine.of("p")["get"]
    found.status, found.policy = "exited", "no"


# ---- what would be done


@pytest.mark.parametrize("check", [False, True])
def test_every_kind_of_change(host: Host, task: Task, check: bool) -> None:
    task(host.project("fleet-same"), host.project("fleet-other"), host.project("fleet-gone"))
    host.check_mode = check
    wanted = [host.project("fleet-same"), host.project("fleet-other", conf="x"), host.project("fleet-new")]
    found = task(*wanted, step="fetch", prune_prefix="fleet-")
    assert not found["changed"] and not found.get("failed")
    assert seen(found, "fleet-same") == ("unchanged", False, True)
    assert seen(found, "fleet-other") == ("changed", True, True)
    assert seen(found, "fleet-new") == ("new", False, False)
    assert seen(found, "fleet-gone") == ("removed", True, True)
    assert found["projects"]["fleet-gone"]["project_dir"] == str(host.root / "fleet-gone")
    assert len(host.engine.found) == 3


def test_a_change_that_stops_nothing(host: Host, task: Task) -> None:
    task(host.project(files=[own("note.txt", "1")]))
    assert seen(task(host.project(files=[own("note.txt", "2")]), step="fetch")) == ("changed", False, True)


def test_what_an_earlier_run_did_not_bring_to_its_end_is_a_change(host: Host, task: Task) -> None:
    task(host.project())
    task(host.project(conf="new"), step="apply")
    assert seen(task(host.project(conf="new"), step="fetch"))[0] == "changed"


@pytest.mark.parametrize(("state", "health"), [("running", "starting"), ("exited", "")])
def test_what_does_not_serve_is_not_ready(host: Host, task: Task, state: str, health: str) -> None:
    task(host.project())
    found = host.engine.of("p")["web"]
    found.status, found.health, found.exit_code = state, health, 1 if state == "exited" else 0
    assert seen(task(host.project(), step="fetch"))[1:] == (False, False)


def test_a_host_without_an_engine(host: Host, task: Task) -> None:
    host.engine.missing, host.check_mode = "no engine", True
    assert seen(task(host.project(), step="fetch")) == ("new", False, False)


# ---- what is fetched


def test_weights_come_before_anything_is_stopped(host: Host, task: Task) -> None:
    task(with_download(host))
    ended(host)
    before = sorted(str(path) for path in host.root.rglob("*"))
    old = host.engine.of("p")["web"]
    host.engine.performed.clear()
    found = task(with_download(host, "other"), step="fetch")
    (command,) = host.engine.performed
    assert command[-5:] == ["run", "--rm", "--no-deps", "-T", "get"]
    assert (found["changed"], found["projects"]["p"]["fetches"]) == (True, ["get"])
    assert (host.engine.of("p")["web"], old.status, host.text("p/get.py")) == (old, "running", "weights")
    left = sorted(str(path) for path in host.root.rglob("*") if ".llmfleet/fetch" not in str(path))
    assert left == before


def test_files_of_what_fetches_are_its_own(host: Host, task: Task) -> None:
    task(with_download(host, "new"), step="fetch")
    folder = host.root / "p/.llmfleet/fetch"
    assert sorted(path.name for path in folder.iterdir()) == ["compose.json", "get.py"]
    assert (folder / "get.py").read_text() == "new"
    found = json.loads((folder / "compose.json").read_text())
    assert (found["name"], list(found["services"])) == ("p", ["get"])
    assert not (host.root / "p/compose.yml").exists()


def test_its_container_and_network_are_not_those_of_the_project(host: Host, task: Task) -> None:
    extra = {"get": {**FETCHING["get"], "container_name": "p-get", "networks": {"default": None}}}
    task(host.project(images={"get": "web:1"}, extra=extra), step="fetch")
    made = json.loads((host.root / "p/.llmfleet/fetch/compose.json").read_text())
    assert set(made["services"]["get"]) == {"image", "labels"}
    assert "docker network rm" in host.engine.performed[0][2]


def test_nothing_is_fetched_twice(host: Host, task: Task) -> None:
    task(with_download(host))
    ended(host)
    host.engine.calls.clear()
    found = task(with_download(host), step="fetch")
    assert (found["changed"], found["projects"]["p"]["fetches"]) == (False, [])
    assert "config" not in host.engine.calls


def test_check_mode_says_what_would_be_fetched(host: Host, task: Task) -> None:
    task(with_download(host))
    ended(host)
    host.check_mode = True
    host.engine.performed.clear()
    found = task(with_download(host, "other"), step="fetch")
    assert (found["changed"], found["projects"]["p"]["fetches"]) == (True, ["get"])
    assert host.engine.performed == []


def test_progress_of_a_long_fetch(host: Host, task: Task) -> None:
    host.engine.hold_jobs = True
    task(with_download(host), step="fetch", pull_timeout=60)
    assert any("fetching" in line and "its last line" in line for line in task.said)
