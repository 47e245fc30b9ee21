# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What single kinds need beyond the common rules."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import export, plan, reader, showing
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.errors import PlanError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted
from ansible_collections.llmfleet.gateway.plugins.modules import litellm_customer, litellm_model

from .scripted import Call, Script, run_module

TEAM, MCP_SERVER = KINDS["teams"], KINDS["mcp_servers"]
MEMBER_BUDGET = {"max_budget": 5.0, "rpm_limit": 3}


def test_a_paused_model_is_paused_after_its_creation(monkeypatch: pytest.MonkeyPatch) -> None:
    params = {"model": "openai/x"}
    shown = {"model_name": "m", "litellm_params": params, "model_info": {"id": "m-1", "blocked": True}}
    script = Script(
        Call("GET", "/v2/model/info", {"data": [], "total_count": 0}),
        Call("POST", "/model/new", {"model_info": {"id": "m-1"}}),
        Call("PATCH", "/model/m-1/update", {}, body={"blocked": True}),
        Call("GET", "/v2/model/info", {"data": [shown], "total_count": 1}),
    )
    options = {"model_id": "m-1", "model_name": "m", "litellm_params": params, "blocked": True}
    assert run_module(litellm_model, script, options, monkeypatch=monkeypatch)["operation"] == "create"
    script.assert_done()


def test_a_team_without_members_limits_costs_no_request() -> None:
    team: dict[str, t.Any] = {"team_alias": "t", "team_id": "t-1", "metadata": {}, "object_permission_id": None}
    assert reader.with_detail(Script().client(), TEAM, team) == team


def test_limits_of_members_are_read_where_they_are() -> None:
    team = {"team_alias": "t", "team_id": "t-1", "metadata": {"team_member_budget_id": "b"}}
    detail = {"team_info": {**team, "team_member_budget_table": MEMBER_BUDGET, "object_permission": None}}
    script = Script(Call("GET", "/team/info", detail, query={"team_id": "t-1"}))
    found = reader.with_detail(script.client(), TEAM, team)
    wanted = Wanted("t", {"team_member_budget": 5, "team_member_rpm_limit": 4})
    operation = plan.plan(TEAM, wanted, found)
    assert operation.changed_fields == ["team_member_rpm_limit"]
    assert operation.body == {"team_member_rpm_limit": 4}


def test_what_the_api_adds_to_entries_is_no_change() -> None:
    found = {
        "server_name": "s",
        "server_id": "s-1",
        "env_vars": [{"name": "A", "value": "v", "scope": "global", "description": None}],
    }
    for entry, changes in (({"name": "A", "value": "v"}, False), ({"name": "A", "value": "w"}, True)):
        operation = plan.plan(MCP_SERVER, Wanted("s", {"env_vars": [entry]}), found)
        assert operation.changes is changes
        assert "'w'" not in repr(operation.diff())


def test_secrets_of_an_mcp_server_are_veiled_and_exported_as_variables() -> None:
    found: dict[str, t.Any] = {
        "server_name": "s",
        "server_id": "s-1",
        "static_headers": {"X-Key": "secret"},
        "env_vars": [{"name": "A", "value": "secret"}],
        "credentials": {"auth_value": "secret"},
    }
    assert "secret" not in str(showing.visible(MCP_SERVER, found))
    exported = export.desired(MCP_SERVER, [found])[0]
    assert exported["env_vars"] == [{"name": "A", "value": "{{ vault_mcp_server_s_env_vars_a }}"}]
    assert exported["static_headers"] == {"X-Key": "{{ vault_mcp_server_s_static_headers_x_key }}"}
    assert exported["server_id"] == "s-1"


def test_a_customers_limit_that_cannot_change_is_refused_before_the_call(monkeypatch: pytest.MonkeyPatch) -> None:
    customer = {"user_id": "c", "litellm_budget_table": {"budget_id": "b", "tpm_limit": 4}}
    script = Script(Call("GET", "/customer/list", [customer]))
    options = {"user_id": "c", "tpm_limit": 5}
    result = run_module(litellm_customer, script, options, monkeypatch=monkeypatch)
    assert "tpm_limit is set at creation" in result["msg"]
    script.assert_done()


def test_what_an_update_would_reset_is_said_along_or_again() -> None:
    """Seen on 1.104.5: each of these emptied what the call did not name."""
    tag = {"name": "t", "description": "d", "models": ["m"], "litellm_budget_table": {"max_budget": 5.0}}
    operation = plan.plan(KINDS["tags"], Wanted("t", {"max_budget": 6.0}), tag)
    assert operation.body == {"description": "d", "models": ["m"], "max_budget": 6.0}
    model = {"model_name": "m", "litellm_params": {"model": "openai/x", "rpm": 3, "use_in_pass_through": True}}
    operation = plan.plan(KINDS["models"], Wanted("m", {"litellm_params": {"rpm": 4}}), model)
    assert operation.body["litellm_params"] == {"use_in_pass_through": True, "rpm": 4}
    server = {"server_name": "s", "server_id": "s", "url": "http://a", "token_url": "http://t", "issuer": "http://i"}
    operation = plan.plan(MCP_SERVER, Wanted("s", {"url": "http://b", "issuer": "http://j"}), server)
    assert operation.body == {"url": "http://b", "issuer": "http://j"}
    assert [call.body for call in operation.calls] == [{"token_url": "http://t"}]


def test_a_transport_is_sent_with_the_address_that_goes_with_it() -> None:
    server = {"server_name": "s", "server_id": "s", "url": "http://a", "transport": "sse"}
    wanted = Wanted("s", {"url": "http://a", "transport": "http"})
    assert plan.plan(MCP_SERVER, wanted, server).body == {"url": "http://a", "transport": "http"}


def test_credentials_of_a_server_do_not_go_unnamed() -> None:
    server = {"server_name": "s", "server_id": "s", "auth_type": "api_key"}
    with pytest.raises(PlanError, match="drops the credentials"):
        plan.plan(MCP_SERVER, Wanted("s", {"auth_type": "basic"}), server)


@pytest.mark.parametrize(
    ("plural", "name", "option"),
    [("keys", "k", "soft_budget"), ("tags", "t", "tpm_limit"), ("customers", "c", "max_budget")],
)
def test_a_shared_budget_is_not_edited_through_one_of_its_users(plural: str, name: str, option: str) -> None:
    """LiteLLM would write into the budget itself."""
    kind, shared = KINDS[plural], {"budget_id": "small", "max_budget": 1.0}
    found = {kind.identity: name, kind.id: name, "budget_id": "small", "litellm_budget_table": shared}
    with pytest.raises(PlanError, match="'small', which others may share"):
        plan.plan(kind, Wanted(name, {option: 7}), found)
    own = {"budget_id": "f606dda9-4ec9-4874-9777-cf4c36eb410a", "max_budget": 1.0}
    found = {kind.identity: name, kind.id: name, "litellm_budget_table": own}
    assert plan.plan(kind, Wanted(name, {option: 7}), found).changes


def test_how_a_team_is_limited_goes_through_its_metadata() -> None:
    """An update drops the option by itself."""
    found = {"team_alias": "t", "team_id": "t-1", "metadata": {"note": 1, "rpm_limit_type": "best_effort_throughput"}}
    operation = plan.plan(TEAM, Wanted("t", {"rpm_limit_type": "guaranteed_throughput"}), found)
    assert operation.body == {"metadata": {"note": 1, "rpm_limit_type": "guaranteed_throughput"}}
