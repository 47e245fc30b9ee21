# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action status: what it takes of registered results, the page that it writes, and what a run is to fail by."""

from __future__ import annotations

import stat
import typing as t
from pathlib import Path

import pytest
from ansible.errors import AnsibleActionFail
from ansible.parsing.dataloader import DataLoader
from ansible.playbook.play_context import PlayContext
from ansible.playbook.task import Task
from ansible.plugins.loader import connection_loader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.action import status

from . import fleets

Value = dict[str, t.Any]


def variables(**more: t.Any) -> Value:
    """What a run of the playbook on a fleet of three has registered."""
    known = fleets.value(3)
    found = fleets.troubled(3)
    hostvars: Value = {name: {"__status_read": found.hosts.get(name, {"unreachable": True})} for name in known["hosts"]}
    hostvars["gateway1"].update(
        __status_asked={"planned": known, "plan_error": ""},
        __status_database=fleets.database(3),
        __gateway_state_keys=fleets.keys(),
        __gateway_state_differences={"skipped": True},
    )
    return {"inventory_hostname": "gateway1", "llm_fleet": {**known, "stage": "declared"}, "hostvars": hostvars, **more}


class Fleet:
    """The action fleet, which says a plan or why there is none."""

    def __init__(self, answer: Value | Exception) -> None:
        self.answer = answer

    def get(self, name: str, **_arguments: t.Any) -> Fleet:
        assert name == "llmfleet.gateway.fleet"
        return self

    def run(self, task_vars: Value) -> Value:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class Loaders:
    def __init__(self, answer: Value | Exception) -> None:
        self.action_loader = Fleet(answer)


def run(args: Value, known: Value, check: bool = False, plan: Value | Exception | None = None) -> Value:
    loader = DataLoader()
    task = Task.load({"name": "t", "llmfleet.gateway.status": args, "check_mode": check})
    task.args = args
    action = status.ActionModule(
        task,
        connection_loader.get("ansible.builtin.local", PlayContext()),
        PlayContext(),
        loader,
        Templar(loader=loader, variables=known),
        None,
    )
    action._shared_loader_obj = Loaders(plan or fleets.value(3))
    return action.run(task_vars=known)


def test_hosts_are_asked_by_the_plan_and_by_what_was_found() -> None:
    known = variables()
    looked = {"ansible_facts": {"llm_host": {"docker": {"root": "/data/docker"}}}}
    known["hostvars"]["gpu1"]["llm_looked"] = looked
    asked = run({"stage": "ask"}, known)
    assert asked["hosts"]["gpu1"]["disks"][1] == "/data/docker"
    assert asked["database"]["host"] == "gateway1"


def test_a_plan_that_can_not_be_made_ends_nothing() -> None:
    asked = run({"stage": "ask"}, variables(), plan=AnsibleActionFail("It can't be carried out:\ngpu9 does not answer"))
    assert (asked["planned"], asked["plan_error"]) == ({}, "It can't be carried out: gpu9 does not answer")
    assert set(asked["hosts"]) == set(fleets.value(3)["hosts"])


def test_the_report_is_of_what_was_registered() -> None:
    found = run({"stage": "report"}, variables())
    assert (found["changed"], found["faults"], found["remedy"]) == (False, [], "")
    assert found["status"]["totals"]["hosts_read"] == 4
    assert found["status"]["database"]["read"] is True
    assert found["status"]["drift"]["objects_error"] == ""


def test_without_a_plan_the_declaration_and_the_reason_count() -> None:
    known = variables()
    known["hostvars"]["gateway1"]["__status_asked"] = {"planned": {}, "plan_error": "too few GPUs"}
    assert run({"stage": "report"}, known)["status"]["plan_error"] == "too few GPUs"


@pytest.mark.parametrize(("level", "errors", "warnings"), [("never", 0, 0), ("error", 3, 0), ("warning", 3, 8)])
def test_what_a_run_is_to_fail_by(level: str, errors: int, warnings: int) -> None:
    found = run({"stage": "report", "fail_on": level}, variables())
    assert len(found["faults"]) >= errors + warnings
    assert bool(found["faults"]) == bool(errors) == bool(found["remedy"])


def test_the_page_is_its_owner_s(tmp_path: Path) -> None:
    path = tmp_path / "status.html"
    path.write_text("old")
    path.chmod(0o644)
    run({"stage": "report", "page": str(path)}, variables())
    assert path.read_text().startswith("<!DOCTYPE html>")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_check_mode_writes_no_page(tmp_path: Path) -> None:
    run({"stage": "report", "page": str(tmp_path / "status.html")}, variables(), check=True)
    assert list(tmp_path.iterdir()) == []


def test_a_page_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(AnsibleActionFail, match="can't be written"):
        run({"stage": "report", "page": str(tmp_path / "nowhere" / "status.html")}, variables())
