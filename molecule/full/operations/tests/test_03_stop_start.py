# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is stopped stays so until it is started, and both change nothing a second time."""

from __future__ import annotations

import typing as t


def test_a_process_of_litellm_is_not_missed(operated: t.Any, load: t.Any, host: t.Any, gateway: t.Any) -> None:
    state = "docker inspect --format '{{.State.Status}}' llmfleet-litellm-2"
    with load:
        assert operated("stop", instance="litellm-2")["changed"] is True
        assert host.check_output(state) == "exited"
        assert operated("stop", instance="litellm-2")["changed"] is False
        assert operated("start", confirm=False, instance="litellm-2")["changed"] is True
    assert host.check_output(state) == "running"
    assert set(load.statuses) == {"good"}, load.statuses
    assert operated("start", confirm=False, instance="litellm-2")["changed"] is False


def test_the_last_replica_asks(operate: t.Any, host: t.Any) -> None:
    done = operate("stop", confirm=False, instance="tiny")
    assert done.code != 0
    assert "Requests for tiny are refused until it is started" in " ".join(done.output.split())
    assert host.check_output("docker inspect --format '{{.State.Status}}' llmfleet-vllm-tiny") == "running"
