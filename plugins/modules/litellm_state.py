#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_state
short_description: Bring many objects of a LiteLLM proxy to their desired state in one call
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads all kinds of objects at once, makes one plan, and carries it out in the order that references need.
  - When anything in O(desired) is wrong or can't be had, nothing is changed, and every mistake is named.
  - Every object that has room for it gets a marker with O(owner), in its metadata under C(llmfleet). Budgets,
    customers, access groups and tags have no such room.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.controller_store
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: partial
    details:
      - With C(renew_before) a key is extended whenever too little of its life is left.
options:
  desired:
    description:
      - Lists of objects by their kind, which is the name of its module without C(litellm_) and in the plural, such as the
        keys of M(llmfleet.gateway.litellm_key) and the access groups of M(llmfleet.gateway.litellm_access_group) under
        C(access_groups). A kind that is not named is not touched.
      - An object has the options of its own module, such as M(llmfleet.gateway.litellm_key) for C(keys), without those
        of the connection and without C(store). With C(state) set to V(absent) it is deleted.
      - With C(rotate) a key is replaced like by M(llmfleet.gateway.litellm_key). While its grace time lasts, the old key is
        not pruned.
    type: dict
    required: true
    version_added: 0.1.0
  prune:
    description:
      - Whether to delete objects that carry the marker of O(owner) and are not in O(desired) any more.
      - Only kinds that O(desired) names are pruned, if only with an empty list, and only those that have room for the
        marker. What was made by hand or by another owner is never touched.
      - Nothing is pruned that LiteLLM would take something of others along with, such as a team with a key that was made by
        hand. Declare such an object with C(state) set to V(absent) and C(cascade) set to V(true).
      - An old key that was rotated away is left alone until its grace time is over.
      - The stored value of a key that is pruned stays in its place; with C(state) set to V(absent) it goes with the key.
    type: bool
    default: false
    version_added: 0.1.0
  owner:
    description: Who owns the objects. Give different names to inventories that share a proxy.
    type: str
    default: llmfleet.gateway
    version_added: 0.1.0
  key_directory:
    description:
      - A directory on the machine that the module runs on, for the raw values of keys that have no C(key) of their own.
        Each is in a file of mode C(0600) with the key's alias as its name and C(.key) as its ending.
      - The directory is made, with mode C(0700), if only it itself is missing.
      - The values are made here, and stored before the keys are created, so that none is ever lost.
    type: path
    version_added: 0.1.0
  key_store:
    description:
      - Like O(key_directory), for a place that the controller reaches. See the option O(llmfleet.gateway.litellm_key#module:store).
      - Mutually exclusive with O(key_directory).
    type: dict
    version_added: 0.1.0
    suboptions:
      controller_directory:
        description:
          - A directory on the controller. A relative path starts at the playbook.
          - Give this or O(key_store.hashicorp_vault).
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
            description: The path below which each key has a secret with its alias as the name.
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
  workers:
    description: How many requests are sent at the same time.
    type: int
    default: 4
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Bring budgets, teams and keys to their desired state
  llmfleet.gateway.litellm_state:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_directory: /root/keys
    desired:
      budgets:
        - budget_id: small
          max_budget: 10
          budget_duration: 30d
      teams:
        - team_alias: research
          team_id: research
          models: [qwen2.5-7b]
      keys:
        - key_alias: my-app
          team_id: research
          budget_id: small
        - key_alias: old-app
          state: absent

- name: Keep the values of new keys, encrypted, on the controller
  llmfleet.gateway.litellm_state:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_store:
      controller_directory: /root/controller-keys
      vault_id: default
    desired:
      keys:
        - key_alias: my-second-app
          rotate:
            generation: 1

- name: Delete what was once declared and isn't any more
  llmfleet.gateway.litellm_state:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    prune: true
    desired:
      teams: []
      keys:
        - key_alias: my-other-app
          key: "{{ vault_my_other_app_key }}"
"""

RETURN = r"""
counts:
  description: How many objects were, or would be in check mode, created, updated, deleted, rotated and left alone.
  type: dict
  returned: success
  sample:
    create: 3
    update: 0
    delete: 1
    rotate: 0
    none: 996
operations:
  description: What was done, or would be done in check mode. Objects without a change are not listed.
  type: list
  elements: dict
  returned: success
  contains:
    kind:
      description: The kind of the object.
      type: str
      sample: key
    name:
      description: The name of the object.
      type: str
      sample: my-app
    operation:
      description: What was done to the object; V(none) when only its stored value changed.
      type: str
      choices: [create, update, delete, rotate, none]
    changed_fields:
      description: The options that differed, for an update.
      type: list
      elements: str
    along:
      description: What LiteLLM deletes by itself when this is done, such as the keys of a team.
      type: list
      elements: str
errors:
  description: Everything that went wrong.
  type: list
  elements: str
  returned: when objects can't be brought to their desired state
"""

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import desired
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import (
    CONTROLLER_STORE,
    KEY_STORE,
    connection_spec,
    secret_strings_of_state,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.background import BackgroundReading
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.controller_store import Controller
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.key_change import Store
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.module import (
    LiteLLMModule,
    fingerprint_key,
    module_class,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.state import State, run
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import FileStore, key_path
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.wanted import Wanted

OPTIONS: dict[str, t.Any] = {
    "desired": {"type": "dict", "required": True},
    "prune": {"type": "bool", "default": False},
    "owner": {"type": "str", "default": "llmfleet.gateway"},
    "key_directory": {"type": "path", "no_log": False},
    "key_store": KEY_STORE,
    "controller_store": CONTROLLER_STORE,
    "workers": {"type": "int", "default": 4},
}


def shown(params: dict[str, t.Any]) -> dict[str, t.Any]:
    """Thousands of objects would fill the screen, and masking them takes seconds: their numbers stand for them."""
    desired = params["desired"] or {}
    counts = {kind: f"{len(items)} objects" if isinstance(items, list) else "?" for kind, items in desired.items()}
    return {**params, "desired": counts}


def stores(directory: str | None, controller: Controller | None) -> t.Callable[[Wanted], Store | None]:
    """Where the value of a key is kept that has none of its own."""

    def store_of(wanted: Wanted) -> Store | None:
        if wanted.given.get("key"):
            return None
        if controller:
            return controller.store(wanted.identity)
        # The stored value of a key that is pruned stays.
        return FileStore(key_path(directory, wanted.identity), True) if directory and wanted.owner else None

    return store_of


def bring_about(module: LiteLLMModule, controller: Controller | None) -> dict[str, t.Any]:
    params, client = module.params, module.client()
    background = BackgroundReading(client, params["desired"], params["prune"], params["workers"])
    try:
        wanted = desired.read(params["desired"], params["owner"], fingerprint_key(params["api_key"]))
        store_of = stores(params["key_directory"], controller)
        state = State(wanted, params["owner"], params["prune"], store_of, params["workers"])
        outcome = run(client, state, module.plans_only, background)
    finally:
        background.close()
    result = {"changed": outcome.changed, "counts": outcome.counts(), "operations": outcome.operations()}
    return {**result, "diff": outcome.diff()} if module._diff else result


def main() -> None:
    module = module_class(lambda params: secret_strings_of_state(params.get("desired")), shown)(
        argument_spec={**connection_spec(), **OPTIONS},
        mutually_exclusive=[["key_directory", "key_store"]],
        supports_check_mode=True,
        # Thousands of objects don't belong into the system's log, and masking them there costs seconds.
        no_log=True,
    )
    controller = module.use_controller()
    module.run(lambda: bring_about(module, controller))


if __name__ == "__main__":
    main()
