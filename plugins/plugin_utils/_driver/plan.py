# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The role nvidia_driver's plan: what differs from the declaration, and what its tasks need to mend it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver import data
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.choice import (
    Choice,
    of_driver,
    of_kernel,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.files import files, key, own_source
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.refuse import refusals, unsupported
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import (
    Facts,
    KeyFileError,
    Variables,
    digest,
    is_there,
    key_is_there,
    repository_key,
    truth,
    unread,
)

Plan = dict[str, t.Any]
NOTHING: Plan = {
    "managed": False,
    "left_alone": False,
    "install": False,
    "config": False,
    "services": [],
    "reasons": [],
}
#: Commands that install what is asked for by name and version, past holds and locks.
INSTALL = {
    "apt": [
        "apt-get",
        "--yes",
        "--no-install-recommends",
        "--allow-change-held-packages",
        "--allow-downgrades",
        "install",
    ],
    "dnf": ["dnf", "--assumeyes", "--disableplugin=versionlock", "install"],
}


def look(variables: Variables) -> dict[str, t.Any]:
    """What host_info is asked for, on a host of any system."""
    asked: dict[str, t.Any] = {
        "packages": list(data.PACKAGES),
        "files": list(data.FILES) + list(data.KEY_PATHS.values()),
        "key_files": list(data.KEY_PATHS.values()),
        "units": ["nvidia-persistenced", "nvidia-fabricmanager"],
    }
    if variables["nvidia_driver_kernel"]:
        asked["kernel"] = str(variables["nvidia_driver_kernel"])
    if variables["nvidia_driver_source"] == "distribution":
        asked["apt_targets"] = True
    return asked


def plan(variables: Variables, facts: Facts) -> Plan:
    """All of it."""
    if not truth(variables["nvidia_driver_manage"]):
        return {**NOTHING, "refusals": []}
    said = unsupported(variables, facts)
    refused = unread(facts, ("system", "packages", "files", "gpus")) or ([said] if said else [])
    if refused:
        return {**NOTHING, "refusals": refused}
    try:
        return _plan(Choice(variables, facts))
    except KeyFileError as error:
        return {**NOTHING, "refusals": [str(error)]}


def _plan(choice: Choice) -> Plan:
    reasons = reboot_reasons(choice)
    host = {name: choice.driver[name] for name in ("loaded", "library", "module", "seen", "running", "stale_initramfs")}
    common = {
        "managed": True,
        **host,
        "gpus": len(choice.driver["device_ids"]),
        "left_alone": choice.left_alone(),
        "version_there": choice.version_there,
        "reasons": reasons,
    }
    if choice.left_alone():
        return {**NOTHING, **common, "refusals": []}
    changes = {**_packages(choice), **_config(choice)}
    return {**common, "refusals": refusals(choice), **changes, "services": _services(choice, reasons)}


def _packages(choice: Choice) -> Plan:
    missing = [name for name in choice.packages() if name not in choice.found.names]
    moved = [name for name in choice.filled() if _moved(choice, name)]
    differ = [one for one in files(choice) if not is_there(choice.facts, one["path"], digest(one["content"]))]
    own_key = key(choice)
    needs_key = choice.from_nvidia and not own_source(choice) and not key_is_there(choice.facts, own_key)
    stream = choice.stream()
    switch = bool(stream) and choice.driver["stream"] != stream
    return {
        "apt": choice.apt,
        "source": choice.source,
        "branch": choice.branch,
        "kind": choice.kind,
        "row": choice.row_name,
        "install": bool(missing or moved or differ or needs_key or switch),
        "packages": missing + moved,
        "newest": bool(moved) and not choice.version,
        "specs": choice.specs(),
        "files": differ,
        "key": {**own_key, "differs": needs_key},
        "stream": stream,
        "switch": switch,
        "helpers": _helpers(choice),
        "epel_key": _epel_key(choice),
        "unheld": [name for name in of_driver(choice) if name in choice.found.held],
    }


def _moved(choice: Choice, name: str) -> bool:
    """Whether a package is there in another version or branch than is wanted."""
    there = choice.found.versions.get(name)
    if there is None or name in choice.unversioned():
        return False
    return there != choice.version if choice.version else there.split(".")[0] != str(choice.branch)


def epel(choice: Choice) -> str:
    """The package that brings EPEL, which has dkms; empty where none is needed or it is left to the user."""
    given = choice.variables["nvidia_driver_epel_release"]
    if not choice.from_nvidia or choice.apt:
        return ""
    if given is not None:
        return str(given)
    major = choice.facts["system"]["version"].split(".")[0]
    return "epel-release" if choice.distribution != "RedHat" else f"{data.EPEL}/epel-release-latest-{major}.noarch.rpm"


def _helpers(choice: Choice) -> list[str]:
    """What dnf needs before the driver."""
    if choice.apt:
        return []
    own = ["almalinux-release-nvidia-driver"] if choice.row_name == "almalinux" else []
    return ["python3-dnf-plugin-versionlock", *([epel(choice)] if epel(choice) else []), *own]


def _epel_key(choice: Choice) -> dict[str, str]:
    """The key of EPEL's release package, where that comes from Fedora's address and not from a signed repository."""
    major = choice.facts["system"]["version"].split(".")[0]
    if not epel(choice).startswith(data.EPEL):
        return {}
    path = f"/etc/pki/rpm-gpg/RPM-GPG-KEY-EPEL-{major}"
    return repository_key("", path, f"{data.EPEL}/RPM-GPG-KEY-EPEL-{major}", data.EPEL_FINGERPRINTS[major])


def _config(choice: Choice) -> Plan:
    """Module, initramfs, fabric manager and holds, once the driver is there."""
    there, fabric = choice.version_there, choice.fabric()
    kept = [
        *(of_driver(choice) if choice.keeps("driver") else []),
        *(of_kernel(choice) if choice.keeps("kernel") else []),
    ]
    every, held = of_driver(choice) + of_kernel(choice), choice.found.held
    holds = [name for name in kept if name not in held]
    left = [name for name in every if name in held and name not in kept]
    fabric_there = choice.found.versions.get(fabric, "")
    wrong_module = choice.driver["module"] != there
    differs = wrong_module or choice.driver["stale_initramfs"] or holds or left or (fabric and fabric_there != there)
    return {
        "config": bool(there and differs),
        "kernel": choice.kernel,
        "builds": choice.row.builds,
        "fabric": fabric,
        "fabric_there": fabric_there,
        "fabric_install": [
            *INSTALL[choice.platform.manager],
            f"{fabric}={there}-*" if choice.apt else f"{fabric}-{there}",
        ],
        "holds_missing": holds,
        "holds_left": left,
    }


def _services(choice: Choice, reasons: list[str]) -> list[dict[str, t.Any]]:
    """Services to be enabled. They start only where the module runs; after a reboot systemd starts them."""
    starts = not reasons and choice.driver["loaded"] != ""
    wanted = ["nvidia-persistenced"] if truth(choice.variables["nvidia_driver_persistence_daemon"]) else []
    wanted += ["nvidia-fabricmanager"] if choice.driver["nvswitch"] else []
    states = {name: choice.facts["services"].get(name, {}) for name in wanted if choice.version_there}
    return [
        {"name": name, "start": starts}
        for name, state in states.items()
        if not state.get("enabled") or (starts and not state.get("active"))
    ]


def reboot_reasons(choice: Choice) -> list[str]:
    """Why only a reboot brings the host to the declaration; without a GPU none would help."""
    if not choice.driver["device_ids"]:
        return []
    wanted, running = choice.variables["nvidia_driver_kernel"], choice.driver["running"]
    reasons = [said for said in [_module_reason(choice)] if said]
    if wanted and wanted != running:
        reasons.append(f"the kernel {running} runs, not {wanted}")
    return reasons


def _module_reason(choice: Choice) -> str:
    loaded, library, there = choice.driver["loaded"], choice.driver["library"], choice.version_there
    mismatch = '(programs fail with "Driver/library version mismatch")'
    if choice.facts["kernel"]["nouveau"]:
        return "nouveau is loaded and holds the GPU"
    if not loaded:
        return f"the module nvidia {there} is not loaded"
    if there and there != loaded:
        return f"the kernel has the module {loaded} loaded, the libraries are {there} {mismatch}"
    if library and library != loaded:
        return f"the kernel has the module {loaded} loaded, nvidia-smi uses the library {library} {mismatch}"
    return ""
