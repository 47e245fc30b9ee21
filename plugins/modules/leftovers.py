#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: leftovers
short_description: Finds and removes what is left of the fleet on a host and nobody uses
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Images that projects of the fleet ran once, weights in O(models_dir) that no declared model needs, and caches of instances that are gone.
  - What a container uses, whoever's it is, is in use. So are the images of the state that works and the one before it, which the playbook
    C(rollback) needs.
  - Images that no project of the fleet ran are none of its business, and neither are weights outside of O(root).
options:
  root:
    description: Folder of the projects.
    type: path
    required: true
  models_dir:
    description: Folder of the weights.
    type: path
    required: true
  cache_dir:
    description: Folder of the instances' caches, where it is not in their projects.
    type: str
    default: ''
  models:
    description: Repositories of the hub that are declared.
    type: list
    elements: str
    default: []
  instances:
    description: Instances that are declared for the host.
    type: list
    elements: str
    default: []
  images:
    description: Images that are declared.
    type: list
    elements: str
    default: []
  remove:
    description: Names out of RV(leftovers) that are removed. Without it nothing is.
    type: list
    elements: str
attributes:
  check_mode:
    description: Removes nothing.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: What is gone is not removed again.
    support: full
"""

EXAMPLES = r"""
- name: See what is left over
  llmfleet.gateway.leftovers:
    root: /opt/llmfleet
    models_dir: /opt/llmfleet/models
    models: [Qwen/Qwen2.5-0.5B-Instruct]
    instances: [qwen2.5-0.5b]
"""

RETURN = r"""
leftovers:
  description: What is left over, or with O(remove) what was removed.
  returned: success
  type: list
  elements: dict
  contains:
    kind:
      description: V(image), V(model) or V(cache).
      type: str
    name:
      description: Name of the image, or path of the folder.
      type: str
    bytes:
      description: Its size. Layers that an image shares with another one stay.
      type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine, EngineError, limited
from ansible_collections.llmfleet.gateway.plugins.module_utils._containers.leftovers import Look, perform


def main() -> None:
    names = {"type": "list", "elements": "str", "default": []}
    module = AnsibleModule(
        argument_spec={
            "root": {"type": "path", "required": True},
            "models_dir": {"type": "path", "required": True},
            "cache_dir": {"type": "str", "default": ""},
            "models": names,
            "instances": names,
            "images": names,
            "remove": {"type": "list", "elements": "str"},
        },
        supports_check_mode=True,
    )
    look = Look(**{name: module.params[name] for name in Look._fields})
    try:
        result = perform(Engine(limited(module.run_command)), look, module.params["remove"], module.check_mode)
    except (EngineError, OSError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
