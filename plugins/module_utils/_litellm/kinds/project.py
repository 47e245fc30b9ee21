# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Projects. They need a licence, which no test of this collection has: the fields follow LiteLLM's source."""

from __future__ import annotations

from ._table import EMPTY, INT32, Field, Kind, Listing, Write, in_budget

PROJECT = Kind(
    name="project",
    plural="projects",
    identity="project_alias",
    id="project_id",
    fields=(
        Field("team_id", refers="teams"),
        Field("description"),
        Field("models", "list", "str", clear=EMPTY),
        Field("blocked", "bool", default=False),
        in_budget("max_budget", "float"),
        in_budget("soft_budget", "float"),
        in_budget("budget_duration", "str", duration=True),
        in_budget("tpm_limit"),
        in_budget("rpm_limit"),
        in_budget("max_parallel_requests", most=INT32),
        Field("metadata", "dict"),
    ),
    listing=Listing("/project/list"),
    create=Write("POST", "/project/new"),
    update=Write("POST", "/project/update", id_field="project_id"),
    delete=Write("DELETE", "/project/delete", id_field="project_ids", id_list=True),
    annotations="metadata",
    enterprise=True,
)
