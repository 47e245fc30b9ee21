# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recreates vLLM's containers that lost their GPU or whose engine hangs, and starts those that the Docker engine gave
up at a boot, when it did not know their GPU yet. Managed by Ansible (llmfleet.gateway.watch)."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from typing import Any, NamedTuple

HOUR = 3600
# What a container says that had a GPU and has none: after a daemon-reload, or a driver changed under it.
LOST = ("NVML", "No devices were found", "couldn't communicate with the NVIDIA driver")
# Why the engine could not start a container: before 28.2 it starts them before it knows of CDI (moby issue 49989), and
# the specification may be made after the engine's own start. It does not try again.
TOO_EARLY = ('could not select device driver "cdi"', "CDI device injection failed")
OUTSIDE_PATH = ["/usr/local/nvidia/bin", "/usr/lib/wsl/lib", "/opt/nvidia/bin", "/opt/bin"]
COMPOSE = "com.docker.compose"
OWN = "io.llmfleet.project"
VLLM = "llmfleet-vllm-"
# Beside this program; what its exit status says is told there.
RECREATE = os.path.join(os.path.dirname(os.path.realpath(__file__)), "llmfleet-recreate")
REFUSED, HELD = 3, 75
# What the engine itself says with each of its steps, a step of a long prompt too. Figures that the server keeps without
# the engine are not among them: a client that goes away moves those while the engine hangs.
STEPS = (
    "vllm:iteration_tokens_total_count",
    "vllm:generation_tokens_total",
    "vllm:prompt_tokens_total",
    "vllm:prefix_cache_queries_total",
    "vllm:num_preemptions_total",
    "vllm:kv_cache_usage_perc",
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
)
IN_FLIGHT = ("vllm:num_requests_running", "vllm:num_requests_waiting")
AWAKE = "vllm:engine_sleep_state"
SAMPLE = re.compile(r"^(vllm:\w+)\{(.*)\} (\S+)$", re.MULTILINE)
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ANSWER, TEST = 5.0, 10.0


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


def containers() -> list[dict[str, Any]]:
    """Containers of our projects, running or not."""
    code, said = run("docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", f"label={OWN}")
    if code or not said:
        return []
    code, said = run("docker", "inspect", *said.split())
    try:
        found: list[dict[str, Any]] = json.loads(said) if code == 0 else []
    except ValueError:
        return []
    return found


def name_of(box: dict[str, Any]) -> str:
    return str(box["Name"]).lstrip("/")


def given_up(box: dict[str, Any]) -> bool:
    """Whether the engine failed to start it because it did not know its GPU. A person's stop leaves no such word."""
    if box["State"]["Running"] or not box["HostConfig"].get("DeviceRequests"):
        return False
    return any(sign in box["State"].get("Error", "") for sign in TOO_EARLY)


def start(box: dict[str, Any]) -> bool:
    code, output = run("docker", "start", box["Id"])
    end = "started." if code == 0 else output
    say(f"{name_of(box)} had not been started, since the engine did not know its GPU: {end}")
    return code == 0


def lost_gpu(box: dict[str, Any]) -> str:
    """What the container says when its GPU is gone; empty when it is there, or when that can't be told."""
    if not box["State"]["Running"] or not box["HostConfig"].get("DeviceRequests"):
        return ""
    code, said = run("docker", "exec", box["Id"], "nvidia-smi", "-L")
    return f"lost its GPU ({said})" if code != 0 and any(sign in said for sign in LOST) else ""


# ---- engines that hang


class Engine(NamedTuple):
    """One engine of a server, as /metrics tells of it."""

    steps: str  # figures that change with each step
    in_flight: int
    model: str = ""
    asleep: bool = False


def get(url: str, key: str = "", body: dict[str, Any] | None = None, timeout: float = ANSWER) -> tuple[int, str]:
    """Status and text; 0 when there is no answer in time."""
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    data = json.dumps(body).encode() if body is not None else None
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, data, headers), timeout=timeout) as answer:
            return answer.status, answer.read().decode(errors="replace")
    except urllib.error.HTTPError as exc:
        return exc.code, ""
    except (OSError, ValueError, http.client.HTTPException):
        return 0, ""


def address(box: dict[str, Any]) -> str:
    """Where the server of a container listens, seen from the host; empty when it can't be asked. Its health check knows
    the port."""
    state = box["State"]
    starting = (state.get("Health") or {}).get("Status") == "starting"
    test = (box["Config"].get("Healthcheck") or {}).get("Test") or [""]
    found = re.match(r"http://(.+):(\d+)/health$", test[-1])
    if not found or starting or not state["Running"] or state.get("Paused"):
        return ""
    inside = [one["IPAddress"] for one in box["NetworkSettings"]["Networks"].values() if one.get("IPAddress")]
    return f"http://{inside[0] if inside else found[1]}:{found[2]}"


