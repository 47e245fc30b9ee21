# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The status as people see it: lines of a terminal, and a page that shows hostile texts as what they are."""

from __future__ import annotations

import re
import typing as t
from html.parser import HTMLParser

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import charts, page, terminal
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.charts import Axis, Series
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.html import Html, element, safe
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import Readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.status import status_of

from . import fleets
from .test_status import NONSENSE, spoiled

HOSTILE = (
    "</title></style></svg><script>alert(1)</script><img src=x onerror=alert(1)>\"'><a href=javascript:x>{{ 7*7 }}&amp;"
)
#: What the page is made of.
TAGS = {
    *(
        "html",
        "head",
        "meta",
        "title",
        "style",
        "body",
        "main",
        "header",
        "section",
        "footer",
        "div",
        "span",
        "p",
        "b",
        "i",
        "u",
    ),
    *(
        "em",
        "small",
        "h1",
        "h2",
        "h3",
        "time",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "ul",
        "li",
        "details",
    ),
    *("summary", "svg", "g", "rect", "line", "path", "circle", "text"),
}
ATTRIBUTES = {
    *(
        "lang",
        "charset",
        "http-equiv",
        "content",
        "name",
        "class",
        "style",
        "title",
        "viewbox",
        "role",
        "aria-label",
        "x",
        "y",
    ),
    *("x1", "x2", "y1", "y2", "width", "height", "rx", "d", "cx", "cy", "r", "text-anchor"),
}
VOID = {"meta", "line", "rect", "path"}


