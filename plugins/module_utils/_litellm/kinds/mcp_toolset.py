# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Toolsets: tools of MCP servers under one name."""

from __future__ import annotations

from ._table import EMPTY, Field, Kind, Listing, Write

TOOL = (Field("server_id", refers="mcp_servers", needed=True), Field("tool_name", needed=True))

MCP_TOOLSET = Kind(
    name="mcp_toolset",
    plural="mcp_toolsets",
    identity="toolset_name",
    id="toolset_id",
    fields=(
        Field("description"),
        Field("tools", "list", "dict", clear=EMPTY, parts=TOOL),
    ),
    listing=Listing("/v1/mcp/toolset"),
    create=Write("POST", "/v1/mcp/toolset"),
    renamable=True,
    update=Write("PUT", "/v1/mcp/toolset", id_field="toolset_id"),
    delete=Write("DELETE", "/v1/mcp/toolset/{id}"),
    needed=(("tools",),),
)
