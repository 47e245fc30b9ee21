# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Kinds whose endpoints replace what they are not told, or can't change what is there."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import export, plan, reader
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.client import NotFoundError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import NoKindError, PlanError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted
from ansible_collections.llmfleet.gateway.plugins.modules import (
    litellm_fallback,
    litellm_model,
    litellm_policy,
    litellm_setting,
)

from .scripted import Call, Script, run_module

SEARCH_TOOL, GROUP = KINDS["search_tools"], KINDS["model_access_groups"]


def test_a_policy_in_force_is_changed_by_its_next_version(monkeypatch: pytest.MonkeyPatch) -> None:
    found = {"policy_name": "p 1", "policy_id": "one", "description": "d", "guardrails_add": ["g"]}
    script = Script(
        Call("GET", "/policies/list", {"policies": [found]}, query={"version_status": "production"}),
        Call("POST", "/policies/name/p%201/versions", {"policy_id": "two"}, body={"source_policy_id": "one"}),
        Call("PUT", "/policies/two", {}, body={"description": "e"}),
        Call("PUT", "/policies/two/status", {}, body={"version_status": "published"}),
        Call("PUT", "/policies/two/status", {}, body={"version_status": "production"}),
        Call("GET", "/policies/list", {"policies": [{**found, "policy_id": "two", "description": "e"}]}),
    )
    result = run_module(litellm_policy, script, {"policy_name": "p 1", "description": "e"}, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["operation"] == "update"


def test_a_setting_keeps_its_other_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    path = "/config/cost_discount_config"
    script = Script(
        Call("GET", path, {"values": {"openai": 0.1, "cohere": 0.2}}),
        Call("GET", "/public/providers", ["openai", "cohere", "anthropic"]),
        Call("PATCH", path, {}, body={"cohere": 0.2, "anthropic": 0.3}),
        Call("GET", path, {"values": {"cohere": 0.2, "anthropic": 0.3}}),
    )
    options = {"name": "cost_discount", "values": {"openai": None, "anthropic": 0.3}}
    assert run_module(litellm_setting, script, options, monkeypatch=monkeypatch)["operation"] == "update"
    script.assert_done()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"name": "no_such"}, "there is no setting 'no_such'; there are block_requests"),
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


def router(**lists: t.Any) -> dict[str, t.Any]:
    """The router's settings as the proxy tells them, with lists from its database."""
    return {"current_values": {"num_retries": 2, **lists}, "source": dict.fromkeys(lists, "db")}


def test_a_fallback_is_one_model_of_the_router_s_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    before = router(fallbacks=[{"a": ["b"], "small": ["c"]}, {"d": ["e"]}], context_window_fallbacks=[])
    after = router(
        fallbacks=[{"a": ["b"]}, {"small": ["large"]}, {"d": ["e"]}], context_window_fallbacks=[{"small": ["large"]}]
    )
    models = Call(
        "GET", "/v2/model/info", {"data": [{"model_name": "large", "model_info": {"id": "1"}}], "total_count": 1}
    )
    sent = {"fallbacks": after["current_values"]["fallbacks"], "context_window_fallbacks": [{"small": ["large"]}]}
    script = Script(
        Call("GET", "/router/settings", before),
        Call("GET", "/router/settings", before),
        models,
        Call("GET", "/router/settings", before),
        Call("POST", "/config/update", {}, body={"router_settings": sent}),
        Call("GET", "/router/settings", after),
    )
    options = {"model": "small", "fallback_models": ["large"], "context_window_fallback_models": ["large"]}
    assert run_module(litellm_fallback, script, options, monkeypatch=monkeypatch)["operation"] == "update"
    script.assert_done()


def test_a_fallback_is_taken_out_of_every_list(monkeypatch: pytest.MonkeyPatch) -> None:
    before = router(fallbacks=[{"small": ["c"]}, {"d": ["e"]}], content_policy_fallbacks=[{"small": ["c"]}])
    script = Script(
        *[Call("GET", "/router/settings", before)] * 3,
        Call(
            "POST",
            "/config/update",
            {},
            body={"router_settings": {"fallbacks": [{"d": ["e"]}], "content_policy_fallbacks": []}},
        ),
    )
    options = {"model": "small", "state": "absent"}
    assert run_module(litellm_fallback, script, options, monkeypatch=monkeypatch)["operation"] == "delete"
    script.assert_done()