def engines(metrics: str) -> dict[str, Engine]:
    """By the label engine."""
    lines: dict[str, list[tuple[str, dict[str, str], str]]] = {}
    for name, labels, value in SAMPLE.findall(metrics):
        if name in STEPS or name == AWAKE:
            told = dict(LABEL.findall(labels))
            lines.setdefault(told.get("engine", "0"), []).append((name, told, value))
    return {engine: _engine(found) for engine, found in lines.items()}


def _engine(lines: list[tuple[str, dict[str, str], str]]) -> Engine:
    awake = [float(value) for name, told, value in lines if name == AWAKE and told.get("sleep_state") == "awake"]
    return Engine(
        steps=" ".join(f"{name}={value}" for name, _told, value in lines if name in STEPS),
        in_flight=int(sum(float(value) for name, _told, value in lines if name in IN_FLIGHT)),
        model=next((told["model_name"] for _name, told, _value in lines if told.get("model_name")), ""),
        asleep=0.0 in awake,
    )


def load(url: str) -> int:
    """Requests that the server itself has open (--enable-server-load-tracking). The engine's own figures are those of
    its last step: of an engine that hung before a request came, they say that there is none."""
    code, text = get(f"{url}/load")
    try:
        return int(json.loads(text)["server_load"]) if code == 200 else 0
    except (ValueError, KeyError, TypeError):
        return 0


def look(url: str) -> dict[str, Engine]:
    """What the engines of a server do now; empty when it does not answer."""
    code, text = get(f"{url}/metrics")
    found = engines(text) if code == 200 else {}
    if len(found) == 1:
        (name, one), waiting = next(iter(found.items())), load(url)
        return {name: one._replace(in_flight=max(one.in_flight, waiting))}
    return found


def stand_still(before: dict[str, Any], found: dict[str, Engine], now: float) -> dict[str, Any]:
    """What is remembered: since when each engine stands still while it has requests, or the server says nothing."""
    known = before.get("engines", {})
    if not found:
        return {"engines": known, "mute": before.get("mute", now)}
    return {"engines": {name: _stands(known.get(name), one, now) for name, one in found.items()}}


def _stands(before: dict[str, Any] | None, one: Engine, now: float) -> dict[str, Any]:
    still = before and one.in_flight and before["in_flight"] and before["steps"] == one.steps
    return {"steps": one.steps, "in_flight": one.in_flight, "since": before["since"] if before and still else now}


def hung(memory: dict[str, Any], now: float, limit: float) -> str:
    """What was seen of a server that hangs; empty when it does not."""
    if "mute" in memory:
        mute = now - memory["mute"]
        return f"hangs: /metrics has not answered for {mute:.0f} s, and did before" if mute >= limit else ""
    for name, one in memory["engines"].items():
        stood = now - one["since"]
        if one["in_flight"] and stood >= limit:
            return f"hangs: no step for {stood:.0f} s with {one['in_flight']} requests (engine {name}: {one['steps']})"
    return ""


def works(box: dict[str, Any], url: str, model: str) -> bool:
    """Whether it is no fault after all: paused by somebody, or a request of one token is answered at once."""
    code, text = get(f"{url}/is_paused")
    if code == 200 and '"is_paused":true' in text.replace(" ", ""):
        return True
    folder = box["Config"]["Labels"].get(f"{COMPOSE}.project.working_dir", "")
    try:
        with open(os.path.join(folder, "secrets", "api_key"), encoding="utf-8") as handle:
            key = handle.read().strip()
    except OSError:
        key = ""
    question = {"model": model, "prompt": "1", "max_tokens": 1}
    return get(f"{url}/v1/completions", key, question, TEST)[0] == 200


def hanging(box: dict[str, Any], memory: dict[str, Any], limit: float) -> tuple[dict[str, Any], str]:
    """What is remembered of a container after this look, and what was seen if it hangs."""
    url, now, started = address(box), time.monotonic(), box["State"]["StartedAt"]
    found = look(url) if url else {}
    if not url or any(one.asleep for one in found.values()):
        return {}, ""
    # Another start, or nobody looked for long: what was seen then says nothing of now.
    fresh = memory.get("started") != started or not 0 <= now - memory.get("seen", now) <= limit
    if fresh and not found:
        return {}, ""
    memory = {**stand_still({} if fresh else memory, found, now), "started": started, "seen": now}
    seen = hung(memory, now, limit)
    if seen and found and works(box, url, next(iter(found.values())).model):
        say(f"{name_of(box)} {seen}, but it answered a request or is paused: left alone.")
        return {}, ""
    return memory, seen


