# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine of a host: version, configuration, images, containers. Secrets in daemon.json are masked."""

from __future__ import annotations

import json
import re
from typing import Any

from .._docker_daemon import (
    DEFAULT_PIDFILE,
    PENDING,
    DaemonConfigError,
    engine_identity,
    engine_replaced,
    has_secrets,
    masked,
    parse,
    read_text,
)
from .read import digests
from .run import Run

DAEMON = "/etc/docker/daemon.json"
ROOT = "/var/lib/docker"
OWN_LABEL = "io.llmfleet.project"
FORM = (
    '{"id":{{json .ID}},"name":{{json .Names}},"ports":{{json .Ports}},"image":{{json .Image}},"status":{{json .Status}}'
    ',"project":{{json (.Label "com.docker.compose.project")}}'
    ',"working_dir":{{json (.Label "com.docker.compose.project.working_dir")}}'
    ',"own":{{json (.Label "' + OWN_LABEL + '")}}}'
)


def answer(run: Run, docker: str | None) -> dict[str, Any]:
    """What "docker info" says; an "error" where the engine does not answer."""
    if docker is None:
        return {"error": "docker is not installed"}
    done = run([docker, "info", "--format", "{{json .}}"])
    try:
        found = json.loads(done.out)
        trouble = "; ".join(str(line) for line in found.get("ServerErrors") or [])
    except (ValueError, AttributeError):
        return {"error": (done.err or done.out).strip()[:300] or f"docker info ended with {done.rc}"}
    return {**found, "error": trouble or ("" if found.get("ServerVersion") else done.err.strip()[:300] or "no engine")}


def plugin_version(info: dict[str, Any], name: str) -> str:
    """Version of a plugin of the client, such as compose."""
    plugins = (info.get("ClientInfo") or {}).get("Plugins") or []
    found = [str(plugin.get("Version", "")) for plugin in plugins if plugin.get("Name") == name]
    return found[0].lstrip("v") if found else ""


def engine(info: dict[str, Any]) -> dict[str, Any]:
    """The engine, in short."""
    return {
        "error": info["error"],
        "version": str(info.get("ServerVersion") or ""),
        "compose_version": plugin_version(info, "compose"),
        "root": data_root(info),
        "cdi_directories": list(info.get("CDISpecDirs") or []),
        **daemon(DAEMON),
    }


def daemon(path: str) -> dict[str, Any]:
    """daemon.json without its secrets, and whether the running engine waits for a restart with it."""
    found: dict[str, Any] = {"daemon": {}, "daemon_error": "", "daemon_mode": "", "daemon_secret": False}
    try:
        found["daemon"] = parse(read_text(path), path)
    except DaemonConfigError as exc:
        found["daemon_error"] = str(exc)
    found["daemon_mode"] = digests([path]).get(path, {}).get("mode", "")
    running = engine_identity(str(found["daemon"].get("pidfile") or DEFAULT_PIDFILE))
    found["running"] = running is not None
    found["restart_pending"] = running is not None and (waits(running) or engine_replaced(running))
    found["daemon_secret"] = has_secrets(found["daemon"])
    found["daemon"] = masked(found["daemon"])
    return found


def waits(running: str) -> bool:
    """Whether an earlier change of the file still waits for this engine process to be restarted."""
    try:
        return read_text(PENDING) == running
    except DaemonConfigError:
        return False


def data_root(info: dict[str, Any]) -> str:
    """Where the engine keeps images."""
    found = str(info.get("DockerRootDir") or "")
    return found if found.startswith("/") else ROOT


def containers(run: Run, docker: str | None) -> list[dict[str, Any]]:
    """Running containers with their Compose project and the ports that they publish."""
    if docker is None:
        return []
    done = run([docker, "ps", "--no-trunc", "--format", FORM])
    rows = []
    for line in done.out.splitlines() if done.rc == 0 else []:
        try:
            row = json.loads(line)
            row["ports"] = sorted({int(port) for port in re.findall(r":(\d{1,5})->", str(row["ports"]))})
        except (ValueError, TypeError, KeyError):
            continue
        row["own"] = bool(row.get("own"))
        rows.append(row)
    return rows


def images_present(run: Run, docker: str | None, images: list[str]) -> list[str]:
    """Those of the images that need not be pulled."""
    if docker is None:
        return []
    return [image for image in images if run([docker, "image", "inspect", "--format", "ok", image]).rc == 0]
