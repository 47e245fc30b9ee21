#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_user
short_description: Manage internal users of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes internal users of a LiteLLM proxy. No key is made for a new user.
  - LiteLLM can't clear most options of a user once they are set; the module says so instead of pretending.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.cascade
  - llmfleet.gateway.litellm.metadata
options:
  user_id:
    description:
      - The id of the user.
    type: str
    required: true
    version_added: 0.1.0
  user_email:
    description:
      - The mail address.
    type: str
    version_added: 0.1.0
  user_alias:
    description:
      - The name to show.
    type: str
    version_added: 0.1.0
  user_role:
    description:
      - What the user may do.
      - It can be changed and not cleared.
    type: str
    choices: [proxy_admin, proxy_admin_viewer, internal_user, internal_user_viewer]
    version_added: 0.1.0
  sso_user_id:
    description:
      - The id at the identity provider.
      - It can be changed and not cleared.
    type: str
    version_added: 0.1.0
  teams:
    description:
      - The ids of all teams that the user is in, with the role V(user). Say who is in a team either here or with the team.
      - Who leaves a team loses the keys in it, see O(cascade).
    type: list
    elements: str
    version_added: 0.1.0
  models:
    description:
      - Models that the user may use. An empty list means all.
      - It can be changed and not cleared.
    type: list
    elements: str
    version_added: 0.1.0
  allowed_cache_controls:
    description:
      - Cache controls that may be used.
      - It can be changed and not cleared.
    type: list
    elements: str
    version_added: 0.1.0
  spend:
    description:
      - What a new user has spent already. It is not compared later.
    type: float
    version_added: 0.1.0
  max_budget:
    description:
      - What the user may spend.
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
  model_rpm_limit:
    description:
      - Requests a minute for each model.
    type: dict
    version_added: 0.1.0
  model_tpm_limit:
    description:
      - Tokens a minute for each model.
    type: dict
    version_added: 0.1.0
  mcp_rpm_limit:
    description:
      - Requests a minute for each MCP server.
    type: dict
    version_added: 0.1.0
  tag_rpm_limit:
    description:
      - Requests a minute for each request tag.
    type: dict
    version_added: 0.1.0
  object_permission:
    description:
      - MCP servers, vector stores, agents and other objects that the user may use.
      - Only the parts that are given are compared and changed; V(null) clears a part.
    type: dict
    version_added: 0.1.0
  send_invite_email:
    description:
      - Whether LiteLLM sends an invitation to a new user. Has an effect at creation only.
    type: bool
    version_added: 0.1.0
  model_max_budget:
    description:
      - Budgets of single models. Needs a LiteLLM Enterprise licence.
      - It can be changed and not cleared.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make a user with a budget
  llmfleet.gateway.litellm_user:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    user_id: ada
    user_email: ada@example.com
    user_role: internal_user
    max_budget: 20
    budget_duration: 30d

- name: Delete a user
  llmfleet.gateway.litellm_user:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    user_id: ada
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
user_id:
  description: The id of the user.
  type: str
  returned: success
  sample: ada
object:
  description:
    - The user as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    user_id: ada
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

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import USER
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(USER)


if __name__ == "__main__":
    main()
