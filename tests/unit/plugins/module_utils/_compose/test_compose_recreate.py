# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The lock, and the watch's way to a new container: under the lock, from files that proved to work."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose import recreate as recreate_module
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.recreate import (
    HELD,
    RECREATED,
    REFUSED,
    USAGE,
    LockHeld,
    locked,
    main,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import Store
from compose_host import Host, Task


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A docker that notes how it is called, and whether the lock was held then."""
    folder = tmp_path / "bin"
    folder.mkdir()
    docker = folder / "docker"
    docker.write_text(f'#!/bin/sh\necho "$*" >> {folder}/calls\nexit $(cat {folder}/code 2>/dev/null || echo 0)\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def hold(path: Path) -> subprocess.Popen[str]:
    """Another process that has the lock."""
    code = (
        f"import fcntl, sys; f = open({str(path)!r}); fcntl.flock(f, 2); print('has it', flush=True); sys.stdin.read()"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "has it\n"
    return process


# ---- the lock


def test_lock_that_is_held_is_given_up_with_the_pid_that_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    process = hold(path)
    try:
        with (
            pytest.raises(LockHeld, match=f"held by process {process.pid} .*for more than 0 s"),
            locked(str(path), 0.2),
        ):
            pass
    finally:
        process.communicate("")
    with locked(str(path), 0):
        pass


def test_lock_that_was_removed_while_waiting_is_not_taken_for_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lock"
    path.touch()
    flock = fcntl.flock
    turns: list[int] = []

    def removed_meanwhile(handle: Any, how: int) -> None:
        flock(handle, how)
        if not turns:
            path.unlink()
        turns.append(how)

    monkeypatch.setattr(recreate_module.fcntl, "flock", removed_meanwhile)
    with pytest.raises(FileNotFoundError), locked(str(path), 0):
        pass
    with locked(str(path), 0, make=True):
        assert path.exists()


def test_project_whose_lock_is_held_fails_by_itself(host: Host, task: Task) -> None:
    task(host.project("p"), host.project("q"))
    process = hold(host.root / "p/.llmfleet/lock")
    try:
        result = task(host.project("p", conf="new"), host.project("q", conf="new"), lock_timeout=0)
    finally:
        process.communicate("")
    assert f"held by process {process.pid}" in result["projects"]["p"]["msg"]
    assert result["projects"]["p"]["rollback"] == "untouched"
    assert result["projects"]["q"]["changed"]
    assert (host.text("p/web.conf"), host.text("q/web.conf")) == ("good", "new")


def test_locks_have_one_time_together(host: Host, task: Task) -> None:
    task(host.project("p"), host.project("q"))
    processes = [hold(host.root / name / ".llmfleet/lock") for name in ("p", "q")]
    began = time.monotonic()
    try:
        task(host.project("p"), host.project("q"), lock_timeout=1)
    finally:
        for process in processes:
            process.communicate("")
    assert 1 <= time.monotonic() - began < 1.9


def test_state_of_another_first_run_that_was_quicker_is_not_removed(
    host: Host, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both found no project; the other one has the lock."""
    other: list[subprocess.Popen[str]] = []
    ensure = Store.ensure

    def overtaken(store: Store) -> None:
        ensure(store)
        if not other:
            Path(store.lock).touch()
            other.append(hold(Path(store.lock)))

    monkeypatch.setattr(Store, "ensure", overtaken)
    try:
        assert "is held by process" in task(host.project(), lock_timeout=0)["msg"]
    finally:
        other[0].communicate("")
    assert (host.root / "p/.llmfleet/lock").exists()


# ---- the watch


def recreate(host: Host, service: str = "web", name: str = "p", seconds: tuple[str, ...] = ()) -> tuple[int, str]:
    """The script as a role installs it: copied elsewhere, with nothing of the collection beside it."""
    script = host.root / "llmfleet-recreate"
    script.write_text(Path(str(recreate_module.__file__)).read_text())
    command = [sys.executable, "-I", str(script), str(host.root / name), service, *seconds]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    return done.returncode, (done.stdout + done.stderr).strip()


def test_committed_project_is_recreated_from_its_files_with_the_lock_held(host: Host, task: Task, calls: Path) -> None:
    task(host.project())
    lock = host.root / "p/.llmfleet/lock"
    (calls / "docker").write_text(f'#!/bin/sh\necho "$*" > {calls}/calls\nflock -n {lock} true && echo free\nexit 0\n')
    assert recreate(host) == (RECREATED, "")
    assert (calls / "calls").read_text() == (
        f"compose -p p --project-directory {host.root}/p -f {host.root}/p/compose.yml "
        "up --detach --no-build --pull never --no-deps --force-recreate web\n"
    )
    with locked(str(lock), 0):
        pass


def test_what_heeds_no_signal_gets_no_time_to_stop(host: Host, task: Task, calls: Path) -> None:
    task(host.project())
    assert recreate(host, seconds=("0",)) == (RECREATED, "")
    assert (calls / "calls").read_text().endswith("--no-deps --force-recreate --timeout 0 web\n")


def test_status_of_compose_is_the_scripts(host: Host, task: Task, calls: Path) -> None:
    task(host.project())
    (calls / "code").write_text("17")
    assert recreate(host)[0] == 17


def test_project_in_the_middle_of_a_change_is_left_alone(host: Host, task: Task, calls: Path) -> None:
    task(host.project())
    task(host.project(conf="new"), step="apply")
    assert recreate(host) == (REFUSED, f"a change of {host.root}/p has not ended")
    assert not (calls / "calls").exists()


def test_project_being_removed_is_left_alone(host: Host, task: Task, calls: Path) -> None:
    task(host.project())
    host.engine.hold_jobs = True
    host.ask(host.project(state="absent"))
    assert recreate(host)[0] == REFUSED


@pytest.mark.parametrize("name", ["web.conf", "compose.yml"])
@pytest.mark.parametrize("content", ["never proved", None])
def test_file_that_never_proved_to_work_is_not_started_from(
    host: Host, task: Task, calls: Path, name: str, content: str | None
) -> None:
    task(host.project())
    path = host.root / "p" / name
    path.unlink()
    if content:
        path.write_text(content)
    assert recreate(host) == (REFUSED, f"{path} is not the file that proved to work")
    assert not (calls / "calls").exists()


def test_what_is_no_project_is_refused_and_gets_no_files(host: Host, calls: Path) -> None:
    assert recreate(host, name="nowhere") == (REFUSED, f"{host.root}/nowhere is no project of ours")
    assert not (host.root / "nowhere").exists()


def test_manifest_that_is_damaged_is_refused(host: Host, task: Task, calls: Path) -> None:
    task(host.project())
    (host.root / "p/.llmfleet/good/manifest.json").write_text("{}")
    assert recreate(host) == (REFUSED, f"no state of {host.root}/p has proved to work yet")


def test_service_that_is_not_there_is_refused(host: Host, task: Task, calls: Path) -> None:
    task(host.project())
    assert recreate(host, "db") == (REFUSED, "project p has no service db")


def test_lock_that_is_held_is_told(host: Host, task: Task, calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task(host.project())
    process = hold(host.root / "p/.llmfleet/lock")
    try:
        assert main([str(host.root / "p"), "web"], seconds=0) == HELD
    finally:
        process.communicate("")
    assert f"held by process {process.pid}" in capsys.readouterr().out
    assert not (calls / "calls").exists()


@pytest.mark.parametrize("words", [[], ["/p"], ["/p", "web", "soon"], ["/p", "web", "0", "1"]])
def test_wrong_usage_shows_how(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == USAGE
    assert "recreate.py PROJECT_DIR SERVICE" in capsys.readouterr().out
