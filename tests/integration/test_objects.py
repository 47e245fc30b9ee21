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
            "object_permission": {"agents": ["a"], "vector_stores": ["v"]},
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
            "agent_id": "agent",
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
            "user_id agent_id "
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
            "object_permission": {"agents": ["a"]},
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
            "object_permission": {"agents": ["a"]},
        },
        {
            "user_role": "internal_user_viewer",
            "max_budget": 4,
            "metadata": {"a": None, "b": 1},
            "object_permission": {"agents": ["b"], "vector_stores": ["v"]},
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
            "object_permission": {"agents": ["a"]},
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
        {"access_model_names": ["c"], "access_agent_ids": ["x"]},
        {"description": None, "access_model_names": None, "access_agent_ids": None},
    ),
    Life(
        "litellm_tag",
        {"name": "it-tag"},
        {"description": "d", "max_budget": 3, "budget_duration": "30d"},
        {"description": "e", "max_budget": 0},
        {"description": None, "budget_duration": None},
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
