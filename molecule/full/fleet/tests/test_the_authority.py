# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleet's own authority is replaced under load: gates of all hosts, and the edge, which clients trust by it. After
all else, since what ends half way would be in the way of the rest."""

from __future__ import annotations

import typing as t

PLAYBOOK = "playbooks/rotate_ca.yml"


def test_the_authority_is_replaced(fleet: t.Any, loaded: t.Any) -> None:
    fleet.wait()
    (before,) = fleet.keys
    trusted = fleet.run("-e", "llm_ca_last_step=trust", playbook=PLAYBOOK)
    assert fleet.keys[0] == before and len(fleet.keys) == 2
    with loaded("authority replaced") as seen:
        run = fleet.run("-e", "confirm=yes", playbook=PLAYBOOK)
        seen.notes.append(f"trusted after {trusted.seconds:.0f} s, all the rest {run.seconds:.0f} s")
    assert seen.failed == []
    (after,) = fleet.keys
    assert after != before
    # By now clients trust the new one alone.
    assert fleet.ask()[0] == 200
    assert set(fleet.run().changed.values()) == {0}
