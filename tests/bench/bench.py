# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts and images for the demo and the tests, from nothing but a Debian mirror and package registries.

Standard library only, Python 3.9 or newer: it runs before any environment exists. See README.md beside it.
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import io
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

BENCH = Path(__file__).resolve().parent
REPO = BENCH.parent.parent
CACHE = Path(os.environ.get("LLMFLEET_BENCH_CACHE") or REPO / ".cache" / "bench").absolute()
RECIPES = BENCH / "images"
NAMESPACE = "llmfleet-bench"
LABEL = "llmfleet-bench.prefix"
LABEL_DISTRO = "llmfleet-bench.distro"
# Raised when bench.py itself builds differently from the same recipe.
BUILD_FORMAT = "1"
REGISTRIES = ("https://registry-1.docker.io/v2/", "https://ghcr.io/v2/")
STARTED = time.monotonic()


class BenchError(Exception):
    """Something the user has to mend; the text says how."""


# ---- output


class Progress:
    """Progress lines with the seconds since the start; on stderr when stdout carries JSON."""

    stream = sys.stdout
    lock = threading.Lock()

    def __call__(self, text: str) -> None:
        with self.lock:
            print(f"[{time.monotonic() - STARTED:4.0f}s] {text}", file=self.stream, flush=True)


say = Progress()


# ---- processes


def run(*command: str, data: bytes | None = None, timeout: float | None = None) -> str:
    """Standard output of a command; its standard error in the exception when it fails."""
    done = subprocess.run(command, input=data, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        error = done.stderr.decode(errors="replace")
        raise BenchError(f"{shlex.join(command[:4])} … failed ({done.returncode}): {error}")
    return done.stdout.decode(errors="replace")


def succeeds(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def run_logged(what: str, log: Path, *command: str, every: float = 15) -> None:
    """Run something long: its output goes to a log, whose last line shows now and then that it lives."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT)
        while True:
            try:
                code = process.wait(timeout=every)
                break
            except subprocess.TimeoutExpired:
                say(f"{what}: {last_lines(log, 1)[:100]}")
    if code:
        raise BenchError(f"{what} failed ({code}). The end of {log}:\n{last_lines(log, 30)}")


def last_lines(log: Path, count: int) -> str:
    lines = log.read_text(errors="replace").splitlines()
    return "\n".join(lines[-count:])


def docker(*args: str, data: bytes | None = None, timeout: float | None = None) -> str:
    return run("docker", *args, data=data, timeout=timeout)


def docker_list(*args: str) -> list[str]:
    return docker(*args).split()


def image_id(reference: str, *within: str) -> str | None:
    """The image's id, here or (within = ("exec", CONTAINER, "docker")) in a host's own engine."""
    command = ["docker", *within, "image", "inspect", "--format", "{{.Id}}", reference]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else None


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time makes NAME; the next finds it made. Checkouts share an engine, so they share locks."""
    folder = Path.home() / ".cache" / NAMESPACE
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / re.sub(r"[^\w.-]", "_", name)).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


# ---- what the machine says about its mirrors and certificates


@dataclass
class AptEntry:
    uris: list[str]
    suites: list[str]


def parse_deb822(text: str) -> list[AptEntry]:
    entries = []
    for stanza in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n?", "", text)):
        fields: dict[str, str] = {}
        key = ""
        for line in stanza.splitlines():
            if line[:1].isspace():
                fields[key] = fields.get(key, "") + " " + line.strip()
            elif ":" in line:
                key, value = line.split(":", 1)
                key = key.strip().lower()
                fields[key] = value.strip()
        if "deb" in fields.get("types", "").split() and fields.get("enabled", "yes").lower() != "no":
            entries.append(AptEntry(fields.get("uris", "").split(), fields.get("suites", "").split()))
    return entries


def parse_one_line(text: str) -> list[AptEntry]:
    pattern = re.compile(r"^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)\s+(\S+)", re.MULTILINE)
    return [AptEntry([uri], [suite]) for uri, suite in pattern.findall(text)]


def machine_apt_entries(etc: Path = Path("/etc/apt")) -> list[AptEntry]:
    entries: list[AptEntry] = []
    for path in [etc / "sources.list", *sorted((etc / "sources.list.d").glob("*"))]:
        if path.suffix == ".sources":
            entries += parse_deb822(path.read_text())
        elif path.suffix == ".list" and path.is_file():
            entries += parse_one_line(path.read_text())
    return entries


def find_mirrors(entries: Iterable[AptEntry], codename: str) -> tuple[str, str | None] | None:
    """The machine's Debian mirror and security mirror: the ones that serve its own release."""
    found: dict[str, str] = {}
    for entry in entries:
        for suite in entry.suites:
            if entry.uris:
                found.setdefault(suite.rstrip("/"), entry.uris[0].rstrip("/"))
    if codename not in found:
        return None
    return found[codename], found.get(f"{codename}-security")


def os_release(path: Path = Path("/etc/os-release")) -> dict[str, str]:
    if not path.exists():
        return {}
    pairs = (line.split("=", 1) for line in path.read_text().splitlines() if "=" in line)
    return {key: value.strip("\"'") for key, value in pairs}


def machine_mirrors() -> tuple[str, str | None] | None:
    release = os_release()
    if release.get("ID") != "debian":
        return None
    return find_mirrors(machine_apt_entries(), release.get("VERSION_CODENAME", ""))


def sources_list(mirrors: tuple[str, str | None], distro: str) -> str:
    main, security = mirrors
    lines = [f"deb {main} {distro} main", f"deb {main} {distro}-updates main"]
    if security:
        lines.append(f"deb {security} {distro}-security main")
    return "\n".join(lines) + "\n"


def machine_apt_options() -> str:
    """The machine's own apt settings that decide whether its mirror can be used at all."""
    if not shutil.which("apt-config"):
        return ""
    wanted = re.compile(r"^Acquire::(?:https?::Proxy|Check-Valid-Until|Check-Date)\b.*;$", re.MULTILINE)
    return "".join(f"{line}\n" for line in wanted.findall(run("apt-config", "dump")))


def machine_ca_bundle(env: Mapping[str, str] = os.environ) -> Path | None:
    names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE")
    candidates = [env[name] for name in names if env.get(name)]
    candidates += [ssl.get_default_verify_paths().cafile or "", "/etc/ssl/certs/ca-certificates.crt"]
    return next((Path(c) for c in candidates if c and Path(c).is_file()), None)


def pem_certificates(text: str) -> list[str]:
    return re.findall(r"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", text, re.DOTALL)


def parse_pip_config(text: str) -> dict[str, str]:
    """`pip config list` as one mapping; a variable of the environment beats a file, as for pip."""
    order = {"global": 0, "user": 1, "site": 2, ":env:": 3}
    rows = []
    for line in text.splitlines():
        match = re.match(r"^(:env:|\w+)\.([\w.-]+)='(.*)'$", line)
        if match:
            rows.append((order.get(match[1], 2), match[2], match[3].replace("\\n", " ")))
    return {key: value.strip() for _, key, value in sorted(rows, key=lambda row: row[0])}


def machine_pip_config() -> dict[str, str]:
    done = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, check=False)
    if done.returncode:
        done = subprocess.run(["pip3", "config", "list"], capture_output=True, check=False)
    return parse_pip_config(done.stdout.decode())


