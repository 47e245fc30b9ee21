# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sections of the page about use and upkeep: requests and tokens over time, the database, keys, certificates, backup, drift."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import charts, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.charts import Axis, Series
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.html import (
    Column,
    Html,
    card,
    element,
    empty,
    gauge,
    join,
    level_of,
    section,
    table,
    tag,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping

HOURS, DAYS = 48, 30


# ---- use


def charts_of(usage: Mapping) -> list[Html]:
    hours = _filled(usage["hours"])
    found = []
    if hours:
        found += [_requests(hours), _seconds(hours)]
    if usage["days"]["dates"]:
        found.append(_tokens(usage["days"]))
    users = [(one["key"], one["tokens"], values.count(one["tokens"])) for one in usage["users"] if one["tokens"]]
    if users:
        found.append(card("Keys with most tokens", "last 7 days", Html(charts.bars(users))))
    return found


def charts_section(usage: Mapping) -> Html:
    found = charts_of(usage)
    return section("Use", "", element("div", "charts", *found) if found else empty("Nothing is known of requests yet."))


def _filled(hours: t.Sequence[Mapping]) -> list[Mapping]:
    """Hours without a request are hours too, up to the last that is known."""
    if not hours:
        return []
    known = {one["hour"]: one for one in hours}
    last = datetime.datetime.fromisoformat(hours[-1]["hour"].replace("Z", "+00:00"))
    nothing: Mapping = {"requests": 0.0, "failed": 0.0, "median_seconds": None, "p95_seconds": None}
    names = [
        (last - datetime.timedelta(hours=back)).strftime("%Y-%m-%dT%H:00:00Z") for back in range(HOURS - 1, -1, -1)
    ]
    return [{**nothing, **known.get(name, {}), "hour": name} for name in names]


def _hour_axis(hours: t.Sequence[Mapping], write: t.Callable[[float], str]) -> Axis:
    labels = [f"{one['hour'][5:10]} {one['hour'][11:16]}" for one in hours]
    ticks = [label[6:] if label[6:8] in ("00", "06", "12", "18") else "" for label in labels]
    return Axis(write, labels, ticks)


def _requests(hours: t.Sequence[Mapping]) -> Html:
    good = [max(one["requests"] - one["failed"], 0.0) for one in hours]
    series = [Series("answered", good, "0"), Series("failed", [one["failed"] for one in hours], "bad")]
    drawn = charts.columns("Requests an hour", series, _hour_axis(hours, values.count))
    return card("Requests an hour", f"last {HOURS} hours", Html(drawn), Html(charts.legend(series)))


def _seconds(hours: t.Sequence[Mapping]) -> Html:
    series = [
        Series("median", [one["median_seconds"] for one in hours], "0"),
        Series("95th percentile", [one["p95_seconds"] for one in hours], "1"),
    ]
    drawn = charts.lines("Seconds of a request", series, _hour_axis(hours, _as_seconds))
    return card("Time of a request", f"last {HOURS} hours", Html(drawn), Html(charts.legend(series)))


def _as_seconds(value: float) -> str:
    return f"{value:.0f} s" if value >= 10 or value == int(value) else f"{value:.2g} s"


def _tokens(days: Mapping) -> Html:
    dates, known = _dates(days["dates"]), days["dates"]
    series = []
    for place, (name, tokens) in enumerate(days["tokens"].items()):
        by_date = dict(zip(known, tokens))
        series.append(Series(name or "unnamed", [by_date.get(date, 0.0) for date in dates], str(min(place, 6))))
    ticks = [date[5:] if place % 5 == 4 else "" for place, date in enumerate(dates)]
    drawn = charts.columns("Tokens a day", series, Axis(values.count, dates, ticks))
    spend = sum(days["spend"])
    note = f"last {DAYS} days, read and generated" + (f"; spend {values.money(spend)}" if spend else "")
    return card("Tokens a day by model", note, Html(drawn), Html(charts.legend(series)))


def _dates(known: t.Sequence[str]) -> list[str]:
    last = datetime.date.fromisoformat(known[-1])
    return [(last - datetime.timedelta(days=back)).isoformat() for back in range(DAYS - 1, -1, -1)]


# ---- the database


def database(found: Mapping | None) -> Html:
    if found is None:
        return section("Database", "", empty("The fleet has none of its own."))
    if not found["read"]:
        return section("Database", "", empty("It could not be read."))
    tables = [one for one in found["tables"][:8] if one["bytes"]]
    rows = [(one["name"], one["bytes"] or 0.0, values.size(one["bytes"])) for one in tables]
    note = f"PostgreSQL {found['version']} on {found['host']}, {found['connections']} of {found['max_connections']} connections"
    sizes = card("Largest tables", f"{values.size(found['bytes'])} altogether", Html(charts.bars(rows)) if rows else "")
    return section("Database", note, element("div", "charts", sizes, _growth(found)))


def _growth(found: Mapping) -> Html:
    disk, grows, days = found["disk"] or {}, found["grows_bytes_a_day"], found["full_in_days"]
    if days is not None:
        verdict, level = f"full in {days:,.0f} days", "error" if days < 7 else "warning" if days < 30 else "ok"
    else:
        verdict, level = ("not full as it grows now", "ok") if grows is not None else ("not known", "none")
    used = None if disk.get("free_percent") is None else 100 - disk["free_percent"]
    kept = f"{values.count(found['logs_kept_days'])} days" if found["logs_kept_days"] else values.NONE
    rows = [
        (
            "disk",
            join(
                [
                    gauge(used, level_of(used, 88, 95)),
                    element("small", "", f"{values.size(disk.get('free_bytes'))} free"),
                ]
            ),
        ),
        ("it will be", tag(verdict, level)),
        ("growth", f"{values.size(grows)} a day, {values.count(found['rows_a_day'])} requests a day"),
        ("logs are kept", f"{kept}; the oldest are {values.count(found['logs_oldest_days'])} days old"),
    ]
    lines = [element("tr", "", element("td", "dim", name), element("td", "", cell)) for name, cell in rows]
    return card("Room", "", element("table", "", element("tbody", "", *lines)))


# ---- keys


def keys(found: Mapping | None) -> Html:
    if found is None or not found["read"]:
        return section("Keys", "", empty("The proxy could not be asked."))
    note = f"{values.several(found['total'], 'key')}, {found['blocked']} blocked, {found['expired']} past their end"
    budgets = [{**one, "name": f"{one['kind']} {one['name']}", "expires_days": None} for one in found["budgets"]]
    rows = [_key(one) for one in [*found["near"], *budgets]]
    if not rows:
        return section("Keys", note, empty("None is near the end of its budget or its time."))
    heads = [Column("near the end", "name"), Column("budget"), Column("spent", "n"), Column("ends in", "n")]
    return section("Keys", note, table(heads, rows, "keys"))


def _key(one: Mapping) -> t.Sequence[t.Any]:
    share, days = one["percent"], one["expires_days"]
    left = values.NONE if days is None else values.duration(abs(days) * 86400)
    words = left if days is None else tag(f"{left} ago" if days < 0 else left, "none" if days < 0 else "warning")
    spent = values.money(one["spend"]) + (f" of {values.money(one['budget'])}" if one["budget"] else "")
    return (one["name"], gauge(share, level_of(share, 80, 100)), spent, words)


# ---- certificates, backup, drift


def upkeep(status: Mapping) -> Html:
    cards = [_certificates(status["certificates"]), _backup(status["backup"]), _drift(status["drift"])]
    return section("Upkeep", "", element("div", "three", *cards))


def _certificates(found: t.Sequence[Mapping]) -> Html:
    if not found:
        return card("Certificates", "", element("p", "empty", "None is used, or none could be looked at."))
    ordered = sorted(found, key=lambda one: one["days"] if one["days"] is not None else -1e9)
    lines = [element("tr", "", *_certificate(one)) for one in ordered[:8]]
    more = f"{len(found)} of them, the next to end first" if len(found) > 1 else ""
    return card("Certificates", more, element("table", "", element("tbody", "", *lines)))


def _certificate(one: Mapping) -> list[Html]:
    days = one["days"]
    level = "error" if days is None or days < 7 else "warning" if days < 21 else "ok"
    left = tag("not read" if days is None else f"{days:,.0f} days", level)
    name = f"{one['name']} on {one['host']}"
    return [element("td", "name", name, element("small", "", one["subject"] or one["error"])), element("td", "n", left)]


def _backup(found: Mapping | None) -> Html:
    if found is None:
        return card("Last backup", "", element("p", "empty", "There never was one."))
    age = values.duration(found["age_seconds"])
    rows = [
        ("state", tag("good" if found["ok"] else "failed", "ok" if found["ok"] else "error")),
        ("made", f"{age} ago on {found['host']}, within {values.duration(found['seconds'])}"),
        ("size", values.size(found["bytes"])),
        ("restore tested", found["restore_tested"][:10] or "never"),
        ("file", element("code", "", found["file"])),
        *([("message", found["message"])] if found["message"] else []),
    ]
    lines = [element("tr", "", element("td", "dim", name), element("td", "", cell)) for name, cell in rows]
    return card("Last backup", "", element("table", "", element("tbody", "", *lines)))


def _drift(drift: Mapping) -> Html:
    rows = [(f"{one['kind']} {one['name']}", one["operation"]) for one in drift["objects"]]
    rows += [(f"{one['container']} on {one['host']}", one["what"]) for one in drift["containers"]]
    if not rows:
        compared = "Containers and objects are" if drift["objects_compared"] else "Containers are"
        return card("Drift from the declaration", "", element("p", "empty", f"{compared} as declared."))
    lines = [element("tr", "", element("td", "name", name), element("td", "dim", what)) for name, what in rows[:10]]
    more = f"{len(rows)} differences" if len(rows) > 1 else "one difference"
    return card("Drift from the declaration", more, element("table", "", element("tbody", "", *lines)))
