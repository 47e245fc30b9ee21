# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The search for secrets finds what is planted, wherever it looks, and takes a search of nothing for no proof."""

from __future__ import annotations

import base64
import subprocess
import tempfile
import typing as t
from pathlib import Path

import pytest
from ansible.parsing.dataloader import DataLoader

from tests.drill.on_host import CHUNK
from tests.drill.secrets import at_host, declared, forms, in_texts

SECRET = "s3cret/value+of=this?test"
SECRETS = {"the_secret": SECRET}


def here(command: str, text: str) -> str:
    return subprocess.run(["sh", "-c", command], input=text, check=True, capture_output=True, text=True).stdout


@pytest.fixture
def host() -> t.Iterator[Path]:
    """pytest's own folders are its user's only; here others may look in."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def task(host: Path) -> dict[str, t.Any]:
    """A small host in a folder: nothing of it is wrong."""
    for path in ("proc/1", "etc", "tmp", "private"):
        (host / path).mkdir(parents=True)
    (host / "proc/1/cmdline").write_bytes(b"program\0--option\0")
    (host / "etc/open").write_text("nothing")
    (host / "private/secret").write_text(SECRET)
    (host / "private/secret").chmod(0o600)
    return {
        "proc": str(host / "proc"),
        "commands": {"logs": "echo nothing"},
        "roots": [str(host)],
        "left_out": [str(host / "proc")],
        "temporary": [str(host / "tmp")],
    }


def test_where_nothing_is_wrong_nothing_is_found(task: dict[str, t.Any]) -> None:
    assert at_host(SECRETS, here, task) == []


@pytest.mark.parametrize("form", forms(SECRET))
def test_what_is_planted_is_found(task: dict[str, t.Any], host: Path, form: bytes) -> None:
    (host / "proc/1/cmdline").write_bytes(b"program\0--key=" + form)
    (host / "etc/open").write_bytes(b"x" * (CHUNK - 5) + form)
    (host / "tmp/left").write_bytes(form)
    (host / "tmp/left").chmod(0o600)
    (host / "said").write_bytes(form)
    (host / "said").chmod(0o600)
    task["commands"]["logs"] = f"cat {host}/said"
    found = "\n".join(at_host(SECRETS, here, task))
    for place in ("arguments: process program", "logs: cat", "world-readable files: ", "temporary files: "):
        assert f"the_secret in {place}" in found
    assert SECRET not in found


def test_what_a_closed_folder_holds_is_not_open(task: dict[str, t.Any], host: Path) -> None:
    (host / "private/secret").chmod(0o644)
    assert "the_secret in world-readable files" in str(at_host(SECRETS, here, task))
    (host / "private").chmod(0o700)
    assert at_host(SECRETS, here, task) == []


def test_a_search_of_nothing_is_said(task: dict[str, t.Any], host: Path) -> None:
    (host / "proc/1/cmdline").unlink()
    task["commands"]["logs"] = "true"
    nothing = "nothing was there to be searched"
    assert at_host(SECRETS, here, task) == [f"arguments: {nothing}", f"logs: {nothing}"]
    assert "did not search" in at_host(SECRETS, lambda _command, _text: "no python3", task)[0]


@pytest.mark.parametrize("before", ["", "a", "ab", "admin:"])
def test_base64_of_a_text_with_it_is_found(before: str) -> None:
    text = base64.b64encode((before + SECRET + ":after").encode())
    assert in_texts(SECRETS, {"output": b"Basic " + text}) == ["the_secret in output"]


def test_every_declared_secret_is_known_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "gpu_hosts").write_text("gateways: {hosts: {a: {}}}\ngpu_servers: {hosts: {a: {}}}\n")
    (tmp_path / "group_vars").mkdir()
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "app").write_text("sk-from-a-file-0123\n")
    (tmp_path / "group_vars" / "all.yml").write_text(
        """
vllm_api_key: the-key-of-vllm
postgres_password: short
vllm_secret_environment: {TOKEN: a-token-of-vllm}
llm_external_models: [{name: x, litellm_params: {model: a/b, api_key: "{{ other }}"}}]
other: the-key-of-a-provider
llm_state:
  keys: [{key_alias: app, key: "{{ lookup('llmfleet.gateway.virtual_key', inventory_dir ~ '/keys/app') }}"}]
"""
    )
    found = declared(str(tmp_path / "gpu_hosts"), DataLoader())
    wanted = {"the-key-of-vllm", "a-token-of-vllm", "the-key-of-a-provider", "sk-from-a-file-0123"}
    assert wanted == set(found.values())
