#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_plugin
short_description: Manage plugins of its marketplace of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Creates, changes and deletes the plugins that the proxy offers to coding assistants.
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  name:
    description:
      - The name of the plugin.
    type: str
    required: true
    version_added: 0.1.0
  source:
    description:
      - Where it comes from, such as C(source) V(github) and C(repo). A new plugin needs it.
    type: dict
    version_added: 0.1.0
  author:
    description:
      - Who wrote it, with C(name) and C(email).
    type: dict
    version_added: 0.1.0
  keywords:
    description:
      - Words to find it by.
    type: list
    elements: str
    version_added: 0.1.0
  version:
    description:
      - Its version.
    type: str
    version_added: 0.1.0
  description:
    description:
      - What it does.
    type: str
    version_added: 0.1.0
  homepage:
    description:
      - Its page.
    type: str
    version_added: 0.1.0
  category:
    description:
      - Its category.
    type: str
    version_added: 0.1.0
  domain:
    description:
      - Its domain.
    type: str
    version_added: 0.1.0
  namespace:
    description:
      - Its namespace.
    type: str
    version_added: 0.1.0
  enabled:
    description:
      - Whether it is offered.
    type: bool
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Offer a plugin
  llmfleet.gateway.litellm_plugin:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    name: linter
    version: 1.0.0
    source:
      source: github
      repo: example/linter

- name: Delete a plugin
  llmfleet.gateway.litellm_plugin:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    name: linter
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
  sample: [source]
name:
  description: The name of the plugin.
  type: str
  returned: success
  sample: linter
object:
  description:
    - The plugin as LiteLLM shows it, without what is not set. In check mode, as it was found.
  type: dict
  returned: success
  sample:
    name: linter
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import PLUGIN
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(PLUGIN)


if __name__ == "__main__":
    main()
