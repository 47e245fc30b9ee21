# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A command with a time limit."""

from __future__ import annotations

from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import run
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.by_command import engine_of


def test_it_reads_what_it_is_told() -> None:
    assert run(["cat"], stdin="ключ\n").out == "ключ\n"


def test_without_that_it_has_nothing_to_read() -> None:
    assert (run(["cat"]).rc, run(["cat"]).out) == (0, "")


def test_one_that_takes_too_long_is_ended() -> None:
    assert run(["sleep", "60"], timeout=0.1).rc == 124


def test_the_engines_commands_read_too() -> None:
    assert engine_of(run).runner(["cat"], "told") == (0, "told", "")
