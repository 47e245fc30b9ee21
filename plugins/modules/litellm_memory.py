#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_memory
short_description: Manage memories of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes memories, which are texts that the proxy keeps for users and teams.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.metadata
options:
  key:
    description:
      - The name of the memory.
    type: str
    required: true
    version_added: 0.1.0
  value:
    description:
      - The text. A new memory needs it.
    type: str
    version_added: 0.1.0
  user_id:
    description:
      - Whose it is.
      - It can be set at creation only.
    type: str
    version_added: 0.1.0
  team_id:
    description:
      - The team that it belongs to.
      - It can be set at creation only.
    type: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Keep a text
  llmfleet.gateway.litellm_memory:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key: house-style
    value: Short sentences.

- name: Delete a memory
  llmfleet.gateway.litellm_memory:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key: house-style
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
  sample: [value]
key:
  description: The name of the memory.
  type: str
  returned: success
  sample: house-style
object:
  description:
    - The memory as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    key: house-style
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import MEMORY
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(MEMORY)


if __name__ == "__main__":
    main()
