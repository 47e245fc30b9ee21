# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: scram_sha_256
short_description: PostgreSQL's SCRAM-SHA-256 verifier of a password
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Makes the text that PostgreSQL keeps in C(pg_authid.rolpassword), so that the password itself never enters SQL.
  - The salt is derived from the password and the role unless given, so that a rerun makes the same verifier and can compare
    it with the stored one. PostgreSQL's format is described at
    U(https://www.postgresql.org/docs/17/catalog-pg-authid.html), its computation in RFC 5802 and RFC 7677.
requirements:
  - passlib on the controller
positional: _input, role
options:
  _input:
    description: The password.
    type: str
    required: true
  role:
    description: Name of the database role that the salt is derived for.
    type: str
    required: true
  iterations:
    description: Rounds of PBKDF2. The default is PostgreSQL's.
    type: int
    default: 4096
  salt:
    description: Base64 of a salt to use instead.
    type: str
"""

EXAMPLES = r"""
# SCRAM-SHA-256$4096:...
- name: Show whether a verifier can be made
  ansible.builtin.debug:
    msg: "{{ postgres_password | llmfleet.gateway.scram_sha_256('litellm') | length }}"
"""

RETURN = r"""
_value:
  description: The verifier.
  type: str
"""

import base64
import hashlib
import hmac
import typing as t

from ansible.errors import AnsibleFilterError

try:
    from passlib.hash import scram
except ImportError:  # pragma: no cover - the environment of `make env` has it
    scram = None


def scram_sha_256(password: str, role: str, iterations: int = 4096, salt: str | None = None) -> str:
    if scram is None:
        raise AnsibleFilterError("scram_sha_256 needs passlib on the controller: pip install passlib")
    raw_salt = base64.b64decode(salt) if salt else _salt(password, role)
    salted = scram.derive_digest(password, raw_salt, iterations, "sha-256")
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    server_key = hmac.digest(salted, b"Server Key", "sha256")
    stored_key = hashlib.sha256(client_key).digest()
    parts = [base64.b64encode(part).decode() for part in (raw_salt, stored_key, server_key)]
    return f"SCRAM-SHA-256${iterations}:{parts[0]}${parts[1]}:{parts[2]}"


def _salt(password: str, role: str) -> bytes:
    return hmac.digest(password.encode(), f"llmfleet.gateway postgres role {role}".encode(), "sha256")[:16]


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"scram_sha_256": scram_sha_256}
