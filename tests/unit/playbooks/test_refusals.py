# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""site.yml refuses bad input before it connects to any host: nothing listens where this inventory's host should be."""

from __future__ import annotations

import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

CHECKOUT = Path(__file__).resolve().parents[3]
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
GOOD: dict[str, t.Any] = {
    "llm_models": [{"name": "tiny", "model": "/srv/models/tiny"}],
    "litellm_master_key": "sk-0123456789abcdef0123456789abcdef",
    "litellm_salt_key": "sk-salt-0123456789abcdef",
    "litellm_ui_password": "a-long-password-of-the-ui",
    "postgres_password": "another-long-password",
    "vllm_api_key": "yet-another-long-key",
}
# A port that nothing listens on: a connection is refused at once, and then the run ends as unreachable.
SERVER = {"ansible_host": "127.0.0.1", "ansible_port": 9}


def run(tmp_path: Path, variables: dict[str, t.Any], gateways: dict[str, t.Any] | None = None) -> str:
    groups = {"gateways": {"hosts": {"server": SERVER} if gateways is None else gateways}}
    groups["gpu_servers"] = {"hosts": {"server": SERVER}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(groups))
    folder = tmp_path / "group_vars" / "all"
    folder.mkdir(parents=True)
    (folder / "main.yml").write_text(
        yaml.safe_dump({name: value for name, value in variables.items() if value is not None})
    )
    done = subprocess.run(
        [str(ANSIBLE_PLAYBOOK), "site.yml", "-i", str(tmp_path / "hosts.yml")],
        cwd=CHECKOUT,
        env={**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_NOCOLOR": "1", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    return " ".join((done.stdout + done.stderr).split())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"litellm_master_key": None}, "litellm_master_key on server is missing. Make one with"),
        (
            {"litellm_master_key": "sk-short"},
            "litellm_master_key on server must start with sk- and have 32 characters or more",
        ),
        (
            {"litellm_master_key": "sk-1234"},
            "litellm_master_key on server is sk-1234, which LiteLLM refuses to start with",
        ),
        ({"litellm_version": "1.107.0"}, "litellm_version on server: 1.107.0 was withdrawn"),
        ({"litellm_image": "registry.example/litellm:v1.82.8"}, "1.82.8 carried a credential stealer"),
        ({"llm_models": []}, "No model is declared: give llm_models"),
        ({"litellm_port": 8001}, "Port 8001 on server is used twice, by litellm_port and model tiny"),
        ({"docker_source": "somewhere"}, "docker_source"),
        ({"nvidia_container_toolkit_version": "1.19.1"}, "with which CUDA does not start in containers"),
        ({"nvidia_container_toolkit_version": "1.17.8"}, "1.18.0 or newer"),
        (
            {"nvidia_container_toolkit_source": "debian"},
            "nvidia_container_toolkit_source on server: 'debian' is no choice; write one of nvidia, none",
        ),
        ({"docker_cdi": False}, "containers get their GPUs by CDI"),
        ({"vllm_host_network": True}, "vllm_host_network on server is true, but the host is a gateway too"),
        ({"nvidia_driver_branch": 58}, "nvidia_driver_branch on server: 58 is no branch of the driver"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused_before_any_connection(tmp_path: Path, change: dict[str, t.Any], message: str) -> None:
    output = run(tmp_path, {**GOOD, **change})
    assert message in output
    assert "UNREACHABLE" not in output


def test_no_host_in_gateways(tmp_path: Path) -> None:
    output = run(tmp_path, GOOD, gateways={})
    assert "The inventory group gateways has no host" in output
    assert "UNREACHABLE" not in output


def test_good_input_gets_as_far_as_the_connection(tmp_path: Path) -> None:
    """Else the tests above would pass with a playbook that never connects."""
    assert "UNREACHABLE" in run(tmp_path, GOOD)
