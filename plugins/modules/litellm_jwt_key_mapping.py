#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_jwt_key_mapping
short_description: Manage mappings of JSON Web Tokens to keys of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes mappings, by which a JSON Web Token stands for a virtual key.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  jwt_claim_value:
    description:
      - The value of the claim.
    type: str
    required: true
    version_added: 0.1.0
  jwt_claim_name:
    description:
      - The name of the claim, such as V(sub). A new mapping needs it.
      - It can be set at creation only.
    type: str
    version_added: 0.1.0
  key_alias:
    description:
      - The key that the token stands for. A new mapping needs it, or O(token).
      - LiteLLM does not show it later, so it counts at creation only.
    type: str
    version_added: 0.1.0
  token:
    description:
      - The hash of that key, in the place of O(key_alias).
    type: str
    version_added: 0.1.0
  jwt_issuer:
    description:
      - Who issues the token.
    type: str
    version_added: 0.1.0
  description:
    description:
      - What the mapping is for.
    type: str
    version_added: 0.1.0
  is_active:
    description:
      - Whether it counts.
    type: bool
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Make the key
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-app
    key: "{{ 'my-app' | llmfleet.gateway.derived_key(vault_key_secret) }}"

- name: Let a token stand for a key
  llmfleet.gateway.litellm_jwt_key_mapping:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    jwt_claim_value: ada
    jwt_claim_name: sub
    key_alias: my-app

- name: Delete a mapping
  llmfleet.gateway.litellm_jwt_key_mapping:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    jwt_claim_value: ada
    state: absent

- name: Delete the key
  llmfleet.gateway.litellm_key:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    key_alias: my-app
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
  sample: [jwt_claim_name]
jwt_claim_value:
  description: The value of the claim.
  type: str
  returned: success
  sample: ada
id:
  description: The id of the mapping.
  type: str
  returned: success
  sample: a8a2b54d-9a0a-4a5c-8a53-5a2c2f7dbe1b
object:
  description:
    - The mapping as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    jwt_claim_value: ada
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import JWT_KEY_MAPPING
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(JWT_KEY_MAPPING)


if __name__ == "__main__":
    main()
