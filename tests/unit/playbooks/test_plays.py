# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What every shipped play has."""

from __future__ import annotations

import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import look
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import backup, watch

PLAYBOOKS = sorted((Path(__file__).resolve().parents[3] / "playbooks").glob("*.yml"))
PLAYS = [(path.name, play) for path in PLAYBOOKS for play in yaml.safe_load(path.read_text()) if "hosts" in play]


@pytest.mark.parametrize(("name", "play"), PLAYS, ids=lambda value: value if isinstance(value, str) else value["name"])
def test_a_killed_run_leaves_no_module_with_its_arguments_on_a_host(name: str, play: dict[str, t.Any]) -> None:
    """Fault M6: without pipelining a module is a file on the host, with its secrets."""
    assert play["hosts"] == "localhost" or play["vars"]["ansible_pipelining"] is True


def test_hosts_go_step_by_step_whatever_strategy_ansible_is_set_to() -> None:
    """By the strategy free every host would be asked, and batches would not wait for each other."""
    several = [(name, play) for name, play in PLAYS if play["hosts"] not in ("localhost", "gateways[0]")]
    assert [name for name, play in several if play.get("strategy") != "ansible.builtin.linear"] == []


def test_what_asks_is_not_on_localhost_which_a_limit_leaves_out() -> None:
    """The rest of the playbook would go on, and nobody would have been asked."""
    local = {name for name, play in PLAYS if play["hosts"] == "localhost"}
    remote = {name for name, play in PLAYS if play["hosts"] != "localhost"}
    assert local & remote <= {"plan.yml"}


def test_playbooks_are_imported_without_a_condition() -> None:
    """What it skips registers a skipped result over the fleet, and a later task that reads it first fails."""
    found = [(path.name, entry) for path in PLAYBOOKS for entry in yaml.safe_load(path.read_text())]
    imported = [(name, entry) for name, entry in found if "ansible.builtin.import_playbook" in entry]
    assert imported and [name for name, entry in imported if "when" in entry] == []


def test_the_fleet_comes_first_and_what_was_read_is_kept_last() -> None:
    """Whatever tags a run has: every role reads the value, and a later run may need what was read."""
    site = [play for name, play in PLAYS if name == "site.yml"]
    assert [play["name"] for play in site if "always" in play.get("tags", [])] == [site[0]["name"], site[-1]["name"]]


def test_gates_come_along_where_only_instances_are_asked_for() -> None:
    """A new model with --tags vllm: requests can't be held at a gate that knows no such instance."""
    site = {play["name"]: play for name, play in PLAYS if name == "site.yml"}
    names = list(site)
    assert names.index("Gate on every host") < names.index("VLLM on the GPU servers")
    assert {"gate", "vllm"} <= set(site["Gate on every host"]["tags"])
    inside = [task.get("ansible.builtin.include_role") for task in site["Gate on every host"]["tasks"]]
    assert all(one["apply"]["tags"] == ["gate", "vllm"] for one in inside if one)


def test_gates_forget_what_left_after_the_instances_changed_and_only_where_something_did() -> None:
    """An unchanged run has no second rendering, and one of the gates alone removes nothing that still serves."""
    site = {play["name"]: play for name, play in PLAYS if name == "site.yml"}
    names = list(site)
    play = site["Gates without what has left"]
    assert names.index("VLLM on the GPU servers") < names.index("LiteLLM on the gateways") < names.index(play["name"])
    assert play["tags"] == ["vllm"]
    given_back, task = play["tasks"]
    assert given_back["llmfleet.gateway.gate_traffic"]["state"] == "ready"
    assert "gate.forgotten" in given_back["when"]
    assert task["ansible.builtin.include_role"]["tasks_from"] == "settled.yml"
    assert "llm_fleet.leaving | length > 0" in task["when"]


def test_every_operation_stands_in_the_table_of_operations() -> None:
    table = (PLAYBOOKS[0].parents[1] / "docs" / "operations.md").read_text()
    assert [path.stem for path in PLAYBOOKS if f"| `{path.stem}` |" not in table] == []


def test_a_server_that_does_not_answer_can_be_decommissioned() -> None:
    """What the others have to do is done by plays that it is not needed for, and it is no error that it is away."""
    plays = [play for name, play in PLAYS if name == "decommission.yml" and "hosts" in play]
    on_the_server = next(play for play in plays if play["name"] == "Remove what the fleet has on the server")
    forgets, last = plays[-2:]
    assert "delegate_to" not in str(on_the_server["tasks"])
    assert forgets["hosts"] == "gateways"
    assert forgets["tasks"][0]["llmfleet.gateway.gate_traffic"]["state"] == "ready"
    # By then there is nothing that the server would have to catch up with.
    (only,) = last["tasks"]
    assert only["ansible.builtin.meta"] == "clear_host_errors"
    assert "unreachable_hosts[server]" in only["when"]