@dataclass
class PipAccess:
    """How a build reaches the machine's package sources: variables for pip and uv, folders to mount."""

    env: dict[str, str] = field(default_factory=dict)
    mounts: dict[str, str] = field(default_factory=dict)


def pip_access(config: Mapping[str, str], inside: str = "/run/bench/machine") -> PipAccess:
    access = PipAccess()

    def relocate(location: str) -> str:
        path = location[len("file://") :] if location.startswith("file://") else location
        if not path.startswith("/"):
            return location
        # A local index links to files beside it, so its parent comes along.
        folder = str(Path(path).parent) if location.startswith("file://") else path
        access.mounts[folder] = inside + folder
        return location.replace(path, inside + path)

    def moved(key: str) -> list[str]:
        return [relocate(location) for location in config.get(key, "").split()]

    for key, pip_name, uv_name, separator in (
        ("index-url", "PIP_INDEX_URL", "UV_DEFAULT_INDEX", " "),
        ("extra-index-url", "PIP_EXTRA_INDEX_URL", "UV_INDEX", " "),
        ("find-links", "PIP_FIND_LINKS", "UV_FIND_LINKS", ","),
    ):
        locations = moved(key)
        if locations:
            access.env[pip_name] = " ".join(locations)
            access.env[uv_name] = separator.join(locations)
    if config.get("trusted-host"):
        access.env["PIP_TRUSTED_HOST"] = config["trusted-host"]
        access.env["UV_INSECURE_HOST"] = config["trusted-host"]
    if config.get("proxy"):
        access.env["PIP_PROXY"] = config["proxy"]
    return access


