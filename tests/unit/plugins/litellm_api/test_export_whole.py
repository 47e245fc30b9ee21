# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an export says can be declared, and is all that was."""

from __future__ import annotations

import typing as t
from datetime import timedelta

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import export
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.annotations import MARKER, marker_target
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.plan import plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.rotation import RotatingKeyChange, Rotation
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted

from .scripted import Script, key

Options = dict[str, t.Any]
HIDDEN = "litellm_enc::gAAAA"
LOGGING = [{"callback_name": "langfuse", "callback_vars": {"langfuse_host": HIDDEN, "langfuse_secret_key": HIDDEN}}]


def exported(plural: str, **found: t.Any) -> Options:
    (one,) = export.desired(KINDS[plural], [found])
    return one


@pytest.mark.parametrize(
    ("type", "routes", "left"),
    [
        ("llm_api", ["llm_api_routes"], {"key_type": "llm_api"}),
        ("management", ["management_routes"], {"key_type": "management"}),
        ("read_only", ["info_routes"], {"key_type": "read_only"}),
        ("llm_api", ["info_routes"], {"allowed_routes": ["info_routes"]}),  # changed since
        ("llm_api", [], {"key_type": "llm_api"}),
        ("default", ["info_routes"], {"allowed_routes": ["info_routes"]}),
        (None, [], {}),
    ],
)
def test_a_type_of_key_and_its_routes_are_said_once(type: str | None, routes: list[str], left: Options) -> None:
    said = exported("keys", **key("k", key_type=type, allowed_routes=routes))
    assert {name: said[name] for name in ("key_type", "allowed_routes") if name in said} == left


@pytest.mark.parametrize("plural", ["keys", "teams"])
def test_callbacks_are_in_it_with_variables_for_what_is_encrypted(plural: str) -> None:
    metadata = {"logging": LOGGING, "service_account_id": "s", "note": "***bold***", MARKER: {"owner": "o"}}
    said = exported(plural, **{**key("k"), "team_alias": "k", "team_id": "t", "metadata": metadata})["metadata"]
    variables = said["logging"][0]["callback_vars"]
    assert set(variables) == {"langfuse_host", "langfuse_secret_key"}
    assert all(value.startswith("{{ vault_") for value in variables.values())
    assert said["note"] == "***bold***"
    assert said["service_account_id"] == "s"


def test_parts_of_model_info_that_were_declared_are_in_it() -> None:
    kind, info = KINDS["models"], {"mode": "chat", "max_input_tokens": 9, "id": "m", "note": None}
    wanted = Wanted("m", {"model_name": "n", "litellm_params": {"model": "openai/x"}, "model_info": info})
    made = plan(kind, wanted, None).body["model_info"]
    assert made[MARKER] == {"declared": ["max_input_tokens"]}
    there = {"model_name": "n", "model_id": "m", "litellm_params": {"model": "openai/x"}}
    shown = {**made, "db_model": True, "supports_vision": True, "max_input_tokens": 9}
    said = exported("models", **there, model_info=shown)
    assert said["model_info"] == {"mode": "chat", "max_input_tokens": 9}
    more = Wanted("m", {"model_info": {"supports_vision": False}})
    found = {**there, "model_info": shown}
    assert marker_target(kind, more, found) == {"declared": ["max_input_tokens", "supports_vision"]}
    assert marker_target(kind, Wanted("m", {"model_info": {"max_input_tokens": None}}), found) == {}
    assert plan(kind, Wanted("m", {"model_info": {"mode": "chat"}}), found).action == "none"


@pytest.mark.parametrize(
    ("auth_type", "parts"),
    [
        ("bearer_token", {"auth_value"}),
        (None, {"auth_value"}),
        ("oauth2", {"client_id", "client_secret"}),
        ("oauth2_token_exchange", {"client_id", "client_secret"}),
        ("aws_sigv4", {"aws_access_key_id", "aws_secret_access_key"}),
    ],
)
def test_credentials_of_a_server_that_are_not_shown_have_the_names_of_their_kind(
    auth_type: str | None, parts: set[str]
) -> None:
    marker = {MARKER: {"fingerprints": {"credentials": "x"}}}
    said = exported("mcp_servers", server_name="s", server_id="s", auth_type=auth_type, mcp_info=marker)
    assert set(said["credentials"]) == parts


def test_a_successor_has_the_callbacks_of_the_key_before_it() -> None:
    old = key("k", metadata={"logging": LOGGING, "service_account_id": "s"}, key_type="llm_api")
    old["allowed_routes"] = ["llm_api_routes"]
    wanted = Wanted("k", {"key": "sk-another-0123456789"})
    change = RotatingKeyChange(Script().client(), KINDS["keys"], wanted, None, Rotation(timedelta(hours=1)))
    change.prepare(old)
    body = change.operation.body
    assert body["metadata"]["logging"] == LOGGING
    assert body["metadata"]["service_account_id"] == "s"
    assert body["key_type"] == "llm_api"
    assert "allowed_routes" not in body


def test_a_group_gets_another_budget_after_it_has_lost_the_one() -> None:
    kind = KINDS["model_access_groups"]
    found = {"access_group": "g", "model_names": ["m"], "budget": {"budget_id": "one"}}

    def calls(wanted: str | None, there: Options) -> list[tuple[str, Options]]:
        operation = plan(kind, Wanted("g", {"budget_id": wanted}), there)
        return [(call.write.method, dict(call.body)) for call in operation.calls]

    assert calls("two", found) == [("DELETE", {}), ("PUT", {"budget_id": "two"})]
    assert calls(None, found) == [("DELETE", {})]
    assert calls("one", found) == []
    assert calls("two", {**found, "budget": None}) == [("PUT", {"budget_id": "two"})]
    made = plan(kind, Wanted("g", {"model_names": ["m"], "budget_id": "one"}), None)
    assert [(call.write.method, dict(call.body)) for call in made.calls] == [("PUT", {"budget_id": "one"})]


def test_a_variable_that_each_user_gives_needs_no_value() -> None:
    kind, said = KINDS["mcp_servers"], {"name": "TOKEN", "scope": "user", "description": "yours"}
    found = {"server_name": "s", "server_id": "s", "env_vars": [{**said, "value": ""}]}
    assert plan(kind, Wanted("s", {"env_vars": [said]}), found).action == "none"


def test_limits_of_members_are_in_it_where_they_are_their_own() -> None:
    kind = KINDS["teams"]
    usual = {"user_id": "usual", "budget_id": "u", "litellm_budget_table": {"max_budget": 1}}
    own = {"user_id": "own", "budget_id": "o", "litellm_budget_table": {"max_budget": 2, "allowed_models": []}}
    answer = {"team_memberships": [usual, own]}
    members = [{"user_id": name, "role": "user"} for name in ("usual", "own", "none")]
    team = {
        "team_id": "t",
        "team_alias": "t",
        "metadata": {"team_member_budget_id": "u"},
        "members_with_roles": members,
    }
    assert kind.listing.detail_more
    (said,) = export.desired(kind, [kind.listing.detail_more(team, answer)])
    limits = [member.get("max_budget_in_team") for member in said["members_with_roles"]]
    assert limits == [None, 2, None]
    assert set(said["members_with_roles"][1]) == {"user_id", "role", "max_budget_in_team"}