class Page(HTMLParser):
    """What a browser makes of it: tags, attributes and texts. Every tag has to be closed."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _value in attrs)
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _value in attrs)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def shown(readings: Readings) -> tuple[str, Page]:
    text = page.html(status_of(readings))
    found = Page(text)
    assert found.open == []
    assert found.tags <= TAGS, found.tags - TAGS
    assert found.attributes <= ATTRIBUTES, found.attributes - ATTRIBUTES
    return text, found


def lines(readings: Readings) -> list[str]:
    return [one.text for one in terminal.lines(status_of(readings))]


# ---- the page


@pytest.mark.parametrize("count", [1, 3, 50])
def test_the_page_needs_nothing_else(count: int) -> None:
    text, _found = shown(fleets.troubled(count))
    assert not re.search(r"(?i)<script|https?://|url\(|@import|javascript:|\bon\w+=|\bsrc=|\bhref=", text)
    assert "default-src 'none'" in text


def test_the_page_is_for_light_dark_and_paper() -> None:
    text, _found = shown(fleets.readings(1))
    assert "prefers-color-scheme:dark" in text
    assert "@media print" in text


def test_the_page_says_what_is_wrong_and_what_mends_it() -> None:
    _text, found = shown(fleets.troubled(3))
    words = " ".join(found.texts)
    assert "needs you" in words
    for one in status_of(fleets.troubled(3))["problems"]:
        assert one["what"] in words
        assert one["remedy"] in words


def test_a_fleet_without_anything() -> None:
    value = {**fleets.value(1), "instances": [], "gpu_servers": []}
    empty = Readings(value, fleets.NOW, {}, {}, "", None, None, None)
    _text, found = shown(empty)
    assert "No instance of vLLM is declared or runs." in " ".join(found.texts)


def everywhere(value: t.Any) -> t.Any:
    """Every text of a reading but those that choose what is told."""
    if isinstance(value, dict):
        kept = ("project", "container", "service", "backend", "server", "state", "hour", "day", "kind")
        return {key: one if key in kept else everywhere(one) for key, one in value.items()}
    if isinstance(value, list):
        return [everywhere(one) for one in value]
    return HOSTILE if isinstance(value, str) else value


def hostile(count: int) -> Readings:
    found = fleets.troubled(count)
    parts = {"hosts": everywhere(found.hosts), "database": everywhere(found.database), "keys": everywhere(found.keys)}
    return found._replace(**parts, drift=everywhere(found.drift), plan_error=HOSTILE, reasons={"gpu2": HOSTILE})


def test_texts_of_hosts_and_proxy_are_only_shown() -> None:
    text, found = shown(hostile(3))
    assert "<script" not in text
    assert "<img" not in text
    assert any("<script>alert(1)</script>" in one for one in found.texts)


def test_words_that_choose_a_colour_are_texts_too() -> None:
    """States, kinds and titles are classes and attributes nowhere."""
    found = fleets.troubled(3)
    hosts = fleets.host(3, "gateway1", 0)
    for box in hosts["containers"]:
        box.update(state='x" onload="y', health='"><script>', service="<b>")
    text, _page = shown(found._replace(hosts={**found.hosts, "gateway1": hosts}))
    assert "<script" not in text
    assert 'onload="' not in text


@pytest.mark.parametrize("depth", range(7))
@pytest.mark.parametrize("nonsense", NONSENSE, ids=repr)
def test_any_reading_gives_a_page_and_lines(nonsense: t.Any, depth: int) -> None:
    found = fleets.readings(1)
    hosts = {name: spoiled(one, nonsense, depth) for name, one in found.hosts.items()}
    parts = {"database": spoiled(found.database, nonsense, depth), "keys": spoiled(found.keys, nonsense, depth)}
    found = found._replace(hosts=hosts, **parts)
    shown(found)
    assert lines(found)


def test_html_is_made_of_escaped_texts() -> None:
    assert safe("<b>") == "&lt;b&gt;"
    assert safe(Html("<b>")) == "<b>"
    assert element("p", 'a" b', "<i>", Html("<u>")) == '<p class="a&quot; b">&lt;i&gt;<u></p>'


# ---- charts


AXIS = Axis(str, ["a", "b", "<c>"], ["a", "", "<c>"])


@pytest.mark.parametrize(
    "values", [[], [None, None, None], [0, 0, 0], [-1, 5, None], [1e18, 1, 2], [1], [1, 2, 3, 4, 5]]
)
def test_charts_of_any_figures(values: list[float | None]) -> None:
    for draw in (charts.columns, charts.lines):
        text = draw("t", [Series("<s>", values, "0")], AXIS)
        Page(text)
        assert "nan" not in text
        assert "<s>" not in text
        assert "<c>" not in text


def test_a_line_has_a_gap_where_nothing_is_known() -> None:
    text = charts.lines("t", [Series("s", [1.0, None, 2.0], "0")], AXIS)
    assert len(re.findall(r"M", text.partition('d="')[2].partition('"')[0])) == 2


@pytest.mark.parametrize(
    ("values", "top"), [([], 1.0), ([0], 1.0), ([7], 8), ([99], 100), ([1.2], 1.5), ([3000], 3000)]
)
def test_the_top_of_an_axis_is_round(values: list[float], top: float) -> None:
    assert charts.top_of(values) == pytest.approx(top)


def test_gpus_as_a_strip() -> None:
    text = charts.strip(
        [charts.Gauge(0.5, 0.9, "GPU <0>"), charts.Gauge(None, None, ""), charts.Gauge(7.0, -1.0, "", True)]
    )
    Page(text)
    assert "GPU &lt;0&gt;" in text
    assert 'class="bad"' in text


# ---- the terminal


@pytest.mark.parametrize("make", [fleets.readings, fleets.troubled, hostile])
@pytest.mark.parametrize("count", [1, 3, 50])
def test_no_line_is_wider_than_a_terminal(make: t.Callable[[int], Readings], count: int) -> None:
    assert [one for one in lines(make(count)) if terminal.columns_of(one) > terminal.WIDTH] == []


def test_problems_come_first_with_their_remedy() -> None:
    found = lines(fleets.troubled(3))
    first = next(number for number, line in enumerate(found) if line.startswith("ERROR"))
    assert first < found.index("Models") < found.index("Hosts")
    assert found[first + 1].strip().startswith("→")


def test_many_replicas_are_summed_up() -> None:
    found = lines(fleets.troubled(50))
    assert len(found) < 320
    place = found.index("Replicas that are not ready")
    assert "restarting" in "".join(found[place : place + 8])


def test_wide_characters_stay_in_their_columns() -> None:
    rows = terminal.table([("name", "x"), ("模型" * 60, "1"), ("é" * 3, "2")])
    assert max(map(terminal.columns_of, rows)) <= terminal.WIDTH
    assert {terminal.columns_of(row[: row.rindex(row[-1])]) for row in rows} == {terminal.columns_of(rows[0]) - 1}


def test_a_long_table_says_what_it_leaves_out() -> None:
    rows = terminal.table([("a",), *((str(number),) for number in range(100))])
    assert len(rows) == terminal.MOST_ROWS + 2
    assert rows[-1].strip() == "… and 40 more"
