# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA's devices on the PCI bus and the loaded kernel module, from files; no driver is needed."""

from __future__ import annotations

import glob
import os
import re
from typing import Any

from .read import read_text

NVIDIA = "0x10de"
DISPLAY_CLASS = "0x03"
BRIDGE_CLASS = "0x0680"


def kernel_module_version(root: str = "/") -> str | None:
    """Version of the NVIDIA kernel module that is loaded."""
    match = re.search(
        r"Kernel Module\b.*?\s(\d+\.\d+(?:\.\d+)*)\s", read_text(os.path.join(root, "proc/driver/nvidia/version")) + " "
    )
    return match.group(1) if match else None


def library_version(root: str = "/") -> str | None:
    """Version of the driver's library on the disk, from its file name."""
    for pattern in ("usr/lib/*-linux-gnu", "usr/lib64", "usr/lib", "usr/local/nvidia/lib64"):
        for path in sorted(glob.glob(os.path.join(root, pattern, "libnvidia-ml.so.*.*"))):
            return os.path.basename(path)[len("libnvidia-ml.so.") :]
    return None


def held_by(path: str) -> str:
    """The kernel driver that holds a device."""
    link = os.path.join(path, "driver")
    try:
        return os.path.basename(os.readlink(link))
    except OSError:
        return "none"


def pci_functions(root: str = "/") -> list[dict[str, str]]:
    """NVIDIA's devices on the PCI bus, with the kernel driver that holds each of them."""
    return [
        {
            "address": os.path.basename(path),
            "device_id": read_text(os.path.join(path, "device")),
            "class": read_text(os.path.join(path, "class")),
            "driver": held_by(path),
        }
        for path in sorted(glob.glob(os.path.join(root, "sys/bus/pci/devices/*")))
        if read_text(os.path.join(path, "vendor")) == NVIDIA
    ]


def look_at_bus(root: str = "/") -> dict[str, Any]:
    """GPUs and NVSwitches that are there, whether or not a driver is."""
    functions = pci_functions(root)
    bridges = [function for function in functions if function["class"].startswith(BRIDGE_CLASS)]
    nodes = glob.glob(os.path.join(root, "dev/nvidia-nvswitch[0-9]*"))
    return {
        "pci_devices": [function for function in functions if function["class"].startswith(DISPLAY_CLASS)],
        "nvswitch": bool(bridges or nodes),
    }
