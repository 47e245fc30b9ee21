# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptions that the hub gave earlier, in files of the controller."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any


class Cache:
    """Descriptions by repository and revision; a commit never changes, a branch is asked again."""

    def __init__(self, folder: str) -> None:
        self._folder = Path(folder).expanduser()

    def _file(self, endpoint: str, model: str, revision: str) -> Path:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", f"{endpoint.split('://')[-1]}_{model}_{revision}")
        return self._folder / f"{name}.json"

    def read(self, endpoint: str, model: str, revision: str) -> dict[str, Any] | None:
        """What is kept for this revision, if anything sound."""
        try:
            kept = json.loads(self._file(endpoint, model, revision).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        return kept if isinstance(kept, dict) and isinstance(kept.get("config"), dict) else None

    def write(self, endpoint: str, model: str, revision: str, found: dict[str, Any]) -> None:
        """Keep a description; written aside first, so that a reader never sees half of it."""
        target = self._file(endpoint, model, revision)
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, aside = tempfile.mkstemp(dir=str(target.parent), prefix=".model-")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            json.dump(found, stream)
        Path(aside).replace(target)


def is_commit(revision: str) -> bool:
    """Whether a revision is a full commit, which can't change."""
    return bool(re.fullmatch(r"[0-9a-f]{40}", revision))
