# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles for the host itself take: docker, nvidia_driver, nvidia_container_toolkit, preflight."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.data import OLDEST_BRANCH, OPEN_ONLY
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import (
    Place,
    Relation,
    Rule,
    shown,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.toolkit import BAD

#: Since which engine containers get GPUs by CDI.
OLDEST_ENGINE = (25, 0, 0)
#: Since which toolkit a service keeps the CDI specification fresh.
OLDEST_TOOLKIT = (1, 18, 0)
NVIDIA_REPOSITORY = "https://developer.download.nvidia.com/"


def numbers(version: t.Any) -> tuple[int, ...]:
    """A version that can be compared; empty for text that is none."""
    fine = re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})*", str(version))
    return tuple(int(part) for part in str(version).split(".")) if fine else ()


# ---- docker


def _mirror(value: t.Any) -> str:
    if re.match(r"https?://[^/\s]+", str(value)) and not values.one_line(value):
        return ""
    return f"{shown(value)} is no mirror's address; write one with http:// or https://"


def _registry(value: t.Any) -> str:
    return (
        f"{shown(value)} has a scheme; write a host, host:port or a network such as 10.0.0.0/8"
        if "://" in str(value)
        else ""
    )


def address_pools(value: t.Sequence[t.Mapping[str, t.Any]]) -> str:
    for pool in value:
        fault = values.network(pool.get("base", ""))
        if fault:
            return f"base {fault}"
        base = ipaddress.ip_network(str(pool["base"]), strict=False)
        prefix, longest = base.prefixlen, base.max_prefixlen
        if not prefix <= pool.get("size", 0) <= longest:
            return (
                f"size {pool.get('size')} does not fit into {pool['base']}; write a prefix length from {prefix} to {longest},"
                " that of the networks cut from it"
            )
    return ""


def _engine_version(place: Place) -> t.Iterator[tuple[str, str]]:
    """Versions count only where the role installs packages of Docker's own repository."""
    found = place.values
    if not found.get("docker_manage_packages") or found.get("docker_source") != "upstream":
        return
    for name in ("docker_version", "docker_containerd_version", "docker_buildx_version", "docker_compose_version"):
        fault = values.three_numbers(found[name]) if found.get(name) is not None else ""
        if fault:
            yield name, fault
    version = numbers(found.get("docker_version"))
    if version and version < OLDEST_ENGINE:
        yield (
            "docker_version",
            f"is {found['docker_version']}, but containers get their GPUs by CDI; write 25.0.0 or newer",
        )


def _engine_service(place: Place) -> t.Iterator[tuple[str, str]]:
    managed = place.values.get("docker_manage_service")
    if managed and "hosts" in (place.values.get("docker_daemon_options") or {}):
        yield (
            "docker_daemon_options",
            "has hosts, which the service's unit gives to dockerd already (-H fd://), so that it would not start; take hosts"
            " out, and use a drop-in of docker.service if the engine must listen elsewhere",
        )
    if managed and place.values.get("docker_restart_command") is not None:
        yield (
            "docker_restart_command",
            "is for hosts where docker_manage_service is false; remove it, or set docker_manage_service to false",
        )


def daemon_options(value: t.Mapping[t.Any, t.Any]) -> str:
    wrong = [name for name in value if not isinstance(name, str) or not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name)]
    if wrong:
        return f"{names.listed(wrong)} is no option of daemon.json; write it as dockerd's documentation does, such as log-opts"
    return ""


#: An empty one waives the check.
_fingerprint = values.optional(
    values.matching(
        re.compile(r"(?:[0-9A-Fa-f]{4} ?){10}|[0-9A-Fa-f]{64}"),
        "fingerprint of a key",
        "9DC858229FC7DD38854AE2D88D81803C0EBFCD88, as gpg --show-keys tells it, or an empty text",
    )
)

DOCKER: dict[str, Rule] = {
    "docker_repository_url": values.repository_url,
    "docker_gpg_key_url": values.url,
    "docker_gpg_key_checksum": values.checksum,
    "docker_gpg_key_fingerprint": _fingerprint,
    "docker_gpg_key": values.public_key,
    "docker_log_max_size": values.log_size,
    "docker_log_max_file": values.between(1),
    "docker_data_root": values.path,
    "docker_registry_mirrors": values.each(_mirror),
    "docker_insecure_registries": values.each(_registry),
    "docker_default_address_pools": address_pools,
    "docker_http_proxy": values.optional(values.url),
    "docker_https_proxy": values.optional(values.url),
    "docker_no_proxy": values.one_line,
    "docker_daemon_options": daemon_options,
    "docker_restart_command": values.not_empty,
}
DOCKER_RELATIONS: tuple[Relation, ...] = (_engine_version, _engine_service)


# ---- nvidia_driver


def _branch(value: t.Any) -> str:
    if not 100 <= value <= 999:
        return f"{value} is no branch of the driver; write one of three digits such as 580"
    return "" if value >= OLDEST_BRANCH else f"{value} is older than this role serves; write {OLDEST_BRANCH} or newer"


