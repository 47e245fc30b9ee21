# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA GPUs of this host: what nvidia-smi says of them, what the PCI bus shows without it, and what is wrong."""

from __future__ import annotations

import glob
import os
import re
from typing import Any, Callable
from xml.etree import ElementTree

RunCommand = Callable[..., "tuple[int, str, str]"]

# Where drivers put nvidia-smi that are not on PATH: containers' and cloud images' mounts, WSL, the GPU operator.
SMI_DIRECTORIES = (
    "/usr/local/nvidia/bin",
    "/usr/bin",
    "/usr/lib/wsl/lib",
    "/opt/nvidia/bin",
    "/opt/bin",
    "/run/nvidia/driver/usr/bin",
    "/home/kubernetes/bin/nvidia/bin",
)
NVIDIA = "0x10de"
DISPLAY_CLASS = "0x03"
BRIDGE_CLASS = "0x0680"


class GpuOutputError(Exception):
    """nvidia-smi answered, but not with what can be read."""


def text_of(node: ElementTree.Element, path: str) -> str | None:
    """The text below a node; None for what the card or the driver does not tell."""
    text = (node.findtext(path) or "").strip()
    if not text or text in ("N/A", "[N/A]", "[Not Supported]", "None") or text.startswith("Requested functionality"):
        return None
    return text


def number_of(node: ElementTree.Element, path: str) -> int | None:
    """The leading whole number of a field such as "81559 MiB"."""
    match = re.match(r"\d+", text_of(node, path) or "")
    return int(match.group()) if match else None


def sum_of(node: ElementTree.Element | None, kind: str) -> int | None:
    """The sum of a node's counters whose name has a word that starts with kind."""
    if node is None:
        return None
    values = [number_of(node, child.tag) for child in node if any(w.startswith(kind) for w in child.tag.split("_"))]
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def parse_memory(gpu: ElementTree.Element) -> dict[str, Any]:
    """Memory of a GPU in MiB. Usable is what CUDA can give out: the total less what the driver keeps."""
    total, reserved = number_of(gpu, "fb_memory_usage/total"), number_of(gpu, "fb_memory_usage/reserved")
    usable = None if total is None else total - (reserved or 0)
    return {
        "memory_total_mib": total,
        "memory_reserved_mib": reserved,
        "memory_used_mib": number_of(gpu, "fb_memory_usage/used"),
        "memory_free_mib": number_of(gpu, "fb_memory_usage/free"),
        "memory_usable_mib": usable,
        "memory_usable_gib": None if usable is None else round(usable / 1024, 3),
    }


def parse_ecc(gpu: ElementTree.Element) -> dict[str, Any]:
    """ECC errors since the driver was loaded (volatile) and over the card's life (aggregate)."""
    counters = {}
    for span in ("volatile", "aggregate"):
        node = gpu.find(f"ecc_errors/{span}")
        counters[span] = {"corrected": sum_of(node, "correctable"), "uncorrected": sum_of(node, "uncorrectable")}
    return {
        "mode": text_of(gpu, "ecc_mode/current_ecc"),
        "remapped_rows_pending": text_of(gpu, "remapped_rows/remapped_row_pending") == "Yes",
        "remapped_rows_failure": text_of(gpu, "remapped_rows/remapped_row_failure") == "Yes",
        **counters,
    }


def parse_mig(gpu: ElementTree.Element) -> list[dict[str, Any]]:
    """The instances that MIG cut a GPU into."""
    return [
        {
            "index": number_of(device, "index"),
            "gpu_instance_id": number_of(device, "gpu_instance_id"),
            "compute_instance_id": number_of(device, "compute_instance_id"),
            **parse_memory(device),
        }
        for device in gpu.findall("mig_devices/mig_device")
    ]


def parse_processes(gpu: ElementTree.Element) -> list[dict[str, Any]]:
    """The processes that hold memory of a GPU."""
    return [
        {
            "pid": number_of(process, "pid"),
            "name": text_of(process, "process_name"),
            "used_mib": number_of(process, "used_memory"),
        }
        for process in gpu.findall("processes/process_info")
    ]


def parse_gpu(index: int, gpu: ElementTree.Element) -> dict[str, Any]:
    """One GPU of nvidia-smi's report."""
    return {
        "index": index,
        "uuid": text_of(gpu, "uuid"),
        "name": text_of(gpu, "product_name"),
        "pci_bus_id": text_of(gpu, "pci/pci_bus_id"),
        **parse_memory(gpu),
        "compute_capability": None,
        "mig_mode": text_of(gpu, "mig_mode/current_mig"),
        "mig_devices": parse_mig(gpu),
        "persistence_mode": text_of(gpu, "persistence_mode"),
        "ecc": parse_ecc(gpu),
        "processes": parse_processes(gpu),
        "nvlink": {"links": 0, "gb_per_s": 0.0},
        "fabric_state": text_of(gpu, "fabric/state"),
    }


