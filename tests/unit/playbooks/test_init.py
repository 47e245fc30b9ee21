# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""init writes a project that site.yml takes as it is, changes nothing that is there, and shows no secret.

tests/package does the same with the collection installed, and has ansible-lint look at the project.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secrets import held_in

CHECKOUT = Path(__file__).resolve().parents[3]
BIN = Path(sys.executable).parent
NAMES = {secret.variable for secret in secrets(authority=True)}
VAULT = "group_vars/all/vault.yml"
PASSWORD = "a password of this test"


def play(*args: str, folder: Path = CHECKOUT) -> tuple[int, str]:
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), *args],
        cwd=folder,
        env={**os.environ, "ANSIBLE_DEPRECATION_WARNINGS": "0", "ANSIBLE_NOCOLOR": "1", "COLUMNS": "300"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, " ".join((done.stdout + done.stderr).split())


def init(folder: Path, **given: str) -> str:
    extra = [part for name, value in given.items() for part in ("-e", f"{name}={value}")]
    code, output = play("llmfleet.gateway.init", "-e", f"dir={folder}", "--diff", *extra)
    assert code == 0, output
    return output


def content(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """As it is without any parameter, and what was shown."""
    folder = tmp_path_factory.mktemp("init") / "my-fleet"
    return folder, init(folder)


def test_secrets_are_made_for_the_owner_only_and_never_shown(project: tuple[Path, str]) -> None:
    folder, output = project
    made = yaml.safe_load((folder / VAULT).read_text())
    assert set(made) == NAMES
    assert (folder / VAULT).stat().st_mode & 0o777 == 0o600
    assert [name for name, value in made.items() if value in output] == []
    assert "llm_models:" in output, "the diff shows what is no secret"


def test_a_second_run_changes_nothing_and_a_third_adds_what_is_missing(
    project: tuple[Path, str], tmp_path: Path
) -> None:
    folder = tmp_path / "my-fleet"
    shutil.copytree(project[0], folder)
    before = content(folder)
    again = init(folder, domain="llm.example.com")
    assert "changed=0" in again
    assert "group_vars/all/main.yml is there and stays as it is, so domain was not written" in again
    assert content(folder) == before

    (folder / ".gitignore").unlink()
    text = before[VAULT].decode()
    (folder / VAULT).write_text(re.sub(r"redis_password: .*\n", "", text))
    third = init(folder)
    after = content(folder)
    assert "Written to" in third and ": .gitignore. Kept: site.yml, gpu_hosts" in third
    assert "redis_password was missing" in third
    made, kept = (yaml.safe_load(one) for one in (after.pop(VAULT), before.pop(VAULT)))
    assert made.pop("redis_password") != kept.pop("redis_password")
    assert (made, after) == (kept, before)


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    code, output = play("llmfleet.gateway.init", "-e", f"dir={tmp_path / 'my-fleet'}", "--check", "--diff")
    assert code == 0, output
    assert "changed=2" in output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ((), "Say where the project shall be: -e dir=my-fleet"),
        (("-e", "dir={}", "-e", "gpu_hosts=a b", "-e", "gpu_count=x"), "gpu_count: 'x' is no number"),
        (("-e", "dir={}/file/my-fleet"), "/file is a file; name a folder"),
        (("-e", "dir={}/my-fleet", "-e", "gpu_host=10.0.0.5"), "gpu_host is no parameter; did you mean gpu_hosts?"),
    ],
    ids=["no folder", "wrong values", "a file in the way", "a parameter that is none"],
)
def test_a_refusal_names_the_remedy_and_leaves_nothing(tmp_path: Path, given: tuple[str, ...], said: str) -> None:
    (tmp_path / "file").write_text("")
    code, output = play("llmfleet.gateway.init", *(part.format(tmp_path) for part in given))
    assert code == 2
    assert said in output
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("DOMAN=llm.example.com", "doman is no parameter; did you mean domain?"),
        ("""DOMAIN=a"b'c$$(id)""", """domain: 'a"b\\'c$(id)' is no name"""),
    ],
    ids=["misspelt", "quotes"],
)
def test_make_init_hands_on_what_it_is_given_as_it_is(tmp_path: Path, given: str, said: str) -> None:
    command = ["make", "--old-file=env", "init", f"BIN={BIN}", f"DIR={tmp_path / 'my fleet'}", given]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert said in done.stdout + done.stderr
    assert done.returncode != 0 and list(tmp_path.iterdir()) == []


