# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Restarts that no request notices, and those that ask."""

from __future__ import annotations

import typing as t


def started(host: t.Any, name: str) -> str:
    return host.check_output(f"docker inspect --format '{{{{.Id}}}} {{{{.State.StartedAt}}}}' {name}")


def test_requests_wait_for_the_only_replica(operated: t.Any, load: t.Any, host: t.Any) -> None:
    before = started(host, "llmfleet-vllm-tiny")
    with load:
        result = operated("restart", confirm=False, instance="tiny")
    assert result["changed"] is True
    after = started(host, "llmfleet-vllm-tiny")
    assert (before.split()[0], before) == (after.split()[0], before) and after != before
    assert set(load.statuses) == {"good"}, load.statuses


def test_processes_of_litellm_stand_in_for_each_other(operated: t.Any, load: t.Any, host: t.Any) -> None:
    before = [started(host, f"llmfleet-litellm-{number}") for number in (1, 2)]
    with load:
        operated("restart", confirm=False, service="litellm")
    assert all(old != started(host, f"llmfleet-litellm-{number}") for number, old in enumerate(before, 1))
    assert set(load.statuses) == {"good"}, load.statuses


def test_what_nothing_stands_in_for_asks(operate: t.Any, operated: t.Any, host: t.Any, gateway: t.Any) -> None:
    before = started(host, "llmfleet-redis")
    done = operate("restart", confirm=False, service="redis")
    assert done.code != 0 and "-e confirm=yes" in done.output
    operated("restart", "--check", service="redis")
    assert started(host, "llmfleet-redis") == before
    operated("restart", service="redis")
    assert started(host, "llmfleet-redis") != before
    gateway.wait()


def test_names_that_there_are_not_are_refused_with_those_that_are(operate: t.Any) -> None:
    done = operate("restart", instance="nobody")
    assert done.code != 0
    assert "Write -e service= one of postgres, redis, gate, vllm, litellm" in " ".join(done.output.split())
