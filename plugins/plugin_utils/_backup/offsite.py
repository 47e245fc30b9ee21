# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Copies elsewhere, by rclone: it knows some seventy kinds of storage, and its file of settings has the secrets."""

from __future__ import annotations

from .folder import NAME
from .postgres import run
from .settings import BackupError, Settings

PATTERN = "/llmfleet-*"
HOURS = 6 * 3600


def _rclone(settings: Settings, *argv: str) -> str:
    return run(["rclone", *argv, "--config", settings.rclone_config], timeout=HOURS)


def copy(settings: Settings) -> str | None:
    """All that is not there yet, so that a day without a network is made up for; compared afterwards. None without a remote."""
    if not settings.remote:
        return None
    try:
        _rclone(settings, "copy", settings.directory, settings.remote, "--include", PATTERN, "--immutable")
        _rclone(settings, "check", settings.directory, settings.remote, "--include", PATTERN, "--one-way")
    except BackupError as exc:
        raise BackupError(
            f"The backup is complete in {settings.directory}, but was not copied to {settings.remote}: {exc}."
            " The next backup copies it as well; check backup_remote and backup_rclone_config."
        ) from exc
    return settings.remote


def names(settings: Settings) -> list[str]:
    """What is there, the newest first."""
    if not settings.remote:
        raise BackupError("There is no place elsewhere to fetch from. Set backup_remote and run site.yml.")
    return sorted(
        (line for line in _rclone(settings, "lsf", settings.remote).splitlines() if NAME.match(line)), reverse=True
    )


def fetch(settings: Settings, name: str) -> str:
    """Brings one, or the newest, into the folder."""
    found = names(settings)
    wanted = name or (found[0] if found else "")
    if wanted not in found:
        raise BackupError(f"{settings.remote} has no {wanted or 'backup'}. There are: {', '.join(found) or 'none'}.")
    _rclone(settings, "copy", settings.remote, settings.directory, "--include", f"/{wanted}*")
    return wanted
