# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone

from . import prices, secret_parts, values
from .resources._table import (
    EMPTY,
    LIFETIME,
    MEMBERS,
    METADATA,
    NEVER,
    NULL,
    SECRETS,
    SUBKEYS,
    WRITE_ONLY,
    Field,
    Kind,
    dig,
)
from .wanted import Wanted, mistakes

CREATE = "create"
UPDATE = "update"
DELETE = "delete"
NOTHING = "none"
MARKER = "llmfleet"


class PlanError(Exception):
    """What is wanted can't be had. The message says why and what to do."""


class DuplicateError(PlanError):
    """More than one object answers to the name."""


@dataclass(frozen=True)
class Call:
    """A writing call besides the main one. `{id}` in its body stands for the object's id."""

    path: str
    body: t.Mapping[str, t.Any]


@dataclass(frozen=True)
class Operation:
    """One step from what is to what is wanted, with all that is needed to show it and to do it."""

    action: str
    kind: Kind
    identity: str
    id: str | None = None
    body: t.Mapping[str, t.Any] = field(default_factory=dict, repr=False)
    before: t.Mapping[str, t.Any] = field(default_factory=dict)
    after: t.Mapping[str, t.Any] = field(default_factory=dict)
    found: t.Mapping[str, t.Any] | None = field(default=None, repr=False)
    calls: tuple[Call, ...] = field(default=(), repr=False)
    late: t.Mapping[str, t.Any] = field(default_factory=dict, repr=False)  # an update right after the creation

    @property
    def changes(self) -> bool:
        return self.action != NOTHING

    @property
    def changed_fields(self) -> list[str]:
        names = list(dict.fromkeys([*self.before, *self.after]))
        return [name for name in names if self.before.get(name) != self.after.get(name)]

    def diff(self) -> dict[str, t.Any]:
        header = f"{self.kind.name} {self.identity}"
        return {
            "before_header": header,
            "after_header": header,
            "before": dict(self.before),
            "after": dict(self.after),
        }


def pick(kind: Kind, identity: str, found: t.Sequence[t.Mapping[str, t.Any]]) -> t.Mapping[str, t.Any] | None:
    """The one object of that name. Several are an error that names each, never a silent choice."""
    matches = [item for item in found if item.get(kind.identity) == identity]
    if len(matches) > 1:
        ids = ", ".join(sorted(str(item.get(kind.id)) for item in matches))
        raise DuplicateError(
            f"{len(matches)} {kind.plural} have the {kind.identity} {identity!r}: {ids}. "
            "Delete or rename all but one of them."
        )
    return matches[0] if matches else None


def plan(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any] | None, now: datetime | None = None) -> Operation:
    """What has to be done to one object. Pure: the same arguments always give the same operation."""
    if wanted.state == "absent":
        return _plan_absent(kind, wanted, found)
    _refuse_wrong(kind, wanted)
    if found is None:
        return _plan_create(kind, wanted)
    return _plan_update(kind, wanted, found, now or datetime.now(timezone.utc))


def _plan_absent(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any] | None) -> Operation:
    if found is None:
        return Operation(NOTHING, kind, wanted.identity)
    before = {kind.identity: wanted.identity, kind.id: found.get(kind.id)}
    return Operation(DELETE, kind, wanted.identity, id=found.get(kind.id), before=before, found=found)


def _plan_create(kind: Kind, wanted: Wanted) -> Operation:
    body: dict[str, t.Any] = {**kind.constants, kind.identity: wanted.identity}
    after: dict[str, t.Any] = {kind.identity: wanted.identity}
    calls: list[Call] = []
    late: dict[str, t.Any] = {}
    for item in _given_fields(kind, wanted):
        value = wanted.given[item.name]
        after[item.name] = _shown(item, wanted, value)
        # A new object has nothing to clear, and some endpoints choke on a null.
        if value is None or (item.compare == LIFETIME and value in values.FOREVER):
            continue
        if item.after_creation:
            late[item.name] = value
        elif item.own_call and item.compare != MEMBERS:
            calls.append(_own_call(kind, item, value))
        else:
            body[item.name] = _members(value) if item.compare == MEMBERS else _without_nulls(value)
    if kind.id_at_creation and kind.annotations:
        # This id lives inside another option.
        body[kind.annotations] = {**(body.get(kind.annotations) or {}), kind.id_path[-1]: body.pop(kind.identity)}
    if kind.annotations and (marker := _marker_target(kind, wanted, {})):
        body[kind.annotations] = {**(body.get(kind.annotations) or {}), MARKER: marker}
        after.update(_shown_owner(marker))
    return Operation(CREATE, kind, wanted.identity, body=body, after=after, calls=tuple(calls), late=late)


