# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.llmfleet.gateway.plugins.filter.derived_key import derived_key

SECRET = "0123456789abcdef0123456789abcdef"


def test_the_value_never_changes() -> None:
    # A release that derives another value would lock out every key in use.
    assert derived_key("my-app", SECRET) == "sk-UPQOi5lACL_5D8WTAOduu9mYzRLXKO0HZcKc8QxS2to"


def test_every_part_of_the_input_counts() -> None:
    values = {
        derived_key("my-app", SECRET),
        derived_key("my-app", SECRET, 2),
        derived_key("my-app2", SECRET),
        derived_key("my-app", SECRET[::-1]),
    }
    assert len(values) == 4


@pytest.mark.parametrize(("alias", "secret"), [("", SECRET), (" ", SECRET), ("my-app", SECRET[:31])])
def test_weak_input_is_refused(alias: str, secret: str) -> None:
    with pytest.raises(AnsibleFilterError):
        derived_key(alias, secret)
