# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What init is asked for: how it is read, what is refused, and which files are missing."""

from __future__ import annotations

import typing as t
from pathlib import Path

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._project import declared, files
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._project.asked import Asked, faults, misspelt, read
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import role_defaults


def refused(**given: t.Any) -> list[str]:
    asked = read(given)
    return faults(asked) or declared.faults(asked, role_defaults(DataLoader()), DataLoader())


def addresses(asked: Asked) -> dict[str, str]:
    return {server.name: server.address for server in asked.servers}


def test_nothing_asked_for_is_one_server_with_a_small_model() -> None:
    asked = read({})
    assert addresses(asked) == {"gpu1": "192.0.2.10"}
    assert asked.gateway == asked.gpu_servers[0]
    assert [model.model for model in asked.models] == ["Qwen/Qwen2.5-0.5B-Instruct"]
    assert refused() == []


@pytest.mark.parametrize("given", ["10.0.0.5, 10.0.0.6,", ["10.0.0.5", "10.0.0.6"]], ids=["text", "list"])
def test_servers_as_the_command_line_and_as_yaml_give_them(given: t.Any) -> None:
    assert addresses(read({"gpu_hosts": given})) == {"gpu1": "10.0.0.5", "gpu2": "10.0.0.6"}


def test_a_gateway_of_its_own_comes_first_and_one_of_the_servers_is_that_server() -> None:
    apart = read({"gpu_hosts": "10.0.0.5", "gateway": "gw.example.com"})
    assert addresses(apart) == {"gateway1": "gw.example.com", "gpu1": "10.0.0.5"}
    assert read({"gpu_hosts": "10.0.0.5,10.0.0.6", "gateway": "10.0.0.6"}).gateway.name == "gpu2"


def test_the_name_in_the_api_is_the_last_part_or_the_one_given() -> None:
    models = read({"models": "Qwen/Qwen2.5-7B-Instruct,chat=meta/Llama-3,/srv/models/Mine/"}).models
    assert [model.name for model in models] == ["qwen2.5-7b-instruct", "chat", "mine"]
    assert models[2].model == "/srv/models/Mine/"


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("meta/405", "model-405"),
        (f"owner/{'Long-' * 12}Instruct", ("long-" * 9)[:45].rstrip("-")),
        ("a/null", "model-null"),
    ],
)
def test_a_last_part_that_no_container_can_be_called_by_is_made_one(model: str, name: str) -> None:
    assert read({"models": model}).models[0].name == name
    assert refused(models=model) == []


def test_a_parameter_that_is_called_otherwise_is_refused() -> None:
    said = ["gpu_host", "models", "result", "compose_dir", "ansible_port"]
    assert misspelt(said) == ["gpu_host is no parameter; did you mean gpu_hosts?"]


@pytest.mark.parametrize(
    "given",
    [
        {"gpu_hosts": "10.0.0.5,10.0.0.6,fd00::5", "gpu_count": "8", "domain": "llm.example.com"},
        {"gpu_hosts": "gpu.example.com", "gateway": "10.0.0.4", "ssh_user": "ubuntu"},
        {"models": "a=Qwen/Qwen2.5-7B-Instruct,b=/srv/models/mine", "gpu_count": 0},
    ],
)
def test_what_site_yml_takes_is_taken(given: dict[str, t.Any]) -> None:
    assert refused(**given) == []


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"gpu_hosts": "10.0.0.5:22"}, "gpu_hosts: '10.0.0.5:22' is no host"),
        ({"gpu_hosts": "{{ evil }}"}, "gpu_hosts: '{{ evil }}' is no host"),
        ({"gpu_hosts": "10.0.0.5,10.0.0.5"}, "gpu_hosts names 10.0.0.5 twice"),
        ({"gateway": "http://gw"}, "gateway: 'http://gw' is no host"),
        ({"ssh_user": "ro ot"}, "ssh_user: 'ro ot' is no name of a user"),
        ({"gpu_count": "two"}, "gpu_count: 'two' is no number"),
        ({"gpu_count": 65}, "llm_gpu_count on gpu1: 65 is out of range"),
        ({"domain": "https://llm.example.com"}, "domain: 'https://llm.example.com' is no name"),
        ({"domain": "{{x}}"}, "domain: '{{x}}' is no name"),
        ({"models": "Qwen/Qwen2.5/7B"}, "is no repository of the hub"),
        ({"models": "a=x/y,a=x/z"}, "the name a is also that of llm_models[0]"),
        ({"models": "gate=x/y,{{b}}=x/y"}, "models: '{{b}}' is no name"),
        ({"models": "a={{ x }}/y"}, "models: '{{ x }}/y' is no model"),
        ({"models": "null=x/y"}, "is no text to YAML"),
    ],
)
def test_what_site_yml_would_refuse_is_refused_with_a_remedy(given: dict[str, t.Any], said: str) -> None:
    found = "\n".join(refused(**given))
    assert said in found
    assert any(remedy in found for remedy in ("write", "rename", "give each"))


class TestFiles:
    def test_all_are_missing_where_nothing_is(self, tmp_path: Path) -> None:
        assert files.missing(tmp_path / "new") == list(files.FILES)

    @pytest.mark.parametrize(
        "name", ["group_vars/all/models.yaml", "group_vars/all.yml", "gpu_hosts/group_vars/all/mine.yml"]
    )
    def test_variables_of_all_hosts_in_another_file_are_the_declaration(self, tmp_path: Path, name: str) -> None:
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("llm_models: []\n")
        assert files.DECLARATION not in files.missing(tmp_path)

    def test_secrets_are_no_declaration(self, tmp_path: Path) -> None:
        (tmp_path / "group_vars" / "all").mkdir(parents=True)
        (tmp_path / "group_vars" / "all" / "vault.yml").write_text("a: b\n")
        assert files.DECLARATION in files.missing(tmp_path)

    def test_what_was_asked_for_and_has_its_place_already_is_said(self) -> None:
        said = files.unheard({"domain": "x", "gpu_hosts": "y", "models": None}, [files.DECLARATION])
        assert said == [
            "group_vars/all/main.yml is there and stays as it is, so domain was not written: write it there yourself"
        ]

    def test_texts_are_as_yaml_writes_them(self) -> None:
        seen = files.view(read({"models": "405b=x/405", "gpu_hosts": "fd00::5"}), "1.0", False, "")
        assert yaml.safe_load(seen["models"][0]["name"]) == "405b"
        assert yaml.safe_load(seen["gpu_servers"][0]["address"]) == "fd00::5"

    def test_secrets_in_plain_text_are_kept_out_of_git_and_encrypted_ones_are_not(self) -> None:
        assert files.view(read({}), "1.0", False, "")["ignored"] == ["/group_vars/all/vault.yml"]
        assert files.view(read({}), "1.0", True, "/x")["ignored"] == []


def test_an_address_that_nobody_gave_says_so() -> None:
    def printed(**given: str) -> str:
        return str(files.view(read(given), "1", False, "")["gpu_servers"][0]["address"])

    assert printed().startswith("192.0.2.10  # an example")
    assert printed(gpu_hosts="10.0.0.5") == "10.0.0.5"
