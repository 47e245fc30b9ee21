#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: uninstallation
short_description: Removes what is left on a host once the fleet's projects are gone
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Removes networks of the fleet that no container is in, and the folders below O(root) that only a running fleet needs.
  - Comes after M(llmfleet.gateway.compose_project) has removed the projects, see the playbook C(uninstall).
  - Leaves files and folders below O(root) alone that are not of the fleet.
options:
  root:
    description: Folder of the projects.
    type: path
    required: true
  data:
    description: Whether the database, weights, caches, certificates and backups below O(root) go as well.
    type: bool
    default: false
attributes:
  check_mode:
    description: Says what would be removed.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: What is gone is not removed again.
    support: full
"""

EXAMPLES = r"""
- name: Remove what is left, and keep the data
  llmfleet.gateway.uninstallation:
    root: /opt/llmfleet
"""

RETURN = r"""
removed:
  description: Folders, files and networks.
  returned: success
  type: list
  elements: str
kept:
  description: What is still below O(root).
  returned: success
  type: list
  elements: str
"""

import shutil

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine, EngineError, limited
from ansible_collections.llmfleet.gateway.plugins.module_utils._containers.uninstalling import perform


def main() -> None:
    module = AnsibleModule(
        argument_spec={"root": {"type": "path", "required": True}, "data": {"type": "bool", "default": False}},
        supports_check_mode=True,
    )
    engine = Engine(limited(module.run_command)) if shutil.which("docker") else None
    try:
        result = perform(engine, module.params["root"], module.params["data"], module.check_mode)
    except (EngineError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
