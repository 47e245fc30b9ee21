# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreates vLLM's containers that lost their GPU, and starts those that the engine gave up at a boot, when it did not
know their GPU yet. Managed by Ansible (llmfleet.gateway.watch)."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from typing import Any

HOUR = 3600
# What a container says that had a GPU and has none: after a daemon-reload, or a driver changed under it.
LOST = ("NVML", "No devices were found", "couldn't communicate with the NVIDIA driver")
# Why the engine could not start a container: before 28.2 it starts them before it knows of CDI (moby issue 49989), and
# the specification may be made after the engine's own start. It does not try again.
TOO_EARLY = ('could not select device driver "cdi"', "CDI device injection failed")
OUTSIDE_PATH = ["/usr/local/nvidia/bin", "/usr/lib/wsl/lib", "/opt/nvidia/bin", "/opt/bin"]
COMPOSE = "com.docker.compose"
OWN = "io.llmfleet.project"
# Beside this program; what its exit status says is told there.
RECREATE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "llmfleet-recreate")
REFUSED, HELD = 3, 75


def run(*argv: str, timeout: float = 60) -> tuple[int, str]:
    """Exit status and all output of a command; a command that hangs is one that failed."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired:
        return 124, f"no answer within {timeout:.0f} s"
    except OSError as exc:
        return 127, str(exc)
    return done.returncode, (done.stdout + done.stderr).strip()


def say(text: str) -> None:
    """A line in the journal."""
    print(text, flush=True)


def host_fault() -> str:
    """What is wrong with the host's own GPUs; empty when they work. Recreating containers would not help then."""
    code, said = run("nvidia-smi", "-L")
    if code == 0:
        return ""
    if "version mismatch" in said:
        return (
            "The driver's library and the loaded kernel module differ: the driver was changed under the running one. "
            f"Reboot the host and hold the driver's packages. ({said})"
        )
    return f"nvidia-smi fails on the host: {said}. See dmesg | grep -i nvrm; containers are left alone."


def gpu_containers() -> list[dict[str, Any]]:
    """Containers of our projects that were given devices, running or not."""
    code, said = run("docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={OWN}")
    if code or not said:
        return []
    code, said = run("docker", "inspect", *said.split())
    try:
        found = json.loads(said) if code == 0 else []
    except ValueError:
        return []
    return [box for box in found if box["HostConfig"].get("DeviceRequests")]


def given_up(box: dict[str, Any]) -> bool:
    """Whether the engine failed to start it because it did not know its GPU. A person's stop leaves no such word."""
    state = box["State"]
    return not state["Running"] and any(sign in state.get("Error", "") for sign in TOO_EARLY)


def start(box: dict[str, Any]) -> bool:
    name = box["Name"].lstrip("/")
    code, output = run("docker", "start", box["Id"])
    say(f"{name} had not been started, since the engine did not know its GPU: " + ("started." if code == 0 else output))
    return code == 0


def lost_gpu(box: dict[str, Any]) -> str:
    """What the container says when its GPU is gone; empty when it is there, or when that can't be told."""
    if not box["State"]["Running"]:
        return ""
    code, said = run("docker", "exec", box["Id"], "nvidia-smi", "-L")
    return said if code != 0 and any(sign in said for sign in LOST) else ""


def recent(state: dict[str, list[float]], name: str, now: float) -> list[float]:
    """When a container was recreated within the last hour."""
    return [moment for moment in state.get(name, []) if now - HOUR < moment <= now]


def read_state(path: str) -> dict[str, list[float]]:
    """What was done before; a file that can't be read is an empty one."""
    try:
        with open(path, encoding="utf-8") as handle:
            state = json.load(handle)
    except (OSError, ValueError):
        return {}
    sound = isinstance(state, dict) and all(isinstance(times, list) for times in state.values())
    return state if sound else {}


def write_state(path: str, state: dict[str, list[float]]) -> None:
    """Before a container is recreated, so that a crash can't lead to one more try than allowed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as handle:
        json.dump(state, handle)
    os.replace(path + ".new", path)


def recreate(labels: dict[str, str]) -> tuple[int, str]:
    """Recreates one service under its project's lock, from files that proved to work. A restart would keep an older
    driver's mounts."""
    directory = labels.get(f"{COMPOSE}.project.working_dir", "")
    return run(sys.executable, RECREATE, directory, labels.get(f"{COMPOSE}.service", ""), timeout=720)


def mend(box: dict[str, Any], said: str, limit: int, path: str, now: float) -> bool:
    """Recreates a container, unless that was tried too often; whether it was done."""
    name = box["Name"].lstrip("/")
    state = read_state(path)
    tried = recent(state, name, now)
    if len(tried) >= limit:
        say(f"{name} lost its GPU ({said}), and was recreated {len(tried)} times within the last hour: left alone now.")
        return False
    write_state(path, {**state, name: [*tried, now]})
    say(f"{name} lost its GPU ({said}): recreating it, {len(tried) + 1} of {limit} within an hour.")
    code, output = recreate(box["Config"]["Labels"])
    if code in (REFUSED, HELD):
        # Nothing was tried: a run of Ansible is at work, or was not ended. The next look comes soon.
        write_state(path, {**state, name: tried})
        say(f"{name} is left alone for now: {output}")
        return code == HELD
    say(f"{name} was recreated." if code == 0 else f"{name} could not be recreated: {output}")
    return code == 0


def watch(limit: int, path: str) -> int:
    """One look at all the containers; 1 when something is wrong that could not be mended."""
    boxes = gpu_containers()
    started = [start(box) for box in boxes if given_up(box)]
    lost = [(box, said) for box in boxes for said in [lost_gpu(box)] if said]
    if not lost:
        return 0 if all(started) else 1
    fault = host_fault()
    if fault:
        say(fault)
        return 1
    mended = [mend(box, said, limit, path, time.time()) for box, said in lost]
    return 0 if all([*started, *mended]) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=3, help="recreations of one container within an hour")
    parser.add_argument("--state", default="/var/lib/llmfleet/watch.json", help="where they are counted")
    options = parser.parse_args()
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *OUTSIDE_PATH])
    return watch(options.limit, options.state)


if __name__ == "__main__":
    sys.exit(main())
