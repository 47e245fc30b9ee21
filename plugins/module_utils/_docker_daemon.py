# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the docker_daemon_config module knows of daemon.json: reading, merging, judging and checking it."""

from __future__ import annotations

import copy
import json
import os
import re
from typing import Any, Callable

# What dockerd takes over on SIGHUP. "features" is left out on purpose: dockerd reloads the map, but sets up
# CDI and the image store at start only.
RELOADABLE = frozenset(
    {
        "allow-nondistributable-artifacts",
        "authorization-plugins",
        "debug",
        "default-runtime",
        "insecure-registries",
        "labels",
        "live-restore",
        "max-concurrent-downloads",
        "max-concurrent-uploads",
        "max-download-attempts",
        "registry-mirrors",
        "runtimes",
        "shutdown-timeout",
    }
)
DEFAULT_PIDFILE = "/run/docker.pid"
# Names the engine process that runs with an older configuration; gone after a reboot, void after a restart.
PENDING = "/run/llmfleet-docker-restart-pending"

# User and password in an address, as a proxy has them.
CREDENTIALS = re.compile(r'://[^/@\s"]+@')
# Options whose value is a credential, such as splunk-token among log-opts.
SECRET_NAME = re.compile(r"token|secret|passw|credential|api[-_]?key|authorization", re.I)
MASK = "********"

RunCommand = Callable[..., "tuple[int, str, str]"]


class DaemonConfigError(Exception):
    """daemon.json, or what is to become of it, is not usable."""


def read_text(path: str) -> str:
    """The file's text; empty when there is no file."""
    try:
        # As dockerd does since 23.0: a byte order mark is no part of the text.
        with open(path, encoding="utf-8-sig") as handle:
            return handle.read()
    except FileNotFoundError:
        return ""
    except UnicodeDecodeError as exc:
        raise DaemonConfigError(
            f"{path} is not UTF-8 ({exc}), so dockerd can't read it; convert it or move it away"
        ) from exc
    except OSError as exc:
        raise DaemonConfigError(f"{path} cannot be read: {exc}") from exc


def parse(text: str, path: str) -> dict[str, Any]:
    """The configuration in the file's text; an empty file is an empty configuration."""
    if not text.strip():
        return {}
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise DaemonConfigError(f"{path} is not valid JSON ({exc}); mend it or move it away, then run again") from exc
    if not isinstance(config, dict):
        raise DaemonConfigError(f"{path} holds no JSON object; mend it or move it away, then run again")
    return config


def merge(current: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A JSON merge patch (RFC 7396): objects are merged, null removes, everything else is replaced."""
    merged = copy.deepcopy(current)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = copy.deepcopy(value)
    return merged


def render(config: dict[str, Any]) -> str:
    """The file's text for a configuration."""
    return json.dumps(config, indent=2, ensure_ascii=False) + "\n"


def masked(value: Any, name: str = "") -> Any:
    """A configuration without its credentials: values under a secret name at any depth, users and passwords in addresses."""
    if isinstance(value, dict):
        return {key: masked(entry, name if SECRET_NAME.search(name) else str(key)) for key, entry in value.items()}
    if isinstance(value, list):
        return [masked(entry, name) for entry in value]
    if value is None or isinstance(value, bool) or value == "":
        return value
    if SECRET_NAME.search(name):
        return MASK
    return CREDENTIALS.sub(f"://{MASK}@", value) if isinstance(value, str) else value


def has_secrets(config: dict[str, Any]) -> bool:
    """Whether a configuration holds credentials."""
    return bool(masked(config) != config)


def shown(config: dict[str, Any], text: str) -> str:
    """A configuration's text as a diff may show it."""
    return render(masked(config)) if has_secrets(config) else text


def secrets(value: Any, name: str = "") -> set[str]:
    """The credentials in a configuration, so that they can be kept out of a result."""
    if isinstance(value, dict):
        below = [secrets(entry, name if SECRET_NAME.search(name) else str(key)) for key, entry in value.items()]
        return set().union(*below)
    if isinstance(value, list):
        return set().union(*(secrets(entry, name) for entry in value))
    return {value} if isinstance(value, str) and masked(value, name) != value else set()


def default_mode(config: dict[str, Any]) -> str:
    """Only root may read a file with credentials in it."""
    return "0600" if has_secrets(config) else "0644"


def changed_keys(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Top-level keys that differ."""
    keys = before.keys() | after.keys()
    return sorted(key for key in keys if (key in before) != (key in after) or before.get(key) != after.get(key))


def reload_suffices(before: dict[str, Any], after: dict[str, Any]) -> bool:
    """Whether SIGHUP brings the running engine to the new configuration."""
    # A reload leaves most options that vanish from the file as they were; only a restart resets them.
    return all(key in after and key in RELOADABLE for key in changed_keys(before, after))


def check_with_dockerd(run_command: RunCommand, dockerd: str, path: str) -> str | None:
    """What dockerd says against the file at path; None when it accepts it or is too old (before 23.0) to be asked."""
    rc, out, err = run_command([dockerd, "--validate", "--config-file", path])
    said = f"{out}\n{err}".strip()
    if rc == 0 or "unknown flag: --validate" in said:
        return None
    return said.replace(path, "daemon.json")


def engine_identity(pidfile: str = DEFAULT_PIDFILE, proc: str = "/proc") -> str | None:
    """Names the running engine's process, so that a later one can be told from it; None when none runs."""
    try:
        pid = read_text(pidfile).strip()
        if not pid.isdigit() or read_text(os.path.join(proc, pid, "comm")).strip() != "dockerd":
            return None
        # The name in parentheses may hold spaces; the start time is the 20th field after it.
        started = read_text(os.path.join(proc, pid, "stat")).rpartition(")")[2].split()[19]
    except (DaemonConfigError, IndexError):
        return None
    return f"{pid} {started}"


def engine_replaced(engine: str, proc: str = "/proc") -> bool:
    """Whether the engine runs from a program that an upgrade has since replaced."""
    try:
        return os.readlink(os.path.join(proc, engine.split()[0], "exe")).endswith(" (deleted)")
    except OSError:
        return False
