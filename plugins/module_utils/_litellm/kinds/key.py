# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Virtual keys."""

from __future__ import annotations

import typing as t

from ._permission import permission
from ._table import (
    BUDGET_WINDOW,
    DIGEST,
    EMPTY,
    GUARDRAIL,
    INDEX,
    INT32,
    LIFETIME,
    NEVER,
    WINDOWS,
    WRITE_ONLY,
    Cascade,
    Field,
    Found,
    Home,
    Kind,
    Listing,
    OtherSide,
    Reference,
    Request,
    Write,
    duration,
    in_metadata,
)

# What LiteLLM, not the user, keeps in a key's metadata. Replacing metadata must carry it over.
OWNED_BY_LITELLM = frozenset(
    {
        "service_account_id",
        "model_itpm_limit",
        "model_otpm_limit",
        "enforced_batch_output_expires_after",
        "enforced_file_expires_after",
        "team_member_key_duration",
        "logging",
        "secret_manager_settings",
    }
)
KEY_TYPES = ("llm_api", "management", "read_only", "default")
ASSIGNED = OtherSide("access_groups", "assigned_key_ids")
LIMIT_TYPES = ("guaranteed_throughput", "best_effort_throughput", "dynamic")

# A null in aliases, config, permissions or budget_fallbacks is stored as JSON null, and then every
# /key/list that meets the key answers 500 (seen on 1.104.5): they are emptied with {} only.
FIELDS = (
    Field("key", clear=NEVER, compare=DIGEST, path=("token",), create_only=True, secret=True),
    Field("key_type", choices=KEY_TYPES, clear=NEVER, create_only=True, default="default"),
    Field("send_invite_email", "bool", compare=WRITE_ONLY, create_only=True, ignore_drift=True),
    Field("user_id", refers="users"),
    # LiteLLM asks whether the team has the key's person, and room for its limits, as they were before the call.
    Field("team_id", refers="teams", afterwards=True),
    Field("agent_id", refers="agents"),
    Field("organization_id", path=("org_id",), licence=True, refers="organizations"),
    Field("project_id", licence=True, refers="projects"),
    Field("budget_id", refers="budgets"),
    in_metadata("end_user_budget_id", young=True, refers="budgets"),
    duration("duration", compare=LIFETIME, path=("expires",)),
    Field("blocked", "bool", default=False),
    Field("auto_rotate", "bool", default=False),
    duration("rotation_interval"),
    Field("models", "list", "str", clear=EMPTY),
    Field("aliases", "dict", clear=EMPTY, plain=True),
    Field("allowed_routes", "list", "str", clear=EMPTY),
    Field("access_group_ids", "list", "str", clear=EMPTY, refers="access_groups", other_side=ASSIGNED),
    Field("allowed_cache_controls", "list", "str", clear=EMPTY),
    Field("permissions", "dict", clear=EMPTY, licensed_parts=("get_spend_routes",)),
    Field("config", "dict", clear=EMPTY),
    Field("router_settings", "dict", clear=EMPTY, described="UpdateRouterConfig"),
    permission(),
    Field("spend", "float", clear=NEVER, create_only=True, ignore_drift=True),
    Field("max_budget", "float"),
    Field("soft_budget", "float", path=("litellm_budget_table", "soft_budget")),
    duration("budget_duration"),
    Field("budget_limits", "list", "dict", compare=WINDOWS, clear=EMPTY, parts=BUDGET_WINDOW),
    Field("budget_fallbacks", "dict", values="list", clear=EMPTY, ordered=True, plain=True, young=True),
    Field("tpm_limit", "int"),
    Field("rpm_limit", "int"),
    Field("tpd_limit", "int", young=True),
    Field("max_parallel_requests", "int", most=INT32),
    in_metadata("model_rpm_limit", "dict", values="int"),
    in_metadata("model_tpm_limit", "dict", values="int"),
    in_metadata("mcp_rpm_limit", "dict", values="int"),
    in_metadata("tag_rpm_limit", "dict", values="int", young=True),
    in_metadata("rpm_limit_type", choices=LIMIT_TYPES),
    in_metadata("tpm_limit_type", choices=LIMIT_TYPES),
    in_metadata("default_estimated_output_tokens", "int", least=1, young=True),
    in_metadata("default_estimated_output_tokens_per_model", "dict", values="int", least=1, young=True),
    in_metadata("allowed_vector_store_indexes", "list", elements="dict", parts=INDEX),
    in_metadata("throttle_on_budget_exceeded", "bool", default=False, young=True),
    in_metadata("enable_prompt_caching", "bool", default=False, young=True),
    Field("metadata", "dict"),
    Field("model_max_budget", "dict", clear=EMPTY, licence=True),
    in_metadata("enforced_params", "list", elements="str", licence=True),
    in_metadata("guardrails", "list", elements="str", licence=True, refers="guardrails", refers_by=GUARDRAIL),
    in_metadata("disable_global_guardrails", "bool", default=False, licence=True),
    in_metadata("policies", "list", elements="str", licence=True, refers="policies"),
    in_metadata("prompts", "list", elements="str", licence=True, refers="prompts"),
    in_metadata("tags", "list", elements="str", licence=True),
    in_metadata("allowed_passthrough_routes", "list", elements="str", licence=True),
)

