# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Requests come to a server, go to others, or wait; and what of that is kept."""

from __future__ import annotations

import socket
import threading
import typing as t
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.runtime import GateError, Runtime, ask
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.traffic import Load, Server, away
from ansible_collections.llmfleet.gateway.plugins.modules.gate_traffic import perform
from gate_program import HOLD_A, ONE, OTHER, TWO, Gate


@pytest.fixture
def gate(tmp_path: Path) -> Gate:
    return Gate(tmp_path)


def run(gate: Gate, state: str, *servers: Server, check: bool = False, **more: t.Any) -> dict[str, t.Any]:
    params = {"state": state, "wait": True, "timeout": 60, **more}
    return perform(params, check, gate.traffic(*servers))


def test_drain_takes_requests_away_and_says_so(gate: Gate) -> None:
    done = run(gate, "drain")
    assert done["changed"]
    assert done["servers"] == [
        {
            "backend": "vllm-a",
            "server": "gpu1-a",
            "state": "drain",
            "operational": "UP",
            "current": 0,
            "queued": 0,
            "waited": 0.0,
        }
    ]
    assert (gate.worker.admin[ONE], gate.worker.admin[HOLD_A]) == (8, 5)
    assert done["diff"] == [{"before": "vllm-a/gpu1-a: ready\n", "after": "vllm-a/gpu1-a: drain\n"}]


@pytest.mark.parametrize("state", ["drain", "hold", "ready"])
def test_state_that_is_there_already_is_no_change(gate: Gate, state: str) -> None:
    run(gate, state)
    assert not run(gate, state)["changed"]


def test_check_mode_tells_nobody(gate: Gate) -> None:
    assert run(gate, "hold", check=True)["changed"]
    assert gate.worker.told == []
    assert not (gate.root / "state/servers").exists()


def test_hold_is_ready_before_the_server_is_away(gate: Gate) -> None:
    run(gate, "hold")
    assert gate.worker.told == ["set server vllm-a/hold state ready", "set server vllm-a/gpu1-a state drain"]


def test_hold_ends_when_the_server_is_up_again(gate: Gate) -> None:
    run(gate, "hold")
    gate.worker.status[ONE] = gate.worker.status[TWO] = "DOWN"
    gate.worker.told.clear()
    gate.events[3.0] = lambda: gate.worker.status.update({ONE: "UP"})
    run(gate, "ready")
    assert [one for one in gate.worker.told if "health" not in one] == [
        "set server vllm-a/gpu1-a state ready",
        "set server vllm-a/hold state maint",
    ]
    assert 3 <= gate.clock < 4


@pytest.mark.parametrize("state", ["drain", "hold"])
def test_what_comes_back_gets_requests_after_a_check_and_not_by_what_was_known_before(gate: Gate, state: str) -> None:
    run(gate, state)
    gate.reload()
    run(gate, state)
    for worker in gate.workers.values():
        worker.told.clear()
    assert run(gate, "ready")["servers"][0]["operational"] == "UP"
    assert gate.worker.told[:2] == ["set server vllm-a/gpu1-a health down", "set server vllm-a/gpu1-a state ready"]
    assert gate.clock > 0
    # Former workers check nothing, so what they think would never change.
    assert not any("health" in one for one in gate.workers[8].told)
    gate.worker.told.clear()
    run(gate, "ready")
    assert not any("health" in one for one in gate.worker.told)


def test_hold_of_a_server_that_does_not_come_back_ends_too(gate: Gate) -> None:
    run(gate, "hold")
    gate.worker.status[ONE] = "DOWN"
    run(gate, "ready")
    assert gate.worker.admin[HOLD_A] & 1
    assert gate.clock < 20


def test_hold_goes_on_while_another_server_of_the_backend_is_held_and_none_answers(gate: Gate) -> None:
    run(gate, "hold", ONE, TWO)
    gate.worker.status.update({ONE: "DOWN", TWO: "DRAIN"})
    run(gate, "ready", ONE)
    assert not gate.worker.admin[HOLD_A] & 1
    gate.worker.status.update({ONE: "UP", TWO: "DRAIN"})
    run(gate, "ready", ONE)
    assert gate.worker.admin[HOLD_A] & 1


def test_drain_after_hold_refuses_instead_of_waiting(gate: Gate) -> None:
    run(gate, "hold")
    assert run(gate, "drain")["changed"]
    assert gate.worker.admin[HOLD_A] & 1
    run(gate, "hold", ONE, TWO)
    run(gate, "drain", ONE)
    assert not gate.worker.admin[HOLD_A] & 1


