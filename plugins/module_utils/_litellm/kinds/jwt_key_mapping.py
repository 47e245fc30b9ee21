# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which virtual key a JSON Web Token stands for, by one of its claims."""

from __future__ import annotations

from ._table import NEVER, WRITE_ONLY, Field, Kind, Listing, Reference, Write

UPDATE = Write("POST", "/jwt/key/mapping/update", id_field="id")

JWT_KEY_MAPPING = Kind(
    name="jwt_key_mapping",
    plural="jwt_key_mappings",
    identity="jwt_claim_value",
    id="id",
    fields=(
        Field("jwt_claim_name", create_only=True, clear=NEVER),
        # The API doesn't show which key it is.
        Field("token", compare=WRITE_ONLY, create_only=True, clear=NEVER, refers="keys", young=True),
        Field("jwt_issuer", young=True),
        Field("description"),
        # The creation doesn't take it.
        Field("is_active", "bool", default=True, own_call=UPDATE),
    ),
    listing=Listing("/jwt/key/mapping/list", envelope="mappings", page_size=100),
    create=Write("POST", "/jwt/key/mapping/new"),
    update=UPDATE,
    delete=Write("POST", "/jwt/key/mapping/delete", id_field="id"),
    needed=(("jwt_claim_name",), ("token",)),
    references=(Reference("key_alias", "token", "keys"),),
    mutually_exclusive=(("token", "key_alias"),),
)
