# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds whose endpoints replace what they are not told, or can't change what is there."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import PlanError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_policy, litellm_setting

from .scripted import Call, Script, run_module

SEARCH_TOOL, GROUP = KINDS["search_tools"], KINDS["model_access_groups"]


def test_a_policy_in_force_is_changed_by_its_next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"policy_name": "p/1", "policy_id": "one", "description": "d", "guardrails_add": ["g"]}
    script = Script(
        Call("GET", "/policies/list", {"policies": [found]}, query={"version_status": "production"}),
        Call("POST", "/policies/name/p%2F1/versions", {"policy_id": "two"}, body={"source_policy_id": "one"}),
        Call("PUT", "/policies/two", {}, body={"description": "e"}),
        Call("PUT", "/policies/two/status", {}, body={"version_status": "published"}),
        Call("PUT", "/policies/two/status", {}, body={"version_status": "production"}),
        Call("GET", "/policies/list", {"policies": [{**found, "policy_id": "two", "description": "e"}]}),
    )
    result = run_module(litellm_policy, script, {"policy_name": "p/1", "description": "e"}, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["operation"] == "update"


def test_a_setting_keeps_its_other_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/config/cost_discount_config"
    script = Script(
        Call("GET", path, {"values": {"openai": 0.1, "cohere": 0.2}}),
        Call("PATCH", path, {}, body={"cohere": 0.2, "anthropic": 0.3}),
        Call("GET", path, {"values": {"cohere": 0.2, "anthropic": 0.3}}),
    )
    options = {"name": "cost_discount", "values": {"openai": None, "anthropic": 0.3}}
    assert run_module(litellm_setting, script, options, monkeypatch=monkeypatch)["operation"] == "update"
    script.assert_done()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "no_such"}, "there is no setting 'no_such'; there are cost_discount"),
        ({"name": "cost_margin", "state": "absent"}, "it is always there"),
    ],
)
def test_a_setting_is_neither_made_nor_deleted(
    options: dict[str, t.Any], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = [Call("GET", "/config/cost_margin_config", {"values": {}})] if options["name"] == "cost_margin" else []
    assert said in run_module(litellm_setting, Script(*read), options, monkeypatch=monkeypatch)["msg"]


def search_tool(**params: t.Any) -> dict[str, t.Any]:
    shown = {"search_provider": "tavily", "api_key": "sk****ij", **params}
    return {"search_tool_name": "s", "search_tool_id": "s-1", "litellm_params": shown, "search_tool_info": {"a": 1}}


def test_a_search_tool_is_sent_whole_and_not_without_its_secret() -> None:
    given = {"api_key": "sk-abcdefghij", "timeout": 3}
    operation = plan.plan(SEARCH_TOOL, Wanted("s", {"litellm_params": given}, fingerprint_key=b"k"), search_tool())
    assert operation.body["litellm_params"] == {"search_provider": "tavily", **given}
    assert operation.body["search_tool_name"] == "s"
    assert operation.body["search_tool_info"]["a"] == 1
    with pytest.raises(PlanError, match="does not show api_key"):
        plan.plan(SEARCH_TOOL, Wanted("s", {"search_tool_info": {"b": 2}}), search_tool())


def test_limits_of_a_group_of_models_are_one_call() -> None:
    wanted = Wanted("g", {"model_names": ["m"], "max_budget": 5, "budget_duration": "30d"})
    operation = plan.plan(GROUP, wanted, None)
    assert [dict(call.body) for call in operation.calls] == [{"max_budget": 5, "budget_duration": "30d"}]
    shared = {"access_group": "g", "model_names": ["m"], "budget": {"budget_id": "small", "max_budget": 1}}
    with pytest.raises(PlanError, match="'small', which others may share"):
        plan.plan(GROUP, Wanted("g", {"max_budget": 5}), shared)


def test_the_card_of_an_agent_is_sent_whole() -> None:
    """Without what LiteLLM adds to it."""
    card = {"name": "n", "url": "http://a", "description": "d", "supportedInterfaces": [{"url": "http://proxy"}]}
    found = {"agent_name": "a", "agent_id": "a-1", "agent_card_params": card}
    operation = plan.plan(KINDS["agents"], Wanted("a", {"agent_card_params": {"description": "e"}}), found)
    assert operation.body == {"agent_card_params": {"name": "n", "url": "http://a", "description": "e"}}
