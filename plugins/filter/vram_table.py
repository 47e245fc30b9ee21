# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vram_table
short_description: Table of models on kinds of GPU
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Plans each model alone on each kind of GPU, chooses share and context where they are absent, and writes it as lines
    of text. Under the table stands why a model does not fit, with changes that would.
  - Sizes are GiB per GPU, tokens and requests are what the KV cache holds.
positional: _input
options:
  _input:
    description:
      - The models, each with C(name), C(model) (its C(config.json) or the result of
        M(llmfleet.gateway.vllm_model_info)) and any option of P(llmfleet.gateway.vram_plan#filter).
      - Entries as in C(llm_models) are taken too, with a repository or a path for C(model) and options in C(engine_args).
    type: list
    elements: dict
    required: true
  gpus:
    description: Usable memory in GiB of each kind of GPU, by its name.
    type: dict
    required: true
  info:
    description:
      - Results of M(llmfleet.gateway.vllm_model_info) in a loop over entries of C(llm_models) whose
        model is not in the catalogue.
    type: list
    elements: dict
    default: []
  vllm_version:
    description: Version of vLLM to plan for. The one that the roles install when absent.
    type: str
seealso:
  - plugin: llmfleet.gateway.vram_share
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Show what fits where
  ansible.builtin.debug:
    msg: "{{ [{'name': 'qwen', 'model': qwen_info}] | llmfleet.gateway.vram_table(gpus={'H100': 79.18, 'L4': 22.0}) }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._fleet.gpu_memory import GpuMemory
from ..plugin_utils._planner.model import MemoryPlanError
from ..plugin_utils._planner.needs import Instance
from ..plugin_utils._planner.options import instance_from
from ..plugin_utils._planner.table import table
from ..plugin_utils._variables.defaults import default_vllm_version


def vram_table(
    models: Sequence[Mapping[str, Any]],
    gpus: Mapping[str, Any],
    info: Sequence[Mapping[str, Any]] = (),
    vllm_version: str | None = None,
) -> list[str]:
    """Lines of the table; see DOCUMENTATION."""
    try:
        sizes = {str(name): float(memory) for name, memory in gpus.items()}
        if not sizes:
            raise MemoryPlanError("there is no GPU to plan for.")
        found = {result["item"]["model"]: result for result in info if result.get("config")}
        version = str(vllm_version or default_vllm_version())
        chosen = [
            _declared(model, found, version) if _is_entry(model) else _described(model, sizes, version)
            for model in models
        ]
        notes = [note for _instance, note in chosen if note]
        return table([instance for instance, _note in chosen if instance], sizes) + notes
    except (MemoryPlanError, ValueError) as error:
        raise AnsibleFilterError(f"vram_table: {error}") from error


def _is_entry(model: Mapping[str, Any]) -> bool:
    return isinstance(model.get("model"), str)


def _described(model: Mapping[str, Any], sizes: Mapping[str, float], version: str) -> tuple[Instance | None, str]:
    return instance_from(model, min(sizes.values()), version), ""


def _declared(entry: Mapping[str, Any], found: Mapping[str, Any], version: str) -> tuple[Instance | None, str]:
    """An entry of llm_models."""
    if not entry.get("name"):
        raise MemoryPlanError("each model needs name and model.")
    share = entry.get("gpu_memory_utilization")
    instance, note = GpuMemory(found).instance(dict(entry), 0, share, version)
    return instance, f"{entry['name']}: {note}" if note else ""


class FilterModule:
    """The planner's table."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"vram_table": vram_table}
