# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The commands of docs/models.md that tests/modes.py runs on the real vLLM."""

from __future__ import annotations

import pytest

from tests import modes


@pytest.mark.parametrize("name", modes.DOCUMENTED)
def test_each_mode_has_a_command_of_its_own(name: str) -> None:
    command = modes.documented(name)
    assert command.startswith('curl "$URL/v1/') and command.count("curl ") == 1
    assert "$KEY" in command
    assert '"model": "m"' in command or "model=m" in command
