# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The found and the wanted value of each option in one form; equal where nothing has to be written. Pure."""

from __future__ import annotations

import typing as t
from datetime import datetime, timedelta, timezone

from . import prices, secret_parts, values
from .annotations import MARKER, fingerprint, marker_of, marker_target, metadata_target, user_metadata
from .kinds._table import LIFETIME, SECRETS, SUBKEYS, SUBSET, WRITE_ONLY, Field, Found, Kind, dig
from .wanted import Wanted, given_fields


def compare(kind: Kind, item: Field, wanted: Wanted, found: Found, now: datetime) -> tuple[t.Any, t.Any]:
    """The found and the wanted value in one form; equal where nothing has to be written."""
    if item.compare == WRITE_ONLY or item.ignore_drift:
        return None, None
    value = wanted.given[item.name]
    if item.rule and item.rule.pair:
        return item.rule.pair(value, dig(found, item.read_path))
    if item.rule:
        return item.rule.canonical(dig(found, item.read_path)), item.rule.canonical(value)
    if item.compare == SECRETS:
        return _compare_secrets(kind, item, wanted, found)
    if item.compare == LIFETIME:
        return _compare_lifetime(item, value, found, wanted.renew_before, now)
    if item.name == kind.annotations and not kind.annotations_merge:
        target = metadata_target(kind, wanted, found)
        named = frozenset(value or {})
        there, then = user_metadata(kind, found.get(item.name) or {}, named), user_metadata(kind, target, named)
        shown = {k: values.seen_through(v, then.get(k)) for k, v in there.items() if k in kind.encrypted_metadata}
        return {**there, **shown}, then
    new = values.wanted_value(item, value)
    old = values.found_value(item, found, new)
    if item.compare == SUBSET:
        old = values.seen_through(old, new)
    if item.clear == SUBKEYS and new is None and old:
        old = {k: v for k, v in old.items() if k != MARKER} or None
        new = dict.fromkeys(old) if old else None
    return old, new


def _compare_secrets(kind: Kind, item: Field, wanted: Wanted, found: Found) -> tuple[t.Any, t.Any]:
    """Readable parts by value, the others by the fingerprint of what we last wrote."""
    given = wanted.given[item.name] or {}
    readable, secret = values.split_secrets(item, given)
    there = prices.with_numbers(dig(found, item.read_path) or {})
    seen = {k: values.seen_through(there.get(k), given[k]) for k in readable}
    old = {k: values.canonical_part(v, ordered=True) for k, v in secret_parts.masked(seen).items()}
    new = {k: values.canonical_part(v, ordered=True) for k, v in readable.items()}
    for name in (k for k, v in secret.items() if v is None):
        old[name] = None if there.get(name) is None else secret_parts.MASK
        new[name] = None
    for name in (k for k in secret if _shows_another(there.get(k), given.get(k))):
        old[name], new[name] = f"{secret_parts.MASK} (found)", f"{secret_parts.MASK} (wanted)"
    print_ = fingerprint(item, wanted) if kind.annotations else None
    if print_:
        old["(secrets)"] = marker_of(kind, found).get("fingerprints", {}).get(item.name)
        new["(secrets)"] = print_
    return old, new


def _shows_another(found: t.Any, wanted: t.Any) -> bool:
    """Whether what the proxy shows of a secret, the whole or its ends, can't be of the wanted one."""
    if not isinstance(found, (str, int, float)) or not isinstance(wanted, (str, int, float)):
        return False
    if isinstance(wanted, str) and secret_parts.is_reference(wanted):
        return False
    return bool(values.seen_through(found, wanted) != wanted)


def _compare_lifetime(
    item: Field, duration: str | None, found: Found, renew_before: str | None, now: datetime
) -> tuple[t.Any, t.Any]:
    expires = values.found_value(item, found)
    if duration is None or duration in values.FOREVER:
        return expires, None
    if expires is None or renew_before is None:
        return expires, expires
    if values.time_left(expires, now) >= timedelta(seconds=values.seconds(renew_before)):
        return expires, expires
    return expires, f"{duration} from now"


def differing(kind: Kind, wanted: Wanted, found: Found) -> list[str]:
    """The options that are not as wanted, whether or not that can be changed."""
    now = datetime.now(timezone.utc)
    pairs = {item.name: compare(kind, item, wanted, found, now) for item in given_fields(kind, wanted)}
    names = [part for name, (old, new) in pairs.items() if old != new for part in _parts(name, old, new)]
    marked = marker_target(kind, wanted, found) == marker_of(kind, found)
    return names if names or marked else ["our marker"]


def _parts(name: str, old: t.Any, new: t.Any) -> list[str]:
    """What of a structure differs; secrets only as such."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [name]
    parts = [part for part in {**old, **new} if old.get(part) != new.get(part)]
    return [f"{name}.{part}" for part in parts] or [name]