def test_wait_ends_with_the_last_request_also_of_a_former_worker(gate: Gate) -> None:
    gate.reload()
    former = gate.workers[8]
    former.current[ONE] = 2
    gate.worker.current[ONE] = 1
    gate.events[2.0] = lambda: gate.worker.current.update({ONE: 0})
    gate.events[5.0] = lambda: former.current.update({ONE: 0})
    assert run(gate, "drain")["servers"][0]["waited"] == 5.0


def test_time_that_is_up_fails_with_what_is_left_and_leaves_the_state(gate: Gate) -> None:
    gate.worker.current[ONE] = 3
    with pytest.raises(GateError, match=r"after 5 s requests are left on vllm-a/gpu1-a \(3 run, 0 wait\)"):
        run(gate, "drain", timeout=5)
    assert gate.worker.admin[ONE] == 8


def test_no_wait(gate: Gate) -> None:
    gate.worker.current[ONE] = 3
    assert run(gate, "drain", wait=False)["servers"][0]["current"] == 3
    assert gate.clock == 0


def test_former_workers_are_told_too(gate: Gate) -> None:
    """They may hold requests that wait for this server."""
    gate.reload()
    run(gate, "hold")
    assert gate.workers[8].told == gate.worker.told


def test_reload_in_between_does_not_lose_the_state(gate: Gate) -> None:
    tell, once = gate.runtime.tell, [gate.reload]

    def reloading(worker: int, command: str) -> str:
        answer = tell(worker, command)
        if command.startswith("set") and once:
            once.pop()()
        return answer

    gate.runtime.tell = reloading  # type: ignore[method-assign]
    run(gate, "drain")
    assert gate.order == [9, 8]
    assert gate.worker.admin[ONE] == 8


def test_what_is_not_ready_is_kept_for_the_next_worker(gate: Gate) -> None:
    run(gate, "hold")
    rows = gate.kept.splitlines()
    assert rows[0] == "1"
    assert [row.split()[1:4:2] + row.split()[6:7] for row in rows[2:]] == [
        ["vllm-a", "gpu1-a", "8"],
        ["vllm-a", "hold", "4"],
    ]
    run(gate, "ready")
    assert gate.kept == ""


def test_what_is_kept_can_be_read_whoever_wrote_it(gate: Gate) -> None:
    run(gate, "hold")
    assert away(gate.kept) == [{"backend": "vllm-a", "server": name} for name in ("gpu1-a", "hold")]
    assert away("1\n# be_id\n\x00 {{ what }}\n3 vllm-a 1 gpu1-a 10.0.0.1 2 none 1\n") == []


def test_name_that_is_not_resolved_for_now_is_not_kept(gate: Gate) -> None:
    gate.worker.admin[ONE] = 0x20
    run(gate, "drain")
    assert gate.kept.splitlines()[2].split()[6] == "8"


def test_servers_of_several_backends_at_once(gate: Gate) -> None:
    run(gate, "hold", ONE, OTHER)
    assert (gate.worker.admin[ONE], gate.worker.admin[TWO], gate.worker.admin[OTHER]) == (8, 0, 8)


def test_unknown_server_is_named(gate: Gate) -> None:
    with pytest.raises(GateError, match="knows no vllm-a/gpu9-a"):
        run(gate, "drain", ONE, Server("vllm-a", "gpu9-a"))
    assert gate.worker.told == []


def test_backend_that_can_not_hold_is_refused(gate: Gate) -> None:
    del gate.worker.admin[HOLD_A]
    with pytest.raises(GateError, match="can't hold requests"):
        run(gate, "hold")
    assert gate.worker.told == []


def test_gate_without_a_master(tmp_path: Path) -> None:
    gate = Gate(tmp_path, master=False)
    run(gate, "drain")
    assert gate.worker.admin[ONE] == 8


def test_gate_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(GateError, match="bring it up with the role gate"):
        Runtime(str(tmp_path / "admin.sock")).tell(0, "show stat")


def test_socket_is_read_to_its_end(tmp_path: Path) -> None:
    path = str(tmp_path / "s")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        heard: list[bytes] = []

        def serve() -> None:
            connection, _address = listener.accept()
            heard.append(b"".join(iter(lambda: connection.recv(100), b"")))
            for _part in range(3):
                connection.sendall(b"x" * 100_000)
            connection.close()

        thread = threading.Thread(target=serve)
        thread.start()
        assert len(ask(path, "show stat")) == 300_000
        thread.join()
    assert heard == [b"show stat\n"]


def test_what_counts_as_up() -> None:
    assert [Load(0, 0, status).up for status in ("UP", "UP 1/2", "no check", "DOWN", "MAINT", "DRAIN")] == [
        True,
        True,
        True,
        False,
        False,
        False,
    ]
