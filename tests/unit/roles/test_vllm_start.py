# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""roles/vllm/files/start.py: instances that share a GPU start one after the other. The servers pretend to load."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import time
import types
import typing as t
from pathlib import Path

import pytest
import yaml
from rendering import ROLES, loaded

#: Writes what it does and when; loads for a while, answers /health, ends on SIGTERM, unless it is deaf while it loads.
SERVER = """
import http.server, json, os, signal, sys, threading, time
name, port, seconds, log = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]
def note(what):
    with open(log, "a") as handle:
        handle.write(name + " " + what + "\\n")
def stop(number, frame):
    note("stopped")
    os._exit(0)
signal.signal(signal.SIGTERM, signal.SIG_IGN if os.environ.get("DEAF") else stop)
note("starts")
time.sleep(seconds)
signal.signal(signal.SIGTERM, stop)
if os.environ.get("DIES"):
    note("dies")
    sys.exit(3)
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
    def log_message(self, *words):
        pass
server = http.server.HTTPServer(("127.0.0.1", port), Handler)
note("serves")
server.serve_forever()
"""


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Host:
    """A host's lock directories and the containers that are started on it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.log = path / "log"
        self.running: list[subprocess.Popen[str]] = []
        (path / "locks").mkdir()
        (path / "environment.json").write_text(json.dumps({"VLLM_API_KEY": "key", "A": "$x"}))
        (path / "server.py").write_text(SERVER)
        source = (ROLES / "vllm/files/start.py").read_text()
        source = source.replace("/run/llmfleet/locks", str(path / "locks")).replace(
            "POLL_SECONDS = 1.0", "POLL_SECONDS = 0.05"
        )
        nodes = (ROLES / "vllm/files/nodes.py").read_text().replace("POLL_SECONDS = 1.0", "POLL_SECONDS = 0.05")
        (path / "nodes.py").write_text(nodes.replace("NAMING_SECONDS = 30.0", "NAMING_SECONDS = 0.3"))
        (path / "memory").mkdir()
        source = source.replace('KEPT_IN_MEMORY = "/tmp"', f'KEPT_IN_MEMORY = "{path}/memory"')
        (path / "start.py").write_text(
            source.replace("/run/llmfleet/secrets/environment.json", str(path / "environment.json"))
        )

    def start(
        self,
        name: str,
        gpus: list[int],
        after: t.Sequence[str] = (),
        seconds: float = 0.4,
        limit: float = 60,
        patience: float = 1.0,
        command: list[str] | None = None,
        node: dict[str, t.Any] | None = None,
        **environment: str,
    ) -> subprocess.Popen[str]:
        for lock in [*(f"gpu-{gpu}" for gpu in gpus), *(f"ready-{one}" for one in (name, *after))]:
            (self.path / "locks" / lock).mkdir(exist_ok=True)
        port = free_port()
        turn = {
            "name": name,
            "gpus": gpus,
            "start_after": list(after),
            "locked_gpus": gpus,
            "health_url": f"http://127.0.0.1:{port}/health",
            "limit": limit,
            "patience": patience,
            **(node or {}),
        }
        server = [sys.executable, str(self.path / "server.py"), name, str(port), str(seconds), str(self.log)]
        turn_file = self.path / f"turn-{name}.json"
        turn_file.write_text(json.dumps(turn))
        process = subprocess.Popen(
            [sys.executable, str(self.path / "start.py"), str(turn_file), *(command or server)],
            env={"PATH": os.environ["PATH"], "http_proxy": "http://127.0.0.1:1", **environment},
            stdout=subprocess.PIPE if command else subprocess.DEVNULL,
            stderr=(self.path / f"err-{name}").open("w"),
            start_new_session=True,
            text=True,
        )
        self.running.append(process)
        return process

    def notes(self) -> list[str]:
        return self.log.read_text().splitlines() if self.log.exists() else []

    def wait_for(self, *notes: str, seconds: float = 30) -> list[str]:
        end = time.monotonic() + seconds
        while not set(notes) <= set(self.notes()):
            assert time.monotonic() < end, f"{notes} not in {self.notes()}"
            time.sleep(0.02)
        return self.notes()

    def close(self) -> None:
        """With the server of one that was killed, as a container ends."""
        for process in self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@pytest.fixture
def host(tmp_path: Path) -> t.Iterator[Host]:
    found = Host(tmp_path)
    yield found
    found.close()


def test_instances_on_one_gpu_start_one_after_the_other(host: Host) -> None:
    for name in ("a", "b", "c"):
        host.start(name, [0])
    notes = host.wait_for("a serves", "b serves", "c serves")
    assert [note.split()[1] for note in notes] == ["starts", "serves"] * 3


def test_instances_on_other_gpus_start_at_once(host: Host) -> None:
    host.start("a", [0], seconds=5)
    host.start("b", [1], seconds=0)
    assert "a serves" not in host.wait_for("a starts", "b serves")


def test_instances_of_a_given_size_on_one_gpu_start_at_once(host: Host) -> None:
    host.start("a", [0], seconds=5, node={"locked_gpus": []})
    host.start("b", [0], seconds=0, node={"locked_gpus": []})
    assert "a serves" not in host.wait_for("a starts", "b serves")


def test_they_keep_the_order_of_the_plan_whoever_comes_first(host: Host) -> None:
    host.start("last", [0, 1], after=["first", "second"], patience=20)
    host.start("second", [1, 0], after=["first"], patience=20)
    time.sleep(0.5)
    host.start("first", [0], patience=20)
    notes = host.wait_for("first serves", "second serves", "last serves")
    assert [note.split()[0] for note in notes[::2]] == ["first", "second", "last"]


def test_an_instance_that_never_comes_is_not_waited_for_long(host: Host) -> None:
    begin = time.monotonic()
    host.start("b", [0], after=["gone"], patience=0.5)
    host.wait_for("b serves")
    assert 0.5 <= time.monotonic() - begin < 15


def test_one_that_comes_first_and_serves_already_costs_no_wait(host: Host) -> None:
    host.start("a", [0], seconds=0)
    host.wait_for("a serves")
    time.sleep(0.3)
    begin = time.monotonic()
    host.start("b", [0], after=["a"], seconds=0, patience=20)
    host.wait_for("b serves")
    assert time.monotonic() - begin < 15


def test_a_start_that_dies_lets_the_next_one_go(host: Host) -> None:
    host.start("a", [0], DIES="1")
    host.wait_for("a starts")
    host.start("b", [0])
    notes = host.wait_for("b serves")
    assert notes.index("a dies") < notes.index("b starts")


def test_a_start_that_is_killed_lets_the_next_one_go(host: Host) -> None:
    first = host.start("a", [0], seconds=60)
    host.wait_for("a starts")
    host.start("b", [0])
    time.sleep(0.3)
    assert "b starts" not in host.notes()
    first.kill()
    # In a container its init is this; here it is the watcher's poll that sees the end.
    first.wait()
    host.wait_for("b serves")


def test_a_neighbour_that_hangs_delays_and_does_not_keep_away(host: Host) -> None:
    host.start("a", [0], seconds=60)
    host.wait_for("a starts")
    host.start("b", [0], limit=0.6)
    assert "a serves" not in host.wait_for("b serves")


def test_a_server_that_serves_gets_the_signals(host: Host) -> None:
    process = host.start("a", [0], seconds=0, DEAF="1")
    host.wait_for("a serves")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert host.notes()[-1] == "a stopped"


def test_a_stop_before_it_serves_ends_it_at_once(host: Host) -> None:
    """vLLM lets its engine load to the end, and waits for that as long as for requests."""
    process = host.start("a", [0], seconds=60, DEAF="1")
    host.wait_for("a starts")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 143
    assert host.notes() == ["a starts"]
    # The GPU is free for the next one.
    host.start("b", [0], seconds=0)
    host.wait_for("b serves")


def test_what_the_server_ends_with_is_what_docker_sees(host: Host) -> None:
    process = host.start("a", [0], seconds=0.1, DIES="1")
    assert process.wait(20) == 3


def test_secrets_come_into_the_environment_of_the_server_alone(host: Host) -> None:
    show = [sys.executable, "-c", "import os; print(os.environ['VLLM_API_KEY'], os.environ['A'])"]
    process = host.start("a", [], command=show)
    assert process.communicate(timeout=20)[0].strip() == "key $x"


#: Prints the arguments before and after the configuration, its mode, itself, and what the environment has of keys.
SHOW = """
import json, os, sys
path = sys.argv[2]
keys = {name: value for name, value in os.environ.items() if name.startswith("VLLM_")}
print(json.dumps([sys.argv[1:], oct(os.stat(path).st_mode & 0o777), open(path).read(), keys]))
"""


def shown(host: Host, secrets: dict[str, str]) -> tuple[list[str], str, t.Any, dict[str, str]]:
    (host.path / "environment.json").write_text(json.dumps(secrets))
    (host.path / "instance.yaml").write_text("# Options\nmodel: a/b\nserved-model-name:\n- a\n")
    command = [sys.executable, "-c", SHOW, "--config", str(host.path / "instance.yaml"), "--more"]
    words, mode, options, keys = json.loads(host.start("a", [], command=command).communicate(timeout=20)[0])
    return words, mode, yaml.safe_load(options), keys


def test_with_a_key_before_the_server_takes_both_and_no_argument_shows_one(host: Host) -> None:
    new, old = "new: '\"#key\\0", "old-key"
    words, mode, options, keys = shown(host, {"VLLM_API_KEY": new, "VLLM_PREVIOUS_API_KEY": old})
    assert options == {"model": "a/b", "served-model-name": ["a"], "api-key": [new, old]}
    assert (mode, keys) == ("0o600", {"VLLM_API_KEY": new})
    assert words[0] == "--config" and words[2:] == ["--more"] and not {new, old} & set(words)
    # As vLLM wants it, and in the container's memory.
    assert words[1].startswith(str(host.path / "memory")) and words[1].endswith(".yaml")


def test_with_one_key_the_configuration_is_the_roles_own(host: Host) -> None:
    words, _mode, options, _keys = shown(host, {"VLLM_API_KEY": "new"})
    assert words == ["--config", str(host.path / "instance.yaml"), "--more"] and "api-key" not in options


def test_without_lock_directories_it_starts_at_once(host: Host) -> None:
    process = host.start("a", [7], command=["/bin/sh", "-c", "echo up"])
    (host.path / "locks" / "gpu-7").rmdir()
    assert process.communicate(timeout=20)[0].strip() == "up"


# ---- a replica on several servers


class Unit:
    """The nodes of one replica, all on this machine."""

    def __init__(self, host: Host, count: int = 2, **more: t.Any) -> None:
        self.host = host
        nodes = [{"server": f"gpu{rank}", "address": "127.0.0.1"} for rank in range(count)]
        self.said = {"nodes": nodes, "unit_port": free_port(), "address": "127.0.0.1", **more}

    def start(self, rank: int, **more: t.Any) -> subprocess.Popen[str]:
        return self.host.start(f"n{rank}", [], node={**self.said, "rank": rank}, **{"seconds": 0, **more})

    def told(self, rank: int) -> str:
        return (self.host.path / f"err-n{rank}").read_text()

    def wait_until_told(self, rank: int, text: str) -> None:
        end = time.monotonic() + 20
        while text not in self.told(rank):
            assert time.monotonic() < end, self.told(rank)
            time.sleep(0.02)


@pytest.mark.parametrize("order", [(0, 2, 1), (2, 1, 0)])
def test_nodes_start_when_all_are_there(host: Host, order: tuple[int, ...]) -> None:
    unit = Unit(host, 3)
    for rank in order[:2]:
        unit.start(rank)
    time.sleep(0.5)
    assert host.notes() == []
    unit.start(order[2])
    host.wait_for("n0 serves", "n1 serves", "n2 serves")


@pytest.mark.parametrize("lost", [0, 1])
def test_a_node_that_ends_ends_the_others(host: Host, lost: int) -> None:
    """What is left of a replica hangs for ever; Docker starts all again."""
    unit = Unit(host, 3)
    nodes = [unit.start(rank) for rank in range(3)]
    host.wait_for("n0 serves", "n1 serves", "n2 serves")
    assert [node.poll() for node in nodes] == [None] * 3
    os.killpg(nodes[lost].pid, signal.SIGKILL)
    nodes[lost].wait()
    for rank, node in enumerate(nodes):
        if rank != lost:
            assert node.wait(20) == 1
    # The head names it; the others see their head go.
    gone = f"node {lost} (gpu{lost}, 127.0.0.1) is gone: ending, to start again together"
    assert gone in unit.told(0 if lost else 1)


def test_a_node_that_was_started_again_is_waited_for_with_the_others(host: Host) -> None:
    unit = Unit(host, 3)
    unit.start(0)
    first = unit.start(1)
    time.sleep(0.5)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    unit.start(2)
    time.sleep(0.5)
    assert host.notes() == []
    unit.start(1)
    host.wait_for("n0 serves", "n1 serves", "n2 serves")


def test_who_does_not_come_is_named(host: Host) -> None:
    unit = Unit(host, 3)
    head, here = unit.start(0, limit=2), unit.start(1, limit=60)
    unit.wait_until_told(0, "waiting for node 2 (gpu2, 127.0.0.1)")
    assert head.wait(20) == 1
    assert "node 2 (gpu2, 127.0.0.1) did not come: ending, to try again" in unit.told(0)
    # One that came goes on waiting, for the head now.
    unit.wait_until_told(1, "waiting for node 0 (gpu0, 127.0.0.1)")
    assert here.poll() is None and host.notes() == []


def test_a_node_ends_with_its_head_whatever_it_waits_for(host: Host) -> None:
    """Here for a GPU that a neighbour holds: it would not be there when the head comes again."""
    unit = Unit(host)
    host.start("neighbour", [0], seconds=60)
    host.wait_for("neighbour starts")
    head = unit.start(0)
    worker = host.start("n1", [0], node={**unit.said, "rank": 1})
    host.wait_for("n0 serves")
    os.killpg(head.pid, signal.SIGKILL)
    head.wait()
    assert worker.wait(20) == 1
    assert "n1 starts" not in host.notes()


def test_a_stranger_is_no_node(host: Host) -> None:
    unit = Unit(host)
    unit.start(0)
    end = time.monotonic() + 20
    for greeting in (b"x 1\n", b"GET / HTTP/1.1\r\n\r\n", b"\xff" * 300, b""):
        while True:
            with contextlib.suppress(ConnectionRefusedError):
                peer = socket.create_connection(("127.0.0.1", unit.said["unit_port"]), timeout=10)
                break
            assert time.monotonic() < end
            time.sleep(0.05)
        peer.sendall(greeting)
        if not greeting:
            peer.shutdown(socket.SHUT_WR)
        with contextlib.suppress(ConnectionResetError):
            assert peer.recv(10) == b""
        peer.close()
    assert host.notes() == []
    unit.start(1)
    host.wait_for("n0 serves", "n1 serves")


@pytest.fixture
def nodes() -> types.ModuleType:
    return loaded("vllm/files/nodes.py")


@pytest.mark.parametrize(
    ("address", "own", "found"),
    [("127.0.0.1", None, ["lo", "lo"]), ("192.0.2.1", None, [None, None]), ("127.0.0.1", "ib0", ["lo", "ib0"])],
)
def test_nodes_meet_over_the_interface_of_the_private_address(
    nodes: types.ModuleType, address: str, own: str | None, found: list[str | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "environ", {"NCCL_SOCKET_IFNAME": own} if own else {})
    nodes.choose_interface(types.SimpleNamespace(address=address, rank=0))
    assert [os.environ.get(name) for name in ("GLOO_SOCKET_IFNAME", "NCCL_SOCKET_IFNAME")] == found


@pytest.mark.parametrize("program", ["nodes", "check_network"])
def test_a_further_address_of_an_interface_is_found(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As SIOCGIFCONF answers for `ip address add 10.0.0.9/24 dev ens5 label ens5:vip`."""
    named = [(b"lo", "127.0.0.1"), (b"ens5", "10.0.0.5"), (b"ens5:vip", "10.0.0.9"), (b"ens6", "10.0.1.5")]
    entries = b"".join(struct.pack("16sHH4s16x", name, 2, 0, socket.inet_aton(ip)) for name, ip in named)

    def ioctl(_asked: socket.socket, request: int, room: bytes) -> bytes:
        size, place = struct.unpack("iL", room)
        assert request == 0x8912 and size >= len(entries)
        ctypes.memmove(place, entries, len(entries))
        return struct.pack("iL", len(entries), place)

    found = loaded(f"vllm/files/{program}.py")
    monkeypatch.setattr("fcntl.ioctl", ioctl)
    asked = ("10.0.0.9", "10.0.1.5", "127.0.0.1", "10.0.0.8")
    assert [found.interface(address) for address in asked] == ["ens5", "ens6", "lo", ""]


