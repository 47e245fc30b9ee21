# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the roles docker, nvidia_driver and nvidia_container_toolkit read of the fleet."""

from __future__ import annotations

import json
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
    docker,
    nvidia_container_toolkit,
    nvidia_driver,
)
from looks import defaults, host

SECRET = "hunter2-of-the-vault"
VIEWS = {"docker": docker, "nvidia_driver": nvidia_driver, "nvidia_container_toolkit": nvidia_container_toolkit}
PLANS = {
    "docker": docker_plan.FilterModule().filters()["docker_plan"],
    "nvidia_driver": nvidia_driver_plan.FilterModule().filters()["nvidia_driver_plan"],
    "nvidia_container_toolkit": nvidia_container_toolkit_plan.FilterModule().filters()["nvidia_container_toolkit_plan"],
}


def server(facts: dict[str, Any], **given: Any) -> Host:
    variables = {name: value for role in VIEWS for name, value in defaults(role).items()}
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


@pytest.mark.parametrize("role", VIEWS)
def test_a_host_that_was_not_looked_at_has_no_plan(role: str) -> None:
    member = server({})
    assert VIEWS[role].view(fleet(member), member)["plan"] is None


@pytest.mark.parametrize("role", VIEWS)
def test_the_look_is_made_of_options_of_host_info(role: str) -> None:
    asked = VIEWS[role].look(server({}))
    assert asked and set(asked) <= set(host_info.ARGUMENTS)


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
