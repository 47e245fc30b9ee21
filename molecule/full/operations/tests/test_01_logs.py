# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Logs of any service, of the whole fleet in one order."""

from __future__ import annotations

import typing as t


def test_of_the_whole_fleet_in_one_order(operate: t.Any) -> None:
    done = operate("logs", lines=20)
    assert done.code == 0, done.output[-3000:]
    lines = done.result["lines"]
    assert {"litellm-1", "litellm-2", "vllm-tiny", "postgres", "redis", "gate"} <= {line["service"] for line in lines}
    assert lines == sorted(lines, key=lambda line: line["time"])
    assert max(sum(1 for line in lines if line["service"] == name) for name in ("litellm-1", "vllm-tiny")) <= 20
    assert " demo vllm-tiny | " in done.output


def test_of_one_service_while_it_writes(operate: t.Any, gateway: t.Any) -> None:
    assert gateway.chat()[0] == 200
    done = operate("logs", service="litellm", since="5m", follow=3)
    assert " demo litellm-" in done.output
    assert " demo vllm-tiny | " not in done.output


def test_a_host_that_there_is_not_is_refused(operate: t.Any) -> None:
    done = operate("logs", server="nobody")
    assert done.code != 0
    assert "which is no host of gateways or gpu_servers; write one of demo" in " ".join(done.output.split())
