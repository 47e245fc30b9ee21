# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The nvidia_driver role's data: packages, repositories and refusals for each system, against what is documented.

The tables cite their sources by these names:

GUIDE  NVIDIA Driver Installation Guide, https://docs.nvidia.com/datacenter/tesla/driver-installation-guide/ (r580,
       r590 and 620: chapters Ubuntu, Debian, Red Hat Enterprise Linux, "Compute-only system", "Kernel Modules",
       "Version locking", "Ubuntu 590 and later packages")
UBUNTU https://documentation.ubuntu.com/server/how-to/graphics/install-nvidia-drivers/
DEBIAN https://wiki.debian.org/NvidiaGraphicsDrivers and packages.debian.org
ALMA   https://wiki.almalinux.org/documentation/nvidia.html
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from jinja2 import Environment

ROLE = Path(__file__).resolve().parents[3] / "roles" / "nvidia_driver"
KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"

#: System to distribution, version, family and a kernel's release as it has them.
HOSTS = {
    "Debian-12": ("Debian", "12.12", "6.1.0-56-amd64"),
    "Debian-13": ("Debian", "13.2", "6.12.117+deb13-amd64"),
    "Ubuntu-22.04": ("Ubuntu", "22.04", "5.15.0-160-generic"),
    "Ubuntu-24.04": ("Ubuntu", "24.04", "6.8.0-90-generic"),
    "Ubuntu-26.04": ("Ubuntu", "26.04", "7.0.0-34-generic"),
    "RHEL-9": ("RedHat", "9.6", "5.14.0-570.12.1.el9_6.x86_64"),
    "Rocky-9": ("Rocky", "9.6", "5.14.0-570.12.1.el9_6.x86_64"),
    "Alma-9": ("AlmaLinux", "9.6", "5.14.0-570.12.1.el9_6.x86_64"),
    "RHEL-10": ("RedHat", "10.1", "6.12.0-124.8.1.el10_1.x86_64"),
    "Rocky-10": ("Rocky", "10.1", "6.12.0-124.8.1.el10_1.x86_64"),
    "Alma-10": ("AlmaLinux", "10.1", "6.12.0-124.8.1.el10_1.x86_64"),
}
H100, V100, P40, B200, K80 = "2330", "1db4", "1b38", "2901", "102d"


TEMPLAR = Templar(DataLoader(), variables={})


@pytest.fixture(autouse=True, scope="module")
def compiled_once() -> Iterator[None]:
    """Ansible compiles a template each time that it is used, which takes most of the time of these tests."""
    compiled: dict[Any, Any] = {}
    compile_ = Environment.compile

    def compile_once(self: Environment, source: Any, *args: Any, **named: Any) -> Any:
        if not isinstance(source, str):
            return compile_(self, source, *args, **named)
        key = (type(self), str(source), args, tuple(sorted(named.items())))
        if key not in compiled:
            compiled[key] = compile_(self, source, *args, **named)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Environment, "compile", compile_once)
        yield


@functools.cache
def variables_of_the_role() -> dict[str, Any]:
    loaded: dict[str, Any] = {}
    for part in ("defaults", "vars"):
        loaded.update(DataLoader().load_from_file(str(ROLE / part / "main.yml"), trusted_as_template=True))
    return loaded


@functools.cache
def tasks_of_the_role(name: str) -> list[dict[str, Any]]:
    return DataLoader().load_from_file(str(ROLE / "tasks" / f"{name}.yml"), trusted_as_template=True)


