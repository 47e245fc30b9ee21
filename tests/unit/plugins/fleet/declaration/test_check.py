# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole check: all faults at once, on which hosts, and what passes."""

from __future__ import annotations

import shutil
import time
import typing as t
from pathlib import Path

import pytest
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import Unreadable, check, faults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.spelling import misspelled
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve
from checked import APART, CA_KEY, CHECKOUT, GOOD, SECRETS, TOGETHER, defaults, report, said, specs

#: The values of the report "bad input is refused before any host is touched, all faults at once": one mistake each.
TWENTY: dict[str, t.Any] = {
    "llm_state": {"keyz": []},
    "litellm_publish_address": "not-an-ip",
    "litellm_start_period": "abc",
    "litellm_instances": "many",
    "litellm_log_level": "SHOUT",
    "litellm_request_timeout": "soon",
    "litellm_environment": {"MY-KEY": "x", "A B": "y"},
    "postgres_user": "postgres",
    "postgres_publish_address": "nonsense",
    "postgres_max_connections": "lots",
    "postgres_port": 99999,
    "postgres_shm_size": "huge",
    "postgres_uid": "nobody",
    "vllm_publish_address": "nonsense",
    "vllm_shm_size": "lots",
    "vllm_shutdown_timeout": "x",
    "vllm_ulimits": "text",
    "vllm_start_period": "never",
    "llm_private_address": "also-not-an-ip",
    "gateway_state_key_store": {"unknown": {}},
}


@pytest.mark.parametrize("groups", [TOGETHER, APART], ids=["one host", "two hosts"])
def test_twenty_wrong_values_are_twenty_lines(groups: dict[str, list[str]]) -> None:
    lines = said(TWENTY, groups)
    assert len(lines) == 20
    for name in TWENTY:
        assert len([line for line in lines if line.startswith(name)]) == 1, name
    assert all(";" in line or "must be" in line for line in lines), "each line says what to write"


def test_the_roles_defaults_with_their_secrets_pass() -> None:
    found = report({}, APART)
    assert (found.faults, found.warnings) == ([], [])


class TestExampleInventories:
    """Read by Ansible itself, in a copy: the lookup of llm_state makes a key there."""

    @pytest.mark.parametrize("name", ["single", "fleet", "demo"])
    def test_passes(self, name: str, tmp_path: Path) -> None:
        inventory = tmp_path / "inventory" / name
        shutil.copytree(CHECKOUT / "inventory" / name, inventory)
        loader = DataLoader()
        manager = InventoryManager(loader=loader, sources=[str(inventory)])
        groups = manager.get_groups_dict()
        hostvars = HostVars(manager, VariableManager(loader=loader, inventory=manager), loader)
        found = resolve(hostvars, groups, {**defaults(), "llm_ca_key": CA_KEY, **SECRETS}, loader)
        assert not found.faults
        hosts = {host.name: host.variables for host in found.hosts.values()}
        assert faults(hosts, groups, specs(), defaults()) == []


class TestHosts:
    def test_of_one_host(self) -> None:
        assert said({}, {"gateways": ["a", "b"], "gpu_servers": ["c"]}, a={"litellm_port": 0})[0].startswith(
            "litellm_port on a: 0"
        )

    @pytest.mark.parametrize(
        ("change", "groups", "named"),
        [
            ({"docker_log_max_file": 0}, {"gateways": ["a"], "gpu_servers": ["b", "c"]}, "on all hosts:"),
            ({"vllm_shm_size": "x"}, {"gateways": ["a"], "gpu_servers": ["b", "c"]}, "on gpu_servers:"),
            ({"litellm_uid": -1}, {"gateways": ["a", "b"], "gpu_servers": ["c"]}, "on gateways:"),
        ],
    )
    def test_alike_on_many_is_one_line(
        self, change: dict[str, t.Any], groups: dict[str, list[str]], named: str
    ) -> None:
        lines = [line for line in said(change, groups) if line.startswith(next(iter(change)))]
        assert len(lines) == 1
        assert named in lines[0]

    def test_many_hosts_of_a_group_are_named_up_to_six(self) -> None:
        servers = [f"gpu{number}" for number in range(9)]
        wrong = {name: {"vllm_shm_size": "x"} for name in servers[:8]}
        (line,) = said({}, {"gateways": ["gw"], "gpu_servers": servers}, **wrong)
        assert "on gpu0, gpu1, gpu2, gpu3, gpu4, gpu5 and 2 more:" in line

    def test_a_role_that_does_nothing_on_a_host_has_no_faults_there(self) -> None:
        groups = {"gateways": ["gw"], "gpu_servers": ["gpu"]}
        assert said({}, groups, gw={"vllm_shm_size": "x", "nvidia_driver_branch": 1}) == []
        assert said({}, groups, gpu={"litellm_port": 0, "postgres_port": 0}) == []
        assert said({"llm_gpu_count": 0, "nvidia_driver_branch": 1}, groups) == []
        assert said({"nvidia_driver_manage": False, "nvidia_driver_branch": 1}, groups) == []
        assert said({"nvidia_container_toolkit_manage": False, "docker_cdi": False}, groups) == []

    def test_two_hundred_servers_take_under_a_second(self) -> None:
        servers = [f"gpu{number}" for number in range(200)]
        models = [{"name": f"m{number}", "model": "/m"} for number in range(500)]
        variables = {**report({}, TOGETHER).hosts["one"], "llm_models": models}
        hosts = {name: dict(variables) for name in ["gw", *servers]}
        groups = {"gateways": ["gw"], "gpu_servers": servers}
        specs(), defaults()
        before = time.process_time()
        assert faults(hosts, groups, specs(), defaults()) == []
        assert time.process_time() - before < 1


