# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges what was found on a host against what is declared for it. Pure: no Ansible, no host."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import ModelInfoError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.lookup import from_catalogue

GIB = 1024**3
Facts = t.Mapping[str, t.Any]

#: What the roles are made for, by the words of /etc/os-release.
SYSTEMS: dict[str, tuple[str, ...]] = {
    "debian": ("12", "13"),
    "ubuntu": ("22.04", "24.04", "26.04"),
    "rhel": ("9", "10"),
    "rocky": ("9", "10"),
    "almalinux": ("9", "10"),
}
#: First release of vLLM whose image has this CUDA.
IMAGE_CUDA: tuple[tuple[tuple[int, ...], str], ...] = (
    ((0, 20), "13.0"),
    ((0, 11), "12.9"),
    ((0, 0), "12.8"),
)
#: CUDA to the driver branch that came with it, and the oldest branch that still runs its family.
#: https://docs.nvidia.com/deploy/cuda-compatibility/
CUDA_DRIVERS: dict[str, tuple[int, int]] = {
    "12.4": (550, 525),
    "12.6": (560, 525),
    "12.8": (570, 525),
    "12.9": (575, 525),
    "13.0": (580, 580),
    "13.1": (590, 580),
    "13.2": (595, 580),
}
#: Memory that a desktop or a monitor may hold without being in the way.
SMALL_PROCESS_MIB = 600
#: Names of this collection's Compose projects, which are those of their containers.
PROJECT = re.compile(r"llmfleet-(vllm-.+|litellm-\d+|postgres|redis)")


class Row(t.NamedTuple):
    """One line of the table."""

    host: str
    check: str
    found: str
    verdict: str
    remedy: str = ""


def judge(host: str, facts: Facts, declared: Facts) -> list[Row]:
    """All the rows of a host."""
    rows = [_system(facts, declared), *_disk(facts, declared), *_foreign(facts, declared), *_ports(facts, declared)]
    rows += _urls(facts, declared)
    rows += _unread(facts)
    if declared["gpu_count"] and not facts["gpu"]:
        rows.append(("GPUs", "could not be looked at", "error", "see that nvidia-smi -q -x ends on the host"))
    elif declared["gpu_count"]:
        rows += [_count(facts, declared), *_driver(facts, declared), *_boot(facts, declared)]
        rows += [*_memory(facts, declared), *_health(facts)]
    return [Row(host, *row) for row in rows]


Finding = tuple[str, str, str, str]


def _system(facts: Facts, declared: Facts) -> Finding:
    system = facts["system"]
    versions = SYSTEMS.get(system["id"], ())
    version = system["version"]
    found = system["name"] or "unknown"
    if version in versions or version.split(".")[0] in versions:
        return "operating system", found, "ok", ""
    if not declared["manages_packages"]:
        return "operating system", found, "warning", "not tested; it is used as it is, since no packages are managed"
    remedy = "use Debian 12 or 13, Ubuntu 22.04, 24.04 or 26.04, or RHEL, Rocky or Alma 9 or 10"
    return "operating system", found, "error", remedy


def _unread(facts: Facts) -> t.Iterator[Finding]:
    for part, reason in facts.get("faults", {}).items():
        yield "look", f"{part}: {reason}", "warning", "see what is wrong on the host"


def _count(facts: Facts, declared: Facts) -> Finding:
    gpu, wanted = facts["gpu"], declared["gpu_count"]
    names = sorted({str(card["name"]) for card in gpu["gpus"]})
    if len(gpu["gpus"]) >= wanted:
        return "GPUs", f"{len(gpu['gpus'])} ({', '.join(names)})", "ok", ""
    on_bus = len(gpu["pci_devices"])
    if not gpu["gpus"] and on_bus >= wanted and _installs(facts, declared):
        return "GPUs", f"{on_bus} on the PCI bus, no driver", "ok", "the driver will be installed"
    lost = gpu.get("lost_gpus") or []
    found = f"{len(gpu['gpus'])} of {wanted}" + (f", {len(lost)} lost" if lost else "")
    found += f", {on_bus} on the PCI bus" if on_bus else ""
    remedy = (
        gpu["reason"]
        or "; ".join(f"GPU {one['index']}: {one['reason']}" for one in lost)
        or f"set llm_gpu_count to {len(gpu['gpus'])}, or see why a card is missing (dmesg | grep -i nvrm)"
    )
    return "GPUs", found, "error", remedy


def _installs(facts: Facts, declared: Facts) -> bool:
    """Whether this run brings a driver to a host without one."""
    gpu = facts["gpu"]
    held = any(device["driver"] == "vfio-pci" for device in gpu["pci_devices"])
    bare = bool(gpu["pci_devices"]) and gpu["kernel_module_version"] is None
    return bool(declared["driver_managed"]) and bare and not held


def _driver(facts: Facts, declared: Facts) -> t.Iterator[Finding]:
    gpu = facts["gpu"]
    module, library = gpu["kernel_module_version"], gpu["driver_version"]
    if gpu["driver_mismatch"]:
        yield "driver and library", f"module {module}, library {library}", "error", gpu["reason"]
    version = module or library
    if version and gpu["gpus"]:
        yield _cuda(version, declared)


