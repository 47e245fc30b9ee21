# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One order for what a user wrote in any. Pure; every room of _fleet may import it."""

from __future__ import annotations

import typing as t


def ordered(value: t.Any) -> t.Any:
    """With the keys of every dictionary sorted: their order means nothing, so it may not start anything anew."""
    if isinstance(value, t.Mapping):
        return {key: ordered(value[key]) for key in sorted(value, key=str)}
    return [ordered(one) for one in value] if isinstance(value, list) else value
