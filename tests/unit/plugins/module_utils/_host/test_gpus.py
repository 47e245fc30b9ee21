# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GPUs of a host: real machines' output, and the ways in which drivers and cards fail."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils import basic
from ansible.module_utils.testing import patch_module_args
from ansible_collections.llmfleet.gateway.plugins.module_utils._host import bus, gpus, report
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import Done
from ansible_collections.llmfleet.gateway.plugins.modules import gpu_info

DATA = Path(__file__).parents[3] / "data" / "gpus"
SMI = "/usr/bin/nvidia-smi"
MISMATCH = "Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 580.159\n"
NO_DRIVER = (
    "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver. Make sure that the latest NVIDIA "
    "driver is installed and running.\n"
)


class Host:
    """A host made of a directory, with an nvidia-smi that says what it is told to."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.calls: list[list[str]] = []
        self.answers: dict[str, tuple[int, str, str]] = {}
        self.single: dict[str, tuple[int, str, str]] = {}

    def smi(self, argv: Any, timeout: float = 0, environment: Any = None) -> Done:
        assert timeout > 0, "a command without a time limit"
        self.calls.append(list(argv))
        if "-i" in argv:
            return Done(*self.single.get(argv[-1], self.answers["-q"]))
        return Done(*self.answers[argv[1].split("=")[0]])

    def driven(self, machine: str) -> Host:
        folder = DATA / machine
        rows = [line.split(", ") for line in (folder / "gpus.csv").read_text().splitlines()[1:]]
        self.answers["-q"] = (0, (folder / "q.xml").read_text(), "")
        self.answers["--query-gpu"] = (0, "".join(f"{row[9]}, {row[8]}\n" for row in rows), "")
        links = folder / "nvlink.txt"
        self.answers["nvlink"] = (0, links.read_text() if links.exists() else "", "")
        return self.module((folder / "version.txt").read_text()).device("0000:00:06.0", "0x030200", "nvidia")

    def failing(self, text: str) -> Host:
        self.answers["-q"] = (9, text, "")
        return self

    def module(self, text: str) -> Host:
        path = self.root / "proc/driver/nvidia/version"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return self

    def device(self, address: str, kind: str, driver: str = "", vendor: str = "0x10de") -> Host:
        folder = self.root / "sys/bus/pci/devices" / address
        folder.mkdir(parents=True)
        for name, value in (("vendor", vendor), ("device", "0x2330"), ("class", kind)):
            (folder / name).write_text(value + "\n")
        if driver:
            target = self.root / "sys/bus/pci/drivers" / driver
            target.mkdir(parents=True, exist_ok=True)
            (folder / "driver").symlink_to(target)
        return self

    def look(self, smi: str | None = SMI) -> dict[str, Any]:
        return gpus.look(self.smi, smi, str(self.root))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_one_h100(host: Host) -> None:
    found = host.driven("h100-x1").look()
    (gpu,) = found.pop("gpus")
    assert found == {
        "lost_gpus": [],
        "smi_warnings": [],
        "driver_version": "580.159.04",
        "library_version": "580.159.04",
        "kernel_module_version": "580.159.04",
        "cuda_version": "13.0",
        "driver_mismatch": False,
        "pci_devices": [
            {"address": "0000:00:06.0", "device_id": "0x2330", "class": "0x030200", "driver": "nvidia"},
        ],
        "nvswitch": False,
        "nvidia_smi": SMI,
        "smi_error": "",
        "reason": "",
    }
    assert gpu == {
        "index": 0,
        "uuid": "GPU-00000000-0000-0000-0000-000000000001",
        "name": "NVIDIA H100 80GB HBM3",
        "pci_bus_id": "00000000:00:06.0",
        "memory_total_mib": 81559,
        "memory_reserved_mib": 480,
        "memory_used_mib": 0,
        "memory_free_mib": 81079,
        "memory_usable_mib": 81079,
        "memory_usable_gib": 79.179,
        "unified": False,
        "compute_capability": "9.0",
        "mig_mode": "Disabled",
        "mig_devices": [],
        "persistence_mode": "Enabled",
        "ecc": {
            "mode": "Enabled",
            "remapped_rows_pending": False,
            "remapped_rows_failure": False,
            "volatile": {"corrected": 0, "uncorrected": 0},
            "aggregate": {"corrected": 0, "uncorrected": 0},
        },
        "recovery_action": None,
        "processes": [],
        "nvlink": {"links": 0, "gb_per_s": 0.0},
        "fabric_state": None,
    }
    assert len(host.calls) == 2


def test_two_linked_h200(host: Host) -> None:
    found = host.driven("h200-x2").look()["gpus"]
    assert [gpu["index"] for gpu in found] == [0, 1]
    assert {gpu["memory_usable_mib"] for gpu in found} == {143771 - 616}
    assert [gpu["compute_capability"] for gpu in found] == ["9.0", "9.0"]
    assert [gpu["nvlink"] for gpu in found] == [{"links": 18, "gb_per_s": 478.116}] * 2
    assert {gpu["fabric_state"] for gpu in found} == {"Completed"}


def test_processes_errors_and_mig_instances(host: Host) -> None:
    code, text, _errors = host.driven("h100-x1").answers["-q"]
    text = text.replace(
        "<processes>",
        "<processes><process_info><gpu_instance_id>N/A</gpu_instance_id><pid>422</pid><type>C</type>"
        "<process_name>VLLM::EngineCore</process_name><used_memory>1634 MiB</used_memory></process_info>",
    )
    text = text.replace("<dram_uncorrectable>0", "<dram_uncorrectable>3", 1).replace(
        "<sram_correctable>0", "<sram_correctable>2", 1
    )
    text = text.replace("<current_mig>Disabled", "<current_mig>Enabled")
    text = text.replace(
        "<mig_devices>\n\t\t\tNone",
        "<mig_devices><mig_device><index>0</index><gpu_instance_id>1</gpu_instance_id><compute_instance_id>0"
        "</compute_instance_id><fb_memory_usage><total>40448 MiB</total><reserved>0 MiB</reserved><used>44 MiB</used>"
        "<free>40404 MiB</free></fb_memory_usage></mig_device>",
    )
    host.answers["-q"] = (code, text, "")
    (gpu,) = host.look()["gpus"]
    assert gpu["processes"] == [{"pid": 422, "name": "VLLM::EngineCore", "used_mib": 1634}]
    assert gpu["ecc"]["volatile"] == {"corrected": 2, "uncorrected": 3}
    assert gpu["ecc"]["aggregate"] == {"corrected": 0, "uncorrected": 0}
    assert gpu["mig_mode"] == "Enabled"
    assert [(mig["index"], mig["gpu_instance_id"], mig["memory_usable_mib"]) for mig in gpu["mig_devices"]] == [
        (0, 1, 40448)
    ]


def test_a_gpu_that_shares_the_hosts_memory(host: Host) -> None:
    """GB10 says N/A for all of its memory; so do Thor and Orin."""
    code, text, _errors = host.driven("h100-x1").answers["-q"]
    for value in ("81559 MiB", "480 MiB", "81079 MiB"):
        text = text.replace(f">{value}<", ">N/A<")
    host.answers["-q"] = (code, text.replace("<used>0 MiB", "<used>[N/A]"), "")
    host.answers["--query-gpu"] = (0, "00000000:00:06.0, [N/A]\n", "")
    found = host.look()
    (gpu,) = found["gpus"]
    assert gpu["unified"] is True and found["lost_gpus"] == []
    assert {gpu[name] for name in gpu if name.startswith("memory_")} == {None}
    assert gpu["compute_capability"] is None


INFOROM = "WARNING: infoROM is corrupted at gpu 0000:01:00.0\n"


@pytest.mark.parametrize("code", [0, 14])
@pytest.mark.parametrize(("before", "after"), [("", INFOROM), (INFOROM, "")])
def test_a_warning_beside_the_report(host: Host, code: int, before: str, after: str) -> None:
    _code, text, _errors = host.driven("h200-x2").answers["-q"]
    host.answers["-q"] = (code, before + text + after, "")
    found = host.look()
    assert [gpu["name"] for gpu in found["gpus"]] == ["NVIDIA H200"] * 2
    assert found["smi_warnings"][0] == INFOROM.strip() and (code == 0 or "ended with 14" in found["smi_warnings"][1])
    assert found["reason"] == "" and found["smi_error"] == ""


def second(text: str, change: Callable[[str], str]) -> str:
    """The report of two GPUs with another second one."""
    head, first, last = text.split("<gpu id=")
    return "<gpu id=".join([head, first, change(last)])


LOST = ["GPU is lost", "GPU requires reset", "Unknown Error", "[Unknown Error]", "ERR!", "Unable to determine"]


@pytest.mark.parametrize("said", LOST)
def test_a_lost_gpu_is_named_and_not_counted(host: Host, said: str) -> None:
    code, text, _errors = host.driven("h200-x2").answers["-q"]
    fields = r">[^<>\n]+</(total|reserved|used|free|uuid|product_name)>"
    host.answers["-q"] = (code, second(text, lambda gpu: re.sub(fields, rf">{said}</\1>", gpu)), "")
    found = host.look()
    assert [gpu["index"] for gpu in found["gpus"]] == [0]
    assert found["lost_gpus"] == [{"index": 1, "pci_bus_id": "00000000:00:07.0", "reason": said}]
    assert f"GPU 1 (00000000:00:07.0): {said}" in found["reason"] and "llm_gpu_count" in found["reason"]


def test_an_entry_without_identity_is_no_gpu(host: Host) -> None:
    code, text, _errors = host.driven("h200-x2").answers["-q"]
    host.answers["-q"] = (code, second(text, lambda gpu: '"00000000:00:07.0"></gpu></nvidia_smi_log>'), "")
    found = host.look()
    assert len(found["gpus"]) == 1 and found["lost_gpus"][0]["reason"] == "nvidia-smi tells neither name nor UUID"


HANDLE = (
    "Unable to determine the device handle for GPU0000:07:00.0: GPU is lost.  Reboot the system to recover this GPU\n"
)


def test_a_lost_handle_does_not_take_the_healthy_gpus_along(host: Host) -> None:
    """nvidia-smi tells nothing of any GPU then, unless it is asked for each."""
    _code, text, _errors = host.driven("h200-x2").device("0000:00:07.0", "0x030200", "nvidia").answers["-q"]
    host.single["00000000:00:06.0"] = (0, text.rpartition("<gpu id=")[0] + "</nvidia_smi_log>", "")
    host.single["00000000:00:07.0"] = (15, HANDLE, "")
    host.answers["-q"] = (15, HANDLE, "")
    found = host.look()
    assert [(gpu["index"], gpu["name"], gpu["memory_total_mib"]) for gpu in found["gpus"]] == [
        (0, "NVIDIA H200", 143771)
    ]
    (lost,) = found["lost_gpus"]
    assert (lost["index"], lost["pci_bus_id"]) == (1, "00000000:00:07.0") and "GPU is lost" in lost["reason"]
    assert found["driver_version"] == "580.159.04" and "GPU 1" in found["reason"]


def test_the_action_that_a_card_asks_for(host: Host) -> None:
    code, text, _errors = host.driven("h100-x1").answers["-q"]
    host.answers["-q"] = (code, text.replace("<gpu_recovery_action>None", "<gpu_recovery_action>Reset"), "")
    assert host.look()["gpus"][0]["recovery_action"] == "Reset"


REPORT = (DATA / "h200-x2/q.xml").read_text()


@pytest.mark.parametrize("code", [0, 14, 255])
@pytest.mark.parametrize("end", [*range(0, len(REPORT), len(REPORT) // 37), len(REPORT) - 5])
def test_a_report_that_breaks_off_is_no_gpu_and_not_repeated(host: Host, code: int, end: int) -> None:
    host.driven("h200-x2").answers["-q"] = (code, REPORT[:end], "")
    found = host.look()
    assert found["gpus"] == [] and found["reason"]
    assert "<" not in found["reason"] + found["smi_error"] and len(found["smi_error"]) < 300


@pytest.mark.parametrize("seed", range(40))
def test_a_damaged_report_crashes_nothing(host: Host, seed: int) -> None:
    chance = random.Random(seed)
    text = list(REPORT)
    for _change in range(chance.choice([1, 3, 30])):
        start = chance.randrange(len(text))
        text[start : start + chance.choice([0, 1, 40])] = chance.choice(["", "<", ">", "&", "\x00", "N/A", "]]>"])
    host.driven("h200-x2").answers["-q"] = (0, "".join(text), "")
    found = host.look()
    assert len(found["gpus"]) + len(found["lost_gpus"]) <= 2
    assert all(gpu["uuid"] and gpu["name"] for gpu in found["gpus"])
    assert len(found["smi_error"]) < 500


def test_one_that_does_not_answer(host: Host) -> None:
    host.driven("h100-x1").answers["-q"] = (124, "", "no answer within 120 s")
    assert "the driver hangs" in host.look()["reason"]


def test_texts_of_other_tools_are_read_as_nothing() -> None:
    assert report.parse_nvlink("GPU x\n\t Link 0: <inactive>\nGPU 0: a\n\t Link 0: . GB/s\n") == {
        0: {"links": 0, "gb_per_s": 0.0}
    }
    assert report.parse_compute_capabilities("a\nb, [N/A]\nc, 9.0, d\n") == {}


def test_a_host_without_any(host: Host) -> None:
    found = host.device("0000:00:02.0", "0x030000", "i915", vendor="0x8086").look(None)
    assert (found["gpus"], found["pci_devices"], found["driver_version"], found["nvswitch"]) == ([], [], None, False)
    assert "No NVIDIA GPU is on the PCI bus" in found["reason"] and "llm_gpu_count" in found["reason"]


def test_the_library_is_newer_than_the_loaded_module(host: Host) -> None:
    version = (DATA / "h100-x1/version.txt").read_text().replace("580.159.04", "580.95.05")
    host.failing(MISMATCH).module(version).device("0000:00:06.0", "0x030200", "nvidia")
    found = host.look()
    assert found["driver_mismatch"] is True
    assert (found["kernel_module_version"], found["driver_version"]) == ("580.95.05", "580.159")
    assert "Reboot" in found["reason"] and "580.95.05" in found["reason"] and "580.159" in found["reason"]


def test_the_proprietary_module_names_its_version_too(host: Host) -> None:
    host.module(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.163.01  Tue Apr  8 12:41:17 UTC 2025\nGCC version: 12\n"
    )
    assert bus.kernel_module_version(str(host.root)) == "550.163.01"


@pytest.mark.parametrize(
    ("driver", "module", "smi", "error", "remedy"),
    [
        ("nouveau", False, None, "", "blacklist nouveau"),
        ("vfio-pci", False, None, "", "vfio-pci.ids"),
        ("", False, None, "", "no NVIDIA driver"),
        ("", False, SMI, NO_DRIVER, "modprobe nvidia"),
        ("nvidia", True, None, "", "nvidia-smi is missing"),
        ("nvidia", True, SMI, "No devices were found\n", "dmesg"),
        ("nvidia", True, SMI, "Failed to initialize NVML: Insufficient Permissions\n", "become"),
        (
            "nvidia",
            True,
            SMI,
            "NVIDIA-SMI couldn't find libnvidia-ml.so library in your system.\n",
            "driver's libraries",
        ),
        ("nvidia", True, SMI, "Failed to initialize NVML: Unknown Error\n", "Unknown Error"),
        ("nvidia", True, SMI, "", "nvidia-smi ended with 9"),
    ],
)
def test_what_is_wrong_and_what_mends_it(
    host: Host, driver: str, module: bool, smi: str | None, error: str, remedy: str
) -> None:
    host.failing(error).device("0000:00:06.0", "0x030200", driver)
    if module:
        host.module((DATA / "h100-x1/version.txt").read_text())
    found = host.look(smi)
    assert remedy in found["reason"]
    assert [device["driver"] for device in found["pci_devices"]] == [driver or "none"]
    assert found["driver_mismatch"] is False


def test_a_report_that_breaks_off(host: Host) -> None:
    host.driven("h100-x1").answers["-q"] = (0, "Unable to determine the device handle for GPU0: Unknown Error\n", "")
    assert "Unable to determine the device handle" in host.look()["reason"]


def test_switches_are_seen_on_the_bus(host: Host) -> None:
    found = host.driven("h200-x2").device("0000:05:00.0", "0x068000").device("0000:07:00.0", "0x040300").look()
    assert found["nvswitch"] is True
    assert [device["class"] for device in found["pci_devices"]] == ["0x030200"]


def test_libraries_beside_an_nvidia_smi_outside_the_system(tmp_path: Path) -> None:
    (tmp_path / "lib64").mkdir()
    assert gpus.smi_environment(f"{tmp_path}/bin/nvidia-smi")["LD_LIBRARY_PATH"] == f"{tmp_path}/lib64"
    assert "LD_LIBRARY_PATH" not in gpus.smi_environment("/usr/bin/nvidia-smi")


def test_nvidia_smi_is_found_outside_the_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "nvidia-smi").touch(mode=0o755)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(gpus, "SMI_DIRECTORIES", ("/not/there", str(tmp_path)))
    assert gpus.find_smi() == str(tmp_path / "nvidia-smi")


def test_the_module_tells_all_of_it(monkeypatch: pytest.MonkeyPatch, host: Host) -> None:
    class Exited(Exception):
        pass

    def leave(_module: Any, **result: Any) -> None:
        raise Exited(result)

    host.driven("h100-x1")
    monkeypatch.setattr(basic.AnsibleModule, "exit_json", leave)
    monkeypatch.setattr(gpu_info, "run", host.smi)
    with patch_module_args({"nvidia_smi": SMI}), pytest.raises(Exited) as left:
        gpu_info.main()
    result = left.value.args[0]
    assert result["changed"] is False and result["nvidia_smi"] == SMI
    assert len(result["gpus"]) == 1
