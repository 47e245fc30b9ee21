# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: database_login
short_description: Name of the database role that a password logs in as
version_added: "0.2.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - PostgreSQL knows one password a role. While LiteLLM's instances get another one, one after the other, both have to be let in, so each
    password has a role of its own to log in as, which becomes the role that owns the database.
  - The name ends with eight hexadecimal digits of a slow hash, which tell two passwords apart and say nothing of either.
positional: _input, user
options:
  _input:
    description: The password.
    type: str
    required: true
  user:
    description: The role that owns the database.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Show the role that LiteLLM logs in as
  ansible.builtin.debug:
    msg: "{{ postgres_password | llmfleet.gateway.database_login('litellm') }}"
"""

RETURN = r"""
_value:
  description: The name.
  type: str
"""

import functools
import hashlib
import typing as t

ROUNDS = 100_000
DIGITS = 8
#: PostgreSQL cuts longer names.
LONGEST = 63


# Of each instance's file the same.
@functools.lru_cache(maxsize=16)
def database_login(password: str, user: str) -> str:
    salt = f"llmfleet.gateway database login {user}".encode()
    digits = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, ROUNDS).hex()[:DIGITS]
    return f"{user[: LONGEST - DIGITS - 1]}_{digits}"


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"database_login": database_login}
