# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Docker engine that answers."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from pathlib import Path

from .shell import (
    CACHE,
    BenchError,
    run,
    run_logged,
    say,
    succeeds,
    wait_for,
)


def engine_answers() -> bool:
    return shutil.which("docker") is not None and succeeds("docker", "info")


def engine_state() -> Path:
    return Path("/var/lib/llmfleet-bench") if os.geteuid() == 0 else CACHE


def start_time(pid: int) -> str | None:
    """A living process's start time, which tells it from a later one of the same number."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else fields[19]


def ensure_engine() -> None:
    if engine_answers():
        return
    if os.geteuid() != 0:
        raise BenchError(
            "No Docker engine answers. Start it (sudo systemctl start docker), let yourself use it "
            "(sudo usermod -aG docker $USER, then log in again), or run this command as root."
        )
    if not shutil.which("dockerd") or not shutil.which("docker"):
        install_engine()
    if engine_answers():
        return
    if Path("/run/systemd/system").is_dir():
        run("systemctl", "start", "docker")
    else:
        start_engine()
    wait_for("the Docker engine", engine_answers, 60, engine_state() / "dockerd.log")


def install_engine() -> None:
    if not shutil.which("apt-get"):
        raise BenchError("No Docker engine is installed. Install Docker 20.10 or newer by your system's means.")
    say("installing Docker")
    install_packages("docker.io")
    if not shutil.which("docker"):
        install_packages("docker-cli")


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
