# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Docker's packages by system. Data only."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import DPKG


class Platform(t.NamedTuple):
    """A supported system."""

    label: str
    manager: str
    repository: str  # of Docker's own packages: https://docs.docker.com/engine/install/
    suite: str
    revision: str = ""  # how Docker's packages end there
    distribution: tuple[str, ...] = ()  # the distribution's own packages, the engine first
    refusal: str = ""  # why they will not do
    extra: tuple[str, ...] = ()


_EL = "RHEL, Rocky Linux and AlmaLinux"
_PODMAN = "Enterprise Linux brings Podman, not Docker."
_OWN = ("docker.io", "docker-compose-v2", "docker-buildx")
PLATFORMS: dict[str, Platform] = {
    "Debian-12": Platform(
        "Debian 12",
        "apt",
        "debian",
        "bookworm",
        "~debian.12~bookworm",
        refusal="Debian 12 has Docker 20.10, which knows no CDI devices, and compose v1.",
    ),
    "Debian-13": Platform(
        "Debian 13",
        "apt",
        "debian",
        "trixie",
        "~debian.13~trixie",
        ("docker.io", "docker-cli", "docker-compose", "docker-buildx"),
    ),
    "Ubuntu-22.04": Platform(
        "Ubuntu 22.04",
        "apt",
        "ubuntu",
        "jammy",
        "~ubuntu.22.04~jammy",
        refusal="Ubuntu 22.04 was released with Docker 20.10, which knows no CDI devices, and without compose v2.",
    ),
    "Ubuntu-24.04": Platform("Ubuntu 24.04", "apt", "ubuntu", "noble", "~ubuntu.24.04~noble", _OWN),
    "Ubuntu-26.04": Platform("Ubuntu 26.04", "apt", "ubuntu", "resolute", "~ubuntu.26.04~resolute", _OWN),
    "EL-9": Platform(f"{_EL} 9", "dnf", "rhel", "9", refusal=_PODMAN),
    # xt_addrtype, without which dockerd does not start: https://github.com/docker/docker-ce-packaging/issues/1340
    "EL-10": Platform(f"{_EL} 10", "dnf", "rhel", "10", refusal=_PODMAN, extra=("kernel-modules-extra",)),
}
ARCHITECTURES = DPKG
#: Upstream: package to the variable of its version, the engine first.
PINS = {
    "docker-ce": "docker_version",
    "docker-ce-cli": "docker_version",
    "containerd.io": "docker_containerd_version",
    "docker-buildx-plugin": "docker_buildx_version",
    "docker-compose-plugin": "docker_compose_version",
}
EPOCHS = {"docker-ce": "5:", "docker-ce-cli": "5:"}
OWN_NAMES = ("docker.io", "docker-cli", "docker-compose", "docker-compose-v2", "docker-buildx")
FOREIGN_TO_UPSTREAM = (*OWN_NAMES, "podman-docker", "containerd", "runc", "docker")
FOREIGN_TO_DISTRIBUTION = (*PINS, "podman-docker")
#: The distribution's containerd and runc are packages of their own; moving them is moving the engine.
HELD_BESIDE_OWN = ("containerd", "runc")
#: Docker's SDK for Python by package manager, for the distribution's own Python. It brings no engine. Enterprise Linux has none of its own.
SDK = {"apt": "python3-docker"}
#: pigz unpacks image layers in parallel, which shows with images of 20 GB.
BESIDE_ON_APT = ("ca-certificates", "pigz")

#: Primary fingerprints of Docker's keys: https://docs.docker.com/engine/install/rhel/ (and /debian/).
FINGERPRINTS = {
    "apt": "9DC858229FC7DD38854AE2D88D81803C0EBFCD88",
    "dnf": "060A61C51B558A7F742B77AAC52FEB6B621E9F35",
}
KEY_PATHS = {"apt": "/etc/apt/keyrings/docker.asc", "dnf": "/etc/pki/rpm-gpg/RPM-GPG-KEY-docker-ce"}
REPOSITORY_PATHS = {"apt": "/etc/apt/sources.list.d/docker.sources", "dnf": "/etc/yum.repos.d/docker-ce.repo"}
