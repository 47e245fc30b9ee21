# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memories: texts that the proxy keeps for users and teams."""

from __future__ import annotations

from ._table import NEVER, Field, Kind, Listing, Write

MEMORY = Kind(
    name="memory",
    plural="memories",
    identity="key",
    id="key",
    fields=(
        Field("value", clear=NEVER),
        Field("user_id", create_only=True, clear=NEVER, refers="users"),
        Field("team_id", create_only=True, clear=NEVER, refers="teams"),
        Field("metadata", "dict"),
    ),
    listing=Listing(
        "/v1/memory", envelope="memories", page_size=100, size_parameter="page_size", identity_filter="key"
    ),
    create=Write("POST", "/v1/memory"),
    update=Write("PUT", "/v1/memory/{id}"),
    delete=Write("DELETE", "/v1/memory/{id}"),
    annotations="metadata",
    needed=(("value",),),
)
