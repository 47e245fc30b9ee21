# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Plugins of the marketplace that the proxy offers to coding assistants."""

from __future__ import annotations

import re
import typing as t

from ._table import EMPTY, NEVER, Call, Field, Found, Kind, Listing, Rule, Write

PATH = "/claude-code/plugins"
TEXTS = ("version", "description", "homepage", "category", "domain", "namespace")
SOURCES = ("github", "url", "git-subdir", "archive")
PARTS = ("source", "author", "keywords", *TEXTS)


SWITCHES = tuple(Write("POST", f"{PATH}/{{id}}/{word}") for word in ("enable", "disable"))


def _switch(wanted: t.Any) -> list[Call]:
    return [Call(SWITCHES[wanted is False], {})]


ENABLED = Rule(
    canonical=lambda value: value is not False,
    created=lambda value: None,
    made=lambda wanted: _switch(wanted) if wanted is False else [],
    calls=lambda wanted, found: _switch(wanted),
    writes=SWITCHES,
    exported=lambda found: False if found is False else None,
)


def all_of_it(body: Found, found: Found) -> dict[str, t.Any]:
    """The update replaces the whole plugin."""
    return {name: found[name] for name in PARTS if found.get(name) is not None}


def of_source(given: Found) -> list[str]:
    source = given.get("source") or {}
    needed = {"github": ("repo",), "url": ("url",), "git-subdir": ("url", "path")}.get(str(source.get("source")), ())
    return [f"source.{part}" for part in needed if not source.get(part)]


def plain_name(name: str, given: Found) -> list[str]:
    wrong = (
        [] if re.fullmatch(r"[a-z0-9-]+", name) else ["LiteLLM takes names of small letters, digits and hyphens only"]
    )
    source, author = given.get("source"), given.get("author")
    if isinstance(source, dict) and source.get("source") not in SOURCES:
        wrong.append(f"source.source must be one of {', '.join(SOURCES)}")
    return wrong + (["author.name is missing"] if isinstance(author, dict) and not author.get("name") else [])


PLUGIN = Kind(
    name="plugin",
    faults=plain_name,
    lacking=of_source,
    plural="plugins",
    identity="name",
    id="name",
    fields=(
        Field("source", "dict", values="str", clear=NEVER),
        Field("author", "dict"),
        Field("keywords", "list", "str", clear=EMPTY),
        *(Field(name) for name in TEXTS),
        Field("enabled", "bool", rule=ENABLED),
    ),
    listing=Listing(PATH, envelope="plugins"),
    create=Write("POST", PATH),
    update=Write("PUT", f"{PATH}/{{id}}", young=True),
    delete=Write("DELETE", f"{PATH}/{{id}}"),
    needed=(("source",),),
    sent_along=all_of_it,
)
