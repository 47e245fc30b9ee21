# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Credentials for providers, which models refer to."""

from __future__ import annotations

import typing as t

from ._table import NEVER, SECRETS, SUBKEYS, SUBSET, Field, Found, Kind, Listing, Write


def taken_out(body: Found, found: Found) -> dict[str, t.Any]:
    """Newer versions ignore a null and take the names of what goes; older ones ignore the names. Both in one call are refused."""
    gone = [name for name, value in (body.get("credential_values") or {}).items() if value is None]
    return {"credential_values": {}, "credential_info": {}, "credential_values_to_delete": gone} if gone else {}


CREDENTIAL = Kind(
    name="credential",
    plural="credentials",
    identity="credential_name",
    id="credential_name",
    fields=(
        Field(
            "credential_values",
            "dict",
            compare=SECRETS,
            all_secret=True,
            secret=True,
            clear=NEVER,
            also_written=("credential_values_to_delete",),
        ),
        Field("credential_info", "dict", compare=SUBSET, clear=SUBKEYS),
    ),
    listing=Listing("/credentials", envelope="credentials"),
    create=Write("POST", "/credentials"),
    update=Write("PATCH", "/credentials/{id}", id_field="credential_name"),
    delete=Write("DELETE", "/credentials/{id}"),
    annotations="credential_info",
    restored=taken_out,
    sent_along=lambda body, found: {"credential_info": {}},
    annotations_merge=True,
    constants={"credential_values": {}, "credential_info": {}},
    needed=(("credential_values",),),
)
