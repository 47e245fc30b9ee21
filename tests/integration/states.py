# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Desired states that several tests share."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KINDS

State = dict[str, list[dict[str, t.Any]]]
RAW = "sk-state-0123456789abcdef"


def everything(keys: int = 3) -> State:
    return {
        "budgets": [{"budget_id": "st-budget", "max_budget": 10}],
        "credentials": [{"credential_name": "st-cred", "credential_values": {"api_key": "secret-value"}}],
        "models": [
            {
                "model_id": "st-model",
                "model_name": "st",
                "litellm_params": {"model": "openai/x", "api_key": "secret-value"},
            }
        ],
        "teams": [{"team_alias": "st-team", "team_id": "st-team-id", "models": ["st"], "metadata": {"a": 1}}],
        "users": [{"user_id": "st-user", "user_role": "internal_user"}],
        "access_groups": [{"access_group_name": "st-group", "access_model_names": ["st"]}],
        "tags": [{"name": "st-tag", "description": "d"}],
        "customers": [{"user_id": "st-customer", "max_budget": 3}],
        "keys": [
            {
                "key_alias": f"st-key-{number}",
                "key": f"{RAW}{number}",
                "team_id": "st-team-id",
                "budget_id": "st-budget",
            }
            for number in range(keys)
        ],
    }


NAMES = {plural: kind.identity for plural, kind in KINDS.items()}


def gone(state: State) -> State:
    """The state in which nothing of that is left."""
    return {
        kind: [{NAMES[kind]: item[NAMES[kind]], "state": "absent"} for item in items] for kind, items in state.items()
    }
