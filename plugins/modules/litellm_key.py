#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_key
short_description: Manage virtual keys of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes virtual keys of a LiteLLM proxy. A key is found by its alias.
  - The raw value of a key is never returned, logged or shown in a diff. It is given in O(key), or it is made by this
    module and put into O(store) before the key is created, so that no value is ever lost on the way.
  - The options of the key carry the names of LiteLLM's own API.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.cascade
  - llmfleet.gateway.litellm.rename
  - llmfleet.gateway.litellm.metadata
  - llmfleet.gateway.litellm.controller_store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With O(renew_before) a key is extended whenever too little of its life is left.
options:
  state:
    description: Whether the key should exist.
    type: str
    choices: [present, absent]
    default: present
    version_added: 0.1.0
  key_alias:
    description:
      - The name of the key. It must be unique; when several keys have it, the module fails and names their hashes.
    type: str
    required: true
    version_added: 0.1.0
  key:
    description:
      - The raw value of the key. It must start with C(sk-) and have at least 16 characters.
      - When a key of this alias exists with another value the module fails, because LiteLLM can't change a key's value.
    type: str
    version_added: 0.1.0
  store:
    description:
      - Where the raw value is kept. When the key has to be created and O(key) is not given, a new value is made and
        stored here first. A value that is already stored is used, so that an interrupted run can be repeated.
      - When the key exists and the store does not hold its value, the module fails.
      - With O(state=absent) the stored value is removed as well.
      - Values on the controller or in HashiCorp Vault are written by an action plugin. The module gets them, and sends back
        only one that the proxy made itself, sealed with a key of this one call.
    type: dict
    version_added: 0.1.0
    suboptions:
      file:
        description:
          - Path of a file that holds nothing but the raw value. Its mode is C(0600), its directory must exist.
          - The file is on the machine that the module runs on.
          - Give this, O(store.controller_file) or O(store.hashicorp_vault).
        type: path
        version_added: 0.1.0
      controller_file:
        description:
          - Like O(store.file), on the controller. A relative path starts at the playbook.
        type: path
        version_added: 0.1.0
      vault_id:
        description:
          - Encrypt the value with the secret of this vault id, which Ansible was given with C(--vault-id). Use V(default) for
            one without an id.
          - An encrypted file is read whether this is given or not.
        type: str
        version_added: 0.1.0
      hashicorp_vault:
        description:
          - A secret in a KV engine of version 2 of HashiCorp Vault or OpenBao, which the controller talks to.
          - Its other fields are kept. It is written over the version that was read only.
        type: dict
        version_added: 0.1.0
        suboptions:
          path:
            description: Path of the secret, without the mount and without C(data).
            type: str
            required: true
            version_added: 0.1.0
          mount:
            description: Where the KV engine is mounted.
            type: str
            default: secret
            version_added: 0.1.0
          field:
            description: The field of the secret that holds the raw value.
            type: str
            default: key
            version_added: 0.1.0
          url:
            description: Address of the server. By default that of the environment variable E(VAULT_ADDR).
            type: str
            version_added: 0.1.0
          token:
            description: The token to authenticate with. By default that of the environment variable E(VAULT_TOKEN).
            type: str
            version_added: 0.1.0
          namespace:
            description: The namespace. By default that of the environment variable E(VAULT_NAMESPACE).
            type: str
            version_added: 0.1.0
          ca_path:
            description:
              - File with certificates of authorities to trust. By default that of the environment variable
                E(VAULT_CACERT).
            type: path
            version_added: 0.1.0
          validate_certs:
            description: Whether the certificate of the server is checked.
            type: bool
            default: true
            version_added: 0.1.0
          timeout:
            description: Seconds to wait for an answer.
            type: int
            default: 30
            version_added: 0.1.0
  rotate:
    description:
      - Replace the key by a successor of the same alias when its value has to change, which is when O(key) is another
        one than before, or O(rotate.generation) is.
      - The old key is renamed and goes on working for O(rotate.grace). The first run after that time deletes it.
      - The successor has the options and the spend of the old key. LiteLLM begins its budget window anew.
      - Where a run breaks off the next one goes on, and at every moment at least one of the two keys works.
      - When the key is deleted, an old one in its grace time is deleted with it.
    type: dict
    version_added: 0.1.0
    suboptions:
      grace:
        description: How long the old key goes on working.
        type: str
        default: 24h
        version_added: 0.1.0
      generation:
        description:
          - A number to change when a new value should be made for O(store). A key that was made without it has V(1).
        type: int
        version_added: 0.1.0
  key_type:
    description:
      - Which group of routes the key may call. It can be set at creation only.
    type: str
    choices: [llm_api, management, read_only, default]
    version_added: 0.1.0
  send_invite_email:
    description: Whether LiteLLM sends an invitation to the user of a new key. Has an effect at creation only.
    type: bool
    version_added: 0.1.0
  user_id:
    description: The user that the key belongs to.
    type: str
    version_added: 0.1.0
  team_id:
    description: The team that the key belongs to, by its id.
    type: str
    version_added: 0.1.0
  team_alias:
    description:
      - The team that the key belongs to, by its name, which must be unambiguous.
      - Mutually exclusive with O(team_id).
    type: str
    version_added: 0.1.0
  agent_id:
    description: The agent that the key belongs to.
    type: str
    version_added: 0.1.0
  organization_id:
    description: The organization that the key belongs to. Needs a LiteLLM Enterprise licence.
    type: str
    version_added: 0.1.0
  project_id:
    description: The project that the key belongs to. Needs a LiteLLM Enterprise licence.
    type: str
    version_added: 0.1.0
  budget_id:
    description: The budget that the key is linked to.
    type: str
    version_added: 0.1.0
  end_user_budget_id:
    description: The budget of end users that are first seen through this key.
    type: str
    version_added: 0.1.0
  duration:
    description:
      - How long a new key lives, such as V(30d), V(12h) or V(1mo). V(-1) and V(null) mean without end.
      - It is applied at creation. The end of an existing key is moved only with O(renew_before), and removed by
        V(null).
    type: str
    version_added: 0.1.0
  renew_before:
    description:
      - Extend the life of an existing key by O(duration) from now when less than this is left, such as V(7d).
    type: str
    version_added: 0.1.0
  blocked:
    description: Whether the key is blocked.
    type: bool
    version_added: 0.1.0
  auto_rotate:
    description:
      - Whether LiteLLM should rotate the key by itself. The new value goes where LiteLLM sends it, not to O(store).
    type: bool
    version_added: 0.1.0
  rotation_interval:
    description: How often LiteLLM rotates the key by itself, such as V(90d).
    type: str
    version_added: 0.1.0
  models:
    description: Models that the key may use. An empty list means all.
    type: list
    elements: str
    version_added: 0.1.0
  aliases:
    description: Other names for models, valid for this key.
    type: dict
    version_added: 0.1.0
  allowed_routes:
    description: Routes, patterns or groups of routes that the key may call.
    type: list
    elements: str
    version_added: 0.1.0
  access_group_ids:
    description: Access groups of the key, by their ids.
    type: list
    elements: str
    version_added: 0.1.0
  access_group_names:
    description:
      - Access groups of the key, by their names.
      - Mutually exclusive with O(access_group_ids).
    type: list
    elements: str
    version_added: 0.1.0
  allowed_cache_controls:
    description: Cache controls that a caller may use.
    type: list
    elements: str
    version_added: 0.1.0
  permissions:
    description: Permissions of the key.
    type: dict
    version_added: 0.1.0
  config:
    description: Configuration of the key; LiteLLM calls it deprecated.
    type: dict
    version_added: 0.1.0
  router_settings:
    description: Settings of the router for requests with this key.
    type: dict
    version_added: 0.1.0
  object_permission:
    description:
      - MCP servers, vector stores, agents and other objects that the key may use.
      - Only the parts that are given are compared and changed; V(null) clears a part.
    type: dict
    version_added: 0.1.0
  spend:
    description: What a new key has spent already. It is not compared later.
    type: float
    version_added: 0.1.0
  max_budget:
    description: What the key may spend.
    type: float
    version_added: 0.1.0
  soft_budget:
    description:
      - The spend at which LiteLLM warns. LiteLLM keeps it in a budget that is linked to the key.
      - Mutually exclusive with O(budget_id).
    type: float
    version_added: 0.1.0
  budget_duration:
    description: After what time the spend starts anew, such as V(30d).
    type: str
    version_added: 0.1.0
  budget_limits:
    description:
      - Several budgets that hold at once, each with C(budget_duration) and C(max_budget).
    type: list
    elements: dict
    version_added: 0.1.0
  budget_fallbacks:
    description: Models to use instead when the budget of a model is spent, in this order.
    type: dict
    version_added: 0.1.0
  tpm_limit:
    description: Tokens a minute.
    type: int
    version_added: 0.1.0
  rpm_limit:
    description: Requests a minute.
    type: int
    version_added: 0.1.0
  tpd_limit:
    description: Tokens a day, of batches.
    type: int
    version_added: 0.1.0
  max_parallel_requests:
    description: Requests at the same time.
    type: int
    version_added: 0.1.0
  model_rpm_limit:
    description: Requests a minute for each model.
    type: dict
    version_added: 0.1.0
  model_tpm_limit:
    description: Tokens a minute for each model.
    type: dict
    version_added: 0.1.0
  mcp_rpm_limit:
    description: Requests a minute for each MCP server.
    type: dict
    version_added: 0.1.0
  tag_rpm_limit:
    description: Requests a minute for each request tag.
    type: dict
    version_added: 0.1.0
  rpm_limit_type:
    description: How O(rpm_limit) is kept, V(guaranteed_throughput), V(best_effort_throughput) or V(dynamic).
    type: str
    version_added: 0.1.0
  tpm_limit_type:
    description: How O(tpm_limit) is kept, V(guaranteed_throughput), V(best_effort_throughput) or V(dynamic).
    type: str
    version_added: 0.1.0
  default_estimated_output_tokens:
    description: Tokens of output to count beforehand for a request that doesn't limit them.
    type: int
    version_added: 0.1.0
  default_estimated_output_tokens_per_model:
    description: Like O(default_estimated_output_tokens), for each model.
    type: dict
    version_added: 0.1.0
  allowed_vector_store_indexes:
    description: Vector store indexes that the key may use, each with C(index_name) and C(index_permissions).
    type: list
    elements: dict
    version_added: 0.1.0
  throttle_on_budget_exceeded:
    description: Whether a key beyond its budget is slowed down instead of turned away.
    type: bool
    version_added: 0.1.0
  enable_prompt_caching:
    description: Whether LiteLLM adds prompt caching marks to requests.
    type: bool
    version_added: 0.1.0
  model_max_budget:
    description: Budgets of single models. Needs a LiteLLM Enterprise licence.
    type: dict
    version_added: 0.1.0
  enforced_params:
    description: Parameters that every request must have. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  guardrails:
    description: Guardrails of the key. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  disable_global_guardrails:
    description: Whether global guardrails are off for this key. Needs a LiteLLM Enterprise licence.
    type: bool
    version_added: 0.1.0
  policies:
    description: Policies of the key. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  prompts:
    description: Prompts that the key may use. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  tags:
    description: Tags of the key. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
  allowed_passthrough_routes:
    description: Pass-through routes that the key may call. Needs a LiteLLM Enterprise licence.
    type: list
    elements: str
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make a key and keep its value in a file
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-app
    models: [qwen2.5-7b]
    max_budget: 100
    budget_duration: 30d
    store:
      file: /root/my-app.key

