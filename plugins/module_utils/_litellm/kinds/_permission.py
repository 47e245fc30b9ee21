# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a key, team, user, customer or agent may use besides models. Used by their tables only."""

from __future__ import annotations

from ._table import naming

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
