# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server tells of a deployment: files, containers, volumes, GPUs. Reads, judges nothing."""

from __future__ import annotations

import json
import os
import re
import shutil
import stat
from collections.abc import Sequence
from typing import Any

from .._host.run import Run

#: No file that people write for Compose or LiteLLM is larger.
LARGEST = 1024 * 1024
LABEL = "com.docker.compose"


class ReadingError(Exception):
    """What can't be read, and why."""


def text(path: str) -> str | None:
    """A file's text; None where there is none, also where a pipe is in its place, which would never end."""
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                return None
            raw = stream.read(LARGEST + 1)
    except IsADirectoryError:
        return None
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ReadingError(f"{path}: {error.strerror}") from error
    if len(raw) > LARGEST:
        raise ReadingError(f"{path}: is larger than {LARGEST // 1024} KiB; is it the right file?")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ReadingError(f"{path}: is no text in UTF-8; save it as such") from error


def inspected(run: Run, kind: Sequence[str], names: Sequence[str]) -> list[dict[str, Any]]:
    if not names:
        return []
    done = run(["docker", *kind, *names], 60)
    try:
        found = json.loads(done.out)
    except ValueError:
        found = []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def has_docker() -> bool:
    """A translation can be made of a copy of the files, too."""
    return shutil.which("docker") is not None


def containers(run: Run, folder: str) -> list[dict[str, Any]]:
    """Of the deployment in a folder, running or not, without the values of their environment."""
    listed = run(["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={LABEL}.project.working_dir"])
    if listed.rc:
        raise ReadingError(f"docker ps failed: {listed.err.strip()[:300] or 'is Docker there?'}")
    real = os.path.realpath(folder)
    found = [_container(one) for one in inspected(run, ["inspect"], listed.out.split())]
    return [one for one in found if one["folder"] and os.path.realpath(one["folder"]) == real and not one["one_off"]]


def _container(said: dict[str, Any]) -> dict[str, Any]:
    config, host = said.get("Config") or {}, said.get("HostConfig") or {}
    labels = config.get("Labels") or {}
    return {
        "id": said.get("Id", ""),
        "name": str(said.get("Name", "")).lstrip("/"),
        "project": labels.get(f"{LABEL}.project", ""),
        "service": labels.get(f"{LABEL}.service", ""),
        "folder": labels.get(f"{LABEL}.project.working_dir", ""),
        "one_off": labels.get(f"{LABEL}.oneoff", "False") == "True",
        "image": config.get("Image", ""),
        "environment": _set_names(config.get("Env") or []),
        "state": (said.get("State") or {}).get("Status", ""),
        "restart": _policy(host.get("RestartPolicy") or {}),
        "mounts": [
            {"source": one.get("Source", ""), "target": one.get("Destination", "")} for one in said.get("Mounts") or []
        ],
    }


def _set_names(environment: Sequence[str]) -> list[str]:
    """Of the variables that are not empty, without their values."""
    return sorted(name for name, _sign, value in (str(one).partition("=") for one in environment) if value)


def _policy(said: dict[str, Any]) -> str:
    """As docker update takes it."""
    name, count = said.get("Name") or "no", said.get("MaximumRetryCount") or 0
    return f"{name}:{count}" if name == "on-failure" and count else str(name)


def volumes(run: Run) -> dict[str, str]:
    """Folders of Docker's volumes by their names."""
    listed = run(["docker", "volume", "ls", "--quiet"])
    found = inspected(run, ["volume", "inspect"], listed.out.split())
    return {str(one.get("Name")): str(one.get("Mountpoint")) for one in found if one.get("Mountpoint")}


def gpus() -> int:
    """By their device files."""
    try:
        return sum(bool(re.fullmatch(r"nvidia\d+", name)) for name in os.listdir("/dev"))
    except OSError:
        return 0


def addresses(run: Run) -> list[str]:
    return run(["hostname", "-I"]).out.split()


def commit(models_dir: str, repository: str) -> str:
    """The commit of a repository that the hub's cache has; empty for none."""
    if not models_dir:
        return ""
    path = os.path.join(models_dir, "hub", f"models--{repository.replace('/', '--')}", "refs", "main")
    try:
        return (text(path) or "").strip()
    except ReadingError:
        return ""
