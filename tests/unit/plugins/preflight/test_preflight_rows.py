# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The judgement of what was found on hosts: what is refused, what is only told, and with which remedy."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._preflight.judge import image_cuda, judge
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._preflight.report import judged as judged_all

GIB = 1024**3
CARD = {
    "index": 0,
    "name": "NVIDIA H100 80GB HBM3",
    "memory_usable_mib": 81079,
    "mig_mode": "Disabled",
    "processes": [],
    "ecc": {"remapped_rows_failure": False, "volatile": {"corrected": 0, "uncorrected": 0}},
}
FACTS: dict[str, Any] = {
    "system": {"id": "ubuntu", "version": "24.04", "name": "Ubuntu 24.04.3 LTS"},
    "kernel": {"release": "6.8.0", "headers": True, "nouveau": False, "secure_boot": False},
    "gpu": {
        "lost_gpus": [],
        "gpus": [CARD],
        "pci_devices": [{"driver": "nvidia"}],
        "kernel_module_version": "580.159.04",
        "driver_version": "580.159.04",
        "driver_mismatch": False,
        "reason": "",
    },
    "images_room": {"path": "/var/lib/docker", "device": 1, "free_bytes": 100 * GIB},
    "models_room": {"path": "/opt/llmfleet/models", "device": 1, "free_bytes": 100 * GIB},
    "models": {"Qwen/Qwen2.5-7B-Instruct": 0},
    "images": [],
    "listeners": [],
    "containers": [],
    "urls": [{"url": "https://download.example", "error": ""}],
}
DECLARED: dict[str, Any] = {
    "enabled": True,
    "root": "/opt/llmfleet",
    "leaving": "",
    "gpu_count": 1,
    "driver_managed": False,
    "manages_packages": True,
    "image": "docker.io/vllm/vllm-openai:v0.32.0",
    "vllm_version": "0.32.0",
    "cuda": None,
    "images": {"docker.io/vllm/vllm-openai:v0.32.0": 30},
    "models": ["Qwen/Qwen2.5-7B-Instruct"],
    "ports": {"8001": "model qwen (port)"},
    "shares": {"0": 0.9},
}
NO_DRIVER = {
    "gpus": [],
    "pci_devices": [{"driver": "none"}],
    "kernel_module_version": None,
    "driver_version": None,
    "reason": "A GPU is there, but no NVIDIA driver.",
}


