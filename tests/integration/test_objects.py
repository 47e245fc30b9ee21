# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every kind of object through its whole life on the real proxy."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field

import pytest

from .harness import change, run, succeed
from .proxy import Proxy

pytestmark = pytest.mark.usefixtures("named")

RAW = "sk-integration-0123456789abcdef"
Options = dict[str, t.Any]


@dataclass(frozen=True)
class Life:
    """What one kind of object goes through: made, changed, cleared, deleted."""

    module: str
    name: Options
    create: Options
    update: Options
    clear: Options
    kept: Options = field(default_factory=dict)  # what must have survived, in the object as it is read


def nulls(names: str) -> Options:
    return dict.fromkeys(names.split())


LIVES = (
    Life(
        "litellm_key",
        {"key_alias": "it-key # ü/1"},
        {
            "key": RAW,
            "models": ["b", "a"],
            "aliases": {"x": "a"},
            "allowed_routes": ["/chat/completions"],
            "allowed_cache_controls": ["no-cache"],
            "permissions": {"p": True},
            "config": {"c": 1},
            "router_settings": {"num_retries": 2},
            "object_permission": {"agent_access_groups": ["g"], "vector_stores": ["v"]},
            "duration": "30d",
            "blocked": False,
            "auto_rotate": True,
            "rotation_interval": "30d",
            "max_budget": 10.5,
            "soft_budget": 5,
            "budget_duration": "30d",
            "budget_limits": [{"budget_duration": "1d", "max_budget": 1}],
            "budget_fallbacks": {"a": ["b"]},
            "tpm_limit": 10,
            "rpm_limit": 11,
            "tpd_limit": 12,
            "max_parallel_requests": 13,
            "model_rpm_limit": {"a": 1},
            "model_tpm_limit": {"a": 2},
            "mcp_rpm_limit": {"m": 3},
            "tag_rpm_limit": {"t": 4},
            "rpm_limit_type": "dynamic",
            "tpm_limit_type": "dynamic",
            "default_estimated_output_tokens": 5,
            "default_estimated_output_tokens_per_model": {"a": 6},
            "allowed_vector_store_indexes": [{"index_name": "i", "index_permissions": ["read"]}],
            "throttle_on_budget_exceeded": True,
            "enable_prompt_caching": True,
            "metadata": {"a": 1, "b": {"c": [1, 2]}},
            "user_id": "someone",
        },
        {"models": ["c"], "max_budget": 0, "metadata": {"d": 1}, "model_rpm_limit": {"a": 7}, "blocked": True},
        nulls(
            "models aliases allowed_routes allowed_cache_controls permissions config "
            "router_settings object_permission duration blocked auto_rotate rotation_interval "
            "max_budget soft_budget budget_duration budget_limits budget_fallbacks tpm_limit "
            "rpm_limit tpd_limit max_parallel_requests model_rpm_limit model_tpm_limit "
            "mcp_rpm_limit tag_rpm_limit rpm_limit_type tpm_limit_type "
            "default_estimated_output_tokens default_estimated_output_tokens_per_model "
            "allowed_vector_store_indexes throttle_on_budget_exceeded enable_prompt_caching "
            "user_id "
        ),
        {"metadata": {"a": 1, "b": {"c": [1, 2]}, "d": 1}},
    ),
    Life(
        "litellm_team",
        {"team_alias": "it-team"},
        {
            "models": ["b", "a"],
            "model_aliases": {"x": "a"},
            "blocked": False,
            "max_budget": 10,
            "soft_budget": 5,
            "budget_duration": "30d",
            "budget_limits": [{"budget_duration": "1d", "max_budget": 1}],
            "tpm_limit": 10,
            "rpm_limit": 11,
            "tpd_limit": 12,
            "team_member_permissions": ["/key/info"],
            "router_settings": {"num_retries": 1},
            "object_permission": {"vector_stores": ["a"]},
            "default_team_member_models": ["a"],
            "model_rpm_limit": {"a": 1},
            "mcp_rpm_limit": {"m": 1},
            "allowed_vector_store_indexes": [{"index_name": "i", "index_permissions": ["read"]}],
            "metadata": {"a": 1},
            "members_with_roles": [{"user_id": "it-ada"}, {"user_id": "it-grace"}],
            "team_member_budget": 5,
            "team_member_budget_duration": "30d",
            "team_member_rpm_limit": 3,
            "team_member_tpm_limit": 4,
            "enforced_batch_output_expires_after": {"anchor": "created_at", "seconds": 7200},
            "enforced_file_expires_after": {"anchor": "created_at", "seconds": 7200},
        },
        {
            "models": ["c"],
            "metadata": {"b": 2},
            "model_rpm_limit": {"a": 3},
            "team_member_budget": 6,
            "team_member_permissions": ["/key/info", "/key/update"],
            "members_with_roles": [{"user_id": "it-ada"}, {"user_id": "it-alan"}],
        },
        nulls(
            "models model_aliases blocked max_budget soft_budget budget_duration budget_limits "
            "tpm_limit rpm_limit tpd_limit team_member_permissions router_settings "
            "object_permission default_team_member_models model_rpm_limit mcp_rpm_limit "
            "allowed_vector_store_indexes members_with_roles team_member_budget team_member_budget_duration "
            "team_member_rpm_limit team_member_tpm_limit "
            "enforced_batch_output_expires_after enforced_file_expires_after "
        ),
        {"metadata": {"a": 1, "b": 2}},
    ),
    Life(
        "litellm_user",
        {"user_id": "it-user"},
        {
            "user_email": "it@example.com",
            "user_alias": "It",
            "user_role": "internal_user",
            "models": ["a"],
            "max_budget": 3,
            "budget_duration": "30d",
            "tpm_limit": 5,
            "metadata": {"a": 1},
            "model_rpm_limit": {"a": 1},
            "mcp_rpm_limit": {"m": 1},
            "tag_rpm_limit": {"t": 1},
            "object_permission": {"vector_stores": ["a"]},
        },
        {
            "user_role": "internal_user_viewer",
            "max_budget": 4,
            "metadata": {"a": None, "b": 1},
            "object_permission": {"mcp_servers": ["s"], "vector_stores": ["v"]},
        },
        nulls(
            "user_alias max_budget budget_duration model_rpm_limit mcp_rpm_limit tag_rpm_limit "
            "object_permission metadata"
        ),
    ),
    Life(
        "litellm_budget",
        {"budget_id": "it/budget #1"},
        {"max_budget": 10, "soft_budget": 5, "budget_duration": "30d", "tpm_limit": 1, "rpm_limit": 2, "tpd_limit": 3},
        {"max_budget": 0, "max_parallel_requests": 4},
        nulls("max_budget soft_budget budget_duration tpm_limit rpm_limit tpd_limit "),
    ),
    Life(
        "litellm_customer",
        {"user_id": "it-customer"},
        {
            "alias": "A",
            "max_budget": 3,
            "budget_duration": "30d",
            "tpm_limit": 4,
            "tpd_limit": 5,
            "object_permission": {"vector_stores": ["a"]},
        },
        {"alias": "B", "max_budget": 5, "blocked": True},
        {"alias": None, "blocked": None, "object_permission": None},
    ),
    Life(
        "litellm_credential",
        {"credential_name": "it-credential"},
        {"credential_values": {"api_key": "secret-1", "api_base": "http://x"}, "credential_info": {"use": "test"}},
        {"credential_values": {"api_key": "secret-2", "api_base": "http://x"}, "credential_info": {"more": 1}},
        {"credential_values": {"api_key": "secret-2", "api_base": None}, "credential_info": {"more": None}},
    ),
    Life(
        "litellm_model",
        {"model_id": "it-model-1"},
        {
            "model_name": "it-model",
            "litellm_params": {
                "model": "openai/x",
                "api_base": "http://127.0.0.1:9",
                "api_key": "secret-1",
                "rpm": 3,
                "input_cost_per_token": 0.5,
            },
            "model_info": {"mode": "chat"},
            "blocked": True,
        },
        {
            "litellm_params": {"model": "openai/x", "api_key": "secret-2", "rpm": 4},
            "model_info": {"note": "n"},
            "blocked": False,
        },
        {"litellm_params": {"model": "openai/x", "api_key": "secret-2", "input_cost_per_token": None}},
    ),
    Life(
        "litellm_mcp_server",
        {"server_name": "it_mcp"},
        {
            "url": "http://127.0.0.1:9/mcp",
            "transport": "http",
            "description": "d",
            "auth_type": "api_key",
            "credentials": {"auth_value": "secret-1"},
            "mcp_access_groups": ["g"],
            "allowed_tools": ["b", "a"],
            "extra_headers": ["h"],
            "static_headers": {"X-Secret": "secret-2"},
            "allow_all_keys": True,
            "server_timeout": 5,
            "instructions": "i",
            "mcp_info": {"a": 1},
            "server_id": "it-mcp-id",
            "source_url": "http://127.0.0.1:9/source",
            "env_vars": [{"name": "A", "value": "secret-4"}],
            "tool_name_to_description": {"a": "b"},
            "tool_name_to_display_name": {"a": "c"},
            "max_concurrent_requests": 3,
            "available_on_public_internet": False,
            "is_byok": True,
            "byok_description": ["d"],
            "byok_api_key_help_url": "http://127.0.0.1:9/help",
            "delegate_auth_to_upstream": True,
            "oauth_passthrough": True,
            "issuer": "http://127.0.0.1:9",
            "authorization_url": "http://127.0.0.1:9/authorize",
            "token_url": "http://127.0.0.1:9/token",
            "registration_url": "http://127.0.0.1:9/register",
            "audience": "a",
            "oauth2_flow": "client_credentials",
            "token_exchange_endpoint": "http://127.0.0.1:9/exchange",
            "token_exchange_profile": "rfc8693",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        },
        {"description": "e", "credentials": {"auth_value": "secret-3"}, "mcp_info": {"b": 1}},
        nulls(
            "description mcp_access_groups allowed_tools extra_headers static_headers allow_all_keys server_timeout "
            "source_url env_vars tool_name_to_description tool_name_to_display_name max_concurrent_requests "
            "available_on_public_internet is_byok byok_description byok_api_key_help_url delegate_auth_to_upstream "
            "oauth_passthrough issuer audience oauth2_flow token_exchange_endpoint subject_token_type"
        ),
    ),
    Life(
        "litellm_guardrail",
        {"guardrail_name": "it-guardrail"},
        {
            "litellm_params": {
                "guardrail": "bedrock",
                "mode": "pre_call",
                "guardrailIdentifier": "x",
                "guardrailVersion": "DRAFT",
                "aws_secret_access_key": "secret-1",
                "timeout": 3,
            },
            "guardrail_info": {"a": 1},
        },
        {
            "litellm_params": {"guardrail": "bedrock", "default_on": True, "aws_secret_access_key": "secret-2"},
            "guardrail_info": {"b": 1},
        },
        {"litellm_params": {"timeout": None}, "guardrail_info": {"a": None}},
    ),
    Life(
        "litellm_access_group",
        {"access_group_name": "it group"},
        {"description": "d", "access_model_names": ["b", "a"]},
        {"access_model_names": ["c"], "access_mcp_server_ids": ["a"]},
        {"description": None, "access_model_names": None, "access_mcp_server_ids": None},
    ),
    Life(
        "litellm_tag",
        {"name": "it-tag"},
        {"description": "d", "max_budget": 3, "budget_duration": "30d"},
        {"description": "e", "max_budget": 0},
        {"description": None, "budget_duration": None},
    ),
    Life(
        "litellm_mcp_toolset",
        {"toolset_name": "it-toolset"},
        {"description": "d", "tools": [{"server_id": "s", "tool_name": "a"}]},
        {"tools": [{"server_id": "s", "tool_name": "b"}, {"server_id": "s", "tool_name": "a"}]},
        {"description": None, "tools": None},
    ),
    Life(
        "litellm_vector_store",
        {"vector_store_id": "it-store"},
        {
            "custom_llm_provider": "openai",
            "vector_store_name": "n",
            "vector_store_description": "d",
            "litellm_params": {"api_key": "secret-value-1", "api_base": "http://127.0.0.1:9"},
            "vector_store_metadata": {"a": 1},
        },
        {"vector_store_name": "m", "vector_store_metadata": {"b": 2}, "custom_llm_provider": "azure"},
        {"vector_store_name": None, "vector_store_description": None, "vector_store_metadata": None},
    ),
    Life(
        "litellm_search_tool",
        {"search_tool_name": "it-search"},
        {
            "litellm_params": {"search_provider": "tavily", "api_key": "secret-value-1"},
            "search_tool_info": {"description": "d"},
        },
        {
            "litellm_params": {"api_key": "secret-value-2", "timeout": 3},
            "search_tool_info": {"more": 1},
        },
        {"litellm_params": {"api_key": "secret-value-2", "timeout": None}, "search_tool_info": {"more": None}},
    ),
    Life(
        "litellm_prompt",
        {"prompt_id": "it-prompt"},
        {
            "litellm_params": {"prompt_integration": "dotprompt", "dotprompt_content": "---\nmodel: x\n---\nHello"},
            "prompt_info": {"note": "n"},
        },
        {"litellm_params": {"dotprompt_content": "---\nmodel: x\n---\nGood bye"}},
        {"prompt_info": {"note": None}},
    ),
    Life(
        "litellm_pass_through_endpoint",
        {"path": "/it-path"},
        {
            "target": "http://127.0.0.1:9",
            "headers": {"Authorization": "Bearer secret-value"},
            "default_query_params": {"a": "b"},
            "include_subpath": True,
            "cost_per_request": 0.5,
            "endpoint_timeout": 30,
            "auth": True,
            "methods": ["GET", "POST"],
        },
        {"target": "http://127.0.0.1:10", "endpoint_timeout": 20, "headers": {"X-A": "secret-value"}},
        nulls("headers default_query_params include_subpath cost_per_request auth methods"),
    ),
    Life(
        "litellm_agent",
        {"agent_name": "it-agent"},
        {
            "agent_card_params": {
                "protocolVersion": "1.0",
                "name": "n",
                "description": "d",
                "url": "http://127.0.0.1:9",
                "version": "1",
                "defaultInputModes": ["text"],
                "defaultOutputModes": ["text"],
            },
            "litellm_params": {"model": "x", "api_key": "secret-value"},
            "tpm_limit": 3,
            "session_rpm_limit": 4,
            "static_headers": {"X-A": "secret-value"},
            "extra_headers": ["X-B"],
            "object_permission": {"mcp_servers": ["a"]},
        },
        {"agent_card_params": {"description": "e"}, "tpm_limit": 5, "extra_headers": ["X-C"]},
        nulls("tpm_limit session_rpm_limit static_headers extra_headers object_permission"),
    ),
    Life(
        "litellm_memory",
        {"key": "it-memory"},
        {"value": "v", "metadata": {"a": 1}},
        {"value": "w", "metadata": {"b": 2}},
        {"metadata": {"a": None}},
    ),
    Life(
        "litellm_plugin",
        {"name": "it-plugin"},
        {
            "source": {"source": "github", "repo": "a/b"},
            "version": "1.0.0",
            "description": "d",
            "author": {"name": "n"},
            "keywords": ["b", "a"],
            "homepage": "http://127.0.0.1:9",
            "category": "c",
            "domain": "do",
            "namespace": "na",
            "enabled": False,
        },
        {"version": "1.0.1", "enabled": True, "keywords": ["c"]},
        nulls("version description author keywords homepage category domain namespace"),
    ),
    Life(
        "litellm_policy",
        {"policy_name": "it-policy"},
        {"description": "d", "condition": {"model": "x"}, "attachments": [{"scope": "*"}]},
        {
            "description": "e",
            "condition": {"model": "y"},
            "attachments": [{"models": ["x*"], "tags": ["b", "a"], "priority": 3}, {"scope": "*"}],
        },
        nulls("description condition attachments"),
    ),
)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.module)
def test_life(proxy: Proxy, life: Life) -> None:
    succeed(proxy, life.module, **life.name, state="absent")
    assert run(proxy, life.module, state="present").failed  # the name is missing
    assert change(proxy, life.module, **life.name, **life.create)["operation"] == "create"
    assert change(proxy, life.module, **life.name, **life.update)["operation"] == "update"
    cleared = change(proxy, life.module, **life.name, **life.clear)
    assert cleared["operation"] == "update"
    for name, value in life.kept.items():
        assert cleared["object"][name].items() >= value.items()
    assert change(proxy, life.module, **life.name, state="absent")["operation"] == "delete"
    assert succeed(proxy, life.module, **life.name, state="absent")["changed"] is False


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.module)
def test_what_is_omitted_stays(proxy: Proxy, life: Life) -> None:
    succeed(proxy, life.module, **life.name, state="absent")
    succeed(proxy, life.module, **life.name, **life.create)
    bare = life.name if life.module != "litellm_key" else {**life.name, "key": RAW}
    assert succeed(proxy, life.module, **bare)["changed"] is False
    again = succeed(proxy, life.module, **life.name, **life.create)
    assert again["changed"] is False, again.data
    succeed(proxy, life.module, **life.name, state="absent")


