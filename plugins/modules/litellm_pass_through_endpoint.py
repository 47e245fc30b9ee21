#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_pass_through_endpoint
short_description: Manage pass-through endpoints of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes paths of the proxy that lead to other services.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  path:
    description:
      - The path on the proxy.
    type: str
    required: true
    version_added: 0.1.0
  target:
    description:
      - The address that requests are sent to. A new endpoint needs it.
    type: str
    version_added: 0.1.0
  headers:
    description:
      - Headers that are added to the requests. All of their values are hidden.
    type: dict
    version_added: 0.1.0
  default_query_params:
    description:
      - Parameters of the query that are added.
    type: dict
    version_added: 0.1.0
  include_subpath:
    description:
      - Whether paths below it lead there as well.
    type: bool
    version_added: 0.1.0
  cost_per_request:
    description:
      - What a request costs.
    type: float
    version_added: 0.1.0
  endpoint_timeout:
    description:
      - Seconds to wait for the answer.
      - It can be changed and not cleared.
    type: float
    version_added: 0.1.0
  auth:
    description:
      - Whether a key of the proxy is needed.
    type: bool
    version_added: 0.1.0
  guardrails:
    description:
      - Guardrails of the requests.
    type: dict
    version_added: 0.1.0
  methods:
    description:
      - The methods that pass. All by default.
    type: list
    elements: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Let requests through to a service
  llmfleet.gateway.litellm_pass_through_endpoint:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    path: /rerank
    target: http://127.0.0.1:8080/rerank
    headers:
      Authorization: Bearer {{ vault_openai_api_key }}

- name: Delete an endpoint
  llmfleet.gateway.litellm_pass_through_endpoint:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    path: /rerank
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
  sample: [target]
path:
  description: The path on the proxy.
  type: str
  returned: success
  sample: /rerank
id:
  description: The id of the endpoint.
  type: str
  returned: success
  sample: a8a2b54d-9a0a-4a5c-8a53-5a2c2f7dbe1b
object:
  description:
    - The endpoint as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    path: /rerank
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import PASS_THROUGH_ENDPOINT
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(PASS_THROUGH_ENDPOINT)


if __name__ == "__main__":
    main()
