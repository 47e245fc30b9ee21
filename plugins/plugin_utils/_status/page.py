# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The status as one page for a browser: it needs nothing else, runs no script, and is as good on paper. Only the action status enters."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import page_hosts, page_use, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.html import (
    Html,
    element,
    gauge,
    join,
    safe,
    section,
    tag,
    tile,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.style import CSS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping

#: Problems that are shown at once; the others are folded.
OPEN_PROBLEMS = 10
VERDICTS = {"ok": "all well", "warning": "look at it", "error": "needs you"}
#: Nothing is loaded from anywhere, and nothing runs.
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def html(status: Mapping) -> str:
    sections = [
        _header(status),
        _tiles(status),
        _problems(status["problems"]),
        page_hosts.models(status),
        page_use.charts_section(status["usage"]),
        page_hosts.hosts(status),
        page_use.database(status["database"]),
        page_use.keys(status["keys"]),
        page_use.upkeep(status),
        page_hosts.services(status),
        page_hosts.images(status["images"]),
        element("footer", "", "Made by llmfleet.gateway.status from one reading of the fleet. Times are UTC."),
    ]
    head = (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        '<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="referrer" content="no-referrer">'
        f"<title>Status of the fleet: {safe(status['verdict'])}</title><style>{CSS}</style></head><body><main>"
    )
    return f"{head}{join(sections)}</main></body></html>\n"


def _header(status: Mapping) -> Html:
    when = status["time"][:16].replace("T", " ")
    verdict = element("span", f"pill {status['verdict']}", VERDICTS[status["verdict"]])
    return element("header", "", element("h1", "", "LLM fleet"), verdict, element("time", "", f"{when} UTC"))


# ---- what is looked at first


def _tiles(status: Mapping) -> Html:
    totals = status["totals"]
    ready, wanted = totals["replicas_ready"], totals["replicas"]
    waiting = totals["waiting"] or 0
    tiles = [
        tile(
            "Replicas ready",
            ready,
            f"of {wanted}",
            f"of {values.several(totals['models'], 'model')}",
            gauge(100 * ready / wanted if wanted else None, "ok" if ready == wanted else "warning"),
        ),
        tile("Requests", values.count(totals["requests_per_second"]), "/s", "at the gateways"),
        tile(
            "Tokens generated",
            values.count(totals["generation_tokens_per_second"]),
            "/s",
            f"{values.count(totals['prompt_tokens_per_second'])} /s read",
        ),
        tile("Queue", values.count(waiting), "waiting", f"{values.count(totals['running'])} running"),
        *_gpu_tile(totals),
        _host_tile(totals),
    ]
    return element("div", "tiles", *tiles)


def _gpu_tile(totals: Mapping) -> t.Iterator[Html]:
    size, used, planned = totals["gpu_bytes"], totals["gpu_used_bytes"], totals["gpu_planned_bytes"]
    if not size:
        return
    below = f"used of {values.size(size)}; {values.size(planned)} planned"
    mark = 100 * planned / size if planned is not None else None
    meter = gauge(100 * used / size if used is not None else None, "", mark)
    yield tile("GPU memory", values.size(used), "", below, meter)


def _host_tile(totals: Mapping) -> Html:
    read, known = totals["hosts_read"], totals["hosts"]
    gpus = values.several(totals["gpus"], "GPU") if totals["gpus_declared"] else "no GPUs"
    meter = gauge(100 * read / known if known else None, "ok" if read == known else "error")
    return tile("Hosts read", read, f"of {known}", gpus, meter)


def _problems(problems: t.Sequence[Mapping]) -> Html:
    if not problems:
        return section("Problems", "", element("div", "card", element("p", "empty", "Nothing is wrong.")))
    counted = [
        values.several(sum(1 for one in problems if one["level"] == level), level)
        for level in ("error", "warning", "note")
        if any(one["level"] == level for one in problems)
    ]
    rows = [_problem(one) for one in problems]
    rest: t.Any = ""
    if len(rows) > OPEN_PROBLEMS:
        label = element("summary", "", f"{len(rows) - OPEN_PROBLEMS} more")
        rest = element("details", "", label, *rows[OPEN_PROBLEMS:])
    return section("Problems", ", ".join(counted), element("div", "card problems", *rows[:OPEN_PROBLEMS], rest))


def _problem(one: Mapping) -> Html:
    level, where = tag(one["level"], one["level"]), element("b", "", one["where"])
    remedy = element("p", "remedy", one["remedy"]) if one["remedy"] else ""
    said = element("div", "", element("p", "", one["what"]), remedy)
    return element("div", f"problem {one['level']}", element("div", "", level), element("div", "", where), said)
