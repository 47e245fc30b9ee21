# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t

from ._table import Field, Kind, Listing, Write, dig
from .key import KEY

# In the order in which references need them: what is named later may refer to what is named earlier.
KINDS: t.Mapping[str, Kind] = {kind.name: kind for kind in (KEY,)}

__all__ = ["KEY", "KINDS", "Field", "Kind", "Listing", "Write", "dig"]
