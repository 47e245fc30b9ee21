# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw keys in stores of the controller, as a playbook puts them there."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret

from . import conftest, openbao
from .harness import succeed
from .proxy import Proxy

ALIAS = "store-key"
PASSWORD = "a vault password of this test"


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    remove(proxy)
    yield
    remove(proxy)


def keys(proxy: Proxy) -> list[dict[str, t.Any]]:
    found = succeed(proxy, "litellm_info", kinds=["keys"])["objects"]["keys"]
    return [key for key in found if str(key["key_alias"]).startswith(ALIAS)]


def remove(proxy: Proxy) -> None:
    for key in keys(proxy):
        proxy.call("POST", "/key/delete", {"keys": [key["token"]]})


def play(
    proxy: Proxy,
    folder: Path,
    module: str,
    *flags: str,
    environment: t.Mapping[str, str] | None = None,
    **options: t.Any,
) -> tuple[bool, dict[str, t.Any], str]:
    """One task of a playbook at high verbosity: whether it went well, its result, and all that was shown."""
    (folder / "vault-password").write_text(PASSWORD)
    task = {f"llmfleet.gateway.{module}": options, "register": "done", "ignore_errors": True}
    keep = {
        "ansible.builtin.copy": {"content": "{{ done | to_json }}", "dest": f"{folder}/result"},
        "check_mode": False,
    }
    defaults = {"api_url": proxy.url, "api_key": "{{ lookup('env', 'TEST_MASTER_KEY') }}"}
    head = {
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {"group/llmfleet.gateway.litellm": defaults},
    }
    (folder / "play.yml").write_text(yaml.safe_dump([{**head, "tasks": [task, keep]}], sort_keys=False))
    command = ["ansible-playbook", "-vvv", "-i", "localhost,", "-c", "local", "--diff", *flags]
    command += ["-e", f"ansible_python_interpreter={sys.executable}", "--vault-id", f"prod@{folder}/vault-password"]
    variables = {"ANSIBLE_COLLECTIONS_PATH": str(conftest.collections_path()), "TEST_MASTER_KEY": proxy.master_key}
    answer = subprocess.run(
        [*command, str(folder / "play.yml")],
        cwd=folder,
        env={**os.environ, **variables, **(environment or {})},
        capture_output=True,
        text=True,
        check=False,
    )
    shown = answer.stdout + answer.stderr
    assert answer.returncode == 0, shown[-4000:]
    result = json.loads((folder / "result").read_text())
    assert proxy.master_key not in shown
    assert "controller_store" not in json.dumps(result)
    return not result.get("failed"), result, shown


def decrypted(path: Path) -> str:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    content = path.read_text()
    assert content.startswith("$ANSIBLE_VAULT;1.2;AES256;prod\n")
    return VaultLib([("prod", VaultSecret(PASSWORD.encode()))]).decrypt(content).decode()


def works(proxy: Proxy, raw: str) -> bool:
    return proxy.status("/v1/models", raw) == 200


def test_a_file_on_the_controller_is_encrypted_rotated_and_removed(proxy: Proxy, tmp_path: Path) -> None:
    options: dict[str, t.Any] = {
        "key_alias": ALIAS,
        "store": {"controller_file": str(tmp_path / "key"), "vault_id": "prod"},
    }
    foreseen = play(proxy, tmp_path, "litellm_key", "--check", **options)[1]
    assert foreseen["changed"] is True
    assert not (tmp_path / "key").exists()
    assert not keys(proxy)

    made = play(proxy, tmp_path, "litellm_key", **options)
    first = decrypted(tmp_path / "key")
    assert works(proxy, first)
    assert first not in made[2]
    assert made[1]["diff"] == foreseen["diff"]
    again = play(proxy, tmp_path, "litellm_key", **options)
    assert again[1]["changed"] is False
    assert first not in again[2]

    rotated = play(proxy, tmp_path, "litellm_key", **options, rotate={"generation": 2})
    second = decrypted(tmp_path / "key")
    assert rotated[1]["operation"] == "rotate"
    assert first != second
    assert works(proxy, first)
    assert works(proxy, second)
    assert not (first in rotated[2] or second in rotated[2])
    assert not (tmp_path / "key.next").exists()
    assert play(proxy, tmp_path, "litellm_key", **options, rotate={"generation": 2})[1]["changed"] is False

    assert play(proxy, tmp_path, "litellm_key", **options, state="absent")[1]["changed"] is True
    assert not (tmp_path / "key").exists()
    assert not keys(proxy)


def test_a_plain_file_is_encrypted_when_that_is_asked_for(proxy: Proxy, tmp_path: Path) -> None:
    store = {"controller_file": str(tmp_path / "key")}
    assert play(proxy, tmp_path, "litellm_key", key_alias=ALIAS, store=store)[0]
    plain = (tmp_path / "key").read_text().strip()
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    changed = play(proxy, tmp_path, "litellm_key", key_alias=ALIAS, store={**store, "vault_id": "prod"})
    assert changed[1]["changed"] is True
    assert decrypted(tmp_path / "key") == plain


