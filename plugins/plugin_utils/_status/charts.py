# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Charts as SVG, from numbers; colours are the page's (style.py). Every text is escaped here."""

from __future__ import annotations

import math
import typing as t
from html import escape

WIDTH, HEIGHT = 560, 190
LEFT, RIGHT, TOP, BOTTOM = 46, 6, 12, 22
#: Of a colour each; style.py has as many.
COLOURS = 7

Numbers = t.Sequence[float | None]


class Series(t.NamedTuple):
    name: str
    values: Numbers
    colour: str  # the end of a class: 0 to 6, or bad


class Axis(t.NamedTuple):
    """How figures are written, and what stands below."""

    write: t.Callable[[float], str]
    labels: t.Sequence[str]  # of each place, for its tooltip
    ticks: t.Sequence[str]  # below; empty where none is


def top_of(values: t.Iterable[float]) -> float:
    """A round number above all of them."""
    most = max(values, default=0.0)
    if most <= 0:
        return 1.0
    step = 10 ** math.floor(math.log10(most))
    return next(factor * step for factor in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if factor * step >= most * 0.999)


def _frame(top: float, axis: Axis, title: str, inside: str) -> str:
    grid = []
    for part in (0.0, 0.5, 1.0):
        y = _y(top * part, top)
        grid.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        words = escape(axis.write(top * part))
        grid.append(f'<text x="{LEFT - 7}" y="{y + 4:.1f}" text-anchor="end">{words}</text>')
    count = max(len(axis.ticks), 1)
    ticks = [
        f'<text x="{_x(place, count):.1f}" y="{HEIGHT - 5}" text-anchor="middle">{escape(tick)}</text>'
        for place, tick in enumerate(axis.ticks)
        if tick
    ]
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(title, quote=True)}">'
    return head + "".join([*grid, inside, *ticks]) + "</svg>"


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value / top, 1.0)


def _x(place: int, count: int) -> float:
    """Middle of a place."""
    return LEFT + (WIDTH - LEFT - RIGHT) * (place + 0.5) / count


def columns(title: str, series: t.Sequence[Series], axis: Axis) -> str:
    """Stacked, one column a place."""
    count = len(axis.labels)
    totals = [sum(_of(one, place) for one in series) for place in range(count)]
    top = top_of(totals)
    room = (WIDTH - LEFT - RIGHT) / max(count, 1)
    width = max(room * 0.74, 1.0)
    drawn = []
    for place, label in enumerate(axis.labels):
        below, parts = 0.0, []
        for one in series:
            value = _of(one, place)
            if value > 0:
                y, end = _y(below + value, top), _y(below, top)
                x = _x(place, count) - width / 2
                box = f'x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(end - y, 0.6):.1f}"'
                parts.append(f'<rect class="{_fill(one)}" {box}/>')
                below += value
        told = "; ".join(f"{one.name} {axis.write(_of(one, place))}" for one in series if _of(one, place) > 0)
        drawn.append(f"<g><title>{escape(label)}: {escape(told or '0')}</title>{''.join(parts)}</g>")
    return _frame(top, axis, title, "".join(drawn))


def lines(title: str, series: t.Sequence[Series], axis: Axis) -> str:
    """One line each, with a gap where a figure is missing, and a point where it is alone."""
    count = len(axis.labels)
    top = top_of(value for one in series for value in one.values if value is not None)
    drawn = []
    for one in series:
        known = [(place, max(value, 0.0)) for place, value in enumerate(one.values[:count]) if value is not None]
        path = "".join(
            f"{'L' if number and known[number - 1][0] == place - 1 else 'M'}{_x(place, count):.1f} {_y(value, top):.1f}"
            for number, (place, value) in enumerate(known)
        )
        drawn.append(f'<path class="l{one.colour}" d="{path}"/>' if path else "")
        for place, value in known:
            words = f"{axis.labels[place]}: {one.name} {axis.write(value)}"
            dot = f'<circle class="{_fill(one)}" cx="{_x(place, count):.1f}" cy="{_y(value, top):.1f}" r="2.4">'
            drawn.append(f"{dot}<title>{escape(words)}</title></circle>")
    return _frame(top, axis, title, "".join(drawn))


def _of(one: Series, place: int) -> float:
    return max((one.values[place] if place < len(one.values) else 0.0) or 0.0, 0.0)


def _fill(one: Series) -> str:
    return "bad" if one.colour == "bad" else f"f{one.colour}"


def legend(series: t.Sequence[Series]) -> str:
    rows = [f'<li><i class="b{escape(one.colour)}"></i>{escape(one.name)}</li>' for one in series]
    return f'<ul class="legend">{"".join(rows)}</ul>'


def bars(rows: t.Sequence[tuple[str, float, str]]) -> str:
    """A bar a row with its name and figure; rows are (name, value, words)."""
    top = max((value for _name, value, _words in rows), default=0.0) or 1.0
    height, wide, name_room, words_room = 24, 560, 190, 86
    drawn = []
    for place, (name, value, words) in enumerate(rows):
        y = place * height
        length = (wide - name_room - words_room) * max(value, 0.0) / top
        cut = name if len(name) <= 28 else f"{name[:27]}…"
        drawn.append(f'<text class="strong" x="{name_room - 10}" y="{y + 16}" text-anchor="end">{escape(cut)}</text>')
        drawn.append(f'<rect class="f0" x="{name_room}" y="{y + 5}" width="{max(length, 1):.1f}" height="14" rx="3"/>')
        drawn.append(f'<text x="{name_room + length + 8:.1f}" y="{y + 16}">{escape(words)}</text>')
        drawn.append(f"<title>{escape(name)}: {escape(words)}</title>")
    return f'<svg viewBox="0 0 {wide} {max(len(rows), 1) * height}" role="img">{"".join(drawn)}</svg>'


# ---- GPUs of a host


class Gauge(t.NamedTuple):
    """Parts of its memory, and what a pointer over it is told."""

    used: float | None
    planned: float | None
    words: str
    hot: bool = False


def strip(gauges: t.Sequence[Gauge]) -> str:
    """A column for each GPU, filled by what is used, with a line at what is planned."""
    wide, gap, height = 16, 5, 34
    drawn = []
    for place, one in enumerate(gauges):
        x = place * (wide + gap)
        parts = [f'<rect class="back" x="{x}" y="0" width="{wide}" height="{height}" rx="3"/>']
        if one.used is not None:
            filled = height * min(max(one.used, 0.0), 1.0)
            colour = "bad" if one.hot else "f0"
            box = f'x="{x}" y="{height - filled:.1f}" width="{wide}" height="{filled:.1f}" rx="3"'
            parts.append(f'<rect class="{colour}" {box}/>')
        if one.planned is not None:
            y = min(max(height - height * min(max(one.planned, 0.0), 1.0), 1.0), height - 1.0)
            parts.append(f'<path class="plan" d="M{x - 2} {y:.1f}H{x + wide + 2}"/>')
        drawn.append(f"<g><title>{escape(one.words)}</title>{''.join(parts)}</g>")
    width = len(gauges) * (wide + gap) + 2
    return f'<svg class="strip" viewBox="-3 0 {width + 3} {height}" width="{width + 3}" height="{height}">{"".join(drawn)}</svg>'
