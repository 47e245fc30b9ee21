#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_search_tool
short_description: Manage search tools of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes search tools, which requests use by their names.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  search_tool_name:
    description:
      - The name of the search tool.
    type: str
    required: true
    version_added: 0.1.0
  litellm_params:
    description:
      - Its C(search_provider), which a new one needs, C(api_key) and the like. Entries are added to those that exist.
      - 'LiteLLM replaces them as a whole and shows secrets half masked: to change anything, give the secret ones as well.'
    type: dict
    version_added: 0.1.0
  search_tool_info:
    description:
      - Free notes. Entries are added to those that exist; one that is V(null) is removed.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Offer a search tool
  llmfleet.gateway.litellm_search_tool:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    search_tool_name: web
    litellm_params:
      search_provider: tavily
      api_key: "{{ vault_openai_api_key }}"

- name: Delete a search tool
  llmfleet.gateway.litellm_search_tool:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    search_tool_name: web
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
search_tool_name:
  description: The name of the search tool.
  type: str
  returned: success
  sample: web
search_tool_id:
  description: The id of the search tool.
  type: str
  returned: success
  sample: a8a2b54d-9a0a-4a5c-8a53-5a2c2f7dbe1b
object:
  description:
    - The search tool as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    search_tool_name: web
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import SEARCH_TOOL
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(SEARCH_TOOL)


if __name__ == "__main__":
    main()
