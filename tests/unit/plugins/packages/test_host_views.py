# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles docker, nvidia_driver and nvidia_container_toolkit read of the fleet."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.filter import (
    docker_daemon_options,
    docker_plan,
    nvidia_container_toolkit_plan,
    nvidia_driver_plan,
)
from ansible_collections.llmfleet.gateway.plugins.modules import host_info
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import GPU_SERVERS, Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import KNOWN, Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import (
    LOOKS,
    docker,
    nvidia_container_toolkit,
    nvidia_driver,
    watch,
)
from looks import ROLES, defaults, file, host

SECRET = "hunter2-of-the-vault"
VIEWS = {"docker": docker, "nvidia_driver": nvidia_driver, "nvidia_container_toolkit": nvidia_container_toolkit}
PLANS = {
    "docker": docker_plan.FilterModule().filters()["docker_plan"],
    "nvidia_driver": nvidia_driver_plan.FilterModule().filters()["nvidia_driver_plan"],
    "nvidia_container_toolkit": nvidia_container_toolkit_plan.FilterModule().filters()["nvidia_container_toolkit_plan"],
}


def server(facts: dict[str, Any], **given: Any) -> Host:
    roles = [*VIEWS, "postgres", "redis", "gate", "litellm", "edge"]
    variables = {name: value for role in roles for name, value in defaults(role).items()}
    return Host("gpu1", frozenset([GPU_SERVERS]), {**variables, "llm_gpu_count": 2, **given}, facts)


def fleet(member: Host) -> Fleet:
    return Fleet("/opt/llmfleet", [], [member.name], {member.name: member}, [], KNOWN)


@pytest.mark.parametrize("role", VIEWS)
def test_a_view_holds_the_plan_and_what_it_is_made_from(role: str) -> None:
    member = server(host("Ubuntu-24.04"))
    view = VIEWS[role].view(fleet(member), member)
    json.dumps(view)
    again = PLANS[role](view["declared"], member.facts)
    assert {name: view["plan"][name] for name in again} == again and view["plan"]["refusals"] == []


@pytest.mark.parametrize("role", [*VIEWS, "watch"])
def test_the_look_is_made_of_options_of_host_info(role: str) -> None:
    asked = LOOKS[role](server({}))
    assert asked and set(asked) <= set(host_info.ARGUMENTS)


def container(name: str, own: bool = True) -> dict[str, Any]:
    return {"name": name, "project": name, "own": own, "ports": []}


@pytest.mark.parametrize(
    ("containers", "given", "test"),
    [
        ([container("llmfleet-vllm-a")], {}, False),
        ([], {}, True),
        ([container("llmfleet-litellm-1")], {}, True),
        ([container("llmfleet-vllm-a", own=False)], {}, True),
        ([], {"nvidia_container_toolkit_test": "false"}, False),
        ([container("llmfleet-vllm-a")], {"nvidia_container_toolkit_version": "1.18.2"}, True),
    ],
)
def test_a_container_is_asked_for_gpus_where_nothing_else_proves_them(
    containers: list[dict[str, Any]], given: dict[str, Any], test: bool
) -> None:
    facts = host("Ubuntu-24.04", driver={"loaded": "580.1.1"}, containers=containers)
    member = server(facts, nvidia_container_toolkit_source="none", nvidia_container_toolkit_cdi=False, **given)
    if "nvidia_container_toolkit_version" in given:
        member = server(facts, **given)
    assert nvidia_container_toolkit.view(fleet(member), member)["test"] is test


def watched(**parts: Any) -> Host:
    return server(host("Ubuntu-24.04", **parts), watch_limit=3, watch_interval="15s", watch_hang_timeout=75)


