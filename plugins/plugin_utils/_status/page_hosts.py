# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sections of the page about what runs: models with their replicas, hosts with their GPUs, services, images."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import charts, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.html import (
    UNFOLDED,
    Column,
    Html,
    element,
    empty,
    gauge,
    join,
    level_of,
    safe,
    section,
    state_level,
    state_of,
    table,
    tag,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping

HOT_CELSIUS = 88.0


# ---- models


def models(status: Mapping) -> Html:
    found = status["models"]
    if not found:
        return section("Models", "", empty("No instance of vLLM is declared or runs."))
    heads = [
        Column("model", "name"),
        Column("replicas"),
        Column("tokens/s", "n"),
        Column("requests/s", "n"),
        Column("running", "n"),
        Column("waiting", "n"),
        Column("KV cache"),
        Column("first token", "n"),
        Column("vLLM", "dim"),
    ]
    rows = [_model(one) for one in found]
    replicas = [row for model in found for row in _replicas(model)]
    return section("Models", "figures of the last seconds", table(heads, rows, "models"), _folded(replicas))


def _model(one: Mapping) -> t.Sequence[t.Any]:
    dots = join(_dot(replica) for replica in one["replicas"][:64])
    ready = element("small", "", f"{one['ready']} of {one['wanted']} ready")
    full = one["kv_cache_percent"]
    return (
        join([one["name"], element("small", "", one["model"])]),
        join([dots, ready]),
        values.count(one["generation_tokens_per_second"]),
        values.count(one["requests_per_second"]),
        values.count(one["running"]),
        values.count(one["waiting"]),
        join([gauge(full, level_of(full, 80, 95)), element("small", "", values.percent(full))]),
        values.milliseconds(one["first_token_ms"]),
        ", ".join(one["versions"]) or values.NONE,
    )


def _dot(replica: Mapping) -> Html:
    words = f"{replica['server']}/{replica['name']}: {replica['state']}"
    return Html(f'<span class="dot {state_level(replica["state"])}" title="{safe(words)}"></span>')


def _folded(replicas: t.Sequence[t.Sequence[t.Any]]) -> Html:
    heads = [
        Column("replica", "name"),
        Column("state"),
        Column("GPUs"),
        Column("tokens/s", "n"),
        Column("running", "n"),
        Column("waiting", "n"),
        Column("KV cache", "n"),
        Column("prefix hits", "n"),
        Column("first token", "n"),
        Column("requests", "n"),
        Column("up", "n"),
    ]
    label = element("summary", "", f"Each replica ({len(replicas)})")
    return element("details", "", label, table(heads, replicas, "replicas"))


def _replicas(model: Mapping) -> t.Iterator[t.Sequence[t.Any]]:
    for one in model["replicas"]:
        gpus = ", ".join(map(str, one["gpus"])) or "CPU"
        yield (
            join([one["name"], element("small", "", one["server"])]),
            join(
                [
                    tag(one["state"], state_level(one["state"])),
                    element("small", "", one["detail"]) if one["detail"] else "",
                ]
            ),
            gpus,
            values.count(one["generation_tokens_per_second"]),
            values.count(one["running"]),
            values.count(one["waiting"]),
            values.percent(one["kv_cache_percent"]),
            values.percent(one["prefix_hit_percent"]),
            values.milliseconds(one["first_token_ms"]),
            values.count(one["requests"]),
            values.duration(one["age_seconds"]),
        )


# ---- hosts


def hosts(status: Mapping) -> Html:
    found = status["hosts"]
    with_gpus = any(host["gpus"] or host["gpus_declared"] for host in found)
    heads = [Column("host", "name"), *([Column("GPU memory")] if with_gpus else []), Column("load"), Column("memory")]
    heads += [Column("disk"), Column("up", "n")]
    # What could not be read comes first.
    rows = [_host(one, with_gpus) for one in sorted(found, key=lambda one: bool(one["read"]))]
    legend = (
        Html(
            '<ul class="legend"><li><i class="b0"></i>used</li><li><i class="bplan"></i>line: planned</li>'
            "<li>each column is a GPU</li></ul>"
        )
        if with_gpus
        else ""
    )
    overview = _map(found) if with_gpus and len(found) > UNFOLDED else ""
    return section("Hosts", values.several(len(found), "host"), overview, table(heads, rows, "hosts"), legend)


def _map(found: t.Sequence[Mapping]) -> Html:
    """All GPUs of a large fleet at one glance."""
    cells = []
    for one in found:
        unread = [charts.Gauge(None, None, "not read")] * one["gpus_declared"]
        gauges = [_gauge(card) for card in one["gpus"]] or unread
        if gauges:
            cells.append(element("div", "" if one["read"] else "bad", one["name"], Html(charts.strip(gauges))))
    return element("div", "card map", *cells)


