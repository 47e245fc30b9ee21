# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tags, which route requests and carry budgets."""

from __future__ import annotations

import typing as t

from ._table import EMPTY, INT32, NEVER, Field, Found, Kind, Listing, Write, in_budget

LIMITS = ("max_budget", "soft_budget", "budget_duration", "tpm_limit", "rpm_limit", "max_parallel_requests")


def with_text_and_models(body: Found, found: Found) -> dict[str, t.Any]:
    """Every update empties those that it isn't told."""
    return {"description": found.get("description"), "models": found.get("models") or []}


TAG = Kind(
    name="tag",
    plural="tags",
    identity="name",
    id="name",
    fields=(
        Field("description"),
        Field("models", "list", "str", clear=EMPTY, refers="models"),
        in_budget("budget_id", "str", create_only=True, clear=NEVER, refers="budgets"),
        in_budget("max_budget", "float", clear=NEVER),
        in_budget("soft_budget", "float", clear=NEVER),
        in_budget("budget_duration", "str", duration=True),
        in_budget("tpm_limit", clear=NEVER),
        in_budget("rpm_limit", clear=NEVER),
        in_budget("max_parallel_requests", most=INT32, clear=NEVER),
    ),
    listing=Listing("/tag/list"),
    create=Write("POST", "/tag/new"),
    update=Write("POST", "/tag/update", id_field="name"),
    delete=Write("POST", "/tag/delete", id_field="name"),
    sent_along=with_text_and_models,
    # Beside a budget that others share LiteLLM drops them, or writes them into it.
    mutually_exclusive=tuple(("budget_id", name) for name in LIMITS),
)
