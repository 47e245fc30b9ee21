# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Hosts: the machine, disks, GPUs with what is planned on them, services in containers, images."""

from __future__ import annotations

import re

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import LITELLM, VLLM, Readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import (
    Mapping,
    items,
    mapping,
    number,
    text,
    texts,
    whole,
)

MIB = 1024 * 1024


def hosts(readings: Readings) -> list[Mapping]:
    return [host(readings, name) for name in readings.names]


def host(readings: Readings, name: str) -> Mapping:
    said = mapping(mapping(readings.value.get("hosts")).get(name))
    read = readings.host(name)
    machine = mapping(read.get("machine"))
    memory, free = number(machine.get("memory_mb")), number(machine.get("memory_available_mb"))
    return {
        "name": name,
        "address": text(said.get("address"), 64),
        "roles": [role for role in ("gateways", "gpu_servers") if name in texts(readings.value.get(role))],
        "read": readings.read(name),
        "reason": text(readings.reasons.get(name)),
        "faults": {part: text(why) for part, why in mapping(read.get("faults")).items()},
        "system": text(machine.get("system"), 60),
        "kernel": text(machine.get("kernel"), 60),
        "uptime_seconds": number(machine.get("uptime_seconds")),
        "load": number(machine.get("load")),
        "cpus": whole(machine.get("cpus")),
        "memory_bytes": None if memory is None else memory * MIB,
        "memory_free_bytes": None if free is None else free * MIB,
        "disks": [disk(one) for one in items(read.get("disks"))],
        "gpus_declared": whole(said.get("gpu_count")) or 0,
        "gpus": gpus(readings, name),
        "gpu_error": text(mapping(read.get("gpus")).get("error")),
        "containers": len(readings.boxes(name)),
    }


def disk(one: Mapping) -> Mapping:
    free, used = number(one.get("free_bytes")), number(one.get("used_bytes"))
    total = free + used if free is not None and used is not None else None
    inodes, left = number(one.get("inodes")), number(one.get("inodes_free"))
    return {
        "paths": texts(one.get("paths")),
        "free_bytes": free,
        "total_bytes": total,
        "free_percent": 100 * free / total if total and free is not None else None,
        "inodes_free_percent": 100 * left / inodes if inodes and left is not None else None,
    }


# ---- GPUs


def gpus(readings: Readings, name: str) -> list[Mapping]:
    placed = [one for one in readings.instances() if one.get("server") == name]
    found = []
    for card in items(mapping(readings.host(name).get("gpus")).get("gpus")):
        index, total = whole(card.get("index")), number(card.get("memory_total_mib"))
        on_it = [one for one in placed if index is not None and index in (one.get("gpus") or [])]
        shares = [number(mapping(one.get("options")).get("gpu-memory-utilization")) for one in on_it]
        known = [share for share in shares if share is not None]
        used = number(card.get("memory_used_mib"))
        found.append(
            {
                "index": index,
                "name": text(card.get("name"), 60),
                "memory_bytes": None if total is None else total * MIB,
                "used_bytes": None if used is None else used * MIB,
                "planned_bytes": total * MIB * min(sum(known), 1.0) if total is not None and known else None,
                "busy_percent": number(card.get("busy_percent")),
                "celsius": number(card.get("celsius")),
                "watts": number(card.get("watts")),
                "watts_limit": number(card.get("watts_limit")),
                "instances": [text(one.get("name")) for one in on_it],
            }
        )
    return found


# ---- services


def services(readings: Readings) -> list[Mapping]:
    """Containers that are no instance of vLLM."""
    return [
        service(readings, name, box)
        for name in readings.names
        for box in readings.boxes(name)
        if not text(box.get("project")).startswith(VLLM)
    ]


def service(readings: Readings, name: str, box: Mapping) -> Mapping:
    project = text(box.get("project"))
    return {
        "host": name,
        "name": text(box.get("name")),
        "project": project,
        "service": text(box.get("service"), 40),
        "state": text(box.get("state"), 20),
        "health": text(box.get("health"), 20),
        "exit_code": whole(box.get("exit_code")),
        "version": version(readings, name, box),
        "image": text(box.get("image")),
        "digest": text(box.get("digest"), 80),
        "started": text(box.get("started"), 40),
        "restarts": whole(box.get("restarts")),
        "memory_bytes": whole(box.get("memory_bytes")),
        "memory_limit_bytes": whole(box.get("memory_limit_bytes")),
        **(_proxy(readings, name, box) if project.startswith(LITELLM) else {}),
    }


def _proxy(readings: Readings, name: str, box: Mapping) -> Mapping:
    told: Mapping = next(
        (one for one in items(readings.host(name).get("litellm")) if one.get("container") == box.get("name")), {}
    )
    return {
        "answers": bool(told.get("answers")),
        "error": text(told.get("error")),
        "database": text(told.get("database"), 40),
    }


def version(readings: Readings, name: str, box: Mapping) -> str:
    """What the program says, then what its image says, then the tag."""
    project = text(box.get("project"))
    said = ""
    if project.startswith(LITELLM):
        told = items(readings.host(name).get("litellm"))
        said = next((text(one.get("version"), 40) for one in told if one.get("container") == box.get("name")), "")
    elif project == "llmfleet-gate":
        said = text(mapping(readings.host(name).get("gate")).get("version"), 40)
    elif project == "llmfleet-postgres":
        said = text(mapping(mapping(readings.database).get("server")).get("version"), 40).partition(" ")[0]
    tag = re.search(r":([\w.-]{1,60})(@|$)", text(box.get("image")))
    return said or text(box.get("version"), 40) or (tag.group(1)[:20] if tag else "")


def images(readings: Readings) -> list[Mapping]:
    """Each image with the digests that it has on the hosts; by its identifier where a registry knows none."""
    found: dict[str, dict[str, list[str]]] = {}
    for name in readings.names:
        for box in readings.boxes(name):
            digest = text(box.get("digest"), 80) or text(box.get("image_id"), 80)
            on = found.setdefault(text(box.get("image")), {}).setdefault(digest, [])
            if name not in on:
                on.append(name)
    return [
        {"image": image, "digests": [{"digest": digest, "hosts": on} for digest, on in digests.items()]}
        for image, digests in sorted(found.items())
    ]


def traffic(readings: Readings) -> list[Mapping]:
    """What enters through each gateway's gate."""
    found = []
    for name in texts(readings.value.get("gateways")):
        gate = mapping(readings.host(name).get("gate"))
        for one in items(gate.get("entrances")):
            if one.get("name") == "litellm":
                figures = ("running", "requests", "requests_per_second", "answers_2xx", "answers_4xx", "answers_5xx")
                found.append({"gateway": name, **{key: number(one.get(key)) for key in figures}})
    return found


def gates(readings: Readings) -> list[Mapping]:
    return [
        {"host": name, "answers": bool(gate.get("answers")), "error": text(gate.get("error"))}
        for name in readings.names
        if (gate := mapping(readings.host(name).get("gate")))
    ]
