# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pieces that the page is made of. Every text is escaped here or in charts.py, and nowhere else is HTML put together."""

from __future__ import annotations

import typing as t
from html import escape

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping

#: A table of more rows shows these and folds the rest.
UNFOLDED = 14


class Html(str):
    """Is HTML already. Whatever is not one of these is text, and gets escaped."""


SPACE = Html(" ")


SPACE = Html(" ")


def safe(value: t.Any) -> Html:
    return value if isinstance(value, Html) else Html(escape(values.text(value, 400), quote=True))


def join(parts: t.Iterable[t.Any]) -> Html:
    return Html("".join(safe(one) for one in parts))


def element(name: str, classes: str, *inside: t.Any) -> Html:
    """classes are of this collection's own words."""
    held = f' class="{safe(classes)}"' if classes else ""
    return Html(f"<{name}{held}>{join(inside)}</{name}>")


def tag(words: t.Any, level: str) -> Html:
    return element("span", f"tag {level}", words)


def gauge(percent: float | None, level: str = "", mark: float | None = None) -> Html:
    if percent is None:
        return element("span", "dim", values.NONE)
    line = f'<u style="left:{_bounded(mark):.1f}%"></u>' if mark is not None else ""
    return Html(f'<span class="bar"><i class="{safe(level)}" style="width:{_bounded(percent):.1f}%"></i>{line}</span>')


def _bounded(value: float) -> float:
    return min(max(value, 0.0), 100.0)


def tile(name: str, figure: t.Any, unit: str = "", below: t.Any = "", more: t.Any = "") -> Html:
    beside = element("span", "", unit) if unit else ""
    head, said = element("em", "", name), element("b", "", figure, SPACE, beside)
    return element("div", "card tile", head, said, element("em", "", below), more)


class Column(t.NamedTuple):
    head: str
    classes: str = ""  # n: a number; name; dim


def table(columns: t.Sequence[Column], rows: t.Sequence[t.Sequence[t.Any]], more: str = "rows") -> Html:
    """In a card that scrolls by itself where it is too wide."""
    head = join(element("th", "n" if one.classes == "n" else "", one.head) for one in columns)
    body = [join(element("td", column.classes, cell) for column, cell in zip(columns, row)) for row in rows]
    shown, rest = body[:UNFOLDED], body[UNFOLDED:]
    first = element("table", "", element("thead", "", element("tr", "", head)), _body(shown))
    if not rest:
        return element("div", "card wide", first)
    label = element("summary", "", f"{len(rest)} more {more}")
    return element("div", "card wide", first, element("details", "", label, element("table", "", _body(rest))))


def _body(rows: t.Sequence[Html]) -> Html:
    return element("tbody", "", *(element("tr", "", row) for row in rows))


def section(title: str, note: str, *inside: t.Any) -> Html:
    small = element("small", "", note) if note else ""
    return element("section", "", element("h2", "", title, SPACE, small), *inside)


def card(title: str, note: str, *inside: t.Any) -> Html:
    small = element("small", "", note) if note else ""
    return element("div", "card", element("h3", "", title, SPACE, small), *inside)


def empty(words: str) -> Html:
    return element("div", "card", element("p", "empty", words))


def level_of(percent: float | None, warning: float, error: float) -> str:
    """Of what is the worse the higher it is."""
    if percent is None:
        return ""
    return "error" if percent >= error else "warning" if percent >= warning else ""


def state_level(state: str) -> str:
    levels = {
        "ready": "ok",
        "healthy": "ok",
        "running": "ok",
        "starting": "warning",
        "drained": "note",
        "unknown": "none",
    }
    return levels.get(state, "error")


def state_of(one: Mapping) -> str:
    """Of a container of a service."""
    if one["state"] == "exited" and one["exit_code"] == 0 and one["service"] == "download":
        return "done"
    return one["health"] if one["state"] == "running" and one["health"] else one["state"] or "unknown"
