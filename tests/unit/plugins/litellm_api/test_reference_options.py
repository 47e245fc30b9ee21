# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Of every option of every kind, from the tables: whether it names other objects, and that those are looked up."""

from __future__ import annotations

import json
import re
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import plan, references
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.change import Change
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.client import Client, Reply, Settings
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Field, Kind
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds._naming import Named
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted

# What sounds like the name of something else.
WORDS = """
    agents? alias(es)? budget credential fallbacks groups? guardrails? ids? index(es)? info inherit keys? mcp members?
    models? names? organization params permission pipeline policies policy project prompts? roles? servers? skills?
    stores? tags? targets? teams? tools? users? values
"""
LIKE_A_REFERENCE = re.compile(f"(^|_)({'|'.join(WORDS.split())})(_|$)")

OWN = "its own name or id"
PERMISSION = (
    "names of models that may be used: patterns, groups and what comes later, which LiteLLM resolves for each request"
)
LIMIT = "limits by names of models, servers or tags, which need not be there"
FREE = "text, or a switch"
LABEL = "made by naming it"
NOT_LOOKED_UP: dict[str, str] = {
    "budgets.max_budget": LIMIT,
    "budgets.soft_budget": LIMIT,
    "budgets.budget_duration": LIMIT,
    "budgets.model_max_budget": LIMIT,
    "credentials.credential_values": FREE,
    "credentials.credential_info": FREE,
    "models.model_name": LABEL,
    "model_access_groups.max_budget": LIMIT,
    "model_access_groups.soft_budget": LIMIT,
    "model_access_groups.budget_duration": LIMIT,
    "mcp_servers.server_id": OWN,
    "mcp_servers.alias": OWN,
    "mcp_servers.mcp_access_groups": LABEL,
    "mcp_servers.allowed_tools": "tools of the server itself, which only it knows",
    "mcp_servers.allow_all_keys": FREE,
    "mcp_servers.byok_api_key_help_url": FREE,
    "mcp_servers.env_vars.name": FREE,
    "mcp_servers.tool_name_to_description": "tools of the server itself, which only it knows",
    "mcp_servers.tool_name_to_display_name": "tools of the server itself, which only it knows",
    "mcp_servers.per_server_oauth_discovery": FREE,
    "mcp_servers.server_timeout": FREE,
    "mcp_servers.mcp_info": FREE,
    "mcp_toolsets.tools.tool_name": "a tool of the server, which only it knows",
    "guardrails.litellm_params": FREE,
    "guardrails.guardrail_info": FREE,
    "policies.attachments.tags": "tags of requests, which need not be objects",
    "prompts.litellm_params": FREE,
    "prompts.prompt_info": FREE,
    "search_tools.litellm_params": FREE,
    "search_tools.search_tool_info": FREE,
    "pass_through_endpoints.target": FREE,
    "pass_through_endpoints.default_query_params": FREE,
    "organizations.models": PERMISSION,
    "organizations.max_budget": LIMIT,
    "organizations.soft_budget": LIMIT,
    "organizations.budget_duration": LIMIT,
    "users.user_email": OWN,
    "users.user_alias": OWN,
    "users.user_role": FREE,
    "users.sso_user_id": OWN,
    "users.models": PERMISSION,
    "users.max_budget": LIMIT,
    "users.budget_duration": LIMIT,
    "users.model_rpm_limit": LIMIT,
    "users.model_tpm_limit": LIMIT,
    "users.mcp_rpm_limit": LIMIT,
    "users.tag_rpm_limit": LIMIT,
    "users.model_max_budget": LIMIT,
    "teams.team_id": OWN,
    "teams.members_with_roles": "LiteLLM makes the persons that there are not",
    "teams.members_with_roles.user_id": "LiteLLM makes the persons that there are not",
    "teams.members_with_roles.user_email": "LiteLLM makes the persons that there are not",
    "teams.members_with_roles.role": FREE,
    "teams.members_with_roles.max_budget_in_team": LIMIT,
    "teams.members_with_roles.budget_duration": LIMIT,
    "teams.members_with_roles.allowed_models": PERMISSION,
    "teams.models": PERMISSION,
    "teams.model_aliases": PERMISSION,
    "teams.default_team_member_models": PERMISSION,
    "teams.team_member_permissions": FREE,
    "teams.max_budget": LIMIT,
    "teams.soft_budget": LIMIT,
    "teams.budget_duration": LIMIT,
    "teams.budget_limits": LIMIT,
    "teams.budget_limits.budget_duration": LIMIT,
    "teams.budget_limits.max_budget": LIMIT,
    "teams.team_member_budget": LIMIT,
    "teams.team_member_budget_duration": LIMIT,
    "teams.team_member_rpm_limit": LIMIT,
    "teams.team_member_tpm_limit": LIMIT,
    "teams.model_rpm_limit": LIMIT,
    "teams.model_tpm_limit": LIMIT,
    "teams.mcp_rpm_limit": LIMIT,
    "teams.default_estimated_output_tokens_per_model": LIMIT,
    "teams.allowed_vector_store_indexes": "indexes are no kind of object here",
    "teams.allowed_vector_store_indexes.index_name": "indexes are no kind of object here",
    "teams.allowed_vector_store_indexes.index_permissions": FREE,
    "teams.model_max_budget": LIMIT,
    "teams.disable_global_guardrails": FREE,
    "teams.tags": LABEL,
    "teams.team_member_key_duration": FREE,
    "projects.models": PERMISSION,
    "projects.max_budget": LIMIT,
    "projects.soft_budget": LIMIT,
    "projects.budget_duration": LIMIT,
    "access_groups.access_model_names": PERMISSION,
    "vector_stores.custom_llm_provider": FREE,
    "vector_stores.vector_store_name": OWN,
    "vector_stores.vector_store_description": FREE,
    "vector_stores.litellm_params": FREE,
    "vector_stores.vector_store_metadata": FREE,
    "agents.agent_card_params": FREE,
    "agents.litellm_params": FREE,
    "tags.max_budget": LIMIT,
    "tags.soft_budget": LIMIT,
    "tags.budget_duration": LIMIT,
    "customers.alias": OWN,
    "customers.allowed_model_region": FREE,
    "customers.max_budget": LIMIT,
    "customers.soft_budget": LIMIT,
    "customers.budget_duration": LIMIT,
    "keys.key": OWN,
    "keys.key_type": FREE,
    "keys.models": PERMISSION,
    "keys.aliases": PERMISSION,
    "keys.max_budget": LIMIT,
    "keys.soft_budget": LIMIT,
    "keys.budget_duration": LIMIT,
    "keys.budget_limits": LIMIT,
    "keys.budget_limits.budget_duration": LIMIT,
    "keys.budget_limits.max_budget": LIMIT,
    "keys.budget_fallbacks": PERMISSION,
    "keys.model_rpm_limit": LIMIT,
    "keys.model_tpm_limit": LIMIT,
    "keys.mcp_rpm_limit": LIMIT,
    "keys.tag_rpm_limit": LIMIT,
    "keys.default_estimated_output_tokens_per_model": LIMIT,
    "keys.allowed_vector_store_indexes": "indexes are no kind of object here",
    "keys.allowed_vector_store_indexes.index_name": "indexes are no kind of object here",
    "keys.allowed_vector_store_indexes.index_permissions": FREE,
    "keys.enable_prompt_caching": FREE,
    "keys.throttle_on_budget_exceeded": FREE,
    "keys.model_max_budget": LIMIT,
    "keys.enforced_params": FREE,
    "keys.disable_global_guardrails": FREE,
    "keys.tags": LABEL,
    "jwt_key_mappings.jwt_claim_name": FREE,
}
NOTHING = "nothing"
# Structures that name something in every part that can.
STRUCTURES: dict[str, t.Any] = {
    "object_permission": {
        **{part: [NOTHING] for part in ("mcp_servers", "mcp_toolsets", "vector_stores", "agents", "search_tools")},
        "mcp_tool_permissions": {NOTHING: ["tool"]},
    },
    "litellm_params": {"litellm_credential_name": NOTHING, "guardrails": [NOTHING], "vector_store_ids": [NOTHING]},
    "model_info": {"team_id": NOTHING},
    "pipeline": {"mode": "pre_call", "steps": [{"guardrail": NOTHING}]},
    "guardrails": {NOTHING: {}},
    "values": {
        "teams": [NOTHING, {"team_id": f"{NOTHING} else"}],
        "organization_id": NOTHING,
        "search_tool_name": NOTHING,
    },
}


