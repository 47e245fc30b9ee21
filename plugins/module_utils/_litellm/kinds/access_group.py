# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access groups: models, MCP servers and agents under one name."""

from __future__ import annotations

from ._table import EMPTY, Cascade, Field, Kind, Listing, Write

ACCESS_GROUP = Kind(
    name="access_group",
    plural="access_groups",
    identity="access_group_name",
    id="access_group_id",
    fields=(
        Field("description"),
        Field("access_model_names", "list", "str", clear=EMPTY),
        Field("access_mcp_server_ids", "list", "str", clear=EMPTY, refers="mcp_servers"),
        Field("access_agent_ids", "list", "str", clear=EMPTY, refers="agents"),
        Field("assigned_team_ids", "list", "str", clear=EMPTY, touches=True, refers="teams"),
        Field("assigned_key_ids", "list", "str", clear=EMPTY, touches=True, refers="keys"),
    ),
    listing=Listing("/v1/access_group"),
    create=Write("POST", "/v1/access_group"),
    renamable=True,
    update=Write("PUT", "/v1/access_group/{id}"),
    delete=Write("DELETE", "/v1/access_group/{id}"),
    cascades=tuple(
        Cascade(plural, ("access_group_ids",), stays="this access group") for plural in ("keys", "teams", "agents")
    ),
)
