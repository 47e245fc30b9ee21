# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions that the hub gave earlier, in files of the controller. Used by describe."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

DEFAULT_FOLDER = "~/.cache/llmfleet/models"


def sound(kept: Any) -> dict[str, Any] | None:
    """What was kept, where it is a description."""
    return dict(kept) if isinstance(kept, Mapping) and isinstance(kept.get("config"), Mapping) else None


class Cache:
    """Descriptions by hub, repository and revision."""

    def __init__(self, folder: str, endpoint: str) -> None:
        self._folder = Path(folder).expanduser()
        # Mirrors differ; a user in the address is no part of it, and nothing to keep in a file's name.
        self._hub = endpoint.rstrip("/").rpartition("//")[2].rpartition("@")[2]

    def _file(self, model: str, revision: str) -> Path:
        return self._folder / f"{quote(f'{self._hub} {model} {revision}', safe='')}.json"

    def read(self, model: str, revision: str) -> dict[str, Any] | None:
        """What is kept for this revision, if anything sound."""
        try:
            return sound(json.loads(self._file(model, revision).read_text(encoding="utf-8")))
        except (OSError, ValueError, RecursionError):
            return None

    def write(self, model: str, revision: str, found: dict[str, Any]) -> None:
        """Keep a description; written aside first, so that a reader never sees half of it.

        A folder that can't be written costs the next run a request, and nothing else.
        """
        target = self._file(model, revision)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, aside = tempfile.mkstemp(dir=str(target.parent), prefix=".model-")
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(found, stream)
            Path(aside).replace(target)
        except OSError:
            return