def parse_report(text: str) -> dict[str, Any]:
    """What "nvidia-smi -q -x" says."""
    try:
        root = ElementTree.fromstring(text.strip())
    except ElementTree.ParseError as exc:
        raise GpuOutputError(f"the report of nvidia-smi is not XML ({exc}): {text.strip()[:200]}") from exc
    return {
        "driver_version": text_of(root, "driver_version"),
        "cuda_version": text_of(root, "cuda_version"),
        "gpus": [parse_gpu(index, gpu) for index, gpu in enumerate(root.findall("gpu"))],
    }


def parse_compute_capabilities(text: str) -> dict[str, str]:
    """Compute capability by PCI address, from nvidia-smi's CSV; its XML lacks it."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    return {row[0]: row[1] for row in rows if len(row) == 2 and re.fullmatch(r"\d+\.\d+", row[1])}


def parse_nvlink(text: str) -> dict[int, dict[str, Any]]:
    """Active links and their bandwidth by GPU, from "nvidia-smi nvlink -s"."""
    found: dict[int, dict[str, Any]] = {}
    index = -1
    for line in text.splitlines():
        head = re.match(r"GPU (\d+):", line)
        link = re.match(r"\s+Link \d+: ([\d.]+) GB/s", line)
        if head:
            index = int(head.group(1))
            found[index] = {"links": 0, "gb_per_s": 0.0}
        elif link and index in found:
            found[index]["links"] += 1
            found[index]["gb_per_s"] = round(found[index]["gb_per_s"] + float(link.group(1)), 3)
    return found


def read_text(path: str) -> str:
    """A file's text; empty when it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read().strip()
    except OSError:
        return ""


def kernel_module_version(root: str = "/") -> str | None:
    """Version of the NVIDIA kernel module that is loaded."""
    match = re.search(
        r"Kernel Module\b.*?\s(\d+\.\d+(?:\.\d+)*)\s", read_text(os.path.join(root, "proc/driver/nvidia/version")) + " "
    )
    return match.group(1) if match else None


def library_version(root: str = "/") -> str | None:
    """Version of the driver's library on the disk, from its file name."""
    for pattern in ("usr/lib/*-linux-gnu", "usr/lib64", "usr/lib", "usr/local/nvidia/lib64"):
        for path in sorted(glob.glob(os.path.join(root, pattern, "libnvidia-ml.so.*.*"))):
            return os.path.basename(path)[len("libnvidia-ml.so.") :]
    return None


def pci_functions(root: str = "/") -> list[dict[str, str]]:
    """NVIDIA's devices on the PCI bus, with the kernel driver that holds each of them."""
    found = []
    for path in sorted(glob.glob(os.path.join(root, "sys/bus/pci/devices/*"))):
        if read_text(os.path.join(path, "vendor")) == NVIDIA:
            driver = os.path.join(path, "driver")
            found.append(
                {
                    "address": os.path.basename(path),
                    "device_id": read_text(os.path.join(path, "device")),
                    "class": read_text(os.path.join(path, "class")),
                    "driver": os.path.basename(os.readlink(driver)) if os.path.islink(driver) else "none",
                }
            )
    return found


def look_at_bus(root: str = "/") -> dict[str, Any]:
    """GPUs and NVSwitches that are there, whether or not a driver is."""
    functions = pci_functions(root)
    bridges = [function for function in functions if function["class"].startswith(BRIDGE_CLASS)]
    nodes = glob.glob(os.path.join(root, "dev/nvidia-nvswitch[0-9]*"))
    return {
        "pci_devices": [function for function in functions if function["class"].startswith(DISPLAY_CLASS)],
        "nvswitch": bool(bridges or nodes),
    }


def smi_environment(smi: str) -> dict[str, str]:
    """Where a driver outside the system's folders has its libraries."""
    base = os.path.dirname(os.path.dirname(smi))
    folders = [os.path.join(base, name) for name in ("lib64", "lib")]
    known = [folder for folder in folders if base != "/usr" and os.path.isdir(folder)]
    return {"LC_ALL": "C", **({"LD_LIBRARY_PATH": ":".join(known)} if known else {})}


