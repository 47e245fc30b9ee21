# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan of the role nvidia_container_toolkit, against NVIDIA's installation guide:

https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/install-guide.html
"""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.toolkit import (
    KEY_PATHS,
    PACKAGE,
    key,
    look,
    plan,
    repository,
)
from looks import KEY, ROLES, defaults, file, held, host, row

DRIVER = "580.159.04"
SPECIFICATION = "/var/run/cdi/nvidia.yaml"


def variables(**given: Any) -> dict[str, Any]:
    return {
        **defaults("nvidia_container_toolkit"),
        **{f"nvidia_container_toolkit_{name}": value for name, value in given.items()},
    }


def converged(system: str = "Debian-13", **parts: Any) -> dict[str, Any]:
    """A host that is as declared."""
    manager = host(system)["system"]["package_manager"]
    own = repository(variables(gpg_key=KEY), host(system))
    there = {
        "packages": [held(PACKAGE, "1.19.0-1" if manager == "apt" else "1.19.0-1.x86_64")],
        "files": {KEY_PATHS[manager]: file(KEY), own["path"]: file(own["text"])},
        "repositories": {"https://nvidia.github.io/libnvidia-container": [own["path"]]},
        "driver": {"loaded": DRIVER},
        "toolkit": {"path": "/usr/bin/nvidia-ctk", "version": "1.19.0", "specifications": {SPECIFICATION: [DRIVER]}},
    }
    return host(system, **{**there, **parts})


@pytest.mark.parametrize("system", ["Debian-13", "Ubuntu-24.04", "Rocky-9"])
def test_a_converged_host_has_nothing_to_do(system: str) -> None:
    found = plan(variables(gpg_key=KEY), converged(system))
    assert found["differs"] is False and found["stale"] is False and found["refusals"] == []


def test_a_bare_host_lacks_everything() -> None:
    found = plan(variables(), host("Ubuntu-24.04"))
    assert found["differs"] is True and found["stale"] is True
    assert found["specs"] == ["nvidia-container-toolkit-base=1.19.0-1"] and found["holds"] == [PACKAGE]
    assert found["key"]["differs"] is True and found["repository"]["differs"] is True


def test_the_repository_files() -> None:
    assert repository(variables(), host("Ubuntu-24.04", "aarch64"))["text"].splitlines()[1:] == [
        "Types: deb",
        "URIs: https://nvidia.github.io/libnvidia-container/stable/deb/arm64",
        "Suites: /",
        "Signed-By: /etc/apt/keyrings/nvidia-container-toolkit.asc",
    ]
    lines = repository(variables(), host("Rocky-9"))["text"].splitlines()
    assert "baseurl=https://nvidia.github.io/libnvidia-container/stable/rpm/$basearch" in lines
    # As in NVIDIA's own file: the index is signed, and holds the packages' checksums.
    assert "repo_gpgcheck=1" in lines and "gpgcheck=0" in lines
    assert "gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-nvidia-container-toolkit" in lines
    assert "gpgcheck=1" in repository(variables(gpgcheck=True), host("Rocky-9"))["text"].splitlines()
    assert "excludepkgs" not in repository(variables(hold=False), host("Rocky-9"))["text"]


# gpgkey in NVIDIA/nvidia-docker and nvidia.github.io/libnvidia-container
@pytest.mark.parametrize("manager", ["apt", "dnf"])
def test_nvidias_key_is_known_by_its_fingerprint_on_both_families(manager: str) -> None:
    expected = "C95B321B61E88C1809C4F759DDCAE044F796ECB0"
    assert key(variables(), manager)["fingerprint"] == expected
    assert key(variables(repository_url="https://mirror/x"), manager)["url"] == "https://mirror/x/gpgkey"
    system = "Debian-13" if manager == "apt" else "Rocky-9"
    for found, differs in (([expected], False), (["0" * 40], True), ([], True)):
        there = host(system, fingerprints={KEY_PATHS[manager]: found})
        assert plan(variables(), there)["key"]["differs"] is differs


def test_companions_follow_the_base_package() -> None:
    there = converged(packages=[held(PACKAGE, "1.19.0-1"), held("libnvidia-container1", "1.18.0-1")])
    found = plan(variables(gpg_key=KEY), there)
    assert found["moved"] == ["libnvidia-container1"]
    assert found["specs"] == ["nvidia-container-toolkit-base=1.19.0-1", "libnvidia-container1=1.19.0-1"]


@pytest.mark.parametrize(
    ("there", "given", "expected"),
    [
        ({"packages": [row(PACKAGE, "1.19.0-1")]}, {}, {"holds": [PACKAGE], "moved": []}),
        ({}, {"hold": "false"}, {"holds": [PACKAGE], "moved": []}),
        ({}, {"version": "1.18.2"}, {"moved": [PACKAGE], "holds": []}),
        ({"files": {}}, {}, {"differs": True, "moved": []}),
    ],
)
def test_each_difference_is_found(there: dict[str, Any], given: dict[str, Any], expected: dict[str, Any]) -> None:
    facts = converged()
    facts.update(there)
    found = plan(variables(gpg_key=KEY, **given), facts)
    assert found["differs"] is True and {name: found[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("specifications", "loaded", "given", "stale"),
    [
        ({SPECIFICATION: [DRIVER]}, DRIVER, {}, False),
        ({SPECIFICATION: [DRIVER]}, "590.48.01", {}, True),
        ({}, DRIVER, {}, True),
        ({SPECIFICATION: [DRIVER], "/etc/cdi/nvidia.yaml": ["550.163.01"]}, DRIVER, {}, True),
        ({}, DRIVER, {"cdi": False}, False),
    ],
)
def test_a_specification_of_another_driver_is_stale(
    specifications: dict[str, Any], loaded: str, given: dict[str, Any], stale: bool
) -> None:
    there = converged()
    there["toolkit"]["specifications"], there["driver"]["loaded"] = specifications, loaded
    assert plan(variables(gpg_key=KEY, **given), there)["stale"] is stale


def test_where_the_specification_is_kept() -> None:
    assert plan(variables(), converged())["specification"] == SPECIFICATION
    found = plan(variables(manage_service=False), converged())
    assert (found["specification"], found["other_specification"]) == ("/etc/cdi/nvidia.yaml", SPECIFICATION)


def test_a_second_source_file_is_named_before_apt_refuses_it() -> None:
    address = "https://nvidia.github.io/libnvidia-container"
    there = converged(repositories={address: ["/etc/apt/sources.list.d/nvidia-ctk.list"]}, packages=[])
    assert "/etc/apt/sources.list.d/nvidia-ctk.list" in plan(variables(gpg_key=KEY), there)["refusals"][0]


@pytest.mark.parametrize(
    ("toolkit", "given", "words"),
    [
        ({"path": "", "version": ""}, {}, "no nvidia-ctk"),
        ({"path": "/usr/bin/nvidia-ctk", "version": "1.20.0"}, {}, "nvidia-ctk 1.20.0"),
        ({"path": "/usr/bin/nvidia-ctk", "version": "1.19.0"}, {}, ""),
        ({"path": "", "version": ""}, {"cdi": False}, ""),
    ],
)
def test_a_toolkit_that_the_host_has(toolkit: dict[str, str], given: dict[str, Any], words: str) -> None:
    found = plan(variables(source="none", **given), host("openSUSE", toolkit=toolkit))
    said = " ".join(found["refusals"])
    assert found["differs"] is False and words in said and bool(said) is bool(words)


def test_what_can_not_be_planned_is_refused() -> None:
    assert "source to none" in plan(variables(), host("openSUSE"))["refusals"][0]
    assert "odd" in plan(variables(), converged(faults={"gpus": "OSError: odd"}))["refusals"][0]
    assert "/not/there" in plan(variables(gpg_key="/not/there"), converged())["refusals"][0]


def test_the_look_asks_for_all_that_the_plan_reads() -> None:
    asked = look(variables())
    assert PACKAGE in asked["packages"] and set(KEY_PATHS.values()) <= set(asked["files"] + asked["key_files"])
    for system in ("Debian-13", "Rocky-9"):
        assert repository(variables(), host(system))["path"] in asked["files"]


def test_each_public_variable_is_described_with_its_default() -> None:
    spec = yaml.safe_load((ROLES / "nvidia_container_toolkit/meta/argument_specs.yml").read_text())
    options = spec["argument_specs"]["main"]["options"]
    assert set(defaults("nvidia_container_toolkit")) <= set(options)
    assert all(option["description"] for option in options.values())