def npm_registry() -> str | None:
    if not shutil.which("npm"):
        return None
    return run("npm", "config", "get", "registry").strip()


# ---- engine


def engine_answers() -> bool:
    return shutil.which("docker") is not None and succeeds("docker", "info")


def engine_state() -> Path:
    return Path("/var/lib/llmfleet-bench") if os.geteuid() == 0 else CACHE


def start_time(pid: int) -> str | None:
    """A process's start time, which tells it from a later one of the same number."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[19]
    except OSError:
        return None


def ensure_engine() -> None:
    if engine_answers():
        return
    if os.geteuid() != 0:
        raise BenchError(
            "No Docker engine answers. Start it (sudo systemctl start docker), let yourself use it "
            "(sudo usermod -aG docker $USER, then log in again), or run this command as root."
        )
    if not shutil.which("dockerd"):
        install_engine()
    if Path("/run/systemd/system").is_dir():
        run("systemctl", "start", "docker")
    else:
        start_engine()
    wait_for("the Docker engine", engine_answers, 60, engine_state() / "dockerd.log")


def install_engine() -> None:
    if not shutil.which("apt-get"):
        raise BenchError("No Docker engine is installed. Install Docker 20.10 or newer by your system's means.")
    say("installing docker.io")
    install_packages("docker.io")


def install_packages(*packages: str) -> None:
    log = CACHE / "logs" / "apt.log"
    os.environ["DEBIAN_FRONTEND"] = "noninteractive"
    run_logged("apt-get update", log, "apt-get", "update")
    install = ("apt-get", "install", "-y", "--no-install-recommends", *packages)
    run_logged(f"installing {' '.join(packages)}", log, *install)


def start_engine() -> None:
    state = engine_state()
    state.mkdir(parents=True, exist_ok=True)
    say(f"starting dockerd (log: {state / 'dockerd.log'})")
    with (state / "dockerd.log").open("ab") as log:
        process = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, close_fds=True
        )
    (state / "dockerd.json").write_text(json.dumps({"pid": process.pid, "started": start_time(process.pid)}))


def stop_engine() -> None:
    record = engine_state() / "dockerd.json"
    if not record.exists():
        say("no engine was started from here; nothing to stop")
        return
    saved = json.loads(record.read_text())
    if start_time(saved["pid"]) == saved["started"]:
        os.kill(saved["pid"], 15)
        wait_for("dockerd's end", lambda: start_time(saved["pid"]) != saved["started"], 30)
        say("engine stopped")
    record.unlink()


def wait_for(what: str, ready: Callable[[], bool], seconds: float, log: Path | None = None) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        if time.monotonic() > deadline:
            tail = f" The end of {log}:\n{last_lines(log, 20)}" if log and log.exists() else ""
            raise BenchError(f"waited {seconds:.0f} s for {what}.{tail}")
        time.sleep(0.3)


# ---- where images come from


def reachable(url: str, opener: Callable[..., object] = urllib.request.urlopen) -> bool:
    try:
        opener(url, timeout=5)
    except urllib.error.HTTPError as e:
        return e.code == 401
    except (OSError, ValueError):
        return False
    return True


def image_source(env: Mapping[str, str] = os.environ, probe: Callable[[str], bool] = reachable) -> str:
    wanted = env.get("LLMFLEET_IMAGES") or "auto"
    if wanted not in ("official", "built", "auto"):
        raise BenchError(f"LLMFLEET_IMAGES is {wanted!r}; it can be official, built or auto.")
    if wanted != "auto":
        return wanted
    return "official" if all(probe(url) for url in REGISTRIES) else "built"


# ---- images


@dataclass(frozen=True)
class Recipe:
    """A folder of images/: recipe.json, install.sh and what that needs."""

    name: str
    distro: str
    flavour: str = ""

    @property
    def folder(self) -> Path:
        return RECIPES / self.name

    @property
    def settings(self) -> dict[str, object]:
        settings: dict[str, object] = json.loads((self.folder / "recipe.json").read_text())
        return settings

    @property
    def tag(self) -> str:
        return f"{NAMESPACE}/{self.name}:{content_hash(self.folder, BUILD_FORMAT, self.distro, self.flavour)}"


def content_hash(folder: Path, *extra: str) -> str:
    digest = hashlib.sha256(json.dumps(extra).encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(json.dumps([str(path.relative_to(folder)), path.stat().st_size]).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def image_names() -> list[str]:
    return sorted(path.parent.name for path in RECIPES.glob("*/recipe.json"))


def recipe(name: str, distro: str | None = None, bare: bool = False) -> Recipe:
    if name not in image_names():
        raise BenchError(f"There is no recipe for {name!r}; there are: {', '.join(image_names())}.")
    default = json.loads((RECIPES / name / "recipe.json").read_text())["distro"]
    if name != "host":
        return Recipe(name, default)
    return Recipe(name, distro or default, "bare" if bare else "docker")


def ensure_image(wanted: Recipe) -> str:
    if image_id(wanted.tag):
        return wanted.tag
    with locked(wanted.tag):
        if not image_id(wanted.tag):
            base = ensure_base(wanted.distro)
            began = time.monotonic()
            build(wanted, base)
            say(f"{wanted.name}: built {wanted.tag} in {time.monotonic() - began:.0f} s")
    return wanted.tag


def ensure_images(wanted: Sequence[Recipe], jobs: int = 1) -> dict[str, str]:
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        return dict(zip([r.name for r in wanted], pool.map(ensure_image, wanted)))


def ensure_base(distro: str) -> str:
    tag = f"{NAMESPACE}/base-{distro}:{BUILD_FORMAT}"
    with locked(tag):
        if image_id(tag):
            return tag
        if image_source() == "official":
            say(f"base-{distro}: pulling Debian's image")
            docker("pull", f"debian:{distro}-slim")
            docker("tag", f"debian:{distro}-slim", tag)
        else:
            debootstrap(distro, tag)
    return tag


def debootstrap(distro: str, tag: str) -> None:
    if os.geteuid() != 0:
        raise BenchError("Building base images needs debootstrap as root: run this command as root.")
    if not shutil.which("debootstrap"):
        install_packages("debootstrap", "debian-archive-keyring")
    archives = CACHE / "debootstrap" / distro
    archives.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="base-", dir=CACHE) as scratch:
        root = Path(scratch) / "root"
        command = ["debootstrap", "--variant=minbase", f"--cache-dir={archives}", distro, str(root)]
        mirrors = machine_mirrors()
        if mirrors:
            # The script of sid serves every newer release that an older debootstrap doesn't know by name.
            command += [mirrors[0], "/usr/share/debootstrap/scripts/sid"]
        say(f"base-{distro}: debootstrap")
        run_logged(f"base-{distro}", CACHE / "logs" / f"base-{distro}.log", *command)
        if mirrors:
            (root / "etc/apt/sources.list").write_text("")
        for bulky in ("var/lib/apt/lists", "var/cache/apt", "usr/share/doc", "usr/share/man", "usr/share/locale"):
            shutil.rmtree(root / bulky, ignore_errors=True)
            (root / bulky).mkdir(parents=True)
        tar = subprocess.Popen(["tar", "-C", str(root), "--exclude=./dev/*", "-c", "."], stdout=subprocess.PIPE)
        subprocess.run(["docker", "import", "-", tag], stdin=tar.stdout, stdout=subprocess.DEVNULL, check=True)
        if tar.wait():
            raise BenchError(f"base-{distro}: tar failed; is the disk full?")


BUILD_SCRIPT = """\
set -eu
. /run/bench/build/env
mkdir -p /run/lock /run/bench/cache/lists /run/bench/cache/archives/partial
printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d
chmod 755 /usr/sbin/policy-rc.d
status=0
(apt-get update -q && sh "$RECIPE/install.sh") || status=$?
rm -rf /usr/sbin/policy-rc.d /tmp/* /var/tmp/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log \\
  /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old /root/.cache /root/.npm
chown -R "$BENCH_OWNER" /run/bench/cache /run/bench/build
exit $status
"""


def build_env(wanted: Recipe, access: PipAccess, ca_bundle: Path | None) -> str:
    """The build's variables, in a file: what `docker run -e` sets would stay in the image."""
    proxies = ("http_proxy", "https_proxy", "no_proxy")
    env = {name: os.environ[name] for p in proxies for name in (p, p.upper()) if name in os.environ}
    env.update(access.env)
    env.update(
        DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8", RECIPE="/run/bench/recipe",
        CHANGES="/run/bench/build/changes", APT_CONFIG="/run/bench/build/apt.conf",
        DISTRO=wanted.distro, FLAVOUR=wanted.flavour,
        UV_CACHE_DIR="/run/bench/cache/uv", UV_LINK_MODE="copy", UV_INDEX_STRATEGY="unsafe-best-match",
        PIP_CACHE_DIR="/run/bench/cache/pip", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore",
        npm_config_cache="/run/bench/cache/npm", BENCH_OWNER=f"{os.getuid()}:{os.getgid()}",
    )  # fmt: skip
    registry = npm_registry()
    if registry:
        env["npm_config_registry"] = registry
    if ca_bundle:
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        env.update(dict.fromkeys(names, "/run/bench/ca.crt"))
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in env.items())


def apt_conf(own_sources: bool) -> str:
    conf = (
        'APT::Install-Recommends "false";\nAPT::Sandbox::User "root";\nAPT::Keep-Downloaded-Packages "true";\n'
        'Acquire::Languages "none";\nAcquire::https::CAInfo "/run/bench/ca.crt";\nDpkg::Use-Pty "0";\n'
        'APT::AutoRemove::SuggestsImportant "false";\n'
        'DPkg::Options {"--force-unsafe-io"; "--path-exclude=/usr/share/doc/*"; "--path-exclude=/usr/share/man/*";};\n'
        'Dir::State::lists "/run/bench/cache/lists";\nDir::Cache::archives "/run/bench/cache/archives";\n'
    )
    if own_sources:
        conf += 'Dir::Etc::sourcelist "/run/bench/build/sources.list";\nDir::Etc::sourceparts "-";\n'
    return conf + machine_apt_options()


def write_build_files(folder: Path, wanted: Recipe, access: PipAccess, ca_bundle: Path | None) -> None:
    mirrors = machine_mirrors()
    (folder / "env").write_text(build_env(wanted, access, ca_bundle))
    (folder / "apt.conf").write_text(apt_conf(own_sources=bool(mirrors)))
    (folder / "build.sh").write_text(BUILD_SCRIPT)
    (folder / "changes").write_text("")
    if mirrors:
        (folder / "sources.list").write_text(sources_list(mirrors, wanted.distro))


def build(wanted: Recipe, base: str) -> None:
    """Run install.sh in a container of the base and commit it.

    Not a Dockerfile: the machine's certificates, indexes and caches are mounted while it runs, under a tmpfs, so
    that nothing of them is in the image, with any builder.
    """
    ca_bundle, access = machine_ca_bundle(), pip_access(machine_pip_config())
    cache = CACHE / "build" / f"{wanted.name}-{wanted.distro}{wanted.flavour and '-' + wanted.flavour}"
    cache.mkdir(parents=True, exist_ok=True)
    name = f"{NAMESPACE}-build-{wanted.name}-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="build-", dir=CACHE) as scratch:
        write_build_files(Path(scratch), wanted, access, ca_bundle)
        mounts = {str(wanted.folder): "/run/bench/recipe:ro", str(cache): "/run/bench/cache"}
        mounts[scratch] = "/run/bench/build"
        mounts.update({folder: f"{inside}:ro" for folder, inside in access.mounts.items() if Path(folder).is_dir()})
        if ca_bundle:
            mounts[str(ca_bundle.resolve())] = "/run/bench/ca.crt:ro"
        options = [part for source, target in mounts.items() for part in ("-v", f"{source}:{target}")]
        stop = wanted.settings.get("stop_signal")
        options += ["--stop-signal", str(stop)] if stop else []
        say(f"{wanted.name}: building from {base}")
        try:
            run_logged(
                wanted.name, CACHE / "logs" / f"{wanted.name}.log",
                "docker", "run", "--name", name, "--tmpfs", "/run:exec,mode=755", *options,
                "--entrypoint", "/bin/sh", base, "/run/bench/build/build.sh",
            )  # fmt: skip
            commit(name, wanted, (Path(scratch) / "changes").read_text().splitlines())
        finally:
            succeeds("docker", "rm", "-f", name)


def commit(container: str, wanted: Recipe, more: Iterable[str]) -> None:
    changes = wanted.settings.get("changes")
    instructions = [*(changes if isinstance(changes, list) else []), *more]
    # What the build's container ran must not stay as the image's own start.
    if not any(i.startswith("ENTRYPOINT") for i in instructions):
        instructions.insert(0, "ENTRYPOINT []")
    options = [part for instruction in instructions for part in ("--change", instruction)]
    docker("commit", *options, container, wanted.tag)


# ---- hosts


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


def state_of(container: str) -> str:
    """running, exited, …, or nothing for a container that isn't there."""
    return docker("ps", "-a", "--filter", f"name=^{container}$", "--format", "{{.State}}").strip()


# --privileged would ask for every capability there is, and a machine may lack one.
HOST_OPTIONS = (
    "--cgroupns=private", "--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE",
    "--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined",
)  # fmt: skip


def bring_up(bench: Bench, image: str, distro: str) -> None:
    bench.folder.mkdir(parents=True, exist_ok=True)
    bench.save()
    ensure_network(bench.prefix)
    ensure_key(bench)
    for host in bench.hosts:
        start_host(bench, host, image, distro)
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


def start_host(bench: Bench, host: str, image: str, distro: str) -> None:
    container = bench.container(host)
    state = state_of(container)
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
        "--label", f"{LABEL_DISTRO}={distro}", *HOST_OPTIONS,
        "--tmpfs", "/run", "--tmpfs", "/run/lock", "-v", f"{container}-docker:/var/lib/docker", image,
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


# ---- images in hosts


def load_images(bench: Bench, hosts: Iterable[str], tags: Sequence[str]) -> None:
    for host in hosts:
        container = bench.container(host)
        if not succeeds("docker", "exec", container, "sh", "-c", "command -v dockerd"):
            raise BenchError(
                f"{host} has no Docker yet, so it can take no images. Install it there (role docker), then run "
                f"`load --dir {bench.folder} --hosts {host} --images …`."
            )
        docker("exec", container, "systemctl", "start", "docker")
        missing = missing_images(container, tags)
        if missing:
            began = time.monotonic()
            say(f"{host}: loading {', '.join(missing)}")
            if len(missing) < len(tags) or not seed_from_store(container, tags):
                copy_images(container, missing)
            say(f"{host}: loaded in {time.monotonic() - began:.0f} s")


def missing_images(container: str, tags: Iterable[str]) -> list[str]:
    return [tag for tag in tags if image_id(tag) != image_id(tag, "exec", container, "docker")]


def copy_images(container: str, tags: Sequence[str]) -> None:
    save = subprocess.Popen(["docker", "save", *tags], stdout=subprocess.PIPE)
    load = subprocess.run(
        ["docker", "exec", "-i", container, "docker", "load", "-q"], stdin=save.stdout, capture_output=True, check=False
    )
    if save.wait() or load.returncode:
        raise BenchError(f"loading {', '.join(tags)} into {container} failed: {load.stderr.decode()}")


# Saving and loading the vLLM image takes a minute and more each time. So an engine loads every image once, into a
# volume of its own; a host gets that engine's layers as hard links, in seconds. That is safe since an engine
# only ever reads a finished layer: what a container writes goes to a layer of its own. All else is copied.
SEED_SCRIPT = """\
set -eu
cd "/volumes/$1/_data"
into="/volumes/$2/_data"
rm -rf "$into/image" "$into/overlay2"
cp -a image "$into/image"
mkdir -m 710 "$into/overlay2"
cp -a overlay2/l "$into/overlay2/l"
for layer in overlay2/*/diff; do
  layer=${layer%/diff}
  mkdir -m 710 "$into/$layer"
  find "$layer" -mindepth 1 -maxdepth 1 ! -name diff -exec cp -a -t "$into/$layer" {} +
  cp -al "$layer/diff" "$into/$layer/diff"
