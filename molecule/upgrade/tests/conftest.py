# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The database as both halves of the story read it, and the file by which the first tells the second."""

from __future__ import annotations

import json
import os
import typing as t
from pathlib import Path

import pytest

BEFORE = Path(__file__).resolve().parents[3] / ".cache/molecule" / os.environ["MOLECULE_SCENARIO_NAME"] / "before.json"
#: What no upgrade may touch. Spend and the log of requests only ever grow.
TABLES = {
    "keys": 'select token, key_alias, team_id, models, max_budget, expires from "LiteLLM_VerificationToken"',
    "teams": 'select team_id, team_alias, models from "LiteLLM_TeamTable"',
    "budgets": 'select budget_id, max_budget, budget_duration from "LiteLLM_BudgetTable"',
    "users": 'select user_id, user_role from "LiteLLM_UserTable"',
    "cluster": "select system_identifier::text from pg_control_system()",
    # Without the logins that the role makes for each password, which say so.
    "roles": "select rolname, rolpassword from pg_authid"
    " where rolcanlogin and shobj_description(oid, 'pg_authid') is null",
}
GROWING = {
    "requests": 'select request_id, api_key, model_group, total_tokens, spend from "LiteLLM_SpendLogs"',
    "spend": 'select key_alias, spend from "LiteLLM_VerificationToken" where spend > 0',
}
Rows = list[dict[str, t.Any]]


@pytest.fixture
def database(host: t.Any) -> t.Callable[[str, dict[str, str]], dict[str, Rows]]:
    def read(container: str, queries: dict[str, str]) -> dict[str, Rows]:
        found = {}
        for name, query in queries.items():
            text = host.check_output(
                "docker exec %s psql -U postgres -d litellm -tAc %s",
                container,
                f"select coalesce(json_agg(found order by found::text), '[]') from ({query}) found",
            )
            found[name] = json.loads(text)
        return found

    return read
