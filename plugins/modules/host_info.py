#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: host_info
short_description: One look at a host, as the fact llm_host
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads in one call all that the roles of this collection decide by. The operating system, memory and addresses, the GPUs with
    their driver and container toolkit, packages, files, services, the Docker engine with its containers, listeners, room on disks.
  - Returns it as the fact C(llm_host), also for another host (C(delegate_to) with C(delegate_facts)).
  - Judges nothing and changes nothing. Every command has a time limit, and a part that can't be read is named in C(faults) while
    the others are told.
options:
  gpus:
    description: Whether to look at the GPUs, as M(llmfleet.gateway.gpu_info) does, at the driver and the container toolkit.
    type: bool
    default: true
  kernel:
    description: Release of the kernel that the driver's module is looked for. By default the running one.
    type: str
  packages:
    description: Names, or shell patterns such as V(*nvidia*), of the packages whose version and hold are reported.
    type: list
    elements: str
    default: []
  apt_targets:
    description: Whether to ask apt which mirrors, suites and keys its sources have.
    type: bool
    default: false
  repositories:
    description: Addresses that apt's sources are searched for.
    type: list
    elements: str
    default: []
  files:
    description: Files whose digest and mode are reported.
    type: list
    elements: path
    default: []
  key_files:
    description: Files with OpenPGP keys, whose fingerprints are reported.
    type: list
    elements: path
    default: []
  units:
    description: Units of systemd whose state is reported.
    type: list
    elements: str
    default: []
  images:
    description: Images that are looked for in the engine.
    type: list
    elements: str
    default: []
  models_dir:
    description: Where weights are kept. Its free room is reported.
    type: path
  models:
    description: Repositories whose files in O(models_dir) are counted.
    type: list
    elements: str
    default: []
  model_folders:
    description: Folders of this host that hold a model, whose C(config.json) and size are reported.
    type: list
    elements: path
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
  reading:
    description: JSON file in which an earlier run kept its reading of the host.
    type: path
  answers:
    description: JSON file in which M(llmfleet.gateway.vllm_engine_info) keeps what vLLM said of models.
    type: path
  figures:
    description: JSON file in which figures of the instances are kept.
    type: path
  gate_states:
    description: File in which M(llmfleet.gateway.gate_traffic) keeps which servers of the gate get no requests.
    type: path
extends_documentation_fragment:
  - llmfleet.gateway.reading
seealso:
  - module: llmfleet.gateway.gpu_info
