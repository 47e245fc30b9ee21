# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at hosts as host_info returns them, and the roles' defaults, for the tests of the plans."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path
from typing import Any

import yaml

ROLES = Path(__file__).resolve().parents[4] / "roles"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"

#: System to id, version, package manager, and a kernel's release as it has them.
SYSTEMS = {
    "Debian-12": ("debian", "12", "apt", "6.1.0-56-amd64"),
    "Debian-13": ("debian", "13", "apt", "6.12.117+deb13-amd64"),
    "Ubuntu-22.04": ("ubuntu", "22.04", "apt", "5.15.0-160-generic"),
    "Ubuntu-24.04": ("ubuntu", "24.04", "apt", "6.8.0-90-generic"),
    "Ubuntu-26.04": ("ubuntu", "26.04", "apt", "7.0.0-34-generic"),
    "RHEL-9": ("rhel", "9.6", "dnf", "5.14.0-570.12.1.el9_6.x86_64"),
    "Rocky-9": ("rocky", "9.6", "dnf", "5.14.0-570.12.1.el9_6.x86_64"),
    "Alma-9": ("almalinux", "9.6", "dnf", "5.14.0-570.12.1.el9_6.x86_64"),
    "RHEL-10": ("rhel", "10.1", "dnf", "6.12.0-124.8.1.el10_1.x86_64"),
    "Rocky-10": ("rocky", "10.1", "dnf", "6.12.0-124.8.1.el10_1.x86_64"),
    "Alma-10": ("almalinux", "10.1", "dnf", "6.12.0-124.8.1.el10_1.x86_64"),
    # What no role serves
    "Debian-11": ("debian", "11", "apt", "5.10.0-1-amd64"),
    "Ubuntu-20.04": ("ubuntu", "20.04", "apt", "5.4.0-1-generic"),
    "RHEL-8": ("rhel", "8.10", "dnf", "4.18.0-1.el8.x86_64"),
    "Fedora-42": ("fedora", "42", "dnf", "6.14.0-1.fc42.x86_64"),
    "openSUSE": ("opensuse-leap", "15.6", "", "6.4.0-1-default"),
}
APT = [system for system in SYSTEMS if system.startswith(("Debian-1", "Ubuntu-2")) and system[-2:] not in ("11", "04")]


@functools.cache
def defaults(role: str) -> dict[str, Any]:
    """A role's defaults; those that are templates are for the test to give."""
    return yaml.safe_load((ROLES / role / "defaults/main.yml").read_text())


def row(name: str, version: str, held: bool = False) -> dict[str, Any]:
    return {"name": name, "version": version, "held": held}


def held(name: str, version: str) -> dict[str, Any]:
    return row(name, version, held=True)


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def file(text: str, mode: str = "0644") -> dict[str, str]:
    return {"sha256": sha256(text), "mode": mode}


def host(which: str, architecture: str = "x86_64", **parts: Any) -> dict[str, Any]:
    """A host with nothing on it; of dictionaries in parts only what is given differs."""
    name, version, manager, kernel = SYSTEMS[which]
    found: dict[str, Any] = {
        "system": {
            "id": name,
            "version": version,
            "name": which,
            "family": {"apt": "debian", "dnf": "redhat"}.get(manager, ""),
            "package_manager": manager,
            "architecture": architecture,
            "service_manager": "systemd",
        },
        "kernel": {"release": kernel, "headers": False, "nouveau": False, "secure_boot": False},
        "driver": {
            "kernel": kernel,
            "running": kernel,
            "loaded": "",
            "library": "",
            "seen": 0,
            "module": "",
            "stale_initramfs": "",
            "device_ids": [],
            "nvswitch": False,
            "stream": "",
        },
        "toolkit": {"path": "", "version": "", "specifications": {}},
        "docker": {
            "error": "not installed",
            "daemon": {},
            "daemon_error": "",
            "daemon_mode": "",
            "daemon_secret": False,
            "running": False,
            "restart_pending": False,
        },
        "containers": [],
        "packages": [],
        "apt_targets": [],
        "repositories": {},
        "files": {},
        "fingerprints": {},
        "services": {},
        "faults": {},
    }
    for part, value in parts.items():
        found[part] = {**found[part], **value} if isinstance(value, dict) else value
    return found