def test_with_a_password_the_secrets_are_encrypted_and_the_project_works_as_written(tmp_path: Path) -> None:
    """Several servers and a name, up to the first connection: nothing listens where the servers should be."""
    password, folder = tmp_path / "password", tmp_path / "my-fleet"
    password.write_text(PASSWORD)
    given = {"gpu_hosts": "127.0.0.1,127.0.0.2", "domain": "llm.example.com", "models": "chat=Qwen/Qwen2.5-7B-Instruct"}
    extra = [part for name, value in given.items() for part in ("-e", f"{name}={value}")]
    own = ["-e", f"dir={folder}", "-e", f"result={tmp_path / 'result'}", "--vault-password-file", str(password)]
    code, output = play("llmfleet.gateway.init", *own, *extra)
    assert code == 0, output
    result = json.loads((tmp_path / "result").read_text())
    assert (result["failed"], result["encrypted"], set(result["secrets_added"])) == (False, True, NAMES)
    assert f"{VAULT}, encrypted." in output
    text = VaultLib([("default", VaultSecret(PASSWORD.encode()))]).decrypt((folder / VAULT).read_text())
    assert set(yaml.safe_load(text)) == NAMES

    assert play("site.yml", "-i", "gpu_hosts", "--syntax-check", folder=folder)[0] == 0
    code, output = play("site.yml", "-i", "gpu_hosts", "-e", "ansible_port=9", folder=folder)
    assert code == 4, output
    assert "llmfleet.gateway.llm : Check every variable of the fleet" in output
    assert "127.0.0.2 port 9: Connection refused" in output


# ---- what the files teach


def variables(folder: Path, inventory: str) -> dict[str, dict[str, t.Any]]:
    """Of each host, without what Ansible adds, and without secrets."""
    found = held_in(str(folder / inventory), DataLoader())
    own = re.compile(r"ansible_(?:host|user)$|(?!ansible_|group|inventory_|omit|playbook_dir|environment)")
    hosts = {str(host["inventory_hostname"]): host for host in found if host["inventory_hostname"] != "localhost"}
    return {
        name: {key: value for key, value in host.items() if own.match(key) and key not in NAMES}
        for name, host in hosts.items()
    }


def taught(text: str) -> set[str]:
    """Variables of the comments: `# name: value`."""
    return set(re.findall(r"^ *# ([a-z][a-z_]+): ", text, re.MULTILINE))


def test_variables_in_comments_are_there(project: tuple[Path, str]) -> None:
    specs = read_specs(CHECKOUT)
    known = {name for options in specs.values() for name in options} | set(specs["llm"]["llm_models"]["options"])
    for name in ("gpu_hosts", "group_vars/all/main.yml"):
        found = taught((project[0] / name).read_text())
        assert found
        assert found - known == set()


def test_the_example_of_one_server_is_what_init_writes(project: tuple[Path, str]) -> None:
    assert variables(CHECKOUT / "inventory" / "single", "hosts.yml") == variables(project[0], "gpu_hosts")


def test_the_example_of_a_fleet_has_no_variable_that_init_does_not_teach(project: tuple[Path, str]) -> None:
    fleet = variables(CHECKOUT / "inventory" / "fleet", "hosts.yml")
    single = variables(project[0], "gpu_hosts")["gpu1"]
    texts = "\n".join((project[0] / name).read_text() for name in ("gpu_hosts", "group_vars/all/main.yml"))
    known = set(single) | set(re.findall(r"^ *# ([a-z][a-z_]+):", texts, re.MULTILINE))
    assert {key for host in fleet.values() for key in host} - known == set()
    assert {"llm_models", "llm_state", "ansible_user"} <= set.intersection(*(set(host) for host in fleet.values()))


def test_keys_beside_an_inventory_are_no_hosts(project: tuple[Path, str]) -> None:
    """Where the inventory is a folder, Ansible would read every file in it."""
    for path in (CHECKOUT / "ansible.cfg", project[0] / "ansible.cfg"):
        assert "\n[inventory]\n" in path.read_text()
        assert "ignore_patterns = ^keys$" in path.read_text()