def _host(one: Mapping, with_gpus: bool) -> t.Sequence[t.Any]:
    roles = {"gateways": "gateway", "gpu_servers": "GPU server"}
    named = join([one["name"], element("small", "", " · ".join(roles[role] for role in one["roles"]))])
    if not one["read"]:
        why = join([tag("not read", "error"), element("small", "", one["reason"])])
        return (named, *([why, ""] if with_gpus else [why]), "", "", "")
    load = None if one["load"] is None or not one["cpus"] else 100 * one["load"] / one["cpus"]
    free, total = one["memory_free_bytes"], one["memory_bytes"]
    memory = None if free is None or not total else 100 * (total - free) / total
    cells: list[t.Any] = [named]
    if with_gpus:
        cells.append(_gpus(one))
    told = f"{one['load']:.1f} on {values.several(one['cpus'] or 0, 'core')}" if one["load"] is not None else ""
    cells.append(join([gauge(load, level_of(load, 90, 200)), element("small", "", told)]))
    cells.append(join([gauge(memory, level_of(memory, 90, 95)), element("small", "", f"{values.size(free)} free")]))
    cells.append(join(_disk(disk) for disk in one["disks"]))
    return (*cells, values.duration(one["uptime_seconds"]))


def _disk(disk: Mapping) -> Html:
    used = None if disk["free_percent"] is None else 100 - disk["free_percent"]
    words = f"{values.size(disk['free_bytes'])} free, {disk['paths'][0] if disk['paths'] else ''}"
    return join([gauge(used, level_of(used, 88, 95)), element("small", "", words)])


def _gpus(host: Mapping) -> Html:
    if not host["gpus"]:
        return element("span", "dim", "none" if not host["gpus_declared"] else host["gpu_error"] or "not read")
    kinds = sorted({card["name"] for card in host["gpus"]})
    gauges = [_gauge(card) for card in host["gpus"]]
    named = f"{len(host['gpus'])} x {', '.join(kinds)}"
    return join([Html(charts.strip(gauges)), element("small", "", named)])


def _gauge(card: Mapping) -> charts.Gauge:
    size = card["memory_bytes"]
    hot = (card["celsius"] or 0.0) >= HOT_CELSIUS
    parts = [
        f"GPU {card['index']}, {card['name']}",
        f"{values.size(card['used_bytes'])} of {values.size(size)} used, {values.size(card['planned_bytes'])} planned",
        f"{values.percent(card['busy_percent'])} busy",
        f"{values.count(card['celsius'])} °C, {values.count(card['watts'])} W",
        ", ".join(card["instances"]) or "no instance",
    ]
    used = card["used_bytes"] / size if size and card["used_bytes"] is not None else None
    planned = card["planned_bytes"] / size if size and card["planned_bytes"] is not None else None
    return charts.Gauge(used, planned, "; ".join(parts), hot)


# ---- services and images


def services(status: Mapping) -> Html:
    heads = [
        Column("container", "name"),
        Column("host"),
        Column("state"),
        Column("version"),
        Column("memory", "n"),
        Column("restarts", "n"),
        Column("up", "n"),
    ]
    # What is not well comes first.
    ordered = sorted(status["services"], key=lambda one: state_level(state_of(one)) == "ok")
    rows = [_service(one) for one in ordered]
    if not rows:
        return section("Services", "", empty("No container was found."))
    return section("Services", values.several(len(rows), "container"), table(heads, rows, "containers"))


def _service(one: Mapping) -> t.Sequence[t.Any]:
    state = state_of(one)
    limit = one["memory_limit_bytes"]
    memory = values.size(one["memory_bytes"]) + (f" of {values.size(limit)}" if limit else "")
    return (
        one["name"],
        one["host"],
        tag(state, "none" if state == "done" else state_level(state)),
        one["version"] or values.NONE,
        memory,
        one["restarts"] or 0,
        values.duration(one["age_seconds"]),
    )


def images(found: t.Sequence[Mapping]) -> Html:
    if not found:
        return Html("")
    rows = [
        (
            element("code", "", one["image"]),
            element("code", "", digest["digest"][:27] or values.NONE),
            _hosts(digest["hosts"]),
        )
        for one in found
        for digest in one["digests"]
    ]
    heads = [Column("image"), Column("digest"), Column("hosts", "dim")]
    return section("Images in use", "by the digest of the registry, or else of the image", table(heads, rows, "images"))


def _hosts(names: t.Sequence[str]) -> str:
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")
