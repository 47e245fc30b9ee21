# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets get new values in their file; those that have to be valid beside them stay until all have the new ones."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secret_rotation import (
    NEVER,
    ROTATED,
    begun,
    ended,
    refused,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secrets import begin_rotation, end_rotation

FILE = "---\n# mine\nredis_password: 'old: one'\npostgres_password: old\nlitellm_salt_key: salt\nother: 1\n"
KNOWN = secrets(authority=True)


def test_what_can_be_replaced_is_a_secret_of_the_table_and_so_is_what_can_not() -> None:
    assert {*ROTATED, *NEVER} == {secret.variable for secret in KNOWN}
    assert set(ROTATED) <= {secret.variable for secret in KNOWN}


def test_the_value_before_stays_where_two_have_to_be_valid() -> None:
    text, changed = begun(FILE, ["redis_password", "postgres_password"], lambda name: f"new-{name}")
    found = yaml.safe_load(text)
    assert changed == ["redis_password", "postgres_password"]
    assert found["redis_password"] == "new-redis_password" and found["redis_previous_password"] == "old: one"
    assert found["postgres_password"] == "new-postgres_password" and "postgres_previous_password" not in found
    assert (found["litellm_salt_key"], found["other"]) == ("salt", 1) and "# mine\nredis_password: new" in text


def test_a_rotation_that_was_cut_off_goes_on_and_ends() -> None:
    text, _changed = begun(FILE, ["redis_password"], lambda _name: "new")
    assert begun(text, ["redis_password"], lambda _name: "newer") == (text, [])
    after, gone = ended(text)
    assert gone == ["redis_previous_password"] and yaml.safe_load(after)["redis_password"] == "new"
    assert ended(after) == (after, [])


@pytest.mark.parametrize("name", ["vllm_api_key", "litellm_ui_password"])
def test_a_secret_that_is_kept_elsewhere_is_named_with_what_to_do(name: str) -> None:
    with pytest.raises(ValueError, match=f"has no {name} as a line of its own.*run the playbook site"):
        begun(FILE, [name], lambda _name: "new")


def test_the_salt_is_refused_and_so_is_what_nobody_knows() -> None:
    assert refused(["redis_password"]) == []
    assert "could never be read again" in refused(["litellm_salt_key"])[0]
    assert "rotate_ca" in refused(["llm_ca_key"])[0]
    assert "choose of" in refused(["nonsense"])[0] and "-e secrets=" in refused([])[0]


def test_the_file_is_written_once_privately_and_not_in_check_mode(tmp_path: Path) -> None:
    path = tmp_path / "vault.yml"
    path.write_text(FILE)
    assert begin_rotation(path, ["redis_password"], KNOWN, write=False) == ["redis_password"]
    assert path.read_text() == FILE
    begin_rotation(path, ["redis_password"], KNOWN, write=True)
    assert path.stat().st_mode & 0o777 == 0o600 and len(yaml.safe_load(path.read_text())["redis_password"]) == 48
    assert end_rotation(path, write=True) == ["redis_previous_password"]
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_file_that_lacks_one_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "vault.yml"
    path.write_text(FILE)
    with pytest.raises(ValueError, match=r"vault\.yml has no vllm_api_key"):
        begin_rotation(path, ["redis_password", "vllm_api_key"], KNOWN, write=True)
    assert path.read_text() == FILE


def test_an_encrypted_file_stays_encrypted(tmp_path: Path) -> None:
    keys = [("default", VaultSecret(b"a-password-of-the-vault"))]
    path = tmp_path / "vault.yml"
    path.write_text(VaultLib(keys).encrypt(FILE, keys[0][1]).decode())
    assert begin_rotation(path, ["redis_password"], KNOWN, True, keys) == ["redis_password"]
    assert path.read_text().startswith("$ANSIBLE_VAULT")
    assert "redis_previous_password" in VaultLib(keys).decrypt(path.read_text()).decode()
