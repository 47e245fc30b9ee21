# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the role nvidia_driver: packages, repositories and refusals for each system, against what is documented.

The tables cite their sources by these names:

GUIDE  NVIDIA Driver Installation Guide, https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/ (r580,
       r590 and 620: chapters Ubuntu, Debian, Red Hat Enterprise Linux, "Compute-only system", "Kernel Modules",
       "Version locking", "Ubuntu 590 and later packages")
UBUNTU https://documentation.ubuntu.com/server/how-to/graphics/install-nvidia-drivers/
DEBIAN https://wiki.debian.org/NvidiaGraphicsDrivers and packages.debian.org
ALMA   https://wiki.almalinux.org/documentation/nvidia.html
"""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver import data
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.choice import Choice
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.files import files, key
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.plan import epel, look, plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._driver.refuse import unsupported
from looks import KEY, ROLES, SYSTEMS, defaults, host, row, sha256

HOSTS = {name: system for name, system in SYSTEMS.items() if name not in ("Debian-11", "Ubuntu-20.04", "RHEL-8")}
HOSTS = {name: system for name, system in HOSTS.items() if name not in ("Fedora-42", "openSUSE")}
H100, V100, P40, B200, K80 = "2330", "1db4", "1b38", "2901", "102d"
TOLD = {"library": "library", "module": "module", "stream": "stream"}


def told(system: str, answer: str, architecture: str = "x86_64") -> dict[str, Any]:
    """A look at a host, from lines: "have NAME VERSION hold installed", "is NAME VALUE", "target |...", "sum ..."."""
    found = host(system, architecture)
    driver = found["driver"]
    for line in answer.splitlines():
        words = line.split()
        if words[0] == "have" and words[4] == "installed":
            found["packages"].append(row(words[1], words[2], words[3] == "hold"))
        elif words[0] == "sum":
            found["files"][words[2]] = {"sha256": words[1], "mode": "0644"}
        elif words[0] == "key":
            found["fingerprints"][words[1]] = words[2:]
        elif words[0] == "target":
            fields = ("uri", "suite", "component", "origin", "signed_by")
            found["apt_targets"].append(dict(zip(fields, line.split("|")[1:], strict=True)))
        elif words[:2] == ["is", "gpus"]:
            driver["device_ids"] = words[2:]
        elif words[:2] == ["is", "switches"]:
            driver["nvswitch"] = len(words) > 2
        elif words[:2] == ["is", "loaded"]:
            driver["loaded"] = next(word for word in words if re.fullmatch(r"[0-9]{3}[0-9.]+", word))
        elif words[:2] == ["is", "seen"]:
            driver["seen"] = int(words[2])
        elif words[:2] == ["is", "nouveau"]:
            found["kernel"]["nouveau"] = True
        elif words[:2] == ["is", "secureboot"]:
            found["kernel"]["secure_boot"] = True
        elif words[0] == "is":
            driver[TOLD[words[1]]] = " ".join(words[2:])
    return found


class Role:
    """The role's plan on a host of this system."""

    def __init__(self, system: str, answer: str = "", architecture: str = "x86_64", **given: Any) -> None:
        self.system, self.architecture, self.kernel = system, architecture, SYSTEMS[system][3]
        self.variables = {**defaults("nvidia_driver"), **{f"nvidia_driver_{name}": v for name, v in given.items()}}
        self.look(answer)

    def look(self, answer: str) -> None:
        self.facts = told(self.system, answer, self.architecture)

    @property
    def choice(self) -> Choice:
        return Choice(self.variables, self.facts)

    def plan(self) -> dict[str, Any]:
        return plan(self.variables, self.facts)

    def files(self) -> list[dict[str, str]]:
        return files(self.choice)

    def file(self, path: str) -> list[str]:
        texts = [file["content"] for file in self.files() if file["path"] == path]
        return texts[0].splitlines() if texts else []

    def refusal(self) -> str:
        return " ".join(self.plan()["refusals"])


HEADERS = {
    "Debian-12": ["linux-headers-6.1.0-56-amd64"],
    "Debian-13": ["linux-headers-6.12.117+deb13-amd64"],
    "Ubuntu-22.04": ["linux-headers-5.15.0-160-generic"],
    "Ubuntu-24.04": ["linux-headers-6.8.0-90-generic"],
    "Ubuntu-26.04": ["linux-headers-7.0.0-34-generic"],
    **{name: [f"kernel-devel-{host[3]}", "kernel-headers"] for name, host in HOSTS.items() if ".el" in host[3]},
}
NUMBERED = ["libnvidia-compute-{0}", "nvidia-utils-{0}", "nvidia-compute-utils-{0}"]
SERVER = ["libnvidia-compute-{0}-server", "nvidia-utils-{0}-server", "nvidia-compute-utils-{0}-server"]
DEBIAN = ["libcuda1", "libnvidia-ml1", "nvidia-smi", "nvidia-persistenced"]

