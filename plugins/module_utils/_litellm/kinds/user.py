# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Users of the proxy."""

from __future__ import annotations

from ._members import CREATOR, TEAMS_OF_USER
from ._permission import permission
from ._table import (
    EMPTY,
    INT32,
    NEVER,
    WRITE_ONLY,
    Cascade,
    Field,
    Kind,
    Listing,
    Write,
    duration,
    in_metadata,
)

USER_ROLES = ("proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer")

# /user/update drops every null and every empty list or object but budget_duration and max_budget.
USER = Kind(
    name="user",
    plural="users",
    identity="user_id",
    id="user_id",
    fields=(
        Field("user_email", clear=EMPTY, unique=True),
        Field("user_alias", clear=EMPTY),
        Field("user_role", clear=NEVER, choices=USER_ROLES),
        Field("sso_user_id", clear=NEVER, unique=True),
        # Who is in a team is said by the team, so the export leaves it out here.
        Field("teams", "list", "str", rule=TEAMS_OF_USER, refers="teams", exported=False),
        Field("models", "list", "str", clear=NEVER),
        Field("allowed_cache_controls", "list", "str", clear=NEVER),
        Field("spend", "float", clear=NEVER, create_only=True, ignore_drift=True),
        Field("max_budget", "float"),
        duration("budget_duration"),
        Field("tpm_limit", "int", clear=NEVER),
        Field("rpm_limit", "int", clear=NEVER),
        Field("max_parallel_requests", "int", most=INT32, clear=NEVER),
        in_metadata("model_rpm_limit", "dict", values="int"),
        in_metadata("model_tpm_limit", "dict", values="int"),
        in_metadata("mcp_rpm_limit", "dict", values="int"),
        in_metadata("tag_rpm_limit", "dict", values="int", young=True),
        permission(detail=True, young=True),
        Field("metadata", "dict"),
        Field("send_invite_email", "bool", compare=WRITE_ONLY, create_only=True, ignore_drift=True),
        Field("model_max_budget", "dict", clear=NEVER, licence=True),
    ),
    listing=Listing(
        "/user/list",
        envelope="users",
        page_size=100,
        size_parameter="page_size",
        id_filter="user_ids",
        detail="/v2/user/info?user_id={id}",
        detail_hints=(("object_permission_id",),),
    ),
    create=Write("POST", "/user/new"),
    update=Write("POST", "/user/update", id_field="user_id"),
    delete=Write("POST", "/user/delete", id_field="user_ids", id_list=True),
    annotations="metadata",
    drops_empty_annotations=True,
    constants={"auto_create_key": False},
    declarable=lambda found: found.get("user_id") != CREATOR,
    always_there=frozenset({CREATOR}),
    cascades=(Cascade("keys", ("user_id",), "user_id", member=("team_id",)),),
)