@pytest.mark.parametrize(
    ("store", "said"),
    [
        ({"controller_file": "missing/key"}, "there is no directory"),
        ({"controller_file": "key", "vault_id": "test"}, "no vault secret of the id 'test'"),
        ({"hashicorp_vault": {"url": "http://127.0.0.1:9", "token": "t", "path": "x"}}, "cannot reach the store"),
    ],
)
def test_a_store_that_cannot_be_written_leaves_nothing_behind(
    proxy: Proxy, tmp_path: Path, store: dict[str, t.Any], said: str
) -> None:
    for flags in (["--check"], []):
        fine, result, _shown = play(proxy, tmp_path, "litellm_key", *flags, key_alias=ALIAS, store=store)
        assert not fine
        assert said in result["msg"]
        assert not keys(proxy)


def test_a_secret_of_hashicorp_vault(proxy: Proxy, tmp_path: Path, bao: openbao.Bao) -> None:
    token = bao.token_that_may("create", "read", "update", "delete")
    bao.call("POST", "secret/data/llm/app", {"data": {"note": "by hand"}})
    environment = {"VAULT_ADDR": bao.url, "VAULT_TOKEN": token}
    options: dict[str, t.Any] = {"key_alias": ALIAS, "store": {"hashicorp_vault": {"path": "llm/app", "field": "raw"}}}

    def run(*flags: str, **more: t.Any) -> dict[str, t.Any]:
        fine, result, shown = play(proxy, tmp_path, "litellm_key", *flags, environment=environment, **options, **more)
        assert fine, result
        assert token not in shown
        for value in stored().values():
            assert not value.startswith("sk-") or value not in shown
        return result

    def stored() -> dict[str, str]:
        return t.cast("dict[str, str]", bao.call("GET", "secret/data/llm/app")["data"]["data"])

    run("--check")
    assert stored() == {"note": "by hand"}
    assert run()["operation"] == "create"
    first = stored()["raw"]
    assert works(proxy, first)
    assert run()["changed"] is False
    assert run(rotate={"generation": 2})["operation"] == "rotate"
    assert sorted(stored()) == ["note", "raw"]
    assert stored()["raw"] != first
    assert works(proxy, stored()["raw"])
    assert run(state="absent")["changed"] is True
    assert stored() == {"note": "by hand"}


def test_a_token_that_may_only_read_makes_no_key(proxy: Proxy, tmp_path: Path, bao: openbao.Bao) -> None:
    store = {"hashicorp_vault": {"url": bao.url, "token": bao.token_that_may("read"), "path": "llm/read-only"}}
    for flags in (["--check"], []):
        fine, result, _shown = play(proxy, tmp_path, "litellm_key", *flags, key_alias=ALIAS, store=store)
        assert not fine
        assert "policies don't allow it" in result["msg"]
    assert not keys(proxy)


@pytest.mark.parametrize("kind", ["file", "vault"])
def test_many_keys(proxy: Proxy, tmp_path: Path, bao: openbao.Bao, kind: str) -> None:
    aliases = [f"{ALIAS}-{number}" for number in range(3)]
    vault = {"url": bao.url, "token": bao.token, "path": f"many-{kind}"}
    file = {"controller_directory": str(tmp_path / "keys"), "vault_id": "prod"}

    def apply(state: str = "present", **more: t.Any) -> dict[str, t.Any]:
        desired = {"keys": [{"key_alias": alias, "state": state, **more} for alias in aliases]}
        store = {"hashicorp_vault": vault} if kind == "vault" else file
        fine, result, shown = play(proxy, tmp_path, "litellm_state", desired=desired, key_store=store)
        assert fine, result
        assert not any(raw in shown for raw in stored())
        return result

    def stored() -> list[str]:
        if kind == "file":
            return [decrypted(path) for path in sorted((tmp_path / "keys").glob("*"))]
        try:
            names = bao.call("GET", f"secret/metadata/many-{kind}?list=true")["data"]["keys"]
            return [bao.call("GET", f"secret/data/many-{kind}/{name}")["data"]["data"]["key"] for name in names]
        except OSError:
            return []

    assert apply()["counts"]["create"] == 3
    first = stored()
    assert all(works(proxy, raw) for raw in first)
    assert apply()["changed"] is False
    assert apply(rotate={"generation": 2})["counts"]["rotate"] == 3
    assert not set(first) & set(stored())
    assert all(works(proxy, raw) for raw in (*first, *stored()))
    assert apply("absent")["counts"]["delete"] == 3
    assert not stored()
    assert not keys(proxy)
