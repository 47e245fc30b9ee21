# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the program is told by its file, and what it raises: sentences whose last one is the remedy."""

from __future__ import annotations

import json
import typing as t


class BackupError(Exception):
    """Nothing was made or changed, or what was begun has been taken back."""


class Settings(t.NamedTuple):
    """By the names of the file that the role writes."""

    directory: str
    container: str
    database: str
    user: str
    uid: int
    gid: int
    environment: str  # LiteLLM's secrets, of which fingerprints are kept
    certificates: list[str]
    declaration: str
    versions: dict[str, str]
    recipients: list[str]
    remote: str
    rclone_config: str
    keep: int
    keep_days: int
    min_free_mib: int


def read(path: str) -> Settings:
    try:
        with open(path, encoding="utf-8") as handle:
            found = json.load(handle)
        return Settings(**{name: found[name] for name in Settings._fields})
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise BackupError(f"{path} can't be read ({exc!r}). Run site.yml, which writes it.") from exc
