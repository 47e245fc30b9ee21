# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""roles/vllm/files/check_network.py: who is silent. PyTorch pretends; the scenario multi_node has the real one."""

from __future__ import annotations

import json
import sys
import threading
import types
import typing as t

import pytest
from rendering import loaded

NODES = [{"server": "gpu1", "address": "127.0.0.1"}, {"server": "gpu2", "address": "127.0.0.1"}]


class Store:
    """One for all nodes, as long as the first node has it."""

    kept: t.ClassVar[dict[str, str]] = {}
    served: t.ClassVar[bool] = True

    def __init__(self, host: str, port: int, size: int, first: bool, limit: t.Any, **more: t.Any) -> None:
        if not first and not self.served:
            raise RuntimeError("No route to host\nframe #1: somewhere")

    def set(self, name: str, value: str) -> None:
        self.kept[name] = value

    def check(self, names: list[str]) -> bool:
        return all(name in self.kept for name in names)


class Numbers:
    """A tensor of one value."""

    def __init__(self, value: float = 0) -> None:
        self.value = value

    def fill_(self, value: float) -> None:
        self.value = value

    def min(self) -> Numbers:
        return self

    max = min

    def item(self) -> float:
        return self.value


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> types.ModuleType:
    """The program with a PyTorch whose sums are right, and right away."""
    Store.kept, Store.served = {}, True
    torch = types.ModuleType("torch")
    sums = {"wrong": False}

    def all_reduce(numbers: Numbers) -> None:
        numbers.fill_(4 if sums["wrong"] else 3)

    distributed = types.SimpleNamespace(
        TCPStore=Store, init_process_group=lambda *words, **more: None, all_reduce=all_reduce
    )
    parts = {"distributed": distributed, "empty": lambda *words, **more: Numbers(), "float32": "float32", "sums": sums}
    for name, part in parts.items():
        setattr(torch, name, part)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "")
    monkeypatch.delenv("NCCL_SOCKET_IFNAME", raising=False)
    return loaded("vllm/files/check_network.py")


def said(rank: int, **more: t.Any) -> dict[str, t.Any]:
    return {"rank": rank, "nodes": NODES, "port": 18002, "backend": "gloo", "mebibytes": 1, "limit": 1, **more}


def answers(program: types.ModuleType, *ranks: int) -> list[dict[str, t.Any]]:
    found: list[dict[str, t.Any]] = [{} for _rank in ranks]
    works = [threading.Thread(target=program.attempt, args=(said(rank), one)) for rank, one in zip(ranks, found)]
    for work in works:
        work.start()
    for work in works:
        work.join(20)
    return found


def test_nodes_that_reach_each_other_say_their_interface_and_the_bandwidth(program: types.ModuleType) -> None:
    for found in answers(program, 0, 1):
        assert "error" not in found
        assert found["interface"] == "lo"
        assert found["gbit_per_second"] > 0


def test_the_silent_node_is_named(program: types.ModuleType) -> None:
    (found,) = answers(program, 0)
    assert found["error"] == "node 1 (gpu2, 127.0.0.1) is silent: nothing came in 1 s to port 18002"


def test_a_first_node_that_is_not_reached_is_named_with_the_reason(program: types.ModuleType) -> None:
    Store.served = False
    (found,) = answers(program, 1)
    assert found["error"] == (
        "node 1 (gpu2, 127.0.0.1) does not reach node 0 (gpu1, 127.0.0.1) at port 18002: No route to host"
    )


def test_a_wrong_sum_is_no_network(program: types.ModuleType) -> None:
    sys.modules["torch"].sums["wrong"] = True  # type: ignore[attr-defined]
    found = answers(program, 0, 1)
    assert found[0]["error"] == "the sum over all nodes came out wrong: 4 to 4"


def test_an_address_that_this_host_has_not(program: types.ModuleType) -> None:
    found: dict[str, t.Any] = {}
    program.attempt(said(0, nodes=[{"server": "gpu1", "address": "192.0.2.1"}, NODES[1]]), found)
    assert found["error"].startswith("node 0 (gpu1, 192.0.2.1) has no interface with that address")


def test_nodes_that_met_and_then_hang_name_who_has_not_finished(program: types.ModuleType) -> None:
    store = Store("", 0, 2, True, None)
    store.set("done0", "1")
    text = program.stuck(said(0), {"store": store, "interface": "eth1"})
    assert text == (
        "the nodes met, and then nothing came from node 1 (gpu2, 127.0.0.1): open all ports between them on eth1"
    )


def test_the_answer_is_one_line_of_json(
    program: types.ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(program.os, "_exit", ended.append)
    program.main([json.dumps(said(0))])
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line)["server"] == "gpu1"
    assert "store" not in json.loads(line)
    assert ended == [1]