# systems, source, branches, Secure Boot, open packages, proprietary packages (None: refused), headers
PACKAGES: list[tuple[list[str], str, list[int], bool, list[str] | None, list[str] | None, bool]] = [
    # GUIDE r580, Ubuntu, compute-only: apt install libnvidia-compute-580 nvidia-dkms-580-open (or nvidia-dkms-580)
    (
        ["Ubuntu-22.04", "Ubuntu-24.04", "Ubuntu-26.04"],
        "nvidia",
        [570, 580],
        False,
        [*NUMBERED, "nvidia-dkms-{0}-open"],
        [*NUMBERED, "nvidia-dkms-{0}"],
        True,
    ),
    # GUIDE r590, "Ubuntu 590 and later packages": apt install libnvidia-compute nvidia-dkms-open (or nvidia-dkms)
    (
        ["Ubuntu-22.04", "Ubuntu-24.04", "Ubuntu-26.04"],
        "nvidia",
        [590, 610],
        False,
        ["libnvidia-compute", "nvidia-persistenced", "nvidia-dkms-open"],
        ["libnvidia-compute", "nvidia-persistenced", "nvidia-dkms"],
        True,
    ),
    # GUIDE 620, "Kernel Modules": open ones only
    (
        ["Ubuntu-24.04", "Ubuntu-26.04"],
        "nvidia",
        [620],
        False,
        ["libnvidia-compute", "nvidia-persistenced", "nvidia-dkms-open"],
        None,
        True,
    ),
    # GUIDE, Debian, compute-only: apt install nvidia-driver-cuda nvidia-kernel-open-dkms (or nvidia-kernel-dkms)
    (
        ["Debian-12", "Debian-13"],
        "nvidia",
        [580, 590],
        False,
        ["nvidia-driver-cuda", "nvidia-persistenced", "nvidia-kernel-open-dkms"],
        ["nvidia-driver-cuda", "nvidia-persistenced", "nvidia-kernel-dkms"],
        True,
    ),
    # GUIDE, Red Hat Enterprise Linux, compute-only: dnf install nvidia-driver-cuda kmod-nvidia-open-dkms (latest-dkms)
    (
        ["RHEL-9", "Rocky-9", "Alma-9", "RHEL-10", "Rocky-10", "Alma-10"],
        "nvidia",
        [580, 590],
        False,
        ["nvidia-driver-cuda", "nvidia-persistenced", "kmod-nvidia-open-dkms"],
        ["nvidia-driver-cuda", "nvidia-persistenced", "kmod-nvidia-latest-dkms"],
        True,
    ),
    # UBUNTU, "manual driver installation": linux-modules-nvidia-580-server-open-$(uname -r), nvidia-headless-no-dkms-…,
    # nvidia-utils-…; the same with Secure Boot, since Canonical signs them
    *[
        (
            ["Ubuntu-22.04", "Ubuntu-24.04", "Ubuntu-26.04"],
            "distribution",
            [580] if secure else [570, 580, 595],
            secure,
            [*SERVER, "nvidia-headless-no-dkms-{0}-server-open", "linux-modules-nvidia-{0}-server-open-{1}"],
            [*SERVER, "nvidia-headless-no-dkms-{0}-server", "linux-modules-nvidia-{0}-server-{1}"],
            False,
        )
        for secure in (False, True)
    ],
    # DEBIAN: nvidia-open-kernel-dkms (contrib) or nvidia-kernel-dkms (non-free), without X
    (
        ["Debian-13"],
        "distribution",
        [550],
        False,
        [*DEBIAN, "nvidia-open-kernel-dkms"],
        [*DEBIAN, "nvidia-kernel-dkms"],
        True,
    ),
    (["Debian-12"], "distribution", [535], False, None, [*DEBIAN, "nvidia-kernel-dkms"], True),
    # ALMA: dnf install almalinux-release-nvidia-driver, then nvidia-open-kmod nvidia-driver-cuda; signed, open only
    *[
        (
            ["Alma-9", "Alma-10"],
            "distribution",
            [580],
            secure,
            ["nvidia-driver-cuda", "nvidia-persistenced", "nvidia-open-kmod"],
            None,
            False,
        )
        for secure in (False, True)
    ],
]
CASES = [
    pytest.param(
        system,
        source,
        branch,
        secure,
        kind,
        row[4 if kind == "open" else 5],
        row[6],
        id=f"{system}-{source}-{branch}-{kind}{'-secure' if secure else ''}",
    )
    for row in PACKAGES
    for system in row[0]
    for source, secure in [(row[1], row[3])]
    for branch in row[2]
    for kind in ("open", "proprietary")
]


