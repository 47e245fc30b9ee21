# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Readings of a fleet of any size, as the tasks of the playbook status register them: sound, or in trouble."""

from __future__ import annotations

import datetime
import math
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca import certificates
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import Readings

Value = dict[str, t.Any]

NOW = datetime.datetime(2026, 11, 26, 10, 20, tzinfo=datetime.timezone.utc)
GIB = 1024**3
MODELS = (
    ("assistant", "Qwen/Qwen2.5-72B-Instruct-AWQ", 4),
    ("coder", "Qwen/Qwen2.5-Coder-32B-Instruct", 2),
    ("chat-small", "Qwen/Qwen2.5-7B-Instruct", 1),
    ("embed", "BAAI/bge-m3", 1),
)
PER_SERVER = 8
CERTIFICATE = certificates.certificate("s" * 48, "llm.example.com", ["10.0.0.1"], NOW).partition("-----BEGIN PRIV")[0]


def ago(**more: float) -> str:
    return (NOW - datetime.timedelta(**more)).isoformat().replace("+00:00", ".123456789Z")


def box(project: str, service: str, image: str, **more: t.Any) -> Value:
    found = {
        "name": project,
        "id": "c" * 64,
        "project": project,
        "service": service,
        "state": "running",
        "health": "healthy",
        "exit_code": 0,
        "error": "",
        "oom_killed": False,
        "restarts": 0,
        "created": ago(days=3),
        "started": ago(days=3),
        "finished": "",
        "image": image,
        "image_id": "sha256:" + "1f" * 32,
        "digest": "sha256:" + f"{abs(hash_of(image)):064x}"[-64:],
        "version": "",
        "devices": [],
        "ports": [],
        "addresses": {project: "172.20.0.2"},
        "memory_bytes": 1.4 * GIB,
        "memory_limit_bytes": None,
    }
    return {**found, **more}


def hash_of(text: str) -> int:
    """The same in every run."""
    return sum((place + 7) ** 9 * ord(one) for place, one in enumerate(text))


# ---- the fleet


def servers_of(count: int) -> list[str]:
    return (
        ["llm1"]
        if count == 1
        else [f"gpu{number:02}" if count > 9 else f"gpu{number}" for number in range(1, count + 1)]
    )


def gateways_of(count: int) -> list[str]:
    return ["llm1"] if count == 1 else ["gateway1", "gateway2"]


def instances(count: int) -> list[Value]:
    """Each server has the first model on four cards, and the smaller ones on the rest; a fleet of one is smaller."""
    found = []
    for server in servers_of(count):
        place = 0
        for name, model, cards in MODELS[2:] if count == 1 else MODELS:
            gpus = list(range(place, place + cards))
            place += cards
            share = 0.9 if count > 1 else 0.45
            if count == 1:
                gpus, place = [0], 0
            found.append(
                {
                    "name": name,
                    "model_name": name,
                    "model": model,
                    "server": server,
                    "gpus": gpus,
                    "container": f"llmfleet-vllm-{name}",
                    "gate": {"backend": f"vllm-{name}", "server": f"{server}:{name}"},
                    "options": {"gpu-memory-utilization": share},
                    "host_network": False,
                    "metrics": "http://127.0.0.1:8001/metrics",
                    "rank": 0,
                    "unit": [],
                }
            )
    return found


def project(name: str, service: str, image: str, role: str = "") -> Value:
    compose = {"services": {service: {"container_name": name, "image": image}}}
    return {"name": name, "state": "present", "vars": {f"{role or service}_instance": {"compose": compose}}}


IMAGES = {
    "postgres": "docker.io/library/postgres:17.11",
    "gate": "docker.io/library/haproxy:3.0.11",
    "litellm": "ghcr.io/berriai/litellm:v1.104.5",
    "edge": "docker.io/library/caddy:2.11.4",
    "vllm": "docker.io/vllm/vllm-openai:v0.32.0",
}


