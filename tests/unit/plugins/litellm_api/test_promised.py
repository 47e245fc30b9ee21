# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What LiteLLM would refuse, or drop, only when it comes to it: said before, or put into the form that it keeps."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import desired, export, plan, versions
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import PlanError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_key, litellm_model

from .scripted import Call, Script, free, named, run_module

Options = dict[str, t.Any]
CARD = {"name": "n", "url": "http://a"}


def model(**params: t.Any) -> Options:
    return {"model_id": "m", "model_name": "n", "litellm_params": {"model": "openai/x", **params}}


WRONG: list[tuple[str, Options, str]] = [
    ("models", model(rpm="abc"), "litellm_params.rpm must be a number"),
    ("models", model(timeout="abc"), "litellm_params.timeout must be a number"),
    ("models", model(input_cost_per_token="abc"), "litellm_params.input_cost_per_token must be a number"),
    ("models", model(api_base=3), "litellm_params.api_base must be a text"),
    ("models", model(tags="a"), "litellm_params.tags must be a list"),
    ("models", {**model(), "model_info": {"tier": "gold"}}, "model_info.tier must be one of free, paid"),
    (
        "keys",
        {"key_alias": "k", "allowed_vector_store_indexes": [{"index_name": "i", "index_permissions": ["all"]}]},
        "index_permissions must be one of read, write",
    ),
    ("agents", {"agent_name": "a", "agent_card_params": {"protocolVersion": "0.2.6"}}, "LiteLLM speaks 0.3 and 1.0"),
    (
        "agents",
        {"agent_name": "a", "agent_card_params": {"capabilities": {"pushNotifications": True}}},
        "LiteLLM keeps streaming only, not pushNotifications",
    ),
    ("agents", {"agent_name": "a", "agent_card_params": {"additionalInterfaces": [{}]}}, "LiteLLM drops them"),
    ("mcp_servers", {"server_name": "s", "server_id": "a/b"}, "server_id: LiteLLM can't delete"),
    ("mcp_servers", {"server_name": "s", "env_vars": [{"name": "A", "scope": "team"}]}, "one of global, user"),
    ("mcp_servers", {"server_name": "s", "tool_name_to_display_name": {"a": "b c"}}, "'b c' has other characters"),
]


@pytest.mark.parametrize(("kind", "one", "said"), WRONG)
def test_what_is_wrong_by_itself(kind: str, one: Options, said: str) -> None:
    assert said in "; ".join(desired.mistakes({kind: [one]}))


RIGHT: list[tuple[str, Options]] = [
    ("models", model(rpm="3", timeout="30", input_cost_per_token="3e-7", api_key="os.environ/X", max_retries=None)),
    ("models", model(rpm="os.environ/RPM", search_context_cost_per_query={"low": 0.1}, tags=["a"])),
    (
        "agents",
        {"agent_name": "a", "agent_card_params": {"capabilities": {"streaming": True, "pushNotifications": False}}},
    ),
    ("agents", {"agent_name": "a", "agent_card_params": {"protocolVersion": "1.0.3-rc1"}}),
]


@pytest.mark.parametrize(("kind", "one"), RIGHT)
def test_what_is_right_by_itself(kind: str, one: Options) -> None:
    assert desired.mistakes({kind: [one]}) == []


SAME: list[tuple[Options, Options]] = [
    ({"protocolVersion": "0.3.0"}, {"protocolVersion": "0.3"}),
    ({"capabilities": {"streaming": True, "pushNotifications": False}}, {"capabilities": {"streaming": True}}),
    ({"skills": []}, {"skills": [{"id": "chat", "name": "Chat", "tags": ["chat"]}]}),
    ({"defaultInputModes": []}, {"defaultInputModes": ["text"]}),
]


@pytest.mark.parametrize(("mine", "theirs"), SAME)
def test_a_card_in_the_form_that_litellm_keeps(mine: Options, theirs: Options) -> None:
    found = {"agent_name": "a", "agent_id": "1", "agent_card_params": {**CARD, **theirs}}
    assert not plan.plan(KINDS["agents"], Wanted("a", {"agent_card_params": mine}), found).changes


@pytest.mark.parametrize(("organization", "stays"), [("Acme", True), ("LiteLLM Proxy", False)])
def test_a_provider_of_ones_own_stays_in_the_card_and_the_export(organization: str, stays: bool) -> None:
    provider = {"organization": organization, "url": "http://b"}
    found = {"agent_name": "a", "agent_id": "1", "agent_card_params": {**CARD, "provider": provider}}
    operation = plan.plan(KINDS["agents"], Wanted("a", {"agent_card_params": {"description": "d"}}), found)
    assert ("provider" in operation.body["agent_card_params"]) is stays
    assert ("provider" in export.desired(KINDS["agents"], [found])[0]["agent_card_params"]) is stays


