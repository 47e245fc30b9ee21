# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t

from ._table import EMPTY, Field, Kind, Listing, Write

# Both need a licence, which no test of this collection has: the fields follow LiteLLM's source, and what a
# proxy doesn't keep is found by the reading after the writing.


def _budget(name: str, type: str = "int", **kwargs: t.Any) -> Field:
    return Field(name, type, path=("litellm_budget_table", name), **kwargs)


ORGANIZATION = Kind(
    name="organization",
    plural="organizations",
    identity="organization_alias",
    id="organization_id",
    fields=(
        Field("models", "list", "str", clear=EMPTY),
        _budget("max_budget", "float"),
        _budget("soft_budget", "float"),
        _budget("budget_duration", "str", duration=True),
        _budget("tpm_limit"),
        _budget("rpm_limit"),
        _budget("max_parallel_requests"),
        Field("metadata", "dict"),
    ),
    listing=Listing("/organization/list"),
    create=Write("POST", "/organization/new"),
    update=Write("PATCH", "/v2/organization/{id}"),
    delete=Write("DELETE", "/organization/delete", id_field="organization_ids", id_list=True),
    annotations="metadata",
    enterprise=True,
)

PROJECT = Kind(
    name="project",
    plural="projects",
    identity="project_alias",
    id="project_id",
    fields=(
        Field("team_id"),
        Field("description"),
        Field("models", "list", "str", clear=EMPTY),
        Field("blocked", "bool", default=False),
        _budget("max_budget", "float"),
        _budget("soft_budget", "float"),
        _budget("budget_duration", "str", duration=True),
        _budget("tpm_limit"),
        _budget("rpm_limit"),
        _budget("max_parallel_requests"),
        Field("metadata", "dict"),
    ),
    listing=Listing("/project/list"),
    create=Write("POST", "/project/new"),
    update=Write("POST", "/project/update", id_field="project_id"),
    delete=Write("DELETE", "/project/delete", id_field="project_ids", id_list=True),
    annotations="metadata",
    enterprise=True,
)
