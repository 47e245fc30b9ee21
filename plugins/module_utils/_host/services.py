# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units of systemd: whether they are there, run and are enabled."""

from __future__ import annotations

from .run import Run

PROPERTIES = "--property=LoadState,ActiveState,UnitFileState"


def services(run: Run, units: list[str]) -> dict[str, dict[str, bool]]:
    """The state of units by the names that were asked for; those that systemd does not tell of are absent."""
    if not units:
        return {}
    done = run(["systemctl", "show", PROPERTIES, "--", *units])
    blocks = done.out.strip().split("\n\n") if done.rc == 0 else []
    return {unit: state(block) for unit, block in zip(units, blocks)} if len(blocks) == len(units) else {}


def state(block: str) -> dict[str, bool]:
    """One unit's block of properties."""
    values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
    return {
        "loaded": values.get("LoadState") == "loaded",
        "active": values.get("ActiveState") in ("active", "reloading", "activating"),
        "enabled": values.get("UnitFileState")
        in ("enabled", "enabled-runtime", "static", "indirect", "generated", "alias"),
    }