@pytest.mark.parametrize(("system", "source", "branch", "secure", "kind", "names", "headers"), CASES)
def test_the_packages_are_the_documented_ones(
    system: str, source: str, branch: int, secure: bool, kind: str, names: list[str] | None, headers: bool
) -> None:
    answer = f"is gpus {H100}" + ("\nis secureboot yes" if secure else "")
    role = Role(system, answer, source=source, branch=branch, kernel_modules=kind)
    if names is None:
        # From branch 620 on the declaration itself is refused.
        assert role.refusal() or (branch >= data.OPEN_ONLY and kind == "proprietary")
        return
    if system not in ("RHEL-10", "Rocky-10", "Alma-10", "Ubuntu-26.04"):
        assert not role.refusal()
    wanted = [name.format(branch, role.kernel) for name in names] + (HEADERS[system] if headers else [])
    assert role.choice.packages() == wanted


@pytest.mark.parametrize(
    ("system", "source", "branch"),
    [
        *[(system, "distribution", 580) for system in HOSTS if system.startswith(("Ubuntu", "Alma"))],
        ("Debian-12", "distribution", 535),
        ("Debian-13", "distribution", 550),
        *[(system, "nvidia", 580) for system in HOSTS],
    ],
)
def test_the_branch_without_a_declaration(system: str, source: str, branch: int) -> None:
    assert Role(system, source=source).choice.branch == branch


def test_the_source_without_a_declaration() -> None:
    sources = {system: Role(system).choice.source for system in HOSTS}
    assert {system for system, source in sources.items() if source == "distribution"} == {
        "Ubuntu-22.04",
        "Ubuntu-24.04",
        "Ubuntu-26.04",
    }


# A driver that stays is not moved by a new default; a declared branch is.
def test_what_is_installed_stays_until_another_branch_is_declared() -> None:
    answer = "\n".join(
        f"have {name} 570.172.08-0ubuntu0.24.04.1 hold installed" for name in [entry.format(570) for entry in SERVER]
    )
    assert Role("Ubuntu-24.04", answer).choice.branch == 570
    assert Role("Ubuntu-24.04", answer, branch=580).choice.branch == 580
    assert "libnvidia-compute-580-server" in Role("Ubuntu-24.04", answer, branch=580).plan()["packages"]


# GUIDE, network repositories: $distro and $arch
@pytest.mark.parametrize(
    ("system", "architecture", "folder"),
    [
        ("Debian-12", "x86_64", "debian12/x86_64"),
        ("Debian-13", "x86_64", "debian13/x86_64"),
        ("Ubuntu-22.04", "x86_64", "ubuntu2204/x86_64"),
        ("Ubuntu-24.04", "aarch64", "ubuntu2404/sbsa"),
        ("Ubuntu-26.04", "x86_64", "ubuntu2604/x86_64"),
        ("RHEL-9", "x86_64", "rhel9/x86_64"),
        ("Rocky-9", "x86_64", "rhel9/x86_64"),
        ("Alma-10", "aarch64", "rhel10/sbsa"),
    ],
)
def test_the_repository_of_nvidia(system: str, architecture: str, folder: str) -> None:
    role = Role(system, architecture=architecture, source="nvidia")
    address = f"https://developer.download.nvidia.com/compute/cuda/repos/{folder}"
    assert key(role.choice)["url"].startswith(f"{address}/")
    assert any(address in file["content"] for file in role.files())


# The key files stand in NVIDIA's repositories; each has the name of its fingerprint's end.
@pytest.mark.parametrize(
    ("system", "file", "fingerprint"),
    [
        ("Debian-12", "3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"),
        ("Debian-13", "8793F200.pub", "02182E60104FCDC26EAE1B8597A5D4CB8793F200"),
        ("Ubuntu-22.04", "3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"),
        ("Ubuntu-24.04", "3bf863cc.pub", "EB693B3035CD5710E231E123A4B469963BF863CC"),
        ("Rocky-9", "D42D0685.pub", "610C7B14E068A878070DA4E99CD0A493D42D0685"),
    ],
)
def test_nvidias_key_is_known_by_its_fingerprint(system: str, file: str, fingerprint: str) -> None:
    role = Role(system, source="nvidia")
    assert key(role.choice)["url"].endswith(f"/{file}") and key(role.choice)["fingerprint"] == fingerprint
    assert fingerprint.lower().endswith(file.split(".")[0].lower()) and not role.refusal()
    assert role.plan()["key"]["differs"] is True
    role.look(f"key {key(role.choice)['path']} {fingerprint}")
    assert role.plan()["key"]["differs"] is False
    role.look(f"key {key(role.choice)['path']} {'0' * 40}")
    assert role.plan()["key"]["differs"] is True


