# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every option that names other objects, from the tables: what there is not is named before anything is written."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS, Field, Kind
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.references import named_by

from .harness import change, run, succeed
from .proxy import Proxy
from .test_objects import Options

NOTHING = "nothing"
# What a new object can't be without.
WITH: dict[str, Options] = {
    "keys": {"key": "sk-references-0123456789abcdef"},
    "models": {"model_name": "rf", "litellm_params": {"model": "openai/x"}},
    "model_access_groups": {"model_names": [NOTHING]},
    "pass_through_endpoints": {"target": "http://127.0.0.1:9"},
    "agents": {"agent_card_params": {"name": "n"}},
    "memories": {"value": "v"},
    "vector_stores": {"custom_llm_provider": "openai"},
    "fallbacks": {"fallback_models": [NOTHING]},
    "jwt_key_mappings": {"jwt_claim_name": "sub"},
}
PLACES: dict[str, t.Any] = {
    "mcp_tool_permissions": {NOTHING: ["tool"]},
    "steps.guardrail": [{"guardrail": NOTHING}],
}


def value_of(field: Field) -> t.Any:
    """A value that names something in each of its places."""
    if field.refers_in and "" in field.refers_in.places:
        return {NOTHING: {}}
    if field.refers_in:
        places = [place for place in field.refers_in.places if not field.known_parts or place in field.known_parts]
        return {place.split(".")[0]: _in_place(place) for place in places}
    if field.refers or not field.parts:
        return [NOTHING] if field.type == "list" else NOTHING
    return [{part.name: value_of(part) for part in field.parts if part.refers or part.needed}]


def _in_place(place: str) -> t.Any:
    return PLACES.get(place) or (NOTHING if place.endswith(("_id", "_name")) else [NOTHING])


def refers(field: Field) -> bool:
    return bool(field.refers or field.refers_in) or any(part.refers for part in field.parts)


CASES = [(kind, field) for kind in KINDS.values() if not kind.enterprise for field in kind.fields if refers(field)]


@pytest.mark.parametrize(("kind", "field"), CASES, ids=[f"{kind.plural}-{field.name}" for kind, field in CASES])
def test_what_there_is_not_is_named(proxy: Proxy, kind: Kind, field: Field) -> None:
    name = "internal_user_settings" if kind.permanent else "rf"
    value = value_of(field)
    value = {"teams": [NOTHING]} if kind.permanent else value
    options = {**WITH.get(kind.plural, {}), field.name: value}
    if field.name == "pipeline":
        options[field.name] = {"mode": "pre_call", **value}
    if isinstance(value, dict) and field.name in WITH.get(kind.plural, {}):
        options[field.name] = {**WITH[kind.plural][field.name], **value}
    licensed = {"organizations", "projects"}
    named = [one for one in named_by(field, value) if one.kind not in licensed]
    for check in (True, False):
        refused = run(proxy, f"litellm_{kind.name}", **{kind.identity: name}, **options, check=check)
        assert not refused.wrote
        for one in named:
            assert f"{one.at}: there is no {KINDS[one.kind].name} with the " in refused["msg"], refused["msg"]
        assert named or "licence" in refused["msg"]


SERVER: Options = {"server_name": "rf_server", "server_id": "rf-id", "alias": "rf_alias", "transport": "http"}


def test_servers_by_id_alias_or_name(proxy: Proxy) -> None:
    key: Options = {"key_alias": "rf-key", "key": "sk-references-0123456789abcdef"}
    server = {**SERVER, "url": "http://127.0.0.1:9/mcp"}
    for name in ("rf-id", "rf_alias", "rf_server"):
        permission = {"mcp_servers": [name], "mcp_tool_permissions": {name: ["tool"]}}
        both = {"mcp_servers": [server], "keys": [{**key, "object_permission": permission}]}
        change(proxy, "litellm_state", desired=both)
    kept = {"mcp_servers": [{"server_name": "rf_server", "state": "absent"}], "keys": both["keys"]}
    refused = run(proxy, "litellm_state", desired=kept)
    assert "no mcp_server with the server_id or alias or server_name 'rf_server' after this call" in refused["msg"]
    gone = {"mcp_servers": kept["mcp_servers"], "keys": [{"key_alias": "rf-key", "state": "absent"}]}
    change(proxy, "litellm_state", desired=gone)


def test_a_policy_and_its_guardrail_in_one_call(proxy: Proxy) -> None:
    params = {"guardrail": "bedrock", "mode": "pre_call", "guardrailIdentifier": "x", "guardrailVersion": "DRAFT"}
    guardrail: Options = {"guardrail_name": "rf-guard", "litellm_params": params}
    base: Options = {"policy_name": "rf-base", "guardrails_add": ["rf-guard"]}
    step = {"guardrail": "rf-guard", "on_pass": "next", "on_fail": "block"}
    policy: Options = {"policy_name": "rf-policy", "inherit": "rf-base", "guardrails_add": ["rf-guard"]}
    policy["pipeline"] = {"mode": "pre_call", "steps": [step]}
    gone: Options = {"guardrail_name": "rf-guard", "state": "absent"}
    policies = [{"policy_name": one["policy_name"], "state": "absent"} for one in (base, policy)]
    succeed(proxy, "litellm_state", desired={"guardrails": [gone], "policies": policies})
    change(proxy, "litellm_state", desired={"guardrails": [guardrail], "policies": [base, policy]})
    refused = run(proxy, "litellm_state", desired={"guardrails": [gone], "policies": [base]})
    assert "no guardrail with the guardrail_name 'rf-guard' after this call, which deletes it" in refused["msg"]
    change(proxy, "litellm_state", desired={"guardrails": [gone], "policies": policies})


def test_a_key_of_a_user_and_an_agent(proxy: Proxy) -> None:
    card = {"name": "n", "description": "d", "url": "http://127.0.0.1:9", "version": "1"}
    modes: Options = {"defaultInputModes": ["text"], "defaultOutputModes": ["text"], "protocolVersion": "1.0"}
    agent = succeed(proxy, "litellm_agent", agent_name="rf-agent", agent_card_params={**card, **modes})
    key: Options = {"key_alias": "rf-key", "key": "sk-references-0123456789abcdef", "agent_id": agent["agent_id"]}
    key.update(user_id="rf-user", object_permission={"agents": [agent["agent_id"]]})
    change(proxy, "litellm_state", desired={"keys": [key], "users": [{"user_id": "rf-user"}]})
    change(proxy, "litellm_key", key_alias="rf-key", agent_id=None, user_id=None)
    change(proxy, "litellm_key", key_alias="rf-key", state="absent")
    change(proxy, "litellm_user", user_id="rf-user", state="absent")
    change(proxy, "litellm_agent", agent_name="rf-agent", state="absent")
