#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_mcp_toolset
short_description: Manage toolsets of MCP servers of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes toolsets, which bundle tools of MCP servers under one name.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.rename
options:
  toolset_name:
    description:
      - The name of the toolset.
    type: str
    required: true
    version_added: 0.1.0
  description:
    description:
      - What the toolset is for.
    type: str
    version_added: 0.1.0
  tools:
    description:
      - The tools, each with C(server_id) and C(tool_name). A new toolset needs them.
    type: list
    elements: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Declare the server
  llmfleet.gateway.litellm_mcp_server:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    server_name: docs
    server_id: docs
    url: http://127.0.0.1:8080/mcp
    transport: http

- name: Bundle tools of a server
  llmfleet.gateway.litellm_mcp_toolset:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    toolset_name: reading
    description: Reads and writes nothing
    tools:
      - server_id: docs
        tool_name: search

- name: Delete a toolset
  llmfleet.gateway.litellm_mcp_toolset:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    toolset_name: reading
    state: absent

- name: Delete the server
  llmfleet.gateway.litellm_mcp_server:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    server_name: docs
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
  sample: [description]
toolset_name:
  description: The name of the toolset.
  type: str
  returned: success
  sample: reading
toolset_id:
  description: The id of the toolset.
  type: str
  returned: success
  sample: a8a2b54d-9a0a-4a5c-8a53-5a2c2f7dbe1b
object:
  description:
    - The toolset as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    toolset_name: reading
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import MCP_TOOLSET
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(MCP_TOOLSET)


if __name__ == "__main__":
    main()
