# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark of a run counts what it says that it counts."""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import count_tasks
import jinja_lines
import pytest
import run


def result(action: str, **found: Any) -> Any:
    return SimpleNamespace(
        host=SimpleNamespace(get_name=lambda: "one"), task=SimpleNamespace(action=action), result=found
    )


def counted(*results: Any) -> dict[str, int]:
    callback = count_tasks.CallbackModule()
    for found in results:
        (callback.v2_runner_on_skipped if found.result.get("skipped") else callback.v2_runner_on_ok)(found)
    return dict(callback.counted["one"])


def test_what_never_leaves_the_controller_is_no_remote_task() -> None:
    delegated = {"_ansible_delegated_vars": {"ansible_delegated_host": "localhost"}}
    assert counted(
        result("ansible.builtin.assert"),
        result("llmfleet.gateway.fleet"),
        result("ansible.builtin.command", **delegated),
    ) == {"controller": 3}


def test_a_loop_is_as_many_tasks_as_it_had_items() -> None:
    loop = result("ansible.builtin.stat", results=[{}, {"skipped": True}, {}])
    assert counted(loop) == {"remote": 2, "skipped": 1}


def test_skipped_and_changed_are_counted_apart() -> None:
    assert counted(result("setup", skipped=True), result("copy", changed=True)) == {
        "skipped": 1,
        "remote": 1,
        "changed": 1,
    }


def test_the_stand_in_for_ssh_writes_down_the_host(tmp_path: Path) -> None:
    environment = run.counting(tmp_path)
    ssh = Path(environment["ANSIBLE_SSH_EXECUTABLE"])
    ssh.write_text(ssh.read_text().replace("exec ssh", "exec true"))
    command = [str(ssh), "-o", "Port=22", "gpu1", "/bin/sh -c 'echo a b'"]
    subprocess.run(command, check=True, env={**environment, "PATH": "/usr/bin:/bin"})
    assert Path(environment["LLMFLEET_SSH_FILE"]).read_text() == "gpu1\n"


def test_the_ratio_is_of_the_least_and_of_the_median_of_rounds() -> None:
    rounds = {
        "ping": [run.Round(1.0, {}, Counter()), run.Round(2.0, {}, Counter())],
        "site.yml": [
            run.Round(7.0, {"one": Counter(remote=3)}, Counter(one=4)),
            run.Round(10.0, {"one": Counter(remote=3)}, Counter(one=4)),
        ],
    }
    lines = run.report(["ping", "site.yml"], rounds)
    assert lines[1].endswith("7.0 times ping by the least, 6.0 by the median")
    assert lines[2:] == ["  one: 3 remote tasks, 0 on the controller, 0 skipped", "  ssh calls: one 4"]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("a: '{{ name }}'\n", 0),
        ("a: '{{ facts.name[0] }}'\n", 0),
        ("a: '{{ name | int }} {{ other }}'\n", 1),
        ("a: >-\n  {{\n    one\n    + two\n  }}\nb: c\n", 2),
        ("- when: a > 1\n- when: [b, c is d]\n", 2),
        ("- assert:\n    that: >-\n      a\n      or b\n    fail_msg: c\n", 2),
        ("a: !unsafe '{{ x | y }}'\n", 0),
    ],
)
def test_lines_of_jinja_that_decide(tmp_path: Path, text: str, lines: int) -> None:
    path = tmp_path / "roles/one/tasks/main.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    by_place, by_role = jinja_lines.count(tmp_path)
    assert by_place["tasks"] == by_role["one"] == lines


def test_lines_of_a_template(tmp_path: Path) -> None:
    path = tmp_path / "roles/one/templates/a.yml.j2"
    path.parent.mkdir(parents=True)
    path.write_text("{# no #}{{ name }}\n{% if a %}\n{{ b | c }}\n{% else %}{% endif %}\n")
    assert jinja_lines.count(tmp_path)[0]["templates"] == 2
