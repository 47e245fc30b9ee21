# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role backup takes."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import (
    Place,
    Relation,
    Rule,
    shown,
)

_RECIPIENT = re.compile(r"age1[0-9a-z]{58}|ssh-(?:ed25519|rsa) [A-Za-z0-9+/=]+(?: [^\r\n]*)?")
_CALENDAR = re.compile(r"[A-Za-z0-9*:,./~ +-]*")
_REMOTE = re.compile(r"[\w.+@-][\w.+@ -]*:[^\r\n]*")


def recipients(value: t.Sequence[t.Any]) -> str:
    """Public keys only: what opens a backup is not to be on the host, nor in its declaration."""
    if any(str(one).startswith("AGE-SECRET-KEY-") for one in value):
        return "has an identity, which opens backups and may not be on the host; write the public key that age-keygen -y prints"
    wrong = next((one for one in value if not _RECIPIENT.fullmatch(str(one))), None)
    return "" if wrong is None else f"{shown(wrong)} is no recipient of age; write age1… or an SSH public key"


def calendar(value: t.Any) -> str:
    if _CALENDAR.fullmatch(str(value)):
        return ""
    return f"{shown(value)} is no time of systemd; write one as in man systemd.time, such as *-*-* 02:30:00"


def remote(value: t.Any) -> str:
    if not value or _REMOTE.fullmatch(str(value)):
        return ""
    return f"{shown(value)} is no place of rclone; write NAME:PATH with a NAME of backup_rclone_config, such as offsite:backups"


def _together(place: Place) -> t.Iterator[tuple[str, str]]:
    remote_said, config = (
        str(place.values.get("backup_remote") or ""),
        str(place.values.get("backup_rclone_config") or ""),
    )
    if remote_said and f"[{remote_said.partition(':')[0]}]" not in config:
        yield (
            "backup_rclone_config",
            f"does not describe {remote_said.partition(':')[0]}, where backup_remote copies to; write what rclone config show prints",
        )


RULES: dict[str, Rule] = {
    "backup_dir": values.path,
    "backup_keep": values.between(1),
    "backup_keep_days": values.between(0),
    "backup_min_free_mib": values.between(0),
    "backup_recipients": recipients,
    "backup_on_calendar": calendar,
    "backup_test_on_calendar": calendar,
    "backup_random_delay": values.systemd_duration,
    "backup_remote": remote,
}
RELATIONS: tuple[Relation, ...] = (_together,)
