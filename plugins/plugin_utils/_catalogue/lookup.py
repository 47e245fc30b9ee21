# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model of the catalogue, and what the planner makes of a description from anywhere."""

from __future__ import annotations

from typing import Any

from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import ModelInfoError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.choice import recommend
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.reader import read_model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.weights import checkpoint_bytes

from .data import CATALOGUE
from .serving import data, serving


def catalogue_key(model: str) -> str | None:
    """The catalogue's own spelling of a repository, found without regard to case."""
    wanted = model.strip("/").lower()
    for name in CATALOGUE:
        if wanted in {name.lower(), name.lower().rpartition("/")[2]}:
            return name
    return None


def from_catalogue(model: str) -> dict[str, Any]:
    """A model that the collection knows without a network."""
    key = catalogue_key(model)
    if key is None:
        names = ", ".join(sorted(CATALOGUE))
        raise ModelInfoError("unknown", f"The catalogue does not have {model}. It has {names}.")
    entry = CATALOGUE[key]
    size = checkpoint_bytes(read_model(entry["config"]))
    return {
        "source": "catalogue",
        "repository": key,
        "revision": None,
        "config": entry["config"],
        "weight_bytes": size,
        "gated": entry["gated"],
        "license": entry["license"],
    }


def complete(found: dict[str, Any], vllm_version: str) -> dict[str, Any]:
    """Add what the planner makes of it: size on disk, purpose, and settings for each class of GPU."""
    size = found["weight_bytes"]
    found = {**found, "weight_bytes": size if isinstance(size, int) and size > 1 else None}
    key = catalogue_key(found["repository"]) if found.get("repository") else None
    entry = CATALOGUE[key] if key else {}
    try:
        recommended, unplanned = recommend(found["config"], vllm_version, found["weight_bytes"]), ""
        size = found["weight_bytes"] or checkpoint_bytes(read_model(found["config"]))
    except MemoryPlanError as error:
        recommended, unplanned, size = {}, str(error), found["weight_bytes"]
    return {
        **found,
        "disk_gb": round(size / 1e9, 2) if size else None,
        "purpose": entry.get("purpose"),
        "serving": serving(found.get("repository") or ""),
        "recommended": recommended,
        "planner_note": unplanned,
    }


def catalogue_listing(vllm_version: str) -> list[dict[str, Any]]:
    """Every model of the catalogue, complete; of some it is only known how they are served."""
    shaped = [complete(from_catalogue(name), vllm_version) for name in CATALOGUE]
    others = [name for name in data()["rows"] if name not in CATALOGUE]
    return shaped + [{"source": "catalogue", "repository": name, "serving": serving(name)} for name in others]
