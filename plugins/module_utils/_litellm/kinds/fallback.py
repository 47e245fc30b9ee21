# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fallbacks: which models answer where one can't. They are parts of the router's settings.

LiteLLM's own call for one of them, POST /fallback, copies all of the router's settings out of the configuration file into the database.
The call for settings stores only what it is given, so that is used, and a list that the file has is refused.
"""

from __future__ import annotations

import typing as t

from ._table import EMPTY, MODEL_NAME, Field, Found, Kind, Listing, Request, Write, dig

READ, WRITE = "/router/settings", "/config/update"
# Our options, and the lists of the router that they are in: each is a list of dictionaries of one model.
LISTS = {
    "fallback_models": "fallbacks",
    "context_window_fallback_models": "context_window_fallbacks",
    "content_policy_fallback_models": "content_policy_fallbacks",
}


def _entries(answer: t.Any, list_name: str) -> list[tuple[str, t.Any]]:
    entries = dig(answer, ("current_values", list_name)) or []
    return [(model, others) for entry in entries if isinstance(entry, dict) for model, others in entry.items()]


def by_model(answer: t.Any) -> list[dict[str, t.Any]]:
    found: dict[str, dict[str, t.Any]] = {}
    for option, list_name in LISTS.items():
        for model, others in _entries(answer, list_name):
            found.setdefault(model, {"model": model})[option] = others
    return list(found.values())


def put(request: Request, model: str, body: Found | None) -> None:
    """One model's part of the lists changed; everything else stays, in its order."""
    answer = request("GET", READ, None)
    settings = {}
    for option, list_name in LISTS.items():
        entries = _entries(answer, list_name)
        others = None if body is None else body.get(option, dict(entries).get(model))
        changed = {**dict(entries), model: others or None}
        if changed.get(model) != dict(entries).get(model):
            settings[list_name] = [{name: part} for name, part in changed.items() if part is not None]
    if settings:
        request("POST", WRITE, {"router_settings": settings})


def in_the_file(read: t.Callable[[str], t.Any], options: t.Collection[str]) -> str | None:
    sources = read(READ).get("source") or {}
    lists = [name for option, name in LISTS.items() if option in options and sources.get(name) == "config"]
    if not lists:
        return None
    return (
        f"{' and '.join(lists)} stand in the proxy's configuration file, which wins over its database: change them there "
        "(litellm_router_settings), or take them out of it"
    )


def _models(name: str) -> Field:
    return Field(name, "list", "str", ordered=True, clear=EMPTY, refers="models", refers_by=MODEL_NAME)


FALLBACK = Kind(
    name="fallback",
    plural="fallbacks",
    identity="model",
    id="model",
    fields=tuple(_models(option) for option in LISTS),
    names="models",
    names_by=MODEL_NAME,
    always_there=frozenset({"*"}),
    listing=Listing(READ, items=by_model),
    create=Write("POST", WRITE),
    update=Write("POST", WRITE),
    delete=Write("POST", WRITE),
    needed_one=tuple(LISTS),
    written_by=put,
    closed=in_the_file,
    serial=True,
)
