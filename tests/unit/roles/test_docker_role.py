# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker role's data: packages, versions and repositories for each system, against what Docker documents.

Repositories and package names: https://docs.docker.com/engine/install/debian/, /ubuntu/ and /rhel/. Rocky Linux
documents the rhel repository for itself: https://docs.rockylinux.org/gemstones/containers/docker/. Versions end with
the distribution, as in "5:29.8.2-1~debian.13~trixie" (apt-cache madison docker-ce on the Debian page).
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar

ROLE = Path(__file__).resolve().parents[3] / "roles" / "docker"

UPSTREAM = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", "docker-compose-plugin"]
PINS = {"docker_version": "29.8.2", "docker_containerd_version": "2.3.6", "docker_buildx_version": "0.37.1"}
PINS["docker_compose_version"] = "5.6.0"


def facts(distribution: str, version: str, family: str, architecture: str = "x86_64") -> dict[str, str]:
    return {
        "distribution": distribution,
        "distribution_version": version,
        "distribution_major_version": version.split(".")[0],
        "os_family": family,
        "architecture": architecture,
        "service_mgr": "systemd",
    }


def debian(version: str) -> dict[str, str]:
    return facts("Debian", version, "Debian")


class Role:
    """The role's variables on a host with these facts."""

    def __init__(self, host: dict[str, str], **given: Any) -> None:
        loader = DataLoader()
        self.variables: dict[str, Any] = {"inventory_hostname": "h1", "ansible_check_mode": False}
        for part in ("defaults", "vars"):
            loaded = loader.load_from_file(str(ROLE / part / "main.yml"), trusted_as_template=True)
            self.variables.update(loaded)
        self.variables.update(given, ansible_facts=host)
        self.templar = Templar(loader, variables=self.variables)

    def __getitem__(self, name: str) -> Any:
        return self.templar.template(self.variables[name])

    def plan(self, answer: str) -> dict[str, Any]:
        self.variables["__docker_state"] = {"stdout_lines": answer.splitlines()}
        self.templar = Templar(DataLoader(), variables=self.variables)
        return self["__docker_plan_wanted"]


# facts, key of the platform, address below download.docker.com/linux, suite, end of the versions
SYSTEMS = [
    (debian("12.11"), "Debian-12", "debian", "bookworm", "~debian.12~bookworm"),
    (debian("13.1"), "Debian-13", "debian", "trixie", "~debian.13~trixie"),
    (facts("Ubuntu", "22.04", "Debian"), "Ubuntu-22.04", "ubuntu", "jammy", "~ubuntu.22.04~jammy"),
    (facts("Ubuntu", "24.04", "Debian"), "Ubuntu-24.04", "ubuntu", "noble", "~ubuntu.24.04~noble"),
    (facts("Ubuntu", "26.04", "Debian"), "Ubuntu-26.04", "ubuntu", "resolute", "~ubuntu.26.04~resolute"),
    (facts("RedHat", "9.6", "RedHat"), "EL-9", "rhel", "9", ""),
    (facts("Rocky", "9.6", "RedHat"), "EL-9", "rhel", "9", ""),
    (facts("AlmaLinux", "9.6", "RedHat"), "EL-9", "rhel", "9", ""),
    (facts("RedHat", "10.0", "RedHat"), "EL-10", "rhel", "10", ""),
    (facts("Rocky", "10.0", "RedHat"), "EL-10", "rhel", "10", ""),
    (facts("AlmaLinux", "10.0", "RedHat"), "EL-10", "rhel", "10", ""),
]
APT = [system for system in SYSTEMS if system[4]]
DNF = [system for system in SYSTEMS if not system[4]]


def name(value: Any) -> str | None:
    return f"{value['distribution']}-{value['distribution_version']}" if isinstance(value, dict) else None


@pytest.mark.parametrize(("host", "key", "repository", "suite", "end"), SYSTEMS, ids=name)
def test_each_system_has_its_entry(host: dict[str, str], key: str, repository: str, suite: str, end: str) -> None:
    role = Role(host)
    assert role["__docker_system"] == key
    platform = role["__docker_platform"]
    assert (platform["repository"], platform["suite"], platform["revision"]) == (repository, suite, end)
    assert role["__docker_packages"] == UPSTREAM


