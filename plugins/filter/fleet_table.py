# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_table
short_description: Table of the plan of the fleet
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Writes the plan of the fleet as lines of text, one an instance. Under the table stands why an instance is not planned.
  - Sizes are GiB of each of its GPUs. C(peak) is what the GPU holds after the instance's start, that of those before it on
    the same GPU included, and C(free) what is left then. Tokens and requests of full length are what its KV cache holds.
positional: _input
options:
  _input:
    description: Instances as P(llmfleet.gateway.fleet_plan#filter) returns them.
    type: list
    elements: dict
    required: true
seealso:
  - plugin: llmfleet.gateway.fleet_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show which model runs where, and what it takes
  ansible.builtin.debug:
    msg: "{{ llm_models | llmfleet.gateway.fleet_plan(hostvars, groups) | llmfleet.gateway.fleet_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

import typing as t

from ..plugin_utils._planner.table import aligned

HEADINGS = ("server", "gpu", "instance", "model", "share", "context", "tokens", "requests", "peak", "free")


def fleet_table(instances: list[dict[str, t.Any]]) -> list[str]:
    """Lines of the table; see DOCUMENTATION."""
    rows: list[tuple[str, ...]] = [HEADINGS, *(_row(instance) for instance in instances)]
    notes = [f"{one['name']} on {one['server']} is not planned: {one['note']}" for one in instances if one["note"]]
    return aligned(rows) + notes


def _row(instance: dict[str, t.Any]) -> tuple[str, ...]:
    gpus = ",".join(str(gpu) for gpu in instance["gpus"]) or "cpu"
    head = (instance["server"], gpus, instance["name"], instance["model"])
    plan, options = instance["plan"], instance["options"]
    if not plan:
        return (
            *head,
            str(options.get("gpu-memory-utilization", "-")),
            str(options.get("max-model-len", "-")),
            *["-"] * 4,
        )
    return (
        *head,
        f"{plan['gpu_memory_utilization']:.3f}",
        str(plan["max_model_len"]),
        str(plan["kv_cache_tokens"]),
        f"{plan['max_concurrency']:.1f}",
        f"{plan['peak_used_gib']:.1f}",
        f"{plan['free_gib']:.1f}",
    )


class FilterModule:
    """The plan of the fleet, to read."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        """Names and functions of the filters here."""
        return {"fleet_table": fleet_table}
