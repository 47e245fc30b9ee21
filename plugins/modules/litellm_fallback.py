#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_fallback
short_description: Manage fallbacks of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Says which models answer where another one can't.
  - They are kept with the router's settings in the database of the proxy, and nothing else of these is stored with them.
  - What the configuration file has wins. A list of fallbacks that stands there (C(litellm_router_settings) of the role) is refused here.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  model:
    description:
      - The name of the model that others stand in for, V(*) for every one.
    type: str
    required: true
    version_added: 0.1.0
  fallback_models:
    description:
      - Names of the models to ask in this order when all retries have failed.
    type: list
    elements: str
    version_added: 0.1.0
  context_window_fallback_models:
    description:
      - Names of the models to ask when the request is too long for the model.
    type: list
    elements: str
    version_added: 0.1.0
  content_policy_fallback_models:
    description:
      - Names of the models to ask when the model refuses the request's content.
    type: list
    elements: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Have two models
  llmfleet.gateway.litellm_model:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model_id: "{{ item }}-1"
    model_name: "{{ item }}"
    litellm_params:
      model: openai/x
  loop: [small, large]

- name: Let the large one answer what is too long for the small one
  llmfleet.gateway.litellm_fallback:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model: small
    context_window_fallback_models: [large]

- name: Let nobody answer for it
  llmfleet.gateway.litellm_fallback:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    model: small
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
  sample: [fallback_models]
model:
  description: The name of the model.
  type: str
  returned: success
  sample: small
object:
  description:
    - The fallbacks as LiteLLM shows them, without what is not set. In check mode, as they were found.
  type: dict
  returned: success
  sample:
    model: small
    fallback_models: [large]
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import FALLBACK
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(FALLBACK)


if __name__ == "__main__":
    main()
