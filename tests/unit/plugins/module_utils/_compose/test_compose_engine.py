# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import (
    Engine,
    EngineError,
    Job,
    parse_container,
)
from running import run_command


def inspected(**state: Any) -> dict[str, Any]:
    return {
        "Id": "abc",
        "Name": "/web-1",
        "Image": "sha256:1",
        "RestartCount": 3,
        "Config": {
            "Image": "web:1",
            "Labels": {"com.docker.compose.service": "web", "com.docker.compose.config-hash": "h"},
        },
        "State": {"Status": "running", "ExitCode": 0, **state},
        "HostConfig": {"RestartPolicy": {"Name": state.pop("policy", "no")}},
    }


# ---- containers


def test_inspect_is_parsed() -> None:
    found = parse_container(inspected(Health={"Status": "starting"}))
    assert (found.id, found.name, found.service, found.config_hash) == ("abc", "web-1", "web", "h")
    assert (found.image, found.image_id, found.health, found.restarts) == ("web:1", "sha256:1", "starting", 3)


def test_container_without_labels_or_health_is_parsed() -> None:
    raw = inspected()
    raw["Config"]["Labels"] = None
    found = parse_container(raw)
    assert (found.service, found.config_hash, found.health) == ("", "", "")


@pytest.mark.parametrize(
    ("state", "policy", "finished", "ready"),
    [
        ({"Status": "running"}, "no", False, True),
        ({"Status": "running", "Health": {"Status": "healthy"}}, "no", False, True),
        ({"Status": "running", "Health": {"Status": "starting"}}, "no", False, False),
        ({"Status": "running", "Health": {"Status": "unhealthy"}}, "no", False, False),
        ({"Status": "restarting", "ExitCode": 1}, "always", False, False),
        ({"Status": "exited", "ExitCode": 0}, "no", True, True),
        ({"Status": "exited", "ExitCode": 0}, "on-failure", True, True),
        ({"Status": "exited", "ExitCode": 0}, "unless-stopped", False, False),
        ({"Status": "exited", "ExitCode": 2}, "no", False, False),
        ({"Status": "created", "ExitCode": 0}, "no", False, False),
    ],
)
def test_finished_and_ready(state: dict[str, Any], policy: str, finished: bool, ready: bool) -> None:
    raw = inspected(**state)
    raw["HostConfig"]["RestartPolicy"]["Name"] = policy
    found = parse_container(raw)
    assert (found.finished, found.ready) == (finished, ready)


@pytest.mark.parametrize(
    ("state", "restarts", "words"),
    [
        ({}, 0, "running"),
        ({"Health": {"Status": "starting"}}, 0, "starting"),
        ({"Status": "exited", "ExitCode": 2}, 0, "exited (exit code 2)"),
        ({"Status": "restarting", "ExitCode": 1}, 4, "restarting (exit code 1), restarted 4 times"),
    ],
)
def test_describe(state: dict[str, Any], restarts: int, words: str) -> None:
    assert parse_container({**inspected(**state), "RestartCount": restarts}).describe() == words


# ---- commands, with a docker that answers from a script


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder for PATH; what its docker is called with is written to `calls`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def answer(folder: Path, script: str) -> None:
    program = folder / "docker"
    program.write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\n{script}\n')
    program.chmod(0o755)


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines()


def test_run_gives_output_and_passes_stdin(docker: Path) -> None:
    answer(docker, "cat")
    assert Engine("p", "/d", run_command).run("x", stdin="text") == "text"


def test_failing_command_is_an_error_with_its_own_words(docker: Path) -> None:
    answer(docker, "echo no such thing >&2; exit 3")
    with pytest.raises(EngineError, match=r"docker network create n: no such thing"):
        Engine("p", "/d", run_command).run("network", "create", "n")


def test_config_and_hashes_read_the_compose_file_from_stdin(docker: Path) -> None:
    answer(docker, """case "$*" in *--hash*) echo "web abc"; echo "db def";; *) cat;; esac""")
    engine = Engine("p", "/d", run_command)
    assert engine.config('{"services": {}}') == {"services": {}}
    assert engine.hashes("ignored") == {"web": "abc", "db": "def"}
    assert calls(docker)[0] == "compose -p p --project-directory /d -f - config --format json"


def test_no_containers_needs_no_inspect(docker: Path) -> None:
    answer(docker, ":")
    assert Engine("p", "/d", run_command).containers() == []
    assert len(calls(docker)) == 1