NEW: list[tuple[str, str, Options, str]] = [
    ("plugins", "p", {"source": {"source": "url"}}, "source.url"),
    ("plugins", "p", {"source": {"source": "git-subdir", "url": "http://a"}}, "source.path"),
    ("keys", "k", {"metadata": {"service_account_id": "s"}}, r"team_id \(for metadata.service_account_id\)"),
    ("prompts", "a.v2", {"litellm_params": {"prompt_integration": "dotprompt"}}, "'.v2', for a version"),
    ("model_access_groups", "a/b", {"model_names": ["m"]}, "whose name has a slash"),
]


@pytest.mark.parametrize(("kind", "name", "given", "said"), NEW)
def test_what_a_new_one_can_t_be(kind: str, name: str, given: Options, said: str) -> None:
    with pytest.raises(PlanError, match=said):
        plan.refuse_incomplete(KINDS[kind], Wanted(name, given))


@pytest.mark.parametrize(
    ("model", "parts"),
    [
        ("bedrock/x", {"aws_access_key_id", "aws_secret_access_key"}),
        ("vertex_ai/x", {"vertex_credentials"}),
        ("openai/x", {"api_key"}),
    ],
)
def test_what_a_model_logs_in_with_is_to_be_filled_in(model: str, parts: set[str]) -> None:
    info = {"id": "m", "db_model": True, "llmfleet": {"fingerprints": {"litellm_params": "x"}}}
    shown = {"model": model, "use_fine_tune": False, "use_in_pass_through": False}
    found = {"model_id": "m", "model_name": "n", "litellm_params": shown, "model_info": info}
    (said,) = export.desired(KINDS["models"], [found])
    assert set(said["litellm_params"]) == {"model", "use_fine_tune", *parts}


SCHEMA = {
    "properties": {
        "num_retries": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "timeout": {"type": "number"},
        "fallbacks": {"anyOf": [{"type": "array"}, {"type": "null"}]},
        "flag": {"type": "boolean"},
        "any": {"anyOf": [{"$ref": "x"}, {"type": "string"}]},
        "odd": 3,
    }
}


def test_parts_of_other_types_than_the_proxy_describes() -> None:
    right = {"num_retries": "3", "timeout": 1.5, "fallbacks": [], "flag": "true", "any": [], "odd": {}, "strange": 1}
    assert versions.wrong_types(SCHEMA, {**right, "timeout": None}) == []
    wrong: Options = {"num_retries": "x", "timeout": [], "fallbacks": "x", "flag": {}}
    assert versions.wrong_types(SCHEMA, wrong) == [
        "num_retries must be a number",
        "timeout must be a number",
        "fallbacks must be a list",
        "flag must be true or false",
    ]
    assert versions.wrong_types({}, wrong) == []
    assert versions.wrong_types(SCHEMA, {"num_retries": 1.5}) == ["num_retries must be a number"]


def test_a_permission_that_needs_a_licence_whatever_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = "sk-promised-0123456789"
    script = Script(named("k"), free(raw), Call("GET", "/health/license", {"license_type": None}))
    options = {"key_alias": "k", "key": raw, "permissions": {"get_spend_routes": False}}
    result = run_module(litellm_key, script, options, check=True, monkeypatch=monkeypatch)
    assert "permissions.get_spend_routes: this needs a LiteLLM Enterprise licence" in result["msg"]


def test_a_model_that_is_kept_and_not_served_is_taken_back(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "Model create was saved to the database, but the model id(s) ['m'] are not live"
    listing = Call("GET", "/v2/model/info", {"data": [], "total_count": 0})
    refused = Call("POST", "/model/new", {"error": {"message": said}}, status=500)
    script = Script(listing, refused, Call("POST", "/model/delete", {}, body={"id": "m"}))
    result = run_module(litellm_model, script, model(model="foo/bar"), monkeypatch=monkeypatch)
    script.assert_done()
    assert "(taken back)" in result["msg"]


def test_a_name_twice_in_a_list_is_one() -> None:
    (one,) = desired.read({"users": [{"user_id": "u", "teams": ["a", "b", "a"]}]}, None, b"")["users"]
    assert one.given["teams"] == ["a", "b"]
    (one,) = desired.read({"mcp_servers": [{"server_name": "s", "args": ["-v", "-v"]}]}, None, b"")["mcp_servers"]
    assert one.given["args"] == ["-v", "-v"]
