# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role nvidia_container_toolkit's plan: packages, repository, key, holds and CDI specification that differ."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import (
    DPKG,
    Facts,
    KeyFileError,
    Variables,
    digest,
    installed,
    is_there,
    key_is_there,
    repository_key,
    truth,
    unread,
)

#: The base package has nvidia-ctk and the CDI refresh service, and no runtime hook, which CDI does not need:
#: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/cdi-support.html
PACKAGE = "nvidia-container-toolkit-base"
#: Where they are installed they must be of the base package's version.
COMPANIONS = ("nvidia-container-toolkit", "libnvidia-container-tools", "libnvidia-container1")
#: CUDA fails to start in containers: https://github.com/NVIDIA/nvidia-container-toolkit/issues/1967
BAD = ("1.19.1", "1.20.0")
#: Primary fingerprint of the key that signs NVIDIA's index (cudatools@nvidia.com, Open Source Projects).
FINGERPRINT = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
KEY_PATHS = {
    "apt": "/etc/apt/keyrings/nvidia-container-toolkit.asc",
    "dnf": "/etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-container-toolkit",
}
REPOSITORY_PATHS = {
    "apt": "/etc/apt/sources.list.d/nvidia-container-toolkit.sources",
    "dnf": "/etc/yum.repos.d/nvidia-container-toolkit.repo",
}
#: The refresh service writes to /var/run, which a reboot empties and the service fills again.
SERVICE_SPECIFICATION, OWN_SPECIFICATION = "/var/run/cdi/nvidia.yaml", "/etc/cdi/nvidia.yaml"


def look(variables: Variables) -> dict[str, t.Any]:
    """What host_info is asked for, on a host of any system."""
    return {
        "packages": [PACKAGE, *COMPANIONS],
        "files": [*KEY_PATHS.values(), *REPOSITORY_PATHS.values()],
        "key_files": [*KEY_PATHS.values()],
        "repositories": [variables["nvidia_container_toolkit_repository_url"]],
    }


def key(variables: Variables, manager: str) -> dict[str, str]:
    """The repository's key."""
    given = variables["nvidia_container_toolkit_gpg_key_fingerprint"]
    return repository_key(
        variables["nvidia_container_toolkit_gpg_key"],
        KEY_PATHS[manager],
        f"{variables['nvidia_container_toolkit_repository_url']}/gpgkey",
        FINGERPRINT if given is None else str(given),
    )


def repository(variables: Variables, facts: Facts) -> dict[str, str]:
    """The repository's file: https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html"""
    manager = facts["system"]["package_manager"]
    lines = _apt_source(variables, facts) if manager == "apt" else _dnf_repository(variables)
    head = "# Managed by Ansible (llmfleet.gateway.nvidia_container_toolkit)"
    return {"path": REPOSITORY_PATHS[manager], "text": "".join(f"{line}\n" for line in [head, *lines])}


def _apt_source(variables: Variables, facts: Facts) -> list[str]:
    architecture = facts["system"]["architecture"]
    address = variables["nvidia_container_toolkit_repository_url"]
    return [
        "Types: deb",
        f"URIs: {address}/stable/deb/{DPKG.get(architecture, architecture)}",
        "Suites: /",
        f"Signed-By: {KEY_PATHS['apt']}",
    ]


def _dnf_repository(variables: Variables) -> list[str]:
    hold = truth(variables["nvidia_container_toolkit_hold"])
    return [
        "[nvidia-container-toolkit]",
        "name=NVIDIA Container Toolkit",
        f"baseurl={variables['nvidia_container_toolkit_repository_url']}/stable/rpm/$basearch",
        "enabled=1",
        f"gpgcheck={int(truth(variables['nvidia_container_toolkit_gpgcheck']))}",
        "repo_gpgcheck=1",
        f"gpgkey=file://{KEY_PATHS['dnf']}",
        f"excludepkgs={' '.join([*COMPANIONS, PACKAGE])}" if hold else "# nvidia_container_toolkit_hold: false",
    ]