@pytest.mark.parametrize(
    "host",
    [
        debian("11.9"),
        facts("Ubuntu", "20.04", "Debian"),
        facts("RedHat", "8.10", "RedHat"),
        facts("Fedora", "42", "RedHat"),
        facts("OpenSUSE", "15.6", "Suse"),
    ],
    ids=name,
)
def test_other_systems_have_none(host: dict[str, str]) -> None:
    role = Role(host)
    assert role["__docker_system"] not in role["__docker_platforms"]


@pytest.mark.parametrize(("host", "key", "repository", "suite", "end"), APT, ids=name)
def test_apt_is_asked_for_pinned_versions(
    host: dict[str, str], key: str, repository: str, suite: str, end: str
) -> None:
    assert Role(host, **PINS)["__docker_package_specs"] == [
        f"docker-ce=5:29.8.2-*{end}",
        f"docker-ce-cli=5:29.8.2-*{end}",
        f"containerd.io=2.3.6-*{end}",
        f"docker-buildx-plugin=0.37.1-*{end}",
        f"docker-compose-plugin=5.6.0-*{end}",
        "ca-certificates",
        "pigz",
    ]


@pytest.mark.parametrize(("host", "key", "repository", "suite", "end"), DNF, ids=name)
def test_dnf_is_asked_for_pinned_versions(
    host: dict[str, str], key: str, repository: str, suite: str, end: str
) -> None:
    # docker-ce on EL 10 needs xt_addrtype: https://github.com/docker/docker-ce-packaging/issues/1340
    extra = ["kernel-modules-extra"] if key == "EL-10" else []
    assert Role(host, **PINS)["__docker_package_specs"] == [
        "docker-ce-29.8.2",
        "docker-ce-cli-29.8.2",
        "containerd.io-2.3.6",
        "docker-buildx-plugin-0.37.1",
        "docker-compose-plugin-5.6.0",
        *extra,
    ]


def test_a_component_without_version_is_any() -> None:
    specs = Role(debian("13.1"), docker_buildx_version=None)["__docker_package_specs"]
    assert specs[3] == "docker-buildx-plugin"


@pytest.mark.parametrize(("host", "key", "repository", "suite", "end"), APT, ids=name)
def test_the_apt_source_is_deb822_with_signed_by(
    host: dict[str, str], key: str, repository: str, suite: str, end: str
) -> None:
    role = Role(host)
    assert role["__docker_repository_path"] == "/etc/apt/sources.list.d/docker.sources"
    assert role["__docker_repository_text"].splitlines()[1:] == [
        "Types: deb",
        f"URIs: https://download.docker.com/linux/{repository}",
        f"Suites: {suite}",
        "Components: stable",
        "Architectures: amd64",
        "Signed-By: /etc/apt/keyrings/docker.asc",
    ]
    assert role["__docker_key_url"] == f"https://download.docker.com/linux/{repository}/gpg"


@pytest.mark.parametrize(("host", "key", "repository", "suite", "end"), DNF, ids=name)
def test_the_dnf_repository_keeps_the_engine(
    host: dict[str, str], key: str, repository: str, suite: str, end: str
) -> None:
    role = Role(host)
    assert role["__docker_repository_path"] == "/etc/yum.repos.d/docker-ce.repo"
    lines = role["__docker_repository_text"].splitlines()
    # The major version, not $releasever: a host held to 9.4 by its subscription has 9.4 there, which Docker has not.
    assert f"baseurl=https://download.docker.com/linux/rhel/{suite}/$basearch/stable" in lines
    assert "gpgcheck=1" in lines
    assert "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-docker-ce" in lines
    assert f"excludepkgs={' '.join(UPSTREAM)}" in lines
    assert "excludepkgs" not in Role(host, docker_packages_hold=False)["__docker_repository_text"]


def test_arm_servers_have_their_architecture() -> None:
    role = Role(facts("Ubuntu", "24.04", "Debian", "aarch64"))
    assert "Architectures: arm64" in role["__docker_repository_text"]


