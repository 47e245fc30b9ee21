# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which models have to be described by the hub or by a folder of a server, and what came of it. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import known, label
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.names import model_key

Entry = t.Mapping[str, t.Any]


def key(entry: Entry) -> str:
    """How the description of an entry's model is named."""
    model = str(entry["model"])
    return model if model.startswith("/") else model_key(model, str(entry.get("revision") or ""))


def description(entry: Entry, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What the catalogue says of an entry's model, else what was read of it; nothing where neither knows it."""
    if not isinstance(entry.get("model"), str):
        return {}
    return known(entry["model"]) or dict(found.get(key(entry)) or {})


def wants_plan(entry: t.Any) -> bool:
    """Whether the memory planner is to judge an entry."""
    return isinstance(entry, dict) and isinstance(entry.get("model"), str) and entry.get("memory_check") is not False


def to_describe(models: t.Any, hosts: t.Iterable[Host]) -> list[Entry]:
    """Entries whose model the catalogue lacks although its memory is to be planned."""
    planning = any(host.gpu_count and host.variables["vllm_memory_check"] for host in hosts)
    if not planning or not isinstance(models, list):
        return []
    return [entry for entry in models if wants_plan(entry) and not known(entry["model"])]


def hub_models(models: t.Any, hosts: t.Iterable[Host]) -> list[str]:
    """Keys of the repositories that the hub is asked for, each once."""
    wanted = to_describe(models, hosts)
    return list(dict.fromkeys(key(entry) for entry in wanted if not entry["model"].startswith("/")))


def model_folders(models: t.Any, host: Host) -> list[str]:
    """Folders that a server is asked for, each once."""
    wanted = to_describe(models, [host])
    return list(dict.fromkeys(entry["model"] for entry in wanted if entry["model"].startswith("/")))


def from_folders(hosts: t.Iterable[Host]) -> dict[str, t.Any]:
    """Descriptions that the servers' folders gave; the first server that has one says it."""
    found: dict[str, t.Any] = {}
    for host in hosts:
        for path, one in (host.facts.get("model_folders") or {}).items():
            if one.get("config"):
                found.setdefault(path, {"config": one["config"], "weight_bytes": one.get("weight_bytes")})
    return found


def lacking(models: t.Sequence[t.Any], hosts: t.Iterable[Host], found: t.Mapping[str, t.Any]) -> list[str]:
    """Models that the hub was asked for in vain and that no earlier run has read: a later answer would change the plan."""
    faults = []
    for entry in to_describe(models, hosts):
        error = (found.get(key(entry)) or {}).get("error")
        if error:
            faults.append(
                f"{label(entry, models.index(entry))}: it is not known what the model takes. {error} Or set"
                " memory_check: false of the model, which then starts with a share of 0.9"
            )
    return faults
