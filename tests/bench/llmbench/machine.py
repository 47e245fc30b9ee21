# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine says about its package mirrors and certificates, so that builds and hosts reach the same."""

from __future__ import annotations

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .shell import (
    run,
)


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


def machine_ca_bundle(env: Mapping[str, str] | None = None) -> Path | None:
    env = os.environ if env is None else env
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
    return {key: value.strip() for _rank, key, value in sorted(rows, key=lambda row: row[0])}


def machine_pip_config() -> dict[str, str]:
    for command in ([sys.executable, "-m", "pip"], ["pip3"], ["pip"]):
        if shutil.which(command[0]):
            done = subprocess.run([*command, "config", "list"], capture_output=True, check=False)
            if done.returncode == 0:
                return parse_pip_config(done.stdout.decode())
    return {name[4:].lower().replace("_", "-"): value for name, value in os.environ.items() if name[:4] == "PIP_"}


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
