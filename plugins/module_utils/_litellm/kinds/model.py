# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Models in the database of the proxy."""

from __future__ import annotations

import typing as t

from .. import prices
from ._naming import naming
from ._table import (
    GUARDRAIL,
    NEVER,
    SECRETS,
    SUBKEYS,
    SUBSET,
    Field,
    Found,
    Kind,
    Listing,
    Write,
    dig,
)

SWITCHES = frozenset(
    {
        "allow_client_keepalive_override",
        "merge_reasoning_content_in_choices",
        "use_in_pass_through",
        "use_litellm_proxy",
        "use_xai_oauth",
    }
)
# What models of these providers log in with, which LiteLLM does not even name.
LOGINS = {
    "bedrock": ("aws_access_key_id", "aws_secret_access_key"),
    "sagemaker": ("aws_access_key_id", "aws_secret_access_key"),
    "vertex_ai": ("vertex_credentials",),
}
TIERS = ("free", "paid")
UPDATE = Write("PATCH", "/model/{id}/update")


def with_removals(body: t.Any, found: t.Any) -> dict[str, t.Any]:
    """A null clears some parts only, and versions before this option ignore it: what then stays is said."""
    gone = [name for name, value in (body or {}).items() if value is None]
    # The endpoint turns off every switch that it isn't told, such as use_in_pass_through.
    switches = {name: True for name, value in (found or {}).items() if value is True}
    return {"litellm_params": {**switches, **body}, **({"litellm_params_to_remove": gone} if gone else {})}


def login(found: Found) -> tuple[str, ...]:
    params = found.get("litellm_params") or {}
    provider = params.get("custom_llm_provider") or str(params.get("model")).partition("/")[0]
    return LOGINS.get(str(provider), ("api_key",))


def no_slash(given: Found, changed: t.Collection[str], found: Found) -> str | None:
    if "/" in str(found.get("model_id")):
        return "LiteLLM can't change a model whose id has a slash: delete it, and give it another `model_id`"
    info, there = given.get("model_info") or {}, found.get("model_info") or {}
    gone = [part for part, value in info.items() if value is None and there.get(part) is not None]
    return f"LiteLLM takes nothing out of model_info: {', '.join(gone)} stays" if gone else None


def own_info(name: str, given: Found) -> list[str]:
    info = given.get("model_info") or {}
    wrong = [] if info.get("id") in (None, name) else ["model_info.id is what model_id says"]
    wrong += [f"model_info.{part}: LiteLLM keeps prices in litellm_params" for part in info if prices.is_price(part)]
    if info.get("tier") not in (None, *TIERS):
        wrong.append(f"model_info.tier must be one of {', '.join(TIERS)}")
    return wrong + (["model_info.db_model says LiteLLM by itself"] if info.get("db_model") not in (None, True) else [])


MODEL = Kind(
    name="model",
    plural="models",
    identity="model_id",
    id="model_id",
    id_path=("model_info", "id"),
    fields=(
        Field("model_name", clear=NEVER),
        Field(
            "litellm_params",
            "dict",
            compare=SECRETS,
            secret=True,
            clear=NEVER,
            update=with_removals,
            off=SWITCHES,
            usual_parts=login,
            also_written=("litellm_params_to_remove",),
            refers_in=naming(
                litellm_credential_name="credentials",
                guardrails=("guardrails", *GUARDRAIL),
                vector_store_ids="vector_stores",
            ),
            parameters=True,
        ),
        # The creation doesn't take it.
        Field("blocked", "bool", path=("model_info", "blocked"), default=False, own_call=UPDATE),
        Field(
            "model_info",
            "dict",
            compare=SUBSET,
            clear=SUBKEYS,
            licensed_parts=("team_id",),
            parameters=True,
            as_text=True,
            refers_in=naming(team_id="teams"),
        ),
    ),
    listing=Listing("/v2/model/info", envelope="data", page_size=100, id_filter="modelId"),
    create=Write("POST", "/model/new"),
    update=UPDATE,
    delete=Write("POST", "/model/delete", id_field="id"),
    annotations="model_info",
    needed=(("model_name",), ("litellm_params", "model")),
    obstacle=no_slash,
    faults=own_info,
    annotations_merge=True,
    id_at_creation=True,
    half_made="was saved to the database, but",
    declarable=lambda found: dig(found, ("model_info", "db_model")) is True,
    # The rest of model_info is LiteLLM's own price list, filled in at every reading.
    exported_annotations=frozenset({"mode", "base_model", "team_id", "tier"}),
)
