# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a host is in use by the declaration, for the module leftovers: the rest may be cleaned up. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes, switched
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import weights


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """Models of the whole declaration: one that is elsewhere now may come back here."""
    said, own = host.variables, fleet.instances_on(host.name)
    images = {str(said[row.image]) for row in SERVICES if row.image} | {one["image"] for one in own}
    return {
        "root": fleet.root,
        "models_dir": str(said["vllm_models_dir"]),
        "cache_dir": str(said["vllm_cache_dir"] or ""),
        "models": sorted(
            {name for entry in _declared(said) for name in _repositories(entry, str(said["vllm_version"]))}
        ),
        "instances": sorted(one["name"] for one in own),
        "images": sorted(images),
    }


def _declared(said: t.Mapping[str, t.Any]) -> list[t.Mapping[str, t.Any]]:
    """Also those that are off for now: a switch back is not to wait for a download."""
    return [entry for entry in (*said["llm_models"], *said.get(switched.KEPT_OFF, ())) if entry.get("model")]


def _repositories(entry: t.Mapping[str, t.Any], vllm_version: str) -> set[str]:
    """Also of what loads beside the model."""
    return {str(entry["model"]), *weights.repositories(entry, modes.options(entry, vllm_version))}