POOLS = "docker_default_address_pools"


class TestConversion:
    """As Ansible's argument specs convert, and what they would let pass."""

    @pytest.mark.parametrize(
        ("name", "value", "converted"),
        [
            ("docker_live_restore", "yes", True),
            ("docker_live_restore", "off", False),
            ("litellm_instances", "5", 5),
            ("preflight_timeout", "2.5", 2.5),
            ("postgres_version", 17, "17"),
            (
                "docker_registry_mirrors",
                "https://a.example,https://b.example",
                ["https://a.example", "https://b.example"],
            ),
        ],
    )
    def test_converts(self, name: str, value: t.Any, converted: t.Any) -> None:
        found = report({name: value})
        assert found.faults == []
        assert found.hosts["one"][name] == converted

    def test_choices_of_a_list_are_for_its_elements(self) -> None:
        assert report({"llm_domain": "llm.example.com"}).faults == []

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"litellm_instances": True}, "litellm_instances on one: True is not a whole number"),
            ({"docker_live_restore": "perhaps"}, "'perhaps' is not true or false; write true or false"),
            ({"litellm_image": {"a": 1}}, "litellm_image on one: a dictionary is not text; write text"),
            ({"vllm_environment": ["a"]}, "vllm_environment on one: a list is not a dictionary"),
            ({"docker_source": "somewhere"}, "'somewhere' is no choice; write one of upstream, distribution"),
            (
                {"llm_domain": "llm.example.com", "edge_acme_challenges": ["http-01", "dns-01"]},
                "edge_acme_challenges on one: [1] 'dns-01' is no choice",
            ),
            (
                {"litellm_port": None},
                "litellm_port on one is null; write a value, or take the line out for the default 4000",
            ),
            (
                {POOLS: [{"base": "10.0.0.0/8", "sise": 24}]},
                "[0] has no option sise; did you mean size?",
            ),
            ({POOLS: [{"base": "10.0.0.0/8", "sise": 24}]}, "[0] size is missing"),
            (
                {POOLS: [{"base": "10.0.0.0/8", "size": "x"}]},
                "[0].size 'x' is not a whole number",
            ),
        ],
    )
    def test_refuses(self, change: dict[str, t.Any], message: str) -> None:
        assert message in "\n".join(said(change))

    @pytest.mark.parametrize(
        "name",
        ["docker_data_root", "docker_compose_version", "nvidia_driver_branch", "preflight_cuda"],
    )
    def test_null_passes_where_it_means_something(self, name: str) -> None:
        assert said({name: None}) == []


