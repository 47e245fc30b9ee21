# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t

from . import apply, reader, secret_parts, values
from .client import Client
from .keeper import Found, Keeper, KeyKeeper
from .plan import NOTHING, pick
from .resources import Kind
from .resources._table import DIGEST, SECRETS

# Names under which some versions echo a raw key.
UNSHOWN = ("key", "api_key")


def run(client: Client, keeper: Keeper, *, check_mode: bool, diff: bool) -> dict[str, t.Any]:
    """One object: read, plan, apply, read again."""
    kind, identity = keeper.kind, keeper.wanted.identity
    if kind.enterprise:
        apply.refuse_without_licence(client, kind)
    found = pick(kind, identity, reader.read(client, kind, [identity]))
    keeper.prepare(found)
    apply.refuse_unlicensed(client, [keeper.operation])
    if isinstance(keeper, KeyKeeper) and (token := keeper.new_token()):
        answer = client.get("/key/list", {"key_hash": token, "return_full_object": "true"})
        for other in answer.get("keys", []):
            keeper.refuse_taken(other.get("key_alias"))
    shown = found
    if not check_mode and keeper.changes:
        keeper.carry_out()
        shown = keeper.check(apply.read_until_there(client, keeper))
    return _report(keeper, shown, diff)


def _report(keeper: Keeper, found: Found | None, diff: bool) -> dict[str, t.Any]:
    kind, operation = keeper.kind, keeper.operation
    shown = found or {}
    result: dict[str, t.Any] = {
        "changed": keeper.changes or operation.action != NOTHING,
        "operation": operation.action,
        "changed_fields": operation.changed_fields,
        kind.identity: operation.identity,
        kind.id: shown.get(kind.id) or operation.id,
        "object": values.without_nulls(visible(kind, shown)) or None,
    }
    if kind.name == "key":
        result["key_name"] = shown.get("key_name")
    if diff:
        result["diff"] = operation.diff()
    return result


def visible(kind: Kind, found: Found) -> dict[str, t.Any]:
    """An object without what some versions show and nobody should see."""
    hidden = {*UNSHOWN, *(f.name for f in kind.fields if f.all_secret)}
    return {name: _seen(kind, name, value) for name, value in found.items() if name not in hidden}


def _seen(kind: Kind, name: str, value: t.Any) -> t.Any:
    field = next((f for f in kind.fields if f.name == name), None)
    if name in (kind.id, kind.identity) or (field and field.plain):
        return value
    if field and field.secret and field.compare not in (SECRETS, DIGEST):
        return _veiled(value)
    # The table says what an option is; what else the proxy shows is told by its name.
    return secret_parts.masked(value) if field else secret_parts.masked({name: value})[name]


def _veiled(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, secret_parts.MASK)
    if isinstance(value, list):
        return [
            {**entry, "value": secret_parts.MASK} if isinstance(entry, dict) else secret_parts.MASK for entry in value
        ]
    return value