def test_what_the_proxy_cannot_take_away_is_said(proxy: Proxy) -> None:
    model: Options = {"model_id": "it-model-2", "model_name": "it-model"}
    succeed(proxy, "litellm_model", **model, litellm_params={"model": "openai/x", "rpm": 3})
    params = {"model": "openai/x", "rpm": None}
    result = run(proxy, "litellm_model", **model, litellm_params=params)
    succeed(proxy, "litellm_model", **model, state="absent")
    assert "did not keep: litellm_params" in result["msg"]


@pytest.mark.parametrize("module", ["litellm_organization", "litellm_project"])
def test_what_needs_a_licence_is_refused_before_anything_is_read(proxy: Proxy, module: str) -> None:
    name = {"organization_alias": "it"} if module == "litellm_organization" else {"project_alias": "it"}
    options: Options = {**name, "max_budget": 3}
    for check in (True, False):
        result = run(proxy, module, check=check, **options)
        assert "need a LiteLLM Enterprise licence" in result["msg"]
        assert result.sent == [("GET", "/health/license")]


def test_a_customer_gets_permissions_later(proxy: Proxy) -> None:
    succeed(proxy, "litellm_customer", user_id="it-later")
    change(proxy, "litellm_customer", user_id="it-later", object_permission={"vector_stores": ["a"]})
    change(proxy, "litellm_customer", user_id="it-later", state="absent")


