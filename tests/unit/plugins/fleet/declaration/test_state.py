# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""llm_state: every mistake of every object, at any depth of what is known of it."""

from __future__ import annotations

import typing as t

import pytest
from declared import said

MARK = "Mark3dSecretValue"


@pytest.mark.parametrize(
    ("state", "line"),
    [
        ("text", "llm_state: is not a dictionary"),
        ({"keyz": []}, "llm_state: 'keyz' is no kind of object; did you mean keys?"),
        ({"elephants": []}, "llm_state: 'elephants' is no kind of object; write one of budgets, credentials,"),
        ({"keys": {"a": 1}}, "llm_state.keys: is not a list; write one entry for each key"),
        ({"keys": ["a"]}, "llm_state.keys[0]: is not a dictionary; write its options by name, key_alias first"),
        (
            {"keys": [{"key_alias": "a", "modells": []}]},
            "llm_state.keys[0] (a): has no option 'modells'; did you mean models?",
        ),
        ({"keys": [{"models": []}]}, "llm_state.keys[0]: missing required arguments: key_alias"),
        ({"keys": [{"key_alias": " "}]}, "llm_state.keys[0] ( ): key_alias is empty"),
        (
            {"keys": [{"key_alias": "a", "max_budget": "lots"}]},
            "llm_state.keys[0] (a): max_budget: 'lots' is not a number",
        ),
        ({"keys": [{"key_alias": "a", "blocked": "perhaps"}]}, "blocked: 'perhaps' is not true or false"),
        (
            {"keys": [{"key_alias": "a", "key_type": "x"}]},
            "key_type: 'x' is no choice; write one of llm_api, management",
        ),
        ({"teams": [{"team_alias": "a", "rpm_limit_type": "x"}]}, "rpm_limit_type: 'x' is no choice"),
        ({"keys": [{"key_alias": "a", "state": "gone"}]}, "state: 'gone' is no choice; write one of present, absent"),
        ({"keys": [{"key_alias": "a", "duration": "five hours"}]}, "duration: 'five hours' is no duration of LiteLLM"),
        ({"keys": [{"key_alias": "a", "renew_before": "soon"}]}, "renew_before: 'soon' is no duration of LiteLLM"),
        ({"budgets": [{"budget_id": "a", "budget_duration": "1 day"}]}, "budget_duration: '1 day' is no duration"),
        ({"budgets": [{"budget_id": "a", "budget_duration": ""}]}, "budget_duration: '' is no duration"),
        ({"teams": [{"team_alias": "a", "budget_duration": "monthly"}]}, "budget_duration: 'monthly' is no duration"),
        (
            {"keys": [{"key_alias": "a", "rotate": {"grrace": "1h"}}]},
            "rotate: has no option grrace; did you mean grace?",
        ),
        ({"keys": [{"key_alias": "a", "team_id": "x", "team_alias": "y"}]}, "mutually exclusive: team_id|team_alias"),
        ({"keys": [{"key_alias": "a", "auto_rotate": True}]}, "required together: auto_rotate, rotation_interval"),
        ({"tags": [{"name": "a", "models": {"b": 1}}]}, "models: a dictionary is not a list"),
    ],
)
def test_one_mistake_is_one_line(state: t.Any, line: str) -> None:
    (found,) = said({"llm_state": state})
    assert found.startswith("llm_state")
    assert line in found


@pytest.mark.parametrize(
    ("kind", "item", "line"),
    [
        ("teams", {"members_with_roles": [{"user_id": "u", "rolle": "admin"}]}, "has no 'rolle'; did you mean role?"),
        ("teams", {"members_with_roles": [{"user_id": "u", "role": "boss"}]}, "'boss' is no role; write admin or user"),
        ("teams", {"members_with_roles": ["u"]}, "members_with_roles[0]: text is not a dictionary"),
        (
            "keys",
            {"budget_limits": [{"budget_duration": "five hours"}]},
            "budget_limits[0].budget_duration: 'five hours'",
        ),
        ("keys", {"budget_limits": [{"budget_durration": "1d"}]}, "did you mean budget_duration?"),
    ],
)
def test_inside_of_lists(kind: str, item: dict[str, t.Any], line: str) -> None:
    identity = {"teams": "team_alias", "keys": "key_alias"}[kind]
    (found,) = said({"llm_state": {kind: [{identity: "a", **item}]}})
    assert line in found


def test_all_mistakes_at_once() -> None:
    keys = [
        {"key_alias": "good", "duration": "-1", "max_budget": None, "budget_duration": "30d"},
        {"key_alias": "a", "modells": [], "tpm_limit": "x", "rpm_limit": "y"},
        {"key_alias": "b", "duration": "soon"},
    ]
    found = said({"llm_state": {"keyz": [], "keys": keys, "teams": [{"team_aliass": "t"}]}})
    assert len(found) == 7
    assert not [line for line in found if "good" in line]


@pytest.mark.parametrize(
    "item",
    [
        {"key": f"sk-{MARK}\n"},
        {"key": f"sk-{MARK} x"},
        {"key": {"a": MARK}},
        {"key": f"sk-{MARK}ü"},
        {"rotate": MARK},
        {"metadata": MARK},
    ],
)
def test_no_value_of_a_secret_is_shown(item: dict[str, t.Any]) -> None:
    found = said({"llm_state": {"keys": [{"key_alias": "a", **item}]}})
    assert len(found) == 1
    assert MARK not in found[0]


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("credentials", {"credential_name": "a", "credential_values": MARK}),
        ("mcp_servers", {"server_name": "a", "env": MARK}),
        ("mcp_servers", {"server_name": "a", "static_headers": [MARK]}),
        ("models", {"model_id": "a", "litellm_params": MARK}),
        ("guardrails", {"guardrail_name": "a", "litellm_params": MARK}),
    ],
)
def test_text_for_a_dictionary_of_secrets_is_not_shown(kind: str, item: dict[str, t.Any]) -> None:
    (found,) = said({"llm_state": {kind: [item]}})
    assert MARK not in found


def test_every_kind_passes_with_its_identity_and_nulls() -> None:
    state = {
        "budgets": [{"budget_id": "small", "max_budget": "10", "budget_duration": "30d"}],
        "teams": [
            {
                "team_alias": "research",
                "members_with_roles": [{"user_id": "u", "role": "admin"}, {"user_email": "a@b.example"}],
                "budget_limits": [{"budget_duration": "1mo", "max_budget": 5}],
                "budget_duration": None,
            }
        ],
        "models": [{"model_id": "m", "model_name": "m", "litellm_params": {"model": "openai/x", "api_key": "k"}}],
        "keys": [{"key_alias": "app", "key": "sk-abc", "duration": "30d", "renew_before": "7d", "state": "present"}],
        "users": None,
    }
    assert said({"llm_state": state}) == []
