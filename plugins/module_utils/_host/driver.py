# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What decides about the NVIDIA driver: the module on disk and in the kernel, initramfs, module stream."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

from .bus import kernel_module_version, pci_functions
from .packages import module_stream
from .run import Run

#: Written by the role nvidia_driver; an initramfs that is older than it does not have it.
BLACKLIST = "etc/modprobe.d/nvidia-driver-nouveau.conf"
IMAGES = ("boot/initrd.img-{}", "boot/initramfs-{}.img")
# Debian calls the module nvidia-current.
MODULES = ("nvidia", "nvidia-current")


def module_on_disk(run: Run, release: str) -> str:
    """Version of the module that a kernel would load; empty without one."""
    for name in MODULES:
        done = run(["modinfo", "-k", release, "-F", "version", name])
        if done.rc == 0 and done.out.strip():
            return done.out.split()[0]
    return ""


def stale_initramfs(release: str, root: str = "/") -> str:
    """The initramfs of a kernel, where it lacks the newest blacklist."""
    try:
        written = os.stat(os.path.join(root, BLACKLIST)).st_mtime
    except OSError:
        return ""
    for pattern in IMAGES:
        path = os.path.join(root, pattern.format(release))
        try:
            if os.stat(path).st_mtime <= written:
                return path
        except OSError:
            continue
    return ""


def device_ids(root: str = "/") -> list[str]:
    """PCI device ids of the GPUs, as hexadecimal digits."""
    kinds = ("0x0300", "0x0302")
    functions = [function for function in pci_functions(root) if function["class"].startswith(kinds)]
    return [match.group(1) for one in functions for match in [re.match(r"0x([0-9a-f]{4})", one["device_id"])] if match]


def driver(run: Run, gpu: Mapping[str, Any], running: str, wanted: str, root: str = "/") -> dict[str, Any]:
    """The driver of this host, for the kernel that it is meant for."""
    release = wanted or running
    return {
        "kernel": release,
        "running": running,
        "loaded": kernel_module_version(root) or "",
        "library": gpu.get("library_version") or "",
        "seen": len(gpu.get("gpus", [])) + len(gpu.get("lost_gpus", [])),
        "module": module_on_disk(run, release),
        "stale_initramfs": stale_initramfs(release, root),
        "device_ids": device_ids(root),
        "nvswitch": bool(gpu.get("nvswitch")),
        "stream": module_stream("nvidia-driver", root),
    }
