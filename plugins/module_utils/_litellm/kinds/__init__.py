# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All kinds of objects, in the order that references need. Each is described in a file of its own."""

from __future__ import annotations

import typing as t

from ._table import Call, Cascade, Field, Found, Kind, Listing, OtherSide, Reference, Write, dig
from .access_group import ACCESS_GROUP
from .agent import AGENT
from .budget import BUDGET
from .credential import CREDENTIAL
from .customer import CUSTOMER
from .fallback import FALLBACK
from .guardrail import GUARDRAIL
from .jwt_key_mapping import JWT_KEY_MAPPING
from .key import KEY
from .mcp_server import MCP_SERVER
from .mcp_toolset import MCP_TOOLSET
from .memory import MEMORY
from .model import MODEL
from .model_access_group import MODEL_ACCESS_GROUP
from .organization import ORGANIZATION
from .pass_through_endpoint import PASS_THROUGH_ENDPOINT
from .plugin import PLUGIN
from .policy import POLICY
from .project import PROJECT
from .prompt import PROMPT
from .search_tool import SEARCH_TOOL
from .setting import SETTING
from .tag import TAG
from .team import TEAM
from .user import USER
from .vector_store import VECTOR_STORE

# In the order that references need: what comes later may refer to what comes earlier.
KINDS: t.Mapping[str, Kind] = {
    kind.plural: kind
    for kind in (
        BUDGET,
        CREDENTIAL,
        MODEL,
        MODEL_ACCESS_GROUP,
        FALLBACK,
        MCP_SERVER,
        MCP_TOOLSET,
        GUARDRAIL,
        POLICY,
        PROMPT,
        SEARCH_TOOL,
        PASS_THROUGH_ENDPOINT,
        PLUGIN,
        SETTING,
        ORGANIZATION,
        # Before teams: LiteLLM makes the persons that a new team names, if they are not there.
        USER,
        TEAM,
        PROJECT,
        ACCESS_GROUP,
        VECTOR_STORE,
        AGENT,
        MEMORY,
        TAG,
        CUSTOMER,
        KEY,
        JWT_KEY_MAPPING,
    )
}

__all__ = [
    "ACCESS_GROUP",
    "AGENT",
    "BUDGET",
    "CREDENTIAL",
    "CUSTOMER",
    "FALLBACK",
    "GUARDRAIL",
    "JWT_KEY_MAPPING",
    "KEY",
    "KINDS",
    "MCP_SERVER",
    "MCP_TOOLSET",
    "MEMORY",
    "MODEL",
    "MODEL_ACCESS_GROUP",
    "ORGANIZATION",
    "PASS_THROUGH_ENDPOINT",
    "PLUGIN",
    "POLICY",
    "PROJECT",
    "PROMPT",
    "SEARCH_TOOL",
    "SETTING",
    "TAG",
    "TEAM",
    "USER",
    "VECTOR_STORE",
    "Call",
    "Cascade",
    "Field",
    "Found",
    "Kind",
    "Listing",
    "OtherSide",
    "Reference",
    "Write",
    "dig",
]
