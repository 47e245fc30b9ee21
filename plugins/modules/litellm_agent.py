#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_agent
short_description: Manage agents of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes agents, which the proxy offers over A2A.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.rename
options:
  agent_name:
    description:
      - The name of the agent.
    type: str
    required: true
    version_added: 0.1.0
  agent_card_params:
    description:
      - The card of the agent. A new agent needs it. LiteLLM adds parts of its own; those that are given are compared.
    type: dict
    version_added: 0.1.0
  litellm_params:
    description:
      - How the agent is reached. What is secret in there can't be read back, so a change of it is not seen.
    type: dict
    version_added: 0.1.0
  object_permission:
    description:
      - What the agent may use.
    type: dict
    version_added: 0.1.0
  access_group_ids:
    description:
      - The ids of its access groups.
    type: list
    elements: str
    version_added: 0.1.0
  static_headers:
    description:
      - Headers that are sent to the agent. All of their values are hidden.
    type: dict
    version_added: 0.1.0
  extra_headers:
    description:
      - Headers of the request that are passed on.
    type: list
    elements: str
    version_added: 0.1.0
  tpm_limit:
    description:
      - Tokens a minute.
    type: int
    version_added: 0.1.0
  rpm_limit:
    description:
      - Requests a minute.
    type: int
    version_added: 0.1.0
  session_tpm_limit:
    description:
      - Tokens a minute in one session.
    type: int
    version_added: 0.1.0
  session_rpm_limit:
    description:
      - Requests a minute in one session.
    type: int
    version_added: 0.1.0
  kill_switch:
    description:
      - When the agent is stopped.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Offer an agent
  llmfleet.gateway.litellm_agent:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    agent_name: helper
    agent_card_params:
      protocolVersion: '1.0'
      name: helper
      description: Answers questions
      url: http://127.0.0.1:8080
      version: '1'
      capabilities: {}
      defaultInputModes: [text]
      defaultOutputModes: [text]
    rpm_limit: 60

- name: Delete an agent
  llmfleet.gateway.litellm_agent:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    agent_name: helper
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
  sample: [agent_card_params]
agent_name:
  description: The name of the agent.
  type: str
  returned: success
  sample: helper
agent_id:
  description: The id of the agent.
  type: str
  returned: success
  sample: a8a2b54d-9a0a-4a5c-8a53-5a2c2f7dbe1b
object:
  description:
    - The agent as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    agent_name: helper
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import AGENT
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(AGENT)


if __name__ == "__main__":
    main()
