# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of the API and the ways between them: aliases that clash, fallbacks that lead nowhere. Used by check.py."""

from __future__ import annotations

import fnmatch
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import shown
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.routing import PREFERENCES

Entry = t.Mapping[str, t.Any]
#: What clients may have called a model before: anything of one line but a pattern. Only LiteLLM reads it.
_FORMER_NAME = re.compile(r"[^\s*](?:[^\x00-\x1f\x7f*]{0,126}[^\s*])?")
#: Settings of the router that are made from entries, and what of an entry they are made from.
_MADE = {"model_group_alias": "aliases", "fallbacks": "fallbacks", "default_fallbacks": "llm_default_fallbacks"}


class Routed(t.NamedTuple):
    """An entry with the words that name it in a message."""

    where: str
    entry: Entry
    local: bool


def routing_faults(models: t.Any, external: t.Any, default: t.Any, state: t.Any, router: t.Any) -> list[str]:
    """*router* is what litellm_router_settings says."""
    entries = [*_entries("llm_models", models, True), *_entries("llm_external_models", external, False)]
    listed = state.get("models") if isinstance(state, dict) else None
    others = (
        [one.get("model_name") for one in listed or () if isinstance(one, dict)] if isinstance(listed, list) else []
    )
    found = [*_alias_faults(entries, {name for name in others if isinstance(name, str)})]
    known = {one.entry["name"] for one in entries} | {name for name in others if isinstance(name, str)}
    known |= {alias for one in entries for alias in _texts(one.entry.get("aliases"))}
    for one in entries:
        found += [f"{one.where}: {text}" for text in _fallback_faults(one, known)]
    found += [f"llm_default_fallbacks {_leads_nowhere(name, known)}" for name in _texts(default) if _lost(name, known)]
    return found + _preference_faults(entries) + _twice_said(entries, default, router)


def _entries(variable: str, listed: t.Any, local: bool) -> t.Iterator[Routed]:
    for index, entry in enumerate(listed if isinstance(listed, list) else ()):
        if isinstance(entry, dict) and isinstance(entry.get("name"), str):
            yield Routed(f"{variable}[{index}] ({entry['name']})", entry, local)


def _texts(value: t.Any) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _listed(one: Routed, key: str) -> t.Any:
    """What should be a list; where a local model has something else, models.py says so."""
    value = one.entry.get(key)
    return None if one.local and not isinstance(value, list) else value


# ---- aliases


def _alias_faults(entries: t.Sequence[Routed], others: t.Collection[str]) -> t.Iterator[str]:
    own = {one.entry["name"]: one.where for one in entries}
    taken: dict[str, str] = {}
    for one in entries:
        if (wrong := _not_names(_listed(one, "aliases"))) is not None:
            yield f"{one.where}: aliases must be a list of former names of the model, not {shown(str(wrong))}"
        for alias in _texts(one.entry.get("aliases")):
            clash = own.get(alias) or taken.get(alias) or ("a model of llm_state" if alias in others else "")
            if clash:
                yield f"{one.where}: the alias {shown(alias)} is also a name of {clash}; take it out of one of them"
            taken.setdefault(alias, one.where)


def _not_names(value: t.Any) -> t.Any:
    """What of a list of names is none; nothing where all are, or where there is no list."""
    if value is None:
        return None
    if not isinstance(value, list):
        return value
    return next((one for one in value if not isinstance(one, str) or not _FORMER_NAME.fullmatch(one)), None)


# ---- fallbacks


def _fallback_faults(one: Routed, known: t.Collection[str]) -> t.Iterator[str]:
    entry, listed = one.entry, _listed(one, "fallbacks")
    if listed is not None and (not isinstance(listed, list) or len(_texts(listed)) != len(listed)):
        yield "fallbacks must be a list of names of models"
    for name in _texts(listed):
        if name == entry["name"] or name in _texts(entry.get("aliases")):
            yield f"fallbacks names {shown(name)}, which is the model itself; write another model's name"
        elif _lost(name, known):
            yield f"fallbacks {_leads_nowhere(name, known)}"


def _lost(name: str, known: t.Collection[str]) -> bool:
    """A provider's name may have a wildcard."""
    return not any(fnmatch.fnmatchcase(name, one) for one in known)


def _leads_nowhere(name: str, known: t.Collection[str]) -> str:
    close = names.suggestion(name, known) or "; write a name of llm_models or llm_external_models"
    return f"names {shown(name)}, which is no model{close}"


# ---- one name, several deployments


def _preference_faults(entries: t.Sequence[Routed]) -> list[str]:
    """LiteLLM leaves out a deployment without an order or a weight, where another of the same name has one."""
    found = []
    for name in PREFERENCES:
        having = {one.entry["name"] for one in entries if _said(one, name) is not None}
        for one in entries:
            value = _said(one, name)
            if value is None and not one.local and one.entry["name"] in having:
                found.append(
                    f"{one.where}: litellm_params.{name} is missing, but another deployment of {one.entry['name']} has one,"
                    f" so that this one would never be used; write a number"
                )
            elif value is not None and not _number(value, name) and not _told_by_type(one, value):
                at = name if one.local else f"litellm_params.{name}"
                what = "a whole number from 1" if name == "order" else "a number above 0"
                found.append(f"{one.where}: {at} must be {what}, not {shown(str(value))}")
    return found


def _said(one: Routed, name: str) -> t.Any:
    params = one.entry if one.local else one.entry.get("litellm_params")
    return params.get(name) if isinstance(params, dict) else None


def _told_by_type(one: Routed, value: t.Any) -> bool:
    """Of a model that is served here, models.py tells what is no number at all."""
    return one.local and (isinstance(value, bool) or not isinstance(value, (int, float)))


def _number(value: t.Any, name: str) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int,) if name == "order" else (int, float)):
        return False
    return value >= 1 if name == "order" else 0 < value < float("inf")


def _twice_said(entries: t.Sequence[Routed], default: t.Any, router: t.Any) -> list[str]:
    """What stands in litellm_router_settings replaces what is made from the entries."""
    found = []
    for setting, source in _MADE.items() if isinstance(router, dict) else ():
        made = bool(default) if source.startswith("llm_") else any(one.entry.get(source) for one in entries)
        if made and setting in router:
            found.append(
                f"litellm_router_settings.{setting} would replace what {source} says; write all of it as {source}"
            )
    return found
