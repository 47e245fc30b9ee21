# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watcher counts what a gate would send new requests to."""

from __future__ import annotations

import socket
import threading
from pathlib import Path

from tests.load import watch

STAT = """# pxname,svname,qcur,status,weight,bck,act
models,FRONTEND,,OPEN,,,
vllm-tiny,gpu1-tiny,0,UP,1,0,1
vllm-tiny,gpu2-tiny,0,UP 1/3,1,0,1
vllm-tiny,gpu3-tiny,0,DRAIN,1,0,1
vllm-tiny,gpu4-tiny,0,MAINT,1,0,1
vllm-tiny,gpu5-tiny,0,no check,1,0,1
vllm-tiny,retry,0,no check,0,0,1
vllm-tiny,hold,0,UP,1,1,0
vllm-tiny,BACKEND,0,UP,,,
vllm-b,gpu1-b,0,DOWN,1,0,1
litellm,1,0,UP,1,0,1
"""


def test_ready_servers_by_backend() -> None:
    assert watch.ready(STAT, []) == {"vllm-tiny": 3, "vllm-b": 0, "litellm": 1}
    assert watch.ready(STAT, ["vllm-b"]) == {"vllm-b": 0}


def test_a_socket_that_answers_and_one_that_does_not(tmp_path: Path) -> None:
    path = str(tmp_path / "admin.sock")
    assert "error" in watch.sample(path, [])
    with socket.socket(socket.AF_UNIX) as gate:
        gate.bind(path)
        gate.listen()

        def answer() -> None:
            connection, _address = gate.accept()
            assert connection.recv(100) == b"show stat\n"
            connection.sendall(STAT.encode())
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        assert watch.sample(path, [])["ready"] == watch.ready(STAT, [])
        thread.join()
