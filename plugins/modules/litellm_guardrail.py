#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_guardrail
short_description: Manage guardrails of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes guardrails in the database of a LiteLLM proxy.
  - Secret parts of O(litellm_params) can't be read back. A keyed fingerprint of them is kept in
    O(guardrail_info), under C(llmfleet), so that a change is seen. Another O(api_key) leads to other fingerprints
    and so to one update.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  guardrail_name:
    description:
      - The name of the guardrail.
    type: str
    required: true
    version_added: 0.1.0
  litellm_params:
    description:
      - The parameters of the guardrail, such as C(guardrail) and C(mode).
      - They are added to those that exist; a parameter that is V(null) is cleared.
      - It can't be cleared as a whole.
    type: dict
    version_added: 0.1.0
  guardrail_info:
    description:
      - Further information on the guardrail.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Filter words out of requests
  llmfleet.gateway.litellm_guardrail:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    guardrail_name: words
    litellm_params:
      guardrail: litellm_content_filter
      mode: pre_call
      blocked_words:
        - keyword: confidential
          action: BLOCK

- name: Delete a guardrail
  llmfleet.gateway.litellm_guardrail:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    guardrail_name: words
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
  sample: [guardrail_info]
guardrail_name:
  description: The name of the guardrail.
  type: str
  returned: success
  sample: words
guardrail_id:
  description: The id of the guardrail.
  type: str
  returned: success
  sample: 4a2fa586-16f4-41eb-9387-24be4df3b9fc
object:
  description:
    - The guardrail as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    guardrail_name: words
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import GUARDRAIL
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(GUARDRAIL)


if __name__ == "__main__":
    main()
