# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Vector stores of providers, which requests may search."""

from __future__ import annotations

from ._table import EMPTY, NEVER, SECRETS, Field, Kind, Listing, Write

# /vector_store/update takes name, description, provider and metadata only.
VECTOR_STORE = Kind(
    name="vector_store",
    plural="vector_stores",
    identity="vector_store_id",
    id="vector_store_id",
    fields=(
        Field("custom_llm_provider", clear=NEVER),
        Field("vector_store_name"),
        Field("vector_store_description"),
        Field("litellm_params", "dict", parameters=True, compare=SECRETS, secret=True, create_only=True, clear=NEVER),
        Field("litellm_credential_name", create_only=True, clear=NEVER, refers="credentials"),
        Field("team_id", create_only=True, clear=NEVER, refers="teams"),
        Field("vector_store_metadata", "dict", clear=EMPTY),
    ),
    listing=Listing("/vector_store/list", envelope="data", page_size=100, size_parameter="page_size"),
    create=Write("POST", "/vector_store/new"),
    update=Write("POST", "/vector_store/update", id_field="vector_store_id"),
    delete=Write("POST", "/vector_store/delete", id_field="vector_store_id"),
    annotations="vector_store_metadata",
    needed=(("custom_llm_provider",),),
    declarable=lambda found: not found.get("is_config"),
)
