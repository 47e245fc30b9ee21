#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: preflight_info
short_description: What a host is like before anything is changed
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads in one call what decides whether a host can become a GPU server or a gateway. The operating system, the kernel with its
    headers, Secure Boot and nouveau, the GPUs, room on disk, who listens on which port, the containers and the repositories.
  - Judges nothing and changes nothing. P(llmfleet.gateway.preflight_rows#filter) judges what it returns.
options:
  gpus:
    description: Whether to look at the GPUs, as M(llmfleet.gateway.gpu_info) does.
    type: bool
    default: true
  models_dir:
    description: Where weights are kept. Its free room is reported.
    type: path
  models:
    description: Repositories whose files in O(models_dir) are counted.
    type: list
    elements: str
    default: []
  images:
    description: Images that are looked for in the engine.
    type: list
    elements: str
    default: []
  ports:
    description: Ports of which the listeners are reported.
    type: list
    elements: int
    default: []
  urls:
    description: Addresses that are tried, all at once.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds for O(urls).
    type: float
    default: 5
attributes:
  check_mode:
    description: Can run in check mode and does what it always does, since it changes nothing.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
seealso:
  - module: llmfleet.gateway.gpu_info
  - plugin: llmfleet.gateway.preflight_rows
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Look at a server
  llmfleet.gateway.preflight_info:
    models_dir: /opt/llmfleet/models
    models: [Qwen/Qwen2.5-0.5B-Instruct]
    ports: [8001]
    urls: [https://download.docker.com/linux]
  register: found
"""

RETURN = r"""
system:
  description: C(id), C(version) and C(name) of the operating system.
  returned: success
  type: dict
  sample: {"id": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04.3 LTS"}
kernel:
  description: C(release) of the running kernel, whether its C(headers) are there, whether C(nouveau) is loaded and
    C(secure_boot) on.
  returned: success
  type: dict
gpu:
  description: What M(llmfleet.gateway.gpu_info) returns. Each process also has the C(container) that it runs in. Empty without
    O(gpus).
  returned: success
  type: dict
images_room:
  description: C(path), C(device) and C(free_bytes) where the engine keeps its images.
  returned: success
  type: dict
models_room:
  description: The same where weights are kept. Null without O(models_dir).
  returned: success
  type: dict
models:
  description: Bytes of each model that are there already.
  returned: success
  type: dict
images:
  description: Those of O(images) that are there.
  returned: success
  type: list
  elements: str
listeners:
  description: C(port), C(process), C(pid) and C(container) of what listens on O(ports).
  returned: success
  type: list
  elements: dict
containers:
  description: Running containers, each with C(id), C(name), C(project) and published C(ports).
  returned: success
  type: list
  elements: dict
urls:
  description: For each of O(urls) what is in the way, C(error), empty when it answered.
  returned: success
  type: list
  elements: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.look import look
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import run

# host_info tells all of this and more.
NOT_ASKED = {
    "packages": [],
    "repositories": [],
    "files": [],
    "keys": [],
    "units": [],
    "model_folders": [],
    "apt_targets": False,
}
TOLD = ("system", "kernel", "gpu", "images_room", "models_room", "models", "images", "listeners", "containers", "urls")


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "gpus": {"type": "bool", "default": True},
            "models_dir": {"type": "path"},
            "models": {"type": "list", "elements": "str", "default": []},
            "images": {"type": "list", "elements": "str", "default": []},
            "ports": {"type": "list", "elements": "int", "default": []},
            "urls": {"type": "list", "elements": "str", "default": []},
            "timeout": {"type": "float", "default": 5},
        },
        supports_check_mode=True,
    )
    found = look(run, {**NOT_ASKED, "kernel": None, "reading": None, "figures": None, **module.params})
    module.exit_json(changed=False, **{name: found[name] for name in TOLD})


if __name__ == "__main__":
    main()
