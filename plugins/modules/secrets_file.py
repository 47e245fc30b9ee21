# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: secrets_file
short_description: Makes the secrets of the fleet that are missing
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Makes every secret that a service needs and that no host has a variable for, and adds it to a file of variables, readable by
    its owner only. Values that are there are never changed, and none is shown.
  - Runs on the controller.
options:
  path:
    description:
      - The file. By default C(group_vars/all/vault.yml) of the inventory, beside its file or inside of its directory.
      - A new file is encrypted by ansible-vault where Ansible has a vault secret (C(--vault-password-file), C(--vault-id),
        C(--ask-vault-pass)). A file that is there stays as it is, encrypted or not; an encrypted one needs its password.
    type: path
  inventory:
    description:
      - The inventory whose secrets these are. By default that of the run.
    type: path
  all_secrets:
    description:
      - Whether also those are made that only several hosts, or a domain, need. A fleet that grows has them then.
    type: bool
    default: false
  rotate_ca:
    description:
      - Instead, takes a step of the replacement of C(llm_ca_key), by which the hosts of a fleet know each other. A step that was taken
        before changes nothing.
      - V(trust) makes C(llm_ca_next_key), whose certificates are to be trusted from then on.
      - V(issue) makes it C(llm_ca_key), and the old one C(llm_ca_previous_key), which is trusted still.
      - V(drop) takes C(llm_ca_previous_key) out.
      - After each step every host has to have what follows from it, before the next one is taken. The playbook C(rotate_ca) does that.
    type: str
    choices: [trust, issue, drop]
  rotate:
    description:
      - Instead, gives these secrets new values, V(all) for every one that can be replaced. Of C(vllm_api_key) and C(redis_password) the value
        before is kept, as C(vllm_previous_api_key) and C(redis_previous_password), since both have to be valid while clients change.
      - A secret whose value before is kept still is not replaced again, so that a rotation that was cut off goes on.
      - C(litellm_salt_key) is refused. The playbook C(rotate_secrets) does the rest.
    type: list
    elements: str
    version_added: "0.2.0"
  drop_previous:
    description: Instead, takes out the values before, once nobody uses them any more.
    type: bool
    default: false
    version_added: "0.2.0"
attributes:
  check_mode:
    description: Says what is missing without making it.
    support: full
  diff_mode:
    description: Shows no secret.
    support: none
  idempotent:
    description: What is there stays.
    support: full
"""

EXAMPLES = r"""
- name: Make the missing secrets
  llmfleet.gateway.secrets_file:

- name: Make all that a fleet may ever need, beside an inventory that is not the run's
  llmfleet.gateway.secrets_file:
    inventory: my-fleet/gpu_hosts
    all_secrets: true

- name: Have another key for the fleet's authority, which is trusted and not used yet
  llmfleet.gateway.secrets_file:
    rotate_ca: trust

- name: Have another password of Redis beside the one that is used
  llmfleet.gateway.secrets_file:
    rotate: [redis_password]
"""

RETURN = r"""
path:
  description: The file.
  returned: success
  type: str
encrypted:
  description: Whether the file is encrypted by ansible-vault.
  returned: success, unless O(rotate_ca)
  type: bool
added:
  description: Variables that were missing, or that have another value now.
  returned: success
  type: list
  elements: str
removed:
  description: Variables that were taken out.
  returned: O(rotate) or O(drop_previous) is given
  type: list
  elements: str
chosen:
  description: The secrets that O(rotate) means.
  returned: O(rotate) is given
  type: list
  elements: str
kept:
  description: Variables that hold values before, of those secrets.
  returned: O(rotate) is given
  type: list
  elements: str
msg:
  description: What was missing, and what to do with the file.
  returned: success
  type: str
"""
