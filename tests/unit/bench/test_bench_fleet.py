# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the scenario fleet reads out of runs and of the load's record."""

from __future__ import annotations

import json
from typing import Any

import fleet

RECAP = """\
TASK [x] ***
changed: [gpu1]

PLAY RECAP *********************************************************************
gateway1                   : ok=12   changed=0    unreachable=0    failed=0    skipped=3    rescued=0    ignored=0
gpu1                       : ok=9    changed=2    unreachable=0    failed=0    skipped=1    rescued=0    ignored=0
gpu3                       : ok=1    changed=0    unreachable=1    failed=0    skipped=0    rescued=0    ignored=0

[WARNING]: gpu3 does not
answer
"""


def record(at: float, seconds: float, failed: str = "", status: int = 200) -> dict[str, Any]:
    return {"at": at, "seconds": seconds, "failed": failed, "status": status}


def test_changed_tasks_are_read_from_the_recap() -> None:
    run = fleet.Run(4, RECAP, 1.0)
    assert run.changed == {"gateway1": 0, "gpu1": 2, "gpu3": 0}
    assert "gpu3 does not answer" in run.flat


def test_what_was_lost_is_counted_from_the_moment_of_the_failure() -> None:
    seen = fleet.Seen("a part")
    seen.since = 100.0
    seen.records = [
        record(99, 2, "status", 500),
        record(101, 2, "status", 500),
        record(104, 3.5, "reset", 0),
        record(105, 8),
    ]
    figures = seen.figures()
    assert figures == {
        "what": "a part",
        "requests": 4,
        "failed": {"status 500": 2, "reset 0": 1},
        "failed_in_flight": 1,
        "last_failed_after": 7.5,
        "longest_wait": 8,
        "notes": [],
    }
    assert [one["at"] for one in seen.failed] == [99, 101, 104]


def test_the_table_has_the_last_of_each_failure() -> None:
    lines = [
        json.dumps({"what": "b", "requests": 9, "failed": {}, "last_failed_after": 0, "longest_wait": 1, "notes": []}),
        json.dumps({"what": "a", "requests": 1, "failed": {}, "last_failed_after": 0, "longest_wait": 1, "notes": []}),
        json.dumps(
            {
                "what": "b",
                "requests": 7,
                "failed": {"status 500": 2},
                "failed_in_flight": 1,
                "last_failed_after": 3.2,
                "longest_wait": 1.25,
                "notes": ["x", "y"],
            }
        ),
    ]
    assert fleet.table(lines).splitlines()[2:] == [
        "| b | 7 | 2 status 500, 1 of them in flight at that moment | 3 s | 1.2 s | x; y |",
        "| a | 1 | 0 | none | 1.0 s |  |",
    ]