class Role:
    """The role's variables on a host of this system."""

    def __init__(self, system: str, answer: str = "", architecture: str = "x86_64", **given: Any) -> None:
        distribution, version, self.kernel = HOSTS[system]
        self.variables: dict[str, Any] = {"inventory_hostname": "h1", "ansible_check_mode": False}
        self.variables.update(variables_of_the_role())
        facts = {
            "distribution": distribution,
            "distribution_version": version,
            "distribution_major_version": version.split(".")[0],
            "os_family": "Debian" if distribution in ("Debian", "Ubuntu") else "RedHat",
            "architecture": architecture,
        }
        given = {f"nvidia_driver_{name}": value for name, value in given.items()}
        self.variables.update(given, ansible_facts=facts)
        self.look(answer)

    def look(self, answer: str) -> None:
        """What the host answers to the role's one question."""
        lines = [f"is running {self.kernel}", *answer.splitlines()]
        self.variables["__nvidia_driver_state"] = {"stdout_lines": lines}
        for stage in ("found", "choice"):
            self.variables[f"__nvidia_driver_{stage}"] = self[f"{stage}_wanted"]
        self.variables["__nvidia_driver_plan"] = self.variables["__nvidia_driver_plan_wanted"]

    @property
    def templar(self) -> Templar:
        TEMPLAR.available_variables = self.variables
        return TEMPLAR

    def __getitem__(self, name: str) -> Any:
        return self.templar.template(self.variables[f"__nvidia_driver_{name}"])

    def plan(self) -> dict[str, Any]:
        return self["plan"]

    def file(self, path: str) -> list[str]:
        texts = [file["content"] for file in self["files"] if file["path"] == path]
        return texts[0].splitlines() if texts else []

    def refusal(self, tasks: str) -> str:
        """The message of the first assertion of a task file that does not hold."""
        for task in tasks_of_the_role(tasks):
            body = task.get("ansible.builtin.assert")
            when = task.get("when", [])
            conditions = when if isinstance(when, list) else [when]
            if not body or not all(self.templar.evaluate_conditional(condition) for condition in conditions):
                continue
            that = body["that"] if isinstance(body["that"], list) else [body["that"]]
            if not all(self.templar.evaluate_conditional(condition) for condition in that):
                return " ".join(str(self.templar.template(body["fail_msg"])).split())
        return ""