def change(base: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place changed; a dictionary is merged into what is there."""
    result = copy.deepcopy(base)
    *parents, last = path.split(".")
    place = result
    for name in parents:
        place = place[int(name)] if isinstance(place, list) else place[name]
    if isinstance(value, dict) and isinstance(place[last], dict):
        place[last].update(value)
    else:
        place[last] = value
    return result


def judged(facts: dict[str, Any], declared: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {row.check: (row.verdict, row.found, row.remedy) for row in judge("gpu1", facts, declared)}


def test_a_host_where_all_is_well() -> None:
    assert judged(FACTS, DECLARED) == {
        "operating system": ("ok", "Ubuntu 24.04.3 LTS", ""),
        "disk": ("ok", "100.0 GiB free at /var/lib/docker, 45.6 needed", ""),
        "GPUs": ("ok", "1 (NVIDIA H100 80GB HBM3)", ""),
        "driver and CUDA": ("ok", "driver 580.159.04, image with CUDA 13.0", ""),
    }
    assert judged_all({"gpu1": FACTS}, {"gpu1": DECLARED}).refusal == ""


def test_a_host_without_gpus_skips_their_checks() -> None:
    checks = judged(change(FACTS, "gpu", {}), change(DECLARED, "gpu_count", 0))
    assert set(checks) == {"operating system", "disk"}


PROCESS = {"pid": 77, "name": "python3", "used_mib": 20000, "container": None}
LISTENER = {"port": 8001, "process": "nginx", "pid": 9, "container": None}
BOX = {"id": "c1", "name": "web", "project": "shop", "working_dir": "/home/me/shop", "own": False, "ports": [8001]}


@pytest.mark.parametrize(
    ("path", "value", "check", "remedy"),
    [
        ("system", {"id": "fedora", "version": "43"}, "operating system", "use Debian 12 or 13"),
        ("system", {"version": "20.04"}, "operating system", "use Debian 12 or 13"),
        ("gpu", NO_DRIVER, "GPUs", "no NVIDIA driver"),
        ("gpu", {"driver_mismatch": True, "reason": "Reboot the host"}, "driver and library", "Reboot the host"),
        (
            "gpu.kernel_module_version",
            "570.86.15",
            "driver and CUDA",
            "install driver 580 or newer or take an image with a -cu129",
        ),
        ("kernel", {"nouveau": True}, "nouveau", "blacklist nouveau"),
        ("images_room", {"free_bytes": 40 * GIB}, "disk", "docker_data_root"),
        ("gpu.gpus.0.processes", [PROCESS], "memory of GPU 0", "vLLM needs 90% of the card"),
        ("listeners", [LISTENER], "port 8001", "give model qwen (port) another port"),
        ("urls", [{"url": "https://a.example", "error": "refused"}], "repository", "preflight_check_urls"),
    ],
)
def test_refused_with_the_remedy(path: str, value: Any, check: str, remedy: str) -> None:
    facts = change(FACTS, path, value)
    verdict, found, told = judged(facts, DECLARED)[check]
    assert (verdict, remedy in told) == ("error", True)
    assert f"gpu1: {check}: {found}. Remedy: {told}" in judged_all({"gpu1": facts}, {"gpu1": DECLARED}).refusal


@pytest.mark.parametrize(
    ("path", "value", "changes", "check", "verdict", "remedy"),
    [
        ("gpu", NO_DRIVER, {"driver_managed": True}, "GPUs", "ok", "will be installed"),
        ("kernel", {"nouveau": True}, {"driver_managed": True}, "nouveau", "warning", "needs a reboot"),
        ("kernel", {"secure_boot": True}, {}, "Secure Boot", "ok", ""),
        ("system", {"id": "fedora"}, {"manages_packages": False}, "operating system", "warning", "not tested"),
        ("gpu.kernel_module_version", "560.1", {"cuda": "12.9"}, "driver and CUDA", "warning", "made for driver 575"),
        ("gpu.kernel_module_version", "520.1", {"cuda": "12.9"}, "driver and CUDA", "error", "install driver 575"),
        ("models", {"Qwen/Qwen2.5-7B-Instruct": 99 * GIB}, {"images": {}}, "GPUs", "ok", ""),
        ("gpu.gpus.0.processes", [PROCESS], {"shares": {"0": 0.5}}, "memory of GPU 0", "warning", "is it meant"),
        ("gpu.gpus.0.processes", [{**PROCESS, "used_mib": 300}], {}, "memory of GPU 0", "ok", ""),
        ("gpu.gpus.0.mig_mode", "Enabled", {}, "MIG", "warning", "-mig 0"),
        ("gpu.gpus.0.ecc", {"remapped_rows_failure": True}, {}, "ECC", "warning", "replace it"),
    ],
)
def test_told_but_not_refused(
    path: str, value: Any, changes: dict[str, Any], check: str, verdict: str, remedy: str
) -> None:
    found = judged(change(FACTS, path, value), {**DECLARED, **changes})
    assert found[check][0] == verdict
    assert remedy in found[check][2]


def test_secure_boot_and_missing_headers_before_a_driver_is_there() -> None:
    facts = change(change(FACTS, "gpu", NO_DRIVER), "kernel", {"secure_boot": True, "headers": False})
    alone, managed = judged(facts, DECLARED), judged(facts, {**DECLARED, "driver_managed": True})
    assert "linux-modules-nvidia" in alone["Secure Boot"][2]
    assert alone["kernel headers"][0] == "warning"
    assert managed["kernel headers"] == ("ok", "none for 6.8.0", "they will be installed")


def test_a_card_for_virtual_machines_gets_no_driver() -> None:
    facts = change(FACTS, "gpu", {**NO_DRIVER, "pci_devices": [{"driver": "vfio-pci"}]})
    assert judged(facts, {**DECLARED, "driver_managed": True})["GPUs"][0] == "error"


def test_fewer_gpus_than_declared() -> None:
    verdict, found, remedy = judged(FACTS, {**DECLARED, "gpu_count": 2})["GPUs"]
    assert (verdict, found) == ("error", "1 of 2, 1 on the PCI bus")
    assert "set llm_gpu_count to 1" in remedy


@pytest.mark.parametrize(
    ("listener", "box"),
    [
        (LISTENER, {**BOX, "project": "llmfleet-vllm-qwen", "own": True}),
        (
            {**LISTENER, "container": "c1"},
            {**BOX, "project": "litellm", "working_dir": "/opt/llmfleet/litellm", "ports": []},
        ),
    ],
)
def test_our_own_containers_are_in_nobodys_way(listener: dict[str, Any], box: dict[str, Any]) -> None:
    facts = {**FACTS, "listeners": [listener], "containers": [box]}
    facts["gpu"] = change(FACTS["gpu"], "gpus.0.processes", [{**PROCESS, "container": "c1"}])
    assert {verdict for verdict, _found, _remedy in judged(facts, DECLARED).values()} == {"ok"}


def test_a_foreign_container_is_named() -> None:
    facts = {**FACTS, "listeners": [LISTENER], "containers": [BOX]}
    assert judged(facts, DECLARED)["port 8001"][1] == "taken by container web"


def test_a_deployment_that_is_stopped_before_is_in_nobodys_way() -> None:
    facts = {**FACTS, "listeners": [LISTENER], "containers": [BOX]}
    assert "port 8001" in judged(facts, DECLARED)
    assert "port 8001" not in judged(facts, {**DECLARED, "leaving": BOX["working_dir"]})


def test_a_model_of_unknown_size_is_told() -> None:
    declared = {**DECLARED, "images": {}, "models": ["someone/something"]}
    assert judged({**FACTS, "models": {}}, declared)["disk"][:2] == (
        "warning",
        "size of someone/something is not known",
    )


def test_room_is_counted_by_file_system() -> None:
    facts = change(FACTS, "models_room", {"device": 2, "free_bytes": 1 * GIB})
    rows = judge("gpu1", facts, DECLARED)
    assert [(row.verdict, row.found.split(",")[0]) for row in rows if row.check == "disk"] == [
        ("ok", "100.0 GiB free at /var/lib/docker"),
        ("error", "1.0 GiB free at /opt/llmfleet/models"),
    ]


@pytest.mark.parametrize(
    ("image", "version", "cuda"),
    [
        ("docker.io/vllm/vllm-openai:v0.33.0", "0.33.0", "13.0"),
        ("docker.io/vllm/vllm-openai:v0.33.0-cu129", "0.33.0", "12.9"),
        ("docker.io/vllm/vllm-openai:v0.19.1", "0.19.1", "12.9"),
        ("docker.io/vllm/vllm-openai:v0.10.2", "0.10.2", "12.8"),
    ],
)
def test_cuda_of_an_image(image: str, version: str, cuda: str) -> None:
    assert image_cuda(image, version) == cuda


def test_all_hosts_and_faults_at_once() -> None:
    bad = change(FACTS, "system", {"id": "fedora"})
    result = judged_all({"gpu1": bad, "gpu2": {**bad, "listeners": [LISTENER]}}, {"gpu1": DECLARED, "gpu2": DECLARED})
    assert [line.split(":")[:2] for line in result.refusal.splitlines()] == [
        ["gpu1", " operating system"],
        ["gpu2", " operating system"],
        ["gpu2", " port 8001"],
    ]
    assert result.table[0].split() == ["host", "check", "found", "verdict", "remedy"]


def test_an_unreachable_repository_does_not_stop_a_host_that_has_all_it_needs() -> None:
    box = {**BOX, "name": "litellm", "own": True, "ports": []}
    facts = {**FACTS, "containers": [box], "urls": [{"url": "https://a.example", "error": "refused"}]}
    assert judged(facts, DECLARED)["repository"][0] == "error"
    assert judged(facts, {**DECLARED, "models": [], "images": {}})["repository"][0] == "warning"


def test_a_container_of_our_names_that_is_not_ours_is_refused() -> None:
    box = {**BOX, "name": "llmfleet-vllm-qwen", "ports": []}
    verdict, found, remedy = judged({**FACTS, "containers": [box]}, DECLARED)["container llmfleet-vllm-qwen"]
    assert (verdict, found) == ("error", "of project shop in /home/me/shop, not this collection's")
    assert "rename it" in remedy
    near = {**box, "name": "llmfleet-demo"}
    assert judged({**FACTS, "containers": [near]}, DECLARED).keys() == judged(FACTS, DECLARED).keys()


def test_a_project_of_an_old_name_is_somebody_elses() -> None:
    """Anyone's folder may be called vllm: only our label or our folder makes a container ours."""
    facts = {**FACTS, "listeners": [LISTENER], "containers": [{**BOX, "project": "vllm"}]}
    assert judged(facts, DECLARED)["port 8001"][0] == "error"


def test_a_part_that_could_not_be_read_is_named() -> None:
    facts = {**FACTS, "gpu": {}, "faults": {"gpus": "OSError: no"}}
    found = judged(facts, DECLARED)
    assert found["look"] == ("warning", "gpus: OSError: no", "see what is wrong on the host")
    assert found["GPUs"][0] == "error"


def test_a_host_that_is_not_to_be_judged_is_left_out() -> None:
    bad = change(FACTS, "system", {"id": "fedora"})
    assert judged_all({"gpu1": bad}, {"gpu1": {**DECLARED, "enabled": False}}) == ([], "")


def test_a_lost_gpu_is_named() -> None:
    facts = change(FACTS, "gpu.lost_gpus", [{"index": 1, "reason": "GPU is lost"}])
    verdict, found, remedy = judged(facts, {**DECLARED, "gpu_count": 2})["GPUs"]
    assert (verdict, found) == ("error", "1 of 2, 1 lost, 1 on the PCI bus")
    assert "GPU 1: GPU is lost" in remedy


def test_a_lost_gpu_is_told_also_where_the_others_suffice() -> None:
    facts = change(FACTS, "gpu.lost_gpus", [{"index": 1, "pci_bus_id": "x", "reason": "GPU is lost"}])
    rows = judge("gpu1", facts, DECLARED)
    assert [(row.verdict, row.found) for row in rows if "lost" in row.found] == [
        ("warning", "GPU 1 is lost (GPU is lost)")
    ]


def test_what_nvidia_smi_warns_of_is_told_and_stops_nothing() -> None:
    facts = change(FACTS, "gpu.smi_warnings", ["WARNING: infoROM is corrupted at gpu 0000:01:00.0"])
    (row,) = [row for row in judge("gpu1", facts, DECLARED) if row.check == "nvidia-smi"]
    assert row.verdict == "warning" and "infoROM" in row.found


def test_a_card_that_asks_for_a_reset_is_told() -> None:
    facts = change(FACTS, "gpu.gpus", [{**CARD, "recovery_action": "Reset"}])
    (row,) = [row for row in judge("gpu1", facts, DECLARED) if row.check == "GPU recovery"]
    assert row.verdict == "warning" and "asks for Reset" in row.found and "--gpu-reset" in row.remedy


def test_memory_that_the_host_shares_is_told() -> None:
    facts = change(FACTS, "gpu.gpus", [{**CARD, "unified": True, "memory_usable_mib": None}])
    assert ("GPU 0 shares the host's memory", "ok") in [
        (row.found, row.verdict) for row in judge("gpu1", facts, DECLARED)
    ]
