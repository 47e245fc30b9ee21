# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files that a running service takes without a new container."""

from __future__ import annotations

from typing import Any

import pytest
from compose_host import Host, Task, own

BY_SIGNAL = {"web": {"signal": "USR2", "check": ["check", "-c"]}}


def reloading(host: Host, conf: str = "good", reload: Any = None, **more: Any) -> dict[str, Any]:
    files = [own("web.conf", conf, reload=["web"]), *more.pop("files", [])]
    return host.project(conf=None, files=files, reload=BY_SIGNAL if reload is None else reload, **more)


def web(host: Host) -> tuple[str, int]:
    found = host.engine.of("p")["web"]
    return found.row.id, found.reloaded


def test_first_start_reads_the_files_and_needs_no_reload(host: Host, task: Task) -> None:
    task(reloading(host))
    assert web(host)[1] == 0
    assert not task(reloading(host))["changed"]


def test_change_is_checked_and_reloaded_in_the_same_container(host: Host, task: Task) -> None:
    task(reloading(host))
    before = web(host)[0]
    done = task(reloading(host, "new"))
    assert done["projects"]["p"]["actions"] == {"web": "reload: a file that it reads changed"}
    assert web(host) == (before, 1)
    container = ["docker", "exec", before, "check", "-c"]
    assert host.engine.performed[-2:] == [container, ["docker", "exec", before, "sh", "-c", 'kill -s "$0" 1', "USR2"]]
    assert not task(reloading(host, "new"))["changed"]
    assert web(host) == (before, 1)


def test_command_instead_of_a_signal(host: Host, task: Task) -> None:
    way = {"web": {"command": ["reload", "--now"]}}
    task(reloading(host, reload=way))
    task(reloading(host, "new", reload=way))
    assert host.engine.performed[-1] == ["docker", "exec", web(host)[0], "reload", "--now"]


def test_check_mode_says_it_and_does_nothing(host: Host, task: Task) -> None:
    task(reloading(host))
    host.check_mode = True
    done = task(reloading(host, "new"))
    assert done["projects"]["p"]["actions"] == {"web": "reload: a file that it reads changed"}
    assert (web(host)[1], host.text("p/web.conf")) == (0, "good")


def test_fetch_says_that_nothing_is_stopped(host: Host, task: Task) -> None:
    task(reloading(host))
    told = task(reloading(host, "new"), step="fetch")["projects"]["p"]
    assert (told["change"], told["stops"]) == ("reloaded", False)


@pytest.mark.parametrize("bad", ["wrong", "sick"])
def test_failing_reload_is_taken_back_with_the_former_files(host: Host, task: Task, bad: str) -> None:
    task(reloading(host))
    before = web(host)[0]
    result = task(reloading(host, bad))
    assert result["failed"]
    assert result["projects"]["p"]["rollback"] == "restored"
    assert host.text("p/web.conf") == "good"
    assert (web(host)[0], host.engine.of("p")["web"].health) == (before, "")
    assert host.engine.performed[-1] == ["docker", "exec", before, "sh", "-c", 'kill -s "$0" 1', "USR2"]
    assert not task(reloading(host))["changed"]


def test_run_that_was_cut_off_before_its_reload_is_made_up_for(host: Host, task: Task) -> None:
    task(reloading(host))
    host.engine.hold_jobs = True
    host.ask(reloading(host, "new"))
    host.job("p").code = 255
    host.engine.hold_jobs = False
    task(reloading(host, "new"))
    assert web(host)[1] == 1
    # Nobody knows which of the two files such a container has taken.
    host.engine.hold_jobs = True
    host.ask(reloading(host, "other"))
    host.job("p").code = 255
    host.engine.hold_jobs = False
    task(reloading(host, "new"))
    assert web(host)[1] == 2


def test_container_that_is_made_anew_is_not_reloaded_too(host: Host, task: Task) -> None:
    task(reloading(host))
    before = web(host)[0]
    done = task(reloading(host, "new", images={"web": "web:2"}))
    assert done["projects"]["p"]["actions"]["web"].startswith("recreate")
    assert web(host)[0] != before
    assert web(host)[1] == 0


def test_container_that_stands_still_is_started_and_not_reloaded(host: Host, task: Task) -> None:
    task(reloading(host))
    host.engine.of("p")["web"].status = "exited"
    task(reloading(host, "new"))
    assert (web(host)[1], host.engine.of("p")["web"].status) == (0, "running")


def test_state_of_a_run_that_knew_no_reloads_still_counts(host: Host, task: Task) -> None:
    task(host.project(conf=None, files=[own("web.conf", "good")]))
    before = web(host)[0]
    task(reloading(host))
    assert web(host) == (before, 1)


@pytest.mark.parametrize(
    ("way", "words"),
    [
        ({"web": {}}, "needs either signal or command"),
        ({"web": {"signal": "USR2", "command": ["x"]}}, "needs either signal or command"),
        ({"web": {"signal": "USR2", "chek": []}}, "has no option chek"),
        ({}, "doesn't say how"),
    ],
)
def test_way_of_a_reload_is_checked(host: Host, task: Task, way: dict[str, Any], words: str) -> None:
    assert words in task(reloading(host, reload=way))["msg"]
    assert not host.root.joinpath("p").exists()
