# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prompts in the database of the proxy."""

from __future__ import annotations

import re
import typing as t

from ._table import HALF_MASKED, NEVER, SECRETS, Field, Found, Kind, Listing, Write, dig, no_slash


def merged(body: t.Any, found: t.Any) -> dict[str, t.Any]:
    """The endpoint replaces the parameters as a whole."""
    shown = {k: v for k, v in (found or {}).items() if not (isinstance(v, str) and HALF_MASKED.search(v))}
    return {"litellm_params": {k: v for k, v in {**shown, **(body or {})}.items() if v is not None}}


# Of all versions from 1.90 to 1.108.
INTEGRATIONS = ("arize_phoenix", "bitbucket", "dotprompt", "generic_prompt_management", "gitlab")


def unknown_integration(name: str, given: Found) -> list[str]:
    kind = dig(given, ("litellm_params", "prompt_integration"))
    if kind is None or kind in INTEGRATIONS:
        return []
    return [f"litellm_params.prompt_integration: there is no {kind!r}; there are {', '.join(INTEGRATIONS)}"]


def plain_id(name: str) -> str | None:
    versioned = re.search(r"[._]v[0-9]+$", name)
    said = f"LiteLLM takes its end, {versioned.group()!r}, for a version: write another name" if versioned else None
    return no_slash(name) or said


PROMPT = Kind(
    name="prompt",
    plural="prompts",
    identity="prompt_id",
    id="prompt_id",
    fields=(
        Field("litellm_params", "dict", parameters=True, compare=SECRETS, secret=True, clear=NEVER, update=merged),
        Field("prompt_info", "dict", as_text=True),
    ),
    listing=Listing("/prompts/list", envelope="prompts"),
    create=Write("POST", "/prompts"),
    update=Write("PATCH", "/prompts/{id}"),
    delete=Write("DELETE", "/prompts/{id}"),
    annotations="prompt_info",
    constants={"prompt_info": {"prompt_type": "db"}},
    reserved_metadata=frozenset({"prompt_type", "environment"}),
    needed=(("litellm_params", "prompt_integration"),),
    faults=unknown_integration,
    new_name=plain_id,
    reached_by_name=True,
    declarable=lambda found: dig(found, ("prompt_info", "prompt_type")) != "config",
)
