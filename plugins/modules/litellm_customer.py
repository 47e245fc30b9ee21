#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_customer
short_description: Manage customers (end users) of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes customers, which LiteLLM also calls end users.
  - LiteLLM can't clear most options of a customer once they are set; the module says so instead of pretending.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  user_id:
    description:
      - The id of the customer, as callers send it in C(user).
    type: str
    required: true
    version_added: 0.1.0
  alias:
    description:
      - The name to show.
    type: str
    version_added: 0.1.0
  blocked:
    description:
      - Whether the customer is blocked.
    type: bool
    version_added: 0.1.0
  default_model:
    description:
      - The model that is used when the customer's request names none.
    type: str
    version_added: 0.1.0
  allowed_model_region:
    description:
      - Where models of this customer must run.
      - It can be changed and not cleared.
    type: str
    choices: [eu, us]
    version_added: 0.1.0
  budget_id:
    description:
      - The budget that the customer is linked to. Mutually exclusive with the limits of the customer itself.
      - It can be changed and not cleared.
    type: str
    version_added: 0.1.0
  max_budget:
    description:
      - What the customer may spend.
      - It can be changed and not cleared.
    type: float
    version_added: 0.1.0
  soft_budget:
    description:
      - The spend at which LiteLLM warns.
      - It is set at creation; LiteLLM can change it only in a budget of its own, O(budget_id).
    type: float
    version_added: 0.1.0
  budget_duration:
    description:
      - After what time the spend starts anew, such as V(30d).
      - It is set at creation; LiteLLM can change it only in a budget of its own, O(budget_id).
    type: str
    version_added: 0.1.0
  tpm_limit:
    description:
      - Tokens a minute.
      - It is set at creation; LiteLLM can change it only in a budget of its own, O(budget_id).
    type: int
    version_added: 0.1.0
  rpm_limit:
    description:
      - Requests a minute.
      - It is set at creation; LiteLLM can change it only in a budget of its own, O(budget_id).
    type: int
    version_added: 0.1.0
  tpd_limit:
    description:
      - Tokens a day, of batches.
      - It is set at creation; LiteLLM can change it only in a budget of its own, O(budget_id).
    type: int
    version_added: 0.1.0
  max_parallel_requests:
    description:
      - Requests at the same time.
      - It is set at creation; LiteLLM can change it only in a budget of its own, O(budget_id).
    type: int
    version_added: 0.1.0
  object_permission:
    description:
      - MCP servers, vector stores, agents and other objects that the customer may use.
      - Only the parts that are given are compared and changed; V(null) clears a part.
    type: dict
    version_added: 0.1.0
  spend:
    description:
      - What a new customer has spent already. It is not compared later.
    type: float
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Give a customer a budget
  llmfleet.gateway.litellm_customer:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    user_id: acme
    alias: ACME
    max_budget: 50
    budget_duration: 30d

- name: Delete a customer
  llmfleet.gateway.litellm_customer:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    user_id: acme
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
  sample: [spend]
user_id:
  description: The id of the customer.
  type: str
  returned: success
  sample: acme
object:
  description:
    - The customer as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    user_id: acme
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import CUSTOMER
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(CUSTOMER)


if __name__ == "__main__":
    main()
