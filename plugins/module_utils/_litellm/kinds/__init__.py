# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All kinds of objects, in the order that references need. Each is described in a file of its own."""

from __future__ import annotations

import typing as t

from ._table import Call, Cascade, Field, Found, Kind, Listing, Reference, Write, dig
from .access_group import ACCESS_GROUP
from .budget import BUDGET
from .credential import CREDENTIAL
from .customer import CUSTOMER
from .guardrail import GUARDRAIL
from .key import KEY
from .mcp_server import MCP_SERVER
from .model import MODEL
from .organization import ORGANIZATION
from .project import PROJECT
from .tag import TAG
from .team import TEAM
from .user import USER

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
        # Before teams: LiteLLM makes the persons that a new team names, if they are not there.
        USER,
        TEAM,
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
    "Call",
    "Cascade",
    "Field",
    "Found",
    "Kind",
    "Listing",
    "Reference",
    "Write",
    "dig",
]