def image_cuda(image: str, version: str) -> str:
    """The CUDA of an image, by its tag or by the release of vLLM in it."""
    tag = re.search(r"cu(\d\d)(\d)\b", image)
    if tag:
        return f"{tag.group(1)}.{tag.group(2)}"
    release = tuple(int(part) for part in re.findall(r"\d+", version)[:2])
    return next(cuda for first, cuda in IMAGE_CUDA if release >= first)


def _cuda(driver: str, declared: Facts) -> Finding:
    cuda = declared.get("cuda") or image_cuda(declared["image"], declared["vllm_version"])
    wanted, oldest = CUDA_DRIVERS.get(cuda, (0, 0))
    branch = int(driver.split(".")[0])
    found = f"driver {driver}, image with CUDA {cuda}"
    if branch >= wanted:
        return "driver and CUDA", found, "ok", ""
    if branch >= oldest:
        return (
            "driver and CUDA",
            found,
            "warning",
            f"the image is made for driver {wanted}; kernels compiled at run time may fail",
        )
    older = " or take an image with a -cu129 tag (vllm_image)" if cuda.startswith("13") else ""
    return "driver and CUDA", found, "error", f"install driver {wanted} or newer{older}"


def _boot(facts: Facts, declared: Facts) -> t.Iterator[Finding]:
    kernel, installs = facts["kernel"], _installs(facts, declared)
    driven = bool(facts["gpu"]["gpus"])
    if kernel["nouveau"]:
        verdict = "warning" if declared["driver_managed"] else "error"
        remedy = (
            "it will be blacklisted, which needs a reboot"
            if declared["driver_managed"]
            else ("blacklist nouveau, rebuild the initramfs and reboot (role nvidia_driver)")
        )
        yield "nouveau", "loaded", verdict, remedy
    if kernel["secure_boot"]:
        remedy = (
            ""
            if driven
            else "take signed modules (Ubuntu's linux-modules-nvidia), or enrol a key with mokutil --import"
        )
        yield "Secure Boot", "on", "ok" if driven else "warning", remedy
    if not kernel["headers"] and not driven:
        remedy = (
            "they will be installed" if installs else "install the headers of this kernel, or DKMS builds no driver"
        )
        yield "kernel headers", f"none for {kernel['release']}", "ok" if installs else "warning", remedy


def disk_bytes(model: str) -> int | None:
    """What a model of the catalogue takes on the disk, with a tenth for tokenizer and other files; None if unknown."""
    try:
        size = from_catalogue(model)["weight_bytes"]
    except ModelInfoError:
        return None
    return int(size * 1.1) if size else None


def _needs(facts: Facts, declared: Facts) -> list[tuple[str, int, t.Mapping[str, t.Any]]]:
    """What this run will put where: (name, bytes, room)."""
    needs = []
    for image, gib in declared["images"].items():
        if image not in facts["images"] and facts["images_room"]:
            needs.append((image, int(gib * GIB), facts["images_room"]))
    for model in declared["models"]:
        missing = (disk_bytes(model) or 0) - facts["models"].get(model, 0)
        if missing > 0 and facts["models_room"]:
            needs.append((model, missing, facts["models_room"]))
    return needs


def _disk(facts: Facts, declared: Facts) -> t.Iterator[Finding]:
    rooms: dict[int, tuple[t.Mapping[str, t.Any], list[str], int]] = {}
    for name, size, place in _needs(facts, declared):
        first, names, total = rooms.get(place["device"], (place, list[str](), 0))
        rooms[place["device"]] = (first, [*names, f"{name} {size / GIB:.1f}"], total + size)
    for place, names, size in rooms.values():
        free = place["free_bytes"]
        found = f"{free / GIB:.1f} GiB free at {place['path']}, {size / GIB:.1f} needed"
        remedy = f"make room or move docker_data_root and vllm_models_dir ({', '.join(names)} GiB)"
        yield ("disk", found, "ok", "") if free >= size else ("disk", found, "error", remedy)
    unknown = [model for model in declared["models"] if disk_bytes(model) is None and not facts["models"].get(model)]
    if unknown:
        yield "disk", f"size of {', '.join(unknown)} is not known", "warning", "see that it fits into vllm_models_dir"


def _own(facts: Facts, declared: Facts) -> list[Facts]:
    """Containers of this collection: by our label, or by the folder of their project. A name says nothing."""
    root = f"{declared['root']}/"
    return [box for box in facts["containers"] if box["own"] or box["working_dir"].startswith(root)]


def _out_of_the_way(facts: Facts, declared: Facts) -> list[Facts]:
    """Ours, and those of a deployment that is stopped before ours start."""
    leaving = [box for box in facts["containers"] if declared["leaving"] and box["working_dir"] == declared["leaving"]]
    return _own(facts, declared) + leaving


