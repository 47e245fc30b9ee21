# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One model on two servers: it answers, both are needed, and what is lost comes back as one."""

from __future__ import annotations

import json
import subprocess
import time
import typing as t

import pytest
from scenario import SCENARIO

CONTAINER = "llmfleet-vllm-wide"


def on(host: str, command: str) -> str:
    ssh = ["ssh", "-F", str(SCENARIO / "ssh_config"), host, command]
    return subprocess.run(ssh, check=True, capture_output=True, text=True, timeout=120).stdout


def health(host: str) -> str:
    return on(host, f"docker inspect --format '{{{{.State.Health.Status}}}}' {CONTAINER}").strip()


def test_half_of_the_model_is_on_each_server(gateway: t.Any) -> None:
    status, text = gateway.chat()
    assert status == 200, text
    assert json.loads(text)["usage"]["completion_tokens"] > 0
    for host, rank in (("demo", 0), ("second", 1)):
        options = on(host, "cat /opt/llmfleet/vllm/wide/instance.yaml")
        assert f"node-rank: {rank}" in options
        assert "nnodes: 2" in options
        assert health(host) == "healthy"


def test_only_the_head_has_an_api() -> None:
    assert "8001" in on("demo", "ss -Hltn")
    assert "8001" not in on("second", "ss -Hltn")


@pytest.mark.parametrize("lost", ["second", "demo"])
def test_a_node_that_dies_takes_the_other_with_it_and_both_come_back(gateway: t.Any, lost: str) -> None:
    started = "docker inspect --format '{{.State.StartedAt}}' " + CONTAINER
    before = {host: on(host, started) for host in ("demo", "second")}
    # As Docker sees it, it died: it is started again by itself.
    on(lost, f"kill -9 $(docker inspect --format '{{{{.State.Pid}}}}' {CONTAINER})")
    deadline = time.monotonic() + 120
    while any(on(host, started) == since for host, since in before.items()):
        assert time.monotonic() < deadline, before
        time.sleep(2)
    # A replica on two nodes that share a busy machine's two cores takes six minutes to begin.
    gateway.wait(seconds=900)
    # Docker asks anew every half minute.
    deadline = time.monotonic() + 120
    while [health(host) for host in before] != ["healthy", "healthy"]:
        assert time.monotonic() < deadline, [health(host) for host in before]
        time.sleep(2)
