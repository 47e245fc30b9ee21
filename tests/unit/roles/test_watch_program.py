# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch for containers that lost their GPU. Stand-ins: docker, nvidia-smi, llmfleet-recreate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[3] / "roles/watch/files/watch.py"
UNKNOWN = "Failed to initialize NVML: Unknown Error"
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.105"
# Answers ps, inspect and exec from files beside it; ps only when asked for our label. What is started is written down.
DOCKER = """#!/bin/sh
here=$(dirname "$0")
case $1 in
  ps) case "$*" in *label=io.llmfleet.project) cat "$here/ps" ;; esac ;;
  inspect) cat "$here/inspect" ;;
  start) echo "$2" >> "$here/started"; cat "$here/start-said"; exit "$(cat "$here/start-code")" ;;
  exec) cat "$here/said-$2"; exit "$(cat "$here/code-$2")" ;;
esac
"""
# Started by Python, as the real one is; what it says and how it ends is in files beside it.
RECREATE = """
import pathlib, sys
here = pathlib.Path(__file__).parent
(here / "calls").open("a").write(" ".join(sys.argv[1:]) + "\\n")
sys.exit(int((here / "recreate-code").read_text()))
"""
SMI = '#!/bin/sh\ncat "$(dirname "$0")/smi-said"; exit "$(cat "$(dirname "$0")/smi-code")"\n'


class Host:
    """A host with a project in which each container has a GPU or lost it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.bin = root / "bin"
        self.project = root / "vllm"
        self.state = root / "state" / "watch.json"
        self.bin.mkdir()
        self.script = self.bin / "llmfleet-watch"
        self.script.write_text(SCRIPT.read_text())
        (self.bin / "llmfleet-recreate").write_text(RECREATE)
        for name, text in (("docker", DOCKER), ("nvidia-smi", SMI)):
            (self.bin / name).write_text(text)
            (self.bin / name).chmod(0o755)
        self.gpu_works().recreate_ends(0).containers({})

    def write(self, name: str, text: str) -> Host:
        (self.bin / name).write_text(text)
        return self

    def gpu_works(self, code: int = 0, said: str = "GPU 0: NVIDIA H100") -> Host:
        return self.write("smi-code", str(code)).write("smi-said", said)

    def recreate_ends(self, code: int) -> Host:
        return self.write("recreate-code", str(code))

    def containers(self, said: dict[str, tuple[int, str]], devices: bool = True) -> Host:
        boxes = [self.box(name, devices) for name in said]
        self.write("ps", "".join(f"{name}\n" for name in said)).write("inspect", json.dumps(boxes))
        for name, (code, text) in said.items():
            self.write(f"code-{name}", str(code)).write(f"said-{name}", text + "\n")
        return self

    def box(self, name: str, devices: bool) -> dict[str, object]:
        labels = {
            "io.llmfleet.project": f"llmfleet-vllm-{name}",
            "com.docker.compose.service": name,
            "com.docker.compose.project.working_dir": f"{self.project}/{name}",
        }
        requests = [{"Driver": "cdi", "DeviceIDs": ["nvidia.com/gpu=0"]}] if devices else None
        return {
            "Id": name,
            "Name": f"/llmfleet-vllm-{name}",
            "Config": {"Labels": labels},
            "HostConfig": {"DeviceRequests": requests},
            "State": {"Running": True, "Error": ""},
        }

    def stopped(self, name: str, error: str) -> Host:
        box = {**self.box(name, True), "State": {"Running": False, "Error": error}}
        return self.write("ps", f"{name}\n").write("inspect", json.dumps([box]))

    def start_ends(self, code: int, said: str = "") -> Host:
        return self.write("start-code", str(code)).write("start-said", said)

    @property
    def started(self) -> list[str]:
        path = self.bin / "started"
        return path.read_text().splitlines() if path.exists() else []

    def look(self, *options: str) -> tuple[int, str]:
        done = subprocess.run(
            [sys.executable, str(self.script), "--state", str(self.state), *options],
            env={"PATH": f"{self.bin}:{os.environ['PATH']}"},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.stderr == ""
        return done.returncode, done.stdout

    @property
    def calls(self) -> list[str]:
        path = self.bin / "calls"
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_nothing_is_done_while_all_is_well(host: Host) -> None:
    assert host.look() == (0, "")
    assert host.containers({"q": (0, "GPU 0: NVIDIA H100")}).look() == (0, "")
    assert host.calls == []


def test_a_container_that_lost_its_gpu_is_recreated_and_the_others_are_not(host: Host) -> None:
    code, said = host.containers({"q": (255, UNKNOWN), "other": (0, "GPU 0: NVIDIA H100")}).look()
    assert code == 0
    assert f"llmfleet-vllm-q lost its GPU ({UNKNOWN}): recreating it, 1 of 3 within an hour." in said
    assert host.calls == [f"{host.project}/q q"]


@pytest.mark.parametrize(("ends", "status"), [(3, 1), (75, 0)])
def test_a_project_that_a_run_is_at_work_on_is_left_alone_and_not_counted(host: Host, ends: int, status: int) -> None:
    """3: its files have not proved to work; 75: its lock is held (module_utils/_compose/recreate.py)."""
    code, said = host.recreate_ends(ends).containers({"q": (255, UNKNOWN)}).look()
    assert code == status and "llmfleet-vllm-q is left alone for now" in said
    assert json.loads(host.state.read_text())["llmfleet-vllm-q"] == []
    assert host.recreate_ends(0).look()[0] == 0 and len(host.calls) == 2


@pytest.mark.parametrize(
    "error",
    [
        'could not select device driver "cdi" with capabilities: [[gpu]]',
        "CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=0",
    ],
)
def test_what_the_engine_gave_up_at_a_boot_is_started(host: Host, error: str) -> None:
    """Engines before 28.2 start containers before they know of CDI, and don't try again (moby issue 49989)."""
    code, said = host.start_ends(0).stopped("q", error).look()
    assert (code, host.started, host.calls) == (0, ["q"], [])
    assert "llmfleet-vllm-q had not been started, since the engine did not know its GPU: started." in said
    code, said = host.start_ends(1, "still unknown").look()
    assert code == 1 and "still unknown" in said


