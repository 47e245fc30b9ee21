# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that stand for GPU servers: systemd, sshd, an engine of their own."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import socket
import subprocess
import tarfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .machine import machine_apt_options, machine_ca_bundle, machine_mirrors, pem_certificates, sources_list
from .shell import (
    CACHE,
    NAMESPACE,
    BenchError,
    docker,
    docker_list,
    run,
    say,
    succeeds,
    wait_for,
)

LABEL = "llmfleet-bench.prefix"


@dataclass
class Bench:
    """What `up` wrote into DIR: the files and the names of what it made."""

    folder: Path
    prefix: str
    hosts: list[str]

    FILES = ("bench.json", "hosts.json", "id_ed25519", "id_ed25519.pub", "known_hosts", "ssh_config")

    @classmethod
    def load(cls, folder: Path) -> Bench:
        state = folder / "bench.json"
        if not state.exists():
            raise BenchError(f"{folder} holds no bench; make one with `up --dir {folder} …`.")
        saved = json.loads(state.read_text())
        return cls(folder, saved["prefix"], saved["hosts"])

    def save(self) -> None:
        write_if_new(self.folder / "bench.json", json.dumps({"prefix": self.prefix, "hosts": self.hosts}) + "\n")

    def container(self, host: str) -> str:
        if host not in self.hosts:
            raise BenchError(f"{self.folder} has no host {host!r}; it has: {', '.join(self.hosts)}.")
        return f"{self.prefix}-{host}"

    @property
    def key(self) -> Path:
        return self.folder / "id_ed25519"


def write_if_new(path: Path, text: str, mode: int = 0o644) -> None:
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    path.chmod(mode)


def state_of(container: str) -> tuple[str, str]:
    """State (running, exited, …) and image; both empty for a container that isn't there."""
    found = docker("ps", "-a", "--filter", f"name=^{container}$", "--format", "{{.State}} {{.Image}}").partition(" ")
    return found[0].strip(), found[2].strip()


# --privileged would ask for every capability there is, and a machine may lack one.
HOST_OPTIONS = (
    "--cgroupns=private", "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE",
    "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
)  # fmt: skip


def bring_up(bench: Bench, image: str) -> None:
    if (bench.folder / "bench.json").exists() and Bench.load(bench.folder).prefix != bench.prefix:
        raise BenchError(f"{bench.folder} belongs to another bench. Take that down first: down --dir {bench.folder}")
    bench.folder.mkdir(parents=True, exist_ok=True)
    bench.save()
    ensure_network(bench.prefix)
    ensure_key(bench)
    for host in bench.hosts:
        start_host(bench, host, image)
    for host in bench.hosts:
        container = bench.container(host)
        wait_for_systemd(container)
        install_files(bench, container)
    write_ssh_files(bench)


def ensure_network(prefix: str) -> None:
    if not succeeds("docker", "network", "inspect", prefix):
        docker("network", "create", "--label", f"{LABEL}={prefix}", prefix)


def ensure_key(bench: Bench) -> None:
    if bench.key.exists():
        return
    if not shutil.which("ssh-keygen"):
        raise BenchError("There is no ssh-keygen here. Install your system's OpenSSH client.")
    run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", bench.prefix, "-f", str(bench.key))


def start_host(bench: Bench, host: str, image: str) -> None:
    container = bench.container(host)
    state, made_from = state_of(container)
    if state and made_from != image:
        say(f"{host}: {container} was made from {made_from}; `down` and `up` would renew it")
    if state == "running":
        return
    if state:
        say(f"{host}: starting {container}")
        docker("start", container)
        return
    say(f"{host}: making {container} from {image}")
    label = f"{LABEL}={bench.prefix}"
    docker("volume", "create", "--label", label, f"{container}-docker")
    docker(
        "run", "-d", "--name", container, "--hostname", host, "--network", bench.prefix, "--label", label,
        *HOST_OPTIONS,
        # A reboot ends the container with a failure; that it starts again is what a machine does.
        "--restart", "on-failure", "--tmpfs", "/run", "--tmpfs", "/run/lock",
        "-v", f"{container}-docker:/var/lib/docker", image,
    )  # fmt: skip


def wait_for_systemd(container: str) -> None:
    def settled() -> bool:
        done = subprocess.run(
            ["docker", "exec", container, "systemctl", "is-system-running", "--wait"], capture_output=True, check=False
        )
        return done.stdout.strip() in (b"running", b"degraded")

    wait_for(f"systemd in {container}", settled, 120)
    failed = docker("exec", container, "systemctl", "list-units", "--failed", "--plain", "--no-legend").strip()
    if failed:
        raise BenchError(f"{container} has failed units (docker exec {container} journalctl -b):\n{failed}")


