#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_project
short_description: Manage projects of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes projects. This needs a LiteLLM Enterprise licence, without which the module fails
    before anything is written.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.metadata
  - llmfleet.gateway.litellm.limits
options:
  project_alias:
    description:
      - The name of the project. It must be unique; when several projects have it, the module fails and names
        their ids.
    type: str
    required: true
    version_added: 0.1.0
  team_id:
    description:
      - The team that the project belongs to.
    type: str
    version_added: 0.1.0
  description:
    description:
      - What the project is for.
    type: str
    version_added: 0.1.0
  models:
    description:
      - Models that the project may use. An empty list means all.
    type: list
    elements: str
    version_added: 0.1.0
  blocked:
    description:
      - Whether the project is blocked.
    type: bool
    version_added: 0.1.0
  max_budget:
    description:
      - What the project may spend.
    type: float
    version_added: 0.1.0
  max_parallel_requests:
    description:
      - Requests at the same time.
    type: int
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make a project
  llmfleet.gateway.litellm_project:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    project_alias: search
    team_id: research
    max_budget: 100

- name: Delete a project
  llmfleet.gateway.litellm_project:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    project_alias: search
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
project_alias:
  description: The name of the project.
  type: str
  returned: success
  sample: search
project_id:
  description: The id of the project.
  type: str
  returned: success
  sample: 5d0b2c0e-2f0c-4a57-9fd3-a1c5bb2d5a5b
object:
  description:
    - The project as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    project_alias: search
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import PROJECT
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(PROJECT)


if __name__ == "__main__":
    main()
