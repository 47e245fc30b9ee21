# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agents behind the proxy, which speak A2A."""

from __future__ import annotations

import re
import typing as t

from ._permission import OF_AGENTS, permission
from ._table import EMPTY, INT32, NEVER, SECRETS, SUBSET, Field, Found, Kind, Listing, Write

OWN_PARTS = frozenset({"supportedInterfaces", "security", "securitySchemes"})
OWN_NAME = "LiteLLM Proxy"  # the provider of a card that names none


# What LiteLLM puts in where a card has none of it.
USUAL_SKILL, USUAL_MODES = "chat", ["text"]
CAPABILITIES = ("streaming",)
# Of the protocol, as LiteLLM 1.104.5 and 1.108.7 speak it; 1.90.7 does not look.
SPOKEN = re.compile(r"(0\.3|1\.0)([.+-].*)?")


def wrong_card(name: str, given: Found) -> list[str]:
    card = given.get("agent_card_params") or {}
    version, abilities = card.get("protocolVersion"), card.get("capabilities")
    wrong = []
    if version is not None and not SPOKEN.fullmatch(str(version)):
        wrong.append(f"agent_card_params.protocolVersion: LiteLLM speaks 0.3 and 1.0, not {version!r}")
    for one, on in abilities.items() if isinstance(abilities, dict) else ():
        if on and one not in CAPABILITIES:
            wrong.append(f"agent_card_params.capabilities: LiteLLM keeps {', '.join(CAPABILITIES)} only, not {one}")
    return wrong + (
        ["agent_card_params.additionalInterfaces: LiteLLM drops them"] if card.get("additionalInterfaces") else []
    )


def card_form(name: str, value: t.Any) -> t.Any:
    if name == "protocolVersion" and (spoken := SPOKEN.fullmatch(str(value))):
        return spoken.group(1)
    if name == "provider" and isinstance(value, dict) and value.get("organization") == OWN_NAME:
        return None
    if name == "capabilities" and isinstance(value, dict):
        return {one: on for one, on in value.items() if on}
    if name == "skills" and isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        return None if value[0].get("id") == USUAL_SKILL and value[0].get("name") == "Chat" else value
    return None if name in ("defaultInputModes", "defaultOutputModes") and value == USUAL_MODES else value


def whole_card(body: t.Any, found: t.Any) -> dict[str, t.Any]:
    """The update replaces the card: what was not named goes along."""
    own = {*OWN_PARTS, *(["provider"] if card_form("provider", (found or {}).get("provider")) is None else [])}
    kept = {name: part for name, part in (found or {}).items() if name not in own}
    return {"agent_card_params": {**kept, **(body or {})}}


AGENT = Kind(
    name="agent",
    plural="agents",
    identity="agent_name",
    id="agent_id",
    fields=(
        # LiteLLM adds to the card what is its own: interfaces, security, a provider.
        Field(
            "agent_card_params",
            "dict",
            described="AgentCard",
            compare=SUBSET,
            clear=NEVER,
            added_parts=OWN_PARTS,
            update=whole_card,
            form=card_form,
        ),
        Field("litellm_params", "dict", parameters=True, compare=SECRETS, secret=True, clear=NEVER),
        permission(OF_AGENTS),
        Field("access_group_ids", "list", "str", clear=EMPTY, refers="access_groups", young=True),
        Field("static_headers", "dict", values="str", secret=True, clear=EMPTY),
        Field("extra_headers", "list", "str", clear=EMPTY),
        Field("tpm_limit", "int", most=INT32),
        Field("rpm_limit", "int", most=INT32),
        Field("session_tpm_limit", "int", most=INT32),
        Field("session_rpm_limit", "int", most=INT32),
        Field("kill_switch", "dict", young=True),
    ),
    listing=Listing("/v1/agents"),
    create=Write("POST", "/v1/agents"),
    faults=wrong_card,
    renamable=True,
    update=Write("PATCH", "/v1/agents/{id}"),
    delete=Write("DELETE", "/v1/agents/{id}"),
    needed=(("agent_card_params",),),
)
