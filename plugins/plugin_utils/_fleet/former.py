# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model that is called otherwise now and keeps its former name as an alias: who answers to that while LiteLLM still asks for it. Pure.

LiteLLM changes after the instances, and gates can't change the name in a request. So the new instances know the former name as
well, and keep it in the reading: to take it from them would be to start them anew. An alias of a model that was never called so is
LiteLLM's alone. compute.py, rolls.py and views/gate.py use it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import keeping

PART = "former"
Instances = t.Iterable[t.Mapping[str, t.Any]]
Names = dict[str, list[str]]


def names(models: t.Sequence[t.Mapping[str, t.Any]], reading: t.Mapping[str, t.Any]) -> Names:
    """By model, what its instances answer to beside its name."""
    declared = {entry["name"] for entry in models}
    ran = {unit.model for unit in keeping.units(reading.get("places"))} - declared
    found = {}
    for entry in models:
        came = [alias for alias in entry.get("aliases") or () if alias in ran]
        if both := list(dict.fromkeys([*kept(reading).get(entry["name"], []), *came])):
            found[entry["name"]] = both
    return found


def kept(reading: t.Mapping[str, t.Any]) -> Names:
    """Of the last good reading; what is damaged is none."""
    found = reading.get(PART)
    listed = found if isinstance(found, dict) else {}
    return {name: [str(one) for one in own] for name, own in listed.items() if isinstance(own, list)}


def models_of(models: t.Sequence[t.Mapping[str, t.Any]], former: Names) -> dict[str, str]:
    """Name to model that goes on, by its name or by one of before."""
    before = {old: name for name, listed in former.items() for old in listed}
    return {**before, **{entry["name"]: entry["name"] for entry in models}}


def backends(instances: Instances, leaving: Instances) -> dict[str, str]:
    """Backends of the gate that have a former name, with the model that answers there, while something of it has yet to leave."""
    own = {one["gate"]["backend"] for one in instances if one.get("gate")}
    found = {one["gate"]["backend"]: one["model_name"] for one in leaving if one.get("gate")}
    return {backend: name for backend, name in found.items() if backend not in own}
