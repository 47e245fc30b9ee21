# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tasks of a roll have to hold, whoever edits them."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml

ROLES = Path(__file__).parents[3] / "roles"
PROJECT = "llmfleet.gateway.compose_project"
GATE = "llmfleet.gateway.gate_traffic"


def tasks(path: str) -> list[dict[str, t.Any]]:
    found = yaml.safe_load((ROLES / path).read_text())
    return [inner for task in found for inner in [*task.get("block", [task]), *task.get("rescue", [])]]


@pytest.mark.parametrize("path", ["vllm/tasks/roll.yml", "litellm/tasks/main.yml"])
def test_all_hosts_fetch_before_one_changes_and_a_failure_there_ends_the_run(path: str) -> None:
    names = [task for task in tasks(path) if PROJECT in task]
    assert [task[PROJECT]["step"] for task in names] == ["fetch"] and names[0]["any_errors_fatal"]
    order = [index for index, task in enumerate(tasks(path)) if PROJECT in task or "loop" in task]
    assert order == sorted(order) and PROJECT in tasks(path)[order[0]]


@pytest.mark.parametrize("role", ["vllm", "litellm"])
def test_a_batch_that_fails_gives_requests_back_before_the_run_ends(role: str) -> None:
    before, change, after, *_canary = tasks(f"{role}/tasks/batch.yml")
    parts = [task["ansible.builtin.include_role"]["tasks_from"] for task in (before, after)]
    assert parts == ["withdraw.yml", "give_back.yml"]
    assert (change["failed_when"], change["ignore_unreachable"]) == (False, True)
    assert "step" not in change[PROJECT] and "prune_prefix" not in change[PROJECT]


def test_what_changed_is_tried_once_it_serves_and_fails_no_run() -> None:
    names = [next(key for key in task if "." in key) for task in tasks("vllm/tasks/batch.yml")]
    assert names[-1] == "llmfleet.gateway.model_probe" and names.count(PROJECT) == 1
    probe = tasks("vllm/tasks/batch.yml")[-1]
    assert "selectattr('container', 'in', llm_batch.hosts[inventory_hostname].projects)" in probe[names[-1]]["probes"]
    assert "not ansible_check_mode" in probe["when"] and "any_errors_fatal" not in probe


@pytest.mark.parametrize("name", ["withdraw_traffic", "give_back_traffic", "ready"])
def test_gates_are_told_once_each_wherever_the_batch_is(name: str) -> None:
    told = [task for task in tasks(f"llm/tasks/{name}.yml") if GATE in task]
    assert told
    for task in told:
        assert task["run_once"] and task["delegate_to"] == "{{ llm_gate.gateway }}"


def test_no_request_is_left_waiting_where_traffic_could_not_be_taken_away() -> None:
    (found,) = yaml.safe_load((ROLES / "llm/tasks/withdraw_traffic.yml").read_text())
    assert [task[GATE]["state"] for task in found["rescue"] if GATE in task] == ["ready"]


def test_gates_know_what_comes_before_what_leaves_is_drained() -> None:
    found = {task["name"]: task for task in tasks("llm/tasks/give_back.yml")}
    assert "llm_batch.awaited" in found["Send requests to what is ready"]["when"]


def test_states_of_what_left_are_forgotten_while_the_gate_still_knows_it() -> None:
    first, second = tasks("gate/tasks/settled.yml")
    assert first[GATE]["state"] == "ready" and ".gate.left " in first["when"]
    assert ".gate.settled " in second[PROJECT]["projects"]


def test_a_canary_is_asked_while_it_is_watched_and_a_lost_one_is_judged() -> None:
    names = ("Begin to ask", "Watch the changed", "Take what", "Compare it")
    found = tasks("llm/tasks/canary.yml")
    begun, watched, taken, _compared = (next(task for task in found if task["name"].startswith(one)) for one in names)
    assert found.index(begun) < found.index(watched) < found.index(taken)
    assert begun["poll"] == 0 and "ansible.builtin.pause" in watched
    assert "llm_batch.probes[inventory_hostname]" in begun["loop"]
    assert taken["failed_when"] is False


def test_requests_are_taken_away_before_a_reboot_and_come_back_once_the_driver_runs() -> None:
    """And the playbook driver asks for that."""
    block = next(
        task["block"]
        for task in yaml.safe_load((ROLES / "nvidia_driver/tasks/reboot.yml").read_text())
        if "block" in task
    )
    order = ["Take requests away", "Reboot", "Check that the driver runs", "Send requests there again"]
    assert [task["name"] for task in block if task["name"] in order] == order
    assert {task["when"] for task in block if "requests" in task["name"]} == {"nvidia_driver_drain | bool"}
    plays = yaml.safe_load((ROLES.parent / "playbooks" / "driver.yml").read_text())
    assert "nvidia_driver_drain: true" in yaml.safe_dump(plays)
