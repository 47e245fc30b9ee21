# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What users of other tools declare of each kind, step by step: what their documentation, examples and tests are about.

Each step is declared by itself, so what it does not name has to stay.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass

from .states import State

Options = dict[str, t.Any]
LOCAL = "http://127.0.0.1:9"


@dataclass(frozen=True)
class Case:
    """What one object is told, and for what other reason than its options it is there."""

    kind: str
    about: str
    steps: tuple[Options, ...]

    def __str__(self) -> str:
        return f"{self.kind}: {self.about}"


def around() -> State:
    """What the cases' objects name."""
    remote: Options = {"url": f"{LOCAL}/mcp", "transport": "http"}
    card: Options = {"name": "n", "description": "d", "url": LOCAL, "version": "1", "protocolVersion": "1.0"}
    card.update(defaultInputModes=["text"], defaultOutputModes=["text"], capabilities={})
    moderation = {"guardrail": "openai_moderation", "mode": "pre_call", "api_key": "secret-value"}
    return {
        "budgets": [{"budget_id": f"px-budget-{n}", "max_budget": n, "budget_duration": "30d"} for n in (1, 2)],
        "credentials": [
            {"credential_name": f"px-credential-{n}", "credential_values": {"api_key": f"secret-{n}"}} for n in (1, 2)
        ],
        "models": [
            {"model_id": f"px-{name}", "model_name": f"px-{name}", "litellm_params": {"model": f"openai/{name}"}}
            for name in ("large", "small", "vision")
        ],
        "mcp_servers": [{"server_name": f"px_tools_{n}", "server_id": f"px-tools-{n}", **remote} for n in (1, 2)],
        "guardrails": [{"guardrail_name": f"px-guard-{n}", "litellm_params": moderation} for n in (1, 2)],
        "users": [{"user_id": f"px-{name}", "user_email": f"{name}@px.example.com"} for name in ("ada", "alan")],
        "teams": [
            {"team_alias": f"px-team-{n}", "team_id": f"px-team-{n}", "members_with_roles": [{"user_id": f"px-{name}"}]}
            for n, name in ((1, "ada"), (2, "alan"))
        ],
        "access_groups": [{"access_group_name": f"px-group-{n}", "access_model_names": ["px-small"]} for n in (1, 2)],
        "vector_stores": [{"vector_store_id": f"px-store-{n}", "custom_llm_provider": "openai"} for n in (1, 2)],
        "search_tools": [
            {"search_tool_name": "px-search", "litellm_params": {"search_provider": "tavily", "api_key": "secret-1"}}
        ],
        "agents": [{"agent_name": "px-agent", "agent_card_params": card}],
        "keys": [{"key_alias": f"px-key-{n}", "key": f"sk-peers-around-0123456789-{n}"} for n in (1, 2)],
        "policies": [{"policy_name": "px-policy", "guardrails_add": ["px-guard-1"]}],
    }


def model(about: str, *steps: Options, **first: t.Any) -> Case:
    """Steps are parameters; what else the first step says is given by name."""
    made: list[Options] = [{"litellm_params": params} for params in steps]
    made[0] = {"model_name": "px-model", **made[0], **first}
    return Case("models", about, tuple(made))


