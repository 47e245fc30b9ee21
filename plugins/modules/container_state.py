#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_state
short_description: Stops, starts and restarts the containers of projects of the fleet
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Finds them by the label C(io.llmfleet.project) and leaves every other container alone. They stay as they are defined.
  - What starts has to be healthy in the end.
  - Takes no requests away first, see the playbooks C(restart) and C(stop).
options:
  projects:
    description: Names of the projects.
    type: list
    elements: str
    required: true
  state:
    description: What they are to be. V(restarted) stops and starts what runs, and starts what does not.
    type: str
    choices: [started, stopped, restarted]
    required: true
  timeout:
    description: Seconds until those that start have to be healthy.
    type: int
    default: 600
attributes:
  check_mode:
    description: Says what would be changed.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: V(started) and V(stopped) change nothing that is so. V(restarted) always does.
    support: partial
seealso:
  - module: llmfleet.gateway.compose_project
"""

EXAMPLES = r"""
- name: Stop an instance
  llmfleet.gateway.container_state:
    projects: [llmfleet-vllm-assistant]
    state: stopped
"""

RETURN = r"""
containers:
  description: The containers, with what they were and are.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the container.
      type: str
    project:
      description: Its project.
      type: str
    before:
      description: How it was, in words.
      type: str
    after:
      description: How it is.
      type: str
seconds:
  description: What it took.
  returned: success
  type: float
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine, EngineError, limited
from ansible_collections.llmfleet.gateway.plugins.module_utils._containers.states import STATES, Projects


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "projects": {"type": "list", "elements": "str", "required": True},
            "state": {"type": "str", "required": True, "choices": list(STATES)},
            "timeout": {"type": "int", "default": 600},
        },
        supports_check_mode=True,
    )
    projects = Projects(Engine(limited(module.run_command)), module.params["projects"])
    try:
        result = projects.bring(module.params["state"], module.params["timeout"], module.check_mode)
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
