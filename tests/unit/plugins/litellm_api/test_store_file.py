# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultSecret
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import StoreError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.file import EncryptableFile, FileSlots

RAW = "sk-0123456789abcdef"
SECRETS = [("prod", VaultSecret(b"one password")), ("default", VaultSecret(b"another password"))]


def slots(path: Path, vault_id: str | None = None) -> FileSlots:
    return FileSlots(EncryptableFile(str(path), False, SECRETS, vault_id))


@pytest.mark.parametrize("vault_id", ["prod", "default"])
def test_a_value_is_encrypted_for_the_vault_id(tmp_path: Path, vault_id: str) -> None:
    file = tmp_path / "key"
    store = slots(file, vault_id)
    assert store.claim("current", RAW) == RAW
    assert store.claim("current", "sk-later") == RAW
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().startswith("$ANSIBLE_VAULT;")
    assert store.is_private()
    assert slots(file).read() == {"current": RAW, "next": None}


def test_a_file_of_another_vault_id_or_none_has_to_be_written_again(tmp_path: Path) -> None:
    slots(tmp_path / "key").claim("current", RAW)
    assert slots(tmp_path / "key").is_private()
    assert not slots(tmp_path / "key", "prod").is_private()
    slots(tmp_path / "key", "prod").put({"current": RAW})
    assert slots(tmp_path / "key", "prod").is_private()
    assert not slots(tmp_path / "key", "default").is_private()


def test_a_successor_takes_the_place(tmp_path: Path) -> None:
    store = slots(tmp_path / "key", "prod")
    store.claim("current", RAW)
    store.claim("next", "sk-next-0123456789")
    assert store.read() == {"current": RAW, "next": "sk-next-0123456789"}
    store.put({"current": "sk-next-0123456789", "next": None})
    assert store.read() == {"current": "sk-next-0123456789", "next": None}
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_an_unknown_vault_id_is_found_out_beforehand(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no vault secret of the id 'test'"):
        slots(tmp_path / "key", "test").check_writable()


def test_a_file_that_cannot_be_decrypted_is_left_alone(tmp_path: Path) -> None:
    slots(tmp_path / "key", "prod").claim("current", RAW)
    locked = EncryptableFile(str(tmp_path / "key"), False, [("prod", VaultSecret(b"wrong"))], None)
    with pytest.raises(StoreError, match="cannot decrypt"):
        FileSlots(locked).read()
