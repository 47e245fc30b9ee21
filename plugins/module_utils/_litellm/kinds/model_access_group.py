# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Access groups of models: what keys and teams name in place of models, with a budget for all of it."""

from __future__ import annotations

import typing as t

from ._table import MODEL_NAME, NEVER, Call, Field, Kind, Listing, Rule, Write, duration, no_slash

BUDGET = Write("PUT", "/access_group/{id}/budget", young=True)
UNLINK = Write("DELETE", "/access_group/{id}/budget", young=True)


def _budget(name: str) -> tuple[str, str]:
    return ("budget", name)


def linked(wanted: t.Any, found: t.Any) -> list[Call]:
    """LiteLLM puts no other budget in the place of one: that one is taken away first, and stays for others."""
    link = [Call(BUDGET, {"budget_id": wanted})] if wanted else []
    return [*([Call(UNLINK, {})] if found else []), *link]


LINK = Rule(
    canonical=lambda value: value or None,
    created=lambda value: None,
    made=lambda wanted: linked(wanted, None),
    calls=linked,
    exported=lambda found: found,
    writes=(BUDGET, UNLINK),
)

MODEL_ACCESS_GROUP = Kind(
    name="model_access_group",
    plural="model_access_groups",
    identity="access_group",
    id="access_group",
    fields=(
        # LiteLLM writes the group's name into each of the models.
        Field("model_names", "list", "str", clear=NEVER, touches=True, refers="models", refers_by=MODEL_NAME),
        Field("budget_id", path=_budget("budget_id"), rule=LINK, refers="budgets"),
        Field("max_budget", "float", path=_budget("max_budget"), clear=NEVER, own_call=BUDGET),
        Field("soft_budget", "float", path=_budget("soft_budget"), clear=NEVER, own_call=BUDGET),
        duration("budget_duration", path=_budget("budget_duration"), clear=NEVER, own_call=BUDGET),
    ),
    listing=Listing("/access_group/list", envelope="access_groups"),
    create=Write("POST", "/access_group/new"),
    update=Write("PUT", "/access_group/{id}/update"),
    delete=Write("DELETE", "/access_group/{id}/delete"),
    needed=(("model_names",),),
    new_name=no_slash,
    reached_by_name=True,
    mutually_exclusive=tuple(("budget_id", name) for name in ("max_budget", "soft_budget", "budget_duration")),
)
