# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: derived_key
short_description: A virtual key derived from its alias and a secret
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Derives the raw value of a LiteLLM key from its alias, a generation and one secret, by HMAC-SHA256.
  - The same input always gives the same key, so that losing the database of the proxy loses no key, and no raw key has
    to be kept anywhere. Whoever knows the secret knows every key, so keep it in a vault.
positional: secret
options:
  _input:
    description: The alias of the key.
    type: str
    required: true
  secret:
    description: The secret, with 32 characters or more.
    type: str
    required: true
  generation:
    description: Another generation gives another key for the same alias.
    type: int
    default: 1
"""

EXAMPLES = r"""
- name: Make a key that can be derived again at any time
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-derived-app
    key: "{{ 'my-derived-app' | llmfleet.gateway.derived_key(vault_key_secret, generation=2) }}"
"""

RETURN = r"""
_value:
  description: The raw value of the key. It starts with C(sk-).
  type: str
"""

import base64
import hashlib
import hmac
import typing as t

from ansible.errors import AnsibleFilterError

MINIMUM = 32
PURPOSE = "llmfleet.gateway derived key"


def derived_key(alias: str, secret: str, generation: int = 1) -> str:
    if not isinstance(alias, str) or not alias.strip():
        raise AnsibleFilterError("derived_key: the alias is empty")
    if not isinstance(secret, str) or len(secret) < MINIMUM:
        raise AnsibleFilterError(f"derived_key: the secret must have {MINIMUM} characters or more")
    # The lengths keep one alias and generation from reading like another pair.
    message = f"{PURPOSE}\0{len(alias)}\0{alias}\0{int(generation)}"
    value = hmac.new(secret.encode(), message.encode(), hashlib.sha256).digest()
    return "sk-" + base64.urlsafe_b64encode(value).rstrip(b"=").decode()


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"derived_key": derived_key}
