# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What others changed is seen on the real proxy, and what only looks different is no difference."""

from __future__ import annotations

import typing as t

import pytest

from .harness import change, run, succeed
from .proxy import Proxy

RAW = "sk-differences-0123456789abcdef"
Options = dict[str, t.Any]


@pytest.fixture
def model(proxy: Proxy) -> t.Iterator[Options]:
    options: Options = {"model_id": "di-model", "model_name": "di"}
    succeed(proxy, "litellm_model", **options, state="absent")
    yield options
    succeed(proxy, "litellm_model", **options, state="absent")


PARAMS: list[tuple[Options, Options, str]] = [
    ({"input_cost_per_token": 1e-6}, {"input_cost_per_token": 0.5}, "litellm_params"),
    ({"stop": ["a", "b"]}, {"stop": ["b", "a"]}, "litellm_params"),
    ({"api_base": "http://127.0.0.1:9"}, {"api_base": "http://127.0.0.1:10"}, "litellm_params"),
]


@pytest.mark.parametrize(("mine", "theirs", "seen"), PARAMS)
def test_a_parameter_that_somebody_changed(
    proxy: Proxy, model: Options, mine: Options, theirs: Options, seen: str
) -> None:
    params = {"model": "openai/x", **mine}
    succeed(proxy, "litellm_model", **model, litellm_params=params)
    proxy.call("PATCH", "/model/di-model/update", {"litellm_params": theirs})
    changed = change(proxy, "litellm_model", **model, litellm_params=params)
    assert changed["changed_fields"] == [seen]
    assert "0.5" in str(changed["diff"]) or "input_cost_per_token" not in mine


def test_numbers_that_are_written_as_text(proxy: Proxy, model: Options) -> None:
    params = {"model": "openai/x", "rpm": "3", "input_cost_per_token": "3e-7", "timeout": "30"}
    change(proxy, "litellm_model", **model, litellm_params=params)


def test_a_credential_that_somebody_changed(proxy: Proxy) -> None:
    values = {"api_key": "abcdefghijklmnop", "api_base": "http://127.0.0.1:9"}
    credential: Options = {"credential_name": "di-credential", "credential_values": values}
    succeed(proxy, "litellm_credential", **credential)
    for theirs in ({"api_base": "http://127.0.0.1:10"}, {"api_key": "zyxwvutsrqponmlk"}):
        body = {"credential_name": "di-credential", "credential_values": theirs, "credential_info": {}}
        proxy.call("PATCH", "/credentials/di-credential", body)
        changed = change(proxy, "litellm_credential", **credential)
        assert "abcdef" not in str(changed.data)
        assert "zyxw" not in str(changed.data)
    succeed(proxy, "litellm_credential", **credential, state="absent")


def test_metadata_of_litellm_that_is_named(proxy: Proxy) -> None:
    theirs: Options = {"logging": [{"callback_name": "langfuse"}]}
    key: Options = {"key_alias": "di-key", "key": RAW}
    succeed(proxy, "litellm_key", **key, state="absent")
    succeed(proxy, "litellm_key", **key, metadata={"note": 1, **theirs})
    name = next(iter(theirs))
    assert change(proxy, "litellm_key", **key, metadata={name: None})["changed_fields"] == ["metadata"]
    succeed(proxy, "litellm_key", **key, state="absent")


@pytest.mark.parametrize("module", ["litellm_key", "litellm_team"])
def test_callbacks_in_metadata_whose_values_come_back_encrypted(proxy: Proxy, module: str) -> None:
    name: Options = {"key_alias": "di-key"} if module == "litellm_key" else {"team_alias": "di-team"}
    value: Options = {"key": RAW} if module == "litellm_key" else {}
    succeed(proxy, module, **name, state="absent")

    def logging(host: str, secret: str) -> Options:
        variables = {"langfuse_public_key": "pk", "langfuse_secret_key": secret, "langfuse_host": host}
        return {"logging": [{"callback_name": "langfuse", "callback_type": "success", "callback_vars": variables}]}

    for host, secret in (
        ("http://127.0.0.1:9", "secret-a"),
        ("http://127.0.0.1:9", "secret-b"),
        ("http://a", "secret-b"),
    ):
        changed = change(proxy, module, **name, **value, metadata=logging(host, secret))
        assert secret not in str(changed.data)
    change(proxy, module, **name, metadata={"logging": None})
    succeed(proxy, module, **name, state="absent")


def test_limits_in_metadata(proxy: Proxy) -> None:
    key: Options = {"key_alias": "di-key", "key": RAW}
    succeed(proxy, "litellm_key", **key, metadata={"model_rpm_limit": {"m": 1}})
    change(proxy, "litellm_key", **key, metadata={"model_rpm_limit": {"m": 2}})
    succeed(proxy, "litellm_key", **key, state="absent")


def test_the_order_of_tools_is_no_difference(proxy: Proxy) -> None:
    key: Options = {"key_alias": "di-key", "key": RAW}
    server: Options = {"server_name": "di_tools", "server_id": "di-tools"}
    succeed(proxy, "litellm_mcp_server", **server, url="http://127.0.0.1:9/mcp", transport="http")
    tools = {"mcp_tool_permissions": {"di-tools": ["b", "a"]}}
    change(proxy, "litellm_key", **key, object_permission=tools)
    again = {"mcp_tool_permissions": {"di-tools": ["a", "b"]}}
    assert not succeed(proxy, "litellm_key", **key, object_permission=again)["changed"]
    succeed(proxy, "litellm_mcp_server", **server, state="absent")
    succeed(proxy, "litellm_key", **key, state="absent")


INCOMPLETE: list[tuple[str, Options, str]] = [
    ("litellm_model", {"model_id": "di-x"}, "model_name, litellm_params.model"),
    ("litellm_guardrail", {"guardrail_name": "di-x"}, "litellm_params.guardrail"),
]


@pytest.mark.parametrize(("module", "options", "lacking"), INCOMPLETE)
def test_what_a_new_object_needs_is_said_before_the_call(
    proxy: Proxy, module: str, options: Options, lacking: str
) -> None:
    result = run(proxy, module, **options, check=True)
    assert f"a new one needs {lacking}" in result["msg"]


def test_a_model_whose_id_has_a_slash_is_not_promised(proxy: Proxy) -> None:
    model: Options = {"model_id": "di/model", "model_name": "di", "litellm_params": {"model": "openai/x"}}
    change(proxy, "litellm_model", **model)
    refused = run(proxy, "litellm_model", **{**model, "litellm_params": {"model": "openai/y"}}, check=True)
    assert "has a slash" in refused["msg"]
    change(proxy, "litellm_model", model_id="di/model", state="absent")


def test_a_budget_of_zero(proxy: Proxy) -> None:
    change(proxy, "litellm_customer", user_id="di-customer", max_budget=0)
    change(proxy, "litellm_customer", user_id="di-customer", max_budget=2)
    assert "budget of 0" in run(proxy, "litellm_customer", user_id="di-customer", max_budget=0, check=True)["msg"]
    succeed(proxy, "litellm_customer", user_id="di-customer", state="absent")


def test_a_transport_changes_with_the_address_that_stays(proxy: Proxy) -> None:
    server: Options = {"server_name": "di_server", "url": "http://127.0.0.1:9/mcp"}
    change(proxy, "litellm_mcp_server", **server, transport="sse")
    change(proxy, "litellm_mcp_server", **server, transport="http")
    succeed(proxy, "litellm_mcp_server", **server, state="absent")