MODELS = (
    model(
        "prices for each token, mode, tier and base",
        {
            "model": "openai/gpt-4",
            "input_cost_per_token": 0.00003,
            "output_cost_per_token": 0.00006,
            "tpm": 100,
            "rpm": 10,
        },
        {"input_cost_per_token": 1.75e-07},
        model_info={"mode": "chat", "tier": "free", "base_model": "gpt-4"},
    ),
    model(
        "reasoning",
        {
            "model": "openai/gpt-4",
            "reasoning_effort": "medium",
            "thinking": {"type": "enabled", "budget_tokens": 1024},
            "merge_reasoning_content_in_choices": True,
            "temperature": 0.7,
        },
        {"reasoning_effort": "low"},
        {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    ),
    model(
        "Bedrock with a role",
        {
            "model": "bedrock/anthropic.claude-3-sonnet-20240229-v1:0",
            "aws_access_key_id": "AKIAIOSFODNN7EXAMPLE",
            "aws_secret_access_key": "secret-value-1",
            "aws_region_name": "us-east-1",
            "aws_session_name": "s",
            "aws_role_name": "arn:aws:iam::123456789012:role/r",
        },
        {"aws_region_name": "eu-central-1"},
    ),
    model(
        "Vertex with a key file",
        {
            "model": "vertex_ai/gemini-2.5-pro",
            "vertex_project": "p",
            "vertex_location": "europe-west4",
            "vertex_credentials": '{"type": "service_account", "private_key": "secret-value-1"}',
        },
        {"vertex_location": "us-central1"},
    ),
    model(
        "Azure with a version",
        {"model": "azure/gpt-4", "api_base": LOCAL, "api_version": "2023-12-01-preview", "api_key": "secret-value-1"},
        {"api_version": "2024-10-21"},
        {"api_base": f"{LOCAL}/other", "api_key": "secret-value-2"},
    ),
    model(
        "a credential, and another one",
        {"model": "openai/gpt-4", "litellm_credential_name": "px-credential-1"},
        {"litellm_credential_name": "px-credential-2"},
        {"rpm": 3},
    ),
    model(
        "parameters that LiteLLM does not know",
        {
            "model": "openai/gpt-4",
            "use_fine_tune": True,
            "max_context": 16384,
            "scale": 0.75,
            "note": "for testing",
            "complex_config": {"nested": {"value": 42}},
        },
        {"complex_config": {"nested": {"value": 43}}},
        {"use_fine_tune": False},
    ),
    model(
        "dropped parameters and a made-up answer",
        {
            "model": "openai/gpt-5",
            "drop_params": True,
            "additional_drop_params": ["temperature", "top_p"],
            "mock_response": "hello",
            "custom_tokenizer": {"identifier": "a/b", "revision": "main"},
        },
        {"mock_response": "{{ not a template }}"},
        {"additional_drop_params": ["top_p"]},
    ),
    model("a name for all models of a provider", {"model": "openai/*", "api_base": LOCAL}, {"api_base": f"{LOCAL}/b"}),
    model(
        "waiting and trying again",
        {"model": "openai/x", "timeout": 30, "stream_timeout": 5.5, "max_retries": 3, "cooldown_time": 60},
        {"stream_timeout": 6},
    ),
    model(
        "prices above a length, of reasoning and of the cache",
        {
            "model": "openai/x",
            "input_cost_per_token": "3e-7",
            "input_cost_per_token_above_128k_tokens": 0.000006,
            "cache_read_input_token_cost": 1e-8,
            "output_cost_per_reasoning_token": 0.00001,
        },
        {"cache_read_input_token_cost": 2e-8},
        {"cache_read_input_token_cost": None},
    ),
    model(
        "what is said of an embedding model",
        {"model": "openai/embed", "encoding_format": "float"},
        model_info={"mode": "embedding", "output_vector_size": 1024, "max_input_tokens": 8192},
    ),
    model(
        "budget, order and weight of one deployment",
        {"model": "openai/x", "max_budget": 10, "budget_duration": "1d", "order": 1, "weight": 3},
        {"weight": 2},
    ),
    model(
        "headers and a body besides",
        {
            "model": "openai/x",
            "extra_headers": {"X-Token": "secret-value-1", "X-Plain": "secret-value-3"},
            "extra_body": {"chat_template_kwargs": {"enable_thinking": False}},
        },
        {"extra_body": {"chat_template_kwargs": {"enable_thinking": True}}},
        {"extra_headers": {"X-Token": "secret-value-2", "X-Plain": "secret-value-3"}},
    ),
    model("tags of a deployment", {"model": "openai/x", "tags": ["free", "paid"]}, {"tags": ["paid"]}),
    model(
        "where the provider may cache",
        {"model": "openai/x", "cache_control_injection_points": [{"location": "message", "role": "system"}]},
        {"cache_control_injection_points": [{"location": "message", "role": "user"}]},
    ),
    Case(
        "models",
        "another public name, blocked and given back",
        (
            {"model_name": "px-model", "litellm_params": {"model": "openai/x"}, "blocked": True},
            {"model_name": "px-model-2"},
            {"blocked": False},
        ),
    ),
    Case(
        "models",
        "what it can, and groups of models",
        (
            {
                "model_name": "px-model",
                "litellm_params": {"model": "openai/x"},
                "model_info": {
                    "supports_vision": True,
                    "supports_function_calling": False,
                    "access_groups": ["a", "b"],
                },
            },
            {"model_info": {"supports_vision": False}},
            {"model_info": {"access_groups": ["b"]}},
        ),
    ),
)

KEYS = (
    Case(
        "keys",
        "limits and a life, for models only",
        (
            {
                "key_type": "llm_api",
                "models": ["px-small"],
                "max_budget": 25.0,
                "budget_duration": "30d",
                "tpm_limit": 2500,
                "rpm_limit": 25,
                "duration": "7d",
                "metadata": {"environment": "ci", "owner": "platform-team"},
            },
            {"max_budget": 30},
            {"metadata": {"owner": None}},
        ),
    ),
    Case(
        "keys",
        "for management, with a soft budget and aliases",
        (
            {
                "key_type": "management",
                "models": ["px-small", "px-large"],
                "max_budget": 100,
                "soft_budget": 80,
                "max_parallel_requests": 10,
                "aliases": {"primary-model": "px-large", "fast-model": "px-small"},
            },
            {"soft_budget": 70},
            {"aliases": {"primary-model": "px-small"}},
        ),
    ),
    Case("keys", "for reading only", ({"key_type": "read_only", "rpm_limit": 10}, {"rpm_limit": None})),
    Case(
        "keys",
        "of a service account",
        (
            {
                "team_id": "px-team-1",
                "models": ["all-team-models"],
                "metadata": {"service_account_id": "px-api-service", "team_type": "production"},
            },
            {"budget_duration": "7d", "max_budget": 50},
        ),
    ),
    Case(
        "keys",
        "of a person in a team",
        (
            {"user_id": "px-ada", "team_id": "px-team-1", "max_budget": 40, "soft_budget": 30},
            {"user_id": "px-alan", "team_id": "px-team-2"},
            {"team_id": None},
        ),
    ),
    Case(
        "keys",
        "nested metadata",
        (
            {
                "metadata": {
                    "list": [1, "two", None, {"a": True}],
                    "object": {"x": {"y": 1.5}},
                    "text": "3",
                    "9": "nine",
                }
            },
            {"metadata": {"object": {"x": {"y": 2}}}},
        ),
    ),
    Case(
        "keys",
        "a budget of its own, then another",
        ({"budget_id": "px-budget-1"}, {"budget_id": "px-budget-2"}, {"budget_id": None}),
    ),
    Case(
        "keys",
        "fallbacks of its own",
        (
            {"router_settings": {"fallbacks": [{"px-large": ["px-small"]}], "num_retries": 2, "timeout": 20}},
            {"router_settings": {"fallbacks": [{"px-large": ["px-vision", "px-small"]}]}},
            {"router_settings": None},
        ),
    ),
    Case(
        "keys",
        "what else it may use",
        (
            {
                "object_permission": {
                    "mcp_servers": ["px-tools-1"],
                    "mcp_tool_permissions": {"px-tools-1": ["read", "list"]},
                    "mcp_access_groups": ["dev"],
                    "vector_stores": ["px-store-1"],
                    "agent_access_groups": ["a2a"],
                    "search_tools": ["px-search"],
                }
            },
            {"object_permission": {"vector_stores": ["px-store-2"]}},
            {"object_permission": {"mcp_tool_permissions": {"px-tools-1": ["read"], "px-tools-2": ["*"]}}},
            {"object_permission": {"mcp_servers": None}},
        ),
    ),
    Case(
        "keys",
        "groups of access by name",
        (
            {"access_group_names": ["px-group-1"]},
            {"access_group_names": ["px-group-2", "px-group-1"]},
            {"access_group_names": []},
        ),
    ),
    Case("keys", "blocked and given back", ({"blocked": True, "rpm_limit": 3}, {"blocked": False}, {"blocked": True})),
    Case(
        "keys",
        "several budgets at once",
        (
            {
                "budget_limits": [
                    {"budget_duration": "1h", "max_budget": 1},
                    {"budget_duration": "30d", "max_budget": 10},
                ]
            },
            {"budget_limits": [{"budget_duration": "1d", "max_budget": 2}]},
            {"budget_limits": []},
        ),
    ),
    Case(
        "keys",
        "limits by model, server and tag",
        (
            {
                "model_rpm_limit": {"px-small": 1, "px-large": 2},
                "model_tpm_limit": {"px-small": 100},
                "mcp_rpm_limit": {"px_tools_1": 3},
                "tag_rpm_limit": {"batch": 4},
                "rpm_limit_type": "best_effort_throughput",
            },
            {"model_rpm_limit": {"px-small": 5}},
            {"model_tpm_limit": None, "rpm_limit_type": "dynamic"},
        ),
    ),
    Case(
        "keys",
        "answers from a cache, permissions and configuration",
        (
            {
                "allowed_cache_controls": ["no-cache", "max-age=3600"],
                "permissions": {"allow_pii_controls": True, "another": False},
                "config": {"a": {"b": [1]}},
            },
            {"permissions": {"allow_pii_controls": False}},
            {"allowed_cache_controls": ["no-cache"]},
        ),
    ),
    Case(
        "keys",
        "routes",
        ({"allowed_routes": ["/chat/completions", "llm_api_routes"]}, {"allowed_routes": ["info_routes"]}),
    ),
    Case(
        "keys",
        "of an agent by its budget for customers",
        ({"end_user_budget_id": "px-budget-1"}, {"end_user_budget_id": "px-budget-2"}),
    ),
    Case(
        "keys",
        "callbacks",
        (
            {
                "metadata": {
                    "logging": [
                        {
                            "callback_name": "langsmith",
                            "callback_type": "success_and_failure",
                            "callback_vars": {"langsmith_api_key": "secret-value-1", "langsmith_project": "p"},
                        }
                    ]
                }
            },
            {"rpm_limit": 4},
        ),
    ),
)

TEAMS = (
    Case(
        "teams",
        "limits, models and metadata",
        (
            {
                "max_budget": 100,
                "budget_duration": "30d",
                "tpm_limit": 10000,
                "rpm_limit": 100,
                "models": ["px-large", "px-small"],
                "metadata": {"environment": "ci", "dept": "finance"},
            },
            {"rpm_limit": 6000},
            {"rpm_limit": None},
            {"max_budget": None, "budget_duration": None, "tpm_limit": None},
        ),
    ),
    Case(
        "teams",
        "what members get and may",
        (
            {
                "team_member_budget": 10,
                "team_member_budget_duration": "7d",
                "team_member_rpm_limit": 5,
                "team_member_tpm_limit": 500,
                "team_member_permissions": ["/key/generate", "/key/info"],
            },
            {"team_member_rpm_limit": 6},
            {"team_member_permissions": ["/key/info"]},
            {"team_member_budget": None},
        ),
    ),
    Case(
        "teams",
        "fallbacks of its own",
        (
            {
                "router_settings": {
                    "fallbacks": [{"px-large": ["px-small"]}],
                    "context_window_fallbacks": [{"px-small": ["px-large"]}],
                }
            },
            {"router_settings": {"fallbacks": [{"px-large": ["px-vision"]}]}},
            {"router_settings": None},
        ),
    ),
    Case(
        "teams",
        "members by id and mail with limits, one goes and one comes",
        (
            {
                "members_with_roles": [
                    {"user_id": "px-ada", "max_budget_in_team": 25},
                    {"user_email": "dev1@px.example.com"},
                    {"user_id": "px-new", "rpm_limit": 3},
                ]
            },
            {
                "members_with_roles": [
                    {"user_id": "px-ada", "max_budget_in_team": 45},
                    {"user_email": "alan@px.example.com"},
                ]
            },
            {"tpm_limit": 5},
            {"members_with_roles": [{"user_email": "ada@px.example.com"}]},
        ),
    ),
    Case(
        "teams",
        "twenty members, then ten",
        (
            {"members_with_roles": [{"user_id": f"px-many-{n:02}", "max_budget_in_team": n + 1} for n in range(20)]},
            {
                "members_with_roles": [
                    {"user_id": f"px-many-{n:02}", "max_budget_in_team": n + 1} for n in range(0, 20, 2)
                ]
            },
        ),
    ),
    Case(
        "teams",
        "an admin from the start",
        ({"members_with_roles": [{"user_id": "px-ada", "role": "admin"}, {"user_id": "px-alan"}]}, {"rpm_limit": 2}),
    ),
    Case(
        "teams",
        "names for models, and what members get of them",
        (
            {
                "models": ["px-large", "px-small"],
                "model_aliases": {"gpt": "px-large"},
                "default_team_member_models": ["px-small"],
            },
            {"model_aliases": {"gpt": "px-small", "fast": "px-small"}},
            {"default_team_member_models": []},
        ),
    ),
    Case("teams", "blocked and given back", ({"blocked": True}, {"blocked": False}, {"blocked": True})),
    Case(
        "teams",
        "limits by model and their kinds",
        (
            {
                "model_rpm_limit": {"px-small": 3},
                "model_tpm_limit": {"px-small": 300},
                "rpm_limit": 10,
                "tpm_limit": 1000,
            },
            {"rpm_limit_type": "guaranteed_throughput", "tpm_limit_type": "best_effort_throughput"},
            {"model_rpm_limit": {"px-small": 4, "px-large": 1}},
            {"rpm_limit_type": None},
        ),
    ),
    Case(
        "teams",
        "what else it may use",
        (
            {
                "object_permission": {
                    "mcp_servers": ["px-tools-1"],
                    "vector_stores": ["px-store-1", "px-store-2"],
                    "models": ["m"],
                }
            },
            {"object_permission": {"mcp_servers": ["px_tools_2"]}},
            {"object_permission": {"mcp_tool_permissions": {"px-tools-2": ["b", "a"]}}},
            {"object_permission": None},
        ),
    ),
    Case(
        "teams",
        "callbacks and settings of logging",
        (
            {
                "metadata": {
                    "logging": [
                        {
                            "callback_name": "langfuse",
                            "callback_type": "failure",
                            "callback_vars": {"langfuse_public_key": "pk", "langfuse_secret_key": "secret-value-1"},
                        }
                    ],
                    "json": {"tiers": ["a", "b"], "n": 3},
                }
            },
            {"metadata": {"json": {"tiers": ["a"], "n": 3}}},
        ),
    ),
    Case(
        "teams",
        "several budgets at once",
        (
            {
                "budget_limits": [
                    {"budget_duration": "1d", "max_budget": 1},
                    {"budget_duration": "7d", "max_budget": 5},
                ],
                "soft_budget": 3,
            },
            {"soft_budget": 4},
            {"budget_limits": [{"budget_duration": "7d", "max_budget": 6}]},
        ),
    ),
    Case(
        "teams",
        "models by a group of them",
        ({"models": ["premium-models"]}, {"models": ["premium-models", "no-default-models"]}, {"models": []}),
    ),
)

USERS = (
    Case(
        "users",
        "mail, name, role and limits",
        (
            {
                "user_email": "basic@px.example.com",
                "user_alias": "Basic User",
                "user_role": "internal_user",
                "max_budget": 50,
                "budget_duration": "1mo",
                "tpm_limit": 5000,
                "rpm_limit": 50,
                "models": ["px-small"],
                "send_invite_email": False,
                "metadata": {"environment": "ci"},
            },
            {"user_role": "internal_user_viewer"},
            {"max_budget": None},
            {"user_email": "Basic.Two@px.example.com"},
        ),
    ),
    Case(
        "users",
        "an admin",
        (
            {
                "user_email": "admin@px.example.com",
                "user_role": "proxy_admin",
                "max_parallel_requests": 25,
                "allowed_cache_controls": ["no-cache", "no-store"],
            },
            {"max_parallel_requests": 15},
            {"user_role": "proxy_admin_viewer"},
        ),
    ),
    Case(
        "users",
        "teams, others, none",
        ({"teams": ["px-team-1"]}, {"teams": ["px-team-2"]}, {"teams": ["px-team-1", "px-team-2"]}, {"teams": []}),
    ),
    Case(
        "users",
        "nested metadata",
        (
            {"metadata": {"a": {"b": [1, {"c": None}]}, "d": "e"}},
            {"metadata": {"d": None}},
            {"metadata": {"a": {"b": []}}},
        ),
    ),
    Case(
        "users",
        "limits by model and server",
        (
            {
                "model_rpm_limit": {"px-small": 3},
                "model_tpm_limit": {"px-small": 9},
                "mcp_rpm_limit": {"px_tools_1": 2},
            },
            {"model_rpm_limit": {"px-large": 3}},
            {"model_tpm_limit": None},
        ),
    ),
    Case(
        "users",
        "what else they may use",
        (
            {"object_permission": {"mcp_servers": ["px-tools-1"], "vector_stores": ["px-store-1"]}},
            {"object_permission": {"mcp_servers": ["px-tools-2"]}},
        ),
    ),
    Case(
        "users",
        "nobody's mail but an account of single sign-on",
        ({"sso_user_id": "px-sso-1", "user_alias": "A"}, {"user_alias": "B"}),
    ),
)

BUDGETS = (
    Case(
        "budgets",
        "all limits",
        (
            {
                "max_budget": 50,
                "soft_budget": 40,
                "tpm_limit": 100000,
                "rpm_limit": 1000,
                "budget_duration": "30d",
                "max_parallel_requests": 7,
            },
            {"max_budget": 60.5},
            {"budget_duration": "1mo"},
            {"soft_budget": None, "rpm_limit": None},
        ),
    ),
    Case("budgets", "requests only", ({"rpm_limit": 1}, {"tpd_limit": 5}, {"rpm_limit": 0})),
    Case("budgets", "very small and very large sums", ({"max_budget": 1e-7}, {"max_budget": 1e9}, {"max_budget": 0})),
)

CREDENTIALS = (
    Case(
        "credentials",
        "a key and what it is for",
        (
            {
                "credential_values": {"api_key": "secret-value-1", "org_id": "secret-value-3"},
                "credential_info": {"provider": "openai", "environment": "production"},
            },
            {"credential_info": {"environment": "test"}},
            {"credential_values": {"api_key": "secret-value-2", "org_id": "secret-value-3"}},
            {"credential_info": {"provider": None}},
        ),
    ),
    Case(
        "credentials",
        "Azure's three values",
        (
            {
                "credential_values": {
                    "api_key": "secret-value-1",
                    "api_base": LOCAL,
                    "api_version": "2024-02-15-preview",
                }
            },
            {"credential_values": {"api_key": "secret-value-2", "api_base": LOCAL, "api_version": "2024-10-21"}},
            {"credential_values": {"api_key": "secret-value-2", "api_base": None, "api_version": "2024-10-21"}},
        ),
    ),
    Case(
        "credentials",
        "a key file of Vertex",
        (
            {"credential_values": {"vertex_credentials": '{"private_key": "secret-value-1"}', "vertex_project": "p"}},
            {
                "credential_values": {
                    "vertex_credentials": '{"private_key": "secret-value-1"}',
                    "vertex_project": "q",
                }
            },
        ),
    ),
)


def guard(about: str, *steps: Options, **first: t.Any) -> Case:
    made: list[Options] = [{"litellm_params": params} for params in steps]
    made[0].update(first)
    return Case("guardrails", about, tuple(made))


GUARDRAILS = (
    guard(
        "names and numbers masked, before and after the call",
        {
            "guardrail": "presidio",
            "mode": ["pre_call", "post_call"],
            "presidio_analyzer_api_base": LOCAL,
            "presidio_anonymizer_api_base": LOCAL,
            "pii_entities_config": {"CREDIT_CARD": "MASK", "EMAIL_ADDRESS": "BLOCK"},
        },
        {"pii_entities_config": {"CREDIT_CARD": "BLOCK", "EMAIL_ADDRESS": "BLOCK"}},
        {"mode": "post_call"},
        guardrail_info={"description": "variant C guard"},
    ),
    guard(
        "Bedrock",
        {
            "guardrail": "bedrock",
            "mode": "pre_call",
            "guardrailIdentifier": "id",
            "guardrailVersion": "1",
            "default_on": True,
        },
        {"guardrailVersion": "2"},
        {"default_on": False},
        guardrail_info={"description": "Production content safety guardrail"},
    ),
    guard(
        "Lakera",
        {"guardrail": "lakera_v2", "mode": "during_call", "api_key": "secret-value-1", "api_base": LOCAL},
        {"api_key": "secret-value-2"},
    ),
    guard(
        "Aporia",
        {"guardrail": "aporia", "mode": "during_call", "api_key": "secret-value-1", "api_base": LOCAL},
        {"mode": "post_call"},
    ),
    guard(
        "patterns of one's own",
        {
            "guardrail": "litellm_content_filter",
            "mode": "pre_call",
            "patterns": [{"pattern_type": "prebuilt", "pattern_name": "us_ssn", "action": "BLOCK"}],
            "blocked_words": [{"keyword": "secret project", "action": "MASK"}],
        },
        {"blocked_words": [{"keyword": "another", "action": "BLOCK"}]},
    ),
    guard(
        "which tools may run",
        {
            "guardrail": "tool_permission",
            "mode": "post_call",
            "rules": [{"id": "a", "tool_name": "Bash", "decision": "allow"}],
            "default_action": "deny",
        },
        {"default_action": "allow"},
        {
            "rules": [
                {"id": "a", "tool_name": "Bash", "decision": "deny"},
                {"id": "b", "tool_name": "Read", "decision": "allow"},
            ]
        },
    ),
    guard(
        "any service with headers",
        {
            "guardrail": "generic_guardrail_api",
            "mode": "pre_call",
            "api_base": LOCAL,
            "headers": {"Authorization": "secret-value-1"},
        },
        {"api_base": f"{LOCAL}/v2"},
    ),
    Case(
        "guardrails",
        "what is said of it alone",
        (
            {
                "litellm_params": {"guardrail": "openai_moderation", "mode": "pre_call", "api_key": "secret-value-1"},
                "guardrail_info": {"params": [{"name": "a", "type": "float"}]},
            },
            {"guardrail_info": {"note": "n"}},
            {"guardrail_info": {"params": None}},
        ),
    ),
)

MCP_SERVERS = (
    Case(
        "mcp_servers",
        "an address alone",
        ({"url": f"{LOCAL}/mcp", "transport": "sse"}, {"transport": "http"}, {"url": f"{LOCAL}/other"}),
    ),
    Case(
        "mcp_servers",
        "prices of tools, groups and headers",
        (
            {
                "alias": "px_alias",
                "description": "GitHub MCP server",
                "url": f"{LOCAL}/mcp",
                "transport": "sse",
                "auth_type": "none",
                "allow_all_keys": True,
                "mcp_access_groups": ["dev_team"],
                "allowed_tools": ["tool1", "tool2"],
                "static_headers": {"X-Static": "secret-value-1"},
                "mcp_info": {
                    "logo_url": "https://example.com/logo.png",
                    "mcp_server_cost_info": {
                        "default_cost_per_query": 0.01,
                        "tool_name_to_cost_per_query": {"tool1": 0.02, "tool2": 0.005},
                    },
                },
            },
            {"allowed_tools": ["tool2"]},
            {"description": "another"},
            {"mcp_info": {"mcp_server_cost_info": {"default_cost_per_query": 0.02}}},
            {"allow_all_keys": False, "mcp_access_groups": []},
        ),
    ),
    Case(
        "mcp_servers",
        "a bearer token",
        (
            {
                "url": f"{LOCAL}/mcp",
                "transport": "http",
                "auth_type": "bearer_token",
                "credentials": {"auth_value": "secret-value-1"},
            },
            {"credentials": {"auth_value": "secret-value-2"}},
            {"server_timeout": 20},
        ),
    ),
    Case(
        "mcp_servers",
        "OAuth",
        (
            {
                "url": f"{LOCAL}/mcp",
                "transport": "http",
                "auth_type": "oauth2",
                "authorization_url": f"{LOCAL}/authorize",
                "token_url": f"{LOCAL}/token",
                "registration_url": f"{LOCAL}/register",
                "credentials": {"client_id": "secret-value-1", "client_secret": "secret-value-2"},
                "extra_headers": ["X-API-Version"],
            },
            {"extra_headers": ["X-API-Version", "X-Other"]},
            {"url": f"{LOCAL}/mcp2"},
            {"token_url": f"{LOCAL}/token2"},
        ),
    ),
    Case(
        "mcp_servers",
        "variables that its users give",
        (
            {
                "url": f"{LOCAL}/mcp",
                "transport": "http",
                "env_vars": [{"name": "TOKEN", "scope": "user", "description": "yours"}],
                "instructions": "Use it.",
            },
            {
                "env_vars": [
                    {"name": "TOKEN", "scope": "user", "description": "yours"},
                    {"name": "SITE", "value": "secret-value-1"},
                ]
            },
        ),
    ),
)

PROMPTS = (
    Case(
        "prompts",
        "a text with places for variables",
        (
            {
                "litellm_params": {
                    "prompt_integration": "dotprompt",
                    "dotprompt_content": "---\nmodel: px-small\n---\nAnswer. {{question}}",
                }
            },
            {
                "litellm_params": {
                    "dotprompt_content": "---\nmodel: px-small\n---\nSummarize in {{language}}:\n{{text}}\n"
                }
            },
            {"litellm_params": {"ignore_prompt_manager_model": True}},
        ),
    ),
    Case(
        "prompts",
        "with an address and a key",
        (
            {
                "litellm_params": {
                    "prompt_integration": "dotprompt",
                    "api_base": LOCAL,
                    "api_key": "secret-value-1",
                    "dotprompt_content": "Hello {{name}}",
                    "ignore_prompt_manager_optional_params": False,
                }
            },
            {"litellm_params": {"api_base": f"{LOCAL}/b"}},
        ),
    ),
)

SEARCH_TOOLS = (
    Case(
        "search_tools",
        "all of it",
        (
            {
                "litellm_params": {
                    "search_provider": "tavily",
                    "api_key": "secret-value-1",
                    "api_base": LOCAL,
                    "timeout": 30.0,
                    "max_retries": 3,
                },
                "search_tool_info": {"description": "Web search tool", "category": "web-search"},
            },
            {"litellm_params": {"timeout": 20.5, "api_key": "secret-value-1"}},
        ),
    ),
    Case(
        "search_tools",
        "another provider",
        (
            {"litellm_params": {"search_provider": "exa_ai", "api_key": "secret-value-1"}},
            {"litellm_params": {"search_provider": "perplexity", "api_key": "secret-value-2"}},
        ),
    ),
)

VECTOR_STORES = (
    Case(
        "vector_stores",
        "with a credential and metadata",
        (
            {
                "custom_llm_provider": "openai",
                "vector_store_name": "embeddings-store",
                "vector_store_description": "Production vector store",
                "litellm_credential_name": "px-credential-1",
                "vector_store_metadata": {"environment": "production", "version": "1"},
                "litellm_params": {"embedding_model": "text-embedding-3-small"},
            },
            {"vector_store_description": "another"},
            {"vector_store_metadata": {"version": "2"}},
        ),
    ),
    Case(
        "vector_stores",
        "PostgreSQL",
        (
            {"custom_llm_provider": "pg_vector", "litellm_params": {"api_base": LOCAL, "api_key": "secret-value-1"}},
            {"vector_store_name": "pg"},
        ),
    ),
    Case("vector_stores", "as little as can be", ({"custom_llm_provider": "bedrock"}, {"vector_store_name": "n"})),
)

TAGS = (
    Case(
        "tags",
        "models and a text",
        (
            {"description": "chat", "models": ["px-small", "px-large"]},
            {"models": ["px-large"]},
            {"description": "other"},
        ),
    ),
    Case(
        "tags",
        "all limits",
        (
            {
                "description": "Enterprise tier resources",
                "models": ["px-small"],
                "max_budget": 500,
                "soft_budget": 400,
                "max_parallel_requests": 10,
                "tpm_limit": 50000,
                "rpm_limit": 500,
                "budget_duration": "30d",
            },
            {"max_budget": 1000},
            {"rpm_limit": 1000},
            {"budget_duration": "7d"},
        ),
    ),
    Case("tags", "as little as can be, then limits", ({}, {"rpm_limit": 100}, {"description": "d", "max_budget": 5})),
    Case("tags", "a budget of others", ({"budget_id": "px-budget-1", "models": ["px-small"]}, {"description": "d"})),
)

CUSTOMERS = (
    Case(
        "customers",
        "limits of its own",
        (
            {"alias": "Acme", "max_budget": 10, "budget_duration": "30d", "rpm_limit": 5},
            {"alias": "Acme Inc"},
            {"max_budget": 20},
            {"blocked": True},
        ),
    ),
    Case(
        "customers",
        "a budget of others, and another",
        ({"budget_id": "px-budget-1"}, {"budget_id": "px-budget-2"}, {"alias": "B"}),
    ),
    Case(
        "customers",
        "region and model",
        (
            {"allowed_model_region": "eu", "default_model": "px-small"},
            {"default_model": "px-large"},
            {"allowed_model_region": "us"},
        ),
    ),
    Case(
        "customers",
        "what else they may use",
        (
            {"object_permission": {"mcp_servers": ["px-tools-1"], "vector_stores": ["px-store-1"], "agents": []}},
            {"object_permission": {"vector_stores": ["px-store-2"]}},
        ),
    ),
)

AGENTS = (
    Case(
        "agents",
        "a full card with skills",
        (
            {
                "agent_card_params": {
                    "name": "Code Reviewer",
                    "description": "Reviews code",
                    "url": f"{LOCAL}/a2a",
                    "version": "1.0.0",
                    "protocolVersion": "0.3.0",
                    "defaultInputModes": ["application/json"],
                    "defaultOutputModes": ["application/json", "text/plain"],
                    "preferredTransport": "JSONRPC",
                    "iconUrl": "https://example.com/icon.png",
                    "documentationUrl": "https://docs.example.com",
                    "capabilities": {"streaming": True, "pushNotifications": False},
                    "provider": {"organization": "Acme Corp", "url": "https://acme.example.com"},
                    "skills": [
                        {
                            "id": "review",
                            "name": "Review",
                            "description": "d",
                            "tags": ["code"],
                            "examples": ["Review this"],
                        },
                    ],
                },
                "litellm_params": {"model": "gpt-4o"},
                "tpm_limit": 10000,
                "rpm_limit": 100,
                "session_tpm_limit": 5000,
                "session_rpm_limit": 50,
                "static_headers": {"X-Custom": "secret-value-1"},
                "extra_headers": ["Authorization"],
                "object_permission": {"mcp_servers": ["px-tools-1"], "models": ["px-small"]},
            },
            {"agent_card_params": {"description": "another"}},
            {"agent_card_params": {"skills": [{"id": "fix", "name": "Fix", "description": "d", "tags": ["fix"]}]}},
            {"agent_card_params": {"capabilities": {"streaming": False}}},
            {"object_permission": {"mcp_servers": ["px-tools-2"]}},
            {"rpm_limit": None},
        ),
    ),
    Case(
        "agents",
        "as little as can be",
        (
            {"agent_card_params": {"name": "My Agent", "url": f"{LOCAL}/a2a"}},
            {"agent_card_params": {"version": "2.0"}},
            {"tpm_limit": 5},
        ),
    ),
)

GROUPS = (
    Case(
        "access_groups",
        "models, servers, agents, teams and keys",
        (
            {
                "description": "Engineering access group",
                "access_model_names": ["px-small", "px-large"],
                "assigned_team_ids": ["px-team-1"],
            },
            {"access_mcp_server_ids": ["px-tools-1"]},
            {"assigned_team_ids": ["px-team-2"]},
            {"access_model_names": ["px-large"], "description": None},
            {"assigned_team_ids": []},
        ),
    ),
    Case(
        "model_access_groups",
        "one model, then two",
        (
            {"model_names": ["px-small"]},
            {"model_names": ["px-small", "px-large"]},
            {"max_budget": 10, "budget_duration": "30d"},
            {"max_budget": 20},
        ),
    ),
    Case(
        "model_access_groups",
        "a budget of others",
        (
            {"model_names": ["px-vision"], "budget_id": "px-budget-1"},
            {"model_names": ["px-large"]},
            {"budget_id": "px-budget-2"},
        ),
    ),
    Case(
        "fallbacks",
        "of three kinds",
        (
            {"fallback_models": ["px-small", "px-vision"]},
            {"context_window_fallback_models": ["px-vision"]},
            {"content_policy_fallback_models": ["px-small"]},
            {"fallback_models": ["px-vision"]},
            {"context_window_fallback_models": None},
        ),
    ),
    Case(
        "mcp_toolsets",
        "tools of two servers",
        (
            {
                "description": "d",
                "tools": [{"server_id": "px-tools-1", "tool_name": "a"}, {"server_id": "px-tools-2", "tool_name": "b"}],
            },
            {"tools": [{"server_id": "px-tools-2", "tool_name": "b"}]},
            {"description": "e"},
        ),
    ),
    Case(
        "policies",
        "guardrails added, removed and inherited, and where",
        (
            {"description": "policy", "guardrails_add": ["px-guard-1"], "guardrails_remove": []},
            {"guardrails_add": ["px-guard-1", "px-guard-2"]},
            {"inherit": "px-policy", "guardrails_remove": ["px-guard-1"]},
            {"attachments": [{"teams": ["px-team-1", "px-team-2"]}, {"keys": ["px-key-*"], "tags": ["a"]}]},
            {"attachments": [{"teams": ["px-team-2"]}]},
            {"inherit": None, "condition": {"model": "px-.*"}},
        ),
    ),
    Case(
        "policies",
        "guardrails one after the other",
        (
            {
                "pipeline": {
                    "mode": "pre_call",
                    "steps": [{"guardrail": "px-guard-1", "on_fail": "next"}, {"guardrail": "px-guard-2"}],
                }
            },
            {"pipeline": {"mode": "pre_call", "steps": [{"guardrail": "px-guard-2"}]}},
            {"description": "d"},
        ),
    ),
    Case(
        "pass_through_endpoints",
        "a provider's own API with a price",
        (
            {
                "target": LOCAL,
                "include_subpath": True,
                "headers": {"x-api-key": "secret-value-1"},
                "cost_per_request": 0.01,
                "auth": True,
            },
            {"cost_per_request": 0.02},
            {"headers": {"x-api-key": "secret-value-1", "anthropic-version": "secret-value-2"}},
            {"methods": ["POST"]},
            {"include_subpath": False},
        ),
    ),
    Case(
        "plugins",
        "from a folder of a repository",
        (
            {
                "source": {"source": "git-subdir", "url": "https://github.com/a/b.git", "path": "plugins/x"},
                "keywords": ["a"],
                "enabled": False,
            },
            {"description": "d"},
            {"enabled": True},
            {"source": {"source": "url", "url": "https://example.com/a.git"}},
        ),
    ),
    Case(
        "memories",
        "of a person, then more of it",
        ({"value": "v", "user_id": "px-ada", "metadata": {"a": [1]}}, {"value": "w"}, {"metadata": {"b": {"c": 2}}}),
    ),
    Case("memories", "of a team", ({"value": "line\nline {{ x }}", "team_id": "px-team-1"}, {"value": "{% x %}"})),
    Case(
        "jwt_key_mappings",
        "a claim for a key, and another key",
        (
            {"jwt_claim_name": "client_id", "key_alias": "px-key-1", "description": "d"},
            {"description": "e"},
            {"is_active": False},
        ),
    ),
)

CASES: tuple[Case, ...] = (
    *MODELS,
    *KEYS,
    *TEAMS,
    *USERS,
    *BUDGETS,
    *CREDENTIALS,
    *GUARDRAILS,
    *MCP_SERVERS,
    *PROMPTS,
    *SEARCH_TOOLS,
    *VECTOR_STORES,
    *TAGS,
    *CUSTOMERS,
    *AGENTS,
    *GROUPS,
)
