# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models that are declared and not served (llm_models_off): GPUs can have one of several at a time. Pure; the action plugin fleet takes
them out of the variables, so that nothing else knows of them.
"""

from __future__ import annotations

import json
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import FleetError

#: Under this name a host's variables have the entries that are off; no variable of the inventory.
KEPT_OFF = "off"
HEAD = "---\n# Models that are not served, written by the playbook switch_model.\n"
Variables = t.Mapping[str, t.Any]


def faults(variables: Variables) -> list[str]:
    known = [str(entry.get("name")) for entry in variables.get("llm_models") or () if isinstance(entry, dict)]
    unknown = [name for name in variables.get("llm_models_off") or () if name not in known]
    if not unknown:
        return []
    return [f"llm_models_off names {', '.join(unknown)}, which llm_models lacks: write some of {', '.join(known)}"]


def served(variables: Variables) -> dict[str, t.Any]:
    """A fallback that is not served is none."""
    off = set(variables.get("llm_models_off") or ())
    if not off:
        return dict(variables)
    models = [_without(entry, off) for entry in variables["llm_models"] if entry["name"] not in off]
    external = [_without(entry, off) for entry in variables["llm_external_models"]]
    fallbacks = [name for name in variables["llm_default_fallbacks"] if name not in off]
    kept = [entry for entry in variables["llm_models"] if entry["name"] in off]
    of_models = {"llm_models": models, "llm_external_models": external, "llm_default_fallbacks": fallbacks}
    return {**variables, **of_models, KEPT_OFF: kept}


def _without(entry: Variables, off: t.Container[str]) -> dict[str, t.Any]:
    if not isinstance(entry.get("fallbacks"), list):
        return dict(entry)
    return {**entry, "fallbacks": [name for name in entry["fallbacks"] if name not in off]}


def switch(variables: Variables, leaves: str, comes: str) -> dict[str, t.Any]:
    """What is off once one has come and the other has left, in the order of the declaration. FleetError with names of no model."""
    names = [entry["name"] for entry in variables["llm_models"]]
    unknown = [name for name in (leaves, comes) if name and name not in names]
    if unknown or not (leaves or comes):
        what = f"{', '.join(unknown)} is no model of llm_models" if unknown else "No model is named"
        raise FleetError(
            f"{what}\nWrite -e from_model=MODEL, -e to_model=MODEL or both, each one of: {', '.join(names)}"
        )
    before = list(variables.get("llm_models_off") or ())
    off = ({*before} | {leaves}) - {comes, ""}
    after = [name for name in names if name in off]
    return {
        "before": before,
        "off": after,
        "will": [f"Serve {name}" for name in before if name not in after]
        + [f"Serve {name} no more" for name in after if name not in before],
        "destroys": [f"Requests for {name} are refused from then on" for name in after if name not in before],
        "text": HEAD + f"llm_models_off: {json.dumps(after)}\n",
    }
