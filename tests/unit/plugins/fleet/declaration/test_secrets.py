# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Secrets: what they must be, where they may not stand, and that no message holds one."""

from __future__ import annotations

import typing as t

import pytest
from ansible.template import trust_as_template
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.secrets import secrets_in
from checked import APART, CA_KEY, SECRETS, report, said

MARK = "Mark3dSecretValue"
KEY = f"sk-{MARK}-0123456789abcdef0123456789"
EVERY = [*SECRETS, "vllm_hf_token", "litellm_database_password"]


@pytest.mark.parametrize("name", EVERY)
@pytest.mark.parametrize("form", ["{}\n", " {}", "{} x", "{}\tx", "{}\x00", "{}\x7f", "{}\u2028"])
def test_white_space_and_control_characters_are_refused(name: str, form: str) -> None:
    lines = said({name: form.format(f"hf_{KEY}" if name == "vllm_hf_token" else KEY)})
    assert len(lines) == 1
    assert lines[0].startswith(f"{name} on one has white space")
    assert MARK not in lines[0]


@pytest.mark.parametrize("name", ["litellm_master_key", "vllm_api_key", "vllm_hf_token"])
def test_what_goes_into_a_header_is_ascii(name: str) -> None:
    (line,) = said({name: f"{KEY}ü"})
    assert "not printable ASCII" in line
    assert MARK not in line


@pytest.mark.parametrize("name", ["litellm_salt_key", "litellm_ui_password", "postgres_password"])
def test_other_secrets_may_have_any_letter(name: str) -> None:
    assert said({name: f"{KEY}ü'\"$#%"}) == []


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("litellm_master_key", "sk-1234", "is sk-1234, which LiteLLM refuses to start with"),
        (
            "litellm_master_key",
            f"{MARK}-0123456789abcdef0123456789",
            "must start with sk- and have 32 characters or more",
        ),
        ("litellm_master_key", "sk-short", "must start with sk- and have 32 characters or more"),
        ("litellm_salt_key", MARK[:15], "is shorter than 16 characters"),
        ("litellm_ui_password", MARK[:11], "is shorter than 12 characters"),
        ("postgres_password", MARK[:15], "is shorter than 16 characters"),
        ("vllm_api_key", MARK[:15], "is shorter than 16 characters"),
        ("vllm_hf_token", MARK, "does not start with hf_"),
    ],
)
def test_length_and_form(name: str, value: t.Any, message: str) -> None:
    (line,) = said({name: value})
    assert line.startswith(f"{name} on one {message}")
    assert MARK not in line


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("value", ["", None])
def test_a_missing_one_says_how_to_make_it(name: str, value: str | None) -> None:
    (line,) = said({name: value})
    assert line == (
        f"{name} on one is missing. Make one with ansible-playbook llmfleet.gateway.secrets -i YOUR_INVENTORY, or set"
        " it in the vault"
    )


def test_the_key_of_vllm_is_asked_for_on_gateways_too() -> None:
    (line,) = said({"vllm_api_key": ""}, APART)
    assert line.startswith("vllm_api_key on all hosts is missing")


class TestPreviousKey:
    def test_it_may_be_missing_and_is_like_the_key(self) -> None:
        assert said({"vllm_previous_api_key": ""}) == said({"vllm_previous_api_key": KEY}) == []
        (line,) = said({"vllm_previous_api_key": MARK[:15]})
        assert line.startswith("vllm_previous_api_key on one is shorter than 16 characters")
        (line,) = said({"vllm_previous_api_key": f"{KEY} x"})
        assert "has white space" in line and MARK not in line

    def test_gateways_and_servers_have_the_same(self) -> None:
        (line,) = said({}, APART, gpu1={"vllm_previous_api_key": KEY})
        assert line.startswith("vllm_previous_api_key differs between gw1 and gpu1, which must have the same")

    @pytest.mark.parametrize("name", ["vllm_api_key", "vllm_previous_api_key"])
    def test_of_two_none_may_look_like_an_option(self, name: str) -> None:
        (line,) = said({"vllm_previous_api_key": KEY, name: f"-{KEY}"})
        assert line.startswith(f"{name} on one begins with -") and MARK not in line
        assert said({"vllm_api_key": f"-{KEY}"}) == []


