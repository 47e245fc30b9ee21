# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the role docker: packages, versions and repositories for each system, against what Docker documents.

Repositories and package names: https://docs.docker.com/engine/install/debian/, /ubuntu/ and /rhel/. Rocky Linux
documents the rhel repository for itself: https://docs.rockylinux.org/gemstones/containers/docker/. Versions end with
the distribution, as in "5:29.8.2-1~debian.13~trixie" (apt-cache madison docker-ce on the Debian page).
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages import docker_data, docker_unit
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.daemon import (
    VARIABLES,
    config_differs,
    daemon_options,
    daemon_secret,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.docker import (
    Docker,
    look,
    packages_plan,
    plan,
)
from looks import KEY, ROLES, defaults, file, held, host, row

UPSTREAM = ["docker-ce", "docker-ce-cli", "containerd.io", "docker-buildx-plugin", "docker-compose-plugin"]
#: That services publish.
PORTS = (443, 80, 4000, 443)
PINS = {"version": "29.8.2", "containerd_version": "2.3.6", "buildx_version": "0.37.1", "compose_version": "5.6.0"}


def variables(**given: Any) -> dict[str, Any]:
    return {**defaults("docker"), **{f"docker_{name}": value for name, value in given.items()}}


def role(system: str, architecture: str = "x86_64", **given: Any) -> Docker:
    return Docker(variables(**given), host(system, architecture))


# system, key of the platform, address below download.docker.com/linux, suite, end of the versions
SYSTEMS = [
    ("Debian-12", "Debian-12", "debian", "bookworm", "~debian.12~bookworm"),
    ("Debian-13", "Debian-13", "debian", "trixie", "~debian.13~trixie"),
    ("Ubuntu-22.04", "Ubuntu-22.04", "ubuntu", "jammy", "~ubuntu.22.04~jammy"),
    ("Ubuntu-24.04", "Ubuntu-24.04", "ubuntu", "noble", "~ubuntu.24.04~noble"),
    ("Ubuntu-26.04", "Ubuntu-26.04", "ubuntu", "resolute", "~ubuntu.26.04~resolute"),
    ("RHEL-9", "EL-9", "rhel", "9", ""),
    ("Rocky-9", "EL-9", "rhel", "9", ""),
    ("Alma-9", "EL-9", "rhel", "9", ""),
    ("RHEL-10", "EL-10", "rhel", "10", ""),
    ("Rocky-10", "EL-10", "rhel", "10", ""),
    ("Alma-10", "EL-10", "rhel", "10", ""),
]
APT = [system for system in SYSTEMS if system[4]]
DNF = [system for system in SYSTEMS if not system[4]]


@pytest.mark.parametrize(("system", "key", "repository", "suite", "end"), SYSTEMS)
def test_each_system_has_its_entry(system: str, key: str, repository: str, suite: str, end: str) -> None:
    platform = role(system).platform
    assert platform is docker_data.PLATFORMS[key]
    assert (platform.repository, platform.suite, platform.revision) == (repository, suite, end)
    assert role(system).packages() == UPSTREAM


@pytest.mark.parametrize("system", ["Debian-11", "Ubuntu-20.04", "RHEL-8", "Fedora-42", "openSUSE"])
def test_other_systems_are_refused_with_what_there_is(system: str) -> None:
    (said,) = plan(variables(), host(system), PORTS)["refusals"]
    assert system in said and "Debian 13" in said and "docker_manage_packages to false" in said
    assert plan(variables(manage_packages=False), host(system), PORTS)["refusals"] == []


def test_an_unknown_processor_and_no_systemd_are_refused() -> None:
    assert "riscv64" in plan(variables(), host("Debian-13", "riscv64"), PORTS)["refusals"][0]
    without = host("Debian-13", system={"service_manager": ""})
    assert "docker_manage_service to false" in plan(variables(), without, PORTS)["refusals"][0]
    assert plan(variables(manage_service=False), without, PORTS)["refusals"] == []


@pytest.mark.parametrize(("system", "key", "repository", "suite", "end"), APT)
def test_apt_is_asked_for_pinned_versions(system: str, key: str, repository: str, suite: str, end: str) -> None:
    assert role(system, **PINS).specs() == [
        f"docker-ce=5:29.8.2-*{end}",
        f"docker-ce-cli=5:29.8.2-*{end}",
        f"containerd.io=2.3.6-*{end}",
        f"docker-buildx-plugin=0.37.1-*{end}",
        f"docker-compose-plugin=5.6.0-*{end}",
        "ca-certificates",
        "pigz",
    ]


@pytest.mark.parametrize(("system", "key", "repository", "suite", "end"), DNF)
def test_dnf_is_asked_for_pinned_versions(system: str, key: str, repository: str, suite: str, end: str) -> None:
    # docker-ce on EL 10 needs xt_addrtype: https://github.com/docker/docker-ce-packaging/issues/1340
    extra = ["kernel-modules-extra"] if key == "EL-10" else []
    assert role(system, **PINS).specs() == [
        "docker-ce-29.8.2",
        "docker-ce-cli-29.8.2",
        "containerd.io-2.3.6",
        "docker-buildx-plugin-0.37.1",
        "docker-compose-plugin-5.6.0",
        *extra,
    ]


def test_a_component_without_version_is_any() -> None:
    assert role("Debian-13", buildx_version=None).specs()[3] == "docker-buildx-plugin"


@pytest.mark.parametrize(("system", "key", "repository", "suite", "end"), APT)
def test_the_apt_source_is_deb822_with_signed_by(system: str, key: str, repository: str, suite: str, end: str) -> None:
    assert role(system).repository() == {
        "path": "/etc/apt/sources.list.d/docker.sources",
        "text": "# Managed by Ansible (llmfleet.gateway.docker)\n"
        "Types: deb\n"
        f"URIs: https://download.docker.com/linux/{repository}\n"
        f"Suites: {suite}\n"
        "Components: stable\n"
        "Architectures: amd64\n"
        "Signed-By: /etc/apt/keyrings/docker.asc\n",
    }
    assert role(system).key()["url"] == f"https://download.docker.com/linux/{repository}/gpg"


@pytest.mark.parametrize(("system", "key", "repository", "suite", "end"), DNF)
def test_the_dnf_repository_keeps_the_engine(system: str, key: str, repository: str, suite: str, end: str) -> None:
    found = role(system).repository()
    assert found["path"] == "/etc/yum.repos.d/docker-ce.repo"
    lines = found["text"].splitlines()
    # The major version, not $releasever: a host held to 9.4 by its subscription has 9.4 there, which Docker has not.
    assert f"baseurl=https://download.docker.com/linux/rhel/{suite}/$basearch/stable" in lines
    assert "gpgcheck=1" in lines
    assert "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-docker-ce" in lines
    assert f"excludepkgs={' '.join(UPSTREAM)}" in lines
    assert "excludepkgs" not in role(system, packages_hold="false").repository()["text"]


def test_arm_servers_have_their_architecture() -> None:
    assert "Architectures: arm64" in role("Ubuntu-24.04", "aarch64").repository()["text"]


# What the distributions call them: packages.debian.org/trixie, packages.ubuntu.com/noble
@pytest.mark.parametrize(
    ("system", "packages"),
    [
        ("Debian-13", ["docker.io", "docker-cli", "docker-compose", "docker-buildx"]),
        ("Ubuntu-24.04", ["docker.io", "docker-compose-v2", "docker-buildx"]),
        ("Ubuntu-26.04", ["docker.io", "docker-compose-v2", "docker-buildx"]),
    ],
)
def test_the_distributions_own_packages(system: str, packages: list[str]) -> None:
    found = role(system, source="distribution")
    assert found.packages() == packages
    assert found.specs()[: len(packages)] == packages
    assert found.held() == [*packages, "containerd", "runc"]


@pytest.mark.parametrize("system", ["Debian-12", "Ubuntu-22.04", "Rocky-9", "RHEL-10"])
def test_a_distribution_that_will_not_do_says_why(system: str) -> None:
    (said,) = plan(variables(source="distribution"), host(system), PORTS)["refusals"]
    assert "Docker" in said and said.endswith("Set docker_source to upstream for it.")


# https://docs.docker.com/engine/install/rhel/ and the key beside the apt repositories
@pytest.mark.parametrize(
    ("system", "fingerprint"),
    [
        ("Debian-13", "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"),
        ("Ubuntu-24.04", "9DC858229FC7DD38854AE2D88D81803C0EBFCD88"),
        ("Rocky-9", "060A61C51B558A7F742B77AAC52FEB6B621E9F35"),
        ("RHEL-10", "060A61C51B558A7F742B77AAC52FEB6B621E9F35"),
    ],
)
def test_dockers_key_is_known_by_its_fingerprint_on_both_families(system: str, fingerprint: str) -> None:
    assert role(system).key()["fingerprint"] == fingerprint
    assert role(system, gpg_key_url="https://mirror/gpg").key()["fingerprint"] == fingerprint
    assert role(system, gpg_key_fingerprint="aa bb").key()["fingerprint"] == "AABB"
    assert role(system, gpg_key_fingerprint="").key()["fingerprint"] == ""
    assert role(system, gpg_key=KEY).key()["text"] == KEY and role(system, gpg_key=KEY).key()["fingerprint"] == ""


def test_another_key_on_the_host_differs() -> None:
    path, own = "/etc/apt/keyrings/docker.asc", docker_data.FINGERPRINTS["apt"]
    for found, differs in (
        ({}, True),
        ({path: [own]}, False),
        ({path: ["0" * 40]}, True),
        ({path: [own, "0" * 40]}, True),
    ):
        key = packages_plan(variables(), host("Debian-13", fingerprints=found))["key"]
        assert key["differs"] is differs
    known = host("Debian-13", fingerprints={path: [own]}, files={path: file("abc")})
    assert packages_plan(variables(gpg_key_checksum="0" * 64), known)["key"]["differs"] is True


def test_a_key_that_cannot_be_read_is_said() -> None:
    (said,) = plan(variables(gpg_key="/not/there.asc"), host("Debian-13"), PORTS)["refusals"]
    assert "/not/there.asc" in said and "can't be read" in said


def converged(**given: Any) -> dict[str, Any]:
    """A host that is as declared."""
    repository = role("Debian-13", gpg_key=KEY, **given).repository()
    return host(
        "Debian-13",
        packages=[
            held("docker-ce", "5:29.8.2-1~debian.13~trixie"),
            held("docker-ce-cli", "5:29.8.2-1~debian.13~trixie"),
            held("containerd.io", "2.3.6-2~debian.13~trixie"),
            held("docker-buildx-plugin", "0.37.1-1~debian.13~trixie"),
            held("docker-compose-plugin", "5.6.0-1~debian.13~trixie"),
            row("ca-certificates", "20250419"),
            row("pigz", "2.8-1"),
            row("python3-docker", "7.1.0-2"),
        ],
        files={
            "/etc/apt/keyrings/docker.asc": file(KEY),
            repository["path"]: file(repository["text"]),
            docker_unit.PATH: file(docker_unit.text(PORTS, True)),
        },
        repositories={"https://download.docker.com/linux": [repository["path"]]},
        services={"docker": {"loaded": True, "active": True, "enabled": True}},
        docker={"error": "", "running": True, "daemon": daemon_options(variables()), "daemon_mode": "0644"},
    )


def test_a_converged_host_has_nothing_to_do() -> None:
    found = plan(variables(gpg_key=KEY), converged(), PORTS)
    assert found["differs"] is False and found["engine_was_there"] is True
    assert found["packages"] == [] and found["holds"] == [] and found["refusals"] == []
    assert found["config"] is False and found["service"] is False and found["unit"]["differs"] is False
    assert found["sdk"] == ""


def test_connections_to_published_ports_wait_while_the_engine_starts() -> None:
    """Once it has, and where it can't, the rule is gone."""
    found = plan(variables(), host("Debian-13"), PORTS)["unit"]
    assert found["differs"] is True and found["path"] in look(variables(manage_packages=False))["files"]
    lines = [tuple(line.split("=", 1)) for line in found["text"].splitlines() if line.startswith("Exec")]
    rule = "PREROUTING -p tcp --syn -m addrtype --dst-type LOCAL -m multiport --dports 80,443,4000 -j DROP"
    tables = ("iptables -w 5 -t raw", "ip6tables -w 5 -t raw")
    assert lines[:2] == [("ExecStartPre", f"-/bin/sh -c '{table} -I {rule}'") for table in tables]
    ends = [f"-/bin/sh -c '{table} -D {rule} 2>/dev/null'" for table in tables]
    assert lines[2:] == [(moment, end) for moment in ("ExecStartPost", "ExecStopPost") for end in ends]


def test_an_engine_whose_containers_end_with_it_needs_no_such_rule() -> None:
    found = plan(variables(live_restore=False), host("Debian-13"), PORTS)["unit"]
    assert found["differs"] is True and "Exec" not in found["text"]


@pytest.mark.parametrize("live_restore", [True, False])
def test_the_engine_may_start_more_than_three_times_a_minute(live_restore: bool) -> None:
    """As it does where packages change and then its configuration. Docker's own limit leaves it down."""
    lines = plan(variables(live_restore=live_restore), host("Debian-13"), PORTS)["unit"]["text"].splitlines()
    assert lines[1:3] == ["[Unit]", "StartLimitBurst=10"]


def test_a_service_that_others_manage_has_its_unit_left_alone() -> None:
    assert plan(variables(manage_service=False), host("Debian-13"), PORTS)["unit"]["differs"] is False


def test_a_bare_host_lacks_everything() -> None:
    found = plan(variables(gpg_key=KEY), host("Debian-13"), PORTS)
    assert found["differs"] is True and found["engine_was_there"] is False
    assert found["packages"] == [*UPSTREAM, "ca-certificates", "pigz"]
    assert found["holds"] == UPSTREAM
    assert found["key"]["differs"] is True and found["repository"]["differs"] is True
    assert found["config"] is True and found["service"] is True


@pytest.mark.parametrize("system", [system[0] for system in APT])
@pytest.mark.parametrize("source", ["upstream", "distribution"])
def test_the_sdk_is_the_distribution_s_and_apart_from_the_engine(system: str, source: str) -> None:
    """apt may not have it, which must not keep the engine from being installed, and no hold keeps it as it is."""
    found, docker = packages_plan(variables(source=source), host(system)), role(system, source=source)
    assert found["sdk"] == ("" if found["refusals"] else "python3-docker")
    assert "python3-docker" not in [*docker.packages(), *docker.specs(), *docker.held()]


@pytest.mark.parametrize("system", [system[0] for system in DNF])
def test_enterprise_linux_has_no_sdk_of_its_own(system: str) -> None:
    assert packages_plan(variables(), host(system))["sdk"] == ""


@pytest.mark.parametrize(
    ("given", "packages", "sdk"),
    [
        ({}, [], "python3-docker"),
        ({"python_sdk": "false"}, [], ""),
        ({"manage_packages": False}, [], ""),
        ({"packages_hold": False}, [], "python3-docker"),
        ({}, [row("python3-docker", "5.0.3-1")], ""),
        ({}, [held("python3-docker", "5.0.3-1")], ""),
        ({"gpg_key": "/not/there.asc"}, [], ""),
    ],
)
def test_the_sdk_is_asked_for_where_it_is_wanted_and_missing(
    given: dict[str, Any], packages: list[dict[str, Any]], sdk: str
) -> None:
    assert plan(variables(**given), host("Debian-13", packages=packages), PORTS)["sdk"] == sdk


def test_the_sdk_alone_makes_no_difference_of_the_engine() -> None:
    there = converged()
    there["packages"].pop()
    found = plan(variables(gpg_key=KEY), there, PORTS)
    assert (found["sdk"], found["differs"], found["packages"], found["holds"]) == ("python3-docker", False, [], [])
    assert plan(variables(gpg_key=KEY), host("openSUSE"), PORTS)["sdk"] == ""


def test_no_sdk_is_no_reason_for_a_failed_run() -> None:
    tasks = yaml.safe_load((ROLES / "docker/tasks/sdk.yml").read_text())
    installing = [task for task in tasks if "ansible.builtin.debug" not in task]
    assert [task["name"] for task in installing] == ["Install Docker's SDK for Python"]
    assert [task["failed_when"] for task in installing] == [False]
    assert installing[0]["ansible.builtin.apt"]["install_recommends"] is False


COMPOSE = "docker-compose-plugin"


@pytest.mark.parametrize(
    ("name", "changed", "expected"),
    [
        (COMPOSE, held(COMPOSE, "5.5.0-1"), {"packages": [COMPOSE], "refusals": 0}),
        (COMPOSE, held(COMPOSE, "5.10.0-1"), {"packages": [COMPOSE], "refusals": 1}),
        (COMPOSE, row(COMPOSE, "5.6.0-1"), {"packages": [], "holds": [COMPOSE], "refusals": 0}),
        (COMPOSE, row("docker.io", "26.1.5"), {"packages": [COMPOSE], "refusals": 1}),
        ("pigz", row("pigz-none", "1"), {"packages": ["pigz"], "refusals": 0}),
    ],
)
def test_each_difference_is_found(name: str, changed: dict[str, Any], expected: dict[str, Any]) -> None:
    there = converged()
    there["packages"] = [changed if one["name"] == name else one for one in there["packages"]]
    found = plan(variables(gpg_key=KEY), there, PORTS)
    found["refusals"] = len(found["refusals"])
    assert found["differs"] is True and {key: found[key] for key in expected} == expected


def test_a_downgrade_needs_consent_and_the_remedy_is_said() -> None:
    there = converged()
    there["packages"][0] = held("docker-ce", "5:30.0.0-1~debian.13~trixie")
    (said,) = plan(variables(gpg_key=KEY), there, PORTS)["refusals"]
    assert "docker-ce 30.0.0" in said and "docker_allow_downgrade" in said
    assert plan(variables(gpg_key=KEY, allow_downgrade=True), there, PORTS)["refusals"] == []


def test_another_repository_file_differs() -> None:
    there = converged()
    del there["files"]["/etc/apt/sources.list.d/docker.sources"]
    assert plan(variables(gpg_key=KEY), there, PORTS)["repository"]["differs"] is True


def test_a_second_source_file_is_named_before_apt_refuses_it() -> None:
    there = converged()
    there["repositories"]["https://download.docker.com/linux"].append("/etc/apt/sources.list.d/docker.list")
    assert plan(variables(gpg_key=KEY), there, PORTS)["refusals"] == []
    there["packages"] = [one for one in there["packages"] if one["name"] != "pigz"]
    (said,) = plan(variables(gpg_key=KEY), there, PORTS)["refusals"]
    assert "/etc/apt/sources.list.d/docker.list" in said


def test_holds_are_lifted_when_asked() -> None:
    found = plan(variables(gpg_key=KEY, packages_hold="false"), converged(), PORTS)
    assert found["holds"] == UPSTREAM and found["differs"] is True and found["hold"] is False


def test_rpm_versions_are_read() -> None:
    declared = variables(gpg_key=KEY)
    docker = Docker(declared, host("Rocky-9"))
    there = host(
        "Rocky-9",
        packages=[row(name, f"{version}-1.el9.x86_64") for name, version in docker.pins().items()],
        files={docker.key()["path"]: file(KEY), docker.repository()["path"]: file(docker.repository()["text"])},
    )
    found = packages_plan(declared, there)
    assert found["differs"] is False and found["refusals"] == []


def test_an_engine_of_the_distribution_without_cdi() -> None:
    there = host("Debian-13", packages=[row("docker.io", "20.10.24+dfsg1-1")])
    assert packages_plan(variables(source="distribution"), there)["too_old"] == "20.10.24+dfsg1"
    assert packages_plan(variables(), there)["too_old"] == ""


def test_what_could_not_be_read_is_not_planned_as_absent() -> None:
    (said,) = plan(variables(), host("Debian-13", faults={"packages": "OSError: dpkg-query ended with 2"}), PORTS)[
        "refusals"
    ]
    assert "dpkg-query ended with 2" in said


def test_the_service_of_a_host_without_systemd_is_the_engines_answer() -> None:
    declared = variables(manage_packages=False, manage_service=False)
    assert plan(declared, host("openSUSE", docker={"error": "no engine"}), PORTS)["service"] is True
    assert plan(declared, host("openSUSE", docker={"error": ""}), PORTS)["service"] is False


def test_the_look_asks_for_all_that_the_plan_reads() -> None:
    asked = look(variables())
    for system in ("Debian-13", "Rocky-9", "RHEL-10"):
        for source in ("upstream", "distribution"):
            docker = role(system, source=source)
            assert set(docker.packages() + docker.beside() + docker.held()) <= set(asked["packages"])
            assert docker.sdk() in {"", *asked["packages"]}
            assert {docker.key()["path"], docker.repository()["path"]} <= set(asked["files"])
            assert docker.key()["path"] in asked["key_files"]
    assert set(docker_data.FOREIGN_TO_UPSTREAM + docker_data.FOREIGN_TO_DISTRIBUTION) <= set(asked["packages"])
    assert look(variables(manage_packages=False)) == {"files": [docker_unit.PATH], "units": ["docker"]}


def test_the_default_daemon_json() -> None:
    assert daemon_options(variables()) == {
        "log-driver": "json-file",
        "log-opts": {"max-size": "50m", "max-file": "3"},
        "live-restore": True,
        "features": {"cdi": True},
    }


def test_null_is_left_alone_and_empty_is_taken_out() -> None:
    options = daemon_options(variables(registry_mirrors=[], insecure_registries=["10.0.0.0/8"], http_proxy=""))
    assert options["registry-mirrors"] is None and options["insecure-registries"] == ["10.0.0.0/8"]
    assert options["proxies"] == {"http-proxy": None}
    assert "data-root" not in options and "default-address-pools" not in options


def test_images_follow_the_data_root() -> None:
    options = daemon_options(variables(data_root="/srv/docker"))
    assert options["data-root"] == "/srv/docker"
    assert options["features"] == {"cdi": True, "containerd-snapshotter": False}


def test_the_users_options_win() -> None:
    given = {"log-opts": {"max-size": "1m"}, "ipv6": True, "live-restore": None}
    options = daemon_options(variables(daemon_options=given))
    assert options["log-opts"] == {"max-size": "1m", "max-file": "3"}
    assert options["ipv6"] is True and options["live-restore"] is None


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        ({"https_proxy": "http://u:p@proxy:3128"}, True),
        ({"https_proxy": "http://proxy:3128"}, False),
        ({"daemon_options": {"log-opts": {"splunk-token": "abc"}}}, True),
        ({"daemon_options": {"proxies": {"http-proxy": "http://u:p@proxy"}}}, True),
        ({"daemon_options": {"ipv6": True}}, False),
    ],
)
def test_credentials_are_noticed_wherever_they_stand(given: dict[str, Any], secret: bool) -> None:
    assert daemon_secret(variables(**given)) is secret
    # What the host's file holds is masked, so only the host can tell whether it differs.
    assert config_differs(variables(**given), {**converged()["docker"], "daemon_mode": "0644"}) is (
        secret or "daemon_options" in given or "https_proxy" in given
    )


@pytest.mark.parametrize(
    ("given", "found", "differs"),
    [
        ({}, {}, False),
        ({}, {"daemon_mode": "0600"}, True),
        ({}, {"daemon_mode": "0600", "daemon_secret": True}, False),
        ({}, {"daemon": {}}, True),
        ({}, {"daemon_error": "not JSON"}, True),
        ({}, {"restart_pending": True}, True),
        ({"registry_mirrors": []}, {}, False),
        ({"log_max_size": "9m"}, {}, True),
    ],
)
def test_daemon_json_is_written_only_where_it_differs(
    given: dict[str, Any], found: dict[str, Any], differs: bool
) -> None:
    assert config_differs(variables(**given), {**converged()["docker"], **found}) is differs


def test_each_public_variable_is_described_with_its_default() -> None:
    spec = yaml.safe_load((ROLES / "docker/meta/argument_specs.yml").read_text())["argument_specs"]
    options = {name: option for name, option in spec["main"]["options"].items() if name != "llm_fleet"}
    assert options.keys() == defaults("docker").keys() and all(option["description"] for option in options.values())
    assert {key: option.get("default") for key, option in options.items()} == defaults("docker")
    assert set(VARIABLES) <= set(options)
