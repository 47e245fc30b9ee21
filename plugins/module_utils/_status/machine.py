# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The machine itself: load, memory, disks, use of its GPUs, certificates that it shows, and what a backup left."""

from __future__ import annotations

import os
import re
import socket
import ssl
import time
import typing as t

from .._host.gpus import Smi, find_smi
from .._host.read import read_mapping, read_text
from .._host.run import Run
from .._host.system import memory_mb, os_release

GPU_FIELDS = (
    "index",
    "uuid",
    "name",
    "memory.total",
    "memory.used",
    "utilization.gpu",
    "temperature.gpu",
    "power.draw",
    "power.limit",
)
CERTIFICATE = re.compile(r"-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----")
TLS_SECONDS = 5.0


def machine(root: str = "/") -> dict[str, t.Any]:
    load = read_text(os.path.join(root, "proc/loadavg")).split()
    free = re.search(r"^MemAvailable:\s*(\d+) kB", read_text(os.path.join(root, "proc/meminfo")), re.MULTILINE)
    uptime = read_text(os.path.join(root, "proc/uptime")).split()
    return {
        "system": os_release(root)["name"],
        "kernel": read_text(os.path.join(root, "proc/sys/kernel/osrelease")),
        "time": time.time(),
        "uptime_seconds": int(float(uptime[0])) if uptime else None,
        "load": float(load[0]) if load else None,
        "cpus": os.cpu_count() or 1,
        "memory_mb": memory_mb(root),
        "memory_available_mb": int(free.group(1)) // 1024 if free else None,
    }


def disks(paths: t.Iterable[str]) -> list[dict[str, t.Any]]:
    """Room on the file systems of folders, each once; a folder that is not there yet is on that of the one above."""
    found: dict[int, dict[str, t.Any]] = {}
    for path in paths:
        place = os.path.realpath(path)
        while not os.path.exists(place):
            place = os.path.dirname(place)
        device, room = os.stat(place).st_dev, os.statvfs(place)
        if device in found:
            found[device]["paths"].append(path)
            continue
        # As df counts: what is kept for root is neither free nor used by anybody.
        free, used = room.f_bavail * room.f_frsize, (room.f_blocks - room.f_bfree) * room.f_frsize
        inodes = {"inodes_free": room.f_favail if room.f_files else None, "inodes": room.f_files or None}
        found[device] = {"paths": [path], "free_bytes": free, "used_bytes": used, **inodes}
    return list(found.values())


def gpus(run: Run) -> dict[str, t.Any]:
    """Memory and use of each GPU now, in one short question; host_info tells the rest."""
    path = find_smi()
    if path is None:
        return {"gpus": [], "error": "there is no nvidia-smi"}
    done = Smi(run, path).ask(f"--query-gpu={','.join(GPU_FIELDS)}", "--format=csv,noheader,nounits", timeout=60)
    rows = [[cell.strip() for cell in line.split(",")] for line in done.out.splitlines()]
    found = [_gpu(row) for row in rows if len(row) == len(GPU_FIELDS) and row[0].isdigit()]
    error = "" if found else f"{done.err}\n{done.out}".strip()[:300] or f"nvidia-smi ended with {done.rc}"
    return {"gpus": found, "error": error}


def _gpu(row: list[str]) -> dict[str, t.Any]:
    total, used, busy, heat, draw, limit = (_float(cell) for cell in row[3:])
    return {
        "index": int(row[0]),
        "uuid": row[1],
        "name": row[2],
        "memory_total_mib": total,
        "memory_used_mib": used,
        "busy_percent": busy,
        "celsius": heat,
        "watts": draw,
        "watts_limit": limit,
    }


def _float(cell: str) -> float | None:
    return float(cell) if re.fullmatch(r"\d+(?:\.\d+)?", cell) else None


def backup(folder: str) -> dict[str, t.Any] | None:
    """What the last backup wrote of itself; None where there never was one."""
    return read_mapping(os.path.join(folder, "last.json"))


# ---- certificates


def certificate(asked: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """One that a server shows, or the first in a file; never the key that stands in the same file."""
    try:
        text = shown(asked) if asked.get("port") else first_in(str(asked["path"]))
        return {"name": asked["name"], "pem": text, "error": ""}
    except (OSError, ValueError) as error:
        return {"name": asked["name"], "pem": "", "error": str(error)[:200] or type(error).__name__}


def first_in(path: str) -> str:
    with open(path, encoding="utf-8", errors="replace") as handle:
        match = CERTIFICATE.search(handle.read(1024 * 1024))
    if not match:
        raise ValueError(f"{path} holds no certificate")
    return match.group() + "\n"


def shown(asked: t.Mapping[str, t.Any]) -> str:
    """Whether it is trusted is not asked: how long it is valid is told in any case."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    name = str(asked.get("server_name") or "") or None
    plain = socket.create_connection((asked["address"], asked["port"]), TLS_SECONDS)
    with plain, context.wrap_socket(plain, server_hostname=name) as connection:
        raw = connection.getpeercert(binary_form=True)
    if not raw:
        raise ValueError("the server shows no certificate")
    return ssl.DER_cert_to_PEM_cert(raw)
