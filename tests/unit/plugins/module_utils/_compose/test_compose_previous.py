# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""state: previous, the way back that a person asks for."""

from __future__ import annotations

import typing as t

import pytest
from compose_host import Host, Task, own

HOOK = {"service": "web", "description": "it works", "command": ["set"], "check_command": ["ask"]}


def back(host: Host, task: Task, **more: t.Any) -> dict[str, t.Any]:
    return task({**host.project(), "state": "previous"}, **more)


def test_image_definition_and_files_come_back(host: Host, task: Task) -> None:
    task(host.project(conf="one", hooks=[HOOK]))
    task(host.project(conf="two", images={"web": "web:2"}))
    host.engine.executed.clear()
    result = back(host, task)
    assert result["changed"] and not result.get("failed")
    assert (host.text("p/web.conf"), host.engine.of("p")["web"].image) == ("one", "web:1")
    assert [call[1:] for call in host.engine.executed] == [["ask"]]
    # Nothing more is to be done for it, and the one that was left is the way back now.
    assert back(host, task)["changed"]
    assert host.text("p/web.conf") == "two"


def test_a_run_with_the_declaration_goes_forward_again(host: Host, task: Task) -> None:
    task(host.project(conf="one"))
    task(host.project(conf="two"))
    back(host, task)
    assert task(host.project(conf="two"))["projects"]["p"]["actions"] == {
        "web": "recreate: a file that it reads changed"
    }
    assert not task(host.project(conf="two"))["changed"]


def test_what_is_restored_needs_no_other_run(host: Host, task: Task) -> None:
    task(host.project(conf="one"))
    task(host.project(conf="two"))
    back(host, task)
    assert not task(host.project(conf="one"))["changed"]


def test_a_state_that_failed_is_not_kept(host: Host, task: Task) -> None:
    task(host.project(conf="one"))
    task(host.project(conf="two"))
    assert task(host.project(conf="sick"))["failed"]
    back(host, task)
    assert host.text("p/web.conf") == "one"


def test_what_no_service_reads_makes_no_other_state(host: Host, task: Task) -> None:
    """A neighbour that comes changes a file in each project."""
    task(host.project(conf="one"))
    task(host.project(conf="two"))
    task(host.project(conf="two", files=[own("turn.json", "{}")]))
    back(host, task)
    assert (host.text("p/web.conf"), host.listing().count("turn.json")) == ("one", 0)


def test_without_a_former_state_nothing_is_touched(host: Host, task: Task) -> None:
    task(host.project(conf="one"))
    assert "nothing was touched" in back(host, task)["msg"]
    assert host.text("p/web.conf") == "one"


@pytest.mark.parametrize("damage", ["manifest.json", "0"])
def test_a_damaged_copy_is_none(host: Host, task: Task, damage: str) -> None:
    task(host.project(conf="one"))
    task(host.project(conf="two"))
    (host.root / "p/.llmfleet/previous" / damage).write_text("cut")
    assert back(host, task)["failed"]
    assert host.text("p/web.conf") == "two"


def test_data_that_was_migrated_does_not_go_back(host: Host, task: Task) -> None:
    task(host.project())
    task(host.project(images={"web": "web:2"}, forward_only=["web"]))
    result = task({**host.project(forward_only=["web"]), "state": "previous"})
    assert "migrated forward" in result["msg"] and host.engine.of("p")["web"].image == "web:2"


def test_secrets_of_then_are_not_shown(host: Host, task: Task) -> None:
    secret = {"mode": "0600", "secret": True, "services": ["web"]}
    task(host.project(files=[own("key", "f0rmer-s3cret", **secret)]))
    task(host.project(files=[own("key", "n3w-s3cret", **secret)]))
    result = back(host, task)
    assert host.text("p/key") == "f0rmer-s3cret"
    assert "s3cret" not in str(result["diff"])


def test_fetch_and_check_mode_foresee_it(host: Host, task: Task) -> None:
    task(host.project(conf="one"))
    task(host.project(conf="two"))
    assert back(host, task, step="fetch")["projects"]["p"]["change"] == "changed"
    host.check_mode = True
    assert back(host, task)["projects"]["p"]["files"] == {"web.conf": "content"}
    assert host.text("p/web.conf") == "two"


def test_removal_takes_what_was_kept_along(host: Host, task: Task) -> None:
    task(host.project(conf="one"))
    task(host.project(conf="two"))
    task({**host.project(), "state": "absent"})
    assert not (host.root / "p").exists()
