# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Settings of the proxy that are kept in its database: there is one of each name, always."""

from __future__ import annotations

import math
import typing as t
from dataclasses import dataclass

from ._naming import Named, Naming, naming
from ._table import HALF_MASKED, SUBKEYS, SUBSET, Field, Found, Kind, Listing, Request, Write


@dataclass(frozen=True)
class Place:
    """Where one of them is read and written."""

    read: str
    write: str
    method: str = "PATCH"
    answer: str | None = "values"  # where the answer has them; None: it is them
    envelope: str | None = None  # what the call takes them in
    merges: bool = False  # the other calls replace all of it
    added: tuple[str, ...] = ()  # what LiteLLM says beside them


def _of_ui(name: str, **more: t.Any) -> Place:
    return Place(f"/get/{name}", f"/update/{name}", **more)


def _of_config(name: str, **more: t.Any) -> Place:
    return Place(f"/config/{name}", f"/config/{name}", **more)


PLACES = {
    "block_requests_for_models_without_pricing": _of_config("block_requests_for_models_without_pricing", answer=None),
    "cache_settings": Place(
        "/cache/settings", "/cache/settings", "POST", "current_values", "cache_settings", added=("redis_type",)
    ),
    "cost_discount": _of_config("cost_discount_config"),
    "cost_margin": _of_config("cost_margin_config"),
    "default_team_settings": _of_ui("default_team_settings"),
    "internal_user_settings": _of_ui("internal_user_settings"),
    "mcp_semantic_filter_settings": _of_ui("mcp_semantic_filter_settings"),
    "mcp_tool_search_settings": _of_ui("mcp_tool_search_settings"),
    "sso_settings": _of_ui("sso_settings"),
    "ui_settings": _of_ui("ui_settings", merges=True),
    "ui_theme_settings": _of_ui("ui_theme_settings"),
    "user_banner": _of_ui("user_banner", answer=None, added=("revision",)),
    "websearch_interception_settings": _of_ui("websearch_interception_settings"),
}


def named(value: t.Any) -> list[Named]:
    """Teams of new users stand there by their ids, or each with more."""
    teams = value.get("teams") if isinstance(value.get("teams"), list) else []
    ids = [one.get("team_id") if isinstance(one, dict) else one for one in teams]
    return [*(Named("teams", str(id), "teams") for id in ids if id), *BY_NAME(value)]


def shown(name: str, answer: t.Any) -> dict[str, t.Any]:
    """What is kept in the database: what comes from the environment, or is a default, is not the settings'."""
    place = PLACES[name]
    values = answer if place.answer is None else (answer.get(place.answer) or {})
    sources = answer.get("provenance") or {}
    kept = {k: v for k, v in values.items() if k not in place.added and sources.get(k, "db") == "db"}
    schema = answer.get("field_schema") or {}
    return {"values": kept, "known": sorted(schema.get("properties") or {})}


def put(request: Request, found: Found, body: Found) -> None:
    place, given = PLACES[str(found["name"])], dict(body["values"])
    if not place.merges:
        merged = {**found["values"], **given}
        given = {part: value for part, value in merged.items() if value not in (None, [])}
    request(place.method, place.write, {place.envelope: given} if place.envelope else given)


def _is_share(value: t.Any, most: float) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value <= most


def out_of_bounds(name: str, given: Found) -> list[str]:
    """What LiteLLM takes as discounts and margins."""
    parts = {k: v for k, v in (given.get("values") or {}).items() if v is not None}
    if name == "cost_discount":
        return [f"values.{k} must be a number from 0 to 1" for k, v in parts.items() if not _is_share(v, 1)]
    return [wrong for k, v in parts.items() for wrong in _wrong_margin(k, v)] if name == "cost_margin" else []


def _wrong_margin(provider: str, value: t.Any) -> list[str]:
    if not isinstance(value, dict):
        share = _is_share(value, 10)
        return [] if share else [f"values.{provider} must be a number from 0 to 10, or percentage and fixed_amount"]
    where = f"values.{provider}"
    wrong = [f"{where}: there is no {part!r}; there are {', '.join(MARGIN)}" for part in value if part not in MARGIN]
    if not value:
        wrong.append(f"{where} needs percentage or fixed_amount")
    most = {"percentage": 10.0, "fixed_amount": math.inf}
    bounds = {"percentage": "from 0 to 10", "fixed_amount": "not below zero"}
    wrong += [
        f"{where}.{k} must be a number {bounds[k]}" for k in MARGIN if k in value and not _is_share(value[k], most[k])
    ]
    return wrong


def unknown_provider(read: t.Callable[[str], t.Any], name: str, given: Found, changed: t.Collection[str]) -> list[str]:
    if name not in ("cost_discount", "cost_margin"):
        return []
    known = read("/public/providers")
    if not isinstance(known, list) or not known:
        return []
    allowed = {*known, *(("global",) if name == "cost_margin" else ())}
    strange = sorted(
        part for part, value in (given.get("values") or {}).items() if part not in allowed and value is not None
    )
    return [f"values: LiteLLM knows no provider {', '.join(strange)}"] if strange else []


def hidden_parts(given: Found, changed: t.Collection[str], found: Found) -> str | None:
    """What the call would replace by its mask. LiteLLM itself keeps the secrets of the cache."""
    place, known = PLACES[str(found["name"])], found.get("known")
    strange = [part for part in given["values"] or {} if known and part not in (*known, *found["values"])]
    if strange:
        return f"there is no {', '.join(strange)} in it; there are {', '.join(known or [])}"
    masked = [] if place.merges or place.envelope else [k for k, v in found["values"].items() if _is_masked(v)]
    hidden = [part for part in masked if part not in (given["values"] or {})]
    if not hidden:
        return None
    return f"LiteLLM replaces all of it and does not show {', '.join(hidden)}: give these parts of values as well"


def _is_masked(value: t.Any) -> bool:
    return isinstance(value, str) and bool(HALF_MASKED.search(value))


MARGIN = ("percentage", "fixed_amount")
# The default of new teams, and what searches the web.
BY_NAME = naming(organization_id="organizations", search_tool_name=("search_tools", "search_tool_name"))

SETTING = Kind(
    name="setting",
    plural="settings",
    identity="name",
    id="name",
    fields=(
        Field(
            "values",
            "dict",
            compare=SUBSET,
            clear=SUBKEYS,
            parameters=True,
            refers_in=Naming(named, {"teams": "teams", **BY_NAME.places}),
        ),
    ),
    listing=Listing("/get/ui_settings", each={name: place.read for name, place in PLACES.items()}, each_item=shown),
    create=Write("PATCH", "/update/ui_settings"),
    update=Write("PATCH", "/update/ui_settings"),
    delete=Write("PATCH", "/update/ui_settings"),
    changed_by=put,
    obstacle=hidden_parts,
    faults=out_of_bounds,
    not_taken=unknown_provider,
    more_routes=tuple(path for place in PLACES.values() for path in (place.read, place.write)),
    permanent=True,
    # What Redis is in the environment is told like what was written, and to write it turns the cache on.
    declarable=lambda found: found.get("name") != "cache_settings",
)
