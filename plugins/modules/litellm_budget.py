#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_budget
short_description: Manage budgets of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes budgets, which keys, customers and other objects can share.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.cascade
  - llmfleet.gateway.litellm.limits
options:
  budget_id:
    description:
      - The id of the budget.
    type: str
    required: true
    version_added: 0.1.0
  max_budget:
    description:
      - What the budget may spend.
    type: float
    version_added: 0.1.0
  tpd_limit:
    description:
      - Tokens a day, of batches.
    type: int
    version_added: 0.1.0
  max_parallel_requests:
    description:
      - Requests at the same time.
    type: int
    version_added: 0.1.0
  model_max_budget:
    description:
      - Budgets of single models. Needs a LiteLLM Enterprise licence.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make a budget
  llmfleet.gateway.litellm_budget:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    budget_id: small
    max_budget: 10
    budget_duration: 30d
    rpm_limit: 60

- name: Delete a budget
  llmfleet.gateway.litellm_budget:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    budget_id: small
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
  sample: [model_max_budget]
budget_id:
  description: The id of the budget.
  type: str
  returned: success
  sample: small
object:
  description:
    - The budget as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    budget_id: small
along:
  description: What LiteLLM deletes by itself when this is done, or unlinks from a budget that is deleted.
  type: list
  elements: str
  returned: success
  sample: ["key 'my-app' (88dc28d0f030)"]
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import BUDGET
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(BUDGET)


if __name__ == "__main__":
    main()
