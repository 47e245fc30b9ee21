# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path
from typing import Any, Callable

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import (
    Engine,
    EngineError,
    EngineMissing,
    Row,
    limited,
    parse_container,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.job import Job
from compose_host import run_command

RUNNER = limited(run_command)


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


def test_last_words_do_not_colour_a_terminal() -> None:
    def said(*_call: Any) -> tuple[int, str, str]:
        return 0, "\x1b[92mINFO\x1b[0m:\tone\r\n", "\x1b[1;31mtwo\x1b[0m \x07bell\n"

    assert Engine(said).logs(parse_container(inspected()), 40) == "INFO:\tone\ntwo bell"


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
    assert Engine(RUNNER).run("x", stdin="text") == "text"


def test_failing_command_is_an_error_with_its_own_words(docker: Path) -> None:
    answer(docker, "echo no such thing >&2; exit 3")
    with pytest.raises(EngineError, match=r"docker network create n: no such thing"):
        Engine(RUNNER).run("network", "create", "n")


def test_config_and_hashes_read_the_compose_file_from_stdin(docker: Path) -> None:
    answer(docker, """case "$*" in *--hash*) echo "web abc"; echo "db def";; *) cat;; esac""")
    engine = Engine(RUNNER)
    assert engine.config("p", "/d", '{"services": {}}') == {"services": {}}
    assert engine.hashes("p", "/d", "ignored") == {"web": "abc", "db": "def"}
    assert calls(docker)[0] == "compose -p p --project-directory /d -f - config --format json"


def test_rows_tell_whose_a_container_is(docker: Path) -> None:
    answer(docker, """echo '["id1","web-1","p","web","/opt/p","p","False"]'; echo '["id2","other","","","","",""]'""")
    assert Engine(RUNNER).rows() == [
        Row("id1", "web-1", "p", "web", "/opt/p", "p", "False"),
        Row("id2", "other", "", "", "", "", ""),
    ]
    assert len(calls(docker)) == 1


def test_nothing_to_inspect_asks_nothing(docker: Path) -> None:
    assert Engine(RUNNER).inspect([]) == []
    assert not (docker / "calls").exists()


def test_container_that_has_gone_since_is_left_out(docker: Path) -> None:
    answer(docker, "echo '[]'; echo 'Error: No such container: abc' >&2; exit 1")
    assert Engine(RUNNER).inspect(["abc"]) == []


def test_images_that_are_all_here_are_one_question(docker: Path) -> None:
    answer(docker, "echo sha256:1; echo sha256:2")
    assert Engine(RUNNER).image_ids(["b:1", "a:1", "b:1"]) == {"a:1": "sha256:1", "b:1": "sha256:2"}
    assert len(calls(docker)) == 1


def test_images_that_are_not_here_are_left_out(docker: Path) -> None:
    answer(docker, """case "$*" in *away*) exit 1;; *here*) echo sha256:1;; esac""")
    assert Engine(RUNNER).image_ids(["here:1", "away:1", "here:1"]) == {"here:1": "sha256:1"}


def test_a_label_can_not_look_like_the_line_of_another_container(docker: Path) -> None:
    forged = "/srv\nid1\tname\tp\tweb\t/opt/p\tp\tFalse"
    rows = [["id2", "web/db,db", "p", "s", forged, "", ""], ["id3", "x", "a\tb", "", "", "", ""]]
    (docker / "rows").write_text("\n".join(map(json.dumps, rows)))
    answer(docker, f"cat {docker}/rows")
    found = Engine(RUNNER).rows()
    assert [(one.id, one.name, one.fleet_project) for one in found] == [("id2", "db", ""), ("id3", "x", "")]
    assert "{{json (.Label" in calls(docker)[0]


def test_networks_that_are_not_here_are_left_out(docker: Path) -> None:
    answer(docker, "echo 'a true'; echo 'Error response from daemon: network b not found' >&2; exit 1")
    assert Engine(RUNNER).networks(["a", "b"]) == {"a": True}


def test_network_question_that_fails_otherwise_is_an_error(docker: Path) -> None:
    answer(docker, "echo broken >&2; exit 1")
    with pytest.raises(EngineError, match="docker network inspect: broken"):
        Engine(RUNNER).networks(["a"])


def test_internal_network(docker: Path) -> None:
    answer(docker, ":")
    Engine(RUNNER).create_network("n", True)
    assert calls(docker) == ["network create --label io.llmfleet.network=true --internal n"]


def test_no_docker_at_all(docker: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(docker))
    with pytest.raises(EngineMissing, match="the docker command is not there"):
        Engine(RUNNER).rows()


def test_engine_that_is_down_is_missing(docker: Path) -> None:
    answer(docker, "echo no daemon >&2; exit 1")
    with pytest.raises(EngineMissing, match="docker ps: no daemon"):
        Engine(RUNNER).rows()


def test_engine_that_hangs_is_not_called_missing(docker: Path) -> None:
    answer(docker, ":")

    def hangs(args: list[str], stdin: str | None, timeout: float) -> tuple[int, str, str]:
        return 124, "", "no answer within 60 s"

    with pytest.raises(EngineError, match="docker ps: no answer within 60 s; the engine hangs") as caught:
        Engine(hangs).rows()
    assert not isinstance(caught.value, EngineMissing)


def test_compose_that_is_not_installed_is_said_so(docker: Path) -> None:
    answer(docker, "echo unknown command: docker compose >&2; exit 1")
    with pytest.raises(EngineMissing, match="Docker Compose v2"):
        Engine(RUNNER).config("p", "/d", "services: {}")


def test_compose_file_that_compose_refuses_is_no_missing_compose(docker: Path) -> None:
    answer(docker, """case "$*" in *version*) :;; *) echo not a mapping >&2; exit 1;; esac""")
    with pytest.raises(EngineError, match="not a mapping") as caught:
        Engine(RUNNER).config("p", "/d", "nonsense")
    assert not isinstance(caught.value, EngineMissing)


# ---- time limits


def test_command_that_ends_by_itself_as_if_it_were_late_is_told_as_it_is(docker: Path) -> None:
    answer(docker, "echo its own words >&2; exit 124")
    with pytest.raises(EngineError, match="docker exec x: its own words"):
        Engine(RUNNER).run("exec", "x")


def test_nothing_of_a_command_is_expanded_here(docker: Path) -> None:
    answer(docker, 'printf "%s" "$2"')
    assert Engine(RUNNER).run("exec", "~ $HOME") == "~ $HOME"


def test_command_that_hangs_is_ended_with_all_that_it_started(docker: Path) -> None:
    answer(docker, f"sleep 60 & echo $! > {docker}/child; wait")
    with pytest.raises(EngineError, match="docker network ls: no answer within 1 s"):
        Engine(RUNNER).run("network", "ls", timeout=1)
    child = (docker / "child").read_text().strip()
    until(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine: engine.rows(),
        lambda engine: engine.inspect(["a"]),
        lambda engine: engine.image_ids(["a"]),
        lambda engine: engine.networks(["a"]),
        lambda engine: engine.create_network("a", False),
        lambda engine: engine.project_networks("p"),
        lambda engine: engine.left_networks(()),
        lambda engine: engine.remove_networks(["a"]),
        lambda engine: engine.config("p", "/d", ""),
        lambda engine: engine.hashes("p", "/d", ""),
        lambda engine: engine.execute("a", ["x"], None, 0.2),
    ],
)
def test_every_question_has_a_limit_and_a_clear_error(
    docker: Path, monkeypatch: pytest.MonkeyPatch, ask: Callable[[Engine], Any]
) -> None:
    answer(docker, "exec sleep 60")

    def hasty(args: list[str], stdin: str | None, timeout: float) -> tuple[int, str, str]:
        assert timeout <= 60
        return RUNNER(args, stdin, 0.2)

    with pytest.raises(EngineError, match=r"no answer within|Compose v2"):
        ask(Engine(hasty))


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
    made = Job(str(tmp_path / "job"), RUNNER)
    yield made
    made.stop()


