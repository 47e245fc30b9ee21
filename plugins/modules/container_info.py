#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: container_info
short_description: All containers of the fleet on a host
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads every container of this collection on a host, running or not, by its label C(io.llmfleet.project), in one call.
  - Asks the engine by its command line, as M(llmfleet.gateway.compose_project) does, and the kernel for the memory in use. So it
    needs neither Docker's SDK for Python nor anything else beside Python.
  - Changes nothing.
extends_documentation_fragment:
  - llmfleet.gateway.reading
seealso:
  - module: llmfleet.gateway.host_status
"""

EXAMPLES = r"""
- name: Read the containers
  llmfleet.gateway.container_info:
  register: found

- name: Say which are not well
  ansible.builtin.debug:
    msg: "{{ found.containers | rejectattr('health', 'in', ['', 'healthy']) | map(attribute='name') }}"
"""

RETURN = r"""
containers:
  description: The containers, by name.
  returned: success
  type: list
  elements: dict
  contains:
    name:
      description: Name of the container.
      type: str
    id:
      description: Its identifier.
      type: str
    project:
      description: Its project of this collection.
      type: str
    service:
      description: Its service in the compose file.
      type: str
    state:
      description: What the engine calls its status, such as V(running) or V(exited).
      type: str
    health:
      description: V(starting), V(healthy), V(unhealthy), or empty without a health check.
      type: str
    exit_code:
      description: Of the last time that it ended.
      type: int
    error:
      description: Why the engine could not start it.
      type: str
    oom_killed:
      description: Whether the kernel ended it for want of memory.
      type: bool
    restarts:
      description: How often the engine started it anew by itself.
      type: int
    created:
      description: When it was made.
      type: str
    started:
      description: When it was started last, empty where it never was.
      type: str
    finished:
      description: When it ended last, empty where it never did.
      type: str
    image:
      description: The image by the name that the compose file says.
      type: str
    image_id:
      description: Identifier of the image.
      type: str
    digest:
      description: The digest that a registry knows the image by. Empty for an image that was built or loaded.
      type: str
    version:
      description: What the image says of its version, if anything.
      type: str
    devices:
      description: Its GPUs by CDI's names, and other devices.
      type: list
      elements: str
    ports:
      description: The C(address) and C(port) of the host, and the port C(inside) the container.
      type: list
      elements: dict
    addresses:
      description: Its address in each Docker network.
      type: dict
    memory_bytes:
      description: Memory in use without the page cache. Null where it does not run.
      type: int
    memory_limit_bytes:
      description: How much it may have. Null without a limit.
      type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import EngineError
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import run
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.containers import containers, engine_of


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        found = containers(engine_of(run))
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, containers=found)


if __name__ == "__main__":
    main()
