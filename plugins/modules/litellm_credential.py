#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_credential
short_description: Manage credentials of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes credentials that models refer to.
  - LiteLLM never shows the values. A keyed fingerprint of them is kept in O(credential_info), under C(llmfleet),
    so that a change is seen. Another O(api_key) leads to other fingerprints and so to one update.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  credential_name:
    description:
      - The name of the credential.
    type: str
    required: true
    version_added: 0.1.0
  credential_values:
    description:
      - The values. They are added to those that exist; a value that is V(null) is emptied.
      - It can't be cleared as a whole.
      - LiteLLM shows some values, such as C(api_base), and the first and last letters of secret ones. What it shows is
        compared, the rest by a keyed fingerprint of what was last written.
    type: dict
    version_added: 0.1.0
  credential_info:
    description:
      - What the credential is for, such as C(custom_llm_provider).
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Store a credential of a provider
  llmfleet.gateway.litellm_credential:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    credential_name: openai
    credential_values:
      api_key: "{{ vault_openai_api_key }}"
      api_base: https://api.openai.com/v1
    credential_info:
      custom_llm_provider: openai

- name: Delete a credential
  llmfleet.gateway.litellm_credential:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    credential_name: openai
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
  sample: [credential_info]
credential_name:
  description: The name of the credential.
  type: str
  returned: success
  sample: openai
object:
  description:
    - The credential as LiteLLM shows it, without what is not set and without its values. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    credential_name: openai
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import CREDENTIAL
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(CREDENTIAL)


if __name__ == "__main__":
    main()
