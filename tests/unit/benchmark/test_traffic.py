# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The comparison of ways of traffic counts what it says that it counts."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.benchmark import gateway, traffic


class Stage:
    """Answers for a replica's metrics."""

    def __init__(self, text: str) -> None:
        self.text = text

    def get(self, _name: str, _port: int, _path: str) -> str:
        return self.text


def test_requests_belong_to_what_happened_when_they_began() -> None:
    records: list[dict[str, Any]] = [
        {"at": 9.9, "failed": "empty", "told": "", "seconds": 50.0},
        {"at": 10.0, "failed": "", "told": "", "seconds": 3.0},
        {"at": 19.9, "failed": "status_503", "told": "no server", "seconds": 1.0},
        {"at": 20.0, "failed": "empty", "told": "", "seconds": 60.0},
    ]
    found = traffic.counted(records, 10.0, 20.0)
    assert found == {"requests": 2, "failed": {"status_503": 1}, "longest": 3.0, "told": {"status_503": "no server"}}


def test_metrics_are_summed_over_their_labels() -> None:
    text = 'vllm:request_success_total{finished_reason="stop"} 2.0\n'
    text += 'vllm:request_success_total{finished_reason="length"} 3\n'
    text += "vllm:request_success_created 9\nvllm:num_requests_running 1.0\n"
    stage: Any = Stage(text)
    assert traffic.metric(stage, "r1", "request_success_total") == 5
    assert not traffic.idle(stage, "r1")


def test_the_table_has_the_last_of_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "SEEN", tmp_path / "seen")
    event = {"way": "a2", "event": "killed", "requests": 10, "longest": 2.0, "length": 30.0, "failed": {"empty": 1}}
    lines = [event, {**event, "failed": {}}, {**event, "way": "c", "failed": {"status_500": 2}}]
    traffic.SEEN.write_text("".join(json.dumps(line) + "\n" for line in lines))
    rows = traffic.report().splitlines()[2:4]
    assert rows == ["| killed | a2 | 10 | 0 | 2.0 s | 30 |", "| killed | c | 10 | 2 status_500 | 2.0 s | 30 |"]


def test_the_gateway_is_told_beside_its_peer_and_the_floor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gateway, "SEEN", tmp_path / "seen")
    shape = {"requests": 9, "failed": 0}
    lines = [
        {"layout": "backend", "p50": 0.001, "p95": 0.002, "rate": 1000, **shape},
        {"layout": "workers_4", "p50": 0.011, "p95": 0.022, "rate": 100, **shape},
        {"layout": "edge_gate_2", "p50": 0.021, "p95": 0.032, "rate": 80, **shape},
    ]
    gateway.SEEN.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert "| edge_gate_2 | 80 | 0.80 | 20.0 ms | 30.0 ms | 9 | 0 |" in gateway.report().splitlines()