def test_a_group_of_models_and_its_budget(proxy: Proxy) -> None:
    models: list[Options] = [
        {"model_id": f"it-{name}", "model_name": f"it-{name}", "litellm_params": {"model": "openai/x"}} for name in "ab"
    ]
    succeed(proxy, "litellm_state", desired={"models": models})
    group: Options = {"access_group": "it-group"}
    assert "needs model_names" in run(proxy, "litellm_model_access_group", **group, check=True)["msg"]
    limits = {"max_budget": 5, "budget_duration": "30d"}
    change(proxy, "litellm_model_access_group", **group, model_names=["it-a"], **limits)
    changed = change(proxy, "litellm_model_access_group", **group, model_names=["it-b"], max_budget=6)
    assert changed["object"]["budget"]["budget_duration"] == "30d"
    assert "can't clear" in run(proxy, "litellm_model_access_group", **group, max_budget=None, check=True)["msg"]
    change(proxy, "litellm_model_access_group", **group, state="absent")
    gone = [{"model_id": model["model_id"], "state": "absent"} for model in models]
    succeed(proxy, "litellm_state", desired={"models": gone})


def test_a_token_that_stands_for_a_key(proxy: Proxy) -> None:
    key: Options = {"key_alias": "it-jwt", "key": "sk-jwt-0123456789abcdef"}
    mapping: Options = {"jwt_claim_value": "it-ada", "jwt_claim_name": "sub", "key_alias": "it-jwt"}
    together = {"keys": [key], "jwt_key_mappings": [{**mapping, "is_active": False, "description": "d"}]}
    change(proxy, "litellm_state", desired=together)
    change(proxy, "litellm_jwt_key_mapping", **mapping, is_active=None, description=None)
    change(proxy, "litellm_jwt_key_mapping", jwt_claim_value="it-ada", state="absent")
    succeed(proxy, "litellm_key", key_alias="it-jwt", state="absent")


