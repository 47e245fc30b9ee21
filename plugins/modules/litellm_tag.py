#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_tag
short_description: Manage tags of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes tags, which route requests and carry budgets.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  name:
    description:
      - The name of the tag.
    type: str
    required: true
    version_added: 0.1.0
  description:
    description:
      - What the tag is for.
    type: str
    version_added: 0.1.0
  models:
    description:
      - Models that the tag may use. An empty list means all.
    type: list
    elements: str
    version_added: 0.1.0
  budget_id:
    description:
      - The budget that the tag is linked to. It can be set at creation only.
      - Mutually exclusive with the limits of the tag itself.
    type: str
    version_added: 0.1.0
  max_budget:
    description:
      - What the tag may spend.
      - It can be changed and not cleared.
    type: float
    version_added: 0.1.0
  soft_budget:
    description:
      - The spend at which LiteLLM warns.
      - It can be changed and not cleared.
    type: float
    version_added: 0.1.0
  budget_duration:
    description:
      - After what time the spend starts anew, such as V(30d).
    type: str
    version_added: 0.1.0
  tpm_limit:
    description:
      - Tokens a minute.
      - It can be changed and not cleared.
    type: int
    version_added: 0.1.0
  rpm_limit:
    description:
      - Requests a minute.
      - It can be changed and not cleared.
    type: int
    version_added: 0.1.0
  max_parallel_requests:
    description:
      - Requests at the same time.
      - It can be changed and not cleared.
    type: int
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Give a tag a budget
  llmfleet.gateway.litellm_tag:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    name: batch
    description: Night jobs
    max_budget: 100
    budget_duration: 30d

- name: Delete a tag
  llmfleet.gateway.litellm_tag:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    name: batch
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
  sample: [max_parallel_requests]
name:
  description: The name of the tag.
  type: str
  returned: success
  sample: batch
object:
  description:
    - The tag as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    name: batch
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import TAG
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(TAG)


if __name__ == "__main__":
    main()
