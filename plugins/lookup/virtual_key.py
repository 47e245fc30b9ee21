# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: virtual_key
short_description: A virtual key kept in a file on the controller
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Returns the key in a file. Where there is none, makes a random key first and writes it there, mode 0600, so that the key
    has a safe home before LiteLLM knows of it and running again gives the same key.
  - In check mode nothing is written, and a key that is not there yet stands as C(sk-) and its path's hash.
  - A lookup knows of the check mode of a whole run only. Give a task that has C(check_mode) of its own O(make=false).
options:
  make:
    description: Whether to make a key where there is none.
    type: bool
    default: true
    vars:
      - name: virtual_key_make
  _terms:
    description: Paths of files, one key each.
    required: true
    type: list
    elements: str
"""

EXAMPLES = r"""
- name: Issue a key that is kept beside the inventory
  llmfleet.gateway.litellm_key:
    key_alias: my-app
    key: "{{ lookup('llmfleet.gateway.virtual_key', inventory_dir ~ '/keys/my-app') }}"
"""

RETURN = r"""
_raw:
  description: The keys. They start with C(sk-).
  type: list
  elements: str
"""

import hashlib
import os
import secrets
import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import mint
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.transport import HEADER_VALUE


class LookupModule(LookupBase):
    def run(self, terms: list[str], variables: dict[str, t.Any] | None = None, **kwargs: t.Any) -> list[str]:
        self.set_options(var_options=variables, direct=kwargs)
        make = self.get_option("make") and not (variables or {}).get("ansible_check_mode")
        return [self._key(os.path.abspath(os.path.expanduser(str(term))), make) for term in terms]

    def _key(self, path: str, make: bool) -> str:
        if not os.path.exists(path):
            if not make:
                return "sk-" + hashlib.sha256(path.encode()).hexdigest()
            self._make(path)
        with open(path, encoding="utf-8") as handle:
            key = handle.read().strip()
        if not key.startswith("sk-") or not HEADER_VALUE.fullmatch(key):
            raise AnsibleLookupError(f"{path} holds no virtual key: it must start with sk- and be one word of ASCII")
        return key

    @staticmethod
    def _make(path: str) -> None:
        """A file that exists wins: hosts are worked on side by side, and all must see one key."""
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        temporary = f"{path}.{os.getpid()}.{secrets.token_hex(4)}"
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
            handle.write(mint() + "\n")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        finally:
            os.unlink(temporary)