# What the distributions call them: packages.debian.org/trixie, packages.ubuntu.com/noble
@pytest.mark.parametrize(
    ("host", "packages"),
    [
        (debian("13.1"), ["docker.io", "docker-cli", "docker-compose", "docker-buildx"]),
        (facts("Ubuntu", "24.04", "Debian"), ["docker.io", "docker-compose-v2", "docker-buildx"]),
        (facts("Ubuntu", "26.04", "Debian"), ["docker.io", "docker-compose-v2", "docker-buildx"]),
    ],
    ids=name,
)
def test_the_distributions_own_packages(host: dict[str, str], packages: list[str]) -> None:
    role = Role(host, docker_source="distribution")
    assert role["__docker_packages"] == packages
    assert role["__docker_package_specs"][: len(packages)] == packages
    assert role["__docker_packages_held"] == [*packages, "containerd", "runc"]


@pytest.mark.parametrize("key", ["Debian-12", "Ubuntu-22.04", "EL-9", "EL-10"])
def test_a_distribution_that_will_not_do_says_why(key: str) -> None:
    platform = Role(debian("13.1"))["__docker_platforms"][key]
    assert platform["distribution"] == [] and platform["refusal"].endswith(".")


def test_the_published_key_is_checked_only_where_it_is_that_key() -> None:
    published = "1500c1f56fa9e26b9b8f42452a553675796ade0807cdce11975eb98170b3a570"
    assert Role(debian("13.1"))["__docker_key_checksum"] == published
    assert Role(debian("13.1"), docker_gpg_key_url="https://mirror/gpg")["__docker_key_checksum"] == ""
    assert Role(debian("13.1"), docker_gpg_key_checksum="0" * 64)["__docker_key_checksum"] == "0" * 64
    assert Role(facts("Rocky", "9.6", "RedHat"))["__docker_key_checksum"] == ""


KEY = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n"


def converged(role: Role, engine: str = "5:29.8.2-1~debian.13~trixie") -> list[str]:
    """The answer of a host that is as declared."""
    digest = hashlib.sha256(role["__docker_repository_text"].encode()).hexdigest()
    return [
        f"have docker-ce {engine} hold installed",
        f"have docker-ce-cli {engine} hold installed",
        "have containerd.io 2.3.6-2~debian.13~trixie hold installed",
        "have docker-buildx-plugin 0.37.1-1~debian.13~trixie hold installed",
        "have docker-compose-plugin 5.6.0-1~debian.13~trixie hold installed",
        "have ca-certificates 20250419 install installed",
        "have pigz 2.8-1 install installed",
        "have docker.io 26.1.5 deinstall config-files",
        f"{role['__docker_key_checksum']}  /etc/apt/keyrings/docker.asc",
        f"{digest}  /etc/apt/sources.list.d/docker.sources",
        "/etc/apt/sources.list.d/docker.sources",
    ]


def test_a_converged_host_has_nothing_to_do() -> None:
    role = Role(debian("13.1"), docker_gpg_key=KEY)
    assert role["__docker_key_text"] == KEY
    plan = role.plan("\n".join(converged(role)))
    assert plan["differs"] is False and plan["engine_was_there"] is True
    assert plan["packages"] == [] and plan["holds"] == [] and plan["foreign"] == [] and plan["sources"] == []


def test_a_bare_host_lacks_everything() -> None:
    role = Role(debian("13.1"), docker_gpg_key=KEY)
    plan = role.plan("")
    assert plan["differs"] is True and plan["engine_was_there"] is False
    assert plan["packages"] == [*UPSTREAM, "ca-certificates", "pigz"]
    assert plan["holds"] == UPSTREAM
    assert plan["key"] is True and plan["repository"] is True


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("5.6.0-1", "5.5.0-1"), {"packages": ["docker-compose-plugin"], "newer": []}),
        (("5.6.0-1", "5.10.0-1"), {"packages": ["docker-compose-plugin"], "newer": ["docker-compose-plugin 5.10.0"]}),
        (("5.6.0-1~debian.13~trixie hold", "5.6.0-1~debian.13~trixie install"), {"holds": ["docker-compose-plugin"]}),
        (("26.1.5 deinstall config-files", "26.1.5 install installed"), {"foreign": ["docker.io"]}),
        (("sources.list.d/docker.sources\n", "sources.list.d/docker.list\n"), {"repository": True}),
    ],
)
def test_each_difference_is_found(change: tuple[str, str], expected: dict[str, Any]) -> None:
    role = Role(debian("13.1"), docker_gpg_key=KEY)
    answer = "\n".join(converged(role)) + "\n"
    assert change[0] in answer
    plan = role.plan(answer.replace(*change))
    assert {key: plan[key] for key in expected} == expected


