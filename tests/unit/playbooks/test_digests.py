# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""digests: images are pinned by one flag, and signatures verified before, where cosign is there. Engine and cosign are
stand-ins."""

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
DIGEST = "sha256:" + "ab" * 32
PINNED = f"ghcr.io/berriai/litellm:v1@{DIGEST}"
BOX = {
    "Id": "c" * 64,
    "Name": "/llmfleet-litellm-1",
    "Created": "2026-11-20T10:00:00.1Z",
    "Image": "sha256:image",
    "State": {"Status": "running", "ExitCode": 0, "Pid": 0},
    "Config": {
        "Image": "ghcr.io/berriai/litellm:v1",
        "Labels": {"io.llmfleet.project": "llmfleet-litellm-1", "com.docker.compose.service": "litellm"},
    },
    "HostConfig": {"RestartPolicy": {"Name": "no"}},
    "NetworkSettings": {},
}
DOCKER = f"""#!{sys.executable}
import json, sys
found = {{"ps": "{BOX["Id"]}", "inspect": json.dumps([{BOX!r}]), "image": json.dumps([{{"Id": "sha256:image",
    "RepoDigests": ["ghcr.io/berriai/litellm@{DIGEST}"]}}])}}
print(found[sys.argv[1]])
"""


def digests(folder: Path, cosign: str, **said: t.Any) -> tuple[int, dict[str, t.Any], str]:
    """Its status, its result, and its last line of error."""
    programs = {
        "docker": DOCKER,
        **({"cosign": f'#!/bin/sh\necho "$@" >> {folder}/asked\n{cosign}\n'} if cosign else {}),
    }
    for name, text in programs.items():
        path = folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    local = {"ansible_connection": "local", "ansible_become": False, "ansible_python_interpreter": sys.executable}
    groups = {name: {"hosts": {"one": local}} for name in ("gateways", "gpu_servers")}
    (folder / "hosts.yml").write_text(yaml.safe_dump(groups))
    (folder / "cosign.pub").write_text("a key")
    given = {"result": str(folder / "result"), **said}
    # A context is for the command. Docker's SDK for Python, where the tests have one, would ask this machine's engine.
    environment = {
        **os.environ,
        "PATH": f"{folder / 'bin'}:/usr/bin:/bin",
        "DOCKER_CONTEXT": "stand-in",
        "DOCKER_HOST": "",
    }
    done = subprocess.run(
        [str(ANSIBLE_PLAYBOOK), "playbooks/digests.yml", "-i", str(folder / "hosts.yml"), "-e", json.dumps(given)],
        cwd=CHECKOUT,
        env={**environment, "ANSIBLE_NOCOLOR": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (folder / "result").exists(), done.stdout + done.stderr
    return done.returncode, json.loads((folder / "result").read_text()), done.stdout + done.stderr


@pytest.fixture
def pins(tmp_path: Path) -> Path:
    return tmp_path / "group_vars" / "all" / "pinned_images.yml"


@pytest.fixture(autouse=True)
def made(pins: Path) -> None:
    pins.parent.mkdir(parents=True)


def test_a_good_signature_and_the_pin(tmp_path: Path, pins: Path) -> None:
    said = {"cosign_key": str(tmp_path / "cosign.pub"), "signed": ["litellm"], "pin": True}
    code, result, output = digests(tmp_path, "exit 0", **said)
    assert code == 0, output
    assert (tmp_path / "asked").read_text().split() == ["verify", "--key", said["cosign_key"], PINNED]
    assert (result["verified"], result["changed"]) == ([PINNED], True)
    assert yaml.safe_load(pins.read_text()) == {"litellm_image": PINNED}


@pytest.mark.parametrize("cosign", ["exit 1", ""], ids=["no signature", "no cosign"])
def test_without_one_nothing_is_pinned_and_the_remedy_is_last(tmp_path: Path, pins: Path, cosign: str) -> None:
    said = {"cosign_key": str(tmp_path / "cosign.pub"), "signed": ["litellm"], "pin": True}
    code, result, _output = digests(tmp_path, cosign, **said)
    assert code != 0 and not pins.exists()
    assert result["faults"] == [f"{PINNED} has no good signature"]
    assert result["remedy"].startswith("See that cosign is on this machine")


def test_it_only_shows_unless_told(tmp_path: Path, pins: Path) -> None:
    code, result, _output = digests(tmp_path, "exit 0")
    assert (code, result["images"], result["verified"]) == (0, {"litellm_image": PINNED}, [])
    assert not pins.exists() and not (tmp_path / "asked").exists()
