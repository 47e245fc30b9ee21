# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads small files of a host: texts, JSON, digests, modes. A file that can't be read is an empty or absent one."""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any

#: Nothing that is read whole here is larger in earnest.
LARGEST = 16 * 1024 * 1024


def read_text(path: str) -> str:
    """A file's text; empty when it can't be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read(LARGEST).strip()
    except (OSError, ValueError):
        return ""


def read_json(path: str) -> Any:
    """What a JSON file holds; None where it is missing or damaged."""
    try:
        with open(path, encoding="utf-8-sig") as handle:
            return json.loads(handle.read(LARGEST))
    except (OSError, ValueError, RecursionError):
        return None


def read_mapping(path: str) -> dict[str, Any] | None:
    """The same, where only an object will do."""
    found = read_json(path)
    return found if isinstance(found, dict) else None


def digests(paths: list[str]) -> dict[str, dict[str, Any]]:
    """SHA-256 and mode of those of the files that are there."""
    found = {}
    for path in paths:
        try:
            with open(path, "rb") as handle:
                digest = hashlib.sha256(handle.read()).hexdigest()
                mode = os.fstat(handle.fileno()).st_mode
        except (OSError, ValueError):
            continue
        found[path] = {"sha256": digest, "mode": f"{mode & 0o7777:04o}"}
    return found


def naming(addresses: list[str], root: str = "/") -> dict[str, list[str]]:
    """Files of apt's sources that name an address."""
    folder = os.path.join(root, "etc/apt/sources.list.d")
    names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
    paths = [os.path.join(root, "etc/apt/sources.list"), *(os.path.join(folder, name) for name in names)]
    texts = {path: read_text(path) for path in paths if path.endswith((".list", ".sources"))}
    return {
        address: [path for path, text in texts.items() if re.search(re.escape(address) + r"(?![\w.-])", text)]
        for address in addresses
    }