- name: Make a key of a given value that lives for 30 days, and renew it in its last week
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-other-app
    key: "{{ vault_my_other_app_key }}"
    duration: 30d
    renew_before: 7d

- name: Replace the stored value by a new one, while the old one works for another day
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-app
    store:
      file: /root/my-app.key
    rotate:
      generation: 2
      grace: 24h

- name: Make a key and keep its value, encrypted, beside the playbook
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-second-app
    store:
      controller_file: /root/my-second-app.vault
      vault_id: default

- name: Make a key and keep its value in HashiCorp Vault
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-third-app
    store:
      hashicorp_vault:
        url: https://vault.example.com:8200
        token: "{{ vault_token }}"
        path: llm/my-third-app

- name: Take a limit away and leave the others as they are
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-app
    max_budget: null

- name: Delete a key and its stored value
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-app
    state: absent
    store:
      file: /root/my-app.key
"""

RETURN = r"""
operation:
  description: What was done, or would be done in check mode, to the key itself.
  type: str
  returned: success
  choices: [create, update, delete, rotate, none]
  sample: create
key_alias:
  description: The name of the key.
  type: str
  returned: success
  sample: my-app
token:
  description: The hash by which LiteLLM knows the key. It can't be used as a key.
  type: str
  returned: success
  sample: 88dc28d0f030c55ed4ab77ed8faf098196cb1c05df778539800c9f1243fe6b4b
key_name:
  description: The masked form of the key.
  type: str
  returned: success
  sample: sk-...wXyZ
changed_fields:
  description: The options that differed from what was wanted.
  type: list
  elements: str
  returned: success
  sample: [max_budget]
object:
  description:
    - The key as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    key_alias: my-app
    max_budget: 100.0
along:
  description: What LiteLLM deletes by itself when this is done, such as the tokens that stand for the key.
  type: list
  elements: str
  returned: success
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import CONTROLLER_STORE, STORE
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.key_change import Store
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import KEY
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import object_module, run_one
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import FileStore
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted

EXTRA: dict[str, t.Any] = {"store": STORE, "controller_store": CONTROLLER_STORE}


def main() -> None:
    module = object_module(KEY, EXTRA)
    controller = module.use_controller()

    def store_of(wanted: Wanted) -> Store | None:
        if controller:
            return controller.store(wanted.identity)
        return FileStore(module.params["store"]["file"]) if module.params["store"] else None

    run_one(module, KEY, store_of)


if __name__ == "__main__":
    main()
