# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Search tools: providers of searches in the web, by the name that requests use."""

from __future__ import annotations

import typing as t

from ._table import HALF_MASKED, NEVER, SECRETS, Field, Found, Kind, Listing, Write


def _readable(params: t.Any) -> dict[str, t.Any]:
    return {k: v for k, v in (params or {}).items() if not (isinstance(v, str) and HALF_MASKED.search(v))}


def merged(body: t.Any, found: t.Any) -> dict[str, t.Any]:
    return {"litellm_params": {k: v for k, v in {**_readable(found), **(body or {})}.items() if v is not None}}


def all_of_it(body: Found, found: Found) -> dict[str, t.Any]:
    """The update replaces the whole tool."""
    names = {"search_tool_name": found.get("search_tool_name"), "search_tool_info": found.get("search_tool_info") or {}}
    return {**names, **merged({}, found.get("litellm_params"))}


def hidden_would_go(given: Found, changed: t.Collection[str], found: Found) -> str | None:
    shown = found.get("litellm_params") or {}
    hidden = sorted(set(shown) - set(_readable(shown)) - set(given.get("litellm_params") or {}))
    if not hidden:
        return None
    return f"LiteLLM replaces litellm_params as a whole, and does not show {', '.join(hidden)}: give these as well"


SEARCH_TOOL = Kind(
    name="search_tool",
    plural="search_tools",
    identity="search_tool_name",
    id="search_tool_id",
    fields=(
        Field("litellm_params", "dict", parameters=True, compare=SECRETS, secret=True, clear=NEVER, update=merged),
        Field("search_tool_info", "dict"),
    ),
    listing=Listing("/search_tools/list", envelope="search_tools"),
    create=Write("POST", "/search_tools", envelope="search_tool"),
    update=Write("PUT", "/search_tools/{id}", envelope="search_tool"),
    delete=Write("DELETE", "/search_tools/{id}"),
    annotations="search_tool_info",
    needed=(("litellm_params", "search_provider"),),
    sent_along=all_of_it,
    companions=(("litellm_params", "search_tool_info"),),
    obstacle=hidden_would_go,
    declarable=lambda found: not found.get("is_from_config"),
)
