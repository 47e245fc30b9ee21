# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is not ours is refused before anything is written, and never touched."""

from __future__ import annotations

from typing import Any

import pytest
from compose_host import Host, Task


def state(host: Host) -> dict[str, tuple[str, str]]:
    return {found.row.id: (found.row.name, found.status) for found in host.engine.found.values()}


@pytest.mark.parametrize("want", ["present", "absent"])
@pytest.mark.parametrize("fleet", ["", "other"])
def test_foreign_project_of_the_same_name_is_refused_and_untouched(
    host: Host, task: Task, want: str, fleet: str
) -> None:
    for service in ("web", "backup"):
        host.engine.add("p", "/home/someone/p", service, fleet=fleet)
    before = state(host)
    result = task(host.project(state=want))
    assert "belongs to another project called p, in /home/someone/p" in result["msg"]
    assert (result["changed"], result["projects"]["p"]["rollback"]) == (False, "untouched")
    assert state(host) == before
    assert not (host.root / "p").exists()


def test_foreign_container_that_came_into_our_project_later_is_not_removed_as_an_orphan(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.add("p", "/home/someone/p", "backup")
    before = state(host)
    for want in (host.project(conf="other"), host.project(state="absent")):
        assert task(want)["failed"]
        assert state(host) == before
    assert host.text("p/web.conf") == "good"


@pytest.mark.parametrize("project", ["", "theirs"])
def test_container_name_of_somebody_else_is_refused(host: Host, task: Task, project: str) -> None:
    host.engine.add(project, "/home/someone", "x", name="taken")
    result = task(host.project(extra={"web": {"container_name": "taken"}}))
    assert "service web of project p needs the container name taken" in result["msg"]
    assert list(state(host).values()) == [("taken", "running")]
    assert not (host.root / "p").exists()


def test_container_name_that_compose_would_give_is_refused_too(host: Host, task: Task) -> None:
    host.engine.add("", "", "", name="p-web-1")
    assert "needs the container name p-web-1" in task(host.project())["msg"]


def test_name_is_still_checked_when_compose_is_not_asked(host: Host, task: Task) -> None:
    want = host.project(extra={"web": {"container_name": "ours"}})
    task(want)
    host.engine.found.clear()
    host.engine.add("", "", "", name="ours")
    assert "needs the container name ours" in task(want)["msg"]


def test_refusal_is_foreseen(host: Host) -> None:
    host.engine.add("p", "/home/someone/p", "web")
    host.check_mode = True
    status = host.ask(host.project())["projects"]["p"]
    assert (status["phase"], status["rollback"]) == ("failed", "untouched")


def test_ours_by_label_after_the_directory_moved(host: Host, task: Task) -> None:
    host.engine.add("p", "/old/place/p", "web", fleet="p")
    assert task(host.project())["projects"]["p"]["actions"] == {"web": "recreate: its definition changed"}


def test_ours_by_a_directory_with_another_name(host: Host, task: Task) -> None:
    """The project's directory, as Compose was told it, goes by a link."""
    (host.root / "link").symlink_to(host.root / "p")
    host.engine.add("p", str(host.root / "link"), "web")
    assert "failed" not in task(host.project())


def test_other_projects_go_on_where_one_is_refused(host: Host, task: Task) -> None:
    host.engine.add("p", "/home/someone/p", "web")
    result = task(host.project("p"), host.project("q"))
    assert (result["failed"], result["projects"]["q"]["actions"]) == (True, {"web": "create"})


def test_one_off_container_is_no_service(host: Host, task: Task) -> None:
    task(host.project())
    host.engine.add("p", str(host.root / "p"), "web", oneoff="True", name="p-web-run-1")
    assert not task(host.project())["changed"]


def test_absence_ends_nothing_but_ours(host: Host, task: Task) -> None:
    task(host.project())
    other: Any = host.engine.add("q", "/home/someone/q", "web")
    task(host.project(state="absent"))
    assert [found.row.id for found in host.engine.found.values()] == [other.row.id]
