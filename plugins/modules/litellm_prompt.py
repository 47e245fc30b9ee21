#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_prompt
short_description: Manage prompts of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes prompts in the database of the proxy.
  - A change is made to the current version.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  prompt_id:
    description:
      - The id of the prompt, which requests name, without a slash.
    type: str
    required: true
    version_added: 0.1.0
  litellm_params:
    description:
      - What it consists of, such as C(prompt_integration), which a new one needs, and C(dotprompt_content). Entries are added to those that exist.
    type: dict
    version_added: 0.1.0
  prompt_info:
    description:
      - Free notes. Entries are added to those that exist; one that is V(null) is removed.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Keep a prompt
  llmfleet.gateway.litellm_prompt:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    prompt_id: greeting
    litellm_params:
      prompt_integration: dotprompt
      dotprompt_content: |
        ---
        model: qwen2.5-7b
        ---
        Greet the user.

- name: Delete a prompt
  llmfleet.gateway.litellm_prompt:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    prompt_id: greeting
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
  sample: [litellm_params]
prompt_id:
  description: The id of the prompt, which requests name.
  type: str
  returned: success
  sample: greeting
object:
  description:
    - The prompt as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    prompt_id: greeting
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import PROMPT
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(PROMPT)


if __name__ == "__main__":
    main()