@pytest.mark.parametrize(
    ("system", "given", "words"),
    [
        ("RHEL-10", {}, "nvidia_driver_gpg_key_fingerprint to ''"),
        ("Rocky-10", {}, "CDF6BA43.pub"),
        ("Rocky-10", {"gpg_key_fingerprint": "0" * 40}, ""),
        ("Rocky-10", {"gpg_key_fingerprint": ""}, ""),
        ("Rocky-10", {"gpg_key": KEY}, ""),
        ("Ubuntu-26.04", {"source": "nvidia"}, "nvidia_driver_gpg_key"),
        ("Ubuntu-26.04", {"source": "nvidia", "gpg_key": KEY}, ""),
        ("Ubuntu-26.04", {}, ""),
    ],
)
def test_a_key_that_is_not_known_here_needs_a_word_of_the_user(system: str, given: dict[str, Any], words: str) -> None:
    said = Role(system, **given).refusal()
    assert words in said and bool(said) is bool(words)


@pytest.mark.parametrize("system", [system for system in HOSTS if system.startswith(("Debian", "Ubuntu"))])
def test_the_source_of_apt_names_its_key(system: str) -> None:
    role = Role(system, source="nvidia", gpg_key=KEY, repository_url="https://mirror.example/cuda")
    assert role.plan()["key"]["text"] == KEY
    assert role.file("/etc/apt/sources.list.d/nvidia-driver.sources")[1:] == [
        "Types: deb",
        f"URIs: https://mirror.example/cuda/{role.choice.platform.repository}/x86_64/",
        "Suites: /",
        "Architectures: amd64",
        "Signed-By: /etc/apt/keyrings/nvidia-driver.asc",
    ]


def test_a_host_that_has_nvidias_keyring_package_keeps_its_source() -> None:
    """apt refuses one repository with two keys."""
    role = Role("Debian-12", "have cuda-keyring 1.1-1 install installed", source="nvidia")
    assert not role.file("/etc/apt/sources.list.d/nvidia-driver.sources") and role.plan()["key"]["differs"] is False
    assert Role("Debian-12", source="nvidia").file("/etc/apt/sources.list.d/nvidia-driver.sources")


# The key files are named in NVIDIA's own cuda-rhel9.repo and cuda-rhel10.repo.
@pytest.mark.parametrize(("system", "file"), [("Rocky-9", "D42D0685.pub"), ("RHEL-10", "CDF6BA43.pub")])
def test_the_dnf_repository(system: str, file: str) -> None:
    role = Role(system, source="nvidia")
    lines = role.file("/etc/yum.repos.d/nvidia-driver.repo")
    assert "gpgcheck=1" in lines and key(role.choice)["url"].endswith(f"/{file}")
    # The file that was checked, not whatever the address says when dnf asks.
    assert "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-driver" in lines


# GUIDE, "Kernel Modules": dnf module enable nvidia-driver:580-open (580-dkms); EL 10 has no module streams.
@pytest.mark.parametrize(
    ("system", "kind", "branch", "stream"),
    [
        ("RHEL-9", "open", 580, "580-open"),
        ("Rocky-9", "proprietary", 580, "580-dkms"),
        ("Alma-9", "open", 590, "590-open"),
        ("RHEL-10", "open", 580, ""),
        ("Rocky-10", "proprietary", 580, ""),
    ],
)
def test_the_module_stream(system: str, kind: str, branch: int, stream: str) -> None:
    role = Role(system, source="nvidia", branch=branch, kernel_modules=kind)
    assert role.choice.stream() == stream and role.plan()["switch"] is bool(stream)
    role.look(f"is stream {stream}")
    assert role.plan()["switch"] is False


