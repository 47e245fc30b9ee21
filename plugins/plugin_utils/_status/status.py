# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status as one value, which the table, the page and the result are made from. The action status enters here."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import ends, hosts, models, usage
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.findings import findings, verdict
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import Readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import (
    Mapping,
    seconds_since,
    sum_of,
    text,
)


def status_of(readings: Readings) -> Mapping:
    """Everything, of plain types."""
    found: Mapping = {
        "time": readings.now.isoformat(timespec="seconds"),
        "plan_error": text(readings.plan_error, 400),
        "hosts": hosts.hosts(readings),
        "models": models.models(readings),
        "services": [_aged(readings, one) for one in hosts.services(readings)],
        "gates": hosts.gates(readings),
        "traffic": hosts.traffic(readings),
        "images": hosts.images(readings),
        "keys": ends.keys(readings),
        "database": usage.database(readings),
        "usage": usage.usage(readings),
        "certificates": ends.certificates(readings),
        "backup": ends.backup(readings),
        "drift": ends.drift(readings),
    }
    for model in found["models"]:
        model["replicas"] = [_aged(readings, one) for one in model["replicas"]]
    told = findings(found)
    problems = [one._asdict() for one in told]
    return {**found, "totals": totals(found), "verdict": verdict(told), "problems": problems}


def _aged(readings: Readings, one: Mapping) -> Mapping:
    return {**one, "age_seconds": seconds_since(one["started"], readings.now)}


def totals(found: Mapping) -> Mapping:
    """The figures that are looked at first."""
    cards = [card for host in found["hosts"] for card in host["gpus"]]
    served: list[Mapping] = found["models"]
    return {
        "hosts": len(found["hosts"]),
        "hosts_read": sum(1 for host in found["hosts"] if host["read"]),
        "gpus": len(cards),
        "gpus_declared": sum(host["gpus_declared"] for host in found["hosts"]),
        "gpu_bytes": sum_of(card["memory_bytes"] for card in cards),
        "gpu_used_bytes": sum_of(card["used_bytes"] for card in cards),
        "gpu_planned_bytes": sum_of(card["planned_bytes"] for card in cards),
        "models": len(served),
        "replicas": sum(model["wanted"] for model in served),
        "replicas_ready": sum(model["ready"] for model in served),
        "requests_per_second": sum_of(one["requests_per_second"] for one in found["traffic"]),
        **{name: sum_of(model[name] for model in served) for name in _SUMMED},
    }


_SUMMED: t.Sequence[str] = ("running", "waiting", "prompt_tokens_per_second", "generation_tokens_per_second")