def install_files(bench: Bench, container: str) -> None:
    """Our key, and what lets the host's own apt and programs reach what this machine reaches."""
    script = ". /etc/os-release; echo $VERSION_CODENAME; cat /etc/llmfleet-bench 2>/dev/null; cat {}"
    shipped = docker("exec", container, "sh", "-c", script.format("/usr/share/ca-certificates/mozilla/*.crt"))
    distro, found = shipped.splitlines()[:2]
    files = machine_files(distro, set(pem_certificates(shipped)))
    files["root/.ssh/authorized_keys"] = bench.key.with_suffix(".pub").read_text()
    wanted = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    if found == wanted:
        return
    put_files(container, "/", {name: text.encode() for name, text in files.items()})
    docker("exec", container, "update-ca-certificates")
    put_files(container, "/", {"etc/llmfleet-bench": f"{wanted}\n".encode()})


def machine_files(distro: str, known: set[str]) -> dict[str, str]:
    files: dict[str, str] = {}
    mirrors = machine_mirrors()
    if mirrors:
        files["etc/apt/sources.list"] = sources_list(mirrors, distro)
    options = machine_apt_options()
    if options:
        files["etc/apt/apt.conf.d/90machine"] = options
    bundle = machine_ca_bundle()
    extra = [c for c in pem_certificates(bundle.read_text(errors="replace")) if c not in known] if bundle else []
    for certificate in extra:
        name = hashlib.sha256(certificate.encode()).hexdigest()[:12]
        files[f"usr/local/share/ca-certificates/machine-{name}.crt"] = certificate + "\n"
    return files


def put_files(container: str, folder: str, files: Mapping[str, bytes]) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode, entry.mtime = len(data), 0o644, int(time.time())
            tar.addfile(entry, io.BytesIO(data))
    docker("exec", "-i", container, "tar", "-C", folder, "--no-overwrite-dir", "-x", data=buffer.getvalue())


def write_ssh_files(bench: Bench) -> None:
    """What ansible and the tests read. The host keys come through the engine, so ssh can be strict."""
    hosts, keys, blocks = {}, [], []
    template = f'{{{{(index .NetworkSettings.Networks "{bench.prefix}").IPAddress}}}}'
    for host in bench.hosts:
        container = bench.container(host)
        address = docker("inspect", "--format", template, container).strip()
        wait_for(f"sshd of {host}", lambda address=address: ssh_answers(address), 60)  # type: ignore[misc]
        key = docker("exec", container, "cat", "/etc/ssh/ssh_host_ed25519_key.pub").split()
        hosts[host] = {"address": address, "container": container}
        keys.append(f"{host},{address} {key[0]} {key[1]}")
        blocks.append(
            f"Host {host}\n  HostName {address}\n  User root\n  IdentityFile {bench.key}\n  IdentitiesOnly yes\n"
            f"  UserKnownHostsFile {bench.folder / 'known_hosts'}\n  StrictHostKeyChecking yes\n"
        )
    write_if_new(bench.folder / "known_hosts", "\n".join(keys) + "\n")
    write_if_new(bench.folder / "ssh_config", "\n".join(blocks))
    write_if_new(bench.folder / "hosts.json", json.dumps(hosts, indent=2) + "\n")


def ssh_answers(address: str) -> bool:
    try:
        with socket.create_connection((address, 22), timeout=5) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def take_down(folder: Path) -> None:
    if not (folder / "bench.json").exists():
        say(f"{folder} holds no bench; nothing to take down")
        return
    bench = Bench.load(folder)
    mine = ("--filter", f"label={LABEL}={bench.prefix}")
    containers = docker_list("ps", "-aq", *mine)
    if containers:
        say(f"removing {len(containers)} hosts of {bench.prefix}")
        docker("rm", "-f", "-v", *containers)
    volumes = docker_list("volume", "ls", "-q", *mine)
    if volumes:
        docker("volume", "rm", *volumes)
    networks = docker_list("network", "ls", "-q", *mine)
    if networks:
        docker("network", "rm", *networks)
    for name in Bench.FILES:
        (folder / name).unlink(missing_ok=True)
    if not any(folder.iterdir()):
        folder.rmdir()


def clean() -> None:
    running = docker_list("ps", "-q", "--filter", f"label={LABEL}")
    if running:
        raise BenchError(f"{len(running)} hosts still run. Take each bench down first: down --dir DIR.")
    images = docker_list("images", "--filter", f"reference={NAMESPACE}/*", "--format", "{{.Repository}}:{{.Tag}}")
    if images:
        docker("rmi", *images)
    shutil.rmtree(CACHE, ignore_errors=True)
    say(f"removed {len(images)} images and {CACHE}")
