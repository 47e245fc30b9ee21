#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: litellm_setting
short_description: Manage settings in the database of a LiteLLM proxy
version_added: 0.1.0
author:
  - llmfleet contributors (@llmfleet)
description:
  - Changes settings of the proxy that are kept in its database, such as discounts and margins of costs and what new users get.
  - They are always there. With O(state) set to V(absent) the module fails; clear parts of O(values) with V(null).
extends_documentation_fragment:
  - llmfleet.gateway.litellm
  - llmfleet.gateway.litellm.object
options:
  name:
    description:
      - Which settings, V(block_requests_for_models_without_pricing), V(cache_settings), V(cost_discount), V(cost_margin),
        V(default_team_settings), V(internal_user_settings), V(mcp_semantic_filter_settings), V(mcp_tool_search_settings),
        V(sso_settings), V(ui_settings), V(ui_theme_settings), V(user_banner) or V(websearch_interception_settings).
    type: str
    required: true
    version_added: 0.1.0
  values:
    description:
      - The settings by their names in LiteLLM, for costs by providers. What is not named stays; one that is V(null) is cleared.
        A switch is turned off with V(false), and what has a default is given that.
      - Of secrets in V(sso_settings) LiteLLM shows the first and the last four characters, of those in V(cache_settings) none. They are
        compared by that, so another secret with the same ends is not seen as a change.
      - A change of V(sso_settings) has to give all secrets that are set, since LiteLLM replaces all of it.
      - A change of V(cache_settings) turns the cache of answers on. LiteLLM has no call that turns it off.
    type: dict
    version_added: 0.1.0
"""

EXAMPLES = r"""
- name: Count what one provider costs with a discount
  llmfleet.gateway.litellm_setting:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    name: cost_discount
    values:
      openai: 0.05

- name: Count it in full again
  llmfleet.gateway.litellm_setting:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
    name: cost_discount
    values:
      openai: null
"""

RETURN = r"""
operation:
  description: What was done, or would be done in check mode.
  type: str
  returned: success
  choices: [update, none]
  sample: update
changed_fields:
  description: The options that differed from what was wanted.
  type: list
  elements: str
  returned: success
  sample: [values]
name:
  description: Which settings.
  type: str
  returned: success
  sample: cost_discount
object:
  description:
    - The settings as LiteLLM shows them, without what is not set. In check mode, as they were found.
  type: dict
  returned: success
  sample:
    name: cost_discount
error:
  description: The C(method), C(path) and C(status) of the request that failed, and the C(message) of the proxy.
  type: dict
  returned: when the proxy refused a request or did not answer
"""

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.kinds import SETTING
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.object_module import main_of


def main() -> None:
    main_of(SETTING)


if __name__ == "__main__":
    main()
