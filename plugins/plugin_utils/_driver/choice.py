# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Chooses source, branch, kernel modules and packages of a host's driver."""

from __future__ import annotations

import re

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver import data
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import (
    Facts,
    Installed,
    Variables,
    distribution,
    installed,
    system,
    truth,
)


def declared_branch(variables: Variables) -> int:
    """The branch that is declared, also by a version; 0 for none."""
    branch, version = variables["nvidia_driver_branch"], variables["nvidia_driver_version"]
    return int(branch) if branch else int(str(version).partition(".")[0]) if version else 0


def source(variables: Variables, facts: Facts) -> str:
    """Where the driver comes from: the distribution on Ubuntu, which has current branches and signed modules."""
    given = variables["nvidia_driver_source"]
    return str(given) if given else "distribution" if distribution(facts) == "Ubuntu" else "nvidia"


class Choice:
    """What is chosen for a host of a supported system, and what the host has."""

    def __init__(self, variables: Variables, facts: Facts) -> None:
        self.variables, self.facts = variables, facts
        self.driver: Facts = facts["driver"]
        self.found: Installed = installed(facts)
        self.platform = data.PLATFORMS[system(facts)]
        self.distribution = distribution(facts)
        self.apt = self.platform.manager == "apt"
        self.source = source(variables, facts)
        self.from_nvidia = self.source == "nvidia"
        self.version = str(variables["nvidia_driver_version"] or "")
        self.declared_branch = declared_branch(variables)
        self.version_there = self._version_there()
        self.branch = self._branch()
        self.kind = self._kind()
        self.kernel = str(variables["nvidia_driver_kernel"] or self.driver["running"])
        self.row_name = self._row_name()
        self.row = data.ROWS[self.row_name]

    def keeps(self, what: str) -> bool:
        """Whether the driver or the kernel is kept from being moved."""
        hold = truth(self.variables["nvidia_driver_hold"])
        return hold and (what == "driver" or truth(self.variables["nvidia_driver_hold_kernel"]))

    def _version_there(self) -> str:
        """The version of the driver's packages, by the first library of each row."""
        names = {row.libraries[0].replace("BRANCH", "[0-9]+") for row in data.ROWS.values()}
        own = [name for name in self.found.versions if re.fullmatch("|".join(sorted(names)), name)]
        return self.found.versions[own[0]] if own else ""

    def _branch(self) -> int:
        """Declared, else what is there, else the distribution's only one, else the default."""
        there = (self.version_there or self.driver["loaded"]).split(".")[0]
        own = 0 if self.from_nvidia else self.platform.branch
        return self.declared_branch or int(there or 0) or own or data.DEFAULT_BRANCH

    def ids(self) -> list[int]:
        """Device ids of the GPUs."""
        return [int(found, 16) for found in self.driver["device_ids"]]

    def old_gpus(self) -> bool:
        return any(found < data.TURING for found in self.ids())

    def new_gpus(self) -> bool:
        return any(found >= data.BLACKWELL for found in self.ids())

    def _kind(self) -> str:
        given = str(self.variables["nvidia_driver_kernel_modules"])
        if given != "auto":
            return given
        closed = not self.from_nvidia and self.platform.closed_only
        return "proprietary" if self.old_gpus() or closed else "open"

    def _row_name(self) -> str:
        if not self.from_nvidia:
            return self.distribution.lower()
        if not self.apt:
            return "nvidia_el"
        if self.distribution == "Debian":
            return "nvidia_debian"
        return "nvidia_ubuntu" if self.branch >= data.UNNUMBERED else "nvidia_ubuntu_numbered"

    def modules(self) -> tuple[str, ...]:
        """Packages of the kernel modules."""
        return self.row.open if self.kind == "open" else self.row.proprietary

    def filled(self) -> list[str]:
        """Libraries and modules with branch and kernel put in."""
        names = [*self.row.libraries, *self.modules()]
        return [name.replace("BRANCH", str(self.branch)).replace("KERNEL", self.kernel) for name in names]

    def headers(self) -> list[str]:
        """Headers that DKMS builds with. Where the kernel is not kept, they follow it."""
        if not self.row.builds:
            return []
        if not self.apt:
            return [f"kernel-devel-{self.kernel}", "kernel-headers"]
        flavour = re.sub(r"^[0-9][^-]*(-[0-9]+)?-", "", self.kernel)
        return [f"linux-headers-{self.kernel}", *([] if self.keeps("kernel") else [f"linux-headers-{flavour}"])]

    def packages(self) -> list[str]:
        """What must be there."""
        return self.filled() + self.headers()

    def unversioned(self) -> list[str]:
        """Packages that have a version of their own, not the driver's."""
        own = [name for name in self.filled() if name.startswith("linux-modules-nvidia-")]
        return self.headers() + own + (["nvidia-persistenced"] if self.row_name == "debian" else [])

    def specs(self) -> list[str]:
        """What the package manager is asked for."""
        return [self._spec(name) for name in self.packages()]

    def _spec(self, name: str) -> str:
        if name in self.unversioned():
            return name
        if self.apt:
            return f"{name}={self.version}-*" if self.version else name
        return f"{name}-{self.version or f'{self.branch}.*'}"

    def fabric(self) -> str:
        """The fabric manager, where NVSwitches are; it is installed once the driver's version is known."""
        if not self.driver["nvswitch"] or not self.row.fabric:
            return ""
        numbered = self.from_nvidia and self.branch < data.FABRIC_UNNUMBERED
        name = f"{self.row.fabric[0]}-BRANCH" if numbered else self.row.fabric[0]
        return name.replace("BRANCH", str(self.branch))

    def stream(self) -> str:
        """Guide, "Kernel Modules": dnf module enable nvidia-driver:580-open; EL 10 has no modules."""
        if not self.from_nvidia or system(self.facts) != "EL-9":
            return ""
        return f"{self.branch}-{'open' if self.kind == 'open' else 'dkms'}"

    def foreign(self) -> bool:
        """Whether no package brought the driver: NVIDIA's installer did, or it is part of a machine image."""
        return not self.version_there and bool(self.driver["loaded"] or self.driver["library"])

    def left_alone(self) -> bool:
        """Whether such a driver satisfies the declaration."""
        loaded = self.driver["loaded"]
        of_branch = not self.declared_branch or loaded.split(".")[0] == str(self.declared_branch)
        return self.foreign() and loaded != "" and of_branch and self.version in ("", loaded)


def named(choice: Choice, pattern: str, but: str) -> list[str]:
    """Installed packages whose names match."""
    return [name for name in choice.found.versions if re.search(pattern, name) and not re.search(but, name)]


def of_driver(choice: Choice) -> list[str]:
    """All of the driver that is installed."""
    return named(choice, "nvidia|^libcuda|^cuda-drivers", "container|^cuda-keyring")


def of_kernel(choice: Choice) -> list[str]:
    """The kernel with its headers and metapackages."""
    return named(choice, "^(linux|kernel)-", "nvidia|linux-(base|libc-dev|libc|firmware|sysctl)")


def repository_address(choice: Choice) -> str:
    """NVIDIA's repository for a system."""
    architecture = data.ARCHITECTURES[choice.facts["system"]["architecture"]]
    return f"{choice.variables['nvidia_driver_repository_url']}/{choice.platform.repository}/{architecture}"
