# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The database and the use of the proxy: sizes, growth, when the disk is full, requests and tokens by hour and day, who uses it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.hosts import disk
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import Readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import (
    Mapping,
    amount,
    items,
    mapping,
    number,
    text,
    texts,
    whole,
)

LOGS = "LiteLLM_SpendLogs"
#: Nobody knows what is after that.
FORESEEN_DAYS = 3650.0
#: Models with a series of their own; the others are one together.
SERIES = 6
OTHERS = "others"
HOUR, DAY = re.compile(r"\d{4}-\d\d-\d\dT\d\d:00:00Z"), re.compile(r"\d{4}-\d\d-\d\d")
UNITS = {"s": 1 / 86400, "m": 1 / 1440, "h": 1 / 24, "d": 1.0, "w": 7.0, "mo": 30.0}


def database(readings: Readings) -> Mapping | None:
    """None where the fleet has no database of its own."""
    if readings.database is None:
        return None
    found = mapping(readings.database)
    server, tables = mapping(found.get("server")), [table(one) for one in items(found.get("tables"))]
    return {
        "host": text(found.get("host")),
        "read": bool(server),
        "error": text(found.get("error")),
        "faults": {name: text(why) for name, why in mapping(found.get("faults")).items()},
        # Debian's own says more.
        "version": text(server.get("version"), 40).partition(" ")[0],
        "bytes": number(server.get("bytes")),
        "connections": whole(server.get("connections")),
        "max_connections": whole(server.get("max_connections")),
        "longest_transaction_seconds": number(server.get("longest_transaction_seconds")),
        "tables": tables,
        **growth(readings, mapping(found.get("logs")), tables),
    }


def table(one: Mapping) -> Mapping:
    return {"name": text(one.get("name"), 80), "bytes": number(one.get("bytes")), "rows": whole(one.get("rows"))}


# ---- growth


def growth(readings: Readings, logs: Mapping, tables: list[Mapping]) -> Mapping:
    """The logs of requests are what grows: rows a day by the bytes that a row takes, until LiteLLM deletes the oldest."""
    room = room_of(readings)
    free = room.get("free_bytes") if room else None
    a_day = rows_a_day(logs)
    size: Mapping = next((one for one in tables if one["name"] == LOGS), {})
    rows, bytes_of = amount(size.get("rows")), amount(size.get("bytes"))
    grows = a_day * bytes_of / rows if a_day is not None and rows else None
    return {
        "rows_a_day": a_day,
        "grows_bytes_a_day": grows,
        "logs_kept_days": retention(readings.value),
        "logs_oldest_days": number(logs.get("oldest_days")),
        "disk": room,
        "full_in_days": full_in(free, grows, retention(readings.value), number(logs.get("oldest_days"))),
    }


def rows_a_day(logs: Mapping) -> float | None:
    """A database of today knows no whole week."""
    rows, days, oldest = number(logs.get("rows")), number(logs.get("days")), number(logs.get("oldest_days"))
    if rows is None or not days:
        return None
    return rows / min(days, max(oldest if oldest is not None else days, 1.0))


def full_in(free: float | None, grows: float | None, kept: float | None, oldest: float | None) -> float | None:
    """Days until the disk is full; None where it is not known, or where as much is deleted before as is added."""
    if free is None or not grows or grows <= 0:
        return None
    days = free / grows
    limit = FORESEEN_DAYS if kept is None else max(kept - (oldest or 0.0), 0.0)
    return days if days <= limit else None


def room_of(readings: Readings) -> Mapping | None:
    """The file system that the database is on."""
    rows = [one for one in items(readings.value.get("services")) if one.get("name") == "postgres"]
    folder = text(rows[0].get("data")) if rows else ""
    name = text(mapping(readings.database).get("host"))
    disks = [disk(one) for one in items(readings.host(name).get("disks"))]
    return next((one for one in disks if folder and folder in one["paths"]), None)


def retention(value: Mapping) -> float | None:
    """Days for which LiteLLM keeps logs."""
    said = _general_settings(value).get("maximum_spend_logs_retention_period")
    match = re.fullmatch(r"(\d{1,9})(s|m|h|d|w|mo)", text(said))
    return int(match.group(1)) * UNITS[match.group(2)] if match else None


def _general_settings(value: Mapping) -> Mapping:
    for name in texts(value.get("gateways")):
        view = mapping(mapping(mapping(value.get("hosts")).get(name)).get("litellm"))
        for project in items(view.get("projects")):
            instance = mapping(mapping(project.get("vars")).get("litellm_instance"))
            return mapping(mapping(instance.get("config")).get("general_settings"))
    return {}


# ---- use


def usage(readings: Readings) -> Mapping:
    """By hour and by day, oldest first, and the keys with most tokens."""
    found = mapping(readings.database)
    hours = [_hour(one) for one in items(found.get("hours")) if HOUR.fullmatch(text(one.get("hour"), 40))]
    return {
        "hours": sorted(hours, key=lambda one: str(one["hour"])),
        "days": days(items(found.get("days"))),
        "users": [_user(one) for one in items(found.get("users"))][:10],
    }


def _hour(one: Mapping) -> Mapping:
    return {
        "hour": text(one.get("hour"), 40),
        "requests": amount(one.get("requests")),
        "failed": amount(one.get("failed")),
        "prompt_tokens": amount(one.get("prompt_tokens")),
        "completion_tokens": amount(one.get("completion_tokens")),
        "median_seconds": number(one.get("median_seconds")),
        "p95_seconds": number(one.get("p95_seconds")),
    }


def _user(one: Mapping) -> Mapping:
    figures = {name: amount(one.get(name)) for name in ("tokens", "requests", "spend")}
    return {"key": text(one.get("key"), 60), **figures}


def days(rows: t.Sequence[Mapping]) -> Mapping:
    """Tokens of each model by day, those of most tokens by themselves; with the sums of all."""
    sound = [one for one in rows if DAY.fullmatch(text(one.get("day"), 20))]
    totals: dict[str, float] = {}
    for one in sound:
        name = text(one.get("model"), 80)
        totals[name] = totals.get(name, 0.0) + _tokens(one)
    leading = [name for name in sorted(totals, key=lambda name: -totals[name]) if totals[name]][:SERIES]
    dates = sorted({text(one.get("day"), 20) for one in sound})
    found: Mapping = {"dates": dates, "tokens": {}, "requests": [0.0] * len(dates), "failed": [0.0] * len(dates)}
    found["spend"] = [0.0] * len(dates)
    for one in sound:
        place, name = dates.index(text(one.get("day"), 20)), text(one.get("model"), 80)
        series = found["tokens"].setdefault(name if name in leading else OTHERS, [0.0] * len(dates))
        series[place] += _tokens(one)
        for figure in ("requests", "failed", "spend"):
            found[figure][place] += amount(one.get(figure))
    ordered = [*leading, *([OTHERS] if any(found["tokens"].get(OTHERS, [])) else [])]
    return {**found, "tokens": {name: found["tokens"][name] for name in ordered}}


def _tokens(one: Mapping) -> float:
    return amount(one.get("prompt_tokens")) + amount(one.get("completion_tokens"))
