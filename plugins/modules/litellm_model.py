#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_model
short_description: Manage models in the database of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes model deployments that LiteLLM keeps in its database, which needs
    C(store_model_in_db).
  - Models of the configuration file can't be changed this way.
  - Secret parts of O(litellm_params), such as C(api_key), can't be read back. A keyed fingerprint of them is kept
    in O(model_info), under C(llmfleet), so that a change is seen. Another O(api_key) leads to other fingerprints
    and so to one update.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  model_id:
    description:
      - The id of the deployment. Several deployments can have one O(model_name).
    type: str
    required: true
    version_added: 0.1.0
  model_name:
    description:
      - The name in the API.
      - It can be changed and not cleared.
    type: str
    version_added: 0.1.0
  litellm_params:
    description:
      - The parameters of the deployment, such as C(model), C(api_base) and C(api_key).
      - They are added to those that exist; a parameter that is V(null) is removed. Versions of LiteLLM that
        can't remove it make the module fail.
      - It can't be cleared as a whole.
    type: dict
    version_added: 0.1.0
  blocked:
    description:
      - Whether the deployment is paused.
    type: bool
    version_added: 0.1.0
  model_info:
    description:
      - Further information on the deployment.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Route a model to another provider
  llmfleet.gateway.litellm_model:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model_id: gpt-4o-1
    model_name: gpt-4o
    litellm_params:
      model: openai/gpt-4o
      api_key: "{{ vault_openai_api_key }}"
      rpm: 100

- name: Change one parameter
  llmfleet.gateway.litellm_model:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model_id: gpt-4o-1
    litellm_params:
      rpm: 200

- name: Delete a model
  llmfleet.gateway.litellm_model:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model_id: gpt-4o-1
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
  sample: [model_info]
model_id:
  description: The id of the deployment.
  type: str
  returned: success
  sample: gpt-4o-1
object:
  description:
    - The model as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    model_id: gpt-4o-1
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import MODEL
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(MODEL)


if __name__ == "__main__":
    main()