def test_a_list_of_the_configuration_file_is_refused_before_anything_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = router(fallbacks=[{"small": ["c"]}])
    settings["source"]["fallbacks"] = "config"
    script = Script(*[Call("GET", "/router/settings", settings)] * 2)
    result = run_module(litellm_fallback, script, {"model": "small", "fallback_models": []}, monkeypatch=monkeypatch)
    script.assert_done()
    assert "fallbacks stand in the proxy's configuration file" in result["msg"]


@pytest.mark.parametrize(
    ("options", "said"),
    [({}, "needs one of fallback_models"), ({"fallback_models": ["no"]}, "there is no model with the model_name 'no'")],
)
def test_a_fallback_that_can_t_be(options: dict[str, t.Any], said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models = Call("GET", "/v2/model/info", {"data": [], "total_count": 0})
    settings = Call("GET", "/router/settings", router())
    script = Script(settings, *([settings, models] if options else []))
    result = run_module(litellm_fallback, script, {"model": "small", **options}, monkeypatch=monkeypatch)
    assert said in result["msg"]
    script.assert_done()


def test_attachments_of_a_policy_are_exchanged_new_ones_first(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = {"policy_name": "p", "policy_id": "one"}
    kept = {
        "attachment_id": "a-1",
        "policy_name": "p",
        "scope": None,
        "teams": ["b", "a"],
        "priority": None,
        "default": False,
    }
    old = {"attachment_id": "a-2", "policy_name": "p", "scope": "*", "teams": []}
    others = [{**old, "attachment_id": "a-3", "policy_name": "q"}, {**old, "definition_location": "config"}]
    new = {"attachment_id": "a-4", "policy_name": "p", "keys": ["k*"], "priority": 1}
    path = "/policies/attachments"
    script = Script(
        Call("GET", "/policies/list", {"policies": [policy]}),
        Call("GET", f"{path}/list", {"attachments": [kept, old, *others]}),
        Call("GET", "/v2/team/list", {"teams": [{"team_alias": name, "team_id": name} for name in "ab"], "total": 2}),
        Call("POST", path, new, body={"policy_name": "p", "keys": ["k*"], "priority": 1}),
        Call("DELETE", f"{path}/a-2", {}),
        Call("GET", "/policies/list", {"policies": [policy]}),
        Call("GET", f"{path}/list", {"attachments": [kept, new, *others]}),
    )
    wanted = [{"teams": ["a", "b"]}, {"keys": ["k*"], "priority": 1}]
    result = run_module(litellm_policy, script, {"policy_name": "p", "attachments": wanted}, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["changed_fields"] == ["attachments"]


def test_settings_that_are_replaced_keep_what_is_stored_and_only_that(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "google_client_id": "id",
        "google_client_secret": "abcd****wxyz",
        "proxy_base_url": "http://env",
        "user_email": None,
    }
    answer = {
        "values": values,
        "provenance": {"google_client_id": "db", "google_client_secret": "db", "proxy_base_url": "env"},
    }
    changed = {**answer, "values": {**values, "user_email": "a@b.c"}}
    secret, mail = {"google_client_secret": "abcd-secret-wxyz"}, {"user_email": "a@b.c"}
    script = Script(
        Call("GET", "/get/sso_settings", answer),
        Call("PATCH", "/update/sso_settings", {}, body={"google_client_id": "id", **secret, **mail}),
        Call("GET", "/get/sso_settings", changed),
    )
    options = {"name": "sso_settings", "values": {**secret, **mail}}
    result = run_module(litellm_setting, script, options, monkeypatch=monkeypatch)
    script.assert_done()
    assert result["operation"] == "update"
    assert "abcd-secret" not in str(result["diff"])
    script = Script(Call("GET", "/get/sso_settings", answer))
    result = run_module(litellm_setting, script, {"name": "sso_settings", "values": mail}, monkeypatch=monkeypatch)
    assert "does not show google_client_secret: give these parts of values as well" in result["msg"]


def test_of_all_settings_those_are_read_that_a_version_has() -> None:
    class Old:
        def get(self, path: str) -> t.Any:
            if "banner" in path:
                raise NotFoundError("no", method="GET", path=path)
            return {}

    setting = KINDS["settings"]
    old: t.Any = Old()
    names = [item["name"] for item in reader.read(old, setting)]
    assert "ui_settings" in names
    assert "user_banner" not in names
    with pytest.raises(NoKindError, match="has no setting 'user_banner'"):
        reader.read(old, setting, ["user_banner"])


def test_a_part_that_needs_a_licence_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    script = Script(
        Call("GET", "/v2/model/info", {"data": [], "total_count": 0}),
        Call("GET", "/health/license", {"license_type": "community"}),
        Call("GET", "/v2/team/list", {"teams": [{"team_id": "t"}], "total": 1}),
    )
    options = {
        "model_id": "m-1",
        "model_name": "m",
        "litellm_params": {"model": "openai/x"},
        "model_info": {"team_id": "t", "mode": "chat"},
    }
    result = run_module(litellm_model, script, options, monkeypatch=monkeypatch)
    assert "model 'm-1': model_info.team_id: this needs a LiteLLM Enterprise licence" in result["msg"]
    script.assert_done()


def test_attachments_go_before_their_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [{"attachment_id": "a-1", "policy_name": "p"}, {"attachment_id": "a-2", "policy_name": "q"}]
    script = Script(
        Call("GET", "/policies/list", {"policies": [{"policy_name": "p", "policy_id": "one"}]}),
        Call("GET", "/policies/attachments/list", {"attachments": shown}),
        Call("DELETE", "/policies/attachments/a-1", {}),
        Call("DELETE", "/policies/name/p/all-versions", {}),
    )
    options = {"policy_name": "p", "state": "absent"}
    assert run_module(litellm_policy, script, options, monkeypatch=monkeypatch)["operation"] == "delete"
    script.assert_done()


def test_what_an_attachment_names_has_to_be_there(monkeypatch: pytest.MonkeyPatch) -> None:
    teams = {"teams": [{"team_alias": "there", "team_id": "t"}], "total": 1}
    script = Script(Call("GET", "/policies/list", {"policies": []}), Call("GET", "/v2/team/list", teams))
    wanted = [{"scope": "*"}, {"teams": ["there", "x*", "nowhere"]}]
    result = run_module(litellm_policy, script, {"policy_name": "p", "attachments": wanted}, monkeypatch=monkeypatch)
    assert "attachments #1.teams: there is no team with the team_alias 'nowhere'" in result["msg"]
    script.assert_done()


def test_settings_are_exported_but_for_the_cache() -> None:
    found = [{"name": name, "values": {"ttl": 1}} for name in ("cache_settings", "user_banner")]
    assert [one["name"] for one in export.desired(KINDS["settings"], found)] == ["user_banner"]


def test_a_part_that_a_setting_does_not_have_is_refused_before_the_write(monkeypatch: pytest.MonkeyPatch) -> None:
    answer: dict[str, t.Any] = {"values": {}, "field_schema": {"properties": {"max_budget": {}}}}
    script = Script(Call("GET", "/get/default_team_settings", answer))
    options = {"name": "default_team_settings", "values": {"max_bugdet": 3}}
    result = run_module(litellm_setting, script, options, monkeypatch=monkeypatch)
    script.assert_done()
    assert "there is no max_bugdet in it; there are max_budget" in result["msg"]


def test_values_of_a_credential_are_taken_out_as_each_version_has_it() -> None:
    there = {"credential_name": "c", "credential_values": {"api_key": "se****et", "api_base": "http://a"}}
    wanted = Wanted("c", {"credential_values": {"api_base": None}})
    operation = plan.plan(KINDS["credentials"], wanted, there)
    assert operation.body["credential_values"] == {"api_base": None}
    (again,) = operation.calls
    assert again.body["credential_values_to_delete"] == ["api_base"]
    assert again.body["credential_values"] == {}


def test_a_customer_without_permissions_gets_all_lists_of_them() -> None:
    """LiteLLM answers 500 to less."""
    wanted = Wanted("c", {"object_permission": {"agents": ["a"]}})
    body = plan.plan(KINDS["customers"], wanted, {"user_id": "c", "object_permission": None}).body["object_permission"]
    assert body["agents"] == ["a"]
    assert body["mcp_servers"] == body["mcp_toolsets"] == []


@pytest.mark.parametrize(
    ("found", "wanted", "said"),
    [
        ({"service_account_id": "a"}, "b", "never changes"),
        ({"service_account_id": "a"}, None, "never changes"),
        ({"service_account_id": "a"}, "a", None),
        ({}, "a", "needs a team_id"),
    ],
)
def test_a_service_account_is_not_changed(found: dict[str, t.Any], wanted: str | None, said: str | None) -> None:
    there = {"key_alias": "k", "token": "t", "metadata": found}
    key = Wanted("k", {"metadata": {"service_account_id": wanted, "more": 1}})
    if said is None:
        assert plan.plan(KINDS["keys"], key, there).changes
    else:
        with pytest.raises(PlanError, match=said):
            plan.plan(KINDS["keys"], key, there)