def _foreign(facts: Facts, declared: Facts) -> t.Iterator[Finding]:
    """Containers that would be in the way of ours although they are none of them."""
    ours = {box["id"] for box in _own(facts, declared)}
    for box in facts["containers"]:
        if any(PROJECT.fullmatch(name) for name in (box["name"], box["project"])) and box["id"] not in ours:
            found = (
                f"of project {box['project'] or 'none'} in {box['working_dir'] or 'no folder'}, not this collection's"
            )
            yield (
                f"container {box['name']}",
                found,
                "error",
                "stop it or rename it: the fleet's own has this name",
            )


def _ports(facts: Facts, declared: Facts) -> t.Iterator[Finding]:
    own = _out_of_the_way(facts, declared)
    published, ids = {port for box in own for port in box["ports"]}, {box["id"] for box in own}
    for listener in facts["listeners"]:
        port = listener["port"]
        if port in published or listener["container"] in ids:
            continue
        others = [box["name"] for box in facts["containers"] if port in box["ports"]]
        owner = f"container {others[0]}" if others else f"{listener['process']} (pid {listener['pid']})"
        used_for = declared["ports"].get(str(port), "a service")
        yield f"port {port}", f"taken by {owner}", "error", f"stop it, or give {used_for} another port"


def _urls(facts: Facts, declared: Facts) -> t.Iterator[Finding]:
    # A host that serves already has what it needs: a hub that is down must not keep a key from being changed.
    serves = bool(_own(facts, declared)) and not _needs(facts, declared)
    for answer in facts["urls"]:
        if answer["error"]:
            remedy = "open the way or name a mirror or proxy; preflight_check_urls: false leaves this check out"
            yield "repository", f"{answer['url']}: {answer['error']}", "warning" if serves else "error", remedy


def _memory(facts: Facts, declared: Facts) -> t.Iterator[Finding]:
    ours = {box["id"] for box in _out_of_the_way(facts, declared)}
    for card in facts["gpu"]["gpus"]:
        others = [process for process in card["processes"] if process.get("container") not in ours]
        if others and card["memory_usable_mib"]:
            yield _others(card, others, declared["shares"].get(str(card["index"]), 0.0))


def _others(card: Facts, others: list[Facts], share: float) -> Finding:
    held = sum(process["used_mib"] or 0 for process in others)
    names = ", ".join(f"{process['name']} (pid {process['pid']})" for process in others)
    found = f"{names} {'holds' if len(others) == 1 else 'hold'} {held} MiB"
    left = card["memory_usable_mib"] - held
    check = f"memory of GPU {card['index']}"
    if left < share * card["memory_usable_mib"]:
        return (
            check,
            found,
            "error",
            f"vLLM needs {share:.0%} of the card: end the process or lower gpu_memory_utilization",
        )
    return (
        check,
        found,
        "ok" if held <= SMALL_PROCESS_MIB else "warning",
        "" if held <= SMALL_PROCESS_MIB else "is it meant?",
    )


def _health(facts: Facts) -> t.Iterator[Finding]:
    gpu = facts["gpu"]
    for lost in gpu.get("lost_gpus") or []:
        remedy = "no model is placed on it: see dmesg | grep -i -e nvrm -e xid, and power the host off and on"
        yield "lost GPU", f"GPU {lost['index']} is lost ({lost['reason']})", "warning", remedy
    for said in gpu.get("smi_warnings") or []:
        yield (
            "nvidia-smi",
            said,
            "warning",
            "the GPUs can be used; an infoROM that is corrupted is for the card's maker to mend",
        )
    for card in gpu["gpus"]:
        action = card.get("recovery_action")
        if action:
            remedy = (
                "end what runs on it, then nvidia-smi --gpu-reset, or reboot the host; replace a card that asks again"
            )
            yield "GPU recovery", f"GPU {card['index']}: the driver asks for {action}", "warning", remedy
        if card.get("unified"):
            found = f"GPU {card['index']} shares the host's memory"
            yield "GPU memory", found, "ok", ""
        ecc = card["ecc"]
        if ecc["remapped_rows_failure"] or ecc["volatile"]["uncorrected"]:
            found = f"GPU {card['index']}: {ecc['volatile']['uncorrected'] or 0} uncorrected errors"
            yield "ECC", found, "warning", "reset the card or reboot; replace it when errors return"
        if card["mig_mode"] == "Enabled":
            remedy = "vLLM is placed on whole GPUs: turn MIG off (nvidia-smi -mig 0)"
            yield "MIG", f"GPU {card['index']} is cut into instances", "warning", remedy


def lines(rows: list[Row]) -> list[str]:
    """The table as text."""
    head = Row("host", "check", "found", "verdict", "remedy")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(4)]
    return ["  ".join([*(row[i].ljust(widths[i]) for i in range(4)), row.remedy]).rstrip() for row in [head, *rows]]


def refusal(rows: list[Row]) -> str:
    """Every fault of every host with its remedy, one a line; empty when there is none."""
    wrong = [row for row in rows if row.verdict == "error"]
    return "\n".join(f"{row.host}: {row.check}: {row.found}. Remedy: {row.remedy}" for row in wrong)
