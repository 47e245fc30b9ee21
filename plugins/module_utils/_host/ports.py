# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens on which TCP port, and which addresses answer."""

from __future__ import annotations

import concurrent.futures
import glob
import http.client
import os
import re
import urllib.error
from typing import Any

from ansible.module_utils.urls import open_url

from .read import read_text

LISTEN = "0A"


def socket_inodes(root: str = "/") -> dict[str, int]:
    """TCP ports that something listens on, by the socket's inode."""
    found = {}
    for name in ("tcp", "tcp6"):
        for line in read_text(os.path.join(root, "proc/net", name)).splitlines()[1:]:
            fields = line.split()
            if len(fields) > 9 and fields[3] == LISTEN:
                found[fields[9]] = int(fields[1].rpartition(":")[2], 16)
    return found


def socket_owner(pid: str, inodes: set[str], root: str = "/") -> set[str]:
    """Those of the sockets that a process holds."""
    found = set()
    for link in glob.glob(os.path.join(root, "proc", pid, "fd/*")):
        try:
            match = re.match(r"socket:\[(\d+)\]", os.readlink(link))
        except OSError:
            continue
        if match and match.group(1) in inodes:
            found.add(match.group(1))
    return found


def listeners(ports: list[int], root: str = "/") -> list[dict[str, Any]]:
    """Which process listens on the ports of interest."""
    wanted = {inode: port for inode, port in socket_inodes(root).items() if port in ports}
    owners: dict[int, tuple[str, int | None]] = dict.fromkeys(wanted.values(), ("an unknown process", None))
    if wanted:
        for path in glob.glob(os.path.join(root, "proc/[0-9]*")):
            pid = os.path.basename(path)
            for inode in socket_owner(pid, set(wanted), root):
                owners[wanted[inode]] = (read_text(os.path.join(path, "comm")), int(pid))
    return [
        {"port": port, "process": name, "pid": pid, "container": container_of(pid, root) if pid else None}
        for port, (name, pid) in sorted(owners.items())
    ]


def container_of(pid: int, root: str = "/") -> str | None:
    """The container that a process runs in."""
    match = re.search(r"[0-9a-f]{64}", read_text(os.path.join(root, "proc", str(pid), "cgroup")))
    return match.group() if match else None


def reach(url: str, timeout: float) -> dict[str, Any]:
    """Whether a server answers at all; what it answers is for the package manager to judge."""
    try:
        with open_url(url, method="HEAD", timeout=timeout):
            return {"url": url, "error": ""}
    except urllib.error.HTTPError as exc:
        return {"url": url, "error": f"HTTP {exc.code}" if exc.code >= 500 else ""}
    except (OSError, ValueError, http.client.HTTPException) as exc:
        return {"url": url, "error": str(getattr(exc, "reason", "") or exc)}


def reach_all(urls: list[str], timeout: float) -> list[dict[str, Any]]:
    """All addresses at once, so that a host without a network costs one timeout."""
    if not urls:
        return []
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(urls)) as pool:
        return list(pool.map(lambda url: reach(url, timeout), urls))