done
"""


def seed_from_store(container: str, tags: Sequence[str]) -> bool:
    """Give an engine that has nothing yet the layers of the store; False when it can't be done that way."""
    inside = ("exec", container, "docker")
    layout = docker(*inside, "info", "--format", "{{.Driver}} {{.DockerRootDir}}").split()
    in_use = docker_list(*inside, "ps", "-aq") or docker_list(*inside, "images", "-aq")
    if layout != ["overlay2", "/var/lib/docker"] or in_use:
        return False
    label = f'{{{{index .Config.Labels "{LABEL_DISTRO}"}}}}'
    image = ensure_image(recipe("host", docker("inspect", "--format", label, container).strip()))
    store = f"{NAMESPACE}-store-{image.rpartition(':')[2]}"
    volumes = Path(docker("info", "--format", "{{.DockerRootDir}}").strip()) / "volumes"
    with locked(store):
        if not store_holds(store, image, tags):
            fill_store(store, image, tags)
        docker("exec", container, "systemctl", "stop", "docker.socket", "docker.service")
        seeded = succeeds(
            "docker", "run", "--rm", "--network", "none", "-v", f"{volumes}:/volumes", "--entrypoint", "/bin/sh",
            image, "-c", SEED_SCRIPT, "seed", store, f"{container}-docker",
        )  # fmt: skip
    docker("exec", container, "systemctl", "start", "docker.service")
    surplus = set(docker_list(*inside, "images", "--format", "{{.Repository}}:{{.Tag}}")) - set(tags)
    if surplus:
        docker(*inside, "rmi", *surplus)
    return seeded and not missing_images(container, tags)


