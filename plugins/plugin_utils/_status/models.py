# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models with their replicas: which are ready, and what they have to do."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import VLLM, Readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import (
    Mapping,
    amount,
    items,
    mapping,
    number,
    sum_of,
    text,
    texts,
    whole,
)

READY, DRAINED, UNKNOWN, MISSING, SILENT, AWAY = "ready", "drained", "unknown", "missing", "silent", "away"
#: Figures of an instance that go on as they are.
FIGURES = (
    "running",
    "waiting",
    "kv_cache_percent",
    "prefix_hit_percent",
    "first_token_ms",
    "request_ms",
    "requests",
    "requests_aborted",
    "preemptions",
    "requests_per_second",
    "prompt_tokens_per_second",
    "generation_tokens_per_second",
)
SUMMED = (
    "running",
    "waiting",
    "requests_per_second",
    "prompt_tokens_per_second",
    "generation_tokens_per_second",
)


def models(readings: Readings) -> list[Mapping]:
    """In the order of the declaration."""
    by_name: dict[str, list[Mapping]] = {}
    for one in wanted(readings):
        by_name.setdefault(text(one.get("model_name")), []).append(replica(readings, one))
    return [_model(name, replicas) for name, replicas in by_name.items()]


def wanted(readings: Readings) -> list[Mapping]:
    """Instances with an API that there should be; without a plan, those that are there."""
    if readings.planned:
        return [one for one in readings.instances() if not one.get("rank")]
    return [
        {"server": host, "name": name, "model_name": name, "container": text(box.get("name")), "gpus": []}
        for host in readings.names
        for box in readings.boxes(host)
        if box.get("service") == "vllm" and (name := text(box.get("project")).removeprefix(VLLM))
    ]


def _model(name: str, replicas: list[Mapping]) -> Mapping:
    found: Mapping = {
        "name": name,
        "model": next((one["model"] for one in replicas if one["model"]), ""),
        "wanted": len(replicas),
        "ready": sum(1 for one in replicas if one["state"] == READY),
        "versions": sorted({one["version"] for one in replicas if one["version"]}),
        "kv_cache_percent": max((amount(one["kv_cache_percent"]) for one in replicas), default=0.0),
        "replicas": replicas,
    }
    times = [one["first_token_ms"] for one in replicas if one["first_token_ms"] is not None]
    found["first_token_ms"] = max(times) if times else None
    return {**found, **{key: sum_of(one[key] for one in replicas) for key in SUMMED}}


# ---- one replica


def replica(readings: Readings, one: Mapping) -> Mapping:
    host, container = text(one.get("server")), text(one.get("container"))
    box: Mapping = next((box for box in readings.boxes(host) if box.get("name") == container), {})
    told: Mapping = next(
        (told for told in items(readings.host(host).get("vllm")) if told.get("container") == container), {}
    )
    gates = gate_rows(readings, mapping(one.get("gate")))
    state, why = state_of(readings, one, box, told, [row["status"] for row in gates])
    return {
        "server": host,
        "name": text(one.get("name")),
        "model": text(one.get("model")),
        "container": container,
        "gpus": [gpu for gpu in map(whole, one.get("gpus") or []) if gpu is not None],
        "state": state,
        "detail": why,
        "version": text(told.get("version") or box.get("version"), 40),
        "image": text(box.get("image")),
        "digest": text(box.get("digest"), 80),
        "started": text(box.get("started"), 40),
        "restarts": whole(box.get("restarts")),
        "memory_bytes": whole(box.get("memory_bytes")),
        "gates": gates,
        **{name: number(told.get(name)) for name in FIGURES},
    }


def gate_rows(readings: Readings, gate: Mapping) -> list[Mapping]:
    """How each gateway's gate sees it."""
    found = []
    for name in texts(readings.value.get("gateways")):
        for row in items(mapping(readings.host(name).get("gate")).get("servers")):
            if row.get("backend") == gate.get("backend") and row.get("server") == gate.get("server"):
                found.append(
                    {"gateway": name, "status": text(row.get("status"), 20), "errors": whole(row.get("errors"))}
                )
    return found


def state_of(readings: Readings, one: Mapping, box: Mapping, told: Mapping, gates: t.Sequence[str]) -> tuple[str, str]:
    """A word, and what was seen."""
    host = text(one.get("server"))
    if not readings.read(host) or readings.fault(host, "containers"):
        return UNKNOWN, readings.reasons.get(host) or readings.fault(host, "containers")
    if not box:
        return MISSING, "there is no container of it"
    if box.get("state") != "running":
        return text(box.get("state"), 20) or UNKNOWN, text(
            box.get("error")
        ) or f"exit code {whole(box.get('exit_code'))}"
    if box.get("health") in ("starting", "unhealthy"):
        return text(box.get("health")), ""
    if told and not told.get("answers"):
        return SILENT, text(told.get("error"))
    if {host, f"{host}/{text(one.get('name'))}"} & set(texts(readings.value.get("drained"))):
        return DRAINED, "by the playbook drain"
    if gates and not any(status.startswith(("UP", "no check")) for status in gates):
        return AWAY, f"for the gates it is {', '.join(sorted(set(gates)))}"
    return READY, ""