SETTINGS: list[tuple[str, Options, Options]] = [
    ("websearch_interception_settings", {"max_agentic_loops": 2}, {"enabled_providers": ["bedrock"]}),
    ("sso_settings", {"google_client_id": "id"}, {"user_email": "it@example.com"}),
    ("cost_discount", {"openai": 0.05}, {"anthropic": 0.1}),
    ("cost_margin", {"openai": 0.05}, {"anthropic": 0.1}),
    ("default_team_settings", {"max_budget": 3}, {"tpm_limit": 4}),
    ("internal_user_settings", {"max_budget": 3}, {"budget_duration": "30d"}),
    ("ui_settings", {"enable_chat_ui": True}, {"scope_user_search_to_org": True}),
    ("ui_theme_settings", {"logo_url": "http://127.0.0.1:9/a.png"}, {"favicon_url": "http://127.0.0.1:9/b.png"}),
]


@pytest.mark.parametrize(("name", "first", "second"), SETTINGS, ids=[row[0] for row in SETTINGS])
def test_settings_are_changed_by_their_parts(proxy: Proxy, name: str, first: Options, second: Options) -> None:
    change(proxy, "litellm_setting", name=name, values=first)
    change(proxy, "litellm_setting", name=name, values=second)
    assert not succeed(proxy, "litellm_setting", name=name, values=first)["changed"]
    off = False if name == "ui_settings" else None
    change(proxy, "litellm_setting", name=name, values=dict.fromkeys([*first, *second], off))
    assert "always there" in run(proxy, "litellm_setting", name=name, state="absent")["msg"]
