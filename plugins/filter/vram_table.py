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
    type: list
    elements: dict
    required: true
  gpus:
    description: Usable memory in GiB of each kind of GPU, by its name.
    type: dict
    required: true
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

from ..module_utils._planner.advise import table
from ..module_utils._planner.model import PlanError
from ..module_utils._planner.options import instance_from


def vram_table(models: Sequence[Mapping[str, Any]], gpus: Mapping[str, Any]) -> list[str]:
    """Lines of the table; see DOCUMENTATION."""
    try:
        sizes = {str(name): float(memory) for name, memory in gpus.items()}
        if not sizes:
            raise PlanError("there is no GPU to plan for.")
        return table([instance_from(model, min(sizes.values())) for model in models], sizes)
    except (PlanError, ValueError) as error:
        raise AnsibleFilterError(f"vram_table: {error}") from error


class FilterModule:
    """The planner's table."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"vram_table": vram_table}
