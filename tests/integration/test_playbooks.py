# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role and the playbooks around llm_state, as a user runs them."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from . import conftest
from .harness import succeed
from .proxy import Proxy
from .states import everything, gone

APPLY = [{"hosts": "gateways[0]", "gather_facts": False, "roles": ["llmfleet.gateway.gateway_state"]}]


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    succeed(proxy, "litellm_state", desired=gone(everything()))
    yield
    succeed(proxy, "litellm_state", desired=gone(everything()))


class Loader(yaml.SafeLoader):
    """Reads what is written for Ansible."""


Loader.add_constructor("!unsafe", lambda loader, node: str(node.value))


def play(
    proxy: Proxy, folder: Path, playbook: str, extra: str = "", **variables: t.Any
) -> subprocess.CompletedProcess[str]:
    known = {
        "gateway_state_api_url": proxy.url,
        "litellm_master_key": proxy.master_key,
        "ansible_python_interpreter": sys.executable,
        "ansible_connection": "local",
        **variables,
    }
    inventory = {"gateways": {"hosts": {"gateway": known}}}
    (folder / "inventory.yml").write_text(yaml.safe_dump(inventory))
    environment = {**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(conftest.collections_path())}
    command = ["ansible-playbook", "-i", str(folder / "inventory.yml"), "--diff", playbook]
    command += ["-e", extra] if extra else []
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_apply_drift_and_export(proxy: Proxy, tmp_path: Path) -> None:
    state = everything()
    (tmp_path / "apply.yml").write_text(yaml.safe_dump(APPLY))
    applied = play(proxy, tmp_path, "apply.yml", llm_state=state)
    assert applied.returncode == 0, applied.stdout
    assert "secret-value" not in applied.stdout
    again = play(proxy, tmp_path, "apply.yml", llm_state=state)
    assert "changed=0" in again.stdout

    clean_run = play(proxy, tmp_path, "llmfleet.gateway.drift", llm_state=state)
    assert clean_run.returncode == 0, clean_run.stdout
    proxy.call("POST", "/key/update", {"key": f"{state['keys'][0]['key']}", "max_budget": 99})
    state["keys"][0]["max_budget"] = 5
    new = str(tmp_path / "new-key")
    state["keys"].append({"key_alias": "st-new", "key": f"{{{{ lookup('llmfleet.gateway.virtual_key', '{new}') }}}}"})
    drifted = play(proxy, tmp_path, "llmfleet.gateway.drift", llm_state=state)
    assert drifted.returncode != 0
    assert "st-key-0" in drifted.stdout
    assert "max_budget" in drifted.stdout
    assert "st-new" in drifted.stdout
    assert not Path(new).exists(), "looking for drift made a key"
    left = play(proxy, tmp_path, "llmfleet.gateway.drift", llm_state={"keys": []})
    assert left.returncode == 0, "what site.yml leaves alone is no drift"
    pruned = play(proxy, tmp_path, "llmfleet.gateway.drift", llm_state={"keys": []}, gateway_state_prune=True)
    assert "st-key-1" in pruned.stdout
    assert pruned.returncode != 0

    evil = "{{ lookup('pipe', 'touch " + str(tmp_path / "marker") + "') }}"
    body = {"key": state["keys"][1]["key"], "metadata": {"note": evil, evil: "x"}}
    proxy.call("POST", "/key/update", body)
    target = tmp_path / "exported.yml"
    exported = play(proxy, tmp_path, "llmfleet.gateway.export", gateway_state_export_file=str(target))
    assert exported.returncode == 0, exported.stdout
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert "!unsafe" in target.read_text()
    secrets = dict.fromkeys(re.findall(r"vault_\w+", target.read_text()), "sk-filled-in-0123456789")
    again = play(proxy, tmp_path, "llmfleet.gateway.drift", extra=f"@{target}", **secrets)
    assert "sk-filled-in" not in again.stdout
    assert not (tmp_path / "marker").exists(), "a text of the proxy was run as a template"
    written = yaml.load(target.read_text(), Loader)["llm_state"]
    key = next(key for key in written["keys"] if key["key_alias"] == "st-key-0")
    assert key["max_budget"] == 99
    assert key["key"] == "{{ vault_key_st_key_0_key }}"
    assert "secret-value" not in json.dumps(written)