def store_holds(store: str, image: str, tags: Iterable[str]) -> bool:
    """Whether the store has these very images, asked without starting its engine."""
    command = ["docker", "run", "--rm", "--network", "none", "-v", f"{store}:/store", "--entrypoint", "cat", image]
    done = subprocess.run([*command, "/store/image/overlay2/repositories.json"], capture_output=True, check=False)
    if done.returncode:
        return False
    repositories = json.loads(done.stdout)["Repositories"].values()
    ids = {tag: digest for repository in repositories for tag, digest in repository.items()}
    return all(ids.get(tag) == image_id(tag) for tag in tags)


def fill_store(store: str, image: str, tags: Sequence[str]) -> None:
    docker("volume", "create", "--label", f"{NAMESPACE}.store={image}", store)
    name = f"{store}-engine"
    succeeds("docker", "rm", "-f", name)
    options = [*HOST_OPTIONS, "--network", "none", "--stop-signal", "SIGTERM", "-v", f"{store}:/var/lib/docker"]
    engine = ["--entrypoint", "dockerd", image, "--bridge=none", "--iptables=false"]
    docker("run", "-d", "--rm", "--name", name, *options, *engine)
    try:
        wait_for("the store's engine", lambda: succeeds("docker", "exec", name, "docker", "info"), 60)
        kept = set(docker_list("exec", name, "docker", "images", "--format", "{{.Repository}}:{{.Tag}}"))
        outdated = [tag for tag in kept if not image_id(tag)]
        if outdated:
            docker("exec", name, "docker", "rmi", *outdated)
        missing = missing_images(name, tags)
        if missing:
            copy_images(name, missing)
    finally:
        succeeds("docker", "stop", "-t", "60", name)


