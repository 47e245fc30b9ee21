# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is exported, applied again, changes nothing, and makes the same on an empty gateway."""

from __future__ import annotations

import json
import re
import typing as t

import pytest

from .harness import run, succeed
from .proxy import Proxy
from .states import NAMES, State, everything, gone

# LiteLLM doesn't even name the parts of an MCP server's credentials.
SECRETS = {
    "{{ vault_credential_st_cred_api_key }}",
    "{{ vault_model_st_model_api_key }}",
    "{{ vault_guardrail_st_guard_aws_secret_access_key }}",
    "{{ vault_mcp_server_st_mcp_auth_value }}",
    "{{ vault_mcp_server_st_mcp_static_headers_x_secret }}",
    "{{ vault_mcp_server_st_mcp_env_vars_a }}",
    "{{ vault_search_tool_st_search_api_key }}",
    "{{ vault_vector_store_st_store_api_key }}",
    "{{ vault_pass_through_endpoint__st_path_headers_authorization }}",
}


def rich() -> State:
    state = everything(2)
    state["keys"][0].update(
        models=["st"],
        max_budget=5,
        duration="30d",
        metadata={"a": 1},
        model_rpm_limit={"st": 3},
        blocked=True,
        object_permission={"vector_stores": ["st-store"]},
    )
    state["keys"].append({"key_alias": "st-key-2", "key": "sk-state-0123456789abcdef2", "soft_budget": 3})
    state["teams"][0].update(max_budget=3, object_permission={"vector_stores": ["st-store"]}, model_rpm_limit={"st": 1})
    state["keys"][1].pop("team_id")
    state["keys"][1].update(team_alias="st-team", access_group_names=["st-group"])
    state["teams"][0].update(team_member_budget=2, team_member_rpm_limit=3)
    state["users"][0].update(
        user_alias="Al", max_budget=2, metadata={"b": 1}, object_permission={"vector_stores": ["st-store"]}
    )
    state["access_groups"][0].update(assigned_team_ids=["st-team-id"], description="d")
    state["models"][0].update(blocked=True)
    state["models"].append(
        {"model_id": "st-model-2", "model_name": "st-other", "litellm_params": {"model": "openai/y"}}
    )
    state["tags"].append({"name": "st-tag-2", "budget_id": "st-budget"})
    state["customers"].append({"user_id": "st-customer-2", "budget_id": "st-budget", "alias": "C"})
    state["mcp_servers"] = [
        {
            "server_name": "st_mcp",
            "server_id": "st-mcp-id",
            "url": "http://127.0.0.1:9/mcp",
            "transport": "http",
            "auth_type": "api_key",
            "credentials": {"auth_value": "secret-value"},
            "static_headers": {"X-Secret": "secret-value"},
            "env_vars": [{"name": "A", "value": "secret-value"}],
            "mcp_info": {"a": 1},
        }
    ]
    state["model_access_groups"] = [{"access_group": "st-models", "model_names": ["st"], "max_budget": 3}]
    state["mcp_toolsets"] = [{"toolset_name": "st-tools", "tools": [{"server_id": "st-mcp-id", "tool_name": "a"}]}]
    state["vector_stores"] = [
        {
            "vector_store_id": "st-store",
            "custom_llm_provider": "openai",
            "litellm_params": {"api_key": "secret-value"},
            "vector_store_metadata": {"a": 1},
        }
    ]
    search = {"search_provider": "tavily", "api_key": "secret-value"}
    state["search_tools"] = [{"search_tool_name": "st-search", "litellm_params": search}]
    prompt = {"prompt_integration": "dotprompt", "dotprompt_content": "Hello"}
    state["prompts"] = [{"prompt_id": "st-prompt", "litellm_params": prompt}]
    endpoint = {"target": "http://127.0.0.1:9", "headers": {"Authorization": "secret-value"}}
    state["pass_through_endpoints"] = [{"path": "/st-path", **endpoint}]
    card: dict[str, t.Any] = {
        "protocolVersion": "1.0",
        "name": "n",
        "description": "d",
        "url": "http://127.0.0.1:9",
        "version": "1",
    }
    card = {**card, "defaultInputModes": ["text"], "defaultOutputModes": ["text"], "capabilities": {}}
    state["agents"] = [{"agent_name": "st-agent", "agent_card_params": card, "tpm_limit": 3}]
    state["memories"] = [{"key": "st-memory", "value": "v"}]
    state["plugins"] = [{"name": "st-plugin", "source": {"source": "github", "repo": "a/b"}, "enabled": False}]
    attachments = [{"scope": "*", "priority": 2}, {"teams": ["st-team", "x*"], "models": ["st"]}]
    state["policies"] = [{"policy_name": "st-policy", "description": "d", "attachments": attachments}]
    state["fallbacks"] = [{"model": "st-other", "fallback_models": ["st"]}]
    params = {"guardrail": "bedrock", "mode": "pre_call", "guardrailIdentifier": "x", "guardrailVersion": "DRAFT"}
    params["aws_secret_access_key"] = "secret-value"
    state["guardrails"] = [{"guardrail_name": "st-guard", "litellm_params": params, "guardrail_info": {"b": 2}}]
    return state


