# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The system of a host: distribution, kernel, memory, processors, addresses."""

from __future__ import annotations

import json
import os
import platform
import re
import socket
from typing import Any

from .read import read_text
from .run import Run

# The last of this variable's five bytes; the first four are attributes.
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
FAMILIES = {"debian": "debian", "ubuntu": "debian", "rhel": "redhat", "fedora": "redhat", "centos": "redhat"}
MANAGERS = {"debian": "apt", "redhat": "dnf"}
# Addresses that a default route leads to; nothing is sent there.
FAR_AWAY = {socket.AF_INET: "8.8.8.8", socket.AF_INET6: "2404:6800:400a:800::1012"}


def os_release(root: str = "/") -> dict[str, str]:
    """The operating system by its own words."""
    text = read_text(os.path.join(root, "etc/os-release"))
    values = dict(re.findall(r"""^([A-Z_]+)=["']?([^"'\n]*)""", text, re.M))
    return {
        "id": values.get("ID", ""),
        "version": values.get("VERSION_ID", ""),
        "name": values.get("PRETTY_NAME", ""),
        "like": values.get("ID_LIKE", ""),
    }


def system(root: str = "/") -> dict[str, str]:
    """The same, with what follows from it."""
    found = os_release(root)
    words = [found.pop("id"), *found.pop("like").split()]
    family = next((FAMILIES[word] for word in words if word in FAMILIES), "")
    return {
        "id": words[0],
        **found,
        "family": family,
        "package_manager": MANAGERS.get(family, ""),
        "architecture": platform.machine(),
        "service_manager": "systemd" if os.path.isdir(os.path.join(root, "run/systemd/system")) else "",
        "python": platform.python_version(),
    }


def secure_boot(root: str = "/") -> bool:
    """Whether the firmware lets only signed kernel modules in."""
    try:
        with open(os.path.join(root, SECURE_BOOT), "rb") as handle:
            return handle.read()[-1:] == b"\x01"
    except OSError:
        return False


def kernel(root: str = "/") -> dict[str, Any]:
    """The running kernel, and what decides whether a driver can be built for it and loaded."""
    release = read_text(os.path.join(root, "proc/sys/kernel/osrelease")) or platform.release()
    return {
        "release": release,
        "headers": os.path.exists(os.path.join(root, "lib/modules", release, "build/Makefile")),
        "nouveau": os.path.isdir(os.path.join(root, "sys/module/nouveau")),
        "secure_boot": secure_boot(root),
    }


def memory_mb(root: str = "/") -> int:
    """Memory of the host in MiB; 0 where it is not told."""
    match = re.search(r"^MemTotal:\s*(\d+) kB", read_text(os.path.join(root, "proc/meminfo")), re.M)
    return int(match.group(1)) // 1024 if match else 0


def default_address(family: socket.AddressFamily) -> str:
    """The address from which the host reaches others; empty without a route."""
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.connect((FAR_AWAY[family], 9))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def addresses(run: Run) -> dict[str, Any]:
    """The host's addresses, without loopback and link-local ones."""
    done = run(["ip", "-json", "address", "show"])
    try:
        links = json.loads(done.out) if done.rc == 0 else []
        found = [entry for link in links for entry in link.get("addr_info", [])]
        every = [str(entry["local"]) for entry in found if entry.get("scope") == "global" and entry.get("local")]
    except (ValueError, AttributeError, TypeError):
        every = []
    return {
        "default_ipv4": default_address(socket.AF_INET),
        "default_ipv6": default_address(socket.AF_INET6),
        "all": every,
    }
