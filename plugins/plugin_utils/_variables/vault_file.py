# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A file of variables on the controller, in plain text or encrypted by ansible-vault. Only secrets.py and the action of secrets import it."""

from __future__ import annotations

import os
import tempfile
import typing as t
from pathlib import Path

from ansible import constants as C
from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, is_encrypted, match_encrypt_secret, parse_vaulttext_envelope

#: Ansible's vault secrets, as its loader has them: ids with what encrypts.
Keys = t.Sequence[tuple[str, t.Any]]
NO_ID = "default"
NO_PASSWORD = "and Ansible has no password that opens it. Give it with --vault-password-file, --ask-vault-pass or ANSIBLE_VAULT_PASSWORD_FILE"


class VaultFile:
    """Its text, and a way to replace it that keeps it encrypted, and encrypts a new one where Ansible has a vault secret."""

    def __init__(self, path: Path, keys: Keys = ()) -> None:
        self.path = path
        self._keys = list(keys)
        self._found = path.exists()
        try:
            self._stored = path.read_text(encoding="utf-8") if self._found else ""
        except UnicodeDecodeError:
            raise ValueError(f"{path} is no text in UTF-8. Save it as such, then run this again") from None

    @property
    def encrypted(self) -> bool:
        """Whether it is, or will be once it is written."""
        return is_encrypted(self._stored) if self._found else bool(self._keys)

    def text(self) -> str:
        """What stands in it; nothing where there is no file. ValueError where it can't be decrypted."""
        return self._decrypted()[0] if is_encrypted(self._stored) else self._stored

    def replace(self, text: str) -> None:
        """At once and readable by its owner only, also while it is written. Folders that are there keep their mode."""
        content = self._encrypted(text) if self.encrypted else text
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=str(self.path.parent), prefix=".secrets-")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(content)
            Path(aside).replace(self.path)
        finally:
            Path(aside).unlink(missing_ok=True)
        self._found, self._stored = True, content

    def _decrypted(self) -> tuple[str, t.Any]:
        try:
            plain, _vault_id, key = VaultLib(self._keys).decrypt_and_get_vault_id(self._stored)
        except AnsibleError:
            raise ValueError(f"{self.path} is encrypted, {NO_PASSWORD}") from None
        return plain.decode(), key

    def _encrypted(self, text: str) -> str:
        if is_encrypted(self._stored):
            key, vault_id = self._decrypted()[1], parse_vaulttext_envelope(self._stored.encode())[3]
        else:
            vault_id, key = match_encrypt_secret(self._keys, encrypt_vault_id=C.DEFAULT_VAULT_ENCRYPT_IDENTITY)
        named = None if vault_id == NO_ID else vault_id
        return VaultLib(self._keys).encrypt(text, key, named).decode()