@pytest.fixture(autouse=True)
def clean(proxy: Proxy) -> t.Iterator[None]:
    succeed(proxy, "litellm_state", desired=gone(rich()))
    yield
    succeed(proxy, "litellm_state", desired=gone(rich()))


def exported(proxy: Proxy) -> State:
    """The export of what this test made, with its secrets filled in."""
    result = succeed(proxy, "litellm_info")
    assert "secret-value" not in json.dumps(result.data)
    raw = {f"{{{{ vault_key_st_key_{n}_key }}}}": f"sk-state-0123456789abcdef{n}" for n in range(3)}
    state: State = {}
    for kind, items in result["desired"].items():
        text = json.dumps([item for item in items if str(item[NAMES[kind]]).lstrip("/").startswith(("st-", "st_"))])
        for variable, value in {**dict.fromkeys(SECRETS, "secret-value"), **raw}.items():
            text = text.replace(variable, value)
        state[kind] = json.loads(text)
    assert not re.findall(r"{{.*?}}", json.dumps(state))
    return state


def without_life(state: State) -> State:
    return {k: [{n: v for n, v in item.items() if n != "duration"} for item in items] for k, items in state.items()}


def test_an_export_changes_nothing_and_recreates_everything(proxy: Proxy) -> None:
    succeed(proxy, "litellm_state", desired=rich())
    first = exported(proxy)
    assert first["keys"][0]["key_alias"]
    again = succeed(proxy, "litellm_state", desired=first, check=True)
    assert again["changed"] is False, again["diff"]
    succeed(proxy, "litellm_state", desired=gone(rich()))
    made = succeed(proxy, "litellm_state", desired=first)
    assert made["counts"]["create"] == sum(len(items) for items in rich().values())
    second = exported(proxy)
    assert sort(without_life(second)) == sort(without_life(first))


def sort(state: State) -> State:
    return {kind: sorted(items, key=lambda item: str(item[NAMES[kind]])) for kind, items in state.items()}


def test_info_reads_by_name_and_owner(proxy: Proxy) -> None:
    succeed(proxy, "litellm_state", desired=rich(), owner="st-owner")
    one = succeed(proxy, "litellm_info", kinds=["keys"], names=["st-key-1"])
    assert [key["key_alias"] for key in one["objects"]["keys"]] == ["st-key-1"]
    owned = succeed(proxy, "litellm_info", owner="st-owner")["desired"]
    assert {len(owned[kind]) for kind in ("teams", "users", "credentials")} == {1}
    assert len(owned["models"]) == 2
    assert not owned["budgets"]
    assert run(proxy, "litellm_info", names=["x"]).failed
