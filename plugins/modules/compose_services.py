#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_services
short_description: Stops and starts services of a Compose deployment that is not this collection's
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Stops containers of a deployment that somebody made by hand, and keeps the engine from starting them again at a boot. Nothing is
    removed, and none of its files is touched.
  - How they were found is remembered in a file, by which they come back as they were.
options:
  compose_dir:
    description: Absolute path of the deployment's folder, by which its containers are known.
    type: path
    required: true
  state:
    description: V(stopped) stops O(services) in their order. V(started) starts what was stopped here, the last one first.
    type: str
    choices: [started, stopped]
    required: true
  project:
    description: Name of the Compose project that O(services) are of. Without it those of every project in the folder are stopped.
    type: str
    default: ''
  services:
    description: The services to stop.
    type: list
    elements: str
    default: []
  memory:
    description: Absolute path of the file that remembers, for root only. Removed once everything is started again.
    type: path
    required: true
  timeout:
    description: Seconds that a container has to end by itself.
    type: int
    default: 120
attributes:
  check_mode:
    description: Says what would be stopped or started.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: What is stopped stays so.
    support: full
seealso:
  - module: llmfleet.gateway.compose_deployment
"""

EXAMPLES = r"""
- name: Stop the old gateway and its models
  llmfleet.gateway.compose_services:
    compose_dir: /srv/llm
    state: stopped
    services: [litellm, vllm, db]
    memory: /opt/llmfleet/adopted/containers.json
"""

RETURN = r"""
containers:
  description: Names of the containers that were stopped or started.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._adopt import reading, services
from ..module_utils._host.run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "compose_dir": {"type": "path", "required": True},
            "state": {"type": "str", "choices": ["started", "stopped"], "required": True},
            "project": {"type": "str", "default": ""},
            "services": {"type": "list", "elements": "str", "default": []},
            "memory": {"type": "path", "required": True},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    said = module.params
    try:
        there = reading.containers(run, said["compose_dir"])
        if said["state"] == "stopped":
            chosen = services.to_stop(there, said["services"], said["project"])
            if chosen and not module.check_mode:
                services.stop(run, said["memory"], chosen, said["timeout"])
        else:
            chosen = services.to_start(there, services.remembered(said["memory"]))
            if not module.check_mode:
                services.start(run, said["memory"], chosen)
    except (reading.ReadingError, services.ServicesError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=bool(chosen), containers=[one["name"] for one in chosen])


if __name__ == "__main__":
    main()
