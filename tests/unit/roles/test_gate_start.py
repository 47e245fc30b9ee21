# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How the gate's container stops: with a stand-in for HAProxy, and connections as the kernel would list them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
import typing as t
from pathlib import Path

import pytest

START = Path(__file__).resolve().parents[3] / "roles/gate/files/start.sh"
#: Notes each signal, and goes on until it is told to end. After a reload it listens where its configuration says.
STAND_IN = """#!/bin/bash
trap 'echo USR1 >> said' USR1
trap 'echo USR2 >> said; grep -q "frontend litellm" haproxy.cfg || { grep -v " 0A " tcp > left; mv left tcp; }' USR2
trap 'echo TERM >> said; exit 0' TERM
echo "$@" >> said
while true; do sleep 0.05; done
"""
LISTEN, ESTABLISHED = "0A", "01"
CONFIG = """# Managed by Ansible
global
  maxconn 5

frontend metrics
  bind :8405

frontend litellm
  bind :4000
  default_backend litellm

frontend models
  bind :8100

frontend servers
  bind :8443

backend litellm
  server 1 llmfleet-litellm-1:4000
"""
HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def connection(port: int, state: str, uid: int | None = None) -> str:
    owner = os.getuid() if uid is None else uid
    return f"   0: 0100007F:{port:04X} 0100007F:D431 {state} 00000000:00000000 00:00000000 00000000 {owner:5d} 0 1 1\n"


def backwards(address: str) -> str:
    return "".join(f"{int(part):02X}" for part in reversed(address.split(".")))


class Container:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "haproxy").write_text(STAND_IN)
        (folder / "haproxy").chmod(0o755)
        program = START.read_text()
        for place in ("/proc/net/", "/run/llmfleet/"):
            program = program.replace(place, f"{folder}/")
        for place in ("/etc/llmfleet/", "/var/lib/llmfleet/"):
            (folder / place.split("/")[1]).mkdir()
            program = program.replace(place, f"{folder}/{place.split('/')[1]}/")
        (folder / "start.sh").write_text(program.replace("/dev/shm", str(folder)))
        self.configure(CONFIG)
        self.routes("172.18.0.0", "172.20.0.16", out="172.18.0.9")
        self.connections(connection(4000, LISTEN))
        path = {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"}
        self.process = subprocess.Popen(["bash", "start.sh", "-W", "-db"], cwd=folder, env=path)

    def started(self) -> Container:
        self.until("-W -db")
        return self

    def configure(self, text: str) -> None:
        (self.folder / "etc/haproxy.cfg").write_text(text)

    def read(self, name: str) -> str:
        """What HAProxy would."""
        return (self.folder / name).read_text()

    def connections(self, *lines: str) -> None:
        (self.folder / "new").write_text(HEAD + "".join(lines))
        os.replace(self.folder / "new", self.folder / "tcp")

    def routes(self, *networks: str, out: str) -> None:
        lines = ["Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT"]
        lines += [f"eth0\t00000000\t{backwards(out)}\t0003\t0\t0\t0\t00000000\t0\t0\t0"]
        lines += [f"eth0\t{backwards(one)}\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0" for one in networks]
        (self.folder / "route").write_text("\n".join(lines) + "\n")

    def hosts(self) -> list[str]:
        return (self.folder / "hosts").read_text().split()

    def said(self) -> list[str]:
        path = self.folder / "said"
        return path.read_text().splitlines() if path.exists() else []

    def until(self, word: str) -> None:
        deadline = time.monotonic() + 10
        while word not in self.said():
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.05)


@pytest.fixture
def container(tmp_path: Path) -> t.Iterator[Container]:
    made = Container(tmp_path).started()
    yield made
    if made.process.poll() is None:
        made.process.terminate()
        made.connections()
        made.process.wait(10)


def test_a_client_that_keeps_its_connection_holds_no_stop_up(container: Container) -> None:
    container.connections(connection(4000, LISTEN), connection(4000, ESTABLISHED))
    container.process.send_signal(signal.SIGUSR1)
    assert container.process.wait(10) == 0
    assert container.said()[1:] == ["USR2", "TERM"]


def test_a_stop_closes_the_ways_in_and_leaves_the_one_from_litellm_to_the_models(container: Container) -> None:
    """LiteLLM has requests in hand that it has not put to a model yet."""
    container.process.send_signal(signal.SIGUSR1)
    assert container.process.wait(10) == 0
    sections = [line for line in container.read("haproxy.cfg").splitlines() if line and not line.startswith((" ", "#"))]
    assert sections == ["global", "frontend metrics", "frontend models", "backend litellm"]
    assert "bind :8100" in container.read("haproxy.cfg") and "bind :4000" not in container.read("haproxy.cfg")


def test_a_stop_that_haproxy_can_not_read_is_its_own(container: Container) -> None:
    """It goes on listening: what is there is not taken back yet."""
    container.configure(CONFIG.replace("frontend litellm", "frontend litellm  # not taken"))
    container.process.send_signal(signal.SIGUSR1)
    assert container.process.wait(20) == 0
    assert container.said()[1:] == ["USR2", "USR1", "TERM"]


