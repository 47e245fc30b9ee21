#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_model_access_group
short_description: Manage access groups of models of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes groups of models, which keys and teams name like a model, and the budget of such a group.
  - 'LiteLLM keeps a group in its models: only models in the database can be in one.'
  - See M(llmfleet.gateway.litellm_access_group) for groups that hold more than models.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  access_group:
    description:
      - The name of the group.
    type: str
    required: true
    version_added: 0.1.0
  model_names:
    description:
      - The names of its models. A new group needs them.
    type: list
    elements: str
    version_added: 0.1.0
  budget_id:
    description:
      - A budget that it shares with others.
      - Mutually exclusive with the limits of the group itself.
    type: str
    version_added: 0.1.0
  max_budget:
    description:
      - What may be spent on its models.
    type: float
    version_added: 0.1.0
  soft_budget:
    description:
      - The spend at which LiteLLM warns.
    type: float
    version_added: 0.1.0
  budget_duration:
    description:
      - After what time the spend starts anew, such as V(30d).
    type: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Declare the model
  llmfleet.gateway.litellm_model:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model_id: large-model
    model_name: large-model
    litellm_params:
      model: openai/large
      api_base: http://127.0.0.1:8001/v1
      api_key: "{{ vault_openai_api_key }}"

- name: Give a group of models a budget
  llmfleet.gateway.litellm_model_access_group:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    access_group: large-models
    model_names: [large-model]
    max_budget: 100
    budget_duration: 30d

- name: Delete a model access group
  llmfleet.gateway.litellm_model_access_group:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    access_group: large-models
    state: absent

- name: Delete the model
  llmfleet.gateway.litellm_model:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model_id: large-model
    state: absent
"""

RETURN = r"""
operation:
  description: What was done, or would be done in check mode.
  type: str
  returned: success
  choices: [create, update, delete, none]
  sample: create
changed_fields:
  description: The options that differed from what was wanted.
  type: list
  elements: str
  returned: success
  sample: [model_names]
access_group:
  description: The name of the group.
  type: str
  returned: success
  sample: large-models
object:
  description:
    - The model access group as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    access_group: large-models
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import MODEL_ACCESS_GROUP
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(MODEL_ACCESS_GROUP)


if __name__ == "__main__":
    main()