def ask_smi(run_command: RunCommand, smi: str) -> dict[str, Any]:
    """What nvidia-smi says of its GPUs, or why it says nothing."""
    environment = smi_environment(smi)
    rc, out, err = run_command([smi, "-q", "-x"], environ_update=environment)
    if rc != 0:
        return {"error": f"{out}\n{err}".strip() or f"nvidia-smi ended with {rc}"}
    try:
        report = parse_report(out)
    except GpuOutputError as exc:
        return {"error": str(exc)}
    gpus = report["gpus"]
    if gpus:
        query = [smi, "--query-gpu=pci.bus_id,compute_cap", "--format=csv,noheader"]
        capabilities = parse_compute_capabilities(run_command(query, environ_update=environment)[1])
        for gpu in gpus:
            gpu["compute_capability"] = capabilities.get(gpu["pci_bus_id"])
    if len(gpus) > 1:
        links = parse_nvlink(run_command([smi, "nvlink", "-s"], environ_update=environment)[1])
        for gpu in gpus:
            gpu["nvlink"] = links.get(gpu["index"], gpu["nvlink"])
    return report


def library_in_message(error: str) -> str | None:
    """The library's version that nvidia-smi names when the kernel module is another."""
    match = re.search(r"NVML library version: (\d+(?:\.\d+)+)", error)
    return match.group(1) if match else None


def versions_differ(module: str | None, library: str | None) -> bool:
    """Whether two versions are not one; nvidia-smi leaves the last part of the library's away."""
    if not module or not library:
        return False
    length = min(module.count("."), library.count(".")) + 1
    return module.split(".")[:length] != library.split(".")[:length]


def diagnose_bus(devices: list[dict[str, str]]) -> str:
    """Why GPUs that are on the bus have no NVIDIA module, or why there are none."""
    drivers = {device["driver"] for device in devices}
    if not devices:
        return (
            "No NVIDIA GPU is on the PCI bus. Set llm_gpu_count to 0 for this host, or see that the card is seated "
            "(lspci -d 10de:) and, in a virtual machine, passed through."
        )
    if "nouveau" in drivers:
        return (
            "The nouveau driver holds the GPU. Install NVIDIA's driver, blacklist nouveau, rebuild the initramfs and "
            "reboot; the role nvidia_driver does that."
        )
    if "vfio-pci" in drivers:
        return (
            "The GPU is set aside for virtual machines (vfio-pci). Take it out of the host's vfio-pci.ids, rebuild the "
            "initramfs and reboot, or run vLLM in the machine that it is passed to."
        )
    return ""


def diagnose_smi(error: str) -> str:
    """What nvidia-smi's own message means."""
    if "couldn't find libnvidia-ml" in error or "NVML Shared Library Not Found" in error:
        return "nvidia-smi lacks its library libnvidia-ml.so. Install the driver's libraries of the same version."
    if "Insufficient Permissions" in error:
        return "nvidia-smi may not see the GPU: run as root (become: true), or mend the modes of /dev/nvidia*."
    if "No devices were found" in error:
        return (
            "The driver is loaded but drives no GPU. The kernel log says why (dmesg | grep -i nvrm): a card that the "
            "open or the proprietary kernel module does not support, too little room for its memory, or a fault."
        )
    return f"nvidia-smi fails: {error}. See the kernel log (dmesg | grep -i nvrm); a reboot often clears it."


def diagnose(found: dict[str, Any]) -> str:
    """What is wrong when GPUs can't be used, with what mends it; empty when they can."""
    module, library, error = found["kernel_module_version"], found["driver_version"], found["smi_error"]
    if found["driver_mismatch"]:
        return (
            f"The loaded kernel module is {module} and the driver's library {library}: an upgrade replaced the driver "
            "under the running one. Reboot the host, and hold the driver's packages."
        )
    if found["gpus"]:
        return ""
    bus = diagnose_bus(found["pci_devices"])
    if bus:
        return bus
    if module is None and found["nvidia_smi"] is None:
        return "A GPU is there, but no NVIDIA driver. Install it; the role nvidia_driver does that."
    if module is None:
        return (
            "The driver is installed, but its kernel module is not loaded. Try modprobe nvidia; when that fails, see "
            "dkms status, that the headers of the running kernel are installed, and Secure Boot (mokutil --sb-state)."
        )
    if found["nvidia_smi"] is None:
        return (
            f"The kernel module {module} is loaded, but nvidia-smi is missing. Install the driver's utilities {module}."
        )
    return diagnose_smi(error or "No devices were found")


def look(run_command: RunCommand, smi: str | None, root: str = "/") -> dict[str, Any]:
    """Everything that can be found of this host's GPUs."""
    answer: dict[str, Any] = ask_smi(run_command, smi) if smi else {}
    error = answer.get("error", "")
    module = kernel_module_version(root)
    library = answer.get("driver_version") or library_in_message(error) or library_version(root)
    found = {
        "gpus": answer.get("gpus", []),
        "driver_version": library,
        "kernel_module_version": module,
        "cuda_version": answer.get("cuda_version"),
        "driver_mismatch": "version mismatch" in error or versions_differ(module, library),
        **look_at_bus(root),
        "nvidia_smi": smi,
        "smi_error": error,
    }
    found["reason"] = diagnose(found)
    return found
