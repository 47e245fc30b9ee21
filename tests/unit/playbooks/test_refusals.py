# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""site.yml refuses bad input before it connects to any host: nothing listens where this inventory's host should be.

Each rule has its test beside the package that holds it (plugins/fleet/declaration); here is that they are asked.
"""

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
    "redis_password": "a-third-long-password",
    "vllm_api_key": "yet-another-long-key",
}
# A port that nothing listens on: a connection is refused at once, and then the run ends as unreachable.
SERVER = {"ansible_host": "127.0.0.1", "ansible_port": 9}


def run(
    tmp_path: Path,
    variables: dict[str, t.Any],
    gateways: dict[str, t.Any] | None = None,
    command: t.Sequence[str] = ("site.yml",),
) -> str:
    groups = {"gateways": {"hosts": {"server": SERVER} if gateways is None else gateways}}
    groups["gpu_servers"] = {"hosts": {"server": SERVER}}
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(groups))
    folder = tmp_path / "group_vars" / "all"
    folder.mkdir(parents=True)
    (folder / "main.yml").write_text(
        yaml.safe_dump({name: value for name, value in variables.items() if value is not None})
    )
    done = subprocess.run(
        [str(ANSIBLE_PLAYBOOK), *command, "-i", str(tmp_path / "hosts.yml")],
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
            {"llm_models": [{**GOOD["llm_models"][0], "port": 4000}]},
            "Port 4000 on server is used twice, by litellm_port and model tiny",
        ),
    ],
    ids=["missing", "clash"],
)
def test_refused_before_any_connection(tmp_path: Path, change: dict[str, t.Any], message: str) -> None:
    output = run(tmp_path, {**GOOD, **change})
    assert message in output
    assert "UNREACHABLE" not in output


def test_all_at_once(tmp_path: Path) -> None:
    """Of every role, of llm_state and of the models, in one refusal."""
    wrong = {
        "llm_state": {"keyz": [], "teams": [{"team_alias": "t", "members_with_roles": [{"rolle": "admin"}]}]},
        "llm_models": [{"name": "tiny", "model": "/srv/models/tiny", "engine_args": {"hf-token": "hf_secret"}}],
        "docker_log_max_size": "lots",
        "litellm_request_timeout": "soon",
        "postgres_settings": {"log_statement": "all"},
        "vllm_enviroment": {},
        "vllm_shm_size": "lots",
        "gateway_state_key_store": {"unknown": {}},
        "postgres_password": "{{ not_there }}",
        "preflight_timeout": -1,
        "nvidia_driver_reboot_timeout": 1,
    }
    output = run(tmp_path, {**GOOD, **wrong})
    named = ["'keyz' is no kind", "rolle", "engine_args.hf-token", "did you mean vllm_environment?", *list(wrong)[2:]]
    assert [part for part in named if part not in output] == []
    assert "'not_there' is undefined" in output
    assert "hf_secret" not in output
    assert "UNREACHABLE" not in output


def test_a_secret_with_braces_is_named_and_not_shown(tmp_path: Path) -> None:
    output = run(tmp_path, {**GOOD, "postgres_password": "Mark3dSecret{{"})
    assert "written with !unsafe" in output
    assert "Mark3dSecret" not in output


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (
            ["playbooks/uninstall.yml", "-e", "server=server", "-e", "confirm=yes"],
            "uninstall takes no server; it takes data",
        ),
        (["playbooks/drain.yml", "-e", "servr=server"], "servr is no argument of drain; did you mean server?"),
    ],
    ids=["another's", "misspelt"],
)
def test_a_command_that_can_not_be_meant(tmp_path: Path, command: list[str], message: str) -> None:
    output = run(tmp_path, GOOD, command=command)
    assert message in output
    assert "UNREACHABLE" not in output


def test_no_host_in_gateways(tmp_path: Path) -> None:
    output = run(tmp_path, GOOD, gateways={})
    assert "The inventory group gateways has no host" in output
    assert "UNREACHABLE" not in output


def test_good_input_gets_as_far_as_the_connection(tmp_path: Path) -> None:
    """Else the tests above would pass with a playbook that never connects."""
    assert "UNREACHABLE" in run(tmp_path, GOOD)
