# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why GPUs can't be used, with what mends it. Pure; for gpus only."""

from __future__ import annotations

import re
from typing import Any


def library_in_message(error: str) -> str | None:
    """The library's version that nvidia-smi names when the kernel module is another."""
    match = re.search(r"NVML library version: (\d+(?:\.\d+)+)", error)
    return match.group(1) if match else None


def versions_differ(module: str | None, library: str | None) -> bool:
    """Whether two versions are not one; nvidia-smi leaves the last part of the library's away."""
    if not module or not library:
        return False
    length = min(module.count("."), library.count(".")) + 1
    return module.split(".")[:length] != library.split(".")[:length]


def diagnose_bus(devices: list[dict[str, str]]) -> str:
    """Why GPUs that are on the bus have no NVIDIA module, or why there are none."""
    drivers = {device["driver"] for device in devices}
    if not devices:
        return (
            "No NVIDIA GPU is on the PCI bus. Set llm_gpu_count to 0 for this host, or see that the card is seated "
            "(lspci -d 10de:) and, in a virtual machine, passed through."
        )
    if "nouveau" in drivers:
        return (
            "The nouveau driver holds the GPU. Install NVIDIA's driver, blacklist nouveau, rebuild the initramfs and "
            "reboot; the role nvidia_driver does that."
        )
    if "vfio-pci" in drivers:
        return (
            "The GPU is set aside for virtual machines (vfio-pci). Take it out of the host's vfio-pci.ids, rebuild the "
            "initramfs and reboot, or run vLLM in the machine that it is passed to."
        )
    return ""


def diagnose_smi(error: str) -> str:
    """What nvidia-smi's own message means."""
    if "couldn't find libnvidia-ml" in error or "NVML Shared Library Not Found" in error:
        return "nvidia-smi lacks its library libnvidia-ml.so. Install the driver's libraries of the same version."
    if "Insufficient Permissions" in error:
        return "nvidia-smi may not see the GPU: run as root (become: true), or mend the modes of /dev/nvidia*."
    if "No devices were found" in error:
        return (
            "The driver is loaded but drives no GPU. The kernel log says why (dmesg | grep -i nvrm): a card that the "
            "open or the proprietary kernel module does not support, too little room for its memory, or a fault."
        )
    if "no answer within" in error:
        return (
            "nvidia-smi does not answer: the driver hangs. See the kernel log (dmesg | grep -i nvrm), and reboot "
            "the host; a card that hangs again belongs replaced."
        )
    return f"nvidia-smi fails: {error[:300]}. See the kernel log (dmesg | grep -i nvrm); a reboot often clears it."


def diagnose_lost(lost: list[dict[str, Any]]) -> str:
    """What lost GPUs need."""
    names = "; ".join(
        f"GPU {card['index']} ({card['pci_bus_id'] or 'address unknown'}): {card['reason']}" for card in lost
    )
    return (
        f"{names}. The driver lost it: see the kernel log (dmesg | grep -i -e nvrm -e xid), then power the host off and "
        "on. A card that is lost again belongs replaced; until then lower llm_gpu_count."
    )


def diagnose(found: dict[str, Any]) -> str:
    """What is wrong when GPUs can't be used, with what mends it; empty when all of them can."""
    module, library, error = found["kernel_module_version"], found["driver_version"], found["smi_error"]
    if found["driver_mismatch"]:
        return (
            f"The loaded kernel module is {module} and the driver's library {library}: an upgrade replaced the driver "
            "under the running one. Reboot the host, and hold the driver's packages."
        )
    if found["lost_gpus"]:
        return diagnose_lost(found["lost_gpus"])
    if found["gpus"]:
        return ""
    bus = diagnose_bus(found["pci_devices"])
    return bus or diagnose_driver(module, found["nvidia_smi"], error)


def diagnose_driver(module: str | None, smi: str | None, error: str) -> str:
    """Why a driver does not drive the GPUs that are there."""
    if module is None and smi is None:
        return "A GPU is there, but no NVIDIA driver. Install it; the role nvidia_driver does that."
    if module is None:
        return (
            "The driver is installed, but its kernel module is not loaded. Try modprobe nvidia; when that fails, see "
            "dkms status, that the headers of the running kernel are installed, and Secure Boot (mokutil --sb-state)."
        )
    if smi is None:
        return (
            f"The kernel module {module} is loaded, but nvidia-smi is missing. Install the driver's utilities {module}."
        )
    return diagnose_smi(error or "No devices were found")
