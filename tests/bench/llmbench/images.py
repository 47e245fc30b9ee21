# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images from the recipes in images/."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from .engine import install_packages
from .machine import (
    PipAccess,
    machine_apt_options,
    machine_ca_bundle,
    machine_mirrors,
    machine_pip_config,
    npm_registry,
    pip_access,
    sources_list,
)
from .shell import (
    CACHE,
    NAMESPACE,
    RECIPES,
    BenchError,
    docker,
    image_id,
    locked,
    run_logged,
    say,
    succeeds,
)

# Raised when this file builds differently from the same recipe.
BUILD_FORMAT = "1"
REGISTRIES = ("https://registry-1.docker.io/v2/", "https://ghcr.io/v2/")


def reachable(url: str, opener: Callable[..., object] = urllib.request.urlopen) -> bool:
    try:
        opener(url, timeout=5)
    except urllib.error.HTTPError as e:
        return e.code == 401
    except (OSError, ValueError):
        return False
    return True


def image_source(env: Mapping[str, str] | None = None, probe: Callable[[str], bool] = reachable) -> str:
    env = os.environ if env is None else env
    wanted = env.get("LLMFLEET_IMAGES") or "auto"
    if wanted not in ("official", "built", "auto"):
        raise BenchError(f"LLMFLEET_IMAGES is {wanted!r}; it can be official, built or auto.")
    if wanted != "auto":
        return wanted
    return "official" if all(probe(url) for url in REGISTRIES) else "built"


@dataclass(frozen=True)
class Recipe:
    """A folder of images/: recipe.json, install.sh and what that needs.

    One that is `like` another has only what differs from it.
    """

    name: str
    distro: str
    flavour: str = ""

    @property
    def folder(self) -> Path:
        return RECIPES / self.name

    @property
    def settings(self) -> dict[str, object]:
        own: dict[str, object] = json.loads((self.folder / "recipe.json").read_text())
        return {**self.model.settings, **own} if self.model else own

    @property
    def model(self) -> Recipe | None:
        name = json.loads((self.folder / "recipe.json").read_text()).get("like")
        return Recipe(name, self.distro, self.flavour) if name else None

    @property
    def tag(self) -> str:
        other = [self.model.tag] if self.model else []
        return f"{NAMESPACE}/{self.name}:{content_hash(self.folder, BUILD_FORMAT, self.distro, self.flavour, *other)}"

    def mounts(self, inside: str) -> dict[str, str]:
        if not self.model:
            return {str(self.folder): f"{inside}:ro"}
        own = {str(path): f"{inside}/{path.name}:ro" for path in self.folder.iterdir() if path.name != "recipe.json"}
        return {**self.model.mounts(inside), **own}


def content_hash(folder: Path, *extra: str) -> str:
    digest = hashlib.sha256(json.dumps(extra).encode())
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
        digest.update(json.dumps([str(path.relative_to(folder)), path.stat().st_size]).encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def image_names() -> list[str]:
    return sorted(path.parent.name for path in RECIPES.glob("*/recipe.json"))


def usual_image_names() -> list[str]:
    """Without the older versions, which only some tests want."""
    return [name for name in image_names() if not recipe(name).model]


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
    that nothing of them is in the image, with any builder. Run without --entrypoint: a commit can't take it back.
    """
    ca_bundle, access = machine_ca_bundle(), pip_access(machine_pip_config())
    cache = CACHE / "build" / f"{wanted.name}-{wanted.distro}{wanted.flavour and '-' + wanted.flavour}"
    cache.mkdir(parents=True, exist_ok=True)
    name = f"{NAMESPACE}-build-{wanted.name}-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="build-", dir=CACHE) as scratch:
        write_build_files(Path(scratch), wanted, access, ca_bundle)
        mounts = {**wanted.mounts("/run/bench/recipe"), str(cache): "/run/bench/cache"}
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
                base, "/bin/sh", "/run/bench/build/build.sh",
            )  # fmt: skip
            commit(name, wanted, (Path(scratch) / "changes").read_text().splitlines())
        finally:
            succeeds("docker", "rm", "-f", name)


def commit(container: str, wanted: Recipe, more: Iterable[str]) -> None:
    changes = wanted.settings.get("changes")
    instructions = [*(changes if isinstance(changes, list) else []), *more]
    options = [part for instruction in instructions for part in ("--change", instruction)]
    docker("commit", *options, container, wanted.tag)
