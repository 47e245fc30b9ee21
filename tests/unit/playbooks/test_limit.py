# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The fleet is one value, in a whole run, a limited one, and beside a dead server. The hosts are all this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
GROUPS = {"gateways": ["gw"], "gpu_servers": ["gpu1", "gpu2"]}
ROLE = {"name": "llmfleet.gateway.llm", "rolespec_validate": False}
PLAYS = [
    {
        "hosts": "gateways:gpu_servers",
        "gather_facts": False,
        "tasks": [
            {"ansible.builtin.import_role": ROLE},
            {
                "ansible.builtin.copy": {"content": "{{ llm_fleet | to_json }}", "dest": "{{ told }}", "mode": "0600"},
                "run_once": True,
                "delegate_to": "localhost",
            },
        ],
    },
    {
        "hosts": "gateways:gpu_servers",
        "gather_facts": False,
        "tasks": [{"ansible.builtin.import_role": {**ROLE, "tasks_from": "finish.yml"}}],
    },
]
#: No such port: a connection is refused at once.
DEAD = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}


class Machines:
    def __init__(self, root: Path) -> None:
        self.root = root
        local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
        self.variables: dict[str, t.Any] = {
            **local,
            "llm_project_root": str(root / "opt"),
            "llm_models": [{"name": "q", "model": "Qwen/Qwen2.5-0.5B-Instruct", "replicas": "each"}],
            "llm_gpu_count": 0,
            "llm_secrets": False,
            "llm_preflight": False,
            "preflight_enabled": False,
            "docker_manage_packages": False,
            "docker_manage_service": False,
            "litellm_plain_http": True,
        }
        self.hosts: dict[str, dict[str, t.Any]] = {
            "gw": {},
            "gpu1": {"llm_private_address": "10.0.0.21"},
            "gpu2": {"llm_private_address": "10.0.0.22"},
        }

    def run(self, *more: str) -> tuple[dict[str, t.Any], str]:
        groups: dict[str, t.Any] = {name: {"hosts": {key: {} for key in members}} for name, members in GROUPS.items()}
        inventory = {"all": {"hosts": self.hosts, "vars": self.variables}, **groups}
        (self.root / "hosts.yml").write_text(yaml.safe_dump(inventory))
        (self.root / "play.yml").write_text(yaml.safe_dump(PLAYS))
        told = self.root / "told.json"
        command = [str(ANSIBLE_PLAYBOOK), str(self.root / "play.yml"), "-i", str(self.root / "hosts.yml")]
        done = subprocess.run(
            [*command, "-e", f"told={told}", *more],
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache" / "unit"), "ANSIBLE_NOCOLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        value = json.loads(told.read_text()) if told.exists() else {}
        told.unlink(missing_ok=True)
        # Who looks at whom is the run's business; what is on this machine's disk may change any time.
        value.pop("outside", None)
        return value, done.stdout + done.stderr


@pytest.fixture
def machines(tmp_path: Path) -> Machines:
    return Machines(tmp_path)


def comparable(value: dict[str, t.Any]) -> dict[str, t.Any]:
    return {key: value[key] for key in ("instances", "services", "gateways", "gpu_servers", "reading")}


def test_the_value_is_the_same_with_a_limit_and_with_a_dead_server(machines: Machines) -> None:
    whole, output = machines.run()
    assert "failed=1" not in output, output
    addresses = [whole["hosts"][one["server"]]["address"] for one in whole["instances"]]
    assert addresses == ["10.0.0.21", "10.0.0.22"]
    kept = machines.root / "opt" / "reading.json"
    assert json.loads(kept.read_text()) == whole["reading"]
    assert kept.stat().st_mode & 0o777 == 0o600

    limited, output = machines.run("--limit", "gw")
    assert comparable(limited) == comparable(whole), output
    assert all("docker" in limited["hosts"][name] for name in machines.hosts), "every host was looked at"
    assert "Keep what the plan was made from" not in output

    machines.hosts["gpu2"] = {**DEAD, "llm_gpu_count": 0}
    alone, output = machines.run()
    assert comparable(alone) == comparable(whole), output
    assert list(alone["unreachable_hosts"]) == ["gpu2"]
    assert "gpu2 does not answer" in output
    assert "only while it passes their check; q also runs elsewhere" in " ".join(output.split())


def test_a_dead_server_that_was_never_read_is_refused(machines: Machines) -> None:
    machines.hosts["gpu2"] = DEAD
    value, output = machines.run()
    assert not value
    assert "gpu2: nothing is known of its address" in output