def image_references(names: Iterable[str]) -> list[str]:
    """Recipes' names as the tags of their images, built if absent; any other reference as it is."""
    known = image_names()
    return [ensure_image(recipe(name)) if name in known else name for name in names]


# ---- model


def put_model(bench: Bench, host: str, path: str, image: str | None) -> None:
    script = BENCH / "make_tiny_model.py"
    model = CACHE / "models" / hashlib.sha256(script.read_bytes()).hexdigest()[:12]
    with locked(model.name):
        if not model.exists():
            make_model(script, model, image or ensure_image(recipe("vllm")))
    files = {file.name: file.read_bytes() for file in sorted(model.iterdir())}
    sums = "".join(f"{hashlib.sha256(data).hexdigest()}  {name}\n" for name, data in files.items())
    container = bench.container(host)
    check = ["docker", "exec", "-i", "-w", path, container, "sha256sum", "--check", "--status"]
    if subprocess.run(check, input=sums.encode(), capture_output=True, check=False).returncode == 0:
        return
    docker("exec", container, "install", "-d", "-m", "755", path)
    put_files(container, path, files)
    say(f"{host}: the model is at {path}")


def make_model(script: Path, model: Path, image: str) -> None:
    model.parent.mkdir(parents=True, exist_ok=True)
    say(f"making the tiny model with {image}")
    with tempfile.TemporaryDirectory(prefix="model-", dir=CACHE) as scratch:
        run_logged(
            "model", CACHE / "logs" / "model.log",
            "docker", "run", "--rm", "--network", "none", "--entrypoint", "python3", "-v", f"{script}:/make.py:ro",
            "-v", f"{scratch}:/out", image, "/make.py", "/out/model", f"{os.getuid()}:{os.getgid()}",
        )  # fmt: skip
        (Path(scratch) / "model").rename(model)