def test_a_host_without_the_watch_gets_all_of_it() -> None:
    view = watch.view(fleet(watched()), watched())
    assert {one["path"]: one["mode"] for one in view["files"]} == {
        "/usr/local/libexec/llmfleet-watch": "0755",
        "/usr/local/libexec/llmfleet-recreate": "0755",
        "/etc/systemd/system/llmfleet-watch.service": "0644",
        "/etc/systemd/system/llmfleet-watch.timer": "0644",
    }
    texts = {one["path"]: one["content"] for one in view["files"] if "content" in one}
    assert "--limit 3 --hang-timeout 75\n" in texts["/etc/systemd/system/llmfleet-watch.service"]
    assert "OnUnitInactiveSec=15s\nAccuracySec=1s\n" in texts["/etc/systemd/system/llmfleet-watch.timer"]
    assert all(Path(one["source"]).is_file() for one in view["files"] if "source" in one)
    assert view["runs"] is False and view["obsolete"] == []


def test_a_host_that_has_the_watch_gets_nothing() -> None:
    there = {one["path"]: file(one["text"]) for one in watch._files(watched())}
    runs = {"llmfleet-watch.timer": {"active": True, "enabled": True}}
    member = watched(files=there, services=runs)
    view = watch.view(fleet(member), member)
    assert (view["files"], view["runs"], view["obsolete"]) == ([], True, [])


def test_what_the_release_before_left_is_named() -> None:
    former = "/etc/systemd/system/llmfleet-gpu-watch.timer"
    member = watched(files={former: file("x")})
    assert former in watch.look(member)["files"]
    assert watch.view(fleet(member), member)["obsolete"] == [former]


@pytest.mark.parametrize(
    "given",
    [
        {"docker_https_proxy": f"http://u:{SECRET}@proxy:3128"},
        {"docker_daemon_options": {"log-opts": {"splunk-token": SECRET}}},
        {"docker_registry_mirrors": [f"https://u:{SECRET}@mirror"]},
    ],
)
def test_no_view_holds_a_secret(given: dict[str, Any]) -> None:
    member = server(host("Ubuntu-24.04"), **given)
    view = docker.view(fleet(member), member)
    assert SECRET not in json.dumps(view) and view["daemon_secret"] is True and view["plan"]["config"] is True
    options = docker_daemon_options.FilterModule().filters()["docker_daemon_options"]
    assert SECRET in json.dumps(options({name: member.variables[name] for name in view["daemon_variables"]}))


def read_of(role: str, name: str) -> set[str]:
    """What a role's tasks and variables read of a dictionary."""
    texts = [
        path.read_text() for folder in ("tasks", "vars", "handlers") for path in (ROLES / role / folder).glob("*.yml")
    ]
    return set(re.findall(rf"__{role}_{name}\.([a-z_]+)", "\n".join(texts)))


@pytest.mark.parametrize("system", ["Ubuntu-24.04", "Rocky-9"])
@pytest.mark.parametrize("role", VIEWS)
def test_the_plan_has_all_that_the_roles_tasks_read(role: str, system: str) -> None:
    member = server(host(system, driver={"device_ids": ["2330"], "nvswitch": True}))
    view = VIEWS[role].view(fleet(member), member)
    assert len(read_of(role, "plan")) > 5
    assert read_of(role, "plan") <= set(view["plan"]) and read_of(role, "view") <= set(view)


def test_the_watchs_view_has_all_that_its_tasks_read() -> None:
    assert read_of("watch", "view") <= set(watch.view(fleet(watched()), watched()))


@pytest.mark.parametrize(
    ("role", "given"),
    [
        ("docker", {"docker_manage_packages": False}),
        ("nvidia_driver", {"nvidia_driver_manage": False}),
        ("nvidia_container_toolkit", {"nvidia_container_toolkit_source": "none"}),
    ],
)
def test_a_plan_of_what_is_not_managed_has_what_decides_whether_to_do_anything(
    role: str, given: dict[str, Any]
) -> None:
    member = server(host("openSUSE"), **given)
    view = VIEWS[role].view(fleet(member), member)
    main = (ROLES / role / "tasks/main.yml").read_text()
    assert set(re.findall(rf"__{role}_plan\.([a-z_]+)", main)) - {"loaded"} <= set(view["plan"])
