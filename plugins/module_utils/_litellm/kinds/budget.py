# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Budgets that keys, customers and tags share."""

from __future__ import annotations

from ._table import BUDGET_TABLE, EMPTY, INT32, OWN_BUDGET, Cascade, Field, Kind, Listing, Write, duration

BUDGET = Kind(
    name="budget",
    plural="budgets",
    identity="budget_id",
    id="budget_id",
    fields=(
        Field("max_budget", "float"),
        Field("soft_budget", "float"),
        duration("budget_duration"),
        Field("tpm_limit", "int"),
        Field("rpm_limit", "int"),
        Field("tpd_limit", "int", young=True),
        Field("max_parallel_requests", "int", most=INT32),
        Field("model_max_budget", "dict", clear=EMPTY, licence=True),
    ),
    listing=Listing("/budget/list"),
    create=Write("POST", "/budget/new"),
    update=Write("POST", "/budget/update", id_field="budget_id"),
    delete=Write("POST", "/budget/delete", id_field="id"),
    cascades=(
        Cascade("keys", ("budget_id",), stays="its budget"),
        Cascade("customers", (BUDGET_TABLE, "budget_id"), stays="its budget"),
        Cascade("tags", (BUDGET_TABLE, "budget_id"), stays="its budget"),
        Cascade("model_access_groups", ("budget", "budget_id"), stays="its budget"),
    ),
    declarable=lambda found: not OWN_BUDGET.fullmatch(str(found.get("budget_id"))),
)
