#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: key_revocation
short_description: Blocks a key and sees every LiteLLM process of a host refuse it
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Blocks the key and asks each process from inside its container until it refuses the key, which tells the seconds that it took.
  - Without O(key) it blocks by O(key_alias) and measures nothing, since only a key's value can be tried.
  - Values are passed by standard input only.
options:
  containers:
    description: Containers of LiteLLM on this host.
    type: list
    elements: str
    required: true
  key_alias:
    description: The alias of the key. Every key that has it is blocked.
    type: str
  key:
    description: The value of the key.
    type: str
  master_key:
    description: The master key of the proxy.
    type: str
    required: true
  block:
    description: Whether to block it from here, which one gateway does for all of them.
    type: bool
    default: true
  timeout:
    description: Seconds until every process has to refuse it.
    type: int
    default: 120
attributes:
  check_mode:
    description: Says whether it would block the key.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: A key that is blocked stays so.
    support: full
seealso:
  - module: llmfleet.gateway.litellm_key
"""

EXAMPLES = r"""
- name: Block a key
  llmfleet.gateway.key_revocation:
    containers: [llmfleet-litellm-1, llmfleet-litellm-2]
    key: "{{ lookup('ansible.builtin.file', 'lost.key') }}"
    master_key: "{{ litellm_master_key }}"
"""

RETURN = r"""
measured:
  description: Whether the processes were asked with the key.
  returned: success
  type: bool
processes:
  description: What each process said.
  returned: success
  type: list
  elements: dict
  contains:
    process:
      description: Its container.
      type: str
    accepted_before:
      description: Whether it let the key in before.
      type: bool
    status:
      description: Its last answer.
      type: int
    seconds:
      description: From the moment that the key was blocked; null where it is still let in.
      type: float
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine, EngineError, limited
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.revocation import (
    Processes,
    RevocationError,
    revoke,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "containers": {"type": "list", "elements": "str", "required": True},
            "key_alias": {"type": "str", "no_log": False},
            "key": {"type": "str", "no_log": True},
            "master_key": {"type": "str", "no_log": True, "required": True},
            "block": {"type": "bool", "default": True},
            "timeout": {"type": "int", "default": 120},
        },
        required_one_of=[("key_alias", "key")],
        supports_check_mode=True,
    )
    processes = Processes(module.params["containers"], Engine(limited(module.run_command)).execute)
    try:
        result = revoke(processes, module.params, module.check_mode)
    except (EngineError, RevocationError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
