#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_vector_store
short_description: Manage vector stores of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes vector stores of providers, which requests may search.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  vector_store_id:
    description:
      - The id of the vector store at its provider.
    type: str
    required: true
    version_added: 0.1.0
  custom_llm_provider:
    description:
      - Whose vector store it is, such as V(openai). A new one needs it.
    type: str
    version_added: 0.1.0
  vector_store_name:
    description:
      - A name for people.
    type: str
    version_added: 0.1.0
  vector_store_description:
    description:
      - What is in there.
    type: str
    version_added: 0.1.0
  litellm_params:
    description:
      - How it is reached, such as C(api_base) and C(api_key).
      - 'LiteLLM does not show the secret ones: they are compared by a keyed fingerprint.'
      - It can be set at creation only.
    type: dict
    version_added: 0.1.0
  litellm_credential_name:
    description:
      - The credential that it is reached with.
      - It can be set at creation only.
    type: str
    version_added: 0.1.0
  team_id:
    description:
      - The team that it belongs to.
      - It can be set at creation only.
    type: str
    version_added: 0.1.0
  vector_store_metadata:
    description:
      - Free metadata. Entries are added to those that exist; one that is V(null) is removed.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Offer a vector store
  llmfleet.gateway.litellm_vector_store:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    vector_store_id: vs_handbook
    custom_llm_provider: openai
    vector_store_name: handbook
    litellm_params:
      api_key: "{{ vault_openai_api_key }}"

- name: Delete a vector store
  llmfleet.gateway.litellm_vector_store:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    vector_store_id: vs_handbook
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
  sample: [custom_llm_provider]
vector_store_id:
  description: The id of the vector store at its provider.
  type: str
  returned: success
  sample: vs_handbook
object:
  description:
    - The vector store as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    vector_store_id: vs_handbook
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import VECTOR_STORE
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(VECTOR_STORE)


if __name__ == "__main__":
    main()