def views(count: int, name: str) -> Value:
    found: Value = {"gate": {"projects": [project("llmfleet-gate", "gate", IMAGES["gate"])]}}
    own = [one for one in instances(count) if one["server"] == name]
    if own:
        found["vllm"] = {"projects": [project(one["container"], "vllm", IMAGES["vllm"]) for one in own]}
    if name in gateways_of(count):
        litellm = project("llmfleet-litellm-1", "litellm", IMAGES["litellm"])
        settings = {"maximum_spend_logs_retention_period": "90d"}
        litellm["vars"]["litellm_instance"]["config"] = {"general_settings": settings}
        found["litellm"] = {"projects": [litellm]}
        edge = project("llmfleet-edge", "edge", IMAGES["edge"])
        edge["vars"]["edge_instance"]["compose"]["services"]["edge"]["ports"] = ["80:8080", "443:8443"]
        found["edge"] = {"projects": [edge], "url": "https://llm.example.com"}
    if name == gateways_of(count)[0]:
        postgres = project("llmfleet-postgres", "postgres", IMAGES["postgres"])
        postgres["vars"]["postgres_instance"]["database"] = {"identifier": '"litellm"', "literal": "'litellm'"}
        found["postgres"] = {"projects": [postgres]}
    return found


def value(count: int) -> Value:
    names = list(dict.fromkeys([*gateways_of(count), *servers_of(count)]))
    cards = 1 if count == 1 else PER_SERVER
    hosts = {
        name: {
            "address": f"10.0.0.{place}",
            "gpu_count": cards if name in servers_of(count) else 0,
            "look": {"models_dir": "/opt/llmfleet/models"} if name in servers_of(count) else {},
            **views(count, name),
        }
        for place, name in enumerate(names, 1)
    }
    return {
        "stage": "known",
        "root": "/opt/llmfleet",
        "gateways": gateways_of(count),
        "gpu_servers": servers_of(count),
        "instances": instances(count),
        "leaving": [],
        "drained": [],
        "services": [
            {"name": "postgres", "hosts": gateways_of(count)[:1], "data": "/opt/llmfleet/postgres"},
            {"name": "backup", "hosts": gateways_of(count)[:1], "data": "/opt/llmfleet/backup"},
        ],
        "hosts": hosts,
    }


# ---- what hosts said


def told(one: Value, seed: int) -> Value:
    busy = 0.5 + 0.5 * math.sin(seed * 1.7)
    chats = one["name"] != "embed"
    return {
        "container": one["container"],
        "answers": True,
        "error": "",
        "version": "0.32.0",
        "running": int(2 + 14 * busy),
        "waiting": 0,
        "kv_cache_percent": round(20 + 55 * busy, 1),
        "requests": 40000 + 917 * seed,
        "requests_aborted": 12,
        "prompt_tokens": 9000000,
        "generation_tokens": 4000000,
        "preemptions": 0,
        "prefix_hit_percent": 42.5 if chats else None,
        "first_token_ms": round(180 + 300 * busy, 1) if chats else None,
        "request_ms": 4200.0,
        "requests_per_second": round(0.8 + 2 * busy, 2),
        "prompt_tokens_per_second": round(900 + 1500 * busy, 1),
        "generation_tokens_per_second": round(400 + 900 * busy, 1) if chats else 0.0,
    }


def card(index: int, seed: int) -> Value:
    busy = 0.5 + 0.5 * math.sin(seed * 1.3 + index)
    return {
        "index": index,
        "uuid": f"GPU-{seed}-{index}",
        "name": "NVIDIA H100 80GB HBM3",
        "memory_total_mib": 81559.0,
        "memory_used_mib": round(81559 * (0.78 + 0.13 * busy)),
        "busy_percent": round(30 + 65 * busy),
        "celsius": round(45 + 30 * busy),
        "watts": round(250 + 400 * busy),
        "watts_limit": 700.0,
    }


def gate(count: int, gateway: bool) -> Value:
    servers = [
        {**one["gate"], "status": "UP", "running": 3, "waiting": 0, "requests": 5000, "errors": 0}
        for one in instances(count)
    ]
    entrance = {"name": "litellm", "running": 40, "requests": 900000, "requests_per_second": 1.3 * count + 2.1}
    return {
        "answers": True,
        "error": "",
        "version": "3.0.11",
        "servers": servers if gateway else [],
        "entrances": [{**entrance, "answers_2xx": 899000, "answers_4xx": 900, "answers_5xx": 100}] if gateway else [],
    }


def disk(paths: list[str], total: float, free: float) -> Value:
    return {"paths": paths, "free_bytes": free, "used_bytes": total - free, "inodes": 10**7, "inodes_free": 9 * 10**6}