"""

EXAMPLES = r"""
- name: Look at a server
  llmfleet.gateway.host_info:
    packages: [docker-ce, '*nvidia*']
    units: [docker]
    models_dir: /opt/llmfleet/models
    models: [Qwen/Qwen2.5-0.5B-Instruct]
    ports: [8001]
    urls: [https://download.docker.com/linux]

- name: Look at another one
  llmfleet.gateway.host_info:
    gpus: false
  delegate_to: gpu2
  delegate_facts: true

- name: Say what was found
  ansible.builtin.debug:
    msg: "{{ ansible_facts.llm_host.memory_mb }} MiB, {{ ansible_facts.llm_host.gpu.gpus | length }} GPUs"
"""

RETURN = r"""
ansible_facts:
  description: The fact.
  returned: success
  type: dict
  contains:
    llm_host:
      description: What was found.
      type: dict
      contains:
        system:
          description: C(id), C(version) and C(name) of the operating system, its C(family) (V(debian), V(redhat) or empty),
            C(package_manager) (V(apt), V(dnf) or empty), C(architecture), C(service_manager) (V(systemd) or empty) and C(python).
          type: dict
        kernel:
          description: C(release) of the running kernel, whether its C(headers) are there, whether C(nouveau) is loaded and
            C(secure_boot) on.
          type: dict
        memory_mb:
          description: Memory in MiB.
          type: int
        vcpus:
          description: Processors.
          type: int
        addresses:
          description: C(default_ipv4) and C(default_ipv6), the addresses from which others are reached, empty where there is no
            route; C(all) of the host's global ones.
          type: dict
        gpu:
          description: What M(llmfleet.gateway.gpu_info) returns. Each process also has the C(container) that it runs in. Empty
            without O(gpus).
          type: dict
        driver:
          description: The C(kernel) that is looked at and the C(running) one, the version of the driver that is C(loaded), of the
            C(library) that C(nvidia-smi) uses and of the C(module) on disk, GPUs that are C(seen), their C(device_ids), whether there
            is an C(nvswitch), a C(stale_initramfs) and the C(stream) of the dnf module. Empty without O(gpus).
          type: dict
        toolkit:
          description: C(path) and C(version) of C(nvidia-ctk), and versions of the driver by CDI specification. Empty without
            O(gpus).
          type: dict
        packages:
          description: Installed packages among O(packages), each with C(name), C(version) as the package manager writes it and
            whether it is C(held).
          type: list
          elements: dict
        apt_targets:
          description: C(uri), C(suite), C(component), C(origin) and C(signed_by) of each index of apt.
          type: list
          elements: dict
        repositories:
          description: Files of apt's sources that name each of O(repositories).
          type: dict
        files:
          description: C(sha256) and C(mode) of those of O(files) that are there.
          type: dict
        fingerprints:
          description: Fingerprints of the primary keys in each of O(key_files) that is there.
          type: dict
        services:
          description: Whether each of O(units) is C(loaded), C(active) and C(enabled).
          type: dict
        docker:
          description: C(version) of the engine and C(compose_version), C(error) where it does not answer, its C(root) and
            C(cdi_directories), C(daemon) (daemon.json with its credentials masked), C(daemon_error), C(daemon_mode) and whether it
            holds a C(daemon_secret), whether the engine is C(running) and whether a C(restart_pending).
          type: dict
        containers:
          description: Running containers, each with C(id), C(name), C(image), C(status), C(project), C(working_dir), published
            C(ports), and whether it is our C(own) by label.
          type: list
          elements: dict
        images:
          description: Those of O(images) that are there.
          type: list
          elements: str
        images_room:
          description: C(path), C(device) and C(free_bytes) where the engine keeps its images.
          type: dict
        models_room:
          description: The same where weights are kept. Null without O(models_dir).
          type: dict
        models:
          description: Bytes of each model that are there already.
          type: dict
        model_folders:
          description: C(config), C(weight_bytes) and C(error) (V(absent), V(damaged) or empty) of each of O(model_folders).
          type: dict
        listeners:
          description: C(port), C(process), C(pid) and C(container) of what listens on O(ports).
          type: list
          elements: dict
        urls:
          description: For each of O(urls) what is in the way, C(error), empty when it answered.
          type: list
          elements: dict
        reading:
          description: What O(reading) holds. Null where it is missing or damaged.
          type: dict
        answers:
          description: What O(answers) holds. Null where it is missing or damaged.
          type: dict
        figures:
          description: What O(figures) holds. Null where it is missing or damaged.
          type: dict
        gate_away:
          description: C(backend) and C(server) of what gets no requests by O(gate_states).
          type: list
          elements: dict
        faults:
          description: Parts of the look that failed, with the reason.
          type: dict
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.look import look
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import run

NAMES: dict[str, Any] = {"type": "list", "elements": "str", "default": []}
PATHS: dict[str, Any] = {"type": "list", "elements": "path", "default": []}
ARGUMENTS: dict[str, dict[str, Any]] = {
    "gpus": {"type": "bool", "default": True},
    "kernel": {"type": "str"},
    "packages": NAMES,
    "apt_targets": {"type": "bool", "default": False},
    "repositories": NAMES,
    "files": PATHS,
    "key_files": {**PATHS, "no_log": False},
    "units": NAMES,
    "images": NAMES,
    "models_dir": {"type": "path"},
    "models": NAMES,
    "model_folders": PATHS,
    "ports": {"type": "list", "elements": "int", "default": []},
    "urls": NAMES,
    "timeout": {"type": "float", "default": 5},
    "reading": {"type": "path"},
    "gate_states": {"type": "path"},
    "answers": {"type": "path"},
    "figures": {"type": "path"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(changed=False, ansible_facts={"llm_host": look(run, module.params)})


if __name__ == "__main__":
    main()
