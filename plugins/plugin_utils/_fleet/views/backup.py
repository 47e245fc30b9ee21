# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role backup reads: the program, its settings, units and the declaration that differ on the host, and packages that are missing.

Pure and without secrets. Only _fleet/views/__init__.py imports it.
"""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import switched
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import postgres
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import (
    digest,
    installed,
    is_there,
    service_runs,
)

Said = t.Mapping[str, t.Any]

PACKAGE = Path(__file__).resolve().parents[2] / "_backup"
LIBRARY = "/usr/local/lib/llmfleet/_backup"
PROGRAM = "/usr/local/libexec/llmfleet-backup"
CONFIG, DECLARATION, RCLONE = (
    f"/etc/llmfleet/{name}" for name in ("backup.json", "declaration.json", "backup-rclone.conf")
)
UNITS = "/etc/systemd/system"
BACKUP, TEST = "llmfleet-backup", "llmfleet-backup-test"
HEAD = "# Managed by Ansible: role llmfleet.gateway.backup\n"
LAUNCHER = f"""#!/usr/bin/python3
{HEAD}import sys

sys.path.insert(0, "{LIBRARY.rpartition("/")[0]}")
sys.dont_write_bytecode = True
from _backup.program import main

sys.exit(main())
"""
#: What a dump and its compression may take, before systemd ends it.
LIMIT = "12h"


def look(host: Host) -> dict[str, t.Any]:
    """What host_info is asked for."""
    units = [f"{name}.timer" for name in (BACKUP, TEST)]
    return {
        "files": [*_programs(), PROGRAM, CONFIG, DECLARATION, *(f"{UNITS}/{name}" for name in _units(host.variables))],
        "units": units,
        "packages": list(_packages(host.variables)),
    }


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """What differs."""
    said = host.variables
    wanted = timers(said)
    files = [
        _told(file) for file in _files(fleet, host) if not is_there(host.facts, file["path"], digest(file["text"]))
    ]
    found = installed(host.facts).names
    return {
        "files": files,
        "directories": [
            {"path": LIBRARY, "mode": "0755"},
            {"path": PROGRAM.rpartition("/")[0], "mode": "0755"},
            {"path": CONFIG.rpartition("/")[0], "mode": "0700"},
            *_own_folder(fleet.root, str(said["backup_dir"])),
        ],
        "packages": [name for name in _packages(said) if name not in found],
        "timers": wanted,
        "reload": any(file["path"].startswith(UNITS) for file in files),
        "runs": all(service_runs(host.facts, name) for name in wanted),
        "stopped": [name for name in _timer_names() if name not in wanted and _is_on(host, name)],
        "program": PROGRAM,
        "directory": str(said["backup_dir"]),
        "remote": str(said["backup_remote"]),
        "rclone_config": RCLONE,
        "database": str(said["postgres_database"]),
    }


def _own_folder(root: str, path: str) -> list[dict[str, str]]:
    """One elsewhere may be others' too, such as a disk for all backups: the program makes it where it is missing, and that is all."""
    return [{"path": path, "mode": "0700"}] if f"{path}/".startswith(f"{root}/") else []


def _is_on(host: Host, timer: str) -> bool:
    state = host.facts["services"].get(timer) or {}
    return bool(state.get("active") or state.get("enabled"))


def _timer_names() -> list[str]:
    return [f"{name}.timer" for name in (BACKUP, TEST)]


def timers(said: Said) -> list[str]:
    """Those that are to run."""
    wanted = dict(zip(_timer_names(), ("backup_on_calendar", "backup_test_on_calendar")))
    return [name for name, variable in wanted.items() if said["backup_timers"] and said[variable]]


def _packages(said: Said) -> dict[str, str]:
    """By the variable that asks for one; their names are the same in all distributions that have them."""
    wanted = {"age": "backup_recipients", "rclone": "backup_remote"}
    return {name: variable for name, variable in wanted.items() if said[variable] and said["backup_manage_packages"]}


# ---- files


def _programs() -> dict[str, Path]:
    return {f"{LIBRARY}/{path.name}": path for path in sorted(PACKAGE.glob("*.py"))}