def host(count: int, name: str, seed: int) -> Value:
    own = [one for one in instances(count) if one["server"] == name]
    gateway, server = name in gateways_of(count), name in servers_of(count)
    boxes = [box("llmfleet-gate", "gate", IMAGES["gate"], memory_bytes=60e6)]
    boxes += [box(one["container"], "vllm", IMAGES["vllm"], memory_bytes=6 * GIB) for one in own]
    if gateway:
        boxes += [box("llmfleet-litellm-1", "litellm", IMAGES["litellm"], memory_limit_bytes=4 * GIB)]
        boxes += [box("llmfleet-edge", "edge", IMAGES["edge"], memory_bytes=90e6)]
    if name == gateways_of(count)[0]:
        boxes += [box("llmfleet-postgres", "postgres", IMAGES["postgres"], memory_bytes=0.7 * GIB)]
    proxy = {
        "container": "llmfleet-litellm-1",
        "answers": True,
        "error": "",
        "version": "1.104.5",
        "database": "connected",
    }
    cards = 1 if count == 1 else PER_SERVER
    disks = [disk(["/opt/llmfleet", "/var/lib/docker", "/opt/llmfleet/postgres"], 900 * GIB, 500 * GIB)]
    if server:
        disks.append(disk(["/opt/llmfleet/models"], 3600 * GIB, (1600 - 20 * seed) * GIB))
    shown = [{"name": "edge", "pem": CERTIFICATE, "error": ""}] if gateway else []
    memory = 2063000 if server else 64000
    return {
        "containers": boxes,
        "vllm": [told(one, seed + place) for place, one in enumerate(own)],
        "litellm": [proxy] if gateway else [],
        "gate": gate(count, gateway),
        "gpus": {"gpus": [card(index, seed) for index in range(cards)], "error": ""} if server else None,
        "machine": {
            "system": "Ubuntu 24.04.2 LTS",
            "kernel": "6.8.0-60-generic",
            "uptime_seconds": 4233600 - 86400 * seed,
            "load": 11.5 + seed % 9,
            "cpus": 128 if server else 16,
            "memory_mb": memory,
            "memory_available_mb": memory * 0.7,
        },
        "disks": disks,
        "certificates": shown,
        "backup": BACKUP if name == gateways_of(count)[0] else None,
        "faults": {},
    }


BACKUP = {
    "finished": ago(hours=7),
    "ok": True,
    "file": "/opt/llmfleet/backup/2026-11-26T03-20.tar.age",
    "bytes": 1.2 * GIB,
    "seconds": 41,
    "restore_tested": ago(days=4),
    "message": "",
}


# ---- the database and the proxy


def wave(place: int, length: int) -> float:
    return 0.55 + 0.45 * math.sin(2 * math.pi * (place - 8) / length)


def hours(count: int) -> list[Value]:
    found = []
    for back in range(47, -1, -1):
        at = (NOW - datetime.timedelta(hours=back)).replace(minute=0)
        busy = wave(at.hour, 24) * count
        found.append(
            {
                "hour": at.strftime("%Y-%m-%dT%H:00:00Z"),
                "requests": round(900 * busy + 37 * (back % 5)),
                "failed": round(60 * busy) if back in (20, 21) else round(2 * busy),
                "prompt_tokens": round(800000 * busy),
                "completion_tokens": round(300000 * busy),
                "median_seconds": round(2.1 + wave(at.hour, 24), 2),
                "p95_seconds": round(6 + 5 * wave(at.hour, 24) + (9 if back in (20, 21) else 0), 2),
            }
        )
    return found


def days(count: int) -> list[Value]:
    found = []
    for back in range(29, -1, -1):
        date = NOW.date() - datetime.timedelta(days=back)
        week = 0.35 if date.weekday() > 4 else 1.0
        for place, (name, _model, _cards) in enumerate((*MODELS, ("gpt-4.1 (external)", "", 0))):
            tokens = 3.1e7 * count * week * (1.0 - 0.19 * place) * (0.6 + 0.4 * wave(back, 11))
            requests = round(tokens / 2400)
            found.append(
                {
                    "day": date.isoformat(),
                    "model": name,
                    "requests": requests,
                    "failed": round(requests * 0.004),
                    "prompt_tokens": round(tokens * 0.7),
                    "completion_tokens": round(tokens * 0.3),
                    "spend": tokens * 2e-7,
                }
            )
    return found


