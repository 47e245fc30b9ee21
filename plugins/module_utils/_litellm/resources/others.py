# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t

from ._table import (
    BUDGET_WINDOW,
    EMPTY,
    INDEX,
    MEMBERS,
    NEVER,
    SECRETS,
    SUBKEYS,
    SUBSET,
    WINDOWS,
    WRITE_ONLY,
    Field,
    Kind,
    Listing,
    Write,
    duration,
    in_metadata,
)

MEMBER_BUDGET = "team_member_budget_table"
THROUGHPUT = ("guaranteed_throughput", "best_effort_throughput")
USER_ROLES = ("proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer", "team", "customer")

MEMBER = (Field("user_id"), Field("user_email"), Field("role", choices=("admin", "user")))

TEAM = Kind(
    name="team",
    plural="teams",
    identity="team_alias",
    id="team_id",
    fields=(
        Field("team_id", create_only=True, clear=NEVER),
        Field("organization_id", licence=True),
        Field("members_with_roles", "list", "dict", compare=MEMBERS, own_call="/team/member_add", parts=MEMBER),
        Field("blocked", "bool", default=False),
        Field("models", "list", "str", clear=EMPTY),
        Field("model_aliases", "dict", path=("litellm_model_table", "model_aliases"), clear=EMPTY, plain=True),
        Field("default_team_member_models", "list", "str", clear=EMPTY),
        Field("access_group_ids", "list", "str", clear=EMPTY),
        # /team/update takes the list and doesn't keep it; this call does.
        Field("team_member_permissions", "list", "str", clear=EMPTY, own_call="/team/permissions_update"),
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
        in_metadata("rpm_limit_type", choices=THROUGHPUT),
        in_metadata("tpm_limit_type", choices=THROUGHPUT),
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

# /user/update drops every null and every empty list or object but budget_duration and max_budget.
USER = Kind(
    name="user",
    plural="users",
    identity="user_id",
    id="user_id",
    fields=(
        Field("user_email", clear=EMPTY),
        Field("user_alias", clear=EMPTY),
        Field("user_role", clear=NEVER, choices=USER_ROLES),
        Field("sso_user_id", clear=NEVER),
        Field("teams", "list", "str", create_only=True, clear=NEVER),
        Field("models", "list", "str", clear=NEVER),
        Field("allowed_cache_controls", "list", "str", clear=NEVER),
        Field("spend", "float", clear=NEVER, create_only=True, ignore_drift=True),
        Field("max_budget", "float"),
        duration("budget_duration"),
        Field("tpm_limit", "int", clear=NEVER),
        Field("rpm_limit", "int", clear=NEVER),
        Field("max_parallel_requests", "int", clear=NEVER),
        in_metadata("model_rpm_limit", "dict"),
        in_metadata("model_tpm_limit", "dict"),
        in_metadata("mcp_rpm_limit", "dict"),
        in_metadata("tag_rpm_limit", "dict"),
        Field("object_permission", "dict", clear=SUBKEYS, compare=SUBSET, detail=True),
        Field("metadata", "dict"),
        Field("send_invite_email", "bool", compare=WRITE_ONLY, create_only=True, ignore_drift=True),
        Field("model_max_budget", "dict", clear=NEVER, licence=True),
    ),
    listing=Listing(
        "/user/list",
        envelope="users",
        page_size=100,
        size_parameter="page_size",
        detail="/v2/user/info?user_id={id}",
        detail_hints=(("object_permission_id",),),
    ),
    create=Write("POST", "/user/new"),
    update=Write("POST", "/user/update", id_field="user_id"),
    delete=Write("POST", "/user/delete", id_field="user_ids", id_list=True),
    annotations="metadata",
    drops_empty_annotations=True,
    constants={"auto_create_key": False},
)

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
        Field("tpd_limit", "int"),
        Field("max_parallel_requests", "int"),
        Field("model_max_budget", "dict", clear=EMPTY, licence=True),
    ),
    listing=Listing("/budget/list"),
    create=Write("POST", "/budget/new"),
    update=Write("POST", "/budget/update", id_field="budget_id"),
    delete=Write("POST", "/budget/delete", id_field="id"),
)