def hung_containers(boxes: list[dict[str, Any]], limit: float, path: str) -> list[tuple[dict[str, Any], str]]:
    """Those whose engine hangs, and what was seen."""
    memory, after, found = read_state(path), {}, []
    for box in boxes:
        if limit and box["Config"]["Labels"][OWN].startswith(VLLM):
            before = memory.get(box["Id"])
            kept, seen = hanging(box, before if isinstance(before, dict) else {}, limit)
            after.update({box["Id"]: kept} if kept else {})
            found += [(box, seen)] if seen else []
    if after or memory:
        write_state(path, after)
    return found


# ---- recreating


def recent(state: dict[str, Any], name: str, now: float) -> list[float]:
    """When a container was recreated within the last hour."""
    times = state.get(name)
    return [moment for moment in times if now - HOUR < moment <= now] if isinstance(times, list) else []


def read_state(path: str) -> dict[str, Any]:
    """What was remembered; a file that can't be read is an empty one."""
    try:
        with open(path, encoding="utf-8") as handle:
            state = json.load(handle)
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def write_state(path: str, state: dict[str, Any]) -> None:
    """Before a container is recreated, so that a crash can't lead to one more try than allowed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path + ".new", "w", encoding="utf-8") as handle:
        json.dump(state, handle)
    os.replace(path + ".new", path)


def recreate(labels: dict[str, str], *seconds: str) -> tuple[int, str]:
    """Recreates one service under its project's lock, from files that proved to work. A restart would keep an older
    driver's mounts."""
    directory = labels.get(f"{COMPOSE}.project.working_dir", "")
    return run(sys.executable, RECREATE, directory, labels.get(f"{COMPOSE}.service", ""), *seconds, timeout=720)


def mend(box: dict[str, Any], seen: str, limit: int, path: str, *seconds: str) -> bool:
    """Recreates a container, unless that was tried too often; whether it was done."""
    name, now = name_of(box), time.time()
    state = read_state(path)
    tried = recent(state, name, now)
    if len(tried) >= limit:
        say(f"{name} {seen}, and was recreated {len(tried)} times within the last hour: left alone now.")
        return False
    write_state(path, {**state, name: [*tried, now]})
    say(f"{name} {seen}: recreating it, {len(tried) + 1} of {limit} within an hour.")
    code, output = recreate(box["Config"]["Labels"], *seconds)
    if code in (REFUSED, HELD):
        # Nothing was tried: a run of Ansible is at work, or was not ended. The next look comes soon.
        write_state(path, {**state, name: tried})
        say(f"{name} is left alone for now: {output}")
        return code == HELD
    say(f"{name} was recreated." if code == 0 else f"{name} could not be recreated: {output}")
    return code == 0


def watch(options: argparse.Namespace) -> int:
    """One look at all the containers; 1 when something is wrong that could not be mended."""
    boxes = containers()
    started = [start(box) for box in boxes if given_up(box)]
    lost = [(box, seen) for box in boxes for seen in [lost_gpu(box)] if seen]
    # Without a GPU no engine makes a step: one fault, mended once.
    sound = [box for box in boxes if box not in [one for one, _seen in lost]]
    stuck = hung_containers(sound, options.hang_timeout, os.path.join(os.path.dirname(options.state), "steps.json"))
    with_gpus = any(box["HostConfig"].get("DeviceRequests") for box, _seen in [*lost, *stuck])
    fault = host_fault() if with_gpus else ""
    if fault:
        say(fault)
        return 1
    mended = [mend(box, seen, options.limit, options.state) for box, seen in lost]
    # What hangs does not heed a signal that asks it to stop.
    mended += [mend(box, seen, options.limit, options.state, "0") for box, seen in stuck]
    return 0 if all([*started, *mended]) else 1


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--limit", type=int, default=3, help="recreations of one container within an hour")
    parser.add_argument("--hang-timeout", type=float, default=0, help="seconds without a step; 0: never looked for")
    parser.add_argument("--state", default="/var/lib/llmfleet/watch.json", help="where they are counted")
    options = parser.parse_args()
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), *OUTSIDE_PATH])
    return watch(options)


if __name__ == "__main__":
    sys.exit(main())
