# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""secrets_file: which secrets are made, into which file, and what it leaves alone."""

from __future__ import annotations

import base64
import re
import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secrets import (
    add,
    default_path,
    held_by,
    held_in,
    made,
    missing,
    rotate,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.vault_file import VaultFile

ALONE = secrets(authority=False)
NAMES = {secret.variable for secret in ALONE}


def test_all_secrets_of_the_table_are_wanted_and_those_that_are_there_are_not() -> None:
    assert {secret.variable for secret in missing(ALONE, [{}])} == NAMES
    held = [{"vllm_api_key": "x"}, {"postgres_password": "y", "litellm_salt_key": ""}]
    assert {secret.variable for secret in missing(ALONE, held)} == NAMES - {"vllm_api_key", "postgres_password"}


def test_what_a_single_server_needs_is_made() -> None:
    known = {"litellm_master_key", "litellm_salt_key", "litellm_ui_password", "postgres_password", "vllm_api_key"}
    assert known <= NAMES


def test_hosts_that_call_each_other_need_an_authority() -> None:
    assert {secret.variable for secret in secrets(authority=True)} - NAMES == {"llm_ca_key"}


def test_what_is_made_needs_no_quoting_and_is_no_template() -> None:
    values = {secret.variable: made(secret) for secret in missing(ALONE, [{}])}
    assert len(set(values.values())) == len(values)
    salt = values.pop("litellm_salt_key")
    assert all(re.fullmatch(r"(sk-)?[A-Za-z0-9]{24,48}", value) for value in values.values())
    assert re.fullmatch(r"sk-[A-Za-z0-9]{40}", values["litellm_master_key"])
    assert len(base64.b64decode(salt, validate=True)) == 32


def test_only_the_file_is_private_and_folders_keep_their_mode(tmp_path: Path) -> None:
    folder = tmp_path / "group_vars" / "all"
    folder.mkdir(parents=True)
    folder.chmod(0o700)
    path = folder / "vault.yml"
    path.write_text("---\n# mine\nother: 1\n")
    add(path, missing(ALONE, [{}]))
    assert folder.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("---\n# mine\nother: 1\n")
    assert set(yaml.safe_load(path.read_text())) == NAMES | {"other"}
    assert sorted(folder.iterdir()) == [path]


def keys(password: str = "a password", vault_id: str = "default") -> list[tuple[str, VaultSecret]]:
    return [(vault_id, VaultSecret(password.encode()))]


def opened(path: Path, password: str = "a password") -> dict[str, str]:
    return yaml.safe_load(VaultLib(keys(password)).decrypt(path.read_text()))


def test_a_new_file_is_encrypted_where_there_is_a_password_and_what_is_added_is_too(tmp_path: Path) -> None:
    path = tmp_path / "vault.yml"
    add(path, ALONE[:2], keys())
    first = opened(path)
    add(path, ALONE[2:], keys())
    assert path.stat().st_mode & 0o777 == 0o600
    found = opened(path)
    assert set(found) == NAMES
    assert {name: found[name] for name in first} == first
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_keeps_its_vault_id_and_the_secret_that_opens_it(tmp_path: Path) -> None:
    path = tmp_path / "vault.yml"
    add(path, ALONE[:2], keys(vault_id="prod"))
    others = [*keys("another", "dev"), *keys(vault_id="prod")]
    add(path, ALONE[2:], others)
    assert path.read_text().startswith("$ANSIBLE_VAULT;1.2;AES256;prod\n")
    assert set(opened(path)) == NAMES


def test_a_file_in_plain_text_stays_so(tmp_path: Path) -> None:
    path = tmp_path / "vault.yml"
    path.write_text("# mine\nother: 1\n")
    add(path, ALONE, keys())
    assert path.read_text().startswith("# mine\nother: 1\n")


@pytest.mark.parametrize("found", [[], keys("wrong")], ids=["without a password", "with another"])
def test_an_encrypted_file_that_can_t_be_opened_is_refused_and_left_alone(tmp_path: Path, found: t.Any) -> None:
    path = tmp_path / "vault.yml"
    add(path, ALONE[:2], keys())
    before = path.read_text()
    with pytest.raises(ValueError, match=r"is encrypted, and Ansible has no password that opens it. Give it"):
        add(path, ALONE[2:], found)
    assert path.read_text() == before


class TestHeld:
    def test_by_a_file_whatever_its_tags(self, tmp_path: Path) -> None:
        path = tmp_path / "vault.yml"
        path.write_text("one: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  3132\ntwo: !unsafe '{{x'\nthree: 3\n")
        assert set(held_by(VaultFile(path))) == {"one", "two", "three"}

    @pytest.mark.parametrize("text", ["s3cret\n", "- s3cret\n", "a: [s3cret\n", "a: !s3cret x\n"])
    def test_by_what_is_no_file_of_variables_is_refused_without_a_word_of_it(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "vault.yml"
        path.write_text(text)
        with pytest.raises(ValueError, match=r"holds no variables in YAML") as refused:
            held_by(VaultFile(path))
        assert "s3cret" not in str(refused.value)

    def test_by_the_hosts_of_an_inventory(self, tmp_path: Path) -> None:
        (tmp_path / "gpu_hosts").write_text(
            "gateways: {hosts: {a: {vllm_api_key: x}}}\ngpu_servers: {hosts: {b: {}}}\n"
        )
        (tmp_path / "group_vars").mkdir()
        (tmp_path / "group_vars" / "all.yml").write_text("postgres_password: y\n")
        found = held_in(str(tmp_path / "gpu_hosts"), DataLoader())
        assert len(found) == 3
        assert {secret.variable for secret in missing(ALONE, found)} == NAMES - {"vllm_api_key", "postgres_password"}

    @pytest.mark.parametrize("found", [[], keys("wrong")], ids=["without a password", "with another"])
    def test_by_an_inventory_that_can_t_be_decrypted_is_refused_with_the_remedy(
        self, tmp_path: Path, found: list[tuple[str, VaultSecret]]
    ) -> None:
        (tmp_path / "gpu_hosts").write_text("gateways: {hosts: {a: {}}}\n")
        add(tmp_path / "group_vars" / "all" / "vault.yml", ALONE, keys())
        loader = DataLoader()
        loader.set_vault_secrets(found)
        with pytest.raises(ValueError, match=r"gpu_hosts is encrypted, and .*Give it with --vault-password-file"):
            held_in(str(tmp_path / "gpu_hosts"), loader)

    def test_by_an_inventory_that_is_broken_is_refused_without_the_line(self, tmp_path: Path) -> None:
        (tmp_path / "gpu_hosts").write_text("gateways: {hosts: {a: {}}}\n")
        (tmp_path / "group_vars").mkdir()
        (tmp_path / "group_vars" / "all.yml").write_text("vllm_api_key: s3cret: x\n")
        with pytest.raises(ValueError, match=r"can't be read: .*group_vars/all.yml:1: YAML") as refused:
            held_in(str(tmp_path / "gpu_hosts"), DataLoader())
        assert "s3cret" not in str(refused.value)


def test_the_file_is_inside_a_directory_inventory_and_beside_a_file(tmp_path: Path) -> None:
    (tmp_path / "hosts.yml").write_text("")
    wanted = str(tmp_path / "group_vars" / "all" / "vault.yml")
    assert default_path(str(tmp_path)) == default_path(str(tmp_path / "hosts.yml")) == wanted


class TestRotation:
    def test_a_step_replaces_what_it_is_about_and_keeps_the_file_private(self, tmp_path: Path) -> None:
        path = tmp_path / "vault.yml"
        path.write_text("---\nllm_ca_key: old\nother: 1\n")
        assert rotate(path, "trust", write=True)
        found = yaml.safe_load(path.read_text())
        assert found["llm_ca_key"] == "old"
        assert re.fullmatch(r"[A-Za-z0-9]{48}", found["llm_ca_next_key"])
        assert path.stat().st_mode & 0o777 == 0o600
        assert not rotate(path, "trust", write=True)

    def test_nothing_is_written_in_check_mode(self, tmp_path: Path) -> None:
        path = tmp_path / "vault.yml"
        path.write_text("llm_ca_key: old\n")
        assert rotate(path, "trust", write=False)
        assert path.read_text() == "llm_ca_key: old\n"

    def test_an_encrypted_file_stays_encrypted(self, tmp_path: Path) -> None:
        path = tmp_path / "vault.yml"
        file = VaultFile(path, keys())
        file.replace("llm_ca_key: old\n")
        assert rotate(path, "trust", write=True, keys=keys())
        assert set(opened(path)) == {"llm_ca_key", "llm_ca_next_key"}

    @pytest.mark.parametrize("text", ["$ANSIBLE_VAULT;1.1;AES256\n3132\n", "other: 1\n"])
    def test_a_file_that_can_t_be_changed_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "vault.yml"
        path.write_text(text)
        with pytest.raises(ValueError, match=r"is encrypted|has no llm_ca_key"):
            rotate(path, "trust", write=True)
        assert path.read_text() == text


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"a: 2024-13-45\n", "holds no variables in YAML"),
        (b"a: [\n", "holds no variables in YAML"),
        (b"- a\n", "holds no variables in YAML"),
        (b"a: \xff\xfe\n", "is no text in UTF-8"),
    ],
)
def test_a_file_that_can_not_be_read_is_named(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "vault.yml"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"vault.yml {said}"):
        held_by(VaultFile(path))
