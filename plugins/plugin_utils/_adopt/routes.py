# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Former names and fallbacks of config.yaml as the entries of models have them. Pure; translate.py uses it."""

from __future__ import annotations

import fnmatch
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import Proxy

Entry = dict[str, t.Any]


def route(proxy: Proxy, entries: list[Entry], notes: Notes) -> list[str]:
    """Adds aliases and fallbacks to the entries; returns llm_default_fallbacks."""
    by_name: dict[str, Entry] = {}
    for entry in entries:
        by_name.setdefault(entry["name"], entry)
    _aliases(proxy, by_name, notes)
    default: list[str] = []
    for section in ("router_settings", "litellm_settings"):
        said = proxy.section(section)
        for place, one in enumerate(_listed(said.get("fallbacks"))):
            where = proxy.config.where(section, "fallbacks", place)
            for name, targets in one.items() if isinstance(one, dict) else ():
                _fallback(where, str(name), _listed(targets), by_name, default, notes)
        default += _known(
            proxy.config.where(section, "default_fallbacks"), _listed(said.get("default_fallbacks")), by_name, notes
        )
        for key in ("context_window_fallbacks", "content_policy_fallbacks"):
            for place, one in enumerate(_listed(said.get(key))):
                where = proxy.config.where(section, key, place)
                for name, targets in one.items() if isinstance(one, dict) else ():
                    _known(where, [str(name), *_listed(targets)], by_name, notes)
    if default or any(entry.get("fallbacks") for entry in entries):
        notes.change(
            proxy.config.where("router_settings", "fallbacks"),
            "a key falls back only to models that it may use (enforce_fallback_model_access)",
        )
    return list(dict.fromkeys(default))


def _listed(value: t.Any) -> list[t.Any]:
    return value if isinstance(value, list) else []


def _aliases(proxy: Proxy, by_name: dict[str, Entry], notes: Notes) -> None:
    said = proxy.section("router_settings").get("model_group_alias")
    for alias, target in said.items() if isinstance(said, dict) else ():
        where = proxy.config.where("router_settings", "model_group_alias", alias)
        if isinstance(target, dict):
            if target.get("hidden"):
                notes.change(
                    where, "was hidden in the list of models and is none of it now either, as every former name"
                )
            target = target.get("model")
        entry = by_name.get(str(target))
        if not entry:
            notes.leave(where, "leads to a model that is not taken over")
        elif alias not in by_name and alias not in entry.get("aliases", []):
            entry.setdefault("aliases", []).append(str(alias))


def _fallback(
    where: str, name: str, targets: list[t.Any], by_name: dict[str, Entry], default: list[str], notes: Notes
) -> None:
    known = _known(where, targets, by_name, notes)
    aliased = next((one for one in by_name.values() if name in one.get("aliases", [])), None)
    entry = by_name.get(name) or aliased
    if name == "*":
        default += known
    elif not entry:
        covered = any(fnmatch.fnmatchcase(name, one) for one in by_name)
        how = (
            "has no entry of its own: declare it in llm_external_models, with fallbacks"
            if covered
            else "is not taken over"
        )
        notes.leave(where, f"is for {name}, which {how}")
    elif known:
        kept = [one for one in known if one != entry["name"]]
        entry["fallbacks"] = list(dict.fromkeys([*entry.get("fallbacks", []), *kept]))


def _known(where: str, targets: list[t.Any], by_name: dict[str, Entry], notes: Notes) -> list[str]:
    """Those that the fleet has; fallbacks with parameters of their own are none."""
    names = [*by_name, *(alias for one in by_name.values() for alias in one.get("aliases", []))]
    found = [one for one in targets if isinstance(one, str) and any(fnmatch.fnmatchcase(one, name) for name in names)]
    for one in targets:
        if one not in found:
            notes.leave(
                where, f"names {one if isinstance(one, str) else 'a model with parameters'}, which is not taken over"
            )
    return found
