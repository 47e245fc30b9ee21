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
from typing import Callable, Optional

BENCH = Path(__file__).resolve().parent
REPO = BENCH.parent.parent
CACHE = Path(os.environ.get("LLMFLEET_BENCH_CACHE") or REPO / ".cache" / "bench").absolute()
RECIPES = BENCH / "images"
NAMESPACE = "llmfleet-bench"
LABEL = "llmfleet-bench.prefix"
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


def run(*command: str, data: Optional[bytes] = None, timeout: Optional[float] = None) -> str:
    """Standard output of a command; its standard error in the exception when it fails."""
    done = subprocess.run(command, input=data, capture_output=True, timeout=timeout, check=False)
    if done.returncode:
        raise BenchError(f"{shlex.join(command[:4])} … failed ({done.returncode}): {done.stderr.decode(errors='replace')}")
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


def docker(*args: str, data: Optional[bytes] = None, timeout: Optional[float] = None) -> str:
    return run("docker", *args, data=data, timeout=timeout)


def docker_list(*args: str) -> list[str]:
    return docker(*args).split()


def image_id(reference: str, *within: str) -> Optional[str]:
    """The image's id, here or (within = ("exec", CONTAINER, "docker")) in a host's own engine."""
    command = ["docker", *within, "image", "inspect", "--format", "{{.Id}}", reference]
    done = subprocess.run(command, capture_output=True, check=False)
    return done.stdout.decode().strip() if done.returncode == 0 else None


@contextmanager
def locked(name: str) -> Iterator[None]:
    """One process at a time makes NAME; the next finds it made."""
    folder = CACHE / "locks"
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


def find_mirrors(entries: Iterable[AptEntry], codename: str) -> Optional[tuple[str, Optional[str]]]:
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


def machine_mirrors() -> Optional[tuple[str, Optional[str]]]:
    release = os_release()
    if release.get("ID") != "debian":
        return None
    return find_mirrors(machine_apt_entries(), release.get("VERSION_CODENAME", ""))


def sources_list(mirrors: tuple[str, Optional[str]], distro: str) -> str:
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


def machine_ca_bundle(env: Mapping[str, str] = os.environ) -> Optional[Path]:
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


def npm_registry() -> Optional[str]:
    if not shutil.which("npm"):
        return os.environ.get("npm_config_registry")
    return run("npm", "config", "get", "registry").strip()


# ---- engine


def engine_answers() -> bool:
    return shutil.which("docker") is not None and succeeds("docker", "info")


def engine_state() -> Path:
    return Path("/var/lib/llmfleet-bench") if os.geteuid() == 0 else CACHE


def start_time(pid: int) -> Optional[str]:
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
    run_logged(f"installing {' '.join(packages)}", log, "apt-get", "install", "-y", "--no-install-recommends", *packages)


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


def wait_for(what: str, ready: Callable[[], bool], seconds: float, log: Optional[Path] = None) -> None:
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


def recipe(name: str, distro: Optional[str] = None, bare: bool = False) -> Recipe:
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


def build_env(wanted: Recipe, access: PipAccess, ca_bundle: Optional[Path]) -> str:
    """The build's variables, in a file: what `docker run -e` sets would stay in the image."""
    proxies = ("http_proxy", "https_proxy", "no_proxy")
    env = {name: os.environ[name] for p in proxies for name in (p, p.upper()) if name in os.environ}
    env.update(access.env)
    env.update(
        DEBIAN_FRONTEND="noninteractive", LC_ALL="C.UTF-8", RECIPE="/run/bench/recipe", CHANGES="/run/bench/build/changes",
        APT_CONFIG="/run/bench/build/apt.conf", DISTRO=wanted.distro, FLAVOUR=wanted.flavour,
        UV_CACHE_DIR="/run/bench/cache/uv", UV_LINK_MODE="copy", UV_INDEX_STRATEGY="unsafe-best-match",
        PIP_CACHE_DIR="/run/bench/cache/pip", PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_ROOT_USER_ACTION="ignore",
        npm_config_cache="/run/bench/cache/npm", BENCH_OWNER=f"{os.getuid()}:{os.getgid()}",
    )  # fmt: skip
    registry = npm_registry()
    if registry:
        env["npm_config_registry"] = registry
    if ca_bundle:
        names = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")
        env.update({name: "/run/bench/ca.crt" for name in names})
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


def write_build_files(folder: Path, wanted: Recipe, access: PipAccess, ca_bundle: Optional[Path]) -> None:
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
        mounts = {str(wanted.folder): "/run/bench/recipe:ro", scratch: "/run/bench/build", str(cache): "/run/bench/cache"}
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