def test_a_request_that_runs_does(container: Container) -> None:
    runs = connection(51234, ESTABLISHED)
    container.connections(connection(4000, LISTEN), connection(4000, ESTABLISHED), runs)
    container.process.send_signal(signal.SIGUSR1)
    container.until("USR2")
    # HAProxy listens no more; what it listened at is known.
    container.connections(connection(4000, ESTABLISHED), runs)
    time.sleep(1.5)
    assert container.process.poll() is None and container.said()[1:] == ["USR2"]
    container.connections(connection(4000, ESTABLISHED))
    assert container.process.wait(10) == 0
    assert container.said()[1:] == ["USR2", "TERM"]


def test_connections_of_others_in_a_hosts_network_do_not_count(container: Container) -> None:
    container.connections(connection(4000, LISTEN), connection(51234, ESTABLISHED, uid=os.getuid() + 1))
    container.process.send_signal(signal.SIGUSR1)
    assert container.process.wait(10) == 0


def test_a_reload_is_handed_on_and_ends_nothing(container: Container) -> None:
    for _time in range(2):
        container.process.send_signal(signal.SIGUSR2)
        time.sleep(0.3)
    assert container.said()[1:] == ["USR2", "USR2"] and container.process.poll() is None


def test_the_hosts_addresses_are_known_at_the_start_and_after_each_reload(container: Container) -> None:
    assert container.hosts() == ["172.18.0.9", "172.18.0.1", "172.20.0.17"]
    container.routes("172.18.0.0", "10.0.240.0", out="172.18.0.1")
    container.process.send_signal(signal.SIGUSR2)
    container.until("USR2")
    assert container.hosts() == ["172.18.0.1", "172.18.0.1", "10.0.240.1"]


def test_states_that_were_kept_come_before_those_of_servers_that_nobody_has_asked_yet(container: Container) -> None:
    assert (container.read("haproxy.cfg"), container.read("servers")) == (CONFIG, "1\n")
    (container.folder / "etc/unproven").write_text("0 litellm 0 gw2:litellm\n")
    (container.folder / "var/servers").write_text("1\n# be_id\n3 vllm-a 1 gpu1-a\n")
    container.configure(CONFIG + "# more\n")
    container.process.send_signal(signal.SIGUSR2)
    container.until("USR2")
    assert container.read("haproxy.cfg").endswith("# more\n")
    assert container.read("servers").splitlines() == ["1", "# be_id", "3 vllm-a 1 gpu1-a", "0 litellm 0 gw2:litellm"]


def named(container: Container, config: str, *answers: str) -> str:
    """The configuration that HAProxy reads after a reload, where Docker's DNS knows some of the names."""
    lines = ["#!/bin/bash", 'case "$*" in', *answers, "*) exit 2 ;;", "esac"]
    (container.folder / "getent").write_text("\n".join(lines))
    (container.folder / "getent").chmod(0o755)
    container.configure(config)
    container.process.send_signal(signal.SIGUSR2)
    container.until("USR2")
    return container.read("haproxy.cfg")


BY_NAME = "resolvers docker resolve-prefer ipv4 init-addr none"


def test_servers_have_the_addresses_that_docker_knows_from_the_first_moment(container: Container) -> None:
    one, two = (f"  server {number} llmfleet-litellm-{number}:4000 {BY_NAME} maxconn 4\n" for number in "12")
    answer = "'ahostsv4 llmfleet-litellm-2') echo '172.18.0.7  STREAM litellm'; echo '172.18.0.7  DGRAM' ;;"
    found = named(container, CONFIG + one + two, answer)
    assert found == CONFIG + one + two.replace("init-addr none", "init-addr 172.18.0.7,none")


def test_a_name_without_an_answer_holds_nothing_up_for_long(container: Container) -> None:
    """HAProxy asks again itself, and nothing that is no address comes into its configuration."""
    one, two = (f"  server {number} llmfleet-litellm-{number}:4000 {BY_NAME}\n" for number in "12")
    began = time.monotonic()
    answers = ("'ahostsv4 llmfleet-litellm-1') sleep 30 ;;", "*-2) echo '/; w evil' ;;")
    assert named(container, CONFIG + one + two, *answers) == CONFIG + one + two
    assert time.monotonic() - began < 8


def test_an_end_of_haproxy_ends_the_container(container: Container) -> None:
    pid = container.process.pid
    (child,) = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    os.kill(int(child), signal.SIGKILL)
    assert container.process.wait(10) == 128 + signal.SIGKILL


def test_a_stop_is_heard_from_the_first_moment(tmp_path: Path) -> None:
    """Docker may stop a container that it has just started: HAProxy runs already or will not."""
    container = Container(tmp_path)
    deadline = time.monotonic() + 10
    while not (tmp_path / "hosts").exists():
        assert time.monotonic() < deadline
    container.process.send_signal(signal.SIGUSR1)
    assert container.process.wait(10) == 0
