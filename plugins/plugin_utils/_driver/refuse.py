# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What rules a host out before anything is changed on it, each with its remedy."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver import data
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.choice import Choice, declared_branch, source
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.files import key, own_source
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import (
    Facts,
    Variables,
    distribution,
    system,
    truth,
    version_key,
)


def unsupported(variables: Variables, facts: Facts) -> str:
    """Why the role has no driver for a system; empty where it has one."""
    platform, architecture = data.PLATFORMS.get(system(facts)), facts["system"]["architecture"]
    if platform is None or architecture not in data.ARCHITECTURES:
        labels = "; ".join(entry.label for entry in data.PLATFORMS.values())
        return (
            f"It runs {facts['system']['name'] or 'an unknown system'} ({architecture}). The NVIDIA driver is installed on "
            f"{labels}, {' or '.join(data.ARCHITECTURES)}. Use one of these, or install the driver yourself and set "
            "nvidia_driver_manage to false."
        )
    if source(variables, facts) == "nvidia":
        return ""
    if distribution(facts).lower() not in data.ROWS:
        return (
            f"nvidia_driver_source is distribution, but this role knows no packages of {distribution(facts)}'s own. Set "
            "nvidia_driver_source to nvidia for it."
        )
    return _without_branch(platform, declared_branch(variables), distribution(facts))


def _without_branch(platform: data.Platform, branch: int, name: str) -> str:
    if platform.branch and branch not in (0, platform.branch):
        has = f"branch {platform.branch} only"
    elif name == "Ubuntu" and branch in data.UBUNTU_WITHOUT:
        has = f"no server packages of branch {', '.join(map(str, data.UBUNTU_WITHOUT))}"
    else:
        return ""
    return (
        f"{platform.label} has {has}, nvidia_driver_branch or nvidia_driver_version asks for {branch}. Change it, or set "
        "nvidia_driver_source to nvidia for it."
    )


def refusals(choice: Choice) -> list[str]:
    """All that rules a host out."""
    checks = (_foreign, _newer, _gpus, _kind, _secure_boot, _fabric, _key)
    return [said for check in checks for said in check(choice)]


def _foreign(choice: Choice) -> t.Iterator[str]:
    if not choice.foreign() or choice.left_alone():
        return
    loaded = choice.driver["loaded"]
    why = (
        f"the declaration asks for {choice.version or choice.declared_branch}" if loaded else "its module is not loaded"
    )
    yield (
        f"It has the NVIDIA driver {loaded or choice.driver['library']}, which no package of {choice.source} brought, and {why}. "
        "Remove it first (nvidia-uninstall for NVIDIA's installer, or the packages it came with), or change "
        "nvidia_driver_branch and nvidia_driver_version to what is there, or set nvidia_driver_manage to false."
    )


def _newer(choice: Choice) -> t.Iterator[str]:
    there, wanted = choice.version_there, choice.version or f"{choice.branch}.0"
    same_branch = there.split(".")[0] == str(choice.branch)
    newer = there != "" and version_key(there) > version_key(wanted) and (choice.version != "" or not same_branch)
    if newer and not truth(choice.variables["nvidia_driver_allow_downgrade"]):
        yield (
            f"It has the NVIDIA driver {there}, newer than {choice.version or choice.branch}. Raise nvidia_driver_branch or "
            "nvidia_driver_version, or set nvidia_driver_allow_downgrade to true."
        )


def _gpus(choice: Choice) -> t.Iterator[str]:
    too_old = any(found < data.MAXWELL for found in choice.ids())
    old = choice.old_gpus() and (choice.branch > data.LAST_OF_OLD_GPUS or choice.kind != "proprietary")
    new = choice.new_gpus() and (choice.branch < data.FIRST_OF_BLACKWELL or choice.kind != "open")
    if too_old or old or new:
        yield (
            f"It has GPUs with the PCI device ids {', '.join(choice.driver['device_ids'])}; the declaration comes to branch "
            f"{choice.branch} with {choice.kind} kernel modules. GPUs before Turing (ids below 1e00) need proprietary modules and "
            f"branch {data.LAST_OF_OLD_GPUS} at most, those before Maxwell (below 1340) have no driver here; Blackwell (2900 and "
            f"up) needs open modules and branch {data.FIRST_OF_BLACKWELL} at least. Change nvidia_driver_branch, "
            "nvidia_driver_kernel_modules or nvidia_driver_source."
        )


def _kind(choice: Choice) -> t.Iterator[str]:
    closed = choice.kind == "open" and not choice.from_nvidia and choice.platform.closed_only
    if closed or not choice.modules():
        yield (
            f"{choice.platform.label} has no {choice.kind} kernel modules of its own that go with its libraries. Set "
            "nvidia_driver_source to nvidia, or change nvidia_driver_kernel_modules, for it."
        )


def _secure_boot(choice: Choice) -> t.Iterator[str]:
    enrolled = truth(choice.variables["nvidia_driver_mok_enrolled"])
    if choice.facts["kernel"]["secure_boot"] and choice.row.builds and not enrolled:
        yield (
            "It boots with Secure Boot, which refuses a kernel module that is built on the host. Use signed ones "
            "(nvidia_driver_source: distribution, on Ubuntu and AlmaLinux), or enroll DKMS's key (mokutil --import, then the "
            "firmware's dialogue at the next boot) and set nvidia_driver_mok_enrolled to true, or turn Secure Boot off."
        )


def _fabric(choice: Choice) -> t.Iterator[str]:
    if choice.driver["nvswitch"] and not choice.row.fabric:
        yield (
            "It has NVSwitches, without whose fabric manager no GPU works (CUDA error 802), and "
            f"{choice.platform.label} has none of its own. Set nvidia_driver_source to nvidia."
        )


def _key(choice: Choice) -> t.Iterator[str]:
    """A key that this role can't tell from another one is trusted only where the user says so."""
    if not choice.from_nvidia or own_source(choice) or choice.variables["nvidia_driver_gpg_key"]:
        return
    if not choice.platform.key:
        yield (
            f"This role does not know NVIDIA's key for {choice.platform.label}. Give it in nvidia_driver_gpg_key, or set "
            "nvidia_driver_source to distribution."
        )
    elif not key(choice)["fingerprint"] and choice.variables["nvidia_driver_gpg_key_fingerprint"] is None:
        yield (
            f"This role does not know the fingerprint of NVIDIA's key for {choice.platform.label} ({key(choice)['url']}). Look at it "
            "(gpg --show-keys), compare it with what NVIDIA publishes, and set nvidia_driver_gpg_key_fingerprint to it; or give "
            "the key in nvidia_driver_gpg_key; or set nvidia_driver_gpg_key_fingerprint to '' to trust HTTPS alone."
        )
