# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers in networks that come and go beside those of their compose file."""

from __future__ import annotations

from typing import Any

import pytest
from compose_host import FakeContainer, Host, Task

GATE = {"container_name": "the-gate", "networks": ["fleet"]}


def gate(host: Host, *networks: str, **more: Any) -> dict[str, Any]:
    return host.project(extra={"web": GATE}, attach={"web": list(networks)}, **more)


def model(host: Host, name: str = "m", network: str = "net-m", **more: Any) -> dict[str, Any]:
    """A project whose network Compose makes, and the gate is to be in."""
    host.engine.networks_of.setdefault(name, [network])
    extra = {"web": {"networks": [network]}}
    return host.project(name, extra=extra, attach_containers={network: ["the-gate"]}, **more)


def there(host: Host, *names: str) -> None:
    host.engine.networks_there.update(dict.fromkeys(names, False))


def found(host: Host) -> FakeContainer:
    return host.engine.of("p")["web"]


def test_new_container_is_attached_before_it_starts(host: Host, task: Task) -> None:
    there(host, "a")
    done = task(gate(host, "a", "absent"))
    assert done["projects"]["p"]["attachments"] == ["attach to a"]
    assert found(host).networks == {"fleet": False, "a": True}
    verbs = [command[1:3] for command in host.engine.performed[-3:]]
    assert verbs[1] == ["network", "connect"]
    assert "--no-start" in host.engine.performed[-3]
    assert "--detach" in host.engine.performed[-1]
    assert not task(gate(host, "a", "absent"))["changed"]


def test_network_that_is_there_later_makes_no_new_container(host: Host, task: Task) -> None:
    task(gate(host, "a"))
    before = found(host).row.id
    there(host, "a")
    done = task(gate(host, "a"))
    assert (done["changed"], done["projects"]["p"]["actions"]) == (True, {})
    assert (found(host).row.id, found(host).networks) == (before, {"fleet": False, "a": True})


def test_check_mode_says_it(host: Host, task: Task) -> None:
    task(gate(host))
    there(host, "a")
    host.check_mode = True
    done = task(gate(host, "a"))
    assert done["projects"]["p"]["attachments"] == ["attach to a"]
    assert found(host).networks == {"fleet": False}


def test_recreated_container_is_attached_again(host: Host, task: Task) -> None:
    there(host, "a", "b")
    task(gate(host, "a", "b"))
    before = found(host).row.id
    task(gate(host, "a", "b", conf="new"))
    assert found(host).row.id != before
    assert found(host).networks == {"fleet": False, "a": True, "b": True}


def test_container_of_files_that_were_put_back_is_attached_again(host: Host, task: Task) -> None:
    there(host, "a")
    task(gate(host, "a"))
    assert task(gate(host, "a", conf="crash"))["projects"]["p"]["rollback"] == "restored"
    assert (host.text("p/web.conf"), found(host).networks) == ("good", {"fleet": False, "a": True})


def test_network_is_left_when_nobody_else_is_in_it(host: Host, task: Task) -> None:
    there(host, "a")
    task(gate(host, "a"))
    neighbour = host.engine.add("x", "/x", "web", networks={"a": False})
    assert not task(gate(host))["changed"]
    del host.engine.found[neighbour.row.id]
    assert task(gate(host))["projects"]["p"]["attachments"] == ["detach from a"]
    assert found(host).networks == {"fleet": False}


def test_network_that_a_person_connected_stays(host: Host, task: Task) -> None:
    task(gate(host))
    found(host).networks["debug"] = False
    assert not task(gate(host))["changed"]


def test_network_that_is_gone_is_left_before_the_container_is_started(host: Host, task: Task) -> None:
    there(host, "a")
    task(gate(host, "a"))
    del host.engine.networks_there["a"]
    found(host).status = "exited"
    task(gate(host, "a"))
    assert found(host).networks == {"fleet": False}
    verbs = [command[1] for command in host.engine.performed[-2:]]
    assert verbs == ["network", "compose"]


def test_project_that_makes_a_network_attaches_who_was_there_before(host: Host, task: Task) -> None:
    task(gate(host, "net-m"))
    done = task(model(host))
    assert done["projects"]["m"]["attachments"] == ["attach to net-m"]
    assert found(host).networks == {"fleet": False, "net-m": True}
    there(host, "net-m")
    assert not task(model(host))["changed"]
    assert not task(gate(host, "net-m"))["changed"]


def test_guest_that_does_not_exist_yet_is_left_out(host: Host, task: Task) -> None:
    assert task(model(host))["projects"]["m"]["attachments"] == []
    there(host, "net-m")
    task(gate(host, "net-m"))
    assert found(host).networks == {"fleet": False, "net-m": True}


def test_guest_that_is_none_of_ours_is_refused(host: Host, task: Task) -> None:
    host.engine.add("other", "/other", "web", name="the-gate")
    assert "none of ours" in task(model(host))["msg"]


def test_removed_project_sends_its_guest_out_after_its_last_container(host: Host, task: Task) -> None:
    task(gate(host, "net-m"))
    task(model(host))
    task({"name": "m", "project_dir": str(host.root / "m"), "state": "absent"})
    assert found(host).networks == {"fleet": False}
    verbs = [command[5 if command[0] == "/bin/sh" else 1] for command in host.engine.performed[-4:-1]]
    assert verbs == ["stop", "rm", "network"]


def test_guest_that_is_removed_meanwhile_keeps_nobody_from_going(
    host: Host, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the gate of a server that leaves the fleet, whose project goes at the same time."""
    task(gate(host, "net-m"))
    task(model(host))
    perform = host.engine.perform

    def both(command: list[str]) -> str:
        if command[1] == "rm":
            host.engine.found.pop(found(host).row.id)
        return perform(command)

    monkeypatch.setattr(host.engine, "perform", both)
    assert not task({"name": "m", "project_dir": str(host.root / "m"), "state": "absent"}).get("failed")
    assert host.engine.found == {}


def test_project_with_another_network_takes_its_guest_along(host: Host, task: Task) -> None:
    task(gate(host))
    task(model(host, conf="good"))
    host.engine.networks_of["m"].append("net-2")
    task(model(host, network="net-2"))
    assert found(host).networks == {"fleet": False, "net-2": True}


@pytest.mark.parametrize("name", ["nobody"])
def test_service_that_there_is_not_can_not_be_attached(host: Host, task: Task, name: str) -> None:
    assert f"attach names {name}" in task(host.project(attach={name: ["a"]}))["msg"]
