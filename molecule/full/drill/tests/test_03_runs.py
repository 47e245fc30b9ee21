# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""site.yml is killed at random moments of random changes, and run again."""

from __future__ import annotations

import os
import random
import typing as t

KILLS = int(os.environ.get("LLMFLEET_DRILL_KILLS", "20"))
SEED = int(os.environ.get("LLMFLEET_DRILL_SEED", "0")) or random.SystemRandom().randrange(1, 10**6)
#: Killed runs before one may go to its end.
IN_A_ROW = 4


def edit(number: int, chance: random.Random) -> dict[str, t.Any]:
    """One change or several, of every role that has a container."""
    changes: list[dict[str, t.Any]] = [
        {"litellm_request_timeout": 601 + number},
        {"postgres_max_connections": 100 + number},
        {"redis_maxmemory": f"{64 + number}mb"},
        {"gate_max_connections": 2000 + number},
        {"postgres_password": f"another-password-{number:08}-{chance.randrange(10**9)}"},
        {"vllm_shm_size": f"{1024 + number}m"},
    ]
    picked: dict[str, t.Any] = {}
    for change in chance.sample(changes, chance.randint(1, 3)):
        picked |= change
    return picked


def test_runs_that_are_killed(
    deploy: t.Any, declare: t.Any, load: t.Any, kept: t.Any, note: t.Any, host: t.Any, gateway: t.Any
) -> None:
    chance = random.Random(SEED)
    print(f"LLMFLEET_DRILL_SEED={SEED}")
    names = host.check_output("docker ps --all --format '{{.Names}}' | sort")
    declare(**edit(0, chance))
    whole = deploy()
    assert whole.code == 0, whole.output[-4000:]
    answers, killed, runs = load.good, 0, 0
    with load:
        # One that ends before its moment counts for nothing.
        while killed < KILLS and runs < 4 * KILLS:
            runs += 1
            declare(**edit(runs, chance))
            ended = deploy(kill_after=chance.uniform(2, whole.seconds))
            assert ended.code in (None, 0), ended.output[-4000:]
            killed += ended.code is None
            if ended.code is None and killed % IN_A_ROW == 0:
                converges(deploy)
        load.wait(180)
    assert killed == KILLS
    converges(deploy)
    assert host.check_output("docker ps --all --format '{{.Names}}' | sort") == names
    lost = kept.missing(load.good - answers)
    note(
        f"site.yml killed {killed} times in {runs} runs, seed {SEED}",
        gap=round(load.gap, 1),
        failed=load.failed,
        answered=load.good - answers,
        **lost,
    )
    kept.whole()
    assert gateway.chat()[0] == 200


def converges(deploy: t.Any) -> None:
    ended = deploy()
    assert ended.code == 0, ended.output[-6000:]
    again = deploy()
    assert (again.code, again.changed) == (0, 0), again.output[-6000:]
