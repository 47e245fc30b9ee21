# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Guardrails in the database of the proxy."""

from __future__ import annotations

from ._table import NEVER, SECRETS, Field, Kind, Listing, Write

GUARDRAIL = Kind(
    name="guardrail",
    plural="guardrails",
    identity="guardrail_name",
    id="guardrail_id",
    fields=(
        Field("litellm_params", "dict", parameters=True, compare=SECRETS, secret=True, clear=NEVER),
        Field("guardrail_info", "dict"),
    ),
    listing=Listing("/v2/guardrails/list", envelope="guardrails"),
    create=Write("POST", "/guardrails", envelope="guardrail"),
    update=Write("PATCH", "/guardrails/{id}"),
    delete=Write("DELETE", "/guardrails/{id}"),
    needed=(("litellm_params", "guardrail"), ("litellm_params", "mode")),
    annotations="guardrail_info",
    declarable=lambda found: found.get("guardrail_definition_location") == "db",
)