def test_uninstall_removes_units_and_programs_by_their_whole_names() -> None:
    """Somebody else's llmfleet-monitor.service is none of ours."""
    tasks = yaml.safe_load((PLAYBOOKS[0].parent / "tasks" / "remove_units.yml").read_text())
    units = set(tasks[0]["ansible.builtin.find"]["patterns"])
    programs = set(tasks[2]["vars"]["llm_programs"])
    former = {Path(path).name for path in watch.FORMER if path.startswith(watch.UNITS)}
    kinds = [f"{name}.{kind}" for name in (backup.BACKUP, backup.TEST) for kind in ("timer", "service")]
    assert units == {watch.SERVICE, watch.TIMER, *former, *kinds}
    of_backup = {backup.PROGRAM, backup.LIBRARY, backup.CONFIG, backup.DECLARATION, backup.RCLONE}
    assert programs >= {*watch.PROGRAMS, watch.FORMER[-1], *of_backup, look.FIGURES, look.ANSWERS}
    kept = re.findall(r"[a-z]+\.json", (PLAYBOOKS[0].parents[1] / "roles/watch/files/watch.py").read_text())
    assert {f"/var/lib/llmfleet/{name}" for name in kept} <= programs
    assert not [name for name in units | programs if "*" in name]


def test_postgresql_goes_back_before_it_loads_what_it_has_to_dump_later() -> None:
    """What a newer minor release has made of a table an older one may not restore, so the older one makes it."""
    names = [play["name"] for name, play in PLAYS if name == "upgrade_undo.yml"]
    order = ["Bring PostgreSQL back", "Load the backup of before the upgrade", "Bring LiteLLM and its database back"]
    assert [name for name in names if name in order] == order
    assert names.index("Say what is lost, and keep what is there") < names.index(order[0])


def test_a_litellm_that_is_down_is_not_waited_for_while_requests_wait() -> None:
    """Up to a minute for each, after a migration that failed."""
    asked, _hold, _postgres, waits, _ready = tasks_of("upgrade_postgres.yml")
    assert (
        "liveliness" in asked["ansible.builtin.command"]["argv"]
        and "readiness" in waits["ansible.builtin.command"]["argv"]
    )
    assert f"{asked['register']}.results | selectattr('rc', 'eq', 0)" in waits["loop"]


def test_what_an_upgrade_put_back_is_not_remembered() -> None:
    tasks = next(play["tasks"] for name, play in PLAYS if name == "upgrade.yml" and play["name"] == "See what runs now")
    keeps = next(task for task in tasks if task.get("vars", {}).get("llm_reading"))
    assert keeps["vars"]["llm_reading"] == "{{ upgrade_came.reading }}" and "as_before" in keeps["when"]
    # Before the first thing that may migrate, whether that ends well or not.
    assert tasks_of("upgrade_litellm.yml")[0]["ansible.builtin.set_fact"] == {"upgrade_migrates": True}


def tasks_of(name: str) -> list[dict[str, t.Any]]:
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load((PLAYBOOKS[0].parent / "tasks" / name).read_text()))


def test_a_way_back_that_there_is_not_stops_no_litellm() -> None:
    """The program refuses another database as well, but only once requests wait."""
    tasks = next(play["tasks"] for name, play in PLAYS if name == "restore.yml" and play["hosts"] == "gateways[0]")
    names = [task["name"] for task in tasks]
    refused = tasks[names.index("Stop where no such database was kept")]
    assert "kept not in backup_said.kept" in refused["when"]
    assert names.index("Look at the backups that are there") < names.index(refused["name"])


def asked(value: t.Any) -> t.Iterator[dict[str, t.Any]]:
    """Options of every ansible.builtin.uri in a file."""
    for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from asked(part)
    if isinstance(value, dict) and "ansible.builtin.uri" in value:
        yield value["ansible.builtin.uri"]


def test_no_question_to_the_gateway_goes_through_a_forward_proxy() -> None:
    """Fault H5: http_proxy may be set on a host, and the proxy would read the master key."""
    shipped = PLAYBOOKS[0].parents[1]
    files = [*shipped.glob("playbooks/**/*.yml"), *shipped.glob("roles/*/tasks/*.yml")]
    found = [one for path in files for one in asked(yaml.safe_load(path.read_text()))]
    assert len(found) == 2 and all("use_proxy" in one for one in found)
    assert [one["use_proxy"] for one in found if "headers" in one] == [False]
