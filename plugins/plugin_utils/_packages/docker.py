# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role docker's plan: packages, repository, key and holds that differ from what is declared."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages import docker_data as data
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages import docker_unit
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import (
    Facts,
    Installed,
    KeyFileError,
    Variables,
    digest,
    installed,
    is_there,
    key_is_there,
    repository_key,
    service_runs,
    system,
    truth,
    unread,
    version_key,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.daemon import config_differs

Plan = dict[str, t.Any]


def look(variables: Variables) -> dict[str, t.Any]:
    """What host_info is asked for, on a host of any system."""
    if not truth(variables["docker_manage_packages"]):
        return {"files": [docker_unit.PATH], "units": ["docker"]}
    beside = {*data.BESIDE_ON_APT, *data.SDK.values(), "kernel-modules-extra"}
    names = {*data.PINS, *data.FOREIGN_TO_UPSTREAM, *data.HELD_BESIDE_OWN, *beside}
    return {
        "packages": sorted(names),
        "files": [*data.KEY_PATHS.values(), *data.REPOSITORY_PATHS.values(), docker_unit.PATH],
        "key_files": [*data.KEY_PATHS.values()],
        "repositories": [variables["docker_repository_url"]],
        "units": ["docker"],
    }


class Docker:
    """What is declared for a host of a supported system."""

    def __init__(self, variables: Variables, facts: Facts) -> None:
        self.variables, self.facts = variables, facts
        self.platform = data.PLATFORMS[system(facts)]
        self.apt = self.platform.manager == "apt"
        self.upstream = variables["docker_source"] == "upstream"

    def pins(self) -> dict[str, str]:
        """Packages with their wanted versions; an empty one is any."""
        if not self.upstream:
            return dict.fromkeys(self.platform.distribution, "")
        return {name: str(self.variables[variable] or "") for name, variable in data.PINS.items()}

    def packages(self) -> list[str]:
        return list(self.pins())

    def beside(self) -> list[str]:
        return [*(data.BESIDE_ON_APT if self.apt else ()), *self.platform.extra]

    def held(self) -> list[str]:
        return self.packages() + ([] if self.upstream else list(data.HELD_BESIDE_OWN))

    def sdk(self) -> str:
        """The distribution's package of Docker's SDK for Python, where it is wanted and there is one."""
        return data.SDK.get(self.platform.manager, "") if truth(self.variables["docker_python_sdk"]) else ""

    def specs(self) -> list[str]:
        """What the package manager is asked for. Only the packaging revision is left open: Docker rebuilds at times."""
        return [self._spec(name, version) for name, version in self.pins().items()] + self.beside()

    def _spec(self, name: str, version: str) -> str:
        if not version:
            return name
        if self.apt:
            return f"{name}={data.EPOCHS.get(name, '')}{version}-*{self.platform.revision}"
        return f"{name}-{version}"

    def key(self) -> dict[str, str]:
        """The repository's key. A mirror serves Docker's own one, so its fingerprint is expected there too."""
        variables, manager = self.variables, self.platform.manager
        own = f"{variables['docker_repository_url']}/{self.platform.repository}/gpg"
        given = variables["docker_gpg_key_fingerprint"]
        return repository_key(
            variables["docker_gpg_key"],
            data.KEY_PATHS[manager],
            str(variables["docker_gpg_key_url"] or own),
            data.FINGERPRINTS[manager] if given is None else str(given),
            str(variables["docker_gpg_key_checksum"] or ""),
        )

    def repository(self) -> dict[str, str]:
        """The repository's file."""
        lines = self._apt_source() if self.apt else self._dnf_repository()
        text = "".join(f"{line}\n" for line in ["# Managed by Ansible (llmfleet.gateway.docker)", *lines])
        return {"path": data.REPOSITORY_PATHS[self.platform.manager], "text": text}

    def _apt_source(self) -> list[str]:
        return [
            "Types: deb",
            f"URIs: {self.variables['docker_repository_url']}/{self.platform.repository}",
            f"Suites: {self.platform.suite}",
            "Components: stable",
            f"Architectures: {data.ARCHITECTURES[self.facts['system']['architecture']]}",
            f"Signed-By: {data.KEY_PATHS['apt']}",
        ]

    def _dnf_repository(self) -> list[str]:
        # The excludes keep dnf upgrade and dnf-automatic from moving the engine; this role installs past them.
        held = truth(self.variables["docker_packages_hold"])
        base = f"{self.variables['docker_repository_url']}/{self.platform.repository}/{self.platform.suite}"
        return [
            "[docker-ce-stable]",
            "name=Docker CE Stable",
            f"baseurl={base}/$basearch/stable",
            "enabled=1",
            "gpgcheck=1",
            f"gpgkey=file://{data.KEY_PATHS['dnf']}",
            f"excludepkgs={' '.join(self.held())}" if held else "# docker_packages_hold: false",
        ]


def refusal(variables: Variables, facts: Facts) -> str:
    """Why a host can't be served; empty where it can."""
    if truth(variables["docker_manage_service"]) and facts["system"]["service_manager"] != "systemd":
        return (
            "It runs without systemd. Start the engine by other means and set docker_manage_service to false, and "
            "docker_restart_command to what restarts it."
        )
    return _unsupported(variables, facts) if truth(variables["docker_manage_packages"]) else ""


def _unsupported(variables: Variables, facts: Facts) -> str:
    platform, architecture = data.PLATFORMS.get(system(facts)), facts["system"]["architecture"]
    if platform is None:
        labels = "; ".join(entry.label for entry in data.PLATFORMS.values())
        return (
            f"It runs {facts['system']['name'] or 'an unknown system'}. Docker is installed on {labels}. Use one of these, or "
            "install Docker 25 or newer with compose v2 yourself and set docker_manage_packages to false."
        )
    if architecture not in data.ARCHITECTURES:
        return (
            f"It is {architecture}; Docker is installed on {' and '.join(data.ARCHITECTURES)}. Install Docker yourself and "
            "set docker_manage_packages to false."
        )
    if variables["docker_source"] != "upstream" and not platform.distribution:
        return f"docker_source is distribution, but: {platform.refusal} Set docker_source to upstream for it."
    return ""


def plan(variables: Variables, facts: Facts, ports: t.Iterable[int]) -> Plan:
    """What differs from the declaration, and what the role's tasks need to mend it. *ports* are what services publish."""
    return {
        **packages_plan(variables, facts),
        "unit": docker_unit.unit(variables, facts, ports),
        "config": config_differs(variables, facts["docker"]),
        "service": not _engine_runs(variables, facts),
    }


def packages_plan(variables: Variables, facts: Facts) -> Plan:
    """The part of it that needs none of the variables for daemon.json."""
    said = refusal(variables, facts)
    refusals = unread(facts, ("system", "packages", "files", "docker")) or ([said] if said else [])
    unmanaged = {"managed": False, "engine_was_there": True, "differs": False, "sdk": ""}
    if refusals or not truth(variables["docker_manage_packages"]):
        return {**unmanaged, "refusals": refusals}
    try:
        return {"managed": True, **_packages(Docker(variables, facts))}
    except KeyFileError as error:
        return {**unmanaged, "refusals": [str(error)]}


def _engine_runs(variables: Variables, facts: Facts) -> bool:
    if truth(variables["docker_manage_service"]):
        return service_runs(facts, "docker")
    return not facts["docker"]["error"]


def _packages(docker: Docker) -> Plan:
    found, variables, facts = installed(docker.facts), docker.variables, docker.facts
    missing = [name for name in docker.packages() + docker.beside() if name not in found.versions]
    moved = [
        name for name, version in docker.pins().items() if version and found.versions.get(name, version) != version
    ]
    key, repository, holds = docker.key(), docker.repository(), _holds(docker, found)
    key_differs = docker.upstream and not key_is_there(facts, key)
    repository_differs = docker.upstream and not is_there(facts, repository["path"], digest(repository["text"]))
    upgrades = truth(variables["docker_upgrade"]) and not docker.upstream
    engine, too_old = docker.packages()[0], _too_old(docker, found)
    differs = bool(missing or moved or holds or key_differs or repository_differs or upgrades or too_old)
    return {
        "apt": docker.apt,
        "upstream": docker.upstream,
        "engine": engine,
        "engine_was_there": engine in found.versions,
        "too_old": too_old,
        "differs": differs,
        "missing": missing,
        # By itself, not with the engine: a distribution that does not offer it must not fail a run.
        "sdk": "" if docker.sdk() in found.versions else docker.sdk(),
        "packages": missing + moved,
        "upgrades": upgrades,
        "specs": docker.specs(),
        "hold": truth(variables["docker_packages_hold"]),
        "held": docker.held(),
        "holds": holds,
        "key": {**key, "differs": key_differs},
        "repository": {**repository, "differs": repository_differs},
        "refusals": _in_the_way(docker, found, moved) if differs else [],
    }


def _holds(docker: Docker, found: Installed) -> list[str]:
    if not docker.apt:
        return []
    keep = truth(docker.variables["docker_packages_hold"])
    return [name for name in docker.held() if (name in found.held) != keep]


def _too_old(docker: Docker, found: Installed) -> str:
    """The version of the distribution's engine, where it knows no CDI."""
    there = found.versions.get(docker.packages()[0], "")
    return there if there and not docker.upstream and version_key(there) < (25,) else ""


def _in_the_way(docker: Docker, found: Installed, moved: list[str]) -> list[str]:
    """What keeps packages from being brought to the declaration."""
    refusals = []
    foreign = data.FOREIGN_TO_UPSTREAM if docker.upstream else data.FOREIGN_TO_DISTRIBUTION
    there = [name for name in foreign if name in found.versions]
    if there:
        refusals.append(_foreign_packages(docker, there))
    named = docker.facts["repositories"].get(docker.variables["docker_repository_url"], [])
    twice = [path for path in named if path != docker.repository()["path"]]
    if docker.upstream and docker.apt and twice:
        refusals.append(
            f"{', '.join(twice)} names {docker.variables['docker_repository_url']} as well; apt refuses one repository with "
            f"two keys. Remove that file: this role writes {docker.repository()['path']}."
        )
    pins = docker.pins()
    newer = [name for name in moved if version_key(found.versions[name]) > version_key(pins[name])]
    if newer and not truth(docker.variables["docker_allow_downgrade"]):
        refusals.append(
            f"It has {', '.join(f'{name} {found.versions[name]}' for name in newer)}, newer than docker_version and its "
            f"companions ask for ({', '.join(pins.values())}). An older engine may not read what a newer one wrote. Raise the "
            "versions, or set docker_allow_downgrade to true."
        )
    return refusals


def _foreign_packages(docker: Docker, there: list[str]) -> str:
    other = "distribution" if docker.upstream else "upstream"
    way_out = "" if docker.platform.manager == "dnf" else f" or set docker_source to {other} for it"
    return (
        f"docker_source is {docker.variables['docker_source']}, but these packages of another source are installed: "
        f"{', '.join(there)}. The package manager would remove them under running containers. Remove them first (images and "
        f"volumes stay under /var/lib/docker){way_out}."
    )
