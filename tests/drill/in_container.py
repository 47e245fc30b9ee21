# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the processes of a container can reach, read and do. Runs on the host as root, but for the network and the files
in the container's own namespaces. `inside.py` sends it there, with its task on standard input.

The standard library of Python 3.9 only.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import subprocess
import sys
import typing as t
from concurrent.futures import ThreadPoolExecutor

#: Seconds that a connection may take, and connections at once.
PATIENCE, AT_ONCE = 3.0, 32
#: Of a container's own file system: the rest is the image, which has no secret (the search for secrets reads it).
PLACES = ("tmp", "run", "etc", "var/tmp", "dev/shm")
LARGEST = 1 << 24


def ports_of(listening: str) -> list[int]:
    """What `ss -Hltn` says, without what listens on the loopback address."""
    local = [line.split()[3].rpartition(":") for line in listening.splitlines() if len(line.split()) > 3]
    return sorted({int(port) for address, _colon, port in local if not address.startswith(("127.", "[::1]"))})


def targets_of(
    hosts: t.Mapping[str, t.Sequence[str]], ports: t.Mapping[str, t.Sequence[int]]
) -> dict[str, list[t.Any]]:
    """Every port of everyone at each of its addresses, by `NAME:PORT at ADDRESS`."""
    return {
        f"{name}:{port} at {address}": [address, port]
        for name, addresses in hosts.items()
        for address in addresses
        for port in ports[name]
    }


def reached(targets: t.Mapping[str, t.Sequence[t.Any]]) -> list[str]:
    """Names of those that take a connection from this process' network."""
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sorted(filter(None, pool.map(_taken, targets, targets.values())))


def _taken(name: str, target: t.Sequence[t.Any]) -> str:
    """The name, or nothing."""
    try:
        socket.create_connection((target[0], target[1]), PATIENCE).close()
    except OSError:
        return ""
    return name


def rights(pid: int, root: str = "/proc") -> dict[str, str]:
    """What the kernel says of the first process."""
    with open(f"{root}/{pid}/status", encoding="utf-8") as status:
        said = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
    return {
        "user": said["Uid"].split("\t", 1)[0],
        "capabilities": said["CapEff"].lstrip("0"),
        "new_privileges": "no" if said["NoNewPrivs"] == "1" else "yes",
        "seccomp": said["Seccomp"],
    }


def files_of(root: str, places: t.Iterable[str]) -> t.Iterator[str]:
    for place in places:
        start = os.path.join(root, place.lstrip("/"))
        if os.path.isfile(start):
            yield start
        for folder, _names, names in os.walk(start):
            yield from (os.path.join(folder, name) for name in names)


def secrets_in(paths: t.Iterable[str], forms: t.Mapping[str, t.Sequence[bytes]]) -> list[str]:
    """Names of the secrets that stand in one of these files."""
    found: set[str] = set()
    for path in paths:
        try:
            # A file of /proc has no size; a model is no place for a secret and takes long to read.
            if os.path.islink(path) or not os.path.isfile(path) or os.path.getsize(path) > LARGEST:
                continue
            with open(path, "rb") as source:
                content = source.read()
        except OSError:
            continue  # it has ended, or went
        found.update(name for name, all_forms in forms.items() if any(form in content for form in all_forms))
    return sorted(found)


def _said(*command: str, given: str = "") -> str:
    return subprocess.run(command, input=given, capture_output=True, text=True, check=True).stdout


def _containers() -> dict[str, dict[str, t.Any]]:
    found = json.loads(_said("docker", "inspect", "--type", "container", *_said("docker", "ps", "--quiet").split()))
    return {said["Name"].lstrip("/"): said for said in found}


def _targets(containers: t.Mapping[str, t.Mapping[str, t.Any]]) -> dict[str, list[t.Any]]:
    hosts = {"host": _said("hostname", "--all-ip-addresses").split()}
    ports = {"host": ports_of(_said("ss", "-Hltn"))}
    for name, said in containers.items():
        hosts[name] = [one["IPAddress"] for one in said["NetworkSettings"]["Networks"].values() if one["IPAddress"]]
        ports[name] = ports_of(_said("nsenter", "--net", "--target", str(said["State"]["Pid"]), "ss", "-Hltn"))
    return targets_of(hosts, ports)


def _network(pid: int, targets: t.Mapping[str, t.Any]) -> list[str]:
    """This program again, as nsenter starts it in the container's network."""
    command = ["nsenter", "--net", "--target", str(pid), sys.executable, "-c", os.environ["PROGRAM"], "reach"]
    found = json.loads(_said(*command, given=json.dumps(targets)))
    return sorted({name.partition(" at ")[0] for name in found})


def look(task: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    containers = _containers()
    targets = {**_targets(containers), **task["targets"]}
    forms = {name: [base64.b64decode(form) for form in found] for name, found in task["forms"].items()}
    return {name: _look(name, said, targets, forms) for name, said in containers.items()}


def _look(
    name: str, said: t.Mapping[str, t.Any], targets: t.Mapping[str, t.Any], forms: t.Mapping[str, t.Sequence[bytes]]
) -> dict[str, t.Any]:
    pid = said["State"]["Pid"]
    mounts = [mount["Destination"] for mount in said["Mounts"]]
    environments = [f"/proc/{one}/environ" for one in _processes(pid)]
    read = [*files_of(f"/proc/{pid}/root", [*PLACES, *mounts]), *environments]
    return {
        "rights": rights(pid),
        "reached": [one for one in _network(pid, targets) if not one.startswith(f"{name}:")],
        "read_only": said["HostConfig"]["ReadonlyRootfs"],
        "privileged": said["HostConfig"]["Privileged"],
        "writable": sorted(mount["Source"] for mount in said["Mounts"] if mount["RW"] and mount.get("Source")),
        "engine": [one for one in mounts if one.endswith("docker.sock")],
        "secrets": secrets_in(read, forms),
    }


def _processes(pid: int) -> list[str]:
    """Of the same container: those in its process namespace."""
    space = os.readlink(f"/proc/{pid}/ns/pid")
    found = []
    for one in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{one}/ns/pid") == space:
                found.append(one)
        except OSError:
            continue  # it has ended
    return found


if __name__ == "__main__":
    said = json.load(sys.stdin)
    print(json.dumps(reached(said) if sys.argv[1:] == ["reach"] else look(said)))
