# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole reading of a host: each part by itself and all at once. What can't be read is named, and keeps no other from being told."""

from __future__ import annotations

import concurrent.futures
import os
import time
import typing as t

from .._host.run import Run
from . import gate, machine, vllm
from .containers import containers
from .http import get
from .readers import reader

Asked = t.Mapping[str, t.Any]
Found = dict[str, t.Any]

VLLM, LITELLM, GATE_SOCKET = "llmfleet-vllm-", "llmfleet-litellm-", "gate/run/admin.sock"
#: Ports inside the containers.
VLLM_PORT, LITELLM_PORT = 8000, 4000
Urls = t.Mapping[str, str]
#: Questions at the same time; a server has a few instances.
AT_ONCE = 16


def look(run: Run, asked: Asked, root: str = "/", sleep: t.Callable[[float], None] = time.sleep) -> Found:
    """Everything, with what could not be read in `faults`."""
    parts: dict[str, t.Callable[[], Found]] = {
        "machine": lambda: {"machine": machine.machine(root)},
        "disks": lambda: {"disks": machine.disks(asked["disks"])},
        "backup": lambda: {"backup": machine.backup(asked["backup"]) if asked["backup"] else None},
        "certificates": lambda: {"certificates": [machine.certificate(one) for one in asked["certificates"]]},
        "containers": lambda: programs(run, asked, root, sleep),
    }
    if asked["gpus"]:
        parts["gpus"] = lambda: {"gpus": machine.gpus(run)}
    nothing: Found = {"machine": {}, "disks": [], "backup": None, "certificates": [], "containers": [], "read_by": None}
    found: Found = {**nothing, "vllm": [], "litellm": [], "gate": None, "gpus": None, "faults": {}}
    with concurrent.futures.ThreadPoolExecutor(max_workers=len(parts)) as pool:
        for name, (answer, fault) in zip(parts, pool.map(_guarded, parts.values())):
            found.update(answer)
            found["faults"].update({name: fault} if fault else {})
    return found


def _guarded(part: t.Callable[[], Found]) -> tuple[Found, str]:
    try:
        return part(), ""
    except Exception as error:
        return {}, f"{type(error).__name__}: {error}"[:300]


def programs(run: Run, asked: Asked, root: str, sleep: t.Callable[[float], None]) -> Found:
    """Containers, and what those of vLLM, LiteLLM and the gate say of themselves, twice where something is counted."""
    asking = reader(run)
    boxes = containers(asking, root)
    instances = [box for box in boxes if box["project"].startswith(VLLM) and box["service"] == "vllm"]
    proxies = [box for box in boxes if box["project"].startswith(LITELLM)]
    socket = os.path.join(asked["root"], GATE_SOCKET)
    has_gate = any(box["project"] == "llmfleet-gate" for box in boxes)
    urls = [_url(box, asked["urls"]) for box in instances]
    with concurrent.futures.ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        before = list(pool.map(_metrics, urls))
        gate_before = gate.read(socket, time.monotonic()) if has_gate else None
        versions = list(pool.map(_version, urls))
        answers = list(pool.map(proxy, proxies))
        if before or gate_before:
            sleep(asked["seconds"])
        after = list(pool.map(_metrics, urls))
    told = [
        {"container": box["name"], "version": version, **vllm.report(*readings)}
        for box, version, readings in zip(instances, versions, zip(before, after))
    ]
    passed = gate.report(gate_before, gate.read(socket, time.monotonic())) if gate_before else None
    return {"containers": boxes, "read_by": asking.read_by, "vllm": told, "litellm": answers, "gate": passed}


def _url(box: Found, urls: Urls) -> str:
    """An instance in its host's network has no address of its own, and one without an API none at all."""
    return vllm.address(box, VLLM_PORT) or (urls.get(box["name"], "") if box["state"] == "running" else "")


def _metrics(url: str) -> vllm.Reading:
    answer = get(f"{url}/metrics") if url else vllm.Answer(0, "it is not running, or has no address")
    return vllm.Reading(answer, time.monotonic())


def _version(url: str) -> str:
    return vllm.version(url) if url else ""


def proxy(box: Found) -> Found:
    """What a LiteLLM says of itself and its database."""
    url = vllm.address(box, LITELLM_PORT)
    answer = get(f"{url}/health/readiness") if url else vllm.Answer(0, f"the container is {box['state']}")
    said = answer.mapping()
    return {
        "container": box["name"],
        "answers": answer.status == 200,
        "error": "" if answer.status == 200 else (answer.text[:200] or f"it answers {answer.status}"),
        "version": str(said.get("litellm_version") or "")[:80],
        "database": str(said.get("db") or "")[:80],
    }
