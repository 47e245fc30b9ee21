# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Teams, and who is in them: LiteLLM changes members by calls of their own."""

from __future__ import annotations

import typing as t

from ._members import ALSO_SAID_BY_USERS, MEMBER, MEMBERSHIP, has_limits, with_limits
from ._permission import permission
from ._table import (
    BUDGET_WINDOW,
    EMPTY,
    GUARDRAIL,
    INDEX,
    NEVER,
    WINDOWS,
    Cascade,
    Field,
    Found,
    Kind,
    Listing,
    OtherSide,
    Write,
    duration,
    in_metadata,
)

MEMBER_BUDGET = "team_member_budget_table"
ASSIGNED = OtherSide("access_groups", "assigned_team_ids")
THROUGHPUT = ("guaranteed_throughput", "best_effort_throughput")
PERMISSIONS = Write("POST", "/team/permissions_update", id_field="team_id")


def in_order(name: str, given: Found) -> list[str]:
    most, soft = given.get("max_budget"), given.get("soft_budget")
    return [] if most is None or soft is None or soft < most else ["soft_budget must be lower than max_budget"]


def still_in_order(given: Found, changed: t.Collection[str], found: Found) -> str | None:
    """Also with the one that stays."""
    both = {part: given.get(part, found.get(part)) for part in ("max_budget", "soft_budget")}
    return "; ".join(in_order("", both)) if {*both} & {*changed} else None


TEAM = Kind(
    name="team",
    plural="teams",
    identity="team_alias",
    id="team_id",
    fields=(
        Field("team_id", create_only=True, clear=NEVER),
        Field("organization_id", licence=True, refers="organizations"),
        Field(
            "members_with_roles",
            "list",
            "dict",
            rule=MEMBERSHIP,
            parts=MEMBER,
            one_of=("user_id", "user_email"),
            once=("user_id", "user_email"),
            detail_for=has_limits,
            makes="users",
            other_side=ALSO_SAID_BY_USERS,
        ),
        Field("blocked", "bool", default=False),
        Field("models", "list", "str", clear=EMPTY),
        Field("model_aliases", "dict", path=("litellm_model_table", "model_aliases"), clear=EMPTY, plain=True),
        Field("default_team_member_models", "list", "str", clear=EMPTY),
        Field("access_group_ids", "list", "str", clear=EMPTY, refers="access_groups", other_side=ASSIGNED),
        # /team/update takes the list and doesn't keep it; this call does.
        Field("team_member_permissions", "list", "str", clear=EMPTY, own_call=PERMISSIONS),
        Field("router_settings", "dict", clear=EMPTY, described="UpdateRouterConfig"),
        permission(detail=True),
        Field("max_budget", "float"),
        Field("soft_budget", "float"),
        duration("budget_duration"),
        Field("budget_limits", "list", "dict", compare=WINDOWS, clear=EMPTY, parts=BUDGET_WINDOW),
        Field("tpm_limit", "int"),
        Field("rpm_limit", "int"),
        Field("tpd_limit", "int", young=True),
        Field("team_member_budget", "float", path=(MEMBER_BUDGET, "max_budget"), detail=True),
        duration("team_member_budget_duration", path=(MEMBER_BUDGET, "budget_duration"), detail=True),
        Field("team_member_rpm_limit", "int", path=(MEMBER_BUDGET, "rpm_limit"), detail=True),
        Field("team_member_tpm_limit", "int", path=(MEMBER_BUDGET, "tpm_limit"), detail=True),
        in_metadata("model_rpm_limit", "dict", values="int"),
        in_metadata("model_tpm_limit", "dict", values="int"),
        in_metadata("mcp_rpm_limit", "dict", values="int"),
        in_metadata("rpm_limit_type", choices=THROUGHPUT, by_metadata=True),
        in_metadata("tpm_limit_type", choices=THROUGHPUT, by_metadata=True),
        in_metadata("default_estimated_output_tokens", "int", least=1, young=True),
        in_metadata("default_estimated_output_tokens_per_model", "dict", values="int", least=1, young=True),
        in_metadata("allowed_vector_store_indexes", "list", elements="dict", parts=INDEX),
        in_metadata("enforced_batch_output_expires_after", "dict"),
        in_metadata("enforced_file_expires_after", "dict"),
        Field("metadata", "dict"),
        Field("model_max_budget", "dict", clear=EMPTY, licence=True, young=True),
        in_metadata("disable_global_guardrails", "bool", default=False, licence=True),
        in_metadata("guardrails", "list", elements="str", licence=True, refers="guardrails", refers_by=GUARDRAIL),
        in_metadata("policies", "list", elements="str", licence=True, refers="policies"),
        in_metadata("prompts", "list", elements="str", licence=True, refers="prompts"),
        in_metadata("tags", "list", elements="str", licence=True),
        in_metadata("allowed_passthrough_routes", "list", elements="str", licence=True),
        in_metadata("team_member_key_duration", duration=True, licence=True),
    ),
    listing=Listing(
        "/v2/team/list",
        envelope="teams",
        page_size=100,
        id_filter="team_id",
        size_parameter="page_size",
        detail="/team/info?team_id={id}",
        detail_envelope="team_info",
        detail_more=with_limits,
        # Limits of members are shown there only.
        detail_hints=(("object_permission_id",), ("metadata", "team_member_budget_id"), ("members_with_roles",)),
    ),
    create=Write("POST", "/team/new"),
    renamable=True,
    update=Write("POST", "/team/update", id_field="team_id"),
    delete=Write("POST", "/team/delete", id_field="team_ids", id_list=True),
    faults=in_order,
    obstacle=still_in_order,
    annotations="metadata",
    cascades=(
        Cascade("keys", ("team_id",), "team_id", member=("user_id",)),
        Cascade("models", ("model_info", "team_id"), "teamId"),
    ),
    encrypted_metadata=frozenset({"logging"}),
    exported_metadata=frozenset({"logging"}),
    reserved_metadata=frozenset(
        {
            "team_member_budget_id",
            "model_itpm_limit",
            "model_otpm_limit",
            "logging",
            "callback_settings",
            "secret_manager_settings",
        }
    ),
)
