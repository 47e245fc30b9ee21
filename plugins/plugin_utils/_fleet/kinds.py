# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each model alone on each kind of GPU, without any server, as lines of text. Pure. For the playbook plan."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.gpu_memory import GpuMemory
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.lookups import description
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import model_errors
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import FleetError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.table import table


def lines(models: t.Any, gpus: t.Any, found: t.Mapping[str, t.Any], version: str) -> list[str]:
    """The table; FleetError with what is wrong with the entries or the sizes."""
    if not models or not isinstance(models, list):
        raise FleetError("Nothing to plan: give llm_models at least one entry")
    faults = [fault for index, entry in enumerate(models) for fault in model_errors(entry, index, version, True, {})]
    if faults:
        raise FleetError("\n".join(faults))
    try:
        sizes = {str(name): float(memory) for name, memory in gpus.items()}
        memory = GpuMemory(found)
        chosen = [
            memory.instance(one, index, one.get("gpu_memory_utilization"), version) for index, one in enumerate(models)
        ]
        notes = [_note(entry, note, found) for entry, (_instance, note) in zip(models, chosen) if note]
        return table([instance for instance, _note in chosen if instance], sizes) + notes
    except (AttributeError, TypeError, ValueError, MemoryPlanError) as error:
        raise FleetError(
            f'llm_plan_gpus must be usable GiB by name of a GPU, such as {{"RTX 4090": 23.55}} ({error})'
        ) from error


def _note(entry: t.Mapping[str, t.Any], note: str, found: t.Mapping[str, t.Any]) -> str:
    """With what the hub said instead of an answer."""
    why = description(entry, found).get("error")
    return f"{entry['name']}: {note}" + (f" ({why})" if why else "")
