# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: vram_plan
short_description: Plan the GPU memory of a model under vLLM
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Says what a model takes of a GPU before anything starts. Weights, activation, CUDA graphs, KV cache, how many tokens
    and requests that holds, what the GPU really holds in the end, and whether vLLM would start at all.
  - It plans for a first start, when torch.compile's cache is cold. That is the tighter case.
  - The formulas follow vLLM's code; docs/planner.md says where each comes from and how close they are to real runs.
positional: _input
options:
  _input:
    description:
      - The model's C(config.json) as a dictionary, or the result of M(llmfleet.gateway.vllm_model_info), which brings
        the size of the weights along.
    type: dict
    required: true
  gpu_memory_gib:
    description:
      - Usable memory of one GPU in GiB, as CUDA sees it. An H100 80GB has 79.18.
    type: float
    required: true
  weight_bytes:
    description:
      - Bytes of all weights, from C(metadata.total_size) of the safetensors index. Computed from the shape when absent.
    type: int
  tensor_parallel_size:
    description: GPUs that share each layer.
    type: int
    default: 1
  pipeline_parallel_size:
    description: Stages that the layers are split into.
    type: int
    default: 1
  gpu_memory_utilization:
    description: Share of the GPU that vLLM may plan with. vLLM's default when absent.
    type: float
  max_model_len:
    description:
      - Longest request in tokens, prompt and answer together. The model's own context when absent.
      - Takes vLLM's ways of writing it too, such as V(8K), and V(auto) or V(-1) for as long as fits.
    type: str
  max_num_seqs:
    description: Requests at once. vLLM's default for a GPU of this size when absent.
    type: int
  max_num_batched_tokens:
    description: Tokens in one step. vLLM's default for a GPU of this size when absent.
    type: int
  dtype:
    description: Type of the weights and activations.
    type: str
    default: auto
  quantization:
    description:
      - vLLM's option of that name, for a checkpoint that is not quantized itself. V(fp8) is made while loading.
    type: str
  kv_cache_dtype:
    description: Type of the KV cache; V(fp8) halves it.
    type: str
    default: auto
  enable_expert_parallel:
    description: Whether each GPU has whole experts instead of a part of each.
    type: bool
    default: false
  enable_prefix_caching:
    description:
      - Whether requests share what they begin with. vLLM's default for the model when absent. Counts for models that keep states of fixed
        size, of which a request then has two instead of one.
    type: bool
  runner:
    description: V(pooling) for an embedding or a reranker, which samples nothing.
    type: str
    default: auto
  flashinfer_sampler:
    description: Whether vLLM samples with FlashInfer, as it does where it can; its environment's C(VLLM_USE_FLASHINFER_SAMPLER).
    type: bool
    default: true
  enforce_eager:
    description: Whether CUDA graphs are off.
    type: bool
    default: false
  kv_cache_memory_bytes:
    description: vLLM's option of that name, a fixed KV cache instead of a share.
    type: int
  used_gib:
    description: Memory that other processes hold on the GPU.
    type: float
    default: 0
  compile_cache:
    description: Whether torch.compile's cache is V(cold), as at a first start, or V(warm).
    type: str
    choices: [cold, warm]
    default: cold
  vllm_version:
    description:
      - Version of vLLM to plan for. The one that the roles install when absent. The formulas were measured with 0.26.0.
    type: str
seealso:
  - plugin: llmfleet.gateway.vram_share
    plugin_type: filter
  - module: llmfleet.gateway.vllm_model_info
"""

EXAMPLES = r"""
- name: Read the model's shape from the catalogue
  llmfleet.gateway.vllm_model_info:
    model: Qwen/Qwen2.5-7B-Instruct
    source: catalogue
  register: qwen

- name: Plan it on an H100
  ansible.builtin.debug:
    msg: >-
      {{ qwen | llmfleet.gateway.vram_plan(gpu_memory_gib=79.18, gpu_memory_utilization=0.9, max_model_len=8192) }}
"""

RETURN = r"""
_value:
  description:
    - The plan. Sizes are GiB on the GPU that decides; C(settings) repeats what was planned with, defaults filled in.
  type: dict
  contains:
    weights_gib:
      description: Weights on one GPU.
      type: float
      sample: 14.29
    activation_gib:
      description: Peak of the profiling run above the weights.
      type: float
      sample: 1.125
    cuda_graphs_gib:
      description: What the CUDA graphs take once captured.
      type: float
      sample: 0.74
    cuda_graphs_estimate_gib:
      description: The part of it that vLLM takes out of the KV cache beforehand.
      type: float
      sample: 0.0
    sampler_gib:
      description: State of the sampler and what its warm-up leaves, outside vLLM's own sum.
      type: float
      sample: 3.3
    non_torch_gib:
      description: Memory taken outside torch.
      type: float
      sample: 0.225
    kv_cache_gib:
      description: Room left for the KV cache; negative when there is none.
      type: float
      sample: 55.62
    kv_bytes_per_token:
      description:
        - Bytes of KV cache per token on one GPU; with sliding windows the mean over a request. States of fixed size
          (Mamba, linear attention) are not in it.
      type: int
      sample: 57344
    kv_bytes_per_request:
      description: Bytes of KV cache of one request of O(max_model_len) on one GPU, states of fixed size included.
      type: int
      sample: 1879048192
    kv_cache_tokens:
      description: Tokens that the KV cache holds, as vLLM counts them.
      type: int
      sample: 1041472
    max_concurrency:
      description: Requests of full length at once; of an encoder O(max_num_seqs), since it keeps nothing.
      type: float
      sample: 127.13
    peak_used_gib:
      description: What the GPU holds after the start, by nvidia-smi's total, the driver's reserve included.
      type: float
      sample: 75.2
    growth_gib:
      description: What requests may come to take on top of it once it serves.
      type: float
      sample: 1.1
    free_gib:
      description: What stays free then, as CUDA sees it.
      type: float
      sample: 4.4
    fits:
      description: Whether vLLM starts with these settings.
      type: bool
      sample: true
    reason:
      description: Why not, with the arithmetic; empty when it fits.
      type: str
      sample: ""
    note:
      description: What the plan relies on where the formulas do not know the model's weights; empty otherwise.
      type: str
      sample: ""
    largest_max_model_len:
      description: The longest O(max_model_len) that starts at this share.
      type: int
      sample: 32768
    smallest_gpu_memory_utilization:
      description: The least share in which one request of full length fits; none when the whole GPU is too small.
      type: float
      sample: 0.204
    largest_gpu_memory_utilization:
      description: The largest share that leaves 1 GiB really free.
      type: float
      sample: 0.943
    settings:
      description: What was planned with, defaults filled in.
      type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils._planner.model import MemoryPlanError
from ..plugin_utils._planner.options import describe, settings_from
from ..plugin_utils._planner.plan import plan
from ..plugin_utils._variables.defaults import default_vllm_version


def vram_plan(model: Any, **options: Any) -> dict[str, Any]:
    """Plan a model; see DOCUMENTATION."""
    try:
        config, weight_bytes = describe(model)
        if options.get("weight_bytes") is None:
            options["weight_bytes"] = weight_bytes
        if options.get("vllm_version") is None:
            options["vllm_version"] = default_vllm_version()
        return plan(config, settings_from(options))
    except MemoryPlanError as error:
        raise AnsibleFilterError(f"vram_plan: {error}") from error


class FilterModule:
    """The collection's memory planner."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"vram_plan": vram_plan}
