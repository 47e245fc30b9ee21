# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to the collection: do not import this from elsewhere, it changes without notice.

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone

from . import values
from .resources._table import EMPTY, LIFETIME, METADATA, NEVER, NULL, SUBKEYS, WRITE_ONLY, Field, Kind, dig

CREATE = "create"
UPDATE = "update"
DELETE = "delete"
NOTHING = "none"


class PlanError(Exception):
    """What is wanted can't be had. The message says why and what to do."""


class DuplicateError(PlanError):
    """More than one object answers to the name."""


@dataclass(frozen=True)
class Wanted:
    """What the user wrote about one object: only the options that were given, null where null was given."""

    identity: str
    given: t.Mapping[str, t.Any]
    state: str = "present"
    replace_metadata: bool = False
    renew_before: str | None = None


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

    @property
    def changes(self) -> bool:
        return self.action != NOTHING

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
    if found is None:
        return _plan_create(kind, wanted)
    return _plan_update(kind, wanted, found, now or datetime.now(timezone.utc))


def _plan_absent(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any] | None) -> Operation:
    if found is None:
        return Operation(NOTHING, kind, wanted.identity)
    before = {kind.identity: wanted.identity, kind.id: found.get(kind.id)}
    return Operation(DELETE, kind, wanted.identity, id=found.get(kind.id), before=before, found=found)


def _plan_create(kind: Kind, wanted: Wanted) -> Operation:
    body: dict[str, t.Any] = {kind.identity: wanted.identity}
    after: dict[str, t.Any] = {kind.identity: wanted.identity}
    for item in _given_fields(kind, wanted):
        value = wanted.given[item.name]
        # A new object has nothing to clear, and some endpoints choke on a null.
        if value is not None and not (item.compare == LIFETIME and value in values.FOREVER):
            body[item.name] = value
        after[item.name] = _shown(item, value)
    if isinstance(body.get("metadata"), dict):
        body["metadata"] = {k: v for k, v in body["metadata"].items() if v is not None}
    return Operation(CREATE, kind, wanted.identity, body=body, after=after)


def _plan_update(kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any], now: datetime) -> Operation:
    before: dict[str, t.Any] = {kind.identity: wanted.identity}
    after: dict[str, t.Any] = {kind.identity: wanted.identity}
    changed: list[Field] = []
    for item in _given_fields(kind, wanted):
        old, new = _compare(kind, item, wanted, found, now)
        before[item.name], after[item.name] = _masked(item, old, new)
        if old != new:
            changed.append(item)
    if not changed:
        return Operation(NOTHING, kind, wanted.identity, id=found.get(kind.id), before=before, after=after, found=found)
    for item in changed:
        _refuse_impossible(kind, item, wanted)
    body = _update_body(kind, wanted, found, changed)
    return Operation(UPDATE, kind, wanted.identity, found.get(kind.id), body, before, after, found)


def _given_fields(kind: Kind, wanted: Wanted) -> list[Field]:
    return [item for item in kind.fields if item.name in wanted.given]


def _compare(
    kind: Kind, item: Field, wanted: Wanted, found: t.Mapping[str, t.Any], now: datetime
) -> tuple[t.Any, t.Any]:
    """The found and the wanted value in one form; equal where nothing has to be written."""
    if item.compare == WRITE_ONLY or item.ignore_drift:
        return None, None
    value = wanted.given[item.name]
    if item.compare == LIFETIME:
        return _compare_lifetime(item, value, found, wanted.renew_before, now)
    if item.name == "metadata":
        target = metadata_target(kind, wanted, found)
        return _user_part(kind, found.get("metadata") or {}), _user_part(kind, target)
    new = values.wanted_value(item, value)
    old = values.found_value(item, found, new)
    if item.clear == SUBKEYS and new is None and old:
        new = dict.fromkeys(old)
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
    current = dict(found.get("metadata") or {})
    given = wanted.given.get("metadata", {})
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
    return current


def _kept_metadata(kind: Kind) -> set[str]:
    backed = {item.name for item in kind.fields if item.clear == METADATA}
    return backed | set(kind.reserved_metadata) | {MARKER}


def _user_part(kind: Kind, metadata: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    kept = _kept_metadata(kind)
    return {k: v for k, v in metadata.items() if k not in kept}


MARKER = "llmfleet"


def _refuse_impossible(kind: Kind, item: Field, wanted: Wanted) -> None:
    if item.create_only:
        raise PlanError(
            f"{kind.name} {wanted.identity!r}: {item.name} is set at creation and differs from what is wanted; "
            "LiteLLM can't change it. Give the object another name, or delete it first."
        )
    if item.clear == NEVER and wanted.given[item.name] is None:
        raise PlanError(f"{kind.name} {wanted.identity!r}: LiteLLM can't clear {item.name}.")


def _update_body(
    kind: Kind, wanted: Wanted, found: t.Mapping[str, t.Any], changed: t.Sequence[Field]
) -> dict[str, t.Any]:
    body: dict[str, t.Any] = {}
    names = {item.name for item in changed}
    names.update(name for item in changed for name in item.companions if name in wanted.given)
    for item in _given_fields(kind, wanted):
        if item.name in names and item.name != "metadata":
            _put(body, item, wanted.given[item.name], found)
    cleared = any(item.clear == METADATA and wanted.given[item.name] is None for item in changed)
    if cleared or "metadata" in names:
        body["metadata"] = metadata_target(kind, wanted, found)
    return body


def _put(body: dict[str, t.Any], item: Field, value: t.Any, found: t.Mapping[str, t.Any]) -> None:
    """Write one field in the form that its endpoint understands, cleared in the way that works."""
    if item.clear == SUBKEYS:
        parts = value if value is not None else dict.fromkeys(values.found_value(item, found) or {})
        body[item.name] = {k: _empty_part(found, item, k) if v is None else v for k, v in parts.items()}
    elif value is not None:
        body[item.name] = value
    elif item.clear == NULL:
        body[item.name] = item.default
    elif item.clear == EMPTY:
        body[item.name] = [] if item.type == "list" else {}


def _empty_part(found: t.Mapping[str, t.Any], item: Field, key: str) -> t.Any:
    current = dig(found, (*item.read_path, key))
    return type(current)() if isinstance(current, (list, dict)) else None


def _shown(item: Field, value: t.Any) -> t.Any:
    if item.secret:
        return None if value is None else values.MASK
    if item.compare == LIFETIME:
        return None if value is None or value in values.FOREVER else f"{value} from now"
    return values.wanted_value(item, value)


def _masked(item: Field, old: t.Any, new: t.Any) -> tuple[t.Any, t.Any]:
    """Secrets in a diff show only that they differ."""
    if not item.secret:
        return old, new
    if old == new:
        return values.MASK, values.MASK
    return f"{values.MASK} (found)", f"{values.MASK} (wanted)"


def with_body(operation: Operation, **more: t.Any) -> Operation:
    return replace(operation, body={**operation.body, **more})