def options(kind: Kind) -> t.Iterator[tuple[str, Field]]:
    for item in kind.fields:
        yield item.name, item
        for part in item.parts:
            yield f"{item.name}.{part.name}", part


def is_reference(item: Field) -> bool:
    return bool(item.refers or item.refers_in)


ALL = {f"{kind.plural}.{name}": item for kind in KINDS.values() for name, item in options(kind)}
LOOKED_UP = {name: item for name, item in ALL.items() if is_reference(item)}
SINGLE = [(kind, item) for kind in KINDS.values() for item in kind.fields if is_reference(item) or item.parts]
REFERRING = [(kind, item) for kind, item in SINGLE if is_reference(item) or any(map(is_reference, item.parts))]


def test_every_option_that_sounds_like_a_reference_is_looked_up_or_is_none_for_a_reason() -> None:
    parents = {name.rsplit(".", 1)[0] for name in LOOKED_UP if name.count(".") == 2}
    like = {name for name in ALL if LIKE_A_REFERENCE.search(name.rsplit(".", 1)[1])}
    undecided = like - set(LOOKED_UP) - parents - set(NOT_LOOKED_UP)
    assert not undecided, "a new option: does it name another object? Say `refers` in its table, or here why not"
    assert not set(NOT_LOOKED_UP) - set(ALL), "gone from the tables"
    assert not set(NOT_LOOKED_UP) & set(LOOKED_UP), "looked up after all"