# GUIDE, EPEL: https://docs.fedoraproject.org/en-US/epel/getting-started/
@pytest.mark.parametrize(
    ("system", "package"),
    [
        ("RHEL-9", "https://dl.fedoraproject.org/pub/epel/epel-release-latest-9.noarch.rpm"),
        ("RHEL-10", "https://dl.fedoraproject.org/pub/epel/epel-release-latest-10.noarch.rpm"),
        ("Rocky-9", "epel-release"),
        ("Alma-10", "epel-release"),
    ],
)
def test_where_dkms_comes_from_on_enterprise_linux(system: str, package: str) -> None:
    assert epel(Role(system, source="nvidia").choice) == package
    assert epel(Role(system, source="nvidia", epel_release="").choice) == ""
    assert package in Role(system, source="nvidia").plan()["helpers"]


# https://fedoraproject.org/security/
def test_epels_release_package_is_checked_with_a_known_key() -> None:
    keys = {system: Role(system, source="nvidia").plan()["epel_key"] for system in ("RHEL-9", "RHEL-10", "Rocky-9")}
    assert keys["RHEL-9"]["fingerprint"] == "FF8AD1344597106ECE813B918A3872BF3228467C"
    assert keys["RHEL-10"]["fingerprint"] == "7D8D15CBFC4E62688591FB2633D98517E37ED158"
    assert keys["RHEL-9"]["url"] == "https://dl.fedoraproject.org/pub/epel/RPM-GPG-KEY-EPEL-9"
    # Rocky's own repository, which is signed.
    assert keys["Rocky-9"] == {}


def test_specs_carry_the_version_or_on_dnf_the_branch() -> None:
    role = Role("Ubuntu-24.04", source="nvidia", branch=590, version="590.48.01")
    assert role.choice.specs() == [
        "libnvidia-compute=590.48.01-*",
        "nvidia-persistenced=590.48.01-*",
        "nvidia-dkms-open=590.48.01-*",
        "linux-headers-6.8.0-90-generic",
    ]
    assert Role("Rocky-10", source="nvidia").choice.specs()[:3] == [
        "nvidia-driver-cuda-580.*",
        "nvidia-persistenced-580.*",
        "kmod-nvidia-open-dkms-580.*",
    ]
    # Signed modules carry the kernel's version, Debian's daemon its own.
    assert (
        Role("Ubuntu-24.04", version="580.95.05").choice.specs()[-1]
        == "linux-modules-nvidia-580-server-open-6.8.0-90-generic"
    )
    assert "nvidia-persistenced" in Role("Debian-13", source="distribution", version="550.163.01").choice.specs()


def test_pins_name_the_branch_before_the_driver_is_there() -> None:
    path = "/etc/apt/preferences.d/nvidia-driver"
    pinned = ["Package: *nvidia* libcuda1 libcudadebugger1 cuda-drivers*", "Pin: version 590.*", "Pin-Priority: 1000"]
    assert Role("Ubuntu-24.04", source="nvidia", branch=590).file(path)[1:] == pinned
    assert Role("Debian-13", source="nvidia", branch=590).file(path)[1:] == pinned
    numbered = Role("Ubuntu-24.04", source="nvidia", version="580.95.05").file(path)
    # Ubuntu's archive has packages of the same names.
    assert numbered[1:4] == ["Package: *nvidia*-580*", "Pin: release o=Ubuntu", "Pin-Priority: -1"]
    assert "Pin: version 580.95.05-*" in numbered


# https://github.com/mvo5/unattended-upgrades: Python regular expressions, matched from the beginning
def test_unattended_upgrades_are_told() -> None:
    path = "/etc/apt/apt.conf.d/52nvidia-driver"
    text = "\n".join(Role("Debian-13").file(path))
    assert all(f'"{pattern}";' in text for pattern in (".*nvidia", "libcuda", "cuda-drivers", "linux-"))
    assert '"linux-"' not in "\n".join(Role("Debian-13", hold_kernel=False).file(path))
    assert ".*nvidia" not in "\n".join(Role("Debian-13", hold=False).file(path))


def test_without_a_held_kernel_headers_follow_it() -> None:
    for system, name in [
        ("Debian-13", "linux-headers-amd64"),
        ("Debian-12", "linux-headers-amd64"),
        ("Ubuntu-24.04", "linux-headers-generic"),
    ]:
        assert Role(system, source="nvidia", hold_kernel=False).choice.headers()[-1] == name


# GUIDE, "Kernel Modules": open ones from Turing on, Maxwell to Volta proprietary only; Blackwell open only.
# Ids: pci-ids.ucw.cz
@pytest.mark.parametrize(
    ("gpus", "kind"),
    [
        (H100, "open"),
        ("1e02", "open"),
        (V100, "proprietary"),
        (P40, "proprietary"),
        ("1340", "proprietary"),
        (B200, "open"),
        (f"{H100} {V100}", "proprietary"),
        ("", "open"),
    ],
)
def test_the_kind_that_the_gpus_need(gpus: str, kind: str) -> None:
    assert Role("Ubuntu-24.04", f"is gpus {gpus}").choice.kind == kind


