# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who looks at hosts that a run leaves out: the fleet is the same value with and without --limit. Pure."""

from __future__ import annotations

import typing as t


def shared_out(members: t.Iterable[str], playing: t.Sequence[str]) -> dict[str, list[str]]:
    """Hosts outside the play by the host of the play that looks at them, so that all look at about as many at once."""
    found: dict[str, list[str]] = {name: [] for name in playing}
    for number, name in enumerate(name for name in members if name not in found):
        found[playing[number % len(playing)]].append(name)
    return found