class TestAuthority:
    def test_several_hosts_need_one(self) -> None:
        (line,) = said({"llm_ca_key": ""}, APART)
        assert line.startswith(
            "llm_ca_key on all hosts is missing. Make one with ansible-playbook llmfleet.gateway.secrets"
        )

    def test_one_host_needs_none(self) -> None:
        assert said({"llm_ca_key": ""}) == []

    def test_it_is_one_for_all_hosts(self) -> None:
        (line,) = said({}, APART, gpu1={"llm_ca_key": f"{CA_KEY}-another"})
        assert line.startswith("llm_ca_key differs between gw1 and gpu1, which must have the same")
        assert CA_KEY not in line

    @pytest.mark.parametrize("name", ["llm_ca_key", "llm_ca_next_key", "llm_ca_previous_key"])
    def test_shape(self, name: str) -> None:
        (line,) = said({name: MARK[:31]})
        assert line.startswith(f"{name} on one is shorter than 32 characters")
        assert MARK not in line


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("mark", ["{{", "{%", "{#"])
def test_one_that_is_a_template_still_is_named_with_the_remedy(name: str, mark: str) -> None:
    lines = said({name: trust_as_template(f"{KEY}{mark}x")})
    assert "write it as !unsafe" in lines[0]
    assert MARK not in lines[0]
    assert said({name: f"{KEY}{mark}x"}) == [], "written as !unsafe"


def test_no_text_of_a_list_or_dictionary_is_shown() -> None:
    text = "\n".join(said({name: {"a": KEY} for name in EVERY}))
    assert text.count("is not text") >= len(EVERY) - 1
    assert MARK not in text


class TestSecretEnvironment:
    @pytest.mark.parametrize("name", ["litellm_secret_environment", "vllm_secret_environment"])
    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({"MY-KEY": MARK}, "'MY-KEY' is no name of environment variables; write letters, digits and _ only"),
            ({"A_KEY": f"{MARK}\n"}, "A_KEY has white space or a line end at its beginning or end"),
            ({"A_KEY": {"a": MARK}}, "A_KEY must be text"),
            ({"A_KEY": f"{MARK} x"}, "A_KEY has white space or a control character in it"),
            ({"VLLM_API_KEY": MARK}, "VLLM_API_KEY is set through vllm_api_key; take it out"),
        ],
    )
    def test_refuses(self, name: str, value: dict[str, t.Any], message: str) -> None:
        text = "\n".join(said({name: value}))
        assert message in text
        assert MARK not in text

    def test_a_service_accounts_document_may_have_spaces(self) -> None:
        assert said({"litellm_secret_environment": {"GOOGLE_KEY": '{"a": "b c",\n "d": 1}'}}) == []


class TestEnvironment:
    @pytest.mark.parametrize("name", ["litellm_environment", "vllm_environment"])
    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({"A B": MARK}, "'A B' is no name of environment variables"),
            ({"1A": MARK}, "'1A' is no name of environment variables"),
            ({"X: {y}": MARK, "A-B": MARK}, "'X: {y}' and 'A-B' are no names of environment variables"),
            ({"A": [MARK]}, "A must be text (its value is not shown)"),
            ({"A": None}, "A must be text (its value is not shown)"),
            ({"AWS_SECRET_ACCESS_KEY": MARK}, "AWS_SECRET_ACCESS_KEY looks like a secret and would be readable"),
            ({"PROXY": f"http://me:{MARK}@proxy"}, "PROXY looks like a secret and would be readable"),
        ],
    )
    def test_refuses(self, name: str, value: dict[str, t.Any], message: str) -> None:
        text = "\n".join(said({name: value}))
        assert message in text
        assert MARK not in text

    def test_one_fault_hides_no_other(self) -> None:
        text = "\n".join(said({"vllm_environment": {"A B": MARK, "API_KEY": MARK, "VLLM_SERVER_DEV_MODE": "1"}}))
        for message in ("'A B' is no name", "API_KEY looks like a secret", "VLLM_SERVER_DEV_MODE opens requests"):
            assert message in text
        assert MARK not in text

    @pytest.mark.parametrize("name", ["vllm_environment", "vllm_secret_environment"])
    @pytest.mark.parametrize("value", ["1", 1, True])
    def test_no_dev_mode(self, name: str, value: t.Any) -> None:
        assert "VLLM_SERVER_DEV_MODE opens requests" in "\n".join(said({name: {"VLLM_SERVER_DEV_MODE": value}}))
        assert said({name: {"VLLM_SERVER_DEV_MODE": "0"}}) == []

    def test_remedies_name_the_variable(self) -> None:
        assert "HF_TOKEN is set through vllm_hf_token" in said({"vllm_environment": {"HF_TOKEN": MARK}})[0]
        assert "move it into vllm_secret_environment" in said({"vllm_environment": {"S3_SECRET": MARK}})[0]
        assert "move it into litellm_secret_environment" in said({"litellm_environment": {"OPENAI_API_KEY": MARK}})[0]

    def test_numbers_and_switches_pass(self) -> None:
        values = {"OMP_NUM_THREADS": 1, "A": True, "TOKENIZERS_PARALLELISM": "false", "B": ""}
        assert said({"vllm_environment": values, "litellm_environment": values}) == []


