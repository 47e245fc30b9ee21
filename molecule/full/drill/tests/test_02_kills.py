# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every process is killed, every container, the engine and the host restarted: all come back without a person."""

from __future__ import annotations

import time
import typing as t

import pytest

CONTAINERS = ["gate", "litellm-1", "litellm-2", "postgres", "redis", "vllm-tiny"]
#: Seconds in which answers have to come again.
BOUND = 180
#: Of requests before it happens: longer than what LiteLLM keeps in memory before it writes it (litellm_batch_write_at).
BEFORE = 12


def drill(load: t.Any, kept: t.Any, note: t.Any, what: str, action: t.Callable[[], object]) -> None:
    answers = load.good
    with load:
        load.wait(60)
        time.sleep(BEFORE)
        action()
        time.sleep(10)
        load.wait(BOUND)
    lost = kept.missing(load.good - answers)
    note(what, gap=round(load.gap, 1), failed=load.failed, answered=load.good - answers, **lost)
    kept.whole()


@pytest.mark.parametrize("part", CONTAINERS)
def test_a_process_is_killed(host: t.Any, load: t.Any, kept: t.Any, note: t.Any, part: str) -> None:
    name = f"llmfleet-{part}"
    before = restarts(host, name)
    kill = f"kill -9 $(docker inspect --format '{{{{.State.Pid}}}}' {name})"
    drill(load, kept, note, f"kill -9 of {part}", lambda: host.check_output(kill))
    assert restarts(host, name) == before + 1, "it came back by itself, and once"


def restarts(host: t.Any, name: str) -> int:
    return int(host.check_output(f"docker inspect --format '{{{{.RestartCount}}}}' {name}"))


@pytest.mark.parametrize("part", CONTAINERS)
def test_a_container_is_restarted(host: t.Any, load: t.Any, kept: t.Any, note: t.Any, part: str) -> None:
    restart = f"docker restart llmfleet-{part}"
    drill(load, kept, note, f"docker restart of {part}", lambda: host.check_output(restart))
    # LiteLLM and clients keep connections to it, which its stop does not wait for.
    assert part != "gate" or load.gap < 20


@pytest.mark.parametrize(
    ("what", "line"),
    [
        ("kill -9 of dockerd", "systemctl kill --signal=KILL docker"),
        ("kill -9 of containerd", "systemctl kill --signal=KILL --kill-whom=main containerd"),
        ("restart of the Docker engine", "systemctl restart docker"),
    ],
)
def test_the_engine(host: t.Any, load: t.Any, kept: t.Any, note: t.Any, what: str, line: str) -> None:
    drill(load, kept, note, what, lambda: host.check_output(line))
    assert host.service("docker").is_running


def test_the_host_loses_its_power(bench: t.Any, load: t.Any, kept: t.Any, note: t.Any, deploy: t.Any) -> None:
    drill(load, kept, note, "power of the host lost", lambda: power_cycle(bench))
    assert deploy().changed == 0


def power_cycle(bench: t.Any) -> None:
    bench("docker", "kill", "test-drill-demo")
    bench("docker", "start", "test-drill-demo")
