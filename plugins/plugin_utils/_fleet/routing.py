# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How LiteLLM comes from a name to a deployment: former names, fallbacks, one name here and at a provider. Pure.

views/litellm.py prints it, declaration/routing.py checks what it is made from.
"""

from __future__ import annotations

import typing as t

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Entry = t.Mapping[str, t.Any]
Models = t.Sequence[Entry]

#: What LiteLLM chooses between the deployments of one name by. Without one of them where others have it, a deployment gets nothing.
PREFERENCES = ("order", "weight")
#: Of a model that is served here and does not say its own.
LOCAL_PREFERENCE = 1
#: Keys of an entry of llm_external_models that are no part of its deployment.
KEYS = ("aliases", "fallbacks")


def settings(name: str, fleet: Fleet) -> dict[str, t.Any]:
    """A part of config.yaml, by its name."""
    models, external = fleet.variable("llm_models"), fleet.external_models
    router = router_settings(models, external, fleet.variable("llm_default_fallbacks"))
    return {"router_settings": router, "general_settings": general_settings(router)}.get(name, {})


def preferred(deployment: dict[str, t.Any], fleet: Fleet) -> dict[str, t.Any]:
    """One of a model that is served here, with its order and weight."""
    name = deployment["model_name"]
    entry = next((one for one in fleet.variable("llm_models") if one["name"] == name), {"name": name})
    params = {**deployment["litellm_params"], **preference(entry, fleet.external_models)}
    return {**deployment, "litellm_params": params}


def aliases(models: Models, external: Models) -> dict[str, str]:
    """Former name to name."""
    return {alias: one["name"] for one in (*models, *external) for alias in one.get("aliases") or ()}


def fallbacks(models: Models, external: Models) -> list[dict[str, list[str]]]:
    """As LiteLLM takes them. It looks them up by the name of the request, so former names have them too."""
    found: dict[str, list[str]] = {}
    for one in (*models, *external):
        if one.get("fallbacks"):
            found[one["name"]] = list(dict.fromkeys([*found.get(one["name"], []), *one["fallbacks"]]))
    former = {alias: found[name] for alias, name in aliases(models, external).items() if name in found}
    return [{name: targets} for name, targets in {**found, **former}.items()]


def router_settings(models: Models, external: Models, default: t.Sequence[str]) -> dict[str, t.Any]:
    """Of config.yaml; a request for a former name is allowed to a key that may use either name."""
    found: dict[str, t.Any] = {}
    if former := aliases(models, external):
        found["model_group_alias"] = former
    if listed := fallbacks(models, external):
        found["fallbacks"] = listed
    if default:
        found["default_fallbacks"] = list(default)
    return found


def general_settings(router: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """A key that may use a model here only sends nothing to a provider because the model is away."""
    falls_back = "fallbacks" in router or "default_fallbacks" in router
    return {"enforce_fallback_model_access": True} if falls_back else {}


def preference(entry: Entry, external: Models) -> dict[str, t.Any]:
    """Order and weight of a model that is served here, where it shares its name with a provider's that have them."""
    beside = [one["litellm_params"] for one in external if one["name"] == entry["name"]]
    found = {}
    for name in PREFERENCES:
        if entry.get(name) is not None:
            found[name] = entry[name]
        elif any(params.get(name) is not None for params in beside):
            found[name] = LOCAL_PREFERENCE
    return found
