# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guardrails in the database of the proxy."""

from __future__ import annotations

import typing as t

from ._table import NEVER, SECRETS, Field, Found, Kind, Listing, Write, dig

# The integrations of all versions since 1.90; a proxy names most of its own, younger ones among them.
INTEGRATIONS = frozenset(
    [
        "aim",
        "akto",
        "aporia",
        "azure/prompt_shield",
        "azure/text_moderations",
        "bedrock",
        "block_code_execution",
        "cato_networks",
        "cisco_ai_defense",
        "crowdstrike_aidr",
        "custom_code",
        "dynamoai",
        "enkryptai",
        "generic_guardrail_api",
        "grayswan",
        "guardrails_ai",
        "hiddenlayer",
        "hide-secrets",
        "ibm_guardrails",
        "javelin",
        "lakera",
        "lakera_v2",
        "lasso",
        "litellm_content_filter",
        "llm_as_a_judge",
        "mcp_end_user_permission",
        "mcp_jwt_signer",
        "mcp_security",
        "microsoft_purview",
        "model_armor",
        "noma",
        "noma_v2",
        "onyx",
        "openai_moderation",
        "ovalix",
        "pangea",
        "panw_prisma_airs",
        "pillar",
        "presidio",
        "prompt_security",
        "promptguard",
        "qostodian_nexus",
        "qualifire",
        "repelloai",
        "rubrik",
        "semantic_guard",
        "tool_permission",
        "vigil_guard",
        "xecguard",
        "zscaler_ai_guard",
    ]
)
INTEGRATIONS_OF_PROXY = "/guardrails/ui/provider_specific_params"
MODES_OF_PROXY = "/guardrails/ui/add_guardrail_settings"
Read = t.Callable[[str], t.Any]


def not_taken(read: Read, name: str, given: Found, changed: t.Collection[str]) -> list[str]:
    if "litellm_params" not in changed:
        return []
    params = given["litellm_params"] or {}
    return unknown_integration(read, params) + unsupported_modes(read, params)


def unknown_integration(read: Read, params: Found) -> list[str]:
    """A name with a point is a class of the proxy's own files, which nobody else can see."""
    kind = params.get("guardrail")
    if kind is None or kind in INTEGRATIONS or "." in str(kind):
        return []
    known = read(INTEGRATIONS_OF_PROXY)
    if not isinstance(known, dict) or kind in known:
        return []
    there_are = ", ".join(sorted({*INTEGRATIONS, *known}))
    return [f"litellm_params.guardrail: this LiteLLM has no integration {kind!r}; there are {there_are}"]


def unsupported_modes(read: Read, params: Found) -> list[str]:
    """Each integration runs at some moments of a request only. Older versions do not say which."""
    kind, modes = params.get("guardrail"), _modes(params.get("mode"))
    if kind is None or not modes:
        return []
    answer = read(MODES_OF_PROXY)
    known = dig(answer, ("supported_modes_by_provider", str(kind))) or dig(answer, ("supported_modes",))
    if not isinstance(known, list) or not known:
        return []
    strange = ", ".join(repr(mode) for mode in modes if mode not in known)
    there_are = ", ".join(str(mode) for mode in known)
    return [f"litellm_params.mode: {kind} has no {strange}; there are {there_are}"] if strange else []


def _modes(value: t.Any) -> list[str]:
    """One, several, or those of tags beside the usual ones."""
    if isinstance(value, dict):
        tags = value.get("tags")
        parts = [value.get("default"), *(tags.values() if isinstance(tags, dict) else ())]
        return [mode for part in parts for mode in _modes(part)]
    if isinstance(value, list):
        return [mode for part in value for mode in _modes(part)]
    return [value] if isinstance(value, str) and value else []


GUARDRAIL = Kind(
    name="guardrail",
    plural="guardrails",
    identity="guardrail_name",
    id="guardrail_id",
    fields=(
        Field("litellm_params", "dict", parameters=True, compare=SECRETS, secret=True, clear=NEVER),
        Field("guardrail_info", "dict"),
    ),
    listing=Listing("/v2/guardrails/list", envelope="guardrails"),
    create=Write("POST", "/guardrails", envelope="guardrail"),
    update=Write("PATCH", "/guardrails/{id}"),
    delete=Write("DELETE", "/guardrails/{id}"),
    needed=(("litellm_params", "guardrail"), ("litellm_params", "mode")),
    not_taken=not_taken,
    annotations="guardrail_info",
    declarable=lambda found: found.get("guardrail_definition_location") == "db",
)
