# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Files of the role nvidia_driver on a host: sources, pins, blacklists."""

from __future__ import annotations

import re

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver import data
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.choice import Choice, repository_address
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import DPKG, repository_key

HEAD = "Managed by Ansible (llmfleet.gateway.nvidia_driver)"
#: The branch or version of every package of the driver, whatever its name.
PINNED = "*nvidia* libcuda1 libcudadebugger1 cuda-drivers*"


def own_source(choice: Choice) -> bool:
    """Whether the host's sources for NVIDIA's repository came with cuda-keyring; a second entry would be refused by apt."""
    return choice.apt and "cuda-keyring" in choice.found.versions and not choice.variables["nvidia_driver_gpg_key"]


def key(choice: Choice) -> dict[str, str]:
    """NVIDIA's key for a system."""
    given = choice.variables["nvidia_driver_gpg_key_fingerprint"]
    return repository_key(
        choice.variables["nvidia_driver_gpg_key"],
        data.KEY_PATHS[choice.platform.manager],
        f"{repository_address(choice)}/{choice.platform.key}",
        choice.platform.fingerprint if given is None else str(given),
    )


def files(choice: Choice) -> list[dict[str, str]]:
    """Path and content of the files that are wanted, in the order of writing."""
    wanted = {}
    if choice.from_nvidia and not own_source(choice):
        wanted[data.SOURCES if choice.apt else data.REPOSITORY] = _sources(choice)
    if not choice.from_nvidia and choice.distribution == "Debian":
        wanted[data.SOURCES] = components(choice)
    if choice.apt:
        wanted[data.PREFERENCES] = preferences(choice)
        wanted[data.UNATTENDED] = unattended(choice)
    wanted[data.BLACKLIST] = f"# {HEAD}\nblacklist nouveau\noptions nouveau modeset=0\n"
    return [{"path": path, "content": content} for path, content in wanted.items()]


def _sources(choice: Choice) -> str:
    address = repository_address(choice)
    architecture = choice.facts["system"]["architecture"]
    path = data.KEY_PATHS[choice.platform.manager]
    if choice.apt:
        lines = [
            "Types: deb",
            f"URIs: {address}/",
            "Suites: /",
            f"Architectures: {DPKG[architecture]}",
            f"Signed-By: {path}",
        ]
    else:
        lines = [
            f"[cuda-{choice.platform.repository}-{data.ARCHITECTURES[architecture]}]",
            "name=NVIDIA driver and CUDA",
        ]
        lines += [f"baseurl={address}", "enabled=1", "gpgcheck=1", f"gpgkey=file://{path}"]
    return "".join(f"{line}\n" for line in [f"# {HEAD}", *lines])


def components(choice: Choice) -> str:
    """Debian's other components beside the host's own entries: same mirror, same suites, same key."""
    text = f"# {HEAD}: components beside the host's own entries\n"
    for target in choice.facts["apt_targets"]:
        if _is_debian(target):
            signed = f"Signed-By: {target['signed_by']}\n" if target["signed_by"].startswith("/") else ""
            text += f"Types: deb\nURIs: {target['uri']}\nSuites: {target['suite']}\n"
            text += f"Components: {choice.platform.components}\n{signed}\n"
    return text


def _is_debian(target: dict[str, str]) -> bool:
    # apt leaves a field that a source does not have as it was asked: $(ORIGIN).
    origin = target["origin"] == "Debian" or "$" in target["origin"]
    suite = re.match(r"[a-z]+(-updates|-security)?$", target["suite"])
    return target["component"] == "main" and bool(suite) and origin and "debian" in target["uri"]


def preferences(choice: Choice) -> str:
    """apt's pins. 1000 lets apt go back to an older version; Ansible's own pin for name=version must beat it with 1001."""
    text = f"# {HEAD}\n"
    if choice.row_name == "nvidia_ubuntu_numbered":
        # Ubuntu's archive has packages of the same names.
        text += f"Package: *nvidia*-{choice.branch}*\nPin: release o=Ubuntu\nPin-Priority: -1\n\n"
    wanted = f"{choice.version}-*" if choice.version else f"{choice.branch}.*"
    return text + f"Package: {PINNED}\nPin: version {wanted}\nPin-Priority: 1000\n"


def unattended(choice: Choice) -> str:
    """What unattended-upgrades must not touch: Python's regular expressions, matched from the beginning."""
    kept = [".*nvidia", "libcuda", "cuda-drivers"] if choice.keeps("driver") else []
    kept += ["linux-"] if choice.keeps("kernel") else []
    lines = [f"// {HEAD}", "Unattended-Upgrade::Package-Blacklist {", *(f'  "{name}";' for name in kept), "};"]
    return "".join(f"{line}\n" for line in lines)
