# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what nvidia-smi prints: its report (XML), compute capabilities (CSV), links. Pure; for gpus only."""

from __future__ import annotations

import re
from typing import Any
from xml.etree import ElementTree

# What stands where a value should be, when a GPU does not answer any more.
BROKEN = re.compile(
    r"GPU is lost|requires reset|Unknown Error|\bERR!|Unable to determine|fallen off the bus|Insufficient", re.I
)
UNTOLD = ("N/A", "[N/A]", "[Not Supported]", "Not Supported", "None", "Unknown")
IDENTITY = ("product_name", "uuid", "fb_memory_usage/total")
REPORT = re.compile(r"<nvidia_smi_log\b.*?</nvidia_smi_log\s*>", re.S)
ENTITY = re.compile(r"&(?!amp;|lt;|gt;|quot;|apos;|#\d+;|#x[0-9a-fA-F]+;)")


class GpuOutputError(Exception):
    """nvidia-smi answered, but not with what can be read."""


def text_of(node: ElementTree.Element, path: str) -> str | None:
    """The text below a node; None for what the card or the driver does not tell."""
    text = (node.findtext(path) or "").strip()
    if not text or text in UNTOLD or text.startswith("Requested functionality") or BROKEN.search(text):
        return None
    return text


def number_of(node: ElementTree.Element, path: str) -> int | None:
    """The leading whole number of a field such as "81559 MiB"."""
    match = re.match(r"\d{1,15}", text_of(node, path) or "")
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
    usable = None if not total else max(total - (reserved or 0), 0)
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


def is_unified(gpu: ElementTree.Element) -> bool:
    """Whether a GPU has no memory of its own (GB10, Thor, Orin): it says that a total does not apply to it."""
    said = (gpu.findtext("fb_memory_usage/total") or "").strip()
    return said in UNTOLD and text_of(gpu, "mig_mode/current_mig") != "Enabled"


def parse_gpu(index: int, gpu: ElementTree.Element) -> dict[str, Any]:
    """One GPU of nvidia-smi's report."""
    return {
        "index": index,
        "uuid": text_of(gpu, "uuid"),
        "name": text_of(gpu, "product_name"),
        "pci_bus_id": text_of(gpu, "pci/pci_bus_id") or gpu.get("id"),
        **parse_memory(gpu),
        "unified": is_unified(gpu),
        "compute_capability": None,
        "mig_mode": text_of(gpu, "mig_mode/current_mig"),
        "mig_devices": parse_mig(gpu),
        "persistence_mode": text_of(gpu, "persistence_mode"),
        "ecc": parse_ecc(gpu),
        "recovery_action": text_of(gpu, "gpu_recovery_action"),
        "processes": parse_processes(gpu),
        "nvlink": {"links": 0, "gb_per_s": 0.0},
        "fabric_state": text_of(gpu, "fabric/state"),
    }


def fault_of(gpu: ElementTree.Element) -> str:
    """Why an entry of the report is no GPU that can be used; empty when it is one."""
    for path in IDENTITY:
        said = (gpu.findtext(path) or "").strip()
        if BROKEN.search(said):
            return said
    if text_of(gpu, "uuid") is None or text_of(gpu, "product_name") is None:
        return "nvidia-smi tells neither name nor UUID"
    return "" if text_of(gpu, "fb_memory_usage/total") or is_unified(gpu) else "nvidia-smi does not tell its memory"


def cut_report(text: str) -> tuple[str, str]:
    """The report in nvidia-smi's output, and what else it printed: warnings stand before or after it."""
    match = REPORT.search(text)
    if match is None:
        raise GpuOutputError(explain(text))
    outside = re.sub(r"<[?!][^>]*>", "", text[: match.start()] + "\n" + text[match.end() :])
    return match.group(), outside.strip()


def explain(text: str) -> str:
    """Why there is no report, without what is left of one."""
    if "<nvidia_smi_log" in text:
        return "the report of nvidia-smi breaks off"
    return f"the report of nvidia-smi is not XML: {text.strip()[:200]}"


def parse_report(text: str) -> dict[str, Any]:
    """What "nvidia-smi -q -x" says: GPUs that can be used, those that are lost, and warnings around the report."""
    report, warnings = cut_report(text)
    try:
        root = ElementTree.fromstring(ENTITY.sub("&amp;", report))
    except (ElementTree.ParseError, ValueError) as exc:
        raise GpuOutputError(f"the report of nvidia-smi is not XML ({exc})") from exc
    found = list(enumerate(root.findall("gpu")))
    return {
        "driver_version": text_of(root, "driver_version"),
        "cuda_version": text_of(root, "cuda_version"),
        "gpus": [parse_gpu(index, gpu) for index, gpu in found if not fault_of(gpu)],
        "lost_gpus": [
            {"index": index, "pci_bus_id": gpu.get("id"), "reason": fault_of(gpu)}
            for index, gpu in found
            if fault_of(gpu)
        ],
        "warnings": [line.strip()[:300] for line in warnings.splitlines() if line.strip()][:20],
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
        head = re.match(r"GPU (\d{1,4}):", line)
        link = re.match(r"\s+Link \d+: (\d+(?:\.\d+)?) GB/s", line)
        if head:
            index = int(head.group(1))
            found[index] = {"links": 0, "gb_per_s": 0.0}
        elif link and index in found:
            found[index]["links"] += 1
            found[index]["gb_per_s"] = round(found[index]["gb_per_s"] + float(link.group(1)), 3)
    return found
