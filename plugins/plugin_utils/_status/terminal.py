# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status for a terminal: problems first, then tables, in lines of at most 100 columns."""

from __future__ import annotations

import textwrap
import typing as t
import unicodedata

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping

WIDTH = 100
GAP = 2
#: Rows of a table; what is left out is in the result and on the page.
MOST_ROWS = 60
MOST_REPLICAS = 24
#: The narrowest that a column is cut to.
NARROWEST = 8
#: What has its own place, so that a level is known without colours.
MARKS = {"error": "ERROR", "warning": "WARNING", "note": "note"}
COLOURS = {"error": "red", "warning": "yellow", "note": "blue", "ok": "green"}

Row = t.Sequence[str]


class Line(t.NamedTuple):
    text: str
    colour: str = ""


def lines(status: Mapping, width: int = WIDTH) -> list[Line]:
    found = [*_head(status, width), *_problems(status["problems"], width)]
    for title, rows in _tables(status):
        if len(rows) > 1:
            found += [Line(""), Line(title), *map(Line, table(rows, width))]
    return found


# ---- parts


def _head(status: Mapping, width: int) -> list[Line]:
    totals, problems = status["totals"], status["problems"]
    counts = [
        values.several(sum(1 for one in problems if one["level"] == level), level) for level in ("error", "warning")
    ]
    title = f"Status of the fleet, {status['time'][:16].replace('T', ' ')} UTC: {', '.join(counts)}"
    figures = [
        f"{totals['hosts_read']} of {values.several(totals['hosts'], 'host')} read",
        values.several(totals["gpus"], "GPU"),
        f"{totals['replicas_ready']} of {values.several(totals['replicas'], 'replica')} ready",
        f"{values.count(totals['requests_per_second'])} requests/s",
        f"{values.count(totals['generation_tokens_per_second'])} tokens/s",
        f"{values.count(totals['running'])} running",
        f"{values.count(totals['waiting'])} waiting",
    ]
    wrapped = textwrap.wrap(" · ".join(figures), width)
    return [Line(title[:width], COLOURS[status["verdict"]]), *map(Line, wrapped)]


def _problems(problems: t.Sequence[Mapping], width: int) -> list[Line]:
    found = []
    for one in problems:
        words = f"{MARKS[one['level']]:<8}{one['where']}: {one['what']}"
        found += [Line(text, COLOURS[one["level"]]) for text in _wrapped(words, width, " " * 8)]
        if one["remedy"]:
            found += [Line(text) for text in _wrapped(" " * 8 + "→ " + one["remedy"], width, " " * 10)]
    return [Line(""), *found] if found else []


def _wrapped(words: str, width: int, indent: str) -> list[str]:
    return textwrap.wrap(words, width, subsequent_indent=indent, drop_whitespace=True, break_on_hyphens=False)


def _tables(status: Mapping) -> t.Iterator[tuple[str, list[Row]]]:
    yield from _models(status["models"])
    yield "Hosts", [HOSTS, *(_host(one) for one in status["hosts"])]
    yield "GPUs", [GPUS, *(_gpus(one) for one in status["hosts"] if one["gpus"])]
    yield "Services", [SERVICES, *(_service(one) for one in status["services"])]
    yield "Images", [IMAGES, *(row for one in status["images"] for row in _image(one))]
    yield "Keys and budgets near their end", [KEYS, *_keys(status["keys"])]
    yield "Database", [DATABASE, *_database(status["database"])]
    yield "Certificates", [CERTIFICATES, *(_certificate(one) for one in status["certificates"])]
    yield "Backup", [BACKUP, *_backup(status["backup"])]


MANY = ("model", "ready", "run", "wait", "kv", "tokens/s", "requests/s", "first", "version")
MODELS = ("model", "replica", "gpus", "state", "run", "wait", "kv", "tokens/s", "first", "version", "up")
HOSTS = ("host", "load", "memory free", "disk free", "containers", "up", "system")
GPUS = ("host", "gpus", "planned", "used", "memory", "busy", "hottest", "instances")
SIZES = ("planned_bytes", "used_bytes", "memory_bytes")
SERVICES = ("host", "container", "state", "version", "memory", "restarts", "up")
IMAGES = ("image", "digest", "hosts")
KEYS = ("name", "spent", "budget", "part", "ends in")
DATABASE = ("table", "size", "rows")
CERTIFICATES = ("host", "certificate", "names", "days left")
BACKUP = ("host", "state", "age", "size", "restore tested", "file")


def _models(models: t.Sequence[Mapping]) -> t.Iterator[tuple[str, list[Row]]]:
    """Each replica; of very many only those that are not ready, below the sums of each model."""
    rows = [(one["state"], _replica(model, one)) for model in models for one in model["replicas"]]
    if len(rows) <= MOST_REPLICAS:
        yield "Models", [MODELS, *(row for _state, row in rows)]
        return
    yield "Models", [MANY, *map(_model, models)]
    yield "Replicas that are not ready", [MODELS, *(row for state, row in rows if state != "ready")]


def _model(one: Mapping) -> Row:
    return (
        one["name"],
        f"{one['ready']} of {one['wanted']}",
        values.count(one["running"]),
        values.count(one["waiting"]),
        values.percent(one["kv_cache_percent"]),
        values.count(one["generation_tokens_per_second"]),
        values.count(one["requests_per_second"]),
        values.milliseconds(one["first_token_ms"]),
        ", ".join(one["versions"]) or values.NONE,
    )


