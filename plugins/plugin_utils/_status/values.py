# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Takes what it should be out of readings that may be anything, and writes figures for people. Imports nothing of the collection."""

from __future__ import annotations

import datetime
import math
import typing as t
import unicodedata

Mapping = dict[str, t.Any]

LONGEST = 200
#: No figure of a fleet is larger, and sums of many such are numbers still.
LARGEST = 1e18
KIB = 1024.0
UTC = datetime.timezone.utc
NONE = "-"


# ---- taking


def text(value: t.Any, longest: int = LONGEST) -> str:
    """One line without what steers a terminal or turns the direction of writing."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    said = " ".join(str(value)[: 10 * longest].split())
    shown = "".join(one for one in said if not unicodedata.category(one).startswith("C"))
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"


def number(value: t.Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) and abs(found) < LARGEST else None


def whole(value: t.Any) -> int | None:
    found = number(value)
    return None if found is None else int(found)


def amount(value: t.Any) -> float:
    """A number that counts something; nothing where it is none."""
    return max(number(value) or 0.0, 0.0)


def mapping(value: t.Any) -> Mapping:
    return {str(name): one for name, one in value.items()} if isinstance(value, dict) else {}


def items(value: t.Any) -> list[Mapping]:
    """Those that are mappings."""
    return [mapping(one) for one in value if isinstance(one, dict)] if isinstance(value, (list, tuple)) else []


def texts(value: t.Any) -> list[str]:
    return [text(one) for one in value] if isinstance(value, (list, tuple)) else []


def moment(value: t.Any) -> datetime.datetime | None:
    """Of ISO 8601; without a zone it is UTC, as LiteLLM writes."""
    said = text(value, 64)
    try:
        found = datetime.datetime.fromisoformat(said)
    except ValueError:
        return None
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def seconds_since(value: t.Any, now: datetime.datetime) -> float | None:
    found = moment(value)
    return (now - found).total_seconds() if found else None


def sum_of(values: t.Iterable[t.Any]) -> float | None:
    """Of the known ones; None where none is known."""
    known = [one for one in map(number, values) if one is not None]
    return sum(known) if known else None


# ---- writing


def size(value: t.Any) -> str:
    """Bytes."""
    left = number(value)
    if left is None:
        return NONE
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(left) < KIB:
            return f"{left:.0f} {unit}" if left >= 10 or unit == "B" else f"{left:.1f} {unit}"
        left /= KIB
    return f"{left:.1f} TiB"


def count(value: t.Any) -> str:
    """A number as short as can be read."""
    found = number(value)
    if found is None:
        return NONE
    for limit, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if abs(found) >= limit:
            scaled = found / (1e3 if unit == "k" else limit)
            return f"{scaled:.0f} {unit}" if scaled >= 100 or scaled == int(scaled) else f"{scaled:.1f} {unit}"
    return f"{found:,.0f}" if abs(found) >= 100 or found == int(found) else f"{found:.1f}"


def percent(value: t.Any) -> str:
    found = number(value)
    return NONE if found is None else f"{found:.0f} %"


def money(value: t.Any) -> str:
    found = number(value)
    if found is None:
        return NONE
    return f"{found:,.0f}" if abs(found) >= 1000 else f"{found:.2f}"


def duration(value: t.Any) -> str:
    """Seconds, in one unit."""
    left = number(value)
    if left is None:
        return NONE
    for length, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if abs(left) >= 2 * length:
            return f"{left / length:.0f} {unit}"
    return f"{left:.0f} s"


def milliseconds(value: t.Any) -> str:
    found = number(value)
    if found is None:
        return NONE
    return f"{found / 1000:.1f} s" if found >= 1000 else f"{found:.0f} ms"


def several(number_of: int, one: str, more: str = "") -> str:
    """With the noun that the number takes."""
    return f"{number_of:,} {one if number_of == 1 else more or one + 's'}"
