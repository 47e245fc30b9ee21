#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_status
short_description: How a host of the fleet is at this moment
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads in one call the containers of this collection, what vLLM, LiteLLM and the gate say of their load, the use of the GPUs, room
    on disks, certificates, and what the last backup wrote of itself.
  - vLLM's C(/metrics) and the gate's statistics are read twice, so that tokens and requests a second are those of this moment.
  - Judges nothing and changes nothing. A part that can't be read is named in RV(faults) while the others are told.
options:
  root:
    description: Directory that holds the projects, C(llm_project_root).
    type: path
    required: true
  gpus:
    description: Whether to ask C(nvidia-smi).
    type: bool
    default: true
  disks:
    description: Folders whose file systems are looked at.
    type: list
    elements: path
    default: []
  urls:
    description: Base addresses of instances of vLLM that are in their host's network, by the name of their container.
    type: dict
    default: {}
  backup:
    description: Folder in which the last backup left word of itself, C(backup_dir).
    type: path
  certificates:
    description: Certificates that are read, each by the O(certificates[].path) of a file or by asking a server.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: What it is called in the result.
        type: str
        required: true
      path:
        description: A file with a certificate in PEM. A private key in it is not read out.
        type: path
      address:
        description: Address of a server that shows it.
        type: str
      port:
        description: Its port.
        type: int
      server_name:
        description: The name that the server is asked for.
        type: str
  seconds:
    description: Time between the two readings.
    type: float
    default: 5
extends_documentation_fragment:
  - llmfleet.gateway.reading
seealso:
  - module: llmfleet.gateway.container_info
"""

EXAMPLES = r"""
- name: Read how the host is
  llmfleet.gateway.host_status:
    root: /opt/llmfleet
    disks: [/opt/llmfleet, /var/lib/docker]
    backup: /opt/llmfleet/backup
  register: found

- name: Say what is generated
  ansible.builtin.debug:
    msg: "{{ found.vllm | map(attribute='generation_tokens_per_second') | sum }} tokens a second"
"""

RETURN = r"""
containers:
  description: What M(llmfleet.gateway.container_info) returns.
  returned: success
  type: list
  elements: dict
read_by:
  description: How the engine was asked for them, as M(llmfleet.gateway.container_info) tells. Null where it could not be asked.
  returned: success
  type: str
vllm:
  description:
    - Each instance by its C(container), whether it C(answers), and what it counts. C(running) and C(waiting) requests,
      C(kv_cache_percent), tokens and requests since its start and a second, the time to the first token and of a request.
  returned: success
  type: list
  elements: dict
litellm:
  description: Each instance by its C(container), whether it C(answers), its C(version), and how its C(database) is.
  returned: success
  type: list
  elements: dict
gate:
  description: Its C(version), C(entrances), and C(servers) by backend with their status and load. Null without a gate.
  returned: success
  type: dict
gpus:
  description: C(gpus) with memory, use, heat and power, or an C(error). Null without O(gpus).
  returned: success
  type: dict
machine:
  description: C(system), C(kernel), C(time), C(uptime_seconds), C(load), C(cpus), C(memory_mb) and C(memory_available_mb).
  returned: success
  type: dict
disks:
  description: Each file system with the C(paths) that are on it, C(free_bytes), C(used_bytes), C(inodes) and C(inodes_free).
  returned: success
  type: list
  elements: dict
certificates:
  description: The C(pem) of each, or an C(error), by C(name).
  returned: success
  type: list
  elements: dict
backup:
  description: What the last backup wrote. Null where there never was one here.
  returned: success
  type: dict
faults:
  description: Parts that failed, with the reason.
  returned: success
  type: dict
"""

import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import run
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.look import look

CERTIFICATE: dict[str, t.Any] = {
    "name": {"type": "str", "required": True},
    "path": {"type": "path"},
    "address": {"type": "str"},
    "port": {"type": "int"},
    "server_name": {"type": "str"},
}
ARGUMENTS: dict[str, dict[str, t.Any]] = {
    "root": {"type": "path", "required": True},
    "gpus": {"type": "bool", "default": True},
    "disks": {"type": "list", "elements": "path", "default": []},
    "urls": {"type": "dict", "default": {}},
    "backup": {"type": "path"},
    "certificates": {
        "type": "list",
        "elements": "dict",
        "default": [],
        "options": CERTIFICATE,
        "required_together": [("address", "port")],
        "required_one_of": [("path", "port")],
    },
    "seconds": {"type": "float", "default": 5},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(changed=False, **look(run, module.params))


if __name__ == "__main__":
    main()
