#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vllm_model_info
short_description: Shape, size and licence gate of a language model
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Reads a model's C(config.json) and the size of its weights from a Hugging Face repository, from a directory, or from
    the catalogue that comes with the collection. The last two need no network.
  - What it returns can be piped into P(llmfleet.gateway.vram_plan#filter).
  - Directories are read on the task's host; the catalogue and the hub are asked from the controller.
  - Where a repository is closed, it tells a missing token from a licence that is not accepted yet, and says what to do.
options:
  model:
    description:
      - A Hugging Face repository such as V(Qwen/Qwen2.5-7B-Instruct), or a directory on the task's host.
      - Without it, the module lists the whole catalogue.
    type: str
  revision:
    description: Branch, tag or commit of the repository.
    type: str
    default: main
  source:
    description:
      - V(auto) takes a directory where O(model) is an absolute path, else the catalogue for a model that it has, else
        the repository. With a O(revision) other than V(main), it asks the repository.
    type: str
    choices: [auto, catalogue, hub, path]
    default: auto
  token:
    description:
      - Token for gated and private repositories. The environment variable E(HF_TOKEN) is used when absent.
    type: str
  endpoint:
    description:
      - The hub, or a mirror of it. The environment variable E(HF_ENDPOINT) is used when absent, then
        V(https://huggingface.co).
    type: str
  cache_dir:
    description: Where descriptions from a hub are kept. Those of a full commit are never asked for again.
    type: path
    default: ~/.cache/llmfleet/models
  refresh:
    description:
      - Ask the hub even where the cache has an answer, and fail where the hub can't give it.
      - Without it, a branch or tag is asked again on every run too; when the hub does not answer then, for whatever
        reason, the cached answer serves.
    type: bool
    default: false
  timeout:
    description: Seconds to wait for each answer of the hub.
    type: int
    default: 30
  validate_certs:
    description: Whether to check the hub's certificate.
    type: bool
    default: true
attributes:
  check_mode:
    description: Runs the same in check mode, and changes nothing but its cache.
    support: full
  diff_mode:
    description: Changes nothing that could be shown.
    support: none
  idempotent:
    description: The same call returns the same, as long as the repository does not change.
    support: full
seealso:
  - plugin: llmfleet.gateway.vram_plan
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Know a model without a network
  llmfleet.gateway.vllm_model_info:
    model: Qwen/Qwen2.5-7B-Instruct
    source: catalogue
  register: qwen

- name: Read a gated model from the hub
  llmfleet.gateway.vllm_model_info:
    model: meta-llama/Llama-3.1-8B-Instruct
    source: hub
    token: "{{ vault_hf_token }}"
  register: llama

- name: List what the catalogue has
  llmfleet.gateway.vllm_model_info:
  register: catalogue
"""

RETURN = r"""
source:
  description: Where the description came from, V(catalogue), V(path), V(hub) or V(cache).
  returned: with O(model)
  type: str
  sample: catalogue
repository:
  description: The repository in its own spelling.
  returned: with O(model)
  type: str
  sample: Qwen/Qwen2.5-7B-Instruct
revision:
  description: The commit that the description is of; none without a hub.
  returned: with O(model)
  type: str
  sample: a09a35458c702b33eeacc393d103063234e8bc28
config:
  description: The model's C(config.json).
  returned: with O(model)
  type: dict
weight_bytes:
  description: Bytes of all weights; none where the source does not say.
  returned: with O(model)
  type: int
  sample: 15231233024
disk_gb:
  description: The weights' size on disk in GB.
  returned: with O(model)
  type: float
  sample: 15.23
gated:
  description: Whether a token and an accepted licence are needed.
  returned: with O(model)
  type: bool
  sample: false
license:
  description: The licence's name, where it is known.
  returned: with O(model)
  type: str
  sample: apache-2.0
purpose:
  description: What the model is for, from the catalogue.
  returned: with O(model)
  type: str
  sample: A good all-round assistant in many languages.
serving:
  description:
    - How it is served, where that is known - C(mode) by LiteLLM's words, C(vision), vLLM's C(options) that belong to the model,
      C(parameters), C(context), C(precision), and C(gpu_memory_gib), the memory of all its GPUs together that its recipe asks for. C(source)
      says where each was read. C(license) and C(gated) are what the publisher's own repository or a recipe says, as C(license_source) names.
      C(chat_template) and C(asks_trust_remote_code) are told and not set.
  returned: with O(model)
  type: dict
  sample: {"mode": "chat", "options": {"reasoning-parser": "qwen3"}, "source": ["recipes models/Qwen/Qwen3-8B.yaml"]}
recommended:
  description:
    - By GPU memory in GB, settings of vLLM that fit one GPU alone; where none do and the GPU is one of servers (24 GB and more),
      those of the fewest GPUs, by C(tensor_parallel_size); or none.
  returned: with O(model)
  type: dict
planner_note:
  description: Why the planner can recommend nothing for this model; empty otherwise.
  returned: with O(model)
  type: str
  sample: ""
catalogue:
  description: All models of the catalogue, each with the fields above; those without C(config) only with C(serving).
  returned: without O(model)
  type: list
  elements: dict
hub_error:
  description: Why the hub did not answer, where the cache did.
  returned: when the cache answered for the hub
  type: str
  sample: https://huggingface.co answered 429 for org/name. Try again later, or use HF_ENDPOINT.
error_kind:
  description:
    - Why it failed, V(token_missing), V(token_invalid), V(license_not_accepted), V(not_found), V(revision_not_found),
      V(no_config), V(unreachable), V(unknown), V(invalid) or V(http).
  returned: on failure
  type: str
  sample: license_not_accepted
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._model_directory import ModelInfoError, from_directory

ARGUMENTS: dict[str, dict[str, Any]] = {
    "model": {"type": "str"},
    "revision": {"type": "str", "default": "main"},
    "source": {"type": "str", "choices": ["auto", "catalogue", "hub", "path"], "default": "auto"},
    "token": {"type": "str", "no_log": True},
    "endpoint": {"type": "str"},
    "cache_dir": {"type": "path", "default": "~/.cache/llmfleet/models"},
    "refresh": {"type": "bool", "default": False},
    "timeout": {"type": "int", "default": 30},
    "validate_certs": {"type": "bool", "default": True},
}


def main() -> None:
    """Reads a directory of this host; the action plugin of the same name does the rest on the controller."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    try:
        result = from_directory(module.params["model"])
    except ModelInfoError as error:
        module.fail_json(msg=str(error), error_kind=error.kind)
    module.exit_json(changed=False, **result)


if __name__ == "__main__":
    main()
