# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet in the hands of its user. The tests change it, in their order."""

from __future__ import annotations

import time
import typing as t

from fleet import SERVERS


def test_the_model_answers(fleet: t.Any) -> None:
    fleet.wait()
    assert fleet.ask(key="sk-wrong-0123456789abcdef")[0] == 401


def test_a_second_run_changes_nothing(fleet: t.Any) -> None:
    before = fleet.started()
    run = fleet.run()
    assert set(run.changed.values()) == {0}, run.output[-6000:]
    assert fleet.started() == before
    print(f"a run that changes nothing: {run.seconds:.0f} s")


def test_a_drained_server_gets_no_request_and_none_is_lost(fleet: t.Any, loaded: t.Any) -> None:
    with loaded("server drained, and given back") as seen:
        drain = fleet.run("-e", "server=gpu2", playbook="playbooks/drain.yml")
        before = fleet.tokens("gpu2")
        time.sleep(10)
        assert fleet.tokens("gpu2") == before
        undrain = fleet.run("-e", "server=gpu2", playbook="playbooks/undrain.yml")
        seen.notes.append(f"drained in {drain.seconds:.0f} s, given back in {undrain.seconds:.0f} s")
    assert seen.failed == []


def test_all_servers_get_work(fleet: t.Any) -> None:
    for _question in range(30):
        assert fleet.ask()[0] == 200
    figures = {server: fleet.tokens(server) for server in SERVERS}
    assert all(figures.values()), figures
