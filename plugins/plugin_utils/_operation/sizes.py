# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an operation frees, in words."""

from __future__ import annotations

import typing as t

UNITS = ("B", "KiB", "MiB", "GiB", "TiB")


def size(count: int) -> str:
    number, unit = float(count), 0
    while number >= 1024 and unit < len(UNITS) - 1:
        number, unit = number / 1024, unit + 1
    return f"{number:.0f} {UNITS[unit]}" if unit == 0 or number >= 100 else f"{number:.1f} {UNITS[unit]}"


def leftovers(hosts: t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]) -> list[str]:
    """Of each host what the module leftovers found there."""
    lines = []
    for host, found in hosts.items():
        total = size(sum(one["bytes"] for one in found)) if found else "nothing"
        lines.append(f"Free {total} on {host}")
        lines += [f"  {one['kind']} {one['name']}: {size(one['bytes'])}" for one in found]
    return lines
