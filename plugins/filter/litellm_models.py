# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: litellm_models
short_description: LiteLLM's model list from the plan of the fleet
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Makes the entries of C(model_list) in LiteLLM's C(config.yaml), one for each vLLM instance and external model.
  - Secrets in C(litellm_params) of external models are taken out into environment variables, so that the configuration
    file holds none. A secret is a text under a name that says so, at any depth, a value of headers, or an address with a user.
positional: _input, gateway
options:
  _input:
    description: Instances as P(llmfleet.gateway.fleet_plan#filter) returns them.
    type: list
    elements: dict
    required: true
  gateway:
    description: Inventory name of the gateway that the list is for.
    type: str
    required: true
  external:
    description: Models of other providers, C(llm_external_models).
    type: list
    elements: dict
    default: []
  processes:
    description:
      - Processes of LiteLLM in all the gateways together. Each counts for itself, so each gets its part of the
        C(max_parallel_requests) of an instance, rounded up.
    type: int
    default: 1
"""

EXAMPLES = r"""
- name: Show the model list of this gateway
  ansible.builtin.debug:
    msg: >-
      {{ (llm_models | llmfleet.gateway.fleet_plan(hostvars, groups)
          | llmfleet.gateway.litellm_models(inventory_hostname)).model_list }}
"""

RETURN = r"""
_value:
  description: The list and the environment that it refers to.
  type: dict
  contains:
    model_list:
      description: Entries for C(model_list).
      type: list
      elements: dict
    environment:
      description: Environment variables with the secrets of external models.
      type: dict
"""

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import prices, secret_parts


def litellm_models(
    instances: list[dict[str, t.Any]],
    gateway: str,
    external: list[dict[str, t.Any]] | None = None,
    processes: int = 1,
) -> dict[str, t.Any]:
    environment: dict[str, str] = {}
    entries = [_local(instance, gateway, max(1, int(processes))) for instance in instances]
    for index, entry in enumerate(external or []):
        entries.append(_external(entry, index, environment))
    return {"model_list": entries, "environment": environment}


def _local(instance: dict[str, t.Any], gateway: str, processes: int) -> dict[str, t.Any]:
    params = {
        "model": f"hosted_vllm/{instance['model_name']}",
        "api_base": instance["urls"][gateway],
        "api_key": "os.environ/VLLM_API_KEY",
    }
    limit = instance.get("max_parallel_requests")
    if limit:
        params["max_parallel_requests"] = -(-int(limit) // processes)
    return {"model_name": instance["model_name"], "litellm_params": params}


def _external(entry: dict[str, t.Any], index: int, environment: dict[str, str]) -> dict[str, t.Any]:
    def moved(path: tuple[str, ...], text: str) -> str:
        if secret_parts.is_reference(text):
            return text
        plain = re.sub(r"[^A-Z0-9]+", "_", f"LLM_EXTERNAL_{index}_{'_'.join(path)}".upper())
        variable, number = plain, 2
        while variable in environment:
            variable, number = f"{plain}_{number}", number + 1
        environment[variable] = text
        return f"os.environ/{variable}"

    params = prices.with_numbers(secret_parts.replaced(entry["litellm_params"], moved))
    rest = {key: prices.with_numbers(value) for key, value in entry.items() if key not in ("name", "litellm_params")}
    return {"model_name": entry["name"], "litellm_params": params, **rest}


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"litellm_models": litellm_models}