def test_a_second_source_file_is_named() -> None:
    role = Role(debian("13.1"), docker_gpg_key=KEY)
    answer = [*converged(role), "/etc/apt/sources.list.d/docker.list"]
    assert role.plan("\n".join(answer))["sources"] == ["/etc/apt/sources.list.d/docker.list"]


def test_holds_are_lifted_when_asked() -> None:
    role = Role(debian("13.1"), docker_gpg_key=KEY, docker_packages_hold="false")
    plan = role.plan("\n".join(converged(role)))
    assert plan["holds"] == UPSTREAM and plan["differs"] is True


def test_rpm_answers_are_read() -> None:
    role = Role(facts("Rocky", "9.6", "RedHat"), docker_gpg_key=KEY)
    digest = hashlib.sha256(role["__docker_repository_text"].encode()).hexdigest()
    pins = role["__docker_pins"]
    answer = [f"have {package} {pins[package]} install installed" for package in UPSTREAM]
    answer += ["package runc is not installed", f"{role['__docker_key_checksum']}  {role['__docker_key_path']}"]
    plan = role.plan("\n".join([*answer, f"{digest}  /etc/yum.repos.d/docker-ce.repo"]))
    assert plan["differs"] is False and plan["foreign"] == []


def test_the_default_daemon_json() -> None:
    assert Role(debian("13.1"))["__docker_daemon_options"] == {
        "log-driver": "json-file",
        "log-opts": {"max-size": "50m", "max-file": "3"},
        "live-restore": True,
        "features": {"cdi": True},
    }


def test_null_is_left_alone_and_empty_is_taken_out() -> None:
    given = {"docker_registry_mirrors": [], "docker_insecure_registries": ["10.0.0.0/8"], "docker_http_proxy": ""}
    options = Role(debian("13.1"), **given)["__docker_daemon_options"]
    assert options["registry-mirrors"] is None and options["insecure-registries"] == ["10.0.0.0/8"]
    assert options["proxies"] == {"http-proxy": None}
    assert "data-root" not in options and "default-address-pools" not in options


def test_images_follow_the_data_root() -> None:
    options = Role(debian("13.1"), docker_data_root="/srv/docker")["__docker_daemon_options"]
    assert options["data-root"] == "/srv/docker"
    assert options["features"] == {"cdi": True, "containerd-snapshotter": False}


def test_the_users_options_win() -> None:
    given = {"log-opts": {"max-size": "1m"}, "ipv6": True, "live-restore": None}
    options = Role(debian("13.1"), docker_daemon_options=given)["__docker_daemon_options"]
    assert options["log-opts"] == {"max-size": "1m", "max-file": "3"}
    assert options["ipv6"] is True and options["live-restore"] is None


def test_a_password_in_a_proxy_is_a_secret() -> None:
    assert Role(debian("13.1"), docker_https_proxy="http://u:p@proxy:3128")["__docker_proxy_secret"] is True
    assert Role(debian("13.1"), docker_https_proxy="http://proxy:3128")["__docker_proxy_secret"] is False


def test_each_public_variable_is_described_with_its_default() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text())
    spec = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text())["argument_specs"]
    options = spec["main"]["options"]
    assert options.keys() == defaults.keys() and all(option["description"] for option in options.values())
    assert {key: option.get("default") for key, option in options.items()} == defaults
    assert spec["assert"]["options"] == options and spec["os"]["options"] == options
