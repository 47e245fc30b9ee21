# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The watch for containers that lost their GPU or hang. Stand-ins: docker, nvidia-smi, llmfleet-recreate, a server."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

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
        self.health = "http://127.0.0.1:9/health"
        self.more: dict[str, Any] = {}
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
            "Config": {"Labels": labels, "Healthcheck": {"Test": ["CMD", "python3", "-c", "code", self.health]}},
            "HostConfig": {"DeviceRequests": requests},
            "NetworkSettings": {"Networks": {}},
            "State": {"Running": True, "Error": "", "StartedAt": "2026-11-25T10:00:00Z", **self.more},
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


# ---- engines that hang


class Vllm:
    """A server as vLLM's: figures of its engine, what it has open itself, and an answer if the engine works."""

    def __init__(self) -> None:
        self.tokens, self.cache, self.running, self.load, self.awake = 7, 0.5, 0, 0, 1
        self.paused, self.answers, self.mute = False, False, False
        self.asked: list[str] = []
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.answer(self)

            do_POST = do_GET

            def log_message(self, *args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    def metrics(self) -> str:
        labels = 'engine="0",model_name="q"'
        return (
            f"# HELP vllm:num_requests_running x\nvllm:num_requests_running{{{labels}}} {self.running}.0\n"
            f'vllm:engine_sleep_state{{{labels},sleep_state="awake"}} {self.awake}.0\n'
            f"vllm:generation_tokens_total{{{labels}}} {self.tokens}.0\n"
            f"vllm:kv_cache_usage_perc{{{labels}}} {self.cache}\n"
            # The server counts clients that went away, the engine has no part in it.
            f'vllm:request_success_total{{{labels},finished_reason="abort"}} {len(self.asked)}.0\n'
        )

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        if self.mute:
            return
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()
        self.asked.append(f"{handler.path} {handler.headers.get('Authorization')} {body}")
        told = {"/metrics": self.metrics(), "/load": json.dumps({"server_load": self.load})}
        if self.paused:
            told["/is_paused"] = '{"is_paused": true}'
        if self.answers:
            told["/v1/completions"] = "{}"
        text = told.get(handler.path, "").encode()
        handler.send_response(200 if text else 404)
        handler.send_header("Content-Length", str(len(text)))
        handler.end_headers()
        handler.wfile.write(text)


@pytest.fixture
def vllm() -> Iterator[Vllm]:
    found = Vllm()
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def serving(host: Host, vllm: Vllm) -> Host:
    """A host without GPUs whose container is that server."""
    host.health = f"{vllm.url}/health"
    (host.project / "q/secrets").mkdir(parents=True)
    (host.project / "q/secrets/api_key").write_text("the-key\n")
    return host.containers({"q": (127, "")}, devices=False)


def test_an_engine_that_makes_no_step_while_requests_run_is_recreated_at_once(serving: Host, vllm: Vllm) -> None:
    vllm.running = 2
    assert serving.look("--hang-timeout", "75") == (0, "")
    code, said = serving.look("--hang-timeout", "75")
    assert (code, said, serving.calls) == (0, "", [])
    later(serving, 80)
    code, said = serving.look("--hang-timeout", "75")
    assert code == 0
    assert re.search(r"llmfleet-vllm-q hangs: no step for 8\d s with 2 requests \(engine 0: vllm:num_requests_", said)
    assert "vllm:generation_tokens_total=7.0" in said
    assert "recreating it, 1 of 3 within an hour" in said
    # It heeds no signal, so it gets no time to stop.
    assert serving.calls == [f"{serving.project}/q q 0"]


def later(host: Host, seconds: float, seen: float = 10) -> None:
    """As if the last look had been some seconds ago, and what it remembers so much earlier."""
    path = host.state.parent / "steps.json"
    memory = json.loads(path.read_text())
    now = time.monotonic()
    for one in memory.values():
        one["seen"] = now - seen
        if "mute" in one:
            one["mute"] = now - seconds
        for engine in one["engines"].values():
            engine["since"] = now - seconds
    path.write_text(json.dumps(memory))


def test_one_that_hung_before_a_request_came_is_found_by_what_the_server_has_open(serving: Host, vllm: Vllm) -> None:
    vllm.load = 1
    serving.look("--hang-timeout", "75")
    later(serving, 76)
    assert re.search(r"no step for [78]\d s with 1 requests", serving.look("--hang-timeout", "75")[1])


@pytest.mark.parametrize("figure", ["tokens", "cache", "running"])
def test_any_step_is_a_sign_of_life(serving: Host, vllm: Vllm, figure: str) -> None:
    """A long prompt makes no token for minutes, but takes more of the cache with each step."""
    vllm.running = 1
    serving.look("--hang-timeout", "75")
    later(serving, 300)
    setattr(vllm, figure, getattr(vllm, figure) + 1)
    assert serving.look("--hang-timeout", "75") == (0, "")
    assert serving.look("--hang-timeout", "75") == (0, "")


def test_one_without_requests_may_stand_still(serving: Host, vllm: Vllm) -> None:
    serving.look("--hang-timeout", "75")
    later(serving, 3000)
    assert serving.look("--hang-timeout", "75") == (0, "")
    # The time counts from when there is a request.
    vllm.load = 1
    assert serving.look("--hang-timeout", "75") == (0, "")
    assert serving.calls == [] and not [one for one in vllm.asked if "completions" in one]


def test_one_that_answers_a_request_of_one_token_is_left_alone(serving: Host, vllm: Vllm) -> None:
    """The server's own count may be wrong."""
    vllm.load, vllm.answers = 1, True
    serving.look("--hang-timeout", "75")
    later(serving, 80)
    code, said = serving.look("--hang-timeout", "75")
    assert code == 0 and "left alone" in said and serving.calls == []
    question = next(one for one in vllm.asked if "completions" in one)
    assert question == '/v1/completions Bearer the-key {"model": "q", "prompt": "1", "max_tokens": 1}'
    # Counted anew.
    assert serving.look("--hang-timeout", "75") == (0, "")


@pytest.mark.parametrize("how", ["paused", "asleep", "starting", "frozen", "switched off"])
def test_one_that_is_not_to_work_is_left_alone(serving: Host, vllm: Vllm, how: str) -> None:
    vllm.running, vllm.paused, vllm.awake = 1, how == "paused", 0 if how == "asleep" else 1
    limit = "0" if how == "switched off" else "75"
    states: dict[str, dict[str, Any]] = {"starting": {"Health": {"Status": "starting"}}, "frozen": {"Paused": True}}
    serving.more = states.get(how, {})
    serving.containers({"q": (127, "")}, devices=False)
    serving.look("--hang-timeout", limit)
    if (serving.state.parent / "steps.json").exists():
        later(serving, 80)
    assert serving.look("--hang-timeout", limit)[0] == 0
    assert serving.calls == []


def test_a_new_start_begins_anew(serving: Host, vllm: Vllm) -> None:
    vllm.running = 1
    serving.look("--hang-timeout", "75")
    later(serving, 80)
    serving.more = {"StartedAt": "2026-11-25T11:00:00Z"}
    assert serving.containers({"q": (127, "")}, devices=False).look("--hang-timeout", "75") == (0, "")


def test_what_was_seen_before_a_long_pause_of_the_watch_counts_no_more(serving: Host, vllm: Vllm) -> None:
    vllm.running = 1
    serving.look("--hang-timeout", "75")
    later(serving, 500, seen=400)
    assert serving.look("--hang-timeout", "75") == (0, "")


def test_a_server_that_went_mute_is_recreated_and_one_that_never_spoke_is_not(serving: Host, vllm: Vllm) -> None:
    vllm.mute = True
    assert serving.look("--hang-timeout", "75") == (0, "")
    assert not (serving.state.parent / "steps.json").exists()
    vllm.mute = False
    serving.look("--hang-timeout", "75")
    vllm.mute = True
    assert serving.look("--hang-timeout", "75") == (0, "")
    later(serving, 90)
    _code, said = serving.look("--hang-timeout", "75")
    assert re.search(r"llmfleet-vllm-q hangs: /metrics has not answered for 9\d s, and did before: recreating", said)
    assert serving.calls == [f"{serving.project}/q q 0"]


def test_recreations_of_both_kinds_have_one_limit(serving: Host, vllm: Vllm) -> None:
    serving.state.parent.mkdir()
    serving.state.write_text(json.dumps({"llmfleet-vllm-q": [time.time()] * 3}))
    vllm.running = 1
    serving.look("--hang-timeout", "75")
    later(serving, 80)
    code, said = serving.look("--hang-timeout", "75")
    assert code == 1 and "recreated 3 times within the last hour: left alone now" in said
    assert serving.calls == []


def test_a_host_whose_gpu_is_gone_keeps_what_hangs(serving: Host, vllm: Vllm) -> None:
    serving.containers({"q": (0, "GPU 0")})
    vllm.running = 1
    serving.look("--hang-timeout", "75")
    later(serving, 80)
    code, said = serving.gpu_works(6, "No devices were found").look("--hang-timeout", "75")
    assert code == 1 and "containers are left alone" in said and serving.calls == []


@pytest.mark.parametrize("text", ["{", "[]", '{"q": 7}'])
def test_a_memory_that_can_not_be_read_is_an_empty_one(serving: Host, vllm: Vllm, text: str) -> None:
    serving.state.parent.mkdir()
    (serving.state.parent / "steps.json").write_text(text)
    assert serving.look("--hang-timeout", "75") == (0, "")
