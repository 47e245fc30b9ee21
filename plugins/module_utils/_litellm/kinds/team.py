# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Teams, and who is in them: LiteLLM changes members by calls of their own."""

from __future__ import annotations

import typing as t

from ._table import (
    BUDGET_WINDOW,
    EMPTY,
    INDEX,
    NEVER,
    SUBKEYS,
    SUBSET,
    WINDOWS,
    Call,
    Cascade,
    Field,
    Kind,
    Listing,
    Rule,
    Write,
    duration,
    in_metadata,
)
from .user import CREATOR

MEMBER_BUDGET = "team_member_budget_table"
THROUGHPUT = ("guaranteed_throughput", "best_effort_throughput")
MEMBER = (Field("user_id"), Field("user_email"), Field("role", choices=("admin", "user")))
PERMISSIONS = Write("POST", "/team/permissions_update", id_field="team_id")
ADD = Write("POST", "/team/member_add", id_field="team_id")
UPDATE = Write("POST", "/team/member_update", id_field="team_id")
DELETE = Write("POST", "/team/member_delete", id_field="team_id")

Member = t.Mapping[str, t.Any]


def _name(member: Member) -> str:
    return str(member.get("user_id") or member.get("user_email"))


def members(value: t.Sequence[Member] | None) -> dict[str, str]:
    """Who is in a team, and as what. LiteLLM puts the maker of a team among its members."""
    named = {_name(member): str(member.get("role") or "user") for member in value or []}
    return {name: role for name, role in named.items() if name != CREATOR}


def with_roles(value: t.Sequence[Member]) -> list[dict[str, t.Any]]:
    return [{"role": "user", **{name: part for name, part in member.items() if part is not None}} for member in value]


def member_calls(wanted: t.Sequence[Member] | None, found: t.Sequence[Member] | None) -> list[Call]:
    """Additions first, so that a team never stands empty; a changed role is an update of its own."""
    old = {_name(member): member for member in found or []}
    new = {_name(member): member for member in with_roles(wanted or [])}
    added = [member for name, member in new.items() if name not in old]
    roles = [m for name, m in new.items() if name in old and m["role"] != old[name].get("role", "user")]
    gone = [member for name, member in old.items() if name not in new and name != CREATOR]
    calls = [Call(ADD, {"member": added})] if added else []
    calls += [Call(UPDATE, {**_who(member), "role": member["role"]}) for member in roles]
    return calls + [Call(DELETE, _who(member)) for member in gone]


def _who(member: Member) -> dict[str, t.Any]:
    name = "user_id" if member.get("user_id") else "user_email"
    return {name: member[name]}


def leavers(wanted: t.Sequence[Member] | None, found: t.Sequence[Member] | None) -> list[str]:
    """LiteLLM deletes a person's keys in a team that the person leaves."""
    gone = (call.body for call in member_calls(wanted, found) if call.write is DELETE)
    return [str(body["user_id"]) for body in gone if body.get("user_id")]


def declared(found: t.Sequence[Member] | None) -> list[dict[str, str]]:
    return [{"user_id": name, "role": role} for name, role in members(found).items()]


MEMBERSHIP = Rule(canonical=members, created=with_roles, calls=member_calls, exported=declared, leavers=leavers)

TEAM = Kind(
    name="team",
    plural="teams",
    identity="team_alias",
    id="team_id",
    fields=(
        Field("team_id", create_only=True, clear=NEVER),
        Field("organization_id", licence=True),
        Field("members_with_roles", "list", "dict", rule=MEMBERSHIP, parts=MEMBER),
        Field("blocked", "bool", default=False),
        Field("models", "list", "str", clear=EMPTY),
        Field("model_aliases", "dict", path=("litellm_model_table", "model_aliases"), clear=EMPTY, plain=True),
        Field("default_team_member_models", "list", "str", clear=EMPTY),
        Field("access_group_ids", "list", "str", clear=EMPTY),
        # /team/update takes the list and doesn't keep it; this call does.
        Field("team_member_permissions", "list", "str", clear=EMPTY, own_call=PERMISSIONS),
        Field("router_settings", "dict", clear=EMPTY),
        Field("object_permission", "dict", clear=SUBKEYS, compare=SUBSET, detail=True),
        Field("max_budget", "float"),
        Field("soft_budget", "float"),
        duration("budget_duration"),
        Field("budget_limits", "list", "dict", compare=WINDOWS, clear=EMPTY, parts=BUDGET_WINDOW),
        Field("tpm_limit", "int"),
        Field("rpm_limit", "int"),
        Field("tpd_limit", "int"),
        Field("team_member_budget", "float", path=(MEMBER_BUDGET, "max_budget"), detail=True),
        duration("team_member_budget_duration", path=(MEMBER_BUDGET, "budget_duration"), detail=True),
        Field("team_member_rpm_limit", "int", path=(MEMBER_BUDGET, "rpm_limit"), detail=True),
        Field("team_member_tpm_limit", "int", path=(MEMBER_BUDGET, "tpm_limit"), detail=True),
        in_metadata("model_rpm_limit", "dict"),
        in_metadata("model_tpm_limit", "dict"),
        in_metadata("mcp_rpm_limit", "dict"),
        in_metadata("rpm_limit_type", choices=THROUGHPUT, by_metadata=True),
        in_metadata("tpm_limit_type", choices=THROUGHPUT, by_metadata=True),
        in_metadata("default_estimated_output_tokens", "int"),
        in_metadata("default_estimated_output_tokens_per_model", "dict"),
        in_metadata("allowed_vector_store_indexes", "list", elements="dict", parts=INDEX),
        in_metadata("enforced_batch_output_expires_after", "dict"),
        in_metadata("enforced_file_expires_after", "dict"),
        Field("metadata", "dict"),
        Field("model_max_budget", "dict", clear=EMPTY, licence=True),
        in_metadata("disable_global_guardrails", "bool", default=False, licence=True),
        in_metadata("guardrails", "list", elements="str", licence=True),
        in_metadata("policies", "list", elements="str", licence=True),
        in_metadata("prompts", "list", elements="str", licence=True),
        in_metadata("tags", "list", elements="str", licence=True),
        in_metadata("allowed_passthrough_routes", "list", elements="str", licence=True),
        in_metadata("team_member_key_duration", duration=True, licence=True),
    ),
    listing=Listing(
        "/v2/team/list",
        envelope="teams",
        page_size=100,
        size_parameter="page_size",
        detail="/team/info?team_id={id}",
        detail_envelope="team_info",
        detail_hints=(("object_permission_id",), ("metadata", "team_member_budget_id")),
    ),
    create=Write("POST", "/team/new"),
    update=Write("POST", "/team/update", id_field="team_id"),
    delete=Write("POST", "/team/delete", id_field="team_ids", id_list=True),
    annotations="metadata",
    cascades=(
        Cascade("keys", ("team_id",), "team_id", member=("user_id",)),
        Cascade("models", ("model_info", "team_id"), "teamId"),
    ),
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