HEADERS = {
    "Debian-12": ["linux-headers-6.1.0-56-amd64"],
    "Debian-13": ["linux-headers-6.12.117+deb13-amd64"],
    "Ubuntu-22.04": ["linux-headers-5.15.0-160-generic"],
    "Ubuntu-24.04": ["linux-headers-6.8.0-90-generic"],
    "Ubuntu-26.04": ["linux-headers-7.0.0-34-generic"],
    **{name: [f"kernel-devel-{host[2]}", "kernel-headers"] for name, host in HOSTS.items() if ".el" in host[2]},
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
        assert role.refusal("assert") or role.refusal("os") or role.refusal("refuse")
        return
    assert not role.refusal("refuse")
    wanted = [name.format(branch, role.kernel) for name in names] + (HEADERS[system] if headers else [])
    assert role["packages"] == wanted


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
    assert Role(system, source=source)["branch"] == branch


def test_the_source_without_a_declaration() -> None:
    sources = {system: Role(system)["source"] for system in HOSTS}
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
    assert Role("Ubuntu-24.04", answer)["branch"] == 570
    assert Role("Ubuntu-24.04", answer, branch=580)["branch"] == 580
    assert "libnvidia-compute-580-server" in Role("Ubuntu-24.04", answer, branch=580).plan()["missing"]


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
    assert role["repository"] == f"https://developer.download.nvidia.com/compute/cuda/repos/{folder}"


@pytest.mark.parametrize("system", [system for system in HOSTS if system.startswith(("Debian", "Ubuntu"))])
def test_the_key_comes_with_the_keyring_package_or_is_given(system: str) -> None:
    role = Role(system, source="nvidia")
    assert role["keyring_url"].endswith("/x86_64/cuda-keyring_1.1-1_all.deb")
    assert role.plan()["keyring"] is True and not role.file("/etc/apt/sources.list.d/nvidia-driver.sources")
    role = Role(system, source="nvidia", gpg_key=KEY, repository_url="https://mirror.example/cuda")
    assert role.plan()["keyring"] is False
    assert role.file("/etc/apt/keyrings/nvidia-driver.asc") == KEY.splitlines()
    assert role.file("/etc/apt/sources.list.d/nvidia-driver.sources")[1:] == [
        "Types: deb",
        f"URIs: https://mirror.example/cuda/{role['platform']['repository']}/x86_64/",
        "Suites: /",
        "Architectures: amd64",
        "Signed-By: /etc/apt/keyrings/nvidia-driver.asc",
    ]


# The key files are named in NVIDIA's own cuda-rhel9.repo and cuda-rhel10.repo.
@pytest.mark.parametrize(("system", "key"), [("Rocky-9", "D42D0685.pub"), ("RHEL-10", "CDF6BA43.pub")])
def test_the_dnf_repository(system: str, key: str) -> None:
    role = Role(system, source="nvidia")
    lines = role.file("/etc/yum.repos.d/nvidia-driver.repo")
    assert f"baseurl={role['repository']}" in lines and "gpgcheck=1" in lines
    assert f"gpgkey={role['repository']}/{key}" in lines
    given = Role(system, source="nvidia", gpg_key=KEY).file("/etc/yum.repos.d/nvidia-driver.repo")
    assert "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-driver" in given


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
    assert role["stream"] == stream and role.plan()["stream"] is bool(stream)
    assert (
        Role(system, f"is stream {stream}", source="nvidia", branch=branch, kernel_modules=kind).plan()["stream"]
        is False
    )


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
    assert Role(system, source="nvidia")["epel"] == package
    assert Role(system, source="nvidia", epel_release="")["epel"] == ""


def test_specs_carry_the_version_or_on_dnf_the_branch() -> None:
    role = Role("Ubuntu-24.04", source="nvidia", branch=590, version="590.48.01")
    assert role["specs"] == [
        "libnvidia-compute=590.48.01-*",
        "nvidia-persistenced=590.48.01-*",
        "nvidia-dkms-open=590.48.01-*",
        "linux-headers-6.8.0-90-generic",
    ]
    assert Role("Rocky-10", source="nvidia")["specs"][:3] == [
        "nvidia-driver-cuda-580.*",
        "nvidia-persistenced-580.*",
        "kmod-nvidia-open-dkms-580.*",
    ]
    # Signed modules carry the kernel's version, Debian's daemon its own.
    assert (
        Role("Ubuntu-24.04", version="580.95.05")["specs"][-1]
        == "linux-modules-nvidia-580-server-open-6.8.0-90-generic"
    )
    assert "nvidia-persistenced" in Role("Debian-13", source="distribution", version="550.163.01")["specs"]


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
        assert Role(system, source="nvidia", hold_kernel=False)["headers"][-1] == name


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
    assert Role("Ubuntu-24.04", f"is gpus {gpus}")["kind"] == kind


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
    message = Role("Ubuntu-24.04", f"is gpus {gpus}", **given).refusal("refuse")
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
    message = Role(system, f"is gpus {H100}\nis secureboot yes", source=source, **given).refusal("refuse")
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
    assert Role(system, f"is gpus {H100}\nis switches ", **given)["fabric"] == []
    role = Role(system, f"is gpus {H100}\nis switches  22a3", **given)
    assert role["fabric"] == [package]


def test_the_fabric_manager_is_of_the_driver_that_is_there() -> None:
    driver = "580.95.05-1ubuntu1"
    names = [*(entry.format(580) for entry in NUMBERED), "nvidia-dkms-580-open"]
    answer = "\n".join(f"have {name} {driver} hold installed" for name in names)
    role = Role("Ubuntu-24.04", f"{answer}\nis gpus {H100}\nis switches  22a3", source="nvidia")
    assert role["fabric_differs"] is True and role["fabric_spec"] == "nvidia-fabricmanager=580.95.05-*"
    same = "\nhave nvidia-fabricmanager 580.95.05-1ubuntu1 install installed"
    assert (
        Role("Ubuntu-24.04", f"{answer}{same}\nis gpus {H100}\nis switches  22a3", source="nvidia")["fabric_differs"]
        is False
    )
    answer += "\nhave nvidia-fabricmanager 580.105.08-1ubuntu1 install installed"
    role = Role("Ubuntu-24.04", f"{answer}\nis gpus {H100}\nis switches  22a3", source="nvidia")
    assert "it starts only with the driver's own version" in role.refusal("config")


def test_debian_has_no_fabric_manager() -> None:
    message = Role("Debian-13", f"is gpus {H100}\nis switches  22a3", source="distribution").refusal("refuse")
    assert "CUDA error 802" in message


#: /proc/driver/nvidia/version of the H100 machine in molecule/gpu_host/files
PROC = "is loaded NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (nixbld@)  "


@pytest.mark.parametrize(
    ("given", "alone"),
    [
        ({}, True),
        ({"branch": 580}, True),
        ({"version": "580.159.04"}, True),
        ({"branch": 590}, False),
        ({"version": "580.95.05"}, False),
    ],
)
def test_a_driver_that_no_package_brought(given: dict[str, Any], alone: bool) -> None:
    answer = f"{PROC}\nis library 580.159.04\nis seen 1\nis gpus {H100}"
    role = Role("Ubuntu-24.04", answer, **given)
    assert role["loaded"] == "580.159.04"
    assert role.plan()["left_alone"] is alone
    assert role["reasons"] == []
    assert ("nvidia-uninstall" in role.refusal("refuse")) is not alone


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
    assert len(role["reasons"]) == 1 and words in role["reasons"][0]
    without_gpu = Role("Debian-13", f"{there}\nis gpus \n{answer}", source="distribution")
    assert without_gpu["reasons"] == []


def test_another_kernel_is_a_reason() -> None:
    answer = f"is gpus {H100}\n{PROC}\nis library 580.159.04"
    assert Role("Ubuntu-24.04", answer, kernel="6.8.0-90-generic")["reasons"] == []
    assert "6.8.0-91-generic" in Role("Ubuntu-24.04", answer, kernel="6.8.0-91-generic")["reasons"][0]


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
    answer = [f"have {name} 550.163.01-2 hold installed" for name in role["packages"] if "linux" not in name]
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
    sums = [f"sum {hashlib.sha256(file['content'].encode()).hexdigest()}  {file['path']}" for file in role["files"]]
    return answer + sums


def test_a_converged_host_has_nothing_to_do() -> None:
    role = Role("Debian-13", source="distribution")
    role.look("\n".join(converged(role)))
    assert role["install"] is False and role["reasons"] == []
    assert role["holds_missing"] == [] and role["holds_left"] == []
    assert not role.refusal("refuse") and not role.refusal("config")


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
        ("have nvidia-smi", "have nvidia-none", "missing", ["nvidia-smi"]),
        ("is module 550.163.01", "is module ", "module", ""),
        ("52nvidia-driver", "52other", "install", True),
    ],
)
def test_each_difference_is_found(old: str, new: str, name: str, expected: Any) -> None:
    role = Role("Debian-13", source="distribution")
    answer = "\n".join(converged(role))
    assert old in answer
    role.look(answer.replace(old, new))
    found = role[name]
    if name == "holds_missing" and "have nvidia-none" in new:
        found = [entry for entry in found if entry != "nvidia-none"]
    assert found == expected