@pytest.mark.parametrize("error", ["", "OCI runtime create failed: no such file or directory"])
def test_what_was_stopped_or_can_not_start_is_left_alone(host: Host, error: str) -> None:
    assert host.start_ends(0).stopped("q", error).look() == (0, "")
    assert host.started == []


def test_a_container_is_recreated_only_so_often(host: Host) -> None:
    host.containers({"q": (255, UNKNOWN)})
    assert [host.look("--limit", "2")[0] for _look in range(4)] == [0, 0, 1, 1]
    assert len(host.calls) == 2
    assert "left alone now" in host.look("--limit", "2")[1]


def test_recreations_are_forgotten_after_an_hour(host: Host) -> None:
    host.state.parent.mkdir()
    host.state.write_text(json.dumps({"llmfleet-vllm-q": [1000.0, 2000.0, 3000.0]}))
    assert host.containers({"q": (255, UNKNOWN)}).look()[0] == 0
    assert len(json.loads(host.state.read_text())["llmfleet-vllm-q"]) == 1


def test_a_failed_recreation_is_told_and_counted(host: Host) -> None:
    code, said = host.recreate_ends(1).containers({"q": (255, UNKNOWN)}).look()
    assert code == 1
    assert "llmfleet-vllm-q could not be recreated" in said
    assert len(json.loads(host.state.read_text())["llmfleet-vllm-q"]) == 1


def test_a_driver_that_was_changed_is_reported_and_nothing_recreated(host: Host) -> None:
    code, said = host.gpu_works(18, MISMATCH).containers({"q": (18, MISMATCH)}).look()
    assert code == 1
    assert "Reboot the host and hold the driver's packages" in said
    assert host.calls == []


def test_a_host_whose_gpu_is_gone_keeps_its_containers(host: Host) -> None:
    code, said = host.gpu_works(6, "No devices were found").containers({"q": (6, "No devices were found")}).look()
    assert (code, host.calls) == (1, [])
    assert "containers are left alone" in said


@pytest.mark.parametrize(
    ("code", "said"),
    [(127, 'exec: "nvidia-smi": executable file not found in $PATH'), (1, "container q is not running")],
)
def test_what_can_not_be_told_is_no_lost_gpu(host: Host, code: int, said: str) -> None:
    assert host.containers({"q": (code, said)}).look() == (0, "")
    assert host.calls == []


def test_containers_without_devices_are_not_asked(host: Host) -> None:
    assert host.containers({"q": (255, UNKNOWN)}, devices=False).look() == (0, "")


@pytest.mark.parametrize("text", ["{", "[]", '{"llmfleet-vllm-q": 7}', ""])
def test_a_state_file_that_can_not_be_read_is_no_hindrance(host: Host, text: str) -> None:
    host.state.parent.mkdir()
    host.state.write_text(text)
    assert host.containers({"q": (255, UNKNOWN)}).look()[0] == 0
    assert len(host.calls) == 1
