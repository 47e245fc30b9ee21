#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gpu_info
short_description: NVIDIA GPUs of a host, and what keeps them from being used
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads the GPUs of a host with their memory, driver, links, errors and the processes that use them, from C(nvidia-smi).
  - Sees GPUs on the PCI bus without a driver too, and says in RV(reason) what is wrong and what mends it.
  - Changes nothing, and needs no driver and no GPU.
options:
  nvidia_smi:
    description:
      - Path of C(nvidia-smi). By default it is looked for on the search path, then where drivers put it outside of it.
    type: path
extends_documentation_fragment:
  - llmfleet.gateway.reading
"""

EXAMPLES = r"""
- name: Look at the GPUs
  llmfleet.gateway.gpu_info:
  register: found

- name: Refuse a host whose GPUs can't be used
  ansible.builtin.assert:
    that: found.gpus | length > 0 and not found.driver_mismatch
    fail_msg: "{{ found.reason }}"
"""

RETURN = r"""
gpus:
  description:
    - The GPUs that the driver drives, in C(nvidia-smi)'s order. A value that a card does not tell is null.
    - Those that the driver lost are in RV(lost_gpus) and not here.
  returned: success
  type: list
  elements: dict
  contains:
    index:
      description: Number of the GPU, as C(nvidia-smi) and CDI count.
      type: int
    uuid:
      description: Identifier of the card.
      type: str
    name:
      description: Name of the card.
      type: str
    pci_bus_id:
      description: Address on the PCI bus.
      type: str
    memory_total_mib:
      description: Memory of the card.
      type: int
    memory_reserved_mib:
      description: Memory that the driver keeps for itself.
      type: int
    memory_used_mib:
      description: Memory in use.
      type: int
    memory_free_mib:
      description: Memory that is free now.
      type: int
    memory_usable_mib:
      description: Total less reserved, which is what CUDA counts as the total.
      type: int
    memory_usable_gib:
      description: The same in GiB.
      type: float
    unified:
      description: Whether the GPU has no memory of its own and shares the host's, as GB10 does. Its memory is null then.
      type: bool
    recovery_action:
      description: What the driver asks for to have the card work again, such as V(Reset). Null when it asks for nothing.
      type: str
    compute_capability:
      description: What the GPU's processors can do, such as V(9.0).
      type: str
    mig_mode:
      description: V(Enabled) where the GPU is cut into instances.
      type: str
    mig_devices:
      description: Those instances with their index, identifiers and memory.
      type: list
      elements: dict
    persistence_mode:
      description: Whether the driver stays loaded without clients.
      type: str
    ecc:
      description: Mode of error correction, and corrected and uncorrected errors, volatile and aggregate.
      type: dict
    processes:
      description: Processes that hold memory, each with C(pid), C(name) and C(used_mib).
      type: list
      elements: dict
    nvlink:
      description: Number of active links and their bandwidth in one direction, C(links) and C(gb_per_s).
      type: dict
    fabric_state:
      description: State of the NVSwitch fabric, V(Completed) when it is usable.
      type: str
  sample:
    - index: 0
      name: NVIDIA H100 80GB HBM3
      memory_total_mib: 81559
      memory_reserved_mib: 480
      memory_usable_gib: 79.179
      compute_capability: "9.0"
lost_gpus:
  description: GPUs that can't be used, each with C(index), C(pci_bus_id) and the C(reason) that C(nvidia-smi) tells.
  returned: success
  type: list
  elements: dict
smi_warnings:
  description: What C(nvidia-smi) said beside its report, such as that a card's infoROM is corrupted.
  returned: success
  type: list
  elements: str
library_version:
  description: The same as RV(driver_version), but null where C(nvidia-smi) doesn't tell it.
  returned: success
  type: str
driver_version:
  description: Version of the driver's library.
  returned: success
  type: str
  sample: 580.159.04
kernel_module_version:
  description: Version of the kernel module that is loaded. Null when none is.
  returned: success
  type: str
  sample: 580.159.04
cuda_version:
  description: Newest CUDA that the driver runs.
  returned: success
  type: str
  sample: "13.0"
driver_mismatch:
  description: Whether kernel module and library are of different versions, so that nothing works before a reboot.
  returned: success
  type: bool
pci_devices:
  description: NVIDIA GPUs on the PCI bus, each with C(address), C(device_id), C(class) and the kernel C(driver) that
    holds it (V(nvidia), V(nouveau), V(vfio-pci) or V(none)).
  returned: success
  type: list
  elements: dict
nvswitch:
  description: Whether the host has NVSwitches, which need the fabric manager.
  returned: success
  type: bool
nvidia_smi:
  description: Path of the C(nvidia-smi) that was asked. Null when there is none.
  returned: success
  type: str
smi_error:
  description: What C(nvidia-smi) said when it failed.
  returned: success
  type: str
reason:
  description: What is wrong, and what mends it. Empty when the GPUs can be used.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.gpus import find_smi, look
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import run


def main() -> None:
    module = AnsibleModule(argument_spec={"nvidia_smi": {"type": "path"}}, supports_check_mode=True)
    found = look(run, module.params["nvidia_smi"] or find_smi())

    module.exit_json(changed=False, **found)


if __name__ == "__main__":
    main()
