# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A job that ends right after the containers were listed: that list is old by then, and nothing is read out of it."""

from __future__ import annotations

from typing import Any

import pytest
from compose_host import Host, Task
from test_compose_takeover import deploy_old


@pytest.fixture
def late(host: Host, monkeypatch: pytest.MonkeyPatch) -> Host:
    """Every job ends between the listing of the containers and the next question."""
    engine = host.engine
    engine.hold_jobs = True
    listed = engine.rows

    def rows() -> list[Any]:
        before = listed()
        for job in engine.jobs.values():
            if job.code is None:
                job.work()
        return before

    monkeypatch.setattr(engine, "rows", rows)
    return host


def test_a_container_that_was_about_to_go_does_not_pass_for_the_new_one(late: Host, task: Task) -> None:
    task(late.project())
    result = task(late.project(conf="crash"))
    assert result["projects"]["p"]["rollback"] == "restored"


def test_the_files_of_a_project_go_with_its_last_container(late: Host, task: Task) -> None:
    deploy_old(late)
    old = {"project": "old", "project_dir": str(late.root / "old")}
    result = task(late.project("rest", state="absent", replaces=[old]))
    assert result["projects"]["rest"]["replaced"] == ["old-a-1", "old-b-1"]
    assert late.listing("old") == ["data"]
