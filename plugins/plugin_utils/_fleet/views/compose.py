# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the Compose projects of all roles have in common. Pure; for the views only."""

from __future__ import annotations

import re
import typing as t

#: No container of ours needs a capability of root's by itself, or may come to one.
LOCKED_DOWN: dict[str, t.Any] = {"cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def directory(path: t.Any, mode: str = "0755", owner: t.Any = 0, group: t.Any = 0) -> dict[str, t.Any]:
    return {"path": str(path), "mode": mode, "owner": str(owner), "group": str(group)}


def secret_folders(*names: str) -> list[dict[str, t.Any]]:
    """Folders to mount, below one that only root may enter: a mount doesn't need its parents, and another user of the
    host who has the number of the container's user gets no further."""
    return [directory("secrets", "0700"), *(directory(f"secrets/{name}") for name in names)]


def bracketed(address: t.Any) -> str:
    """An address as it stands before a port."""
    text = str(address)
    return f"[{text}]" if ":" in text and not text.startswith("[") else text


def mount(source: str, target: str, read_only: bool = True) -> dict[str, t.Any]:
    """Of a path that must be there: Docker makes missing ones, as directories of root's."""
    return {
        "type": "bind",
        "source": source,
        "target": target,
        "read_only": read_only,
        "bind": {"create_host_path": False},
    }


def duration(text: str) -> int:
    """Seconds of a duration as Compose writes it: 1h30m, 90s."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"(\d+)([hms])(?!s)", text))
