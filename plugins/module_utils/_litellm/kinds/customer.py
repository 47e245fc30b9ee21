# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Customers, the end users of a key holder."""

from __future__ import annotations

import typing as t

from ._permission import permission
from ._table import EMPTY, INT32, MODEL_NAME, NEVER, Field, Found, Kind, Listing, Write, in_budget

LISTS = (
    "mcp_servers",
    "mcp_access_groups",
    "mcp_toolsets",
    "vector_stores",
    "agents",
    "agent_access_groups",
    "models",
    "blocked_tools",
    "search_tools",
    "skills",
)
LIMITS = (
    "max_budget",
    "soft_budget",
    "budget_duration",
    "tpm_limit",
    "rpm_limit",
    "tpd_limit",
    "max_parallel_requests",
)


def with_all_lists(body: t.Any, found: t.Any) -> dict[str, t.Any]:
    """The endpoint empties every list of a permission that it isn't told, and makes none without all of them."""
    lists = {k: v for k, v in (found or {name: [] for name in LISTS}).items() if isinstance(v, list)}
    return {"object_permission": {**lists, **body}}


def no_budget_of_zero(given: Found, changed: t.Collection[str], found: Found) -> str | None:
    if "max_budget" in changed and given["max_budget"] == 0:
        return "LiteLLM drops a max_budget of 0 that is sent later: name a budget of 0 in `budget_id`, or set `blocked`"
    return None


# /customer/update drops every null and all limits but max_budget: what was once set can't be taken away, and most of it
# can't be changed.
CUSTOMER = Kind(
    name="customer",
    plural="customers",
    identity="user_id",
    id="user_id",
    fields=(
        Field("alias", clear=EMPTY),
        Field("blocked", "bool", default=False),
        Field("default_model", clear=EMPTY, refers="models", refers_by=MODEL_NAME),
        Field("allowed_model_region", clear=NEVER, choices=("eu", "us")),
        Field("budget_id", clear=NEVER, refers="budgets"),
        in_budget("max_budget", "float", clear=NEVER),
        in_budget("soft_budget", "float", create_only=True, clear=NEVER),
        in_budget("budget_duration", "str", create_only=True, duration=True, clear=NEVER),
        in_budget("tpm_limit", create_only=True, clear=NEVER),
        in_budget("rpm_limit", create_only=True, clear=NEVER),
        in_budget("tpd_limit", create_only=True, clear=NEVER, young=True),
        in_budget("max_parallel_requests", most=INT32, create_only=True, clear=NEVER),
        permission(update=with_all_lists),
        Field("spend", "float", clear=NEVER, create_only=True, ignore_drift=True),
    ),
    listing=Listing("/customer/list"),
    create=Write("POST", "/customer/new"),
    update=Write("POST", "/customer/update", id_field="user_id"),
    delete=Write("POST", "/customer/delete", id_field="user_ids", id_list=True),
    obstacle=no_budget_of_zero,
    # With any of them LiteLLM makes a budget for the customer alone, and drops the one that is named.
    mutually_exclusive=tuple(("budget_id", name) for name in LIMITS),
)
