# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: key_replacement
short_description: Makes new values of declared virtual keys
version_added: "0.2.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Sees which keys of C(llm_state) can get a new value. Those whose C(key) is the lookup P(llmfleet.gateway.virtual_key#lookup) get one in
    a file beside theirs; of those in a store of the role C(llmfleet.gateway.gateway_state) the next generation is named.
  - Runs on the controller. The playbook C(rotate_keys) gives what it returns to that role, and calls it again with O(files).
options:
  found:
    description: The keys of the proxy, as M(llmfleet.gateway.litellm_info) returns them.
    type: list
    elements: dict
  aliases:
    description: Which keys. None means all that can get a new value; one that can't is refused with the remedy.
    type: list
    elements: str
    default: []
  grace:
    description: How long a value before goes on working.
    type: str
    default: 24h
  files:
    description: Instead of O(found), files whose new values LiteLLM knows by now. They take the place of the old ones.
    type: list
    elements: path
attributes:
  check_mode:
    description: Writes no file.
    support: full
  diff_mode:
    description: Shows no key.
    support: none
  idempotent:
    description: A new value that is in its file already, of a run that was cut off, is used.
    support: partial
"""

EXAMPLES = r"""
- name: Put new values in the place of the old ones
  llmfleet.gateway.key_replacement:
    files: [/home/me/fleet/keys/my-app]
"""

RETURN = r"""
aliases:
  description: The keys that get a new value.
  returned: O(found) is given
  type: list
  elements: str
stays:
  description: The declared keys that can't get one by this, and why.
  returned: O(found) is given
  type: dict
files:
  description: Files on the controller that hold values of the keys, or those whose value was put in its place.
  returned: success
  type: list
  elements: str
desired:
  description: The keys as C(llm_state), with their new values.
  returned: O(found) is given
  type: dict
"""
