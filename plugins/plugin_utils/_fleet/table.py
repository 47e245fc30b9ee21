# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The plan of the fleet as lines of text, one an instance, for people. Pure."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.table import aligned

HEADINGS = ("server", "gpu", "instance", "model", "share", "context", "tokens", "requests", "peak", "free")


def lines(instances: t.Sequence[t.Mapping[str, t.Any]]) -> list[str]:
    """Sizes are GiB of each GPU; peak and free count the instances that started before on the same GPU. Under the table
    stands why an instance is not planned, or what its plan relies on."""
    rows = [HEADINGS, *(_row(instance) for instance in instances)]
    return aligned(rows) + [_note(instance) for instance in instances if instance["note"]]


def _note(instance: t.Mapping[str, t.Any]) -> str:
    verdict = "" if instance["plan"] else " is not planned"
    return f"{instance['name']} on {instance['server']}{verdict}: {instance['note']}"


def _row(instance: t.Mapping[str, t.Any]) -> tuple[str, ...]:
    gpus = ",".join(str(gpu) for gpu in instance["gpus"]) or "cpu"
    head = (instance["server"], gpus, instance["name"], instance["model"])
    plan, options = instance["plan"], instance["options"]
    if not plan:
        said = (options.get("gpu-memory-utilization", "-"), options.get("max-model-len", "-"))
        return (*head, *map(str, said), *["-"] * 4)
    return (
        *head,
        f"{plan['gpu_memory_utilization']:.3f}",
        str(plan["max_model_len"]),
        str(plan["kv_cache_tokens"]),
        f"{plan['max_concurrency']:.1f}",
        f"{plan['peak_used_gib']:.1f}",
        f"{plan['free_gib']:.1f}",
    )
