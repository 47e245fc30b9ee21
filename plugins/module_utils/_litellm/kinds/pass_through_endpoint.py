# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pass-through endpoints: paths of the proxy that lead to other services."""

from __future__ import annotations

import typing as t

from ._naming import Named, Naming
from ._table import EMPTY, GUARDRAIL, NEVER, Field, Kind, Listing, Write


def by_guardrail(value: t.Any) -> list[Named]:
    """What applies to requests and answers, by the guardrail's name."""
    return [Named("guardrails", str(name), by=GUARDRAIL) for name in value or {}]


# The update drops every null.
PASS_THROUGH_ENDPOINT = Kind(
    name="pass_through_endpoint",
    plural="pass_through_endpoints",
    identity="path",
    id="id",
    fields=(
        Field("target", clear=NEVER),
        Field("headers", "dict", secret=True, clear=EMPTY),
        Field("default_query_params", "dict", clear=EMPTY),
        Field("include_subpath", "bool", default=False),
        Field("cost_per_request", "float", default=0),
        Field("endpoint_timeout", "float", path=("timeout",), api_name="timeout", clear=NEVER),
        Field("auth", "bool", default=True),
        Field("guardrails", "dict", clear=EMPTY, refers_in=Naming(by_guardrail, {"": "guardrails"})),
        Field("methods", "list", "str", clear=EMPTY),
    ),
    listing=Listing("/config/pass_through_endpoint", envelope="endpoints"),
    create=Write("POST", "/config/pass_through_endpoint"),
    update=Write("POST", "/config/pass_through_endpoint/{id}"),
    delete=Write("DELETE", "/config/pass_through_endpoint?endpoint_id={id}"),
    needed=(("target",),),
    sent_along=lambda body, found: {"path": found.get("path"), "target": found.get("target")},
    serial=True,
    declarable=lambda found: not found.get("is_from_config"),
)