@pytest.mark.parametrize(
    ("gpus", "given", "refused"),
    [
        (H100, {}, False),
        (V100, {}, False),
        (V100, {"branch": 595}, True),
        (V100, {"kernel_modules": "open"}, True),
        (B200, {}, False),
        (B200, {"kernel_modules": "proprietary"}, True),
        (B200, {"branch": 550}, True),
        (f"{B200} {V100}", {}, True),
        (K80, {}, True),
        ("", {"branch": 595}, False),
    ],
)
def test_gpus_that_the_driver_does_not_know(gpus: str, given: dict[str, Any], refused: bool) -> None:
    message = Role("Ubuntu-24.04", f"is gpus {gpus}", **given).refusal()
    assert bool(message) is refused
    assert not refused or "Change nvidia_driver_branch" in message


@pytest.mark.parametrize(
    ("system", "source", "given", "refused"),
    [
        ("Ubuntu-24.04", "distribution", {}, False),
        ("Alma-9", "distribution", {}, False),
        ("Ubuntu-24.04", "nvidia", {}, True),
        ("Debian-13", "distribution", {}, True),
        ("Rocky-9", "nvidia", {}, True),
        ("Ubuntu-24.04", "nvidia", {"mok_enrolled": True}, False),
    ],
)
def test_secure_boot_refuses_what_is_built_on_the_host(
    system: str, source: str, given: dict[str, Any], refused: bool
) -> None:
    message = Role(system, f"is gpus {H100}\nis secureboot yes", source=source, **given).refusal()
    assert ("mokutil --import" in message) is refused


# The package's name: NVIDIA's gpu-driver-container drops the number from 580 on; Ubuntu's archive keeps it.
@pytest.mark.parametrize(
    ("system", "source", "branch", "package"),
    [
        ("Ubuntu-24.04", "nvidia", 570, "nvidia-fabricmanager-570"),
        ("Ubuntu-24.04", "nvidia", 580, "nvidia-fabricmanager"),
        ("Ubuntu-24.04", "distribution", 580, "nvidia-fabricmanager-580"),
        ("Debian-13", "nvidia", 590, "nvidia-fabricmanager"),
        ("Rocky-9", "nvidia", 580, "nvidia-fabricmanager"),
    ],
)
def test_the_fabric_manager_only_with_nvswitches(system: str, source: str, branch: int, package: str) -> None:
    given: dict[str, Any] = {"source": source, "branch": branch}
    assert Role(system, f"is gpus {H100}\nis switches ", **given).choice.fabric() == ""
    assert Role(system, f"is gpus {H100}\nis switches  22a3", **given).choice.fabric() == package


def test_the_fabric_manager_is_of_the_driver_that_is_there() -> None:
    driver = "580.95.05-1ubuntu1"
    names = [*(entry.format(580) for entry in NUMBERED), "nvidia-dkms-580-open"]
    answer = "\n".join(f"have {name} {driver} hold installed" for name in names)
    role = Role("Ubuntu-24.04", f"{answer}\nis gpus {H100}\nis switches  22a3", source="nvidia")
    found = role.plan()
    assert found["config"] is True and found["fabric_there"] == ""
    assert found["fabric_install"][-2:] == ["install", "nvidia-fabricmanager=580.95.05-*"]
    same = "\nhave nvidia-fabricmanager 580.95.05-1ubuntu1 install installed"
    role.look(f"{answer}{same}\nis gpus {H100}\nis switches  22a3")
    assert role.plan()["fabric_there"] == role.plan()["version_there"]
    other = "\nhave nvidia-fabricmanager 580.105.08-1ubuntu1 install installed"
    role.look(f"{answer}{other}\nis gpus {H100}\nis switches  22a3")
    assert role.plan()["fabric_there"] == "580.105.08" and role.plan()["version_there"] == "580.95.05"


def test_debian_has_no_fabric_manager() -> None:
    message = Role("Debian-13", f"is gpus {H100}\nis switches  22a3", source="distribution").refusal()
    assert "CUDA error 802" in message


#: /proc/driver/nvidia/version of the H100 machine in molecule/gpu_host/files
PROC = "is loaded NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (nixbld@)  "


