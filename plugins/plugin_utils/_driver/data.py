# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""NVIDIA's driver by system and branch. Data only.

"Guide" is NVIDIA's Driver Installation Guide: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/
"""

from __future__ import annotations

import typing as t


class Platform(t.NamedTuple):
    """A supported system."""

    label: str
    manager: str
    repository: str  # its folder in NVIDIA's repositories: Guide, "Linux System Requirements" ($distro)
    key: str = ""  # NVIDIA's key file in that folder; empty: not known here
    fingerprint: str = ""  # of that key
    branch: int = 0  # the one branch of the distribution's own packages: packages.debian.org/nvidia-kernel-dkms
    components: str = ""  # where Debian keeps them: https://wiki.debian.org/NvidiaGraphicsDrivers
    closed_only: bool = False  # the distribution's open modules do not go with its libraries


class Row(t.NamedTuple):
    """The compute part of a driver; the first library decides on its version. BRANCH and KERNEL are put in."""

    libraries: tuple[str, ...]
    open: tuple[str, ...]
    proprietary: tuple[str, ...]
    fabric: tuple[str, ...]
    builds: bool  # DKMS builds the module; else it comes signed


_EL = "RHEL, Rocky Linux and AlmaLinux"
_COMPONENTS = "contrib non-free non-free-firmware"
_UBUNTU_KEY = ("3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC")
PLATFORMS: dict[str, Platform] = {
    # nvidia-open-kernel-dkms is 535.261.03, what it needs has moved to 535.309.01 by bookworm-security.
    "Debian-12": Platform("Debian 12", "apt", "debian12", *_UBUNTU_KEY, 535, _COMPONENTS, closed_only=True),
    "Debian-13": Platform(
        "Debian 13",
        "apt",
        "debian13",
        "8793F200.pub",
        "02182E60104FCDC26EAE1B8597A5D4CB8793F200",
        550,
        _COMPONENTS,
    ),
    "Ubuntu-22.04": Platform("Ubuntu 22.04", "apt", "ubuntu2204", *_UBUNTU_KEY),
    "Ubuntu-24.04": Platform("Ubuntu 24.04", "apt", "ubuntu2404", *_UBUNTU_KEY),
    "Ubuntu-26.04": Platform("Ubuntu 26.04", "apt", "ubuntu2604"),
    "EL-9": Platform(f"{_EL} 9", "dnf", "rhel9", "D42D0685.pub", "610C7B14E068A878070DA4E99CD0A493D42D0685"),
    "EL-10": Platform(f"{_EL} 10", "dnf", "rhel10", "CDF6BA43.pub"),
}
#: Guide: $arch of the repositories
ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "sbsa"}

DEFAULT_BRANCH = 580
OLDEST_BRANCH = 535
#: The last for Maxwell, Pascal and Volta:
#: https://forums.developer.nvidia.com/t/unix-graphics-feature-deprecation-schedule/60588
LAST_OF_OLD_GPUS = 580
#: From here on there are no proprietary modules: Guide 620, "Kernel Modules"
OPEN_ONLY = 620
#: NVIDIA's packages for Ubuntu carry no number: Guide, "Ubuntu 590 and later packages"
UNNUMBERED = 590
#: nvidia-fabricmanager carries no number in NVIDIA's repositories.
FABRIC_UNNUMBERED = 580
FIRST_OF_BLACKWELL = 570
#: Ubuntu's archive has -server packages of NVIDIA's production branches only:
#: packages.ubuntu.com/source/noble/nvidia-graphics-drivers-590 builds none.
UBUNTU_WITHOUT = (590,)
#: Device ids of GPUs (https://pci-ids.ucw.cz/read/PC/10de): Maxwell begins with GM108, Turing with TU102, Blackwell with
#: GB100; NVIDIA numbers its generations upwards.
MAXWELL, TURING, BLACKWELL = 0x1340, 0x1E00, 0x2900

ROWS: dict[str, Row] = {
    # packages.debian.org/trixie; nvidia-driver itself would bring X
    "debian": Row(
        ("libcuda1", "libnvidia-ml1", "nvidia-smi", "nvidia-persistenced"),
        ("nvidia-open-kernel-dkms",),
        ("nvidia-kernel-dkms",),
        (),
        builds=True,
    ),
    # https://documentation.ubuntu.com/server/how-to/graphics/install-nvidia-drivers/ (manual installation, -server drivers):
    # modules that Canonical built and signed, which load under Secure Boot
    "ubuntu": Row(
        ("libnvidia-compute-BRANCH-server", "nvidia-utils-BRANCH-server", "nvidia-compute-utils-BRANCH-server"),
        ("nvidia-headless-no-dkms-BRANCH-server-open", "linux-modules-nvidia-BRANCH-server-open-KERNEL"),
        ("nvidia-headless-no-dkms-BRANCH-server", "linux-modules-nvidia-BRANCH-server-KERNEL"),
        ("nvidia-fabricmanager-BRANCH",),
        builds=False,
    ),
    # https://wiki.almalinux.org/documentation/nvidia.html: modules built and signed by AlmaLinux
    "almalinux": Row(("nvidia-driver-cuda", "nvidia-persistenced"), ("nvidia-open-kmod",), (), (), builds=False),
    # Guide, "Debian", compute-only system
    "nvidia_debian": Row(
        ("nvidia-driver-cuda", "nvidia-persistenced"),
        ("nvidia-kernel-open-dkms",),
        ("nvidia-kernel-dkms",),
        ("nvidia-fabricmanager",),
        builds=True,
    ),
    # Guide r580, "Ubuntu", compute-only system; nvidia-smi and the daemon are in the two utils packages
    "nvidia_ubuntu_numbered": Row(
        ("libnvidia-compute-BRANCH", "nvidia-utils-BRANCH", "nvidia-compute-utils-BRANCH"),
        ("nvidia-dkms-BRANCH-open",),
        ("nvidia-dkms-BRANCH",),
        ("nvidia-fabricmanager",),
        builds=True,
    ),
    # Guide r590 and later, "Ubuntu", compute-only system
    "nvidia_ubuntu": Row(
        ("libnvidia-compute", "nvidia-persistenced"),
        ("nvidia-dkms-open",),
        ("nvidia-dkms",),
        ("nvidia-fabricmanager",),
        builds=True,
    ),
    # Guide, "Red Hat Enterprise Linux", compute-only system
    "nvidia_el": Row(
        ("nvidia-driver-cuda", "nvidia-persistenced"),
        ("kmod-nvidia-open-dkms",),
        ("kmod-nvidia-latest-dkms",),
        ("nvidia-fabricmanager",),
        builds=True,
    ),
}
#: Keys of EPEL by major version: https://fedoraproject.org/security/
EPEL_FINGERPRINTS = {
    "9": "FF8AD1344597106ECE813B918A3872BF3228467C",
    "10": "7D8D15CBFC4E62688591FB2633D98517E37ED158",
}
EPEL = "https://dl.fedoraproject.org/pub/epel"

KEY_PATHS = {"apt": "/etc/apt/keyrings/nvidia-driver.asc", "dnf": "/etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-driver"}
SOURCES = "/etc/apt/sources.list.d/nvidia-driver.sources"
REPOSITORY = "/etc/yum.repos.d/nvidia-driver.repo"
PREFERENCES = "/etc/apt/preferences.d/nvidia-driver"
UNATTENDED = "/etc/apt/apt.conf.d/52nvidia-driver"
BLACKLIST = "/etc/modprobe.d/nvidia-driver-nouveau.conf"
FILES = (SOURCES, REPOSITORY, PREFERENCES, UNATTENDED, BLACKLIST)
#: Packages that the look tells of
PACKAGES = ("*nvidia*", "libcuda*", "cuda-*", "linux-*", "kernel*", "epel-release")
