# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of a host is in use by the declaration, for the module leftovers: the rest may be cleaned up. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import SERVICES
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """Models of the whole declaration: one that is elsewhere now may come back here."""
    said, own = host.variables, fleet.instances_on(host.name)
    images = {str(said[row.image]) for row in SERVICES if row.image} | {one["image"] for one in own}
    return {
        "root": fleet.root,
        "models_dir": str(said["vllm_models_dir"]),
        "cache_dir": str(said["vllm_cache_dir"] or ""),
        "models": sorted({str(entry["model"]) for entry in said["llm_models"] if entry.get("model")}),
        "instances": sorted(one["name"] for one in own),
        "images": sorted(images),
    }