class Empty:
    """A proxy with a licence and without any object."""

    def send(self, method: str, path: str, body: bytes | None, headers: t.Mapping[str, str]) -> Reply:
        assert method == "GET"
        path = path.split("?")[0]
        if path == "/health/license":
            return Reply(200, {}, b'{"license_type": "enterprise"}')
        kind = next(kind for kind in KINDS.values() if kind.listing.path == path)
        empty: t.Any = {kind.listing.envelope: [], "total": 0, "total_count": 0} if kind.listing.envelope else []
        return Reply(200, {}, json.dumps(empty).encode())


def sample(item: Field) -> t.Any:
    if item.refers_in:
        return STRUCTURES[item.name]
    if item.parts:
        return [{part.name: sample(part) for part in item.parts if is_reference(part)}]
    return [NOTHING] if item.type == "list" else NOTHING


def said_of(kind: Kind, given: dict[str, t.Any], name: str = "x") -> list[str]:
    client = Client(Settings(api_url="http://proxy:4000", api_key="sk-x"), transport=t.cast(t.Any, Empty()))
    change = Change(client, kind, Wanted(name, given))
    change.operation = plan.plan(kind, change.wanted, None)
    return [str(failure) for failure in references.missing(client, [change], {}, 1)]


@pytest.mark.parametrize(("kind", "item"), REFERRING, ids=[f"{kind.plural}-{item.name}" for kind, item in REFERRING])
def test_what_there_is_not_is_named(kind: Kind, item: Field) -> None:
    value = sample(item)
    named: list[Named] = list(references.named_by(item, value))
    assert named
    said = said_of(kind, {item.name: value})
    for one in named:
        target = KINDS[one.kind]
        by = " or ".join(one.by or (target.id,))
        assert f"{kind.name} 'x': {one.at}: there is no {target.name} with the {by} {one.name!r}" in said
    structure = item.refers_in and isinstance(value, dict) and kind.plural != "pass_through_endpoints"
    assert not structure or {one.at.split(".")[1].split()[0] for one in named} <= set(value) | {"steps"}


def test_names_that_stand_for_none_are_taken() -> None:
    servers = ["no-mcp-servers", "all-proxy-mcpservers", "all-team-mcpservers"]
    assert said_of(KINDS["keys"], {"object_permission": {"mcp_servers": servers}, "user_id": "default_user_id"}) == []
    assert said_of(KINDS["policies"], {"attachments": [{"teams": ["x*"], "models": ["*"]}]}) == []
    assert said_of(KINDS["fallbacks"], {}, "*") == []
    assert said_of(KINDS["fallbacks"], {}) == ["fallback 'x': model: there is no model with the model_name 'x'"]


def test_a_person_whom_a_team_of_the_same_call_makes_may_have_a_key() -> None:
    client = Client(Settings(api_url="http://proxy:4000", api_key="sk-x"), transport=t.cast(t.Any, Empty()))
    team = Change(client, KINDS["teams"], Wanted("t", {"members_with_roles": [{"user_id": "ada"}]}))
    keys = [Change(client, KINDS["keys"], Wanted(name, {"user_id": name})) for name in ("ada", "alan")]
    for change in (team, *keys):
        change.operation = plan.plan(change.kind, change.wanted, None)
    said = [str(failure) for failure in references.missing(client, [team, *keys], {}, 1)]
    assert said == ["key 'alan': user_id: there is no user with the user_id 'alan'"]