def specification(variables: Variables) -> str:
    """The CDI specification that this role keeps."""
    managed = truth(variables["nvidia_container_toolkit_manage_service"])
    return SERVICE_SPECIFICATION if managed else OWN_SPECIFICATION


def plan(variables: Variables, facts: Facts) -> dict[str, t.Any]:
    """What differs from the declaration, and what the role's tasks need to mend it."""
    refusals = unread(facts, ("system", "packages", "files", "gpus"))
    if refusals:
        return {"differs": False, "stale": False, "refusals": refusals}
    found = _specifications(variables, facts)
    if variables["nvidia_container_toolkit_source"] != "nvidia":
        return {**found, "differs": False, "refusals": _present(variables, facts)}
    manager = facts["system"]["package_manager"]
    if not manager:
        return {**found, "differs": False, "refusals": [_unsupported(facts)]}
    try:
        return {**found, **_packages(variables, facts, manager)}
    except KeyFileError as error:
        return {**found, "differs": False, "refusals": [str(error)]}


def _unsupported(facts: Facts) -> str:
    return (
        f"It runs {facts['system']['name'] or 'an unknown system'}, for which NVIDIA has no packages of the container toolkit. "
        "Install the toolkit yourself and set nvidia_container_toolkit_source to none."
    )


def _specifications(variables: Variables, facts: Facts) -> dict[str, t.Any]:
    specifications = facts["toolkit"]["specifications"]
    versions = sorted({version for found in specifications.values() for version in found})
    loaded = facts["driver"]["loaded"]
    wanted = specification(variables)
    return {
        "specification": wanted,
        "other_specification": OWN_SPECIFICATION if wanted == SERVICE_SPECIFICATION else SERVICE_SPECIFICATION,
        "specification_versions": versions,
        "driver": loaded,
        "stale": truth(variables["nvidia_container_toolkit_cdi"]) and versions != [loaded],
    }


def _present(variables: Variables, facts: Facts) -> list[str]:
    """What is wrong with a toolkit that the host has by other means."""
    there = facts["toolkit"]
    if not truth(variables["nvidia_container_toolkit_cdi"]) or (there["path"] and there["version"] not in BAD):
        return []
    has = f"nvidia-ctk {there['version']}" if there["path"] else "no nvidia-ctk"
    return [
        f"It has {has}, but nvidia_container_toolkit_source is none. Install version 1.19.0, set "
        "nvidia_container_toolkit_source to nvidia, or nvidia_container_toolkit_cdi to false where the CDI specification is "
        "written by other means."
    ]


def _packages(variables: Variables, facts: Facts, manager: str) -> dict[str, t.Any]:
    there, version = installed(facts), str(variables["nvidia_container_toolkit_version"])
    names = [PACKAGE, *(name for name in COMPANIONS if name in there.versions)]
    moved = [name for name in names if there.versions.get(name) != version]
    keep = truth(variables["nvidia_container_toolkit_hold"])
    holds = [name for name in names if (name in there.held) != keep] if manager == "apt" else []
    own_key, file = key(variables, manager), repository(variables, facts)
    key_differs = not key_is_there(facts, own_key)
    file_differs = not is_there(facts, file["path"], digest(file["text"]))
    differs = bool(moved or holds or key_differs or file_differs)
    return {
        "apt": manager == "apt",
        "differs": differs,
        "packages": names,
        "moved": moved,
        "specs": [f"{name}{'=' if manager == 'apt' else '-'}{version}-1" for name in names],
        "hold": keep,
        "holds": holds,
        "key": {**own_key, "differs": key_differs},
        "repository": {**file, "differs": file_differs},
        "refusals": _twice(variables, facts, file["path"]) if differs and manager == "apt" else [],
    }


def _twice(variables: Variables, facts: Facts, own: str) -> list[str]:
    address = variables["nvidia_container_toolkit_repository_url"]
    others = [path for path in facts["repositories"].get(address, []) if path != own]
    if not others:
        return []
    return [
        f"{', '.join(others)} names {address} as well; apt refuses one repository with two keys. Remove that file: this role "
        f"writes {own}."
    ]
