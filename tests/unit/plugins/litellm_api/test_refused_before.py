# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the proxy would refuse, and is said before anything is written, in check mode too."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import desired, plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import PlanError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted
from ansible_collections.llmfleet.gateway.plugins.modules import (
    litellm_guardrail,
    litellm_mcp_server,
    litellm_state,
    litellm_team,
)

from .scripted import Call, Script, run_module

Options = dict[str, t.Any]
URL = {"url": "http://127.0.0.1:9/mcp", "transport": "http"}


MODES = "/guardrails/ui/add_guardrail_settings"


@pytest.mark.parametrize(
    ("integration", "asked", "said"),
    [
        ("bedrock", None, ""),
        ("mine.Guard", None, ""),
        ("young", {"young": {}}, ""),
        ("young", {"other": {}}, "has no integration 'young'; there are aim,"),
        ("young", "nonsense", ""),
    ],
)
def test_integrations_of_guardrails(integration: str, asked: t.Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    question = [Call("GET", "/guardrails/ui/provider_specific_params", asked)] if asked else []
    modes = Call("GET", MODES, {})
    script = Script(Call("GET", "/v2/guardrails/list", {"guardrails": []}), *question, modes)
    params = {"guardrail": integration, "mode": "pre_call"}
    options: Options = {"guardrail_name": "g", "litellm_params": params}
    result = run_module(litellm_guardrail, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert said in result.get("msg", "") if said else result["changed"]


OFFERED = {"supported_modes": ["pre_call", "post_call"], "supported_modes_by_provider": {"aporia": ["post_call"]}}


@pytest.mark.parametrize(
    ("integration", "mode", "offered", "said"),
    [
        ("aporia", "pre_call", OFFERED, "aporia has no 'pre_call'; there are post_call"),
        ("aporia", "post_call", OFFERED, ""),
        ("lasso", ["pre_call", "later"], OFFERED, "lasso has no 'later'; there are pre_call, post_call"),
        ("aporia", {"tags": {"a": ["pre_call"]}, "default": "post_call"}, OFFERED, "aporia has no 'pre_call'"),
        ("aporia", {"tags": 3}, OFFERED, ""),
        ("aporia", "pre_call", {}, ""),  # an older version
        ("aporia", "pre_call", "nonsense", ""),
    ],
)
def test_modes_of_guardrails(
    integration: str, mode: t.Any, offered: t.Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = [] if mode == {"tags": 3} else [Call("GET", MODES, offered)]
    script = Script(Call("GET", "/v2/guardrails/list", {"guardrails": []}), *question)
    options: Options = {"guardrail_name": "g", "litellm_params": {"guardrail": integration, "mode": mode}}
    result = run_module(litellm_guardrail, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert said in result.get("msg", "") if said else result["changed"]


@pytest.mark.parametrize(("enabled", "said"), [(False, "LITELLM_ENABLE_MCP_STDIO"), (True, ""), (None, "")])
def test_programs_as_servers(enabled: bool | None, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {} if enabled is None else {"mcp_stdio_enabled": enabled}
    listing = Call("GET", "/v1/mcp/server", [])
    options: Options = {"server_name": "s", "transport": "stdio"}
    lacking = run_module(litellm_mcp_server, Script(listing), options, check=True, monkeypatch=monkeypatch)
    assert "a new one needs command, args" in lacking["msg"]
    script = Script(listing, Call("GET", "/.well-known/litellm-ui-config", settings))
    options.update(command="npx", args=["x"])
    result = run_module(litellm_mcp_server, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert said in result.get("msg", "") if said else result["changed"]


WRONG: list[tuple[str, Options, str]] = [
    ("settings", {"name": "cost_discount", "values": {"openai": 1.5}}, "values.openai must be a number from 0 to 1"),
    ("settings", {"name": "cost_discount", "values": {"openai": True}}, "values.openai must be a number from 0 to 1"),
    ("settings", {"name": "cost_margin", "values": {"openai": 11}}, "values.openai must be a number from 0 to 10"),
    ("settings", {"name": "cost_margin", "values": {"openai": {}}}, "values.openai needs percentage or fixed_amount"),
    (
        "settings",
        {"name": "cost_margin", "values": {"openai": {"percentage": 11}}},
        "openai.percentage must be a number",
    ),
    ("settings", {"name": "cost_margin", "values": {"openai": {"percent": 1}}}, "there is no 'percent'"),
    ("prompts", {"prompt_id": "p", "litellm_params": {"prompt_integration": "langfuse"}}, "there is no 'langfuse'"),
    ("models", {"model_id": "m", "model_info": {"input_cost_per_token": 1}}, "keeps prices in litellm_params"),
    ("mcp_servers", {"server_name": "s", "alias": "a b"}, "alias: LiteLLM takes names of up to 128 letters"),
    (
        "keys",
        {"key_alias": "k", "object_permission": {"agent": []}},
        "there is no option 'agent'; did you mean agents?",
    ),
    ("policies", {"policy_name": "p", "pipeline": {"steps": []}}, "pipeline.mode must be one of pre_call, post_call"),
    ("policies", {"policy_name": "p", "pipeline": {"mode": "pre_call", "step": 1}}, "there is no 'step'"),
    ("policies", {"policy_name": "p", "pipeline": {"steps": [{}]}}, "steps #0: needs guardrail"),
    (
        "policies",
        {"policy_name": "p", "pipeline": {"steps": [{"guardrail": "g", "on_pass": "go"}]}},
        "steps #0.on_pass",
    ),
    ("users", {"user_id": "u", "metadata": {"a": [{"b\0": 1}]}}, "metadata: LiteLLM keeps no text with a NUL"),
    ("agents", {"agent_name": "a", "object_permission": {"skills": []}}, "there is no option 'skills'"),
]


@pytest.mark.parametrize(("kind", "one", "said"), WRONG)
def test_what_is_wrong_by_itself(kind: str, one: Options, said: str) -> None:
    assert said in "; ".join(desired.mistakes({kind: [one]}))


def test_what_litellm_adds_to_steps_is_no_difference() -> None:
    steps = [{"guardrail": "a", "on_pass": "next"}, {"guardrail": "b", "on_pass": "allow"}]
    added = {"on_fail": "block", "on_error": None, "pass_data": False, "modify_response_message": None}
    found = {"policy_name": "p", "pipeline": {"mode": "pre_call", "steps": [{**added, **step} for step in steps]}}

    def changes(*order: int, **more: t.Any) -> bool:
        wanted = {"mode": "pre_call", "steps": [{**steps[number], **more} for number in order]}
        return plan.plan(KINDS["policies"], Wanted("p", {"pipeline": wanted}), found).changes

    assert not changes(0, 1)
    assert changes(1, 0), "their order means something"
    assert changes(0, 1, pass_data=True)


@pytest.mark.parametrize("character", ["\x85", "\u2028", "\u2029"])
def test_line_ends_that_litellm_changes(character: str) -> None:
    """Where it stays as it is nothing is written, so nothing is refused."""
    text = f"a{character}b"
    for found in (None, {"name": "t", "description": "other"}):
        with pytest.raises(PlanError, match="line end of Unicode"):
            plan.plan(KINDS["tags"], Wanted("t", {"description": text}), found)
    assert not plan.plan(KINDS["tags"], Wanted("t", {"description": text}), {"name": "t", "description": text}).changes
    assert plan.plan(KINDS["users"], Wanted("u", {"metadata": {"a": text}}), None).changes
    with pytest.raises(PlanError, match="line end of Unicode"):
        plan.plan(KINDS["prompts"], Wanted("p", {"prompt_info": {"a": text}}), None)


RIGHT: list[tuple[str, Options]] = [
    ("settings", {"name": "cost_discount", "values": {"openai": 1, "cohere": None}}),
    ("settings", {"name": "cost_margin", "values": {"global": 0.1, "openai": {"percentage": 1, "fixed_amount": 20}}}),
    ("settings", {"name": "ui_settings", "values": {"openai": 20}}),
    ("prompts", {"prompt_id": "p", "litellm_params": {"prompt_integration": "dotprompt"}}),
    ("mcp_servers", {"server_name": "s", "alias": ""}),
]


@pytest.mark.parametrize(("kind", "one"), RIGHT)
def test_what_is_right_by_itself(kind: str, one: Options) -> None:
    assert desired.mistakes({kind: [one]}) == []


def test_a_provider_that_there_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/config/cost_margin_config"
    script = Script(Call("GET", path, {"values": {}}), Call("GET", "/public/providers", ["openai"]))
    setting = {"name": "cost_margin", "values": {"global": 0.1, "openia": 0.1}}
    result = run_module(
        litellm_state, script, {"desired": {"settings": [setting]}}, check=True, monkeypatch=monkeypatch
    )
    assert "setting 'cost_margin': values: LiteLLM knows no provider openia" in result["msg"]


def server(name: str, alias: str) -> Options:
    return {"server_name": name, "server_id": name, "alias": alias, **URL}


TAKEN: list[tuple[list[Options], str]] = [
    ([{"server_name": "ALIAS", **URL}], "the server_name 'ALIAS' is that of 'one'"),
    ([{"server_name": "One", **URL}], "the server_name 'One' is that of 'one'"),
    ([{"server_name": "two", "alias": "one", **URL}], "the alias 'one' is that of 'one'"),
    ([{"server_name": "one", "alias": "b"}, {"server_name": "other", "alias": "alias"}], "exchange names"),
    ([{"server_name": "one", "alias": "c"}, {"server_name": "two", "alias": "alias", **URL}], ""),
    ([{"server_name": "one", "state": "absent"}, {"server_name": "two", "alias": "alias", **URL}], ""),
]


@pytest.mark.parametrize(("servers", "said"), TAKEN)
def test_names_and_aliases_that_others_have(servers: list[Options], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(Call("GET", "/v1/mcp/server", [server("one", "alias"), server("other", "b")]))
    options: Options = {"desired": {"mcp_servers": servers}, "workers": 1}
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    assert said in result["msg"] if said else result["changed"], result


def test_who_gives_a_mail_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deleted before the writing, or changed before what is made."""
    found = [{"user_id": "a", "user_email": "a@x"}, {"user_id": "b", "user_email": "b@x"}]
    users: list[Options] = [{"user_id": "c", "user_email": "b@x"}, {"user_id": "d", "user_email": "a@x"}]
    users += [{"user_id": "a", "state": "absent"}, {"user_id": "b", "user_email": "e@x"}]
    owned = {"metadata": {"llmfleet": {"owner": "llmfleet.gateway"}}}
    after = [{"user_id": id, "user_email": mail, **owned} for id, mail in (("b", "e@x"), ("c", "b@x"), ("d", "a@x"))]
    script = Script(
        Call("GET", "/user/list", {"users": found, "total": 2}),
        Call("GET", "/key/list", {"keys": [], "total_count": 0}),
        Call("POST", "/user/delete", {}, body={"user_ids": ["a"]}),
        Call("POST", "/user/update", {}),
        Call("POST", "/user/new", {"user_id": "c"}),
        Call("POST", "/user/new", {"user_id": "d"}),
        Call("GET", "/user/list", {"users": after, "total": 3}),
    )
    options: Options = {"desired": {"users": users}, "workers": 1}
    assert run_module(litellm_state, script, options, monkeypatch=monkeypatch)["counts"]["create"] == 2
    script.assert_done()


MEMBER = {"user_id": "ada", "user_email": "old@x", "role": "user"}
MAILS: list[tuple[Options, bool]] = [
    ({"teams": [{"team_alias": "t", "members_with_roles": [{"user_email": "New@x"}]}]}, False),
    ({"teams": [{"team_alias": "t", "members_with_roles": [{"user_email": "other@x"}]}]}, True),
]


@pytest.mark.parametrize(("state", "changed"), MAILS)
def test_a_mail_is_that_of_who_has_it_now(state: Options, changed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    team = {"team_alias": "t", "team_id": "t", "members_with_roles": [MEMBER], "metadata": {"llmfleet": {"owner": "o"}}}
    users = [{"user_id": "ada", "user_email": "new@x"}, {"user_id": "alan", "user_email": "other@x"}]
    no_keys = [Call("GET", "/key/list", {"keys": [], "total_count": 0})] if changed else []
    script = Script(
        Call("GET", "/v2/team/list", {"teams": [team], "total": 1}),
        Call("GET", "/user/list", {"users": users, "total": 2}),
        *no_keys,
    )
    options: Options = {"desired": state, "owner": "o", "workers": 1}
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    assert result["changed"] is changed, result
    script.assert_done()


def test_a_mail_of_the_same_declaration_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has it now, and whom it was noted for."""
    found = [{"user_id": "ada", "user_email": "new@x"}, {"user_id": "alan", "user_email": "alan@x"}]
    team = {"team_alias": "t", "team_id": "t", "members_with_roles": [MEMBER]}
    script = Script(
        Call("GET", "/user/list", {"users": found, "total": 2}),
        Call("GET", "/v2/team/list", {"teams": [team], "total": 1}),
        Call("GET", "/key/list", {"keys": [], "total_count": 0}),
    )
    state = {
        "users": [{"user_id": "ada", "user_email": "next@x"}, {"user_id": "alan", "user_email": "new@x"}],
        "teams": [{"team_alias": "t", "members_with_roles": [{"user_email": "new@x"}]}],
    }
    options: Options = {"desired": state, "workers": 1}
    result = run_module(litellm_state, script, options, check=True, monkeypatch=monkeypatch)
    team_diff = next(one for one in result["diff"] if one["before_header"] == "team t")
    assert team_diff["after"]["members_with_roles"] == {"alan": "user"}


def test_one_person_by_id_and_by_mail(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        Call("GET", "/v2/team/list", {"teams": [], "total": 0}),
        Call("GET", "/user/list", {"users": [{"user_id": "ada", "user_email": "a@x"}], "total": 1}),
    )
    state = {"teams": [{"team_alias": "t", "members_with_roles": [{"user_email": "a@x"}, {"user_id": "ada"}]}]}
    result = run_module(litellm_state, script, {"desired": state}, check=True, monkeypatch=monkeypatch)
    assert "members_with_roles names 'ada' twice, by id and by mail" in result["msg"]


VALUES: list[tuple[str, Options, str]] = [
    ("keys", {"key_alias": "k", "model_rpm_limit": {"m": None}}, "model_rpm_limit.m must be a whole number"),
    ("keys", {"key_alias": "k", "budget_fallbacks": {"m": [1]}}, "budget_fallbacks.m must be a list of texts"),
    ("keys", {"key_alias": "k", "max_parallel_requests": 2**31}, "max_parallel_requests must not be above 2147483647"),
    ("keys", {"key_alias": "k", "tpm_limit": 2**63}, "tpm_limit must not be above 9223372036854775807"),
    (
        "keys",
        {"key_alias": "k", "default_estimated_output_tokens": 0},
        "default_estimated_output_tokens must be 1 or more",
    ),
    (
        "keys",
        {"key_alias": "k", "default_estimated_output_tokens_per_model": {"m": 0}},
        "per_model.m must be 1 or more",
    ),
    ("mcp_servers", {"server_name": "s", "static_headers": {"a": ["b"]}}, "static_headers.a must be a text"),
    ("mcp_servers", {"server_name": "s", "issuer": " x"}, "issuer has white space around it"),
    ("mcp_toolsets", {"toolset_name": "t", "tools": [{"server_id": "s"}]}, "needs tool_name"),
    ("plugins", {"name": "p", "source": {"source": "x"}}, "source.source must be one of github, url"),
    ("plugins", {"name": "p", "author": {}}, "author.name is missing"),
    ("policies", {"policy_name": "p", "condition": {"modle": "x"}}, "did you mean model?"),
    ("teams", {"team_alias": "t", "max_budget": 3, "soft_budget": 3}, "soft_budget must be lower than max_budget"),
]


@pytest.mark.parametrize(("kind", "one", "said"), VALUES)
def test_values_that_the_database_or_the_api_does_not_take(kind: str, one: Options, said: str) -> None:
    assert said in "; ".join(desired.mistakes({kind: [one]}))


def test_numbers_of_yaml_where_texts_are_wanted_and_the_other_way() -> None:
    server = {"server_name": "s", "static_headers": {"X-Version": 1, "X-On": True}}
    (wanted,) = desired.read({"mcp_servers": [server]}, "o", b"k")["mcp_servers"]
    assert wanted.given["static_headers"] == {"X-Version": "1", "X-On": "true"}
    (wanted,) = desired.read({"keys": [{"key_alias": "k", "model_rpm_limit": {"m": "3"}}]}, "o", b"k")["keys"]
    assert wanted.given["model_rpm_limit"] == {"m": 3}


def test_what_stays_counts_for_the_order_of_budgets() -> None:
    found = {"team_alias": "t", "team_id": "t", "max_budget": 5.0, "soft_budget": 3.0}
    with pytest.raises(PlanError, match="soft_budget must be lower"):
        plan.plan(KINDS["teams"], Wanted("t", {"max_budget": 2}), found)
    assert plan.plan(KINDS["teams"], Wanted("t", {"max_budget": 2, "soft_budget": None}), found).changes


EMPTY: list[tuple[str, Options, Options]] = [
    ("users", {"models": []}, {"user_id": "x", "models": ["a"]}),
    ("models", {"model_name": ""}, {"model_id": "x", "model_name": "m", "model_info": {"id": "x"}}),
    ("models", {"model_info": {"note": None}}, {"model_id": "x", "model_info": {"id": "x", "note": 1}}),
]


@pytest.mark.parametrize(("kind", "given", "found"), EMPTY)
def test_what_can_t_be_cleared_can_t_be_emptied(kind: str, given: Options, found: Options) -> None:
    with pytest.raises(PlanError, match=r"can't clear|takes nothing out"):
        plan.plan(KINDS[kind], Wanted("x", given), found)


def test_an_empty_text_is_none() -> None:
    found = {"server_name": "s", "server_id": "s", "audience": None}
    assert not plan.plan(KINDS["mcp_servers"], Wanted("s", {"audience": ""}), found).changes


DESCRIPTION: Options = {"components": {"schemas": {"UpdateRouterConfig": {"properties": {"num_retries": {}}}}}}


@pytest.mark.parametrize(
    ("part", "answer", "said"), [("num_retries", DESCRIPTION, ""), ("tries", DESCRIPTION, "has no 'tries'")]
)
def test_parts_that_the_proxy_does_not_describe(
    part: str, answer: t.Any, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = Script(Call("GET", "/v2/team/list", {"teams": [], "total": 0}), Call("GET", "/openapi.json", answer))
    options: Options = {"team_alias": "t", "router_settings": {part: 1}}
    result = run_module(litellm_team, script, options, check=True, monkeypatch=monkeypatch)
    script.assert_done()
    assert said in result.get("msg", "") if said else result["changed"]


@pytest.mark.parametrize(("auth_type", "said"), [("none", ""), ("nono", "auth_type: this LiteLLM has no 'nono'")])
def test_choices_that_the_proxy_does_not_describe(auth_type: str, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = {"properties": {"auth_type": {"anyOf": [{"type": "string", "enum": ["none"]}, {"type": "null"}]}}}
    description = {"components": {"schemas": {"NewMCPServerRequest": schema}}}
    script = Script(Call("GET", "/v1/mcp/server", []), Call("GET", "/openapi.json", description))
    options: Options = {"server_name": "s", "auth_type": auth_type, **URL}
    result = run_module(litellm_mcp_server, script, options, check=True, monkeypatch=monkeypatch)
    assert said in result.get("msg", "") if said else result["changed"]


def test_an_empty_text_is_sent_as_none() -> None:
    found = {"server_name": "s", "server_id": "s", "auth_type": "api_key"}
    changed = plan.plan(KINDS["mcp_servers"], Wanted("s", {"auth_type": "", "credentials": None}), found)
    assert changed.body["auth_type"] is None
    assert "auth_type" not in plan.plan(KINDS["mcp_servers"], Wanted("s", {"auth_type": ""}), None).body
