# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role watch reads: its files and units that differ on the host, and what an earlier release left there."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.common import digest, is_there, service_runs

COLLECTION = Path(__file__).resolve().parents[4]
#: Programs by their place on the host; the second one is complete by itself and knows the projects' lock.
PROGRAMS = {
    "/usr/local/libexec/llmfleet-watch": COLLECTION / "roles/watch/files/watch.py",
    "/usr/local/libexec/llmfleet-recreate": COLLECTION / "plugins/module_utils/_compose/recreate.py",
}
SERVICE, TIMER = "llmfleet-watch.service", "llmfleet-watch.timer"
UNITS = "/etc/systemd/system"
#: Of the release before this one.
FORMER_TIMER = "llmfleet-gpu-watch.timer"
FORMER = (f"{UNITS}/{FORMER_TIMER}", f"{UNITS}/llmfleet-gpu-watch.service", "/usr/local/libexec/llmfleet-gpu-watch")
HEAD = "# Managed by Ansible: role llmfleet.gateway.watch\n"


def service_unit(limit: int, hang_timeout: int) -> str:
    """One look."""
    return (
        f"{HEAD}[Unit]\nDescription=Recreate vLLM containers that lost their GPU or hang\nAfter=docker.service\n\n"
        "[Service]\nType=oneshot\n"
        f"ExecStart=/usr/bin/python3 /usr/local/libexec/llmfleet-watch --limit {limit} --hang-timeout {hang_timeout}\n"
        "StateDirectory=llmfleet\nTimeoutStartSec=15min\n"
    )


def timer_unit(interval: str) -> str:
    """When the next one is."""
    return (
        f"{HEAD}[Unit]\nDescription=Look for vLLM containers that lost their GPU or hang\n\n"
        f"[Timer]\nOnBootSec=2min\nOnUnitInactiveSec={interval}\nAccuracySec=1s\n\n[Install]\nWantedBy=timers.target\n"
    )


def look(_host: Host) -> dict[str, t.Any]:
    """What host_info is asked for."""
    return {"files": [*PROGRAMS, f"{UNITS}/{SERVICE}", f"{UNITS}/{TIMER}", *FORMER], "units": [TIMER]}


def view(_fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """What differs."""
    return {
        "files": [_told(file) for file in _files(host) if not is_there(host.facts, file["path"], digest(file["text"]))],
        "timer": TIMER,
        "runs": service_runs(host.facts, TIMER),
        "former_timer": FORMER_TIMER,
        "obsolete": [path for path in FORMER if path in host.facts["files"]],
    }


def _files(host: Host) -> list[dict[str, str]]:
    """All the files; a program is copied from the collection, so its text does not go on."""
    programs = [
        {"path": path, "mode": "0755", "source": str(source), "text": source.read_text(encoding="utf-8")}
        for path, source in PROGRAMS.items()
    ]
    units = {
        SERVICE: service_unit(int(host.variables["watch_limit"]), int(host.variables["watch_hang_timeout"])),
        TIMER: timer_unit(host.variables["watch_interval"]),
    }
    written = [
        {"path": f"{UNITS}/{name}", "mode": "0644", "text": text, "content": text} for name, text in units.items()
    ]
    return programs + written


def _told(file: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in file.items() if name != "text"}