@pytest.mark.parametrize(
    ("given", "alone"),
    [
        ({}, True),
        ({"branch": 580}, True),
        ({"version": "580.159.04"}, True),
        ({"branch": 595}, False),
        ({"version": "580.95.05"}, False),
    ],
)
def test_a_driver_that_no_package_brought(given: dict[str, Any], alone: bool) -> None:
    answer = f"{PROC}\nis library 580.159.04\nis seen 1\nis gpus {H100}"
    role = Role("Ubuntu-24.04", answer, **given)
    assert role.plan()["loaded"] == "580.159.04"
    assert role.plan()["left_alone"] is alone
    assert role.plan()["reasons"] == []
    assert ("nvidia-uninstall" in role.refusal()) is not alone


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ("is nouveau yes", "nouveau is loaded"),
        ("", "the module nvidia 550.163.01 is not loaded"),
        (PROC, "the module 580.159.04 loaded, the libraries are 550.163.01"),
        (PROC.replace("580.159.04", "550.163.01") + "\nis library 550.54", "nvidia-smi uses the library 550.54"),
    ],
)
def test_reasons_for_a_reboot(answer: str, words: str) -> None:
    there = "have libcuda1 550.163.01-2 hold installed"
    role = Role("Debian-13", f"{there}\nis gpus {H100}\n{answer}", source="distribution")
    assert len(role.plan()["reasons"]) == 1 and words in role.plan()["reasons"][0]
    without_gpu = Role("Debian-13", f"{there}\nis gpus \n{answer}", source="distribution")
    assert without_gpu.plan()["reasons"] == []


def test_another_kernel_is_a_reason() -> None:
    answer = f"is gpus {H100}\n{PROC}\nis library 580.159.04"
    assert Role("Ubuntu-24.04", answer, kernel="6.8.0-90-generic").plan()["reasons"] == []
    assert "6.8.0-91-generic" in Role("Ubuntu-24.04", answer, kernel="6.8.0-91-generic").plan()["reasons"][0]


TARGETS = """\
target |http://mirror.example/debian/|trixie|main|Debian|/usr/share/keyrings/debian-archive-keyring.gpg
target |http://mirror.example/debian/|trixie-updates|main|Debian|/usr/share/keyrings/debian-archive-keyring.gpg
target |http://mirror.example/debian-security/|trixie-security|main|$(ORIGIN)|$(SIGNED_BY)
target |http://mirror.example/debian/|trixie|contrib|Debian|/usr/share/keyrings/debian-archive-keyring.gpg
target |https://vendor.example/apt/|trixie|main|Vendor|/etc/apt/keyrings/vendor.gpg"""


def test_debian_components_come_from_the_hosts_own_mirror() -> None:
    lines = Role("Debian-13", TARGETS, source="distribution").file("/etc/apt/sources.list.d/nvidia-driver.sources")
    text = "\n".join(lines[1:])
    assert text.split("\n\n", maxsplit=1)[0].splitlines() == [
        "Types: deb",
        "URIs: http://mirror.example/debian/",
        "Suites: trixie",
        "Components: contrib non-free non-free-firmware",
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg",
    ]
    assert text.count("Types: deb") == 3 and text.count("Signed-By") == 2
    assert "vendor" not in text


def converged(role: Role) -> list[str]:
    """The answer of a host that is as declared and runs its driver."""
    answer = [f"have {name} 550.163.01-2 hold installed" for name in role.choice.packages() if "linux" not in name]
    answer += [
        "have linux-headers-6.12.117+deb13-amd64 6.12.117-1 hold installed",
        "have libnvidia-container1 1.20.0-1 install installed",
        "have linux-base 4.12 install installed",
        "have nvidia-settings 550.163.01-2 deinstall config-files",
        *TARGETS.splitlines(),
        f"is gpus  {H100}",
        "is switches ",
        "is library 550.163.01",
        "is seen 1",
        "is module 550.163.01",
        PROC.replace("580.159.04", "550.163.01"),
    ]
    role.look("\n".join(answer))
    sums = [f"sum {sha256(file['content'])}  {file['path']}" for file in role.files()]
    return answer + sums


def test_a_converged_host_has_nothing_to_do() -> None:
    role = Role("Debian-13", source="distribution")
    role.look("\n".join(converged(role)))
    found = role.plan()
    assert found["install"] is False and found["config"] is False and found["reasons"] == []
    assert found["holds_missing"] == [] and found["holds_left"] == [] and found["refusals"] == []