def test_no_job_has_not_failed(job: Job) -> None:
    assert (job.return_code(), job.output(), job.last_line(), job.succeeded()) == (0, "", "", False)


def test_commands_run_in_order_and_are_quoted(docker: Path, job: Job) -> None:
    answer(docker, 'echo "got [$1] [$2]"; echo "  "')
    job.start([["docker", "a b", "$HOME"], ["docker", "second", ";"]], "up")
    until(lambda: job.return_code() is not None)
    assert job.return_code() == 0
    assert job.succeeded()
    assert job.output().split("\n")[0] == "got [a b] [$HOME]"
    assert job.last_line() == "got [second] [;]"


def test_first_failure_ends_it_and_its_code_is_kept(docker: Path, job: Job) -> None:
    answer(docker, "echo broken >&2; exit 17")
    job.start([["docker", "one"], ["docker", "two"]], "up")
    until(lambda: job.return_code() is not None)
    assert job.return_code() == 17
    assert calls(docker) == ["one"]
    assert job.last_line() == "broken"
    assert not job.succeeded()


def test_running_job_has_no_code_and_its_output_can_be_followed(docker: Path, job: Job) -> None:
    answer(docker, f"echo pulling; while ! test -e {docker}/go; do sleep 0.02; done")
    job.start([["docker", "up"]], "up")
    until(lambda: job.last_line() == "pulling")
    assert job.return_code() is None
    assert Job(job.directory, RUNNER).return_code() is None
    (docker / "go").touch()
    until(lambda: job.return_code() == 0)


