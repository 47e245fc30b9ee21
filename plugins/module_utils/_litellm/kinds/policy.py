# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies: which guardrails apply. A policy that is in force can't be changed: its next version takes its place."""

from __future__ import annotations

import typing as t
import urllib.parse

from ._table import EMPTY, Field, Found, Kind, Listing, Write


def next_version(request: t.Callable[[str, str, t.Any], t.Any], found: Found, body: Found) -> None:
    """A draft of what is in force, changed, published and put in force."""
    name = urllib.parse.quote(str(found["policy_name"]), safe="")
    draft = request("POST", f"/policies/name/{name}/versions", {"source_policy_id": found["policy_id"]})
    path = f"/policies/{draft['policy_id']}"
    request("PUT", path, dict(body))
    for status in ("published", "production"):
        request("PUT", f"{path}/status", {"version_status": status})


POLICY = Kind(
    name="policy",
    plural="policies",
    identity="policy_name",
    id="policy_name",
    fields=(
        Field("description", clear=EMPTY),
        Field("inherit", clear=EMPTY),
        Field("guardrails_add", "list", "str", clear=EMPTY),
        Field("guardrails_remove", "list", "str", clear=EMPTY),
        Field("condition", "dict", clear=EMPTY),
        Field("pipeline", "dict"),
    ),
    listing=Listing("/policies/list", envelope="policies", query={"version_status": "production"}),
    create=Write("POST", "/policies"),
    update=Write("PUT", "/policies/{id}"),
    changed_by=next_version,
    more_routes=("/policies/name/{id}/versions", "/policies/{id}/status"),
    delete=Write("DELETE", "/policies/name/{id}/all-versions"),
    declarable=lambda found: found.get("definition_location") != "config",
)
