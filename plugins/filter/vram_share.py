# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vram_share
short_description: EngineSettings of models that share one GPU
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Chooses O(_input[].gpu_memory_utilization) and O(_input[].max_model_len) of each model where they are absent. All of
    them then start one after the other, and 1 GiB of the GPU stays really free.
  - A list of one model is that model with the GPU to itself.
  - Fails with the arithmetic and with changes that would fit, when they do not.
positional: _input
options:
  _input:
    description: The models on this GPU, in the order in which they start.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: The model's name in messages.
        type: str
        required: true
      model:
        description: Its C(config.json), or the result of M(llmfleet.gateway.vllm_model_info).
        type: dict
        required: true
      gpu_memory_utilization:
        description: Its share, where it is fixed.
        type: float
      max_model_len:
        description: Its longest request, where it is fixed.
        type: int
  gpu_memory_gib:
    description: Usable memory of the GPU in GiB, as CUDA sees it.
    type: float
    required: true
notes:
  - Each model may carry the other options of P(llmfleet.gateway.vram_plan#filter) too.
seealso:
  - plugin: llmfleet.gateway.vram_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Put two models on one H100
  ansible.builtin.debug:
    msg: "{{ models | llmfleet.gateway.vram_share(gpu_memory_gib=79.18) }}"
  vars:
    models:
      - {name: small, model: "{{ small_info }}", max_model_len: 8192}
      - {name: large, model: "{{ large_info }}"}
"""

RETURN = r"""
_value:
  description: One plan of P(llmfleet.gateway.vram_plan#filter) per model, with its C(name).
  type: list
  elements: dict
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._planner.choice import choose
from ..plugin_utils._planner.model import MemoryPlanError
from ..plugin_utils._planner.needs import Instance
from ..plugin_utils._planner.options import instance_from
from ..plugin_utils._planner.remedies import explain
from ..plugin_utils._planner.sharing import share_gpu
from ..plugin_utils._variables.defaults import default_vllm_version


def vram_share(models: Sequence[Mapping[str, Any]], gpu_memory_gib: Any) -> list[dict[str, Any]]:
    """EngineSettings of the models on one GPU; see DOCUMENTATION."""
    try:
        instances = [instance_from(model, gpu_memory_gib, default_vllm_version()) for model in models]
        if len(instances) == 1:
            return [_alone(instances[0])]
        return share_gpu(instances, float(gpu_memory_gib))
    except MemoryPlanError as error:
        raise AnsibleFilterError(f"vram_share: {error}") from error


def _alone(instance: Instance) -> dict[str, Any]:
    result = choose(instance.config, instance.settings)
    if not result["fits"]:
        raise MemoryPlanError(explain(instance.name, instance.config, instance.settings))
    return {"name": instance.name, **result}


class FilterModule:
    """Models that share a GPU."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"vram_share": vram_share}