@pytest.mark.parametrize("rank", [0, 1])
def test_ray_brings_nodes_together(nodes: types.ModuleType, rank: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The head's Ray starts before vLLM does; of another node it is all that runs."""
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda words, check: ran.append(words))
    monkeypatch.setattr(os, "environ", {})
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = f"127.0.0.1:{listener.getsockname()[1]}"
        turn = types.SimpleNamespace(rank=rank, address="127.0.0.1", gpus=[0, 1], ray=place)
        command = nodes.ray_started(turn, "a-key", time.monotonic() + 5)
    words = command or ran[0]
    assert (bool(command), len(ran)) == (bool(rank), 1 - rank)
    port = ["--head", "--port", place.split(":")[1]]
    assert words[:5] == ["ray", "start", *port] if rank == 0 else words[:4] == ["ray", "start", "--address", place]
    assert words[words.index("--num-gpus") + 1] == "2" and ("--block" in words) == (rank == 1)
    assert words[words.index("--node-ip-address") + 1] == "127.0.0.1"
    # Ray's own range would have the port at which nodes meet in it.
    assert words[words.index("--min-worker-port") :][:4] == ["--min-worker-port", "0", "--max-worker-port", "0"]
    told = os.environ
    assert (told["RAY_AUTH_MODE"], len(told["RAY_AUTH_TOKEN"]), told["RAY_ADDRESS"]) == ("token", 64, place)
    assert "a-key" not in " ".join(words) and "a-key" not in told["RAY_AUTH_TOKEN"]
