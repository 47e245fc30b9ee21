#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_logs
short_description: Logs of the fleet's containers
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads the logs of the containers that have the label C(io.llmfleet.project), running or not, by the time of each line.
  - Its action shows lines as they come (O(follow)), and those of all hosts of the play in one order (O(merge)).
  - What would change the terminal is taken out of the lines.
options:
  services:
    description:
      - Services such as V(vllm) and V(litellm), their projects such as V(litellm-1), or instances of vLLM. All with none.
    type: list
    elements: str
    default: []
  since:
    description: From when on, as C(docker logs) takes it, such as V(10m) or V(2026-11-26T01:00:00Z).
    type: str
    default: ''
  before:
    description: Until when.
    type: str
    default: ''
  lines:
    description: The last lines of each container at most.
    type: int
    default: 100
  checks:
    description: Whether lines of health checks and readings of figures that went well are among them.
    type: bool
    default: false
  follow:
    description: For how many seconds new lines are shown as they come, each with its host and service. With none they are returned only.
    type: int
    default: 0
  merge:
    description: Instead shows what the hosts of the play registered under this name, in the order of their times. It asks no host.
    type: str
    default: ''
extends_documentation_fragment:
  - llmfleet.gateway.reading
"""

EXAMPLES = r"""
- name: Read the last ten minutes of LiteLLM
  llmfleet.gateway.container_logs:
    services: [litellm]
    since: 10m
  register: found

- name: Show them
  llmfleet.gateway.container_logs:
    merge: found
  run_once: true
"""

RETURN = r"""
lines:
  description: The lines.
  returned: success
  type: list
  elements: dict
  contains:
    time:
      description: When it was written, by the host's clock.
      type: str
    host:
      description: The host; with O(merge) only.
      type: str
    service:
      description: The project without its prefix, and the service where a project has several.
      type: str
    text:
      description: The line.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine, EngineError, limited
from ansible_collections.llmfleet.gateway.plugins.module_utils._containers.logs import read


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "services": {"type": "list", "elements": "str", "default": []},
            "since": {"type": "str", "default": ""},
            "before": {"type": "str", "default": ""},
            "lines": {"type": "int", "default": 100},
            "checks": {"type": "bool", "default": False},
            "follow": {"type": "int", "default": 0},
            "merge": {"type": "str", "default": ""},
        },
        supports_check_mode=True,
    )
    asked = module.params
    try:
        engine = Engine(limited(module.run_command))
        found = read(engine, *(asked[name] for name in ("services", "since", "before", "lines", "checks")))
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, lines=found)


if __name__ == "__main__":
    main()