class TestSettings:
    """At any depth they are moved into the environment; where that can't be, they are refused."""

    def test_moved(self) -> None:
        settings = {"cache_params": {"password": MARK}, "default_team_settings": [{"langfuse_secret": MARK}]}
        assert said({"litellm_settings": settings}) == []

    @pytest.mark.parametrize("name", ["litellm_settings", "litellm_router_settings", "litellm_general_settings"])
    def test_refused(self, name: str) -> None:
        (line,) = said({name: {"slack_webhook_urls": [f"https://hooks.example/{MARK}"]}})
        assert line.startswith(f"{name} on one: {name}.slack_webhook_urls[0] looks like a secret")
        assert MARK not in line

    def test_refused_in_an_external_model(self) -> None:
        params = {"model": "openai/x", "api_keys_secret": [MARK]}
        (line,) = said({"llm_external_models": [{"name": "m", "litellm_params": params}]})
        assert "llm_external_models[0].litellm_params.api_keys_secret[0] looks like a secret" in line
        assert MARK not in line


class TestKeyStore:
    @pytest.mark.parametrize("token", [f"{MARK}\n", f"{MARK} x", f"{MARK}ü"])
    def test_the_token_goes_into_a_header(self, token: str) -> None:
        (line,) = said({"gateway_state_key_store": {"hashicorp_vault": {"path": "a", "token": token}}})
        assert "hashicorp_vault.token has" in line
        assert MARK not in line

    def test_a_text_for_the_store_is_not_shown(self) -> None:
        assert MARK not in "\n".join(said({"gateway_state_key_store": {"hashicorp_vault": MARK}}))


class TestPasswordsInAddresses:
    @pytest.mark.parametrize(
        "change",
        [
            {"docker_http_proxy": f"proxy://me:{MARK}@host"},
            {"docker_registry_mirrors": [f"ftp://me:{MARK}@host"]},
            {"docker_insecure_registries": [f"http://me:{MARK}@host"]},
            {"vllm_hf_endpoint": f"https://me:{MARK}@host/"},
            {"docker_daemon_options": {"log opts": {"splunk-token": MARK}, "proxies": f"http://me:{MARK}@host"}},
        ],
    )
    def test_are_not_repeated(self, change: dict[str, t.Any]) -> None:
        lines = said(change)
        assert lines
        assert MARK not in "\n".join(lines)


def test_where_in_a_structure() -> None:
    found = {
        "a": [{"token": "x"}],
        "b": {"headers": {"Authorization": "y"}},
        "c": ["http://u:p@h"],
        "max_tokens": "100",
        "bos_token": "<s>",
        "api_key": "os.environ/A",
        "input_cost_per_token": "1e-05",
    }
    assert secrets_in(found) == ["a.0.token", "b.headers.Authorization", "c.0"]


def test_nothing_of_a_wrong_fleet_shows_a_secret() -> None:
    change: dict[str, t.Any] = dict.fromkeys(EVERY, f"{MARK} \n")
    change |= {"litellm_environment": MARK, "vllm_secret_environment": MARK, "llm_state": MARK}
    assert MARK not in "\n".join(report(change).faults)