def test_images_that_are_not_here_are_left_out(docker: Path) -> None:
    answer(docker, """case "$*" in *here*) echo sha256:1;; *) exit 1;; esac""")
    assert Engine("p", "/d", run_command).image_ids(["here:1", "away:1", "here:1"]) == {"here:1": "sha256:1"}
    assert len(calls(docker)) == 2


def test_internal_network(docker: Path) -> None:
    answer(docker, ":")
    Engine("p", "/d", run_command).create_network("n", True)
    assert calls(docker) == ["network create --label io.llmfleet.network=true --internal n"]


@pytest.mark.parametrize(
    ("script", "missing"),
    [
        (":", ""),
        ('test "$1" != compose', "Docker Compose v2 (docker compose) is not there"),
        ('test "$1" != version || { echo no daemon >&2; exit 1; }', "no daemon"),
    ],
)
def test_available(docker: Path, script: str, missing: str) -> None:
    answer(docker, script)
    assert Engine("p", "/d", run_command).available() == missing


def test_no_docker_at_all(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(docker))
    assert Engine("p", "/d", run_command).available() == "the docker command is not there"


# ---- job


def until(done: Any, seconds: float = 5) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.01)


def process(job: Job) -> int:
    return int(Path(job.path("pid")).read_text().split()[0])


@pytest.fixture
def job(tmp_path: Path) -> Any:
    made = Job(str(tmp_path / "job"), run_command)
    yield made
    made.stop()


def test_no_job_has_not_failed(job: Job) -> None:
    assert (job.return_code(), job.output(), job.last_line(), job.succeeded()) == (0, "", "", False)


def test_commands_run_in_order_and_are_quoted(docker: Path, job: Job) -> None:
    answer(docker, 'echo "got [$1] [$2]"; echo "  "')
    job.start([["docker", "a b", "$HOME"], ["docker", "second", ";"]])
    until(lambda: job.return_code() is not None)
    assert job.return_code() == 0
    assert job.succeeded()
    assert job.output().split("\n")[0] == "got [a b] [$HOME]"
    assert job.last_line() == "got [second] [;]"


def test_first_failure_ends_it_and_its_code_is_kept(docker: Path, job: Job) -> None:
    answer(docker, "echo broken >&2; exit 17")
    job.start([["docker", "one"], ["docker", "two"]])
    until(lambda: job.return_code() is not None)
    assert job.return_code() == 17
    assert calls(docker) == ["one"]
    assert job.last_line() == "broken"
    assert not job.succeeded()


def test_running_job_has_no_code_and_its_output_can_be_followed(docker: Path, job: Job) -> None:
    answer(docker, f"echo pulling; while ! test -e {docker}/go; do sleep 0.02; done")
    job.start([["docker", "up"]])
    until(lambda: job.last_line() == "pulling")
    assert job.return_code() is None
    assert Job(job.directory, run_command).return_code() is None
    (docker / "go").touch()
    until(lambda: job.return_code() == 0)


def test_job_that_was_cut_off_has_failed(docker: Path, job: Job) -> None:
    answer(docker, "sleep 60")
    job.start([["docker", "up"]])
    os.killpg(process(job), signal.SIGKILL)
    until(lambda: job.return_code() is not None)
    assert job.return_code() == 255


def test_other_process_with_the_number_of_a_job_before_the_reboot_is_not_the_job(job: Job) -> None:
    Path(job.directory).mkdir()
    Path(job.path("pid")).write_text(f"{os.getpid()} 1")
    assert job.return_code() == 255
    job.stop()


def test_stop_ends_all_that_the_job_started(docker: Path, job: Job) -> None:
    answer(docker, f"sleep 60 & echo $! > {docker}/child; wait")
    job.start([["docker", "up"]])
    until(lambda: (docker / "child").exists() and (docker / "child").read_text().strip())
    child = (docker / "child").read_text().strip()
    job.stop()
    assert job.return_code() == 255
    until(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())


def test_job_that_ignores_the_signal_is_killed(docker: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(docker, "trap '' TERM; echo ready; sleep 60")
    job.start([["sh", "-c", "trap '' TERM; docker up"]])
    until(lambda: job.last_line() == "ready")
    clock = iter(range(0, 10000, 4))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    job.stop()
    assert job.return_code() == 255


def test_new_job_forgets_the_one_before(docker: Path, job: Job) -> None:
    answer(docker, "echo $1; exit $2")
    job.start([["docker", "one", "1"]])
    until(lambda: job.return_code() == 1)
    job.start([["docker", "two", "0"]])
    until(lambda: job.return_code() == 0)
    assert job.output() == "two"
    job.forget()
    assert job.output() == ""
