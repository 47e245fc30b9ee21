# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""llm_state is read by litellm_state's own reader, which has tests of its own; here is that all it says is a line."""

from __future__ import annotations

import typing as t

import pytest
from checked import said

MARK = "Mark3dSecretValue"


@pytest.mark.parametrize(
    ("state", "part"),
    [
        ("text", "must be a dictionary"),
        ({"keyz": []}, "'keyz' is no kind of object"),
        ({"keys": {"a": 1}}, "keys must be a list"),
        ({"keys": [{"key_alias": "a", "modells": []}]}, "'modells'; did you mean models?"),
        ({"teams": [{"team_alias": "t", "members_with_roles": [{"user_id": "u", "rolle": "admin"}]}]}, "rolle"),
        ({"keys": [{"key_alias": "a", "max_budget": "lots"}]}, "keys #0: "),
        ({"budgets": [{"budget_id": "a", "budget_duration": "monthly"}]}, "'monthly' is no duration"),
    ],
)
def test_a_mistake_is_a_line(state: t.Any, part: str) -> None:
    (found,) = said({"llm_state": state})
    assert found.startswith("llm_state: ")
    assert part in found


def test_all_mistakes_are_lines_of_their_own() -> None:
    state = {"keyz": [], "keys": [{"key_alias": "good"}, {"key_alias": "a", "modells": [], "duration": "soon"}]}
    assert len(said({"llm_state": state})) == 3


def test_what_is_right_passes() -> None:
    assert said({"llm_state": None}) == []
    assert said({"llm_state": {"users": None, "keys": [{"key_alias": "app", "duration": "30d"}]}}) == []


@pytest.mark.parametrize(
    ("kind", "item"),
    [
        ("keys", {"key_alias": "a", "key": f"sk-{MARK} x"}),
        ("keys", {"key_alias": "a", "key": {"a": MARK}}),
        ("credentials", {"credential_name": "a", "credential_values": MARK}),
        ("mcp_servers", {"server_name": "a", "static_headers": [MARK]}),
        ("models", {"model_id": "a", "litellm_params": MARK}),
    ],
)
def test_no_value_of_a_secret_is_shown(kind: str, item: dict[str, t.Any]) -> None:
    assert MARK not in "\n".join(said({"llm_state": {kind: [item]}}))
