# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Organizations. They need a licence, which no test of this collection has: the fields follow LiteLLM's source."""

from __future__ import annotations

from ._table import EMPTY, INT32, Cascade, Field, Kind, Listing, Write, in_budget

ORGANIZATION = Kind(
    name="organization",
    plural="organizations",
    identity="organization_alias",
    id="organization_id",
    fields=(
        Field("models", "list", "str", clear=EMPTY),
        in_budget("max_budget", "float"),
        in_budget("soft_budget", "float"),
        in_budget("budget_duration", "str", duration=True),
        in_budget("tpm_limit"),
        in_budget("rpm_limit"),
        in_budget("max_parallel_requests", most=INT32),
        Field("metadata", "dict"),
    ),
    listing=Listing("/organization/list"),
    create=Write("POST", "/organization/new"),
    update=Write("PATCH", "/v2/organization/{id}"),
    delete=Write("DELETE", "/organization/delete", id_field="organization_ids", id_list=True),
    annotations="metadata",
    enterprise=True,
    cascades=(
        Cascade("teams", ("organization_id",), "organization_id"),
        Cascade("keys", ("org_id",), "organization_id"),
    ),
)
