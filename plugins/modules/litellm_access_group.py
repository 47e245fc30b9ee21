#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_access_group
short_description: Manage access groups of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes access groups, which bundle models, MCP servers and agents.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.cascade
  - llmfleet.gateway.litellm.rename
options:
  access_group_name:
    description:
      - The name of the access group.
    type: str
    required: true
    version_added: 0.1.0
  description:
    description:
      - What the access group is for.
    type: str
    version_added: 0.1.0
  access_model_names:
    description:
      - Models of the group.
    type: list
    elements: str
    version_added: 0.1.0
  access_mcp_server_ids:
    description:
      - MCP servers of the group.
    type: list
    elements: str
    version_added: 0.1.0
  access_agent_ids:
    description:
      - Agents of the group.
    type: list
    elements: str
    version_added: 0.1.0
  assigned_team_ids:
    description:
      - Teams that have the group.
    type: list
    elements: str
    version_added: 0.1.0
  assigned_key_ids:
    description:
      - Keys that have the group, by their hashes.
    type: list
    elements: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Bundle models
  llmfleet.gateway.litellm_access_group:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    access_group_name: standard
    description: What everybody may use
    access_model_names: [qwen2.5-7b]

- name: Delete an access group
  llmfleet.gateway.litellm_access_group:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    access_group_name: standard
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
  sample: [assigned_key_ids]
access_group_name:
  description: The name of the access group.
  type: str
  returned: success
  sample: standard
access_group_id:
  description: The id of the access group.
  type: str
  returned: success
  sample: a8a2b54d-9a0a-4a5c-8a53-5a2c2f7dbe1b
object:
  description:
    - The access group as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    access_group_name: standard
along:
  description: Who loses the access group by itself when it is deleted.
  type: list
  elements: str
  returned: success
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import ACCESS_GROUP
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(ACCESS_GROUP)


if __name__ == "__main__":
    main()
