# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t

from ._table import Field, Kind, Listing, Reference, Write, dig
from .enterprise import ORGANIZATION, PROJECT
from .key import KEY
from .others import ACCESS_GROUP, BUDGET, CREDENTIAL, CUSTOMER, MODEL, TAG, TEAM, USER
from .tools import GUARDRAIL, MCP_SERVER

# In the order that references need: what comes later may refer to what comes earlier.
KINDS: t.Mapping[str, Kind] = {
    kind.plural: kind
    for kind in (
        BUDGET,
        CREDENTIAL,
        MODEL,
        MCP_SERVER,
        GUARDRAIL,
        ORGANIZATION,
        TEAM,
        USER,
        PROJECT,
        ACCESS_GROUP,
        TAG,
        CUSTOMER,
        KEY,
    )
}

__all__ = [
    "ACCESS_GROUP",
    "BUDGET",
    "CREDENTIAL",
    "CUSTOMER",
    "GUARDRAIL",
    "KEY",
    "KINDS",
    "MCP_SERVER",
    "MODEL",
    "ORGANIZATION",
    "PROJECT",
    "TAG",
    "TEAM",
    "USER",
    "Field",
    "Kind",
    "Listing",
    "Reference",
    "Write",
    "dig",
]