class TestTemplates:
    def test_an_error_is_a_fault_of_its_variable(self) -> None:
        (line,) = said({"litellm_port": Unreadable("'my_port' is undefined")})
        assert line == "litellm_port on one can't be templated: 'my_port' is undefined; correct it"

    @pytest.mark.parametrize(
        "reason", ["Syntax error in template: got 'ss'", "'ss' is undefined", "no filter 'ss'", ""]
    )
    def test_of_a_secret_no_text_is_shown(self, reason: str) -> None:
        (line,) = said({"postgres_password": Unreadable(reason)})
        assert "'ss'" not in line
        assert "written with !unsafe before it" in line

    @pytest.mark.parametrize(
        ("reason", "remedy"),
        [
            ("failed: MARK", "see that its server is reached"),
            ("failed to load: MARK", "which is not installed here"),
            ("was not found.", "which is not installed here"),
        ],
    )
    def test_of_a_secret_that_is_kept_elsewhere_the_plugin_is_named(self, reason: str, remedy: str) -> None:
        whole = f"The lookup plugin 'community.hashi_vault.vault_kv2_get' {reason}"
        (line,) = said({"postgres_password": Unreadable(whole)})
        assert "can't be looked up by community.hashi_vault.vault_kv2_get" in line
        assert remedy in line
        assert "MARK" not in line

    def test_of_a_secret_an_undefined_variable_is_named(self) -> None:
        (line,) = said({"postgres_password": Unreadable("'vault_pw' is undefined")})
        assert "'vault_pw' is undefined; define it" in line

    @pytest.mark.parametrize("name", ["llm_models", "llm_external_models", "llm_state"])
    def test_of_a_structure(self, name: str) -> None:
        (line,) = said({name: Unreadable("'x' is undefined")})
        assert line == f"{name} can't be templated: 'x' is undefined; correct it"

    @pytest.mark.parametrize("name", ["llm_state", "docker_http_proxy"])
    def test_of_a_syntax_error_no_text_is_shown(self, name: str) -> None:
        (line,) = said({name: Unreadable("Syntax error in template: unexpected 'ss'")})
        assert "'ss'" not in line


class TestFleet:
    @pytest.mark.parametrize(
        ("change", "groups", "message"),
        [
            ({}, {"gateways": [], "gpu_servers": ["one"]}, "The inventory group gateways has no host"),
            ({}, {"gateways": ["one"], "gpu_servers": []}, "The inventory group gpu_servers has no host"),
            ({"llm_models": []}, TOGETHER, "No model is declared: give llm_models"),
        ],
    )
    def test_groups_and_models(self, change: dict[str, t.Any], groups: dict[str, list[str]], message: str) -> None:
        assert message in "\n".join(said(change, groups))

    def test_nothing_at_all(self) -> None:
        assert check({}, {}, specs()).faults == [
            "The inventory group gateways has no host: put the host that LiteLLM shall run on into it"
        ]

    @pytest.mark.parametrize("name", ["vllm_api_key", "litellm_salt_key", "litellm_master_key"])
    def test_a_secret_that_hosts_share_is_one(self, name: str) -> None:
        groups = {"gateways": ["a", "b"], "gpu_servers": ["c"]}
        lines = said({}, groups, b={name: "sk-another-one-of-full-length-0123456789"})
        assert f"{name} differs between a and b, which must have the same; write it once, in group_vars/all" in lines


class TestSpelling:
    @pytest.mark.parametrize(
        ("wrong", "right"),
        [
            ("llm_model", "llm_models"),
            ("vllm_enviroment", "vllm_environment"),
            ("litellm_ports", "litellm_port"),
            ("postgres_pasword", "postgres_password"),
            ("docker_log_maxsize", "docker_log_max_size"),
            ("nvidia_driver_brnach", "nvidia_driver_branch"),
            ("preflight_timout", "preflight_timeout"),
            ("gateway_state_prunes", "gateway_state_prune"),
        ],
    )
    def test_named_with_what_was_meant(self, wrong: str, right: str) -> None:
        assert said({wrong: 1}) == [f"{wrong} on one is read by nothing; did you mean {right}?"]

    def test_a_variable_of_an_earlier_release_is_named_with_what_it_is_now(self) -> None:
        (line,) = said({"vllm_project_dir": "/a"})
        assert line == "vllm_project_dir on one is read by nothing any more; write llm_project_root"

    @pytest.mark.parametrize(
        "name",
        [
            "llm_fleet",
            "llm_host",
            "llm_models_small",
            "my_port",
            "llm_team_members",
        ],
    )
    def test_others_are_left_alone(self, name: str) -> None:
        assert said({name: 1}) == []


def test_good_is_good() -> None:
    """Else the tests of refusals would pass by another fault."""
    assert GOOD["llm_models"]
    assert said({}) == []


def test_a_new_role_s_misspellings_are_found_without_a_list_of_names() -> None:
    assert misspelled(["redis_prt", "radish_port"], ["redis_port"]) == {"redis_prt": "redis_port"}


@pytest.mark.parametrize("name", ["gpu 1", "gpü", "a(b)", "-x", "a;b", "a/b", "x."])
def test_a_name_that_the_gates_can_not_be_told_is_refused(name: str) -> None:
    groups = {"gateways": ["gw1"], "gpu_servers": ["gpu1", name]}
    assert [line for line in said({}, groups) if "is no name for one of several hosts" in line]
    for fine in ("10.0.0.21", "fd00::21", "gpu-1.example.com", "GPU_2"):
        assert said({}, {"gateways": ["gw1"], "gpu_servers": [fine]}) == []
