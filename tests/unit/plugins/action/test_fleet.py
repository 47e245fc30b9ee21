# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the fleet is read: the roles' defaults, each host's variables over them, templated; fleet-wide ones once."""

from __future__ import annotations

import typing as t

from ansible.parsing.dataloader import DataLoader
from ansible.template import trust_as_template
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import Resolved, resolve


class Inventory:
    def __init__(self, **hosts: dict[str, t.Any]) -> None:
        self.hosts = hosts

    def raw_get(self, host_name: str) -> dict[str, t.Any]:
        return {"inventory_hostname": host_name, **self.hosts[host_name]}


def read(groups: dict[str, list[str]], **hosts: dict[str, t.Any]) -> Resolved:
    loader = DataLoader()
    return resolve(Inventory(**hosts), groups, role_defaults(loader), loader)


ONE = {"gateways": ["a"], "gpu_servers": ["a"]}


def test_defaults_lie_under_the_hosts_variables_and_are_templated_with_them() -> None:
    host = read(ONE, a={"litellm_version": "1.2.3", "llm_gpu_count": 0}).hosts["a"]
    assert host.variables["litellm_image"].endswith(":1.2.3")
    assert host.variables["vllm_image"].startswith("docker.io/vllm/vllm-openai-cpu:")
    assert (host.is_gateway, host.is_gpu_server, host.gpu_count) == (True, True, 0)


def test_every_default_of_every_role_can_be_templated() -> None:
    assert read(ONE, a={}).faults == []


def test_what_can_not_be_templated_is_named_without_its_value() -> None:
    secret = trust_as_template("abc{{ nothing_of_that_name }}def")
    broken = trust_as_template("abc{{def")
    faults = read(ONE, a={"vllm_api_key": secret, "postgres_password": broken}).faults
    # LiteLLM's password of the database is that of PostgreSQL
    assert {fault.split(" ")[0] for fault in faults} == {
        "litellm_database_password",
        "postgres_password",
        "vllm_api_key",
    }
    assert not any(part in fault for fault in faults for part in ("abc", "def ", "def}"))
    assert any("nothing_of_that_name" in fault for fault in faults) and any("!unsafe" in fault for fault in faults)


def test_models_that_differ_between_hosts_are_refused() -> None:
    groups = {"gateways": ["a"], "gpu_servers": ["b"]}
    faults = read(groups, a={"llm_models": [{"name": "m"}]}, b={"llm_models": []}).faults
    assert faults == [
        "llm_models of b differs from that of a: it is one for the whole fleet, so write it into group_vars/all"
    ]


def test_a_misspelt_variable_is_kept_for_the_check() -> None:
    assert read(ONE, a={"litellm_prot": 1}).hosts["a"].variables["litellm_prot"] == 1