def test_a_missing_module_is_said_with_the_remedy() -> None:
    role = Role("Debian-13", source="distribution")
    role.look("\n".join(converged(role)).replace("is module 550.163.01", "is module "))
    assert "has no module nvidia" in role.refusal("config") and "make.log" in role.refusal("config")


def test_holds_are_let_go_when_asked() -> None:
    role = Role("Debian-13", source="distribution", hold_kernel=False)
    role.look("\n".join(converged(role)))
    assert role["holds_left"] == ["linux-headers-6.12.117+deb13-amd64"]


def test_a_downgrade_needs_consent() -> None:
    answer = "have libcuda1 550.163.01-2 hold installed"
    assert "nvidia_driver_allow_downgrade" in Role(
        "Debian-13", answer, version="550.90.07", source="distribution"
    ).refusal("refuse")
    assert not Role("Debian-13", answer, version="550.90.07", source="distribution", allow_downgrade=True).refusal(
        "refuse"
    )
    assert not Role("Debian-13", answer, version="550.163.02", source="distribution").refusal("refuse")


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
    assert words in Role(system, **given).refusal("os")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"source": "cuda"}, "nvidia_driver_source"),
        ({"branch": 58}, "nvidia_driver_branch"),
        ({"branch": 470}, "535 at least"),
        ({"version": "580.95.05-1"}, "without packaging revision"),
        ({"branch": 570, "version": "580.95.05"}, "580.95.05"),
        ({"kernel_modules": "closed"}, "auto, open or proprietary"),
        ({"branch": 620, "kernel_modules": "proprietary"}, "620"),
        ({"reboot": "perhaps"}, "nvidia_driver_reboot"),
        ({"repository_url": "https://mirror.example/cuda"}, "nvidia_driver_gpg_key"),
    ],
)
def test_bad_variables_are_refused(given: dict[str, Any], words: str) -> None:
    assert words in Role("Debian-13", **given).refusal("assert")
    assert not Role("Debian-13", manage=False, **given).refusal("assert")


def test_each_public_variable_is_described_with_its_default() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    spec = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    options = spec["main"]["options"]
    assert options.keys() == defaults.keys() and all(option["description"] for option in options.values())
    assert {key: option.get("default") for key, option in options.items()} == defaults
    assert spec["assert"]["options"] == options and spec["os"]["options"] == options