BLOCK = "/key/block"
ROUTES_OF_TYPE = {"llm_api": "llm_api_routes", "management": "management_routes", "read_only": "info_routes"}


def type_or_routes(said: dict[str, t.Any]) -> dict[str, t.Any]:
    """The type of a key is a name for its first routes, which it shows beside it; others came later."""
    usual = said.get("allowed_routes") == [ROUTES_OF_TYPE.get(str(said.get("key_type")))]
    left_out = "allowed_routes" if usual else "key_type" if said.get("allowed_routes") else ""
    return {name: value for name, value in said.items() if name != left_out}


def block(request: Request, token: str) -> None:
    """Other processes are not told of a deletion, and go on with their copies of the key; of this they are."""
    request("POST", BLOCK, {"key": token})


def service_account(given: Found, changed: t.Collection[str], found: Found) -> str | None:
    name, there = "service_account_id", found.get("metadata") or {}
    wanted = given.get("metadata") or {}
    if "metadata" not in changed or name not in wanted or wanted[name] == there.get(name):
        return None
    if there.get(name):
        return f"LiteLLM never changes metadata.{name}: delete the key, or give another one a name of its own"
    in_team = given.get("team_id", found.get("team_id"))
    return None if in_team else f"metadata.{name} needs a team_id"


def team_of_service_account(given: Found) -> list[str]:
    account = (given.get("metadata") or {}).get("service_account_id")
    return ["team_id (for metadata.service_account_id)"] if account and not given.get("team_id") else []


KEY = Kind(
    name="key",
    plural="keys",
    identity="key_alias",
    id="token",
    fields=FIELDS,
    listing=Listing(
        "/key/list",
        envelope="keys",
        # In the default order (newest first, then by hash) a key made while the pages are read only
        # repeats another; sort_by would leave keys of one millisecond without an order of their own.
        query={"return_full_object": "true"},
        page_size=100,
        identity_filter="key_alias",
        id_filter="key_hash",
    ),
    create=Write("POST", "/key/generate"),
    renamable=True,
    update=Write("POST", "/key/update", id_field="key"),
    delete=Write("POST", "/key/delete", id_field="keys", id_list=True),
    before_delete=block,
    more_routes=(BLOCK,),
    cascades=(Cascade("jwt_key_mappings", (), option="token"),),
    annotations="metadata",
    raw_value=True,
    obstacle=service_account,
    lacking=team_of_service_account,
    shown=("key_name",),
    reserved_metadata=OWNED_BY_LITELLM,
    encrypted_metadata=frozenset({"logging"}),
    exported_metadata=frozenset({"logging", "service_account_id"}),
    without_said=type_or_routes,
    # key_type overrides allowed_routes, and soft_budget replaces or edits the linked budget.
    mutually_exclusive=(
        ("key_type", "allowed_routes"),
        ("soft_budget", "budget_id"),
        ("team_id", "team_alias"),
        ("access_group_ids", "access_group_names"),
    ),
    references=(
        Reference("team_alias", "team_id", "teams"),
        Reference("access_group_names", "access_group_ids", "access_groups", many=True),
    ),
    required_together=(("auto_rotate", "rotation_interval"),),
    home=Home("team_id", "teams", "user_id", "members_with_roles", ("users", "teams"), ("tpm_limit", "rpm_limit")),
)
