# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role a password."""

from __future__ import annotations

import hashlib
import re

from ansible_collections.llmfleet.gateway.plugins.filter.database_login import FilterModule, database_login


def test_two_passwords_are_two_roles_and_one_is_always_the_same() -> None:
    names = {database_login(password, "litellm") for password in ("password-one-0001", "password-two-0002")}
    assert len(names) == 2 and all(re.fullmatch(r"litellm_[0-9a-f]{8}", name) for name in names)
    assert FilterModule().filters()["database_login"]("password-one-0001", "litellm") in names


def test_the_name_is_not_cut_by_postgresql() -> None:
    assert len(database_login("password-one-0001", "x" * 63)) == 63


def test_a_plain_hash_of_the_password_is_not_in_it() -> None:
    digits = database_login("password-one-0001", "litellm").rpartition("_")[2]
    assert digits not in hashlib.sha256(b"password-one-0001").hexdigest()
