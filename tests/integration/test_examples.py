# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The EXAMPLES of every module run in their order, at a high verbosity, and show no secret."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from . import conftest, openbao
from .proxy import Proxy

MODULES = conftest.UNIT.parents[2] / "plugins" / "modules"
LICENSED = {"litellm_organization", "litellm_project"}
SOURCES = [*sorted({path.stem for path in MODULES.glob("litellm_*.py")} - LICENSED), "derived_key"]
VARIABLES = {
    "vault_my_other_app_key": "sk-examples-0123456789abcdef",
    "vault_openai_api_key": "sk-not-a-real-one",
    "vault_key_secret": "0123456789abcdef0123456789abcdef",
}
LEFT_BEHIND = """
- llmfleet.gateway.litellm_state:
    api_url: "{{ litellm_url }}"
    api_key: "{{ litellm_master_key }}"
    desired:
      keys:
        - {key_alias: my-app, state: absent}
        - {key_alias: my-other-app, state: absent}
        - {key_alias: my-second-app, state: absent}
        - {key_alias: my-third-app, state: absent}
        - {key_alias: my-derived-app, state: absent}
      teams:
        - {team_alias: research, state: absent}
      budgets:
        - {budget_id: small, state: absent}
"""


def tasks_of(name: str, url: str, bao: openbao.Bao, folder: Path) -> list[dict[str, t.Any]]:
    kind = "filter" if name == "derived_key" else "modules"
    module = importlib.import_module(f"ansible_collections.llmfleet.gateway.plugins.{kind}.{name}")
    text = module.EXAMPLES.replace("http://127.0.0.1:4000", url).replace("/root/", f"{folder}/")
    text = text.replace("https://vault.example.com:8200", bao.url)
    return t.cast("list[dict[str, t.Any]]", yaml.safe_load(text))


@pytest.mark.parametrize("name", SOURCES)
def test_examples(proxy: Proxy, bao: openbao.Bao, tmp_path: Path, name: str) -> None:
    left = yaml.safe_load(LEFT_BEHIND)
    answer = played(proxy, bao, tmp_path, [*left, *tasks_of(name, proxy.url, bao, tmp_path), *left])
    output = answer.stdout + answer.stderr
    assert answer.returncode == 0, output[-4000:]
    for secret in (proxy.master_key, bao.token, VARIABLES["vault_my_other_app_key"], VARIABLES["vault_openai_api_key"]):
        assert secret not in output


@pytest.mark.parametrize("name", sorted(LICENSED))
def test_examples_of_what_needs_a_licence_are_refused_for_that_alone(
    proxy: Proxy, bao: openbao.Bao, tmp_path: Path, name: str
) -> None:
    for task in tasks_of(name, proxy.url, bao, tmp_path):
        answer = played(proxy, bao, tmp_path, [task])
        assert answer.returncode != 0
        assert "need a LiteLLM Enterprise licence" in answer.stdout + answer.stderr
        assert proxy.master_key not in answer.stdout + answer.stderr


def played(
    proxy: Proxy, bao: openbao.Bao, tmp_path: Path, tasks: list[dict[str, t.Any]]
) -> subprocess.CompletedProcess[str]:
    play = {"hosts": "localhost", "gather_facts": False, "tasks": tasks}
    (tmp_path / "play.yml").write_text(yaml.safe_dump([play], sort_keys=False))
    variables = {
        **VARIABLES,
        "vault_token": bao.token,
        "litellm_url": proxy.url,
        "litellm_master_key": proxy.master_key,
        "ansible_python_interpreter": sys.executable,
    }
    (tmp_path / "vars.json").write_text(json.dumps(variables))
    (tmp_path / "vault-password").write_text("a vault password of this test")
    environment = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(conftest.collections_path()),
        "ANSIBLE_VAULT_PASSWORD_FILE": f"{tmp_path}/vault-password",
    }
    command = ["ansible-playbook", "-vvv", "-i", "localhost,", "-c", "local", "-e", f"@{tmp_path}/vars.json"]
    return subprocess.run(
        [*command, str(tmp_path / "play.yml")], env=environment, capture_output=True, text=True, check=False
    )
