#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: weights_move
short_description: Has a folder of weights at another place without downloading it again
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - On the same disk files are linked, on another one they are copied, and what was written is read again and compared.
  - A file that is there with the same size and time is not copied again, so that a run that was cut off goes on.
  - The old folder stays until O(remove).
options:
  source:
    description: The folder where the weights are.
    type: path
    required: true
  target:
    description: The folder where they are to be.
    type: path
    required: true
  remove:
    description: Instead removes of O(source) what is in O(target) too. What is not, stays.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would be brought there.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: What is there is not brought again.
    support: full
"""

EXAMPLES = r"""
- name: Have the weights on another disk
  llmfleet.gateway.weights_move:
    source: /opt/llmfleet/models
    target: /mnt/nvme/models
"""

RETURN = r"""
bytes:
  description: Of the files that were brought there.
  returned: success
  type: int
files:
  description: How many files, folders and links were brought there.
  returned: success
  type: int
linked:
  description: Whether both are on one disk.
  returned: success
  type: bool
kept:
  description: With O(remove) what is not at the new place, and stays.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._containers.moving import MoveError, perform


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "target": {"type": "path", "required": True},
            "remove": {"type": "bool", "default": False},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        result = perform(asked["source"], asked["target"], asked["remove"], module.check_mode)
    except (MoveError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