# ---- taking down


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
    stores = docker_list("volume", "ls", "-q", "--filter", f"label={NAMESPACE}.store")
    if stores:
        docker("volume", "rm", *stores)
    shutil.rmtree(CACHE, ignore_errors=True)
    say(f"removed {len(images)} images and {CACHE}")


# ---- command line


def names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def host_names(text: str) -> list[str]:
    wrong = [name for name in names(text) if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,62}", name)]
    if wrong or not names(text):
        raise argparse.ArgumentTypeError(f"not names of hosts: {', '.join(wrong) or text!r}")
    return names(text)


def command_engine(args: argparse.Namespace) -> None:
    if args.stop:
        stop_engine()
    else:
        ensure_engine()
        say("the Docker engine answers")


def command_images(args: argparse.Namespace) -> None:
    if args.json:
        say.stream = sys.stderr
    ensure_engine()
    wanted = [recipe(name, args.distro, args.bare) for name in args.names or image_names()]
    tags = ensure_images(wanted, args.jobs)
    print(json.dumps(tags) if args.json else "\n".join(f"{name}={tag}" for name, tag in tags.items()))


def command_source(args: argparse.Namespace) -> None:
    print(image_source())


def command_up(args: argparse.Namespace) -> None:
    ensure_engine()
    wanted = recipe("host", args.distro, args.bare)
    bench = Bench(args.dir.resolve(), args.name, args.hosts)
    bring_up(bench, ensure_image(wanted), wanted.distro)
    if args.images:
        load_images(bench, bench.hosts, image_references(args.images))
    say(f"{', '.join(bench.hosts)} up; ssh -F {bench.folder / 'ssh_config'} {bench.hosts[0]}")


