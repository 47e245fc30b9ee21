# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said last of a scenario that failed."""

from __future__ import annotations

import importlib.util
import types
from pathlib import Path

import pytest

RESCUED = """\
  \x1b[2m│\x1b[0m TASK [Run what must fail]
  \x1b[2m│\x1b[0m   ****
  \x1b[2m│\x1b[0m \x1b[31mfatal: [one]: FAILED! => \x1b[0m
  \x1b[2m│\x1b[0m     msg: as it should
  \x1b[2m│\x1b[0m
"""
REAL = """\
  │ TASK [It serves]
  │   ****
  │ fatal: [one]: FAILED! =>
  │     msg: Assertion failed
  │
"""
RECAP = """\
  │ PLAY RECAP
  │   ****
  │ one                        : ok=8    changed=1    unreachable=0
  │   failed={one}    skipped=0
  │ two                        : ok=8    changed=1    unreachable=0    failed=0
  │   skipped=0
  │
"""


@pytest.fixture(scope="module")
def scenarios() -> types.ModuleType:
    spec = importlib.util.spec_from_file_location("scenarios", Path(__file__).parents[2] / "scripts" / "scenarios.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_last_failure_of_a_failed_host_is_told(scenarios: types.ModuleType) -> None:
    output = (RESCUED + REAL + RECAP.format(one=1)).splitlines()
    assert scenarios.failures(output) == [
        "TASK [It serves]",
        "fatal: [one]: FAILED! =>",
        "    msg: Assertion failed",
    ]


def test_what_was_rescued_is_not(scenarios: types.ModuleType) -> None:
    assert scenarios.failures((RESCUED + RECAP.format(one=0)).splitlines()) == []


def test_of_a_long_failure_pytests_errors_are_told(scenarios: types.ModuleType) -> None:
    noise = "".join(f"  │   line {number}\n" for number in range(40))
    output = (
        "  │ TASK [Test]\n  │ fatal: [one]: FAILED! =>\n"
        + noise
        + "  │   E   assert 1 == 2\n  │\n"
        + RECAP.format(one=1)
    )
    assert scenarios.failures(output.splitlines()) == ["TASK [Test]", "fatal: [one]: FAILED! =>", "  E   assert 1 == 2"]
