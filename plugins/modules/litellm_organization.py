#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_organization
short_description: Manage organizations of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes organizations. This needs a LiteLLM Enterprise licence, without which the module
    fails before anything is written.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.cascade
  - llmfleet.gateway.litellm.metadata
  - llmfleet.gateway.litellm.limits
options:
  organization_alias:
    description:
      - The name of the organization. It must be unique; when several organizations have it, the module fails
        and names their ids.
    type: str
    required: true
    version_added: 0.1.0
  models:
    description:
      - Models that the organization may use. An empty list means all.
    type: list
    elements: str
    version_added: 0.1.0
  max_budget:
    description:
      - What the organization may spend.
    type: float
    version_added: 0.1.0
  max_parallel_requests:
    description:
      - Requests at the same time.
    type: int
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make an organization
  llmfleet.gateway.litellm_organization:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    organization_alias: acme
    max_budget: 1000
    budget_duration: 30d

- name: Delete an organization
  llmfleet.gateway.litellm_organization:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    organization_alias: acme
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
  sample: [metadata]
organization_alias:
  description: The name of the organization.
  type: str
  returned: success
  sample: acme
organization_id:
  description: The id of the organization.
  type: str
  returned: success
  sample: 5d0b2c0e-2f0c-4a57-9fd3-a1c5bb2d5a5b
object:
  description:
    - The organization as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    organization_alias: acme
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

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import ORGANIZATION
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(ORGANIZATION)


if __name__ == "__main__":
    main()
