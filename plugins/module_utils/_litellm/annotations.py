# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Our marker on an object, and the user's part of its metadata beside LiteLLM's and ours. Pure."""

from __future__ import annotations

import typing as t

from . import values
from .kinds._table import METADATA, SECRETS, Field, Found, Kind, dig
from .wanted import Wanted, given_fields

MARKER = "llmfleet"
DECLARED = "declared"  # in the marker: the names of parts


def marker_of(kind: Kind, found: Found) -> dict[str, t.Any]:
    """What we noted on the object."""
    return dict(dig(found, (kind.annotations, MARKER)) or {}) if kind.annotations else {}


def owner_of(kind: Kind, found: Found) -> str | None:
    return marker_of(kind, found).get("owner")


def marker_target(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Our own note on the object: whose it is, and what its unreadable parts were set to."""
    if not kind.annotations:
        return {}
    marker = marker_of(kind, found)
    if wanted.owner:
        marker["owner"] = wanted.owner
    prints: dict[str, str | None] = {
        item.name: fingerprint(item, wanted)
        for item in given_fields(kind, wanted)
        if item.compare == SECRETS and fingerprint(item, wanted)
    }
    given = wanted.given.get(kind.annotations) or {}
    hidden = {name: given[name] for name in kind.encrypted_metadata if given.get(name)}
    if hidden:
        prints[kind.annotations] = values.fingerprint(wanted.fingerprint_key, hidden)
    if prints:
        marker["fingerprints"] = {**marker.get("fingerprints", {}), **prints}
    if parts := _declared(kind, wanted, found):
        marker[DECLARED] = parts
    else:
        marker.pop(DECLARED, None)
    return marker


def declared_parts(kind: Kind, found: Found) -> list[str]:
    """What of the annotations was declared, where LiteLLM puts in so much of its own that it can't be told."""
    return list(marker_of(kind, found).get(DECLARED) or [])


def _declared(kind: Kind, wanted: Wanted, found: Found) -> list[str]:
    if kind.exported_annotations is None:
        return []
    given = wanted.given.get(str(kind.annotations)) or {}
    own = {*kind.exported_annotations, *kind.id_path[-1:]}
    named = {name for name, value in given.items() if value is not None and name not in own}
    return sorted(named.union(name for name in declared_parts(kind, found) if given.get(name, name) is not None))


def fingerprint(item: Field, wanted: Wanted) -> str | None:
    """A trace of the secret parts of an option, to see later whether they were changed."""
    secret = values.split_secrets(item, wanted.given[item.name] or {})[1]
    secret = {k: v for k, v in secret.items() if v is not None}
    return values.fingerprint(wanted.fingerprint_key, secret) if secret else None


def metadata_target(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """All of metadata as it should be: the user's part changed, LiteLLM's and our own part kept."""
    name = kind.annotations or "metadata"
    current = {k: v for k, v in (found.get(name) or {}).items() if k not in kind.echoed_metadata}
    given = wanted.given.get(name, {})
    if given is None or wanted.replace_metadata:
        current = {k: v for k, v in current.items() if k in _kept_metadata(kind)}
    for key, value in (given or {}).items():
        if value is None:
            current.pop(key, None)
        else:
            current[key] = value
    for item in given_fields(kind, wanted):
        if item.clear == METADATA and wanted.given[item.name] is None:
            current.pop(item.name, None)
        elif item.by_metadata:
            current[item.name] = wanted.given[item.name]
    marker = marker_target(kind, wanted, found)
    return {**current, MARKER: marker} if marker else current


def _kept_metadata(kind: Kind) -> frozenset[str]:
    if kind.plural not in _KEPT:
        backed = {item.name for item in kind.fields if item.clear == METADATA}
        _KEPT[kind.plural] = frozenset(backed | kind.reserved_metadata | {MARKER})
    return _KEPT[kind.plural]


_KEPT: dict[str, frozenset[str]] = {}


def user_metadata(kind: Kind, metadata: t.Mapping[str, t.Any], named: frozenset[str] = frozenset()) -> dict[str, t.Any]:
    """What of an object's metadata is neither LiteLLM's nor ours, and what the user named of it."""
    kept = ((_kept_metadata(kind) | kind.echoed_metadata) - named) | {MARKER}
    return {k: v for k, v in metadata.items() if k not in kept}
