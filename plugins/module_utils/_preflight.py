# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is like before anything is changed: system, boot, disk, ports, containers, repositories."""

from __future__ import annotations

import concurrent.futures
import glob
import json
import os
import platform
import re
import socket
import ssl
import urllib.error
from typing import Any, Callable

from ansible.module_utils.urls import open_url
from ansible_collections.llmfleet.gateway.plugins.module_utils._gpu import read_text

RunCommand = Callable[..., "tuple[int, str, str]"]

# The last of this variable's five bytes; the first four are attributes.
SECURE_BOOT = "sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"
LISTEN = "0A"


def os_release(root: str = "/") -> dict[str, str]:
    """The operating system by its own words."""
    text = read_text(os.path.join(root, "etc/os-release"))
    values = dict(re.findall(r'^([A-Z_]+)="?([^"\n]*)', text, re.M))
    return {
        "id": values.get("ID", ""),
        "version": values.get("VERSION_ID", ""),
        "name": values.get("PRETTY_NAME", ""),
    }


def secure_boot(root: str = "/") -> bool:
    """Whether the firmware lets only signed kernel modules in."""
    try:
        with open(os.path.join(root, SECURE_BOOT), "rb") as handle:
            return handle.read()[-1:] == b"\x01"
    except OSError:
        return False


def kernel(root: str = "/") -> dict[str, Any]:
    """The running kernel, and what decides whether a driver can be built for it and loaded."""
    release = platform.release()
    return {
        "release": release,
        "headers": os.path.exists(os.path.join(root, "lib/modules", release, "build/Makefile")),
        "nouveau": os.path.isdir(os.path.join(root, "sys/module/nouveau")),
        "secure_boot": secure_boot(root),
    }


def room(path: str) -> dict[str, Any]:
    """Free room where a path is, or would be made."""
    place = os.path.realpath(path)
    while not os.path.exists(place):
        place = os.path.dirname(place)
    found = os.statvfs(place)
    return {"path": path, "device": os.stat(place).st_dev, "free_bytes": found.f_bavail * found.f_frsize}


def size_on_disk(path: str) -> int:
    """Bytes of the files in a folder; a link counts as nothing."""
    total = 0
    for folder, _names, files in os.walk(path):
        for name in files:
            total += os.lstat(os.path.join(folder, name)).st_size
    return total


def model_bytes(models_dir: str, model: str) -> int:
    """What is there already of a model's repository, in the layout of Hugging Face's cache."""
    return size_on_disk(os.path.join(models_dir, "hub", "models--" + model.replace("/", "--"), "blobs"))


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


def containers(run_command: RunCommand, docker: str | None) -> list[dict[str, Any]]:
    """Running containers with their Compose project and the ports that they publish."""
    if docker is None:
        return []
    form = (
        '{"id":"{{.ID}}","name":"{{.Names}}","ports":"{{.Ports}}","project":"{{.Label "com.docker.compose.project"}}"}'
    )
    rc, out, _err = run_command([docker, "ps", "--no-trunc", "--format", form])
    rows = [json.loads(line) for line in out.splitlines()] if rc == 0 else []
    for row in rows:
        row["ports"] = sorted({int(port) for port in re.findall(r":(\d+)->", row["ports"])})
    return rows


def images_present(run_command: RunCommand, docker: str | None, images: list[str]) -> list[str]:
    """Those of the images that need not be pulled."""
    if docker is None:
        return []
    return [image for image in images if run_command([docker, "image", "inspect", "--format", "ok", image])[0] == 0]


def data_root(run_command: RunCommand, docker: str | None) -> str:
    """Where the engine keeps images."""
    rc, out, _err = run_command([docker, "info", "--format", "{{.DockerRootDir}}"]) if docker else (1, "", "")
    return out.strip() if rc == 0 and out.startswith("/") else "/var/lib/docker"


def reach(url: str, timeout: float) -> dict[str, Any]:
    """Whether a server answers at all; what it answers is for the package manager to judge."""
    try:
        with open_url(url, method="HEAD", timeout=timeout):
            return {"url": url, "error": ""}
    except urllib.error.HTTPError as exc:
        return {"url": url, "error": f"HTTP {exc.code}" if exc.code >= 500 else ""}
    except (urllib.error.URLError, socket.timeout, ssl.SSLError, OSError, ValueError) as exc:
        return {"url": url, "error": str(getattr(exc, "reason", exc))}


def reach_all(urls: list[str], timeout: float) -> list[dict[str, Any]]:
    """All addresses at once, so that a host without a network costs one timeout."""
    if not urls:
        return []
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(urls)) as pool:
        return list(pool.map(lambda url: reach(url, timeout), urls))
