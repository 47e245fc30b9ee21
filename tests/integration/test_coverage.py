# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of our modules against what the running proxy says it takes: what is left out is left out on purpose."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Kind, Write

from .proxy import Proxy

Schema = dict[str, t.Any]

CLOCK = "moves by itself with every budget window"
OF_ITS_KEY = "of the key that /user/new can make; users here are made without one, and keys are objects of their own"
MEMBERSHIP = "who is in a team is said in members_with_roles of the team"
LICENSED = "needs a licence"
PASSING = "raises a limit for a while: an act, not a state"
REVIEW = "of the way by which users hand servers in for approval"

LEFT_OUT: dict[str, dict[str, str]] = {
    "budgets": {"budget_reset_at": CLOCK},
    "credentials": {"model_id": "copies the values of a model, which then can't be compared"},
    "mcp_servers": dict.fromkeys(("approval_status", "submitted_at", "submitted_by"), REVIEW),
    "guardrails": {
        "created_at": "a time stamp",
        "updated_at": "a time stamp",
        "guardrail_id": "LiteLLM makes up another one",
        "policy_template": "LiteLLM doesn't keep it",
    },
    "organizations": dict.fromkeys(
        (
            "allowed_models",
            "budget_id",
            "model_max_budget",
            "model_rpm_limit",
            "model_tpm_limit",
            "object_permission",
            "organization_id",
            "temp_budget_expiry",
            "temp_budget_increase",
            "tpd_limit",
        ),
        LICENSED,
    ),
    "teams": {
        "admins": "deprecated for members_with_roles",
        "members": "deprecated for members_with_roles",
        "secret_manager_settings": LICENSED,
    },
    "users": {
        **dict.fromkeys(
            (
                "agent_id",
                "aliases",
                "blocked",
                "budget_fallbacks",
                "budget_limits",
                "config",
                "duration",
                "key_alias",
                "permissions",
            ),
            OF_ITS_KEY,
        ),
        "auto_create_key": OF_ITS_KEY,
        "guardrails": "/user/update refuses it",
        "prompts": "/user/update refuses it",
        "policies": "kept in two places that /user/new and /user/update fill differently, and never cleared in one",
        "organizations": LICENSED,
        "password": "a user sets it",
        "team_id": MEMBERSHIP,
    },
    "projects": dict.fromkeys(
        (
            "allowed_models",
            "budget_id",
            "guardrails",
            "model_itpm_limit",
            "model_max_budget",
            "model_otpm_limit",
            "model_rpm_limit",
            "model_tpm_limit",
            "object_permission",
            "policies",
            "project_id",
            "tags",
            "temp_budget_expiry",
            "temp_budget_increase",
            "tpd_limit",
        ),
        LICENSED,
    ),
    "tags": {"model_info": "LiteLLM doesn't keep it", "model_max_budget": LICENSED},
    "vector_stores": {
        "created_at": "a time stamp",
        "updated_at": "a time stamp",
        "is_config": "what LiteLLM says of it",
        "user_id": "LiteLLM puts in who asks",
    },
    "search_tools": {"created_at": "a time stamp", "updated_at": "a time stamp"},
    "pass_through_endpoints": {"is_from_config": "what LiteLLM says of it"},
    "model_access_groups": {"model_ids": "single deployments of a name, which the group does not show"},
    "jwt_key_mappings": {"key": "the value of the key; token is its hash"},
    "customers": {"budget_reset_at": CLOCK, "model_max_budget": LICENSED},
    "keys": {"temp_budget_expiry": PASSING, "temp_budget_increase": PASSING},
}

# What 1.108.7 takes besides, and the tables do not have.
NEWER: dict[str, set[str]] = {
    "credentials": {"display_name"},
    "mcp_servers": {"rpm"},
    "plugins": {"installation_preference"},
    "teams": {"denied_passthrough_routes", "require_trace_id", "team_member_model_max_budget"},
    "access_groups": {"access_skill_names", "mcp_tool_permissions"},
    "agents": {"enabled", "execution_mode", "identity"},
    "customers": {"models"},
    "keys": {"denied_passthrough_routes"},
}


@pytest.fixture(scope="module")
def described(proxy: Proxy) -> Schema:
    return t.cast("Schema", proxy.call("GET", "/openapi.json"))


def properties(described: Schema, schema: Schema) -> set[str]:
    while "$ref" in schema:
        schema = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
    names = set(schema.get("properties", {}))
    return names.union(*(properties(described, part) for part in schema.get("anyOf", []) + schema.get("allOf", [])))


def taken(described: Schema, write: Write) -> set[str]:
    """The names that one call takes, whatever the API calls the id in its path."""
    pattern = write.path.split("{")
    for path, methods in described["paths"].items():
        same = path == write.path if len(pattern) == 1 else path.startswith(pattern[0]) and path.count("{") == 1
        ends = len(pattern) == 1 or path.split("}")[-1] == write.path.split("}")[-1]
        body = methods.get(write.method.lower(), {}).get("requestBody") if same and ends else None
        if body:
            schema = next(iter(body["content"].values()))["schema"]
            if not write.envelope:
                return properties(described, schema)
            inner = described["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]["properties"]
            return properties(described, inner[write.envelope])
    raise AssertionError(f"the proxy describes no {write.method} {write.path}")


def ours(kind: Kind) -> set[str]:
    technical = {kind.identity, kind.id, kind.create.envelope, kind.update.id_field, *kind.constants}
    besides = {name for field in kind.fields for name in field.also_written}
    return {name for name in technical | besides if name} | {f.api_name or f.name for f in kind.fields}


# What a setting consists of is free, or says the proxy itself; it describes no call for settings of the router.
OBJECTS = [kind for kind in KINDS.values() if not kind.permanent and not kind.written_by]


@pytest.mark.parametrize("kind", OBJECTS, ids=lambda kind: kind.plural)
def test_every_option_of_the_api_is_ours_or_left_out_for_a_reason(described: Schema, kind: Kind) -> None:
    api = taken(described, kind.create) | taken(described, kind.update)
    left_out = LEFT_OUT.get(kind.plural, {})
    assert api - ours(kind) - set(left_out) - NEWER.get(kind.plural, set()) == set(), "new in the API"
    assert set(left_out) - api == set(), "gone from the API"
    assert set(left_out) & {field.name for field in kind.fields} == set(), "left out and ours"
