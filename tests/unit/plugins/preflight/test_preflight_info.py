# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""preflight_info: what is read of a host, from files as Linux has them and a real listening socket."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.module_utils import _preflight as preflight


def test_the_system_names_itself(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/os-release").write_text(
        'PRETTY_NAME="Rocky Linux 9.6 (Blue Onyx)"\nID="rocky"\nVERSION_ID="9.6"\n'
    )
    assert preflight.os_release(str(tmp_path)) == {
        "id": "rocky",
        "version": "9.6",
        "name": "Rocky Linux 9.6 (Blue Onyx)",
    }


def test_secure_boot_is_the_variables_last_byte(tmp_path: Path) -> None:
    assert preflight.secure_boot(str(tmp_path)) is False
    variable = tmp_path / preflight.SECURE_BOOT
    variable.parent.mkdir(parents=True)
    for value in (0, 1):
        variable.write_bytes(bytes([6, 0, 0, 0, value]))
        assert preflight.secure_boot(str(tmp_path)) is bool(value)


def test_headers_and_nouveau(tmp_path: Path) -> None:
    bare = preflight.kernel(str(tmp_path))
    assert (bare["headers"], bare["nouveau"]) == (False, False)
    build = tmp_path / "lib/modules" / bare["release"] / "build"
    build.mkdir(parents=True)
    (build / "Makefile").touch()
    (tmp_path / "sys/module/nouveau").mkdir(parents=True)
    found = preflight.kernel(str(tmp_path))
    assert (found["headers"], found["nouveau"]) == (True, True)


def test_room_where_a_folder_would_be_made(tmp_path: Path) -> None:
    found = preflight.room(str(tmp_path / "not" / "there"))
    assert found["device"] == os.stat(tmp_path).st_dev
    assert found["free_bytes"] > 0


def test_a_models_files_are_counted_once(tmp_path: Path) -> None:
    folder = tmp_path / "hub/models--Qwen--Qwen2.5-0.5B-Instruct"
    (folder / "blobs").mkdir(parents=True)
    (folder / "blobs/abc").write_bytes(b"x" * 1000)
    (folder / "snapshots/1").mkdir(parents=True)
    (folder / "snapshots/1/model.safetensors").symlink_to("../../blobs/abc")
    assert preflight.model_bytes(str(tmp_path), "Qwen/Qwen2.5-0.5B-Instruct") == 1000
    assert preflight.model_bytes(str(tmp_path), "Qwen/absent") == 0


def test_a_listening_process_is_found() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        (found,) = preflight.listeners([port])
    assert (found["port"], found["pid"]) == (port, os.getpid())
    assert preflight.listeners([port]) == []


def test_the_container_of_a_process(tmp_path: Path) -> None:
    (tmp_path / "proc/7").mkdir(parents=True)
    (tmp_path / "proc/7/cgroup").write_text(f"0::/system.slice/docker-{'ab' * 32}.scope\n")
    assert preflight.container_of(7, str(tmp_path)) == "ab" * 32
    assert preflight.container_of(8, str(tmp_path)) is None


def answers(rc: int, out: str) -> Any:
    return lambda argv, **options: (rc, out, "")


def test_containers_and_their_ports() -> None:
    ports = "127.0.0.1:8001->8000/tcp, 10.0.0.2:8001->8000/tcp, 9/tcp"
    line = json.dumps({"id": "c1", "name": "vllm-q", "ports": ports, "project": "vllm"})
    assert preflight.containers(answers(0, line), "docker") == [
        {"id": "c1", "name": "vllm-q", "ports": [8001], "project": "vllm"}
    ]
    assert preflight.containers(answers(1, "no engine"), "docker") == []
    assert preflight.containers(answers(0, line), None) == []


def test_where_images_lie() -> None:
    assert preflight.data_root(answers(0, "/data/docker\n"), "docker") == "/data/docker"
    assert preflight.data_root(answers(1, ""), "docker") == "/var/lib/docker"
    assert preflight.images_present(answers(0, "ok"), "docker", ["a"]) == ["a"]
    assert preflight.images_present(answers(1, ""), "docker", ["a"]) == []


def test_what_does_not_answer_is_told() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/"
        (answer,) = preflight.reach_all([url], 2)
    assert answer["url"] == url
    assert "refused" in answer["error"]
    assert preflight.reach_all([], 2) == []
