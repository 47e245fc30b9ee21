#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_policy
short_description: Manage policies of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes policies, which say what guardrails apply.
  - LiteLLM can't change a policy that is in force. A change makes its next version and puts that in force.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  policy_name:
    description:
      - The name of the policy, without a slash.
    type: str
    required: true
    version_added: 0.1.0
  description:
    description:
      - What the policy is for.
    type: str
    version_added: 0.1.0
  inherit:
    description:
      - The policy that it builds on.
    type: str
    version_added: 0.1.0
  guardrails_add:
    description:
      - Guardrails that apply.
    type: list
    elements: str
    version_added: 0.1.0
  guardrails_remove:
    description:
      - Guardrails of the policy it builds on that do not apply.
    type: list
    elements: str
    version_added: 0.1.0
  condition:
    description:
      - When it applies, such as for a C(model).
    type: dict
    version_added: 0.1.0
  pipeline:
    description:
      - Guardrails that run in steps.
    type: dict
    version_added: 0.1.0
  attachments:
    description:
      - Where the policy applies. The list is complete. LiteLLM can't change an attachment, so another one takes its place.
      - Each has at least one of C(scope) (V(*) is everywhere), C(teams) and C(keys) (their aliases), C(models) and C(tags), all of which take
        patterns with a star; and C(priority), where lower ones run first, and C(default), which applies where no other attachment does.
      - Teams and keys without a star have to be there, or be made by the same call of M(llmfleet.gateway.litellm_state).
    type: list
    elements: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make a policy
  llmfleet.gateway.litellm_policy:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    policy_name: base
    description: What applies everywhere
    attachments:
      - scope: "*"

- name: Delete a policy
  llmfleet.gateway.litellm_policy:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    policy_name: base
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
policy_name:
  description: The name of the policy.
  type: str
  returned: success
  sample: base
object:
  description:
    - The policy as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    policy_name: base
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import POLICY
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(POLICY)


if __name__ == "__main__":
    main()
