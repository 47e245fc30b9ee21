# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""NVIDIA GPUs of this host: asks nvidia-smi and the PCI bus, and says what is wrong."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from typing import Any

from .bus import kernel_module_version, library_version, look_at_bus
from .diagnose import diagnose, library_in_message, versions_differ
from .report import GpuOutputError, parse_compute_capabilities, parse_nvlink, parse_report
from .run import Done, Run

# Where drivers put nvidia-smi that are not on PATH: containers' and cloud images' mounts, WSL, the GPU operator.
SMI_DIRECTORIES = (
    "/usr/local/nvidia/bin",
    "/usr/bin",
    "/usr/lib/wsl/lib",
    "/usr/lib/nvidia/bin",
    "/opt/nvidia/bin",
    "/opt/bin",
    "/run/nvidia/driver/usr/bin",
    "/home/kubernetes/bin/nvidia/bin",
)
# Without persistence mode the driver initializes each GPU anew: seconds for each on a large server.
SMI_TIMEOUT = 120
HANDLE = "Unable to determine the device handle"


def find_smi() -> str | None:
    """Path of nvidia-smi."""
    return shutil.which("nvidia-smi") or shutil.which("nvidia-smi", path=os.pathsep.join(SMI_DIRECTORIES))


def smi_environment(smi: str) -> dict[str, str]:
    """Where a driver outside the system's folders has its libraries."""
    base = os.path.dirname(os.path.dirname(smi))
    folders = [os.path.join(base, name) for name in ("lib64", "lib")]
    known = [folder for folder in folders if base != "/usr" and os.path.isdir(folder)]
    return {"LC_ALL": "C", **({"LD_LIBRARY_PATH": ":".join(known)} if known else {})}


class Smi:
    """nvidia-smi of this host."""

    def __init__(self, run: Run, path: str) -> None:
        self.run, self.path = run, path
        self.environment = smi_environment(path)

    def ask(self, *arguments: str, timeout: float = SMI_TIMEOUT) -> Done:
        """One call."""
        return self.run([self.path, *arguments], timeout=timeout, environment=self.environment)

    def report(self, *arguments: str) -> dict[str, Any]:
        """The report, as far as there is one; a status other than 0 beside a whole one is a warning (14: infoROM)."""
        done = self.ask("-q", "-x", *arguments)
        try:
            found = parse_report(done.out)
        except GpuOutputError as exc:
            return {"error": failure(done, str(exc))}
        said = [line.strip()[:300] for line in done.err.splitlines() if line.strip()]
        found["warnings"] += said + ([f"nvidia-smi ended with {done.rc}"] if done.rc else [])
        return found


def failure(done: Done, why: str) -> str:
    """What nvidia-smi said instead of a report, without what is left of one."""
    if done.rc == 0 or re.search(r"</?\w+>", done.out):
        return why + (f" (nvidia-smi ended with {done.rc})" if done.rc else "")
    return f"{done.out}\n{done.err}".strip()[:2000] or f"nvidia-smi ended with {done.rc}"


def ask_each(smi: Smi, error: str, addresses: list[str]) -> dict[str, Any]:
    """Asks for the GPUs one by one, where a broken one keeps nvidia-smi from telling of the others."""
    gpus, lost, answers = [], [], []
    for index, address in enumerate(addresses):
        answer = smi.report("-i", address)
        if answer.get("gpus"):
            gpus.append({**answer["gpus"][0], "index": index})
            answers.append(answer)
        else:
            reason = next((card["reason"] for card in answer.get("lost_gpus", [])), answer.get("error") or error)
            lost.append({"index": index, "pci_bus_id": address, "reason": reason[:300]})
    if not gpus:
        return {"error": error}
    first = answers[0]
    return {**first, "gpus": gpus, "lost_gpus": lost, "warnings": [error[:300]]}


def ask_smi(run: Run, path: str, addresses: list[str] | None = None) -> dict[str, Any]:
    """What nvidia-smi says of its GPUs, or why it says nothing."""
    smi = Smi(run, path)
    report = smi.report()
    if HANDLE in report.get("error", "") and addresses:
        report = ask_each(smi, report["error"], addresses)
    gpus = report.get("gpus", [])
    if gpus:
        query = smi.ask("--query-gpu=pci.bus_id,compute_cap", "--format=csv,noheader")
        capabilities = parse_compute_capabilities(query.out)
        for gpu in gpus:
            gpu["compute_capability"] = capabilities.get(gpu["pci_bus_id"])
    if len(gpus) > 1:
        links = parse_nvlink(smi.ask("nvlink", "-s").out)
        for gpu in gpus:
            gpu["nvlink"] = links.get(gpu["index"], gpu["nvlink"])
    return report


def driven_addresses(devices: list[Mapping[str, str]]) -> list[str]:
    """Addresses of the GPUs that NVIDIA's driver holds, in nvidia-smi's order and words."""
    known = [device["address"] for device in devices if device["driver"] == "nvidia"]
    return ["0000" + address if re.match(r"[0-9a-f]{4}:", address) else address for address in known]


def look(run: Run, smi: str | None, root: str = "/") -> dict[str, Any]:
    """Everything that can be found of this host's GPUs."""
    bus = look_at_bus(root)
    answer: dict[str, Any] = ask_smi(run, smi, driven_addresses(bus["pci_devices"])) if smi else {}
    error = answer.get("error", "")
    module = kernel_module_version(root)
    told = answer.get("driver_version") or library_in_message(error)
    library = told or library_version(root)
    found = {
        "gpus": answer.get("gpus", []),
        "lost_gpus": answer.get("lost_gpus", []),
        "smi_warnings": answer.get("warnings", []),
        "driver_version": library,
        "library_version": told,
        "kernel_module_version": module,
        "cuda_version": answer.get("cuda_version"),
        "driver_mismatch": "version mismatch" in error or versions_differ(module, library),
        **bus,
        "nvidia_smi": smi,
        "smi_error": error,
    }
    found["reason"] = diagnose(found)
    return found
