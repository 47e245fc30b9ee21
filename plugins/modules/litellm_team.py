#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_team
short_description: Manage teams of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes teams of a LiteLLM proxy. A team is found by its alias.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
  - llmfleet.gateway.litellm.rename
  - llmfleet.gateway.litellm.cascade
  - llmfleet.gateway.litellm.metadata
  - llmfleet.gateway.litellm.limits
options:
  team_alias:
    description:
      - The name of the team. It must be unique; when several teams have it, the module fails and names their
        ids.
    type: str
    required: true
    version_added: 0.1.0
  team_id:
    description:
      - The id of a new team. LiteLLM makes one if it is not given.
      - It can be set at creation only.
    type: str
    version_added: 0.1.0
  organization_id:
    description:
      - The organization of the team. Needs a LiteLLM Enterprise licence.
    type: str
    version_added: 0.1.0
  members_with_roles:
    description:
      - 'Who is in the team: each with C(user_id) or C(user_email), and C(role), which is V(user) or
        V(admin).'
      - 'The list is complete: whoever is not in it is removed, except the administrator of the proxy, whom
        LiteLLM adds by itself.'
      - A new team takes the role V(admin); to give it later needs a LiteLLM Enterprise licence.
      - A member may have limits of its own in the team, with C(max_budget_in_team), C(budget_duration), C(tpm_limit),
        C(rpm_limit) and C(allowed_models). One that is left out stays, one that is V(null) is cleared.
      - Who is named by C(user_email) is matched by id or mail with who is in the team.
    type: list
    elements: dict
    version_added: 0.1.0
  blocked:
    description:
      - Whether the team is blocked.
    type: bool
    version_added: 0.1.0
  models:
    description:
      - Models that the team may use. An empty list means all.
    type: list
    elements: str
    version_added: 0.1.0
  model_aliases:
    description:
      - Other names for models, valid for this team.
    type: dict
    version_added: 0.1.0
  default_team_member_models:
    description:
      - Models that a new member may use.
    type: list
    elements: str
    version_added: 0.1.0
  access_group_ids:
    description:
      - Access groups of the team.
    type: list
    elements: str
    version_added: 0.1.0
  team_member_permissions:
    description:
      - Routes that members may call to manage keys.
    type: list
    elements: str
    version_added: 0.1.0
  router_settings:
    description:
      - Settings of the router for requests of the team.
    type: dict
    version_added: 0.1.0
  object_permission:
    description:
      - MCP servers, vector stores, agents and other objects that the team may use.
      - Only the parts that are given are compared and changed; V(null) clears a part.
    type: dict
    version_added: 0.1.0
  max_budget:
    description:
      - What the team may spend.
    type: float
    version_added: 0.1.0
  budget_limits:
    description:
      - Several budgets that hold at once, each with C(budget_duration) and C(max_budget).
    type: list
    elements: dict
    version_added: 0.1.0
  tpd_limit:
    description:
      - Tokens a day, of batches.
    type: int
    version_added: 0.1.0
  team_member_budget:
    description:
      - What each member may spend in this team.
    type: float
    version_added: 0.1.0
  team_member_budget_duration:
    description:
      - After what time the spend of a member starts anew, such as V(30d).
    type: str
    version_added: 0.1.0
  team_member_rpm_limit:
    description:
      - Requests a minute of each member.
    type: int
    version_added: 0.1.0
  team_member_tpm_limit:
    description:
      - Tokens a minute of each member.
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
  rpm_limit_type:
    description:
      - How O(rpm_limit) is kept, V(guaranteed_throughput) or V(best_effort_throughput).
    type: str
    version_added: 0.1.0
  tpm_limit_type:
    description:
      - How O(tpm_limit) is kept, V(guaranteed_throughput) or V(best_effort_throughput).
    type: str
    version_added: 0.1.0
  default_estimated_output_tokens:
    description:
      - Tokens of output to count beforehand for a request that doesn't limit them.
    type: int
    version_added: 0.1.0
  default_estimated_output_tokens_per_model:
    description:
      - Like O(default_estimated_output_tokens), for each model.
    type: dict
    version_added: 0.1.0
  allowed_vector_store_indexes:
    description:
      - Vector store indexes that may be used, each with C(index_name) and C(index_permissions).
    type: list
    elements: dict
    version_added: 0.1.0
  enforced_batch_output_expires_after:
    description:
      - When the output of batches expires, with C(anchor) and C(seconds).
    type: dict
    version_added: 0.1.0
  enforced_file_expires_after:
    description:
      - When uploaded files expire, with C(anchor) and C(seconds).
    type: dict
    version_added: 0.1.0
  model_max_budget:
    description:
      - Budgets of single models. Needs a LiteLLM Enterprise licence.
    type: dict
    version_added: 0.1.0
  disable_global_guardrails:
    description:
      - Whether global guardrails are off for this team. Needs a LiteLLM Enterprise licence.
    type: bool
    version_added: 0.1.0
  guardrails:
    description:
      - Guardrails of the team. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  policies:
    description:
      - Policies of the team. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  prompts:
    description:
      - Prompts that may be used. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  tags:
    description:
      - Tags of the team. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  allowed_passthrough_routes:
    description:
      - Pass-through routes that may be called. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  team_member_key_duration:
    description:
      - How long keys of members live. Needs a LiteLLM Enterprise licence.
    type: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make a team with a monthly budget
  llmfleet.gateway.litellm_team:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    team_alias: research
    models: [qwen2.5-7b]
    max_budget: 500
    budget_duration: 30d
    members_with_roles:
      - {user_id: ada}
      - {user_id: grace}

- name: Take a limit away
  llmfleet.gateway.litellm_team:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    team_alias: research
    max_budget: null

- name: Delete a team
  llmfleet.gateway.litellm_team:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    team_alias: research
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
  sample: [team_member_key_duration]
team_alias:
  description: The name of the team.
  type: str
  returned: success
  sample: research
team_id:
  description: The id of the team.
  type: str
  returned: success
  sample: 5d0b2c0e-2f0c-4a57-9fd3-a1c5bb2d5a5b
object:
  description:
    - The team as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    team_alias: research
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

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import TEAM
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(TEAM)


if __name__ == "__main__":
    main()