def _replica(model: Mapping, one: Mapping) -> Row:
    return (
        model["name"],
        f"{one['server']}/{one['name']}",
        ",".join(map(str, one["gpus"])) or "cpu",
        one["state"],
        values.count(one["running"]),
        values.count(one["waiting"]),
        values.percent(one["kv_cache_percent"]),
        values.count(one["generation_tokens_per_second"]),
        values.milliseconds(one["first_token_ms"]),
        one["version"] or values.NONE,
        values.duration(one["age_seconds"]),
    )


def _host(one: Mapping) -> Row:
    if not one["read"]:
        return (one["name"], *[values.NONE] * 5, f"not read: {one['reason']}")
    disks = [f"{values.size(disk['free_bytes'])} ({values.percent(disk['free_percent'])})" for disk in one["disks"]]
    load = values.NONE if one["load"] is None else f"{one['load']:.1f}/{one['cpus']}"
    memory = values.size(one["memory_free_bytes"])
    up = values.duration(one["uptime_seconds"])
    return (one["name"], load, memory, ", ".join(disks), str(one["containers"]), up, one["system"])


def _gpus(host: Mapping) -> Row:
    """Of all the GPUs of a host; the page has each by itself."""
    cards = host["gpus"]
    kinds = ", ".join(sorted({card["name"] for card in cards}))
    sizes = [values.size(values.sum_of(card[name] for card in cards)) for name in SIZES]
    busy = [card["busy_percent"] for card in cards if card["busy_percent"] is not None]
    heat = max((card["celsius"] for card in cards if card["celsius"] is not None), default=None)
    names = dict.fromkeys(name for card in cards for name in card["instances"])
    return (
        host["name"],
        f"{len(cards)} x {kinds}",
        *sizes,
        values.percent(sum(busy) / len(busy) if busy else None),
        values.NONE if heat is None else f"{heat:.0f} °C",
        ", ".join(names) or values.NONE,
    )


def _service(one: Mapping) -> Row:
    state = one["health"] if one["state"] == "running" and one["health"] else one["state"]
    memory, up = values.size(one["memory_bytes"]), values.duration(one["age_seconds"])
    return (one["host"], one["name"], state, one["version"] or values.NONE, memory, str(one["restarts"] or 0), up)


def _image(one: Mapping) -> t.Iterator[Row]:
    for digest in one["digests"]:
        hosts = digest["hosts"]
        named = ", ".join(hosts[:3]) + (f" and {len(hosts) - 3} more" if len(hosts) > 3 else "")
        yield (one["image"], digest["digest"][:19], named)


def _keys(keys: Mapping | None) -> t.Iterator[Row]:
    for one in (keys or {}).get("near", []):
        days = one["expires_days"]
        ends = values.NONE if days is None else ("ended" if days < 0 else values.duration(days * 86400))
        yield (
            one["name"],
            values.money(one["spend"]),
            values.money(one["budget"]),
            values.percent(one["percent"]),
            ends,
        )
    for one in (keys or {}).get("budgets", []):
        name = f"{one['kind']} {one['name']}"
        yield (
            name,
            values.money(one["spend"]),
            values.money(one["budget"]),
            values.percent(one["percent"]),
            values.NONE,
        )


def _database(found: Mapping | None) -> t.Iterator[Row]:
    if not found or not found["read"]:
        return
    days, grown = found["full_in_days"], found["grows_bytes_a_day"]
    full = "its disk is not full as it grows now" if days is None else f"its disk is full in {days:.0f} days"
    grows = "how it grows is not known yet" if grown is None else f"{values.size(grown)} more a day, {full}"
    yield ("all of it", values.size(found["bytes"]), grows)
    for one in found["tables"][:5]:
        yield (one["name"], values.size(one["bytes"]), values.count(one["rows"]))


def _certificate(one: Mapping) -> Row:
    days = one["error"] or (values.NONE if one["days"] is None else f"{one['days']:.0f}")
    return (one["host"], one["name"], one["subject"] or values.NONE, days)


def _backup(found: Mapping | None) -> t.Iterator[Row]:
    if found:
        state, age = "good" if found["ok"] else "failed", values.duration(found["age_seconds"])
        tested = found["restore_tested"][:10] or "never"
        yield (found["host"], state, age, values.size(found["bytes"]), tested, found["file"])


# ---- tables


def table(rows: t.Sequence[Row], width: int = WIDTH) -> list[str]:
    """Columns side by side; the widest are cut until a line fits."""
    left = len(rows) - 1 - MOST_ROWS
    shown = rows[: MOST_ROWS + 1]
    widths = [max(map(columns_of, column)) for column in zip(*shown)]
    while sum(widths) + GAP * (len(widths) - 1) + GAP > width and max(widths) > NARROWEST:
        widths[widths.index(max(widths))] -= 1
    cells = [[padded(cell, room) for cell, room in zip(row, widths)] for row in shown]
    found = [f"{'  '}{(' ' * GAP).join(row)}".rstrip() for row in cells]
    return [*found, f"  … and {left} more"] if left > 0 else found


def columns_of(text: str) -> int:
    """Columns of a terminal; some characters take two."""
    return sum(
        2 if unicodedata.east_asian_width(one) in "WF" else 0 if unicodedata.combining(one) else 1 for one in text
    )


def padded(text: str, room: int) -> str:
    if columns_of(text) > room:
        while columns_of(text) > room - 1:
            text = text[:-1]
        text += "…"
    return text + " " * (room - columns_of(text))
