# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t

from . import apply, reader, values
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
    veiled = {f.name for f in kind.fields if f.secret and f.compare not in (SECRETS, DIGEST)}
    return {k: _veiled(v) if k in veiled else v for k, v in found.items() if k not in hidden}


def _veiled(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return dict.fromkeys(value, values.MASK)
    if isinstance(value, list):
        return [{**entry, "value": values.MASK} if isinstance(entry, dict) else values.MASK for entry in value]
    return value