def database(count: int) -> Value:
    names = (
        "search-backend",
        "ide-plugin",
        "support-bot",
        "notebooks",
        "evaluation",
        "night-batch",
        "hr-assistant",
        "demo",
    )
    users = [
        {"key": name, "tokens": round(9e8 * count / (place + 1)), "requests": 9000, "spend": 12.0}
        for place, name in enumerate(names)
    ]
    return {
        "host": gateways_of(count)[0],
        "server": {
            "version": "17.11",
            "bytes": 31 * GIB,
            "connections": 22,
            "max_connections": 100,
            "started": ago(days=20),
            "longest_transaction_seconds": 1,
        },
        "tables": [
            {"name": "LiteLLM_SpendLogs", "bytes": 26 * GIB, "rows": 9400000},
            {"name": "LiteLLM_SpendLogToolIndex", "bytes": 2.1 * GIB, "rows": 1400000},
            {"name": "LiteLLM_DailyUserSpend", "bytes": 610e6, "rows": 880000},
            {"name": "LiteLLM_DailyTagSpend", "bytes": 240e6, "rows": 310000},
            {"name": "LiteLLM_VerificationToken", "bytes": 4.2e6, "rows": 512},
            {"name": "LiteLLM_UserTable", "bytes": 1.1e6, "rows": 260},
        ],
        "logs": {"rows": 210000 * 7, "days": 7, "oldest_days": 41.5},
        "days": days(count),
        "hours": hours(count),
        "users": users,
        "budgets": [{"kind": "team", "name": "research", "spend": 910.0, "max_budget": 1000.0}],
        "faults": {},
    }


def keys() -> Value:
    found = [
        {"key_alias": f"app-{number}", "spend": 3.0 * number, "max_budget": 1000.0, "expires": None, "blocked": None}
        for number in range(58)
    ]
    found += [
        {"key_alias": "ide-plugin", "spend": 96.4, "max_budget": 100.0, "expires": None},
        {"key_alias": "evaluation", "spend": 204.1, "max_budget": 200.0, "expires": None},
        {
            "key_alias": "intern-2026",
            "spend": 4.1,
            "max_budget": 50.0,
            "expires": (NOW + datetime.timedelta(days=3)).isoformat(),
        },
    ]
    return {"objects": {"keys": found}}


def readings(count: int, **more: t.Any) -> Readings:
    """Of a fleet in which nothing is wrong but some keys."""
    known = value(count)
    hosts = {name: host(count, name, seed) for seed, name in enumerate(known["hosts"])}
    found = Readings(known, NOW, hosts, {}, "", database(count), keys(), {"operations": []})
    return found._replace(**more)


def troubled(count: int) -> Readings:
    """The same with what goes wrong in real life."""
    found = readings(count)
    hosts = dict(found.hosts)
    last, first = servers_of(count)[-1], gateways_of(count)[0]
    for one in hosts[last]["containers"]:
        if one["name"] == "llmfleet-vllm-embed":
            one.update(state="restarting", health="unhealthy", exit_code=1, restarts=14, started=ago(minutes=2))
    for one in hosts[last]["vllm"]:
        if one["container"] == "llmfleet-vllm-embed":
            one.update(answers=False, error="/metrics does not answer: timed out", running=None, waiting=None)
        if one["container"] == "llmfleet-vllm-chat-small":
            one.update(waiting=37, kv_cache_percent=98.2)
    if count > 2:
        lost = servers_of(count)[1]
        hosts.pop(lost)
        reasons = {lost: "Failed to connect to the host via ssh: connect to host 10.0.0.4 port 22: No route to host"}
        found = found._replace(reasons=reasons)
        hosts[servers_of(count)[0]]["gpus"]["gpus"][3].update(celsius=91.0)
        hosts[servers_of(count)[0]]["disks"][1].update(free_bytes=150 * GIB, used_bytes=3450 * GIB)
    hosts[first]["backup"] = {**BACKUP, "finished": ago(days=3)}
    drift = {"operations": [{"kind": "key", "name": "old-demo", "operation": "delete"}]}
    return found._replace(hosts=hosts, drift=drift)