def _in_budget(name: str, type: str = "int", clear: str = NEVER, **kwargs: t.Any) -> Field:
    return Field(name, type, path=("litellm_budget_table", name), clear=clear, **kwargs)


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
        Field("default_model", clear=EMPTY),
        Field("allowed_model_region", clear=NEVER, choices=("eu", "us")),
        Field("budget_id", clear=NEVER),
        _in_budget("max_budget", "float"),
        _in_budget("soft_budget", "float", create_only=True),
        _in_budget("budget_duration", "str", create_only=True, duration=True),
        _in_budget("tpm_limit", create_only=True),
        _in_budget("rpm_limit", create_only=True),
        _in_budget("tpd_limit", create_only=True),
        _in_budget("max_parallel_requests", create_only=True),
        Field("object_permission", "dict", clear=SUBKEYS, compare=SUBSET, send_whole=True),
        Field("spend", "float", clear=NEVER, create_only=True, ignore_drift=True),
    ),
    listing=Listing("/customer/list"),
    create=Write("POST", "/customer/new"),
    update=Write("POST", "/customer/update", id_field="user_id"),
    delete=Write("POST", "/customer/delete", id_field="user_ids", id_list=True),
    mutually_exclusive=(("budget_id", "max_budget"),),
)

CREDENTIAL = Kind(
    name="credential",
    plural="credentials",
    identity="credential_name",
    id="credential_name",
    fields=(
        Field("credential_values", "dict", compare=SECRETS, all_secret=True, secret=True, clear=NEVER),
        Field("credential_info", "dict", compare=SUBSET, clear=SUBKEYS),
    ),
    listing=Listing("/credentials", envelope="credentials"),
    create=Write("POST", "/credentials"),
    update=Write("PATCH", "/credentials/{id}", id_field="credential_name"),
    delete=Write("DELETE", "/credentials/{id}"),
    annotations="credential_info",
    annotations_merge=True,
    constants={"credential_values": {}, "credential_info": {}},
)

MODEL = Kind(
    name="model",
    plural="models",
    identity="model_id",
    id="model_id",
    id_path=("model_info", "id"),
    fields=(
        Field("model_name", clear=NEVER),
        Field(
            "litellm_params",
            "dict",
            compare=SECRETS,
            secret=True,
            clear=NEVER,
            removal="litellm_params_to_remove",
        ),
        Field("blocked", "bool", path=("model_info", "blocked"), default=False, after_creation=True),
        Field("model_info", "dict", compare=SUBSET, clear=SUBKEYS),
    ),
    listing=Listing("/v2/model/info", envelope="data", page_size=100),
    create=Write("POST", "/model/new"),
    update=Write("PATCH", "/model/{id}/update"),
    delete=Write("POST", "/model/delete", id_field="id"),
    annotations="model_info",
    annotations_merge=True,
    id_at_creation=True,
)

ACCESS_GROUP = Kind(
    name="access_group",
    plural="access_groups",
    identity="access_group_name",
    id="access_group_id",
    fields=(
        Field("description"),
        Field("access_model_names", "list", "str", clear=EMPTY),
        Field("access_mcp_server_ids", "list", "str", clear=EMPTY),
        Field("access_agent_ids", "list", "str", clear=EMPTY),
        Field("assigned_team_ids", "list", "str", clear=EMPTY),
        Field("assigned_key_ids", "list", "str", clear=EMPTY),
    ),
    listing=Listing("/v1/access_group"),
    create=Write("POST", "/v1/access_group"),
    update=Write("PUT", "/v1/access_group/{id}"),
    delete=Write("DELETE", "/v1/access_group/{id}"),
)

TAG = Kind(
    name="tag",
    plural="tags",
    identity="name",
    id="name",
    fields=(
        Field("description"),
        Field("models", "list", "str", clear=EMPTY),
        _in_budget("budget_id", "str", create_only=True),
        _in_budget("max_budget", "float"),
        _in_budget("soft_budget", "float"),
        _in_budget("budget_duration", "str", clear="null", duration=True),
        _in_budget("tpm_limit"),
        _in_budget("rpm_limit"),
        _in_budget("max_parallel_requests"),
    ),
    listing=Listing("/tag/list"),
    create=Write("POST", "/tag/new"),
    update=Write("POST", "/tag/update", id_field="name"),
    delete=Write("POST", "/tag/delete", id_field="name"),
    mutually_exclusive=tuple(("budget_id", name) for name in ("max_budget", "soft_budget", "budget_duration")),
)
