# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""secrets_file: which secrets are made, into which file, and what it leaves alone."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secrets import (
    add,
    default_path,
    made,
    missing,
    rotate,
)

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
    values = [made(secret) for secret in missing(ALONE, [{}])]
    assert len(set(values)) == len(values)
    assert all(re.fullmatch(r"(sk-)?[A-Za-z0-9]{24,48}", value) for value in values)


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


def test_an_encrypted_file_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "vault.yml"
    path.write_text("$ANSIBLE_VAULT;1.1;AES256\n3132\n")
    with pytest.raises(ValueError, match=r"is encrypted and lacks .*vllm_api_key"):
        add(path, missing(ALONE, [{}]))
    assert path.read_text() == "$ANSIBLE_VAULT;1.1;AES256\n3132\n"


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

    @pytest.mark.parametrize("text", ["$ANSIBLE_VAULT;1.1;AES256\n3132\n", "other: 1\n"])
    def test_a_file_that_can_t_be_changed_is_refused(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "vault.yml"
        path.write_text(text)
        with pytest.raises(ValueError, match=r"is encrypted|has no llm_ca_key"):
            rotate(path, "trust", write=True)
        assert path.read_text() == text
