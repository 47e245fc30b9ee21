# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vllm_figures
short_description: What a started vLLM says of its memory
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Reads weights, KV cache, tokens and concurrency of the last start out of vLLM's log, or its KV cache out of its
    metrics page, and compares them with a plan.
positional: _input
options:
  _input:
    description: The log of the engine, or the text of its C(/metrics) page.
    type: str
    required: true
  plan:
    description: The result of P(llmfleet.gateway.vram_plan#filter) for the same engine.
    type: dict
seealso:
  - plugin: llmfleet.gateway.vram_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compare the plan with what vLLM found
  ansible.builtin.debug:
    msg: "{{ vllm_log.stdout | llmfleet.gateway.vllm_figures(plan=planned) }}"
"""

RETURN = r"""
_value:
  description: The figures, and how far the plan was off.
  type: dict
  contains:
    real:
      description: What vLLM says, by the names of the plan; C(refusal) where it refused to start.
      type: dict
    figures:
      description: Of each figure that both have, C(predicted), C(real) and C(error_percent).
      type: dict
    warnings:
      description: A line for each figure that is more than 5 % off.
      type: list
      elements: str
    parallel_limit:
      description: How many requests of full length the engine holds, for the limit of LiteLLM's deployment.
      type: int
"""

from collections.abc import Callable, Mapping
from typing import Any

from ..module_utils._engine_log import compare, parallel_limit, read_log, read_metrics


def vllm_figures(text: str, plan: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Figures of a running engine; see DOCUMENTATION."""
    real = read_log(text) or read_metrics(text)
    sequences = ((plan or {}).get("settings") or {}).get("max_num_seqs")
    return {"real": real, **compare(plan or {}, real), "parallel_limit": parallel_limit(real, sequences)}


class FilterModule:
    """Figures of a running engine."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"vllm_figures": vllm_figures}