def command_load(args: argparse.Namespace) -> None:
    bench = Bench.load(args.dir.resolve())
    load_images(bench, args.hosts or bench.hosts, image_references(args.images))


def command_model(args: argparse.Namespace) -> None:
    put_model(Bench.load(args.dir.resolve()), args.host, args.path, args.image)


def command_down(args: argparse.Namespace) -> None:
    take_down(args.dir.resolve())


def command_clean(args: argparse.Namespace) -> None:
    clean()


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="bench.py", description="Hosts and images for the demo and the tests.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, action: Callable[[argparse.Namespace], None], text: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=text, description=text)
        sub.set_defaults(action=action)
        return sub

    def folder(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--dir", type=Path, required=True, help="folder of the bench's key, ssh_config and hosts.json")

    def host_image(sub: argparse.ArgumentParser) -> None:
        sub.add_argument("--distro", choices=("trixie", "bookworm"), help="Debian of the hosts (default: trixie)")
        sub.add_argument("--bare", action="store_true", help="hosts without Docker")

    sub = command("engine", command_engine, "make sure that a Docker engine answers")
    sub.add_argument("--stop", action="store_true", help="stop the engine, if it was started from here")

    sub = command("images", command_images, "build the images that are absent; print NAME=TAG")
    sub.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(image_names())} (default: all)")
    sub.add_argument("--json", action="store_true", help="print one JSON object")
    sub.add_argument("--jobs", type=int, default=1, help="builds at a time (default: 1)")
    host_image(sub)

    command("source", command_source, "print where images come from here: official or built")

    sub = command("up", command_up, "make hosts, or start those that are there")
    folder(sub)
    sub.add_argument("--name", required=True, help="prefix of the network, containers and volumes")
    sub.add_argument("--hosts", type=host_names, required=True, help="names of the hosts, with commas")
    sub.add_argument("--images", type=names, default=[], help="images to load into every host, with commas")
    host_image(sub)

    sub = command("load", command_load, "load images into hosts that have Docker by now")
    folder(sub)
    sub.add_argument("--hosts", type=host_names, help="names of the hosts, with commas (default: all)")
    sub.add_argument("--images", type=names, required=True, help="recipes' names or references, with commas")

    sub = command("model", command_model, "put the tiny model on a host")
    folder(sub)
    sub.add_argument("--host", required=True, help="name of the host")
    sub.add_argument("--path", required=True, help="folder on the host")
    sub.add_argument("--image", help="image with torch and transformers to make it with (default: the vllm recipe's)")

    sub = command("down", command_down, "remove the hosts of a bench and the files that `up` wrote")
    folder(sub)
    command("clean", command_clean, "remove all images and caches of the bench")
    return top


def main(argv: Sequence[str] | None = None) -> int:
    args = parser().parse_args(argv)
    try:
        args.action(args)
    except BenchError as e:
        print(f"bench: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