def _files(fleet: Fleet, host: Host) -> list[dict[str, str]]:
    """All of them; a program is copied from the collection, so its text does not go on."""
    programs = [
        {"path": path, "mode": "0644", "source": str(source), "text": source.read_text(encoding="utf-8")}
        for path, source in _programs().items()
    ]
    texts = {PROGRAM: (LAUNCHER, "0755"), CONFIG: (_json(settings(fleet, host)), "0600")}
    texts[DECLARATION] = (declaration(fleet), "0600")
    texts.update({f"{UNITS}/{name}": (text, "0644") for name, text in _units(host.variables).items()})
    return programs + [
        {"path": path, "mode": mode, "text": text, "content": text} for path, (text, mode) in texts.items()
    ]


def _told(file: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in file.items() if name != "text"}


def _json(value: t.Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, default=str) + "\n"


def settings(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """By the names that the program knows (plugin_utils/_backup/settings.py)."""
    said = host.variables
    edge = str(said["edge_project_dir"])
    return {
        "directory": str(said["backup_dir"]),
        "container": postgres.PROJECT,
        "database": str(said["postgres_database"]),
        "user": str(said["postgres_user"]),
        "uid": int(said["postgres_uid"]),
        "gid": int(said["postgres_gid"]),
        "environment": f"{fleet.root}/litellm/1/secrets/mounted/environment",
        "certificates": [f"{edge}/data", f"{edge}/1/secrets/mounted"],
        "declaration": DECLARATION,
        "versions": {
            "litellm": str(said["litellm_version"]),
            "litellm_image": str(said["litellm_image"]),
            "postgres_image": str(said["postgres_image"]),
            "vllm": str(said["vllm_version"]),
        },
        "recipients": [str(one) for one in said["backup_recipients"]],
        "remote": str(said["backup_remote"]),
        "rclone_config": RCLONE,
        "keep": int(said["backup_keep"]),
        "keep_days": int(said["backup_keep_days"]),
        "min_free_mib": int(said["backup_min_free_mib"]),
    }


#: A secret as a whole, and what only a run of its own is given.
LEFT_OUT = ("backup_rclone_config", "preflight_leaving", switched.KEPT_OFF)


def declaration(fleet: Fleet) -> str:
    """What every host's variables were, without secrets: by their names, and wherever else the same text stands."""
    hosts = {}
    for name, host in fleet.hosts.items():
        said = {key: value for key, value in host.variables.items() if key not in LEFT_OUT}
        hosts[name] = secret_parts.masked(json.loads(json.dumps(said, default=str)))
    text = _json({"groups": fleet.groups, "hosts": hosts})
    for value in _secret_values(fleet):
        text = text.replace(json.dumps(value)[1:-1], secret_parts.MASK)
    return text


def _secret_values(fleet: Fleet) -> list[str]:
    names = [one.variable for one in secrets(authority=True)]
    found = {str(host.variables.get(name) or "") for host in fleet.hosts.values() for name in names}
    return sorted((value for value in found if len(value) >= 8), key=len, reverse=True)


# ---- units


def _units(said: Said) -> dict[str, str]:
    return {
        f"{BACKUP}.service": _service("Back up the database of LiteLLM", "create --reason timer"),
        f"{BACKUP}.timer": _timer("Back up the database of LiteLLM", said["backup_on_calendar"], said),
        f"{TEST}.service": _service("Restore the newest backup into a server of its own, and count", "trial"),
        f"{TEST}.timer": _timer("Try the newest backup", said["backup_test_on_calendar"], said),
    }


def _service(description: str, command: str) -> str:
    return (
        f"{HEAD}[Unit]\nDescription={description}\nRequires=docker.service\nAfter=docker.service\n\n"
        f"[Service]\nType=oneshot\nExecStart={PROGRAM} {command}\n"
        f"UMask=0077\nNice=10\nIOSchedulingClass=idle\nTimeoutStartSec={LIMIT}\n"
    )


def _timer(description: str, calendar: t.Any, said: Said) -> str:
    when = f"OnCalendar={calendar}\n" if calendar else ""
    return (
        f"{HEAD}[Unit]\nDescription={description}\n\n[Timer]\n{when}"
        f"RandomizedDelaySec={said['backup_random_delay']}\nPersistent=true\n\n[Install]\nWantedBy=timers.target\n"
    )