_driver_version = values.matching(
    re.compile(r"[0-9]{3}(?:\.[0-9]+){1,2}"), "released version of the driver", "580.159.04, without packaging revision"
)


def _driver(place: Place) -> t.Iterator[tuple[str, str]]:
    found = place.values
    branch, version = found.get("nvidia_driver_branch"), found.get("nvidia_driver_version")
    of_version = int(str(version).partition(".")[0]) if version is not None else None
    if branch is not None and of_version not in (None, branch):
        yield (
            "nvidia_driver_version",
            f"{version} is not of branch {branch} (nvidia_driver_branch); write one of them, or two that agree",
        )
    elif of_version is not None and of_version < OLDEST_BRANCH:
        yield "nvidia_driver_version", f"{version} is older than this role serves; write {OLDEST_BRANCH} or newer"
    if found.get("nvidia_driver_kernel_modules") == "proprietary" and (branch or of_version or 0) >= OPEN_ONLY:
        yield (
            "nvidia_driver_kernel_modules",
            f"is proprietary, but from branch {OPEN_ONLY} on there are only open ones; write auto or open",
        )
    url = str(found.get("nvidia_driver_repository_url", NVIDIA_REPOSITORY))
    if not url.startswith(NVIDIA_REPOSITORY) and found.get("nvidia_driver_gpg_key") is None:
        yield (
            "nvidia_driver_gpg_key",
            "is missing, but nvidia_driver_repository_url is not NVIDIA's own; write the mirror's key, armoured, or its path on"
            " the controller",
        )


def _source(value: t.Any) -> str:
    """Null is the third choice, which a spec's choices have no word for."""
    return (
        ""
        if value in ("distribution", "nvidia")
        else f"{shown(value)} is no choice; write distribution, nvidia or null"
    )


DRIVER: dict[str, Rule] = {
    "nvidia_driver_source": _source,
    "nvidia_driver_batch": values.matching(re.compile(r"[1-9][0-9]*%?"), "number of hosts", "1 or 25%"),
    "nvidia_driver_branch": _branch,
    "nvidia_driver_version": _driver_version,
    "nvidia_driver_kernel": values.matching(
        re.compile(r"[0-9]+\.[0-9]+[^ /\s]*"), "release of a kernel", "6.8.0-52-generic, as uname -r shows it"
    ),
    "nvidia_driver_reboot_timeout": values.between(60),
    "nvidia_driver_repository_url": values.repository_url,
    "nvidia_driver_gpg_key": values.public_key,
    "nvidia_driver_gpg_key_fingerprint": _fingerprint,
    "nvidia_driver_epel_release": values.one_line,
}
DRIVER_RELATIONS: tuple[Relation, ...] = (_driver,)


# ---- nvidia_container_toolkit


def _toolkit(place: Place) -> t.Iterator[tuple[str, str]]:
    found = place.values
    version = found.get("nvidia_container_toolkit_version")
    if found.get("nvidia_container_toolkit_source") == "nvidia" and version is not None:
        fault = values.three_numbers(version)
        if not fault and str(version) in BAD:
            fault = f"is {version}, with which CUDA does not start in containers (NVIDIA/nvidia-container-toolkit#1967); write 1.19.0"
        elif not fault and numbers(version) < OLDEST_TOOLKIT:
            fault = (
                f"is {version}; write 1.18.0 or newer, which brings the service that keeps the CDI specification fresh"
            )
        if fault:
            yield "nvidia_container_toolkit_version", fault
    if found.get("docker_cdi") is False:
        yield (
            "docker_cdi",
            "is false, but containers get their GPUs by CDI; write true, or set nvidia_container_toolkit_manage to false",
        )


TOOLKIT: dict[str, Rule] = {
    "nvidia_container_toolkit_repository_url": values.repository_url,
    "nvidia_container_toolkit_gpg_key": values.public_key,
    "nvidia_container_toolkit_gpg_key_fingerprint": _fingerprint,
    "nvidia_container_toolkit_test_image": names.image,
    "nvidia_container_toolkit_test_arguments": values.each(values.one_line),
    "nvidia_container_toolkit_test_command": lambda value: "" if value else "is empty; write [nvidia-smi, -L]",
}
TOOLKIT_RELATIONS: tuple[Relation, ...] = (_toolkit,)


# ---- watch


def _watch(place: Place) -> t.Iterator[tuple[str, str]]:
    if place.values.get("nvidia_container_toolkit_manage_service") is False:
        yield (
            "watch_manage",
            "is a timer of systemd; write false where nvidia_container_toolkit_manage_service is false",
        )


WATCH: dict[str, Rule] = {
    "watch_interval": values.systemd_duration,
    "watch_limit": values.between(1),
    "watch_hang_timeout": values.between(0),
}
WATCH_RELATIONS: tuple[Relation, ...] = (_watch,)

PREFLIGHT: dict[str, Rule] = {
    "preflight_timeout": values.above_zero,
    "preflight_image_gib": values.above_zero,
    "preflight_cuda": values.matching(re.compile(r"\d+(?:\.\d+)?"), "version of CUDA", "13.0"),
}