def test_services_are_left_alone_where_they_run() -> None:
    role = Role("Debian-13", source="distribution")
    role.look("\n".join(converged(role)))
    assert role.plan()["services"] == [{"name": "nvidia-persistenced", "start": True}]
    role.facts["services"] = {"nvidia-persistenced": {"active": True, "enabled": True}}
    assert role.plan()["services"] == []
    role.facts["services"] = {"nvidia-persistenced": {"active": False, "enabled": True}}
    assert role.plan()["services"] == [{"name": "nvidia-persistenced", "start": True}]
    role.facts["driver"]["loaded"] = ""
    assert role.plan()["services"] == []


@pytest.mark.parametrize(
    ("old", "new", "name", "expected"),
    [
        ("libcuda1 550.163.01-2 hold", "libcuda1 550.163.01-2 install", "holds_missing", ["libcuda1"]),
        (
            "deb13-amd64 6.12.117-1 hold",
            "deb13-amd64 6.12.117-1 install",
            "holds_missing",
            ["linux-headers-6.12.117+deb13-amd64"],
        ),
        ("have nvidia-smi", "have nvidia-none", "packages", ["nvidia-smi"]),
        ("is module 550.163.01", "is module ", "config", True),
        ("52nvidia-driver", "52other", "install", True),
    ],
)
def test_each_difference_is_found(old: str, new: str, name: str, expected: Any) -> None:
    role = Role("Debian-13", source="distribution")
    answer = "\n".join(converged(role))
    assert old in answer
    role.look(answer.replace(old, new))
    assert role.plan()[name] == expected


def test_holds_are_let_go_when_asked() -> None:
    role = Role("Debian-13", source="distribution", hold_kernel=False)
    role.look("\n".join(converged(role)))
    assert role.plan()["holds_left"] == ["linux-headers-6.12.117+deb13-amd64"]


def test_a_downgrade_needs_consent() -> None:
    answer = "have libcuda1 550.163.01-2 hold installed"
    assert (
        "nvidia_driver_allow_downgrade"
        in Role("Debian-13", answer, version="550.90.07", source="distribution").refusal()
    )
    assert not Role("Debian-13", answer, version="550.90.07", source="distribution", allow_downgrade=True).refusal()
    assert not Role("Debian-13", answer, version="550.163.02", source="distribution").refusal()


@pytest.mark.parametrize(
    ("system", "given", "words"),
    [
        ("Debian-13", {"source": "distribution", "branch": 580}, "branch 550 only"),
        ("Ubuntu-24.04", {"branch": 590}, "no server packages of branch 590"),
        ("Rocky-9", {"source": "distribution"}, "knows no packages of Rocky's own"),
        ("RHEL-10", {"source": "distribution"}, "knows no packages of RedHat's own"),
    ],
)
def test_what_a_distribution_has_not(system: str, given: dict[str, Any], words: str) -> None:
    role = Role(system, **given)
    assert unsupported(role.variables, role.facts) == role.refusal()
    assert words in role.refusal()


def test_other_systems_are_refused_with_what_there_is() -> None:
    for system in ("Debian-11", "Fedora-42", "openSUSE"):
        (said,) = Role(system).plan()["refusals"]
        assert system in said and "Ubuntu 24.04" in said and "nvidia_driver_manage to false" in said
        assert Role(system, manage=False).plan() == {**Role(system, manage=False).plan(), "refusals": []}
    assert "riscv64" in Role("Debian-13", architecture="riscv64").refusal()


def test_what_could_not_be_read_is_not_planned_as_absent() -> None:
    role = Role("Debian-13")
    role.facts["faults"] = {"packages": "OSError: dpkg-query ended with 2"}
    assert "dpkg-query ended with 2" in role.refusal() and role.plan()["install"] is False


def test_the_look_asks_for_all_that_the_plan_reads() -> None:
    asked = look(Role("Debian-13", source="distribution").variables)
    assert asked["apt_targets"] is True and "apt_targets" not in look(Role("Debian-13").variables)
    assert look(Role("Debian-13", kernel="6.2-amd64").variables)["kernel"] == "6.2-amd64"
    for system in HOSTS:
        role = Role(system)
        assert {one["path"] for one in role.files()} <= set(asked["files"])
        assert key(role.choice)["path"] in asked["key_files"]


def test_each_public_variable_is_described_with_its_default() -> None:
    spec = yaml.safe_load((ROLES / "nvidia_driver/meta/argument_specs.yml").read_text())["argument_specs"]
    options = {name: option for name, option in spec["main"]["options"].items() if name != "llm_fleet"}
    known = defaults("nvidia_driver")
    assert options.keys() == known.keys() and all(option["description"] for option in options.values())
    assert {name: option.get("default") for name, option in options.items()} == known
