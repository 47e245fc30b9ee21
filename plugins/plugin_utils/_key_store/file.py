# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Keys in files on the controller, encrypted by ansible-vault where that is asked for. Used by the action plugins of keys."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.vault import VaultLib, is_encrypted, match_secrets, parse_vaulttext_envelope
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.controller_store import CURRENT, NEXT
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import FileStore, StoreError

Secrets = t.Sequence[tuple[str, t.Any]]


class EncryptableFile(FileStore):
    """A FileStore that reads what ansible-vault encrypted, and writes so when a vault id is named."""

    def __init__(self, path: str, make_directory: bool, secrets: Secrets, vault_id: str | None) -> None:
        super().__init__(path, make_directory)
        self._secrets = secrets
        self._vault_id = vault_id

    def beside(self) -> EncryptableFile:
        return EncryptableFile(f"{self.path}.next", self.make_directory, self._secrets, self._vault_id)

    def is_private(self) -> bool:
        return super().is_private() and (self._vault_id is None or self._is_encrypted())

    def _is_encrypted(self) -> bool:
        try:
            with open(self.path, encoding="utf-8") as stream:
                content = stream.read().strip()
        except FileNotFoundError:
            return True
        return is_encrypted(content) and parse_vaulttext_envelope(content.encode())[3] == self._vault_id

    def _decoded(self, content: str) -> str:
        if not is_encrypted(content):
            return content
        try:
            return VaultLib(list(self._secrets)).decrypt(content).decode().strip()
        except AnsibleError as exc:
            raise StoreError(f"cannot decrypt the store {self.path}: give Ansible its vault secret") from exc

    def _encoded(self, raw: str) -> str:
        if self._vault_id is None:
            return raw
        return VaultLib(list(self._secrets)).encrypt(raw, self._secret(), self._vault_id).decode().strip()

    def _secret(self) -> t.Any:
        found = match_secrets(list(self._secrets), [self._vault_id])
        if not found:
            raise StoreError(f"Ansible has no vault secret of the id {self._vault_id!r}: give one with --vault-id")
        return found[0][1]

    def check_writable(self) -> None:
        super().check_writable()
        if self._vault_id is not None:
            self._secret()


class FileSlots:
    """The value in use in one file, and a waiting successor in another beside it."""

    def __init__(self, file: EncryptableFile) -> None:
        self._files = {CURRENT: file, NEXT: file.beside()}
        self.where = f"{file.path} on the controller"

    def read(self) -> dict[str, str | None]:
        return {slot: file.read() for slot, file in self._files.items()}

    def is_private(self) -> bool:
        return self._files[CURRENT].is_private()

    def check_writable(self) -> None:
        self._files[CURRENT].check_writable()

    def claim(self, slot: str, raw: str) -> str:
        return self._files[slot].claim(raw)

    def put(self, values: t.Mapping[str, str | None]) -> None:
        # The new value is in place before the waiting one goes.
        for slot in (CURRENT, NEXT):
            if slot not in values:
                continue
            raw = values[slot]
            if raw is None:
                self._files[slot].remove()
            else:
                self._files[slot].write(raw)