def test_job_that_was_cut_off_has_failed(docker: Path, job: Job) -> None:
    answer(docker, "sleep 60")
    job.start([["docker", "up"]], "up")
    os.killpg(process(job), signal.SIGKILL)
    until(lambda: job.return_code() is not None)
    assert job.return_code() == 255


@pytest.mark.parametrize(
    ("name", "content"), [("pid", ""), ("pid", "12"), ("pid", "x y"), ("rc", "x"), ("rc", "-"), ("pid", None)]
)
def test_files_that_were_cut_off_tell_of_a_job_that_was(docker: Path, job: Job, name: str, content: str | None) -> None:
    answer(docker, "exit 0")
    job.start([["docker", "up"]], "up")
    until(lambda: job.return_code() is not None)
    path = Path(job.path(name))
    path.unlink()
    if content is None:
        path.mkdir()
    else:
        path.write_text(content)
    assert job.return_code() in (0, 255)
    job.stop()


def test_other_process_with_the_number_of_a_job_before_the_reboot_is_not_the_job(job: Job) -> None:
    Path(job.directory).mkdir()
    Path(job.path("pid")).write_text(f"{os.getpid()} 1")
    assert job.return_code() == 255
    job.stop()


def test_stop_ends_all_that_the_job_started(docker: Path, job: Job) -> None:
    answer(docker, f"sleep 60 & echo $! > {docker}/child; wait")
    job.start([["docker", "up"]], "up")
    until(lambda: (docker / "child").exists() and (docker / "child").read_text().strip())
    child = (docker / "child").read_text().strip()
    job.stop()
    assert job.return_code() == 255
    until(lambda: not Path(f"/proc/{child}").exists() or " Z " in Path(f"/proc/{child}/stat").read_text())


def test_job_that_ignores_the_signal_is_killed(docker: Path, job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(docker, "trap '' TERM; echo ready; sleep 60")
    job.start([["sh", "-c", "trap '' TERM; docker up"]], "up")
    until(lambda: job.last_line() == "ready")
    clock = iter(range(0, 10000, 4))
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    job.stop()
    assert job.return_code() == 255


def test_new_job_forgets_the_one_before(docker: Path, job: Job) -> None:
    answer(docker, "echo $1; exit $2")
    job.start([["docker", "one", "1"]], "up")
    until(lambda: job.return_code() == 1)
    job.start([["docker", "two", "0"]], "up")
    until(lambda: job.return_code() == 0)
    assert job.output() == "two"
    job.forget()
    assert job.output() == ""


def test_networks_that_are_left_are_those_that_nobody_needs_and_nobody_is_in(docker: Path) -> None:
    answer(
        docker,
        """case "$*" in
          "network ls"*) printf 'kept-net\\tkept\\ngone-net\\tgone\\nshared-net\\tother\\n';;
          *network=shared-net*) echo 0123;;
        esac""",
    )
    assert Engine(RUNNER).left_networks({"kept"}) == ["gone-net"]
