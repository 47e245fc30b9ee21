# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""plan.yml as a user runs it, and site.yml's first plays, with an nvidia-smi that says what a real H100's said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE

CHECKOUT = Path(__file__).resolve().parents[3]
ANSIBLE_PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
H100 = CHECKOUT / "tests" / "unit" / "data" / "gpus" / "h100-x1" / "q.xml"
LLAMA = {"name": "llama", "model": "meta-llama/Llama-3.1-8B-Instruct"}
QWEN = {"name": "qwen", "model": "Qwen/Qwen2.5-0.5B-Instruct"}
SECRETS = {
    "litellm_master_key": "sk-0123456789abcdef0123456789abcdef",
    "litellm_salt_key": "sk-salt-0123456789abcdef",
    "litellm_ui_password": "a-long-password-of-the-ui",
    "postgres_password": "another-long-password",
    "redis_password": "a-third-long-password",
    "vllm_api_key": "yet-another-long-key",
}


class Fleet:
    """An inventory whose only server is this machine."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.secrets = SECRETS
        (root / "bin").mkdir()

    def h100(self, processes: str = "") -> Fleet:
        said, stand_in = self.root / "q.xml", self.root / "bin" / "nvidia-smi"
        said.write_text(
            re.sub(
                r"<processes>.*?</processes>", f"<processes>{processes}</processes>", H100.read_text(), flags=re.DOTALL
            )
        )
        stand_in.write_text(f'#!/bin/sh\ncase "$1" in -q) cat {said};; esac\n')
        stand_in.chmod(0o755)
        return self

    def run(self, playbook: str, models: list[dict[str, t.Any]], *more: str, **variables: t.Any) -> str:
        server = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
        groups = {name: {"hosts": {"gpu1": server}} for name in ("gateways", "gpu_servers")}
        inventory = self.root / "hosts.yml"
        inventory.write_text(yaml.safe_dump(groups))
        extra = json.dumps({**self.secrets, "llm_models": models, "vllm_offline": True, **variables})
        done = subprocess.run(
            [str(ANSIBLE_PLAYBOOK), f"playbooks/{playbook}", "-i", str(inventory), "-e", extra, *more],
            cwd=CHECKOUT,
            env={
                **os.environ,
                "PATH": f"{self.root / 'bin'}:{os.environ['PATH']}",
                "ANSIBLE_COLLECTIONS_PATH": str(CHECKOUT / ".cache" / "unit"),
                "ANSIBLE_DEPRECATION_WARNINGS": "0",
                "ANSIBLE_NOCOLOR": "1",
                "ANSIBLE_CALLBACK_RESULT_FORMAT": "yaml",
            },
            capture_output=True,
            text=True,
            check=False,
        )
        return " ".join((done.stdout + done.stderr).split())


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path)


def test_plan_of_a_server_that_is_read(fleet: Fleet) -> None:
    output = fleet.h100().run("plan.yml", [LLAMA, {**QWEN, "max_model_len": "8k"}])
    assert "server gpu instance model share context tokens requests peak free" in output
    assert "gpu1 0 llama meta-llama/Llama-3.1-8B-Instruct 0.6" in output
    assert "Qwen/Qwen2.5-0.5B-Instruct 0.3" in output
    assert "changed=0" in output
    assert "failed=1" not in output


def test_a_plan_needs_no_secrets_yet(fleet: Fleet) -> None:
    fleet.secrets = {}
    output = fleet.h100().run("plan.yml", [QWEN])
    assert "gpu1 0 qwen Qwen/Qwen2.5-0.5B-Instruct" in output
    assert "failed=1" not in output


def test_preflight_judges_foreign_memory_by_the_planned_shares(fleet: Fleet) -> None:
    process = {"pid": 1, "type": "C", "process_name": "other", "used_memory": "9000 MiB"}
    inner = "".join(f"<{name}>{value}</{name}>" for name, value in process.items())
    foreign = f"<process_info>{inner}</process_info>"
    output = fleet.h100(foreign).run("preflight.yml", [LLAMA, QWEN], **UNMANAGED, preflight_check_urls=False)
    # Each without a plan would count with vLLM's 90 %, two of them with 180.
    needed = re.search(r"other \(pid 1\) holds 9000 MiB error vLLM needs (\d+)% of the card", output)
    assert needed, output
    assert 90 < int(needed.group(1)) < 100


def test_plan_of_what_does_not_fit(fleet: Fleet) -> None:
    output = fleet.h100().run("plan.yml", [{**LLAMA, "model": "meta-llama/Llama-3.3-70B-Instruct"}])
    assert "llama does not fit: CUDA out of memory: weights (131.45 GiB)" in output
    assert "a server with more GPUs of one kind than the 1 of gpu1" in output


def test_plan_without_any_server(fleet: Fleet) -> None:
    odd = {"name": "odd", "model": "who/knows"}
    output = fleet.run("plan.yml", [LLAMA, odd], llm_plan_gpus={"RTX 4090": 23.55})
    assert "llama RTX 4090 1 15.0" in output
    assert "odd: the planner does not know this model" in output
    assert "gpu_info" not in output


#: This machine may be none that the roles take; only what they would do to it is left out.
UNMANAGED = {
    "docker_manage_packages": False,
    "docker_manage_service": False,
    "nvidia_driver_manage": False,
    "nvidia_driver_source": "nvidia",
    "llm_private_address": "10.0.0.1",
}


def first_plays(fleet: Fleet, models: list[dict[str, t.Any]], **variables: t.Any) -> str:
    """The tags leave the plays that judge the input and run always; check mode keeps any other from a change."""
    judging = ("--check", "--tags", "none")
    return fleet.run("site.yml", models, *judging, **{**UNMANAGED, "preflight_enabled": False, **variables})


def test_site_plans_with_the_gpus_and_models_that_it_read(fleet: Fleet) -> None:
    folder = fleet.root / "model"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(CATALOGUE["Qwen/Qwen3-4B"]["config"]))
    output = first_plays(fleet.h100(), [LLAMA, {"name": "disk", "model": str(folder)}])
    assert "gpu1 0 llama meta-llama/Llama-3.1-8B-Instruct 0.5" in output
    assert f"gpu1 0 disk {folder} 0.39" in output
    assert "failed=1" not in output
    assert "changed=1" not in output


def test_site_refuses_what_does_not_fit_the_gpu_that_it_read(fleet: Fleet) -> None:
    output = first_plays(fleet.h100(), [{**LLAMA, "model": "meta-llama/Llama-3.3-70B-Instruct"}])
    assert "llama does not fit: CUDA out of memory: weights (131.45 GiB)" in output
    assert "PLAY [Docker on every host]" not in output


def test_site_goes_on_where_there_is_no_driver_yet(fleet: Fleet) -> None:
    output = first_plays(fleet, [LLAMA, QWEN], nvidia_driver_manage=True)
    assert "llama on gpu1 is not planned: the memory of the GPUs is not known" in output
    assert "failed=1" not in output


def test_a_declared_memory_is_judged_in_the_first_play(fleet: Fleet) -> None:
    output = first_plays(fleet, [{**LLAMA, "max_model_len": 131072}], llm_gpu_memory_gib=23.55)
    assert "llama does not fit" in output
    assert "context and share: max_model_len:" in output
    assert "TASK [llmfleet.gateway.fleet : Look at the host]" not in output
