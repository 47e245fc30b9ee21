# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the gate counts, from two readings of its runtime socket. Pure but for `read`."""

from __future__ import annotations

import csv
import typing as t

from .._gate.runtime import GateError, Runtime

Row = dict[str, str]

FRONTEND, BACKEND, SERVER = "0", "1", "2"
#: Of frontends it is how they end for clients.
STATUSES = ("2xx", "4xx", "5xx")


class Reading(t.NamedTuple):
    """One look, at a moment of the monotonic clock; an error says why there is none."""

    rows: list[Row]
    info: dict[str, str]
    at: float
    error: str = ""


def read(path: str, at: float) -> Reading:
    try:
        runtime = Runtime(path)
        worker = runtime.workers()[0]
        rows = csv.DictReader(runtime.tell(worker, "show stat").lstrip("# ").splitlines())
        lines = (line.partition(":") for line in runtime.tell(worker, "show info").splitlines())
        return Reading(list(rows), {name.strip(): value.strip() for name, _colon, value in lines}, at)
    except (GateError, OSError, ValueError) as error:
        return Reading([], {}, at, str(error)[:300])


def report(before: Reading, after: Reading) -> dict[str, t.Any]:
    """Servers by backend, and entrances, with what went through since the gate's last reload."""
    earlier = {_key(row): row for row in before.rows}
    passed = after.at - before.at
    rates = {_key(row): _rate(earlier.get(_key(row)), row, passed) for row in after.rows}
    return {
        "answers": not after.error,
        "error": after.error,
        "version": after.info.get("Version", ""),
        "uptime_seconds": _int(after.info.get("Uptime_sec")),
        "connections": _int(after.info.get("CurrConns")),
        "max_connections": _int(after.info.get("Maxconn")),
        "servers": [_server(row, rates[_key(row)]) for row in after.rows if row.get("type") == SERVER],
        "queued": {row["pxname"]: _int(row.get("qcur")) for row in after.rows if row.get("type") == BACKEND},
        "entrances": [_entrance(row, rates[_key(row)]) for row in after.rows if row.get("type") == FRONTEND],
    }


def _key(row: Row) -> tuple[str, str, str]:
    return row.get("type") or "", row.get("pxname") or "", row.get("svname") or ""


def _server(row: Row, rate: float | None) -> dict[str, t.Any]:
    return {
        "backend": row.get("pxname") or "",
        "server": row.get("svname") or "",
        "status": row.get("status") or "",
        "check": row.get("check_status") or "",
        "changed_seconds": _int(row.get("lastchg")),
        "running": _int(row.get("scur")),
        "waiting": _int(row.get("qcur")),
        "requests": _int(row.get("stot")),
        "requests_per_second": rate,
        "errors": sum(_int(row.get(name)) or 0 for name in ("hrsp_5xx", "econ", "eresp")),
        "request_ms": _int(row.get("ttime")),
    }


def _entrance(row: Row, rate: float | None) -> dict[str, t.Any]:
    found: dict[str, t.Any] = {
        "name": row.get("pxname") or "",
        "running": _int(row.get("scur")),
        "requests": _int(row.get("req_tot")),
        "requests_per_second": rate,
    }
    return {**found, **{f"answers_{status}": _int(row.get(f"hrsp_{status}")) for status in STATUSES}}


def _rate(first: Row | None, last: Row, passed: float) -> float | None:
    """None after a reload, which begins to count anew."""
    name = "req_tot" if last.get("type") == FRONTEND else "stot"
    begin, end = _int((first or {}).get(name)), _int(last.get(name))
    if begin is None or end is None or passed <= 0 or end < begin:
        return None
    return round((end - begin) / passed, 2)


def _int(said: str | None) -> int | None:
    text = (said or "").strip()
    return int(text) if text.isdigit() else None
