# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Memory of a container from the kernel, since `docker stats` takes two seconds for the same figure."""

from __future__ import annotations

import os
import re

from .._host.read import read_text

#: Where cgroups are, with the files of both versions: used bytes, and the page cache that is given up first.
UNIFIED = ("sys/fs/cgroup", "memory.current", "inactive_file")
FORMER = ("sys/fs/cgroup/memory", "memory.usage_in_bytes", "total_inactive_file")


def memory(pid: int, root: str = "/") -> int | None:
    """Bytes in use as `docker stats` counts them; None where the kernel does not tell."""
    if pid <= 0:
        return None
    rows = [line.split(":", 2) for line in read_text(os.path.join(root, f"proc/{pid}/cgroup")).splitlines()]
    for row in rows:
        if len(row) == 3 and (row[1] == "" or "memory" in row[1].split(",")):
            layout = UNIFIED if row[1] == "" else FORMER
            used = _used(os.path.join(root, layout[0], row[2].lstrip("/")), layout[1], layout[2])
            if used is not None:
                return used
    return None


def _used(folder: str, total: str, cache: str) -> int | None:
    said = read_text(os.path.join(folder, total))
    if not said.isdigit():
        return None
    match = re.search(rf"^{cache} (\d+)$", read_text(os.path.join(folder, "memory.stat")), re.MULTILINE)
    return max(int(said) - (int(match.group(1)) if match else 0), 0)
