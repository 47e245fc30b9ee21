# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Budgets over models that cost nothing, which limit nothing: said aloud, never refused. Used by check.py."""

from __future__ import annotations

import math
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import prices

#: What an object may use that names these, or nothing.
ALL_MODELS = frozenset({"all-proxy-models", "all-team-models", "*"})
BUDGET = "max_budget"
#: Kinds and objects that a line names.
NAMED = 4


def budget_warnings(models: t.Any, gpu_hour: t.Any, state: t.Any) -> list[str]:
    """One line for all of llm_state. Takes the variables as they are said; what is wrong with them has its own line."""
    entries = [one for one in models or () if _readable(one)] if isinstance(models, list) else []
    hour = float(gpu_hour) if isinstance(gpu_hour, (int, float)) and math.isfinite(gpu_hour) else 0.0
    free = [entry for entry in entries if prices.price(entry, hour) is None]
    names = {name: entry["name"] for entry in free for name in (entry["name"], *_texts(entry.get("aliases")))}
    found = list(_budgets(state, names)) if names else []
    if not found:
        return []
    touched = [entry["name"] for entry in free if any(entry["name"] in reached for _object, reached in found)]
    objects = [name for name, _reached in found]
    rest = f" and {len(objects) - NAMED} more" if len(objects) > NAMED else ""
    verbs = ("has", "it answers") if len(touched) == 1 else ("have", "they answer")
    return [
        f"llm_models: {', '.join(touched)} {verbs[0]} no price, so what {verbs[1]} counts"
        f" nothing against the budgets of llm_state ({', '.join(objects[:NAMED])}{rest}); give them price, or"
        " tokens_per_second and llm_gpu_hour_price"
    ]


def _readable(entry: t.Any) -> bool:
    return isinstance(entry, dict) and isinstance(entry.get("name"), str) and not prices.faults(entry)


def _texts(value: t.Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _budgets(state: t.Any, names: t.Mapping[str, str]) -> t.Iterator[tuple[str, set[str]]]:
    """Objects with a budget, and which of the free models they may use."""
    for kind, objects in state.items() if isinstance(state, dict) else ():
        for index, one in enumerate(objects if isinstance(objects, list) else ()):
            if not isinstance(one, dict) or not _limits(one.get(BUDGET)):
                continue
            allowed = set(_texts(one.get("models")))
            reached = (
                set(names.values()) if not allowed or allowed & ALL_MODELS else {names[n] for n in allowed & set(names)}
            )
            if reached:
                yield f"{kind}[{index}]", reached


def _limits(budget: t.Any) -> bool:
    return isinstance(budget, (int, float)) and not isinstance(budget, bool)