def _members(value: t.Sequence[t.Mapping[str, t.Any]]) -> list[dict[str, t.Any]]:
    return [{"role": "user", **member} for member in value]


def _without_nulls(value: t.Any) -> t.Any:
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def _own_call(kind: Kind, item: Field, value: t.Any) -> Call:
    empty: t.Any = [] if item.type == "list" else None
    return Call(str(item.own_call), {kind.id: "{id}", item.name: empty if value is None else value})


def _shown_owner(marker: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"owner": marker["owner"]} if "owner" in marker else {}


def _marker(kind: Kind, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return dict(dig(found, (kind.annotations, MARKER)) or {}) if kind.annotations else {}


def owner_of(kind: Kind, found: t.Mapping[str, t.Any]) -> str | None:
    return _marker(kind, found).get("owner")


def _marker_target(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Our own note on the object: whose it is, and what its unreadable parts were set to."""
    marker = _marker(kind, found)
    if wanted.owner:
        marker["owner"] = wanted.owner
    prints = {
        item.name: _fingerprint(item, wanted)
        for item in _given_fields(kind, wanted)
        if item.compare == SECRETS and _fingerprint(item, wanted)
    }
    if prints:
        marker["fingerprints"] = {**marker.get("fingerprints", {}), **prints}
    return marker


def _fingerprint(item: Field, wanted: Wanted) -> str | None:
    secret = values.split_secrets(item, wanted.given[item.name] or {})[1]
    secret = {k: v for k, v in secret.items() if v is not None}
    return values.fingerprint(wanted.fingerprint_key, secret) if secret else None


def _plan_update(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any], now: datetime) -> Operation:
    before: dict[str, t.Any] = {kind.identity: wanted.identity}
    after: dict[str, t.Any] = {kind.identity: wanted.identity}
    changed: list[Field] = []
    for item in _given_fields(kind, wanted):
        old, new = _compare(kind, item, wanted, found, now)
        before[item.name], after[item.name] = _masked(item, old, new)
        if old != new:
            changed.append(item)
    marker = _marker_target(kind, wanted, found)
    before.update(_shown_owner(_marker(kind, found)) if wanted.owner else {})
    after.update(_shown_owner(marker) if wanted.owner else {})
    marked = marker != _marker(kind, found)
    if not changed and not marked:
        return Operation(NOTHING, kind, wanted.identity, found.get(kind.id), {}, before, after, found)
    for item in changed:
        _refuse_impossible(kind, item, wanted)
    body = _update_body(kind, wanted, found, changed, marked)
    calls = _calls(kind, wanted, found, changed)
    return Operation(UPDATE, kind, wanted.identity, found.get(kind.id), body, before, after, found, calls)


def differing(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any]) -> list[str]:
    """The options that are not as wanted, whether or not that can be changed."""
    now = datetime.now(timezone.utc)
    pairs = {item.name: _compare(kind, item, wanted, found, now) for item in _given_fields(kind, wanted)}
    names = [name for name, (old, new) in pairs.items() if old != new]
    marked = _marker_target(kind, wanted, found) == _marker(kind, found)
    return names if names or marked else ["our marker"]


def _calls(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any], changed: t.Sequence[Field]) -> tuple[Call, ...]:
    calls: list[Call] = []
    for item in changed:
        if item.compare == MEMBERS:
            calls += _member_calls(kind, wanted.given[item.name] or [], dig(found, item.read_path) or [])
        elif item.own_call:
            calls.append(_own_call(kind, item, wanted.given[item.name]))
    return tuple(calls)


def _member_calls(kind: Kind, wanted: t.Sequence[t.Any], found: t.Sequence[t.Any]) -> list[Call]:
    """Additions first, so that a team never stands empty; a changed role is an update of its own."""
    old = {values.member_name(m): m for m in found}
    new = {values.member_name(m): m for m in wanted}
    added = _members([new[name] for name in new if name not in old])
    roles = [new[n] for n in new if n in old and new[n].get("role", "user") != old[n].get("role", "user")]
    gone = [old[name] for name in old if name not in new and name != values.CREATOR]
    calls = [Call("/team/member_add", {kind.id: "{id}", "member": added})] if added else []
    calls += [Call("/team/member_update", {kind.id: "{id}", **_who(m), "role": m["role"]}) for m in roles]
    return calls + [Call("/team/member_delete", {kind.id: "{id}", **_who(m)}) for m in gone]


def _who(member: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    name = "user_id" if member.get("user_id") else "user_email"
    return {name: member[name]}


def _given_fields(kind: Kind, wanted: Wanted) -> tuple[Field, ...]:
    """The fields that were given, in the order of the table. Thousands of objects have the same few options."""
    shape = (kind.plural, frozenset(wanted.given))
    if shape not in _SHAPES:
        _SHAPES[shape] = tuple(item for item in kind.fields if item.name in wanted.given)
    return _SHAPES[shape]


_SHAPES: dict[tuple[str, frozenset[str]], tuple[Field, ...]] = {}


def _compare(
    kind: Kind, item: Field, wanted: Wanted, found: t.Mapping[str, t.Any], now: datetime
) -> tuple[t.Any, t.Any]:
    """The found and the wanted value in one form; equal where nothing has to be written."""
    if item.compare == WRITE_ONLY or item.ignore_drift:
        return None, None
    value = wanted.given[item.name]
    if item.compare == MEMBERS:
        return values.members(dig(found, item.read_path)), values.members(value)
    if item.compare == SECRETS:
        return _compare_secrets(kind, item, wanted, found)
    if item.compare == LIFETIME:
        return _compare_lifetime(item, value, found, wanted.renew_before, now)
    if item.name == kind.annotations and not kind.annotations_merge:
        target = metadata_target(kind, wanted, found)
        return user_metadata(kind, found.get(item.name) or {}), user_metadata(kind, target)
    new = values.wanted_value(item, value)
    old = values.found_value(item, found, new)
    if item.clear == SUBKEYS and new is None and old:
        old = {k: v for k, v in old.items() if k != MARKER} or None
        new = dict.fromkeys(old) if old else None
    return old, new


def _compare_secrets(kind: Kind, item: Field, wanted: Wanted, found: t.Mapping[str, t.Any]) -> tuple[t.Any, t.Any]:
    """Readable parts by value, the others by the fingerprint of what we last wrote."""
    given = wanted.given[item.name] or {}
    readable, secret = values.split_secrets(item, given)
    there = prices.with_numbers(dig(found, item.read_path) or {})
    seen = {k: values.seen_through(there.get(k), given[k]) for k in readable}
    old = {k: values.canonical_part(v) for k, v in secret_parts.masked(seen).items()}
    new = {k: values.canonical_part(v) for k, v in readable.items()}
    for name in (k for k, v in secret.items() if v is None):
        old[name] = None if there.get(name) is None else secret_parts.MASK
        new[name] = None
    print_ = _fingerprint(item, wanted)
    if print_:
        old["(secrets)"] = _marker(kind, found).get("fingerprints", {}).get(item.name)
        new["(secrets)"] = print_
    return old, new


def _compare_lifetime(
    item: Field, duration: str | None, found: t.Mapping[str, t.Any], renew_before: str | None, now: datetime
) -> tuple[t.Any, t.Any]:
    expires = values.found_value(item, found)
    if duration is None or duration in values.FOREVER:
        return expires, None
    if expires is None or renew_before is None:
        return expires, expires
    if values.time_left(expires, now) >= timedelta(seconds=values.seconds(renew_before)):
        return expires, expires
    return expires, f"{duration} from now"


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
    for item in _given_fields(kind, wanted):
        if item.clear == METADATA and wanted.given[item.name] is None:
            current.pop(item.name, None)
    marker = _marker_target(kind, wanted, found)
    return {**current, MARKER: marker} if marker else current


def _kept_metadata(kind: Kind) -> frozenset[str]:
    if kind.plural not in _KEPT:
        backed = {item.name for item in kind.fields if item.clear == METADATA}
        _KEPT[kind.plural] = frozenset(backed | kind.reserved_metadata | {MARKER})
    return _KEPT[kind.plural]


_KEPT: dict[str, frozenset[str]] = {}


def user_metadata(kind: Kind, metadata: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What of an object's metadata is neither LiteLLM's nor ours."""
    kept = _kept_metadata(kind) | kind.echoed_metadata
    return {k: v for k, v in metadata.items() if k not in kept}


def _refuse_wrong(kind: Kind, wanted: Wanted) -> None:
    wrong = mistakes(kind, wanted)
    if wrong:
        raise PlanError("; ".join(wrong))


def _refuse_impossible(kind: Kind, item: Field, wanted: Wanted) -> None:
    if item.create_only:
        raise PlanError(
            f"{kind.name} {wanted.identity!r}: {item.name} is set at creation and differs from what is wanted; "
            "LiteLLM can't change it. Give the object another name, or delete it first."
        )
    if item.clear == NEVER and wanted.given[item.name] is None:
        raise PlanError(f"{kind.name} {wanted.identity!r}: LiteLLM can't clear {item.name}.")


def _update_body(
    kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any], changed: t.Sequence[Field], marked: bool
) -> dict[str, t.Any]:
    body: dict[str, t.Any] = {}
    names = {item.name for item in changed}
    names.update(name for item in changed for name in item.companions if name in wanted.given)
    whole = kind.annotations if kind.annotations and not kind.annotations_merge else None
    for item in _given_fields(kind, wanted):
        if item.name in names and item.name != whole and not item.own_call:
            _put(body, item, wanted.given[item.name], found)
    if whole:
        cleared = any(item.clear == METADATA and wanted.given[item.name] is None for item in changed)
        if cleared or marked or whole in names:
            target = metadata_target(kind, wanted, found)
            body[whole] = target or ({MARKER: {}} if kind.drops_empty_annotations else {})
    elif marked and kind.annotations:
        marker = _marker_target(kind, wanted, found)
        body[kind.annotations] = {**(body.get(kind.annotations) or {}), MARKER: marker}
    return body


def _put(body: dict[str, t.Any], item: Field, value: t.Any, found: t.Mapping[str, t.Any]) -> None:
    """Write one field in the form that its endpoint understands, cleared in the way that works."""
    if item.compare == SECRETS:
        body[item.name] = value
        gone = [k for k, v in (value or {}).items() if v is None]
        if gone and item.removal:
            # A null clears some parts only, and versions before this option ignore it: what then stays is said.
            body[item.removal] = gone
    elif item.clear == SUBKEYS:
        parts = value if value is not None else dict.fromkeys(values.found_value(item, found) or {})
        parts = {k: v for k, v in parts.items() if k != MARKER}
        body[item.name] = {k: _empty_part(found, item, k) if v is None else v for k, v in parts.items()}
        if item.send_whole:
            there = dig(found, item.read_path) or {}
            body[item.name] = {**{k: v for k, v in there.items() if isinstance(v, list)}, **body[item.name]}
    elif value is not None:
        body[item.name] = value
    elif item.clear == NULL:
        body[item.name] = item.default
    elif item.clear == EMPTY:
        body[item.name] = {"list": [], "dict": {}}.get(item.type, "")


def _empty_part(found: t.Mapping[str, t.Any], item: Field, key: str) -> t.Any:
    current = dig(found, (*item.read_path, key))
    return type(current)() if isinstance(current, (list, dict)) else None


def _shown(item: Field, wanted: Wanted, value: t.Any) -> t.Any:
    if item.compare == MEMBERS:
        return values.members(value)
    if item.compare == SECRETS:
        readable = values.split_secrets(item, value or {})[0]
        print_ = _fingerprint(item, wanted)
        return {**readable, **({"(secrets)": print_} if print_ else {})}
    if item.secret:
        return None if value is None else secret_parts.MASK
    if item.compare == LIFETIME:
        return None if value is None or value in values.FOREVER else f"{value} from now"
    shown = values.wanted_value(item, value)
    return shown if item.plain else secret_parts.masked(shown)


def _masked(item: Field, old: t.Any, new: t.Any) -> tuple[t.Any, t.Any]:
    """Secrets in a diff show only that they differ."""
    if item.plain:
        return old, new
    if not item.secret or (item.compare == SECRETS and not item.all_secret):
        return secret_parts.masked_pair(old, new)
    if old == new:
        return secret_parts.MASK, secret_parts.MASK
    return f"{secret_parts.MASK} (found)", f"{secret_parts.MASK} (wanted)"
