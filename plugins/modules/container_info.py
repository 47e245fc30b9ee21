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
  - Asks the engine by Docker's SDK for Python where the Python that runs the module has it in release 5 or newer, as the role
    P(llmfleet.gateway.docker#role) installs it (O(llmfleet.gateway.docker#role:main:docker_python_sdk)). Where the SDK is missing or does not
    work, it asks by the C(docker) command, as M(llmfleet.gateway.compose_project) does. What is told is the same.
  - Both ways honour C(DOCKER_HOST), C(DOCKER_TLS_VERIFY) and C(DOCKER_CERT_PATH). Docker contexts and engines by SSH are not known to
    every release of the SDK, so the command is asked where one is set.
  - Asks the kernel for the memory in use.
  - Changes nothing.
requirements:
  - Docker's SDK for Python (C(docker), 5 or newer; C(python3-docker) of Debian and Ubuntu), or the C(docker) command
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

- name: Say why Docker's SDK for Python was not used
  ansible.builtin.debug:
    msg: "{{ found.sdk_fault }}"
  when: found.read_by == 'command'

- name: Read them of another engine than the host's own
  llmfleet.gateway.container_info:
  environment:
    DOCKER_HOST: tcp://10.0.0.5:2376
    DOCKER_TLS_VERIFY: '1'
    DOCKER_CERT_PATH: /etc/docker/certificates
  register: elsewhere
"""

RETURN = r"""
read_by:
  description: How the engine was asked, by Docker's SDK for Python (V(sdk)) or by the C(docker) command (V(command)).
  returned: success
  type: str
sdk_fault:
  description: Why the SDK was not used. Empty where it was.
  returned: success
  type: str
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
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.containers import containers
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.readers import reader


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    try:
        asking = reader(run)
        found = containers(asking)
    except EngineError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, read_by=asking.read_by, sdk_fault=asking.sdk_fault, containers=found)


if __name__ == "__main__":
    main()
