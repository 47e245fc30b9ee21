# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a key, team, user, customer or agent may use besides models. Used by their tables only."""

from __future__ import annotations

import typing as t

from ._naming import naming
from ._table import SUBKEYS, SUBSET, Field

# By any of these; of a server that there is not LiteLLM drops what it is told.
SERVER = ("mcp_servers", "server_id", "alias", "server_name")

# Access groups of servers and agents, tools, models and skills are names that are nobody's.
PERMITTED = naming(
    mcp_servers=SERVER,
    mcp_tool_permissions=SERVER,
    mcp_toolsets="mcp_toolsets",
    vector_stores="vector_stores",
    agents="agents",
    search_tools=("search_tools", "search_tool_name"),
)
PARTS = (
    "agent_access_groups",
    "agents",
    "blocked_tools",
    "mcp_access_groups",
    "mcp_servers",
    "mcp_tool_permissions",
    "mcp_tool_search_enabled",
    "mcp_toolsets",
    "models",
    "search_tools",
    "skills",
    "vector_stores",
)
OF_AGENTS = ("agents", "mcp_access_groups", "mcp_servers", "mcp_tool_permissions", "mcp_toolsets", "models")


def permission(parts: tuple[str, ...] = PARTS, **more: t.Any) -> Field:
    """The option `object_permission`: what is not named of it stays."""
    words: dict[str, t.Any] = {
        "clear": SUBKEYS,
        "compare": SUBSET,
        "known_parts": parts,
        "refers_in": PERMITTED,
        **more,
    }
    return Field("object_permission", "dict", **words)
