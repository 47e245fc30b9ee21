# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later


"""Rotation without a licence. The old key is renamed, with its deadline noted on it, and goes on working; then its
successor is made under the alias. A later run deletes the old key when its time has come. Whatever breaks in
between, one of the two works, and the next run goes on where this one stopped.
"""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone

from . import apply, export, secret_parts, values
from .annotations import MARKER
from .client import Client
from .errors import PlanError
from .key_change import KeyChange, Store
from .kinds import Found, Kind, dig
from .plan import CREATE, DELETE, NOTHING, UPDATE, Operation, plan
from .wanted import Wanted

ROTATE = "rotate"
FIRST_GENERATION = 1
# What a successor's marker says of the keys before it.
PASSING = ("predecessor", "older")


@dataclass(frozen=True)
class Rotation:
    grace: timedelta
    generation: int | None = None


def rotation_of(options: t.Mapping[str, t.Any] | None) -> Rotation | None:
    if options is None:
        return None
    try:
        grace = timedelta(seconds=values.seconds(options["grace"]))
    except ValueError as exc:
        raise PlanError(f"rotate.grace: {exc}") from exc
    return Rotation(grace, options.get("generation"))


def retired_alias(alias: str, token: str) -> str:
    return f"{alias}~retired-{token[:8]}"


def marker_of(key: Found) -> dict[str, t.Any]:
    return dict(dig(key, ("metadata", MARKER)) or {})


def predecessors_of(key: Found) -> dict[str, datetime]:
    """The keys that this one replaced, itself or through others, and when their grace time ends."""
    marker = marker_of(key)
    ends = {str(note["token"]): values.moment(note["until"]) for note in marker.get("older", [])}
    if marker.get("predecessor"):
        note = marker["predecessor"]
        ends[str(note["token"])] = values.moment(str(key["created_at"])) + timedelta(seconds=note["grace"])
    return ends


def is_waiting(key: Found, now: datetime | None = None) -> bool:
    """Whether a key was replaced and its grace time isn't over yet."""
    deadline = marker_of(key).get("retire_at")
    return deadline is not None and values.time_left(deadline, now or datetime.now(timezone.utc)) > timedelta(0)


def replaced_by(keys: t.Iterable[Found], aliases: t.Collection[str]) -> set[str]:
    """The keys whose end is the business of their successors, which have these aliases."""
    named = (key for key in keys if key.get("key_alias") in aliases)
    return {token for key in named for token in predecessors_of(key)}


def _noted(ends: t.Mapping[str, datetime]) -> list[dict[str, str]]:
    return [{"token": token, "until": end.isoformat()} for token, end in ends.items()]


class RotatingKeyChange(KeyChange):
    """A change that may replace a key by its successor, and sees to the end of those it replaced."""

    def __init__(
        self, client: Client, kind: Kind, wanted: Wanted, store: Store | None, rotation: Rotation | None
    ) -> None:
        super().__init__(client, kind, wanted, store)
        self.rotation = rotation
        self.next: Store | None = store.beside() if store else None
        self.predecessor: Found | None = None
        self.ended: list[str] = []

    @property
    def changes(self) -> bool:
        return super().changes or bool(self.ended)

    def prepare(self, found: Found | None) -> None:
        self.shown = found
        if self.wanted.state == "absent" or not self.rotation:
            super().prepare(found)
        elif found is None:
            self._prepare_first(self.rotation)
        elif self._must_rotate(found, self.rotation):
            self._prepare_successor(found, self._new_value(), self.rotation, renamed=False)
        else:
            self._finish_store(found)
            super().prepare(found)
        if found is not None and self.operation.action in (NOTHING, UPDATE):
            self._end_predecessor(found)
        elif found is not None and self.operation.action == DELETE:
            self._end_both(found)

    def _prepare_first(self, rotation: Rotation) -> None:
        """No key of the alias: a new one, or a successor whose run broke off after the old key was renamed."""
        value = self.wanted.given.get("key") or (self.next.read() if self.next else None)
        retired = self._retired_for(values.digest(value)) if value else None
        if value and retired:
            self._prepare_successor(retired, value, rotation, renamed=True)
            return
        super().prepare(None)
        if rotation.generation is not None:
            marker = {**dict(dig(self.operation.body, ("metadata", MARKER)) or {}), "generation": rotation.generation}
            metadata = {**self.operation.body.get("metadata", {}), MARKER: marker}
            self.operation = replace(self.operation, body={**self.operation.body, "metadata": metadata})

    def _retired_for(self, token: str) -> Found | None:
        query = {
            "key_alias": retired_alias(self.wanted.identity, ""),
            "substring_matching": "true",
            "return_full_object": "true",
            "size": "100",
        }
        for key in self.client.get("/key/list", query).get("keys", []):
            if marker_of(key).get("successor") == token:
                return t.cast(Found, key)
        return None

    def _must_rotate(self, found: Found, rotation: Rotation) -> bool:
        given = self.wanted.given.get("key")
        if given:
            return values.digest(given) != found["token"]
        current = marker_of(found).get("generation", FIRST_GENERATION)
        return rotation.generation is not None and rotation.generation != current

    def _new_value(self) -> str:
        given = self.wanted.given.get("key")
        if given:
            return str(given)
        if not self.store or not self.next:
            raise PlanError(f"the key {self.wanted.identity!r} can't be rotated without `key` or `store`")
        return self.next.read() or self.next.new_value()

    def _prepare_successor(self, old: Found, value: str, rotation: Rotation, *, renamed: bool) -> None:
        """The successor is what the old key is, with what the user wants on top, its spend included."""
        self.stored = self.store.read() if self.store else None
        inherited = export.desired(self.kind, [{**old, "key_alias": self.wanted.identity}], hide=False)[0]
        given = {k: v for k, v in inherited.items() if k not in ("key", self.kind.identity)}
        given.update(self.wanted.given, key=value)
        given.setdefault("spend", old.get("spend") or 0.0)
        metadata = {**inherited.get("metadata", {}), **(self.wanted.given.get("metadata") or {})}
        created = plan(self.kind, replace(self.wanted, given={**given, "metadata": metadata}), None)
        marker = {k: v for k, v in marker_of(old).items() if k not in (*PASSING, "retire_at", "successor")}
        if older := predecessors_of(old):
            marker["older"] = _noted(older)
        marker["predecessor"] = {"token": old["token"], "grace": int(rotation.grace.total_seconds())}
        if rotation.generation is not None:
            marker["generation"] = rotation.generation
        body = {**created.body, "metadata": {**created.body.get("metadata", {}), MARKER: marker}}
        before = {self.kind.identity: self.wanted.identity, "key": f"{secret_parts.MASK} (found)"}
        after = {**before, "key": f"{secret_parts.MASK} (successor)"}
        self.predecessor = None if renamed else old
        self.operation = Operation(ROTATE, self.kind, self.wanted.identity, body=body, before=before, after=after)

    def new_token(self) -> str | None:
        return values.digest(self.operation.body["key"]) if self.operation.action == ROTATE else super().new_token()

    def _store_changes(self) -> bool:
        return bool(self.store) if self.operation.action == ROTATE else super()._store_changes()

    def apply(self) -> None:
        if self.operation.action == ROTATE:
            self._rotate()
            return
        super().apply()
        if self.ended:
            apply.withdraw(self.client, self.kind, self.ended)
        if self.next and self.wanted.state == "absent":
            self.next.remove()

    def _rotate(self) -> None:
        value = self.operation.body["key"]
        if self.next and not self.wanted.given.get("key"):
            self.next.write(value)
        if self.predecessor:
            self._retire(self.predecessor, values.digest(value))
        self.operation = replace(self.operation, action=CREATE)
        try:
            is_ours = self._create_or_mint(value)
        finally:
            self.operation = replace(self.operation, action=ROTATE)
        if self.store and is_ours:
            self.store.write(value)
        if self.next:
            self.next.remove()

    def _retire(self, old: Found, successor: str) -> None:
        grace = t.cast(Rotation, self.rotation).grace
        deadline = (datetime.now(timezone.utc) + grace).isoformat()
        marker = {**marker_of(old), "retire_at": deadline, "successor": successor}
        body = {
            "key": old["token"],
            "key_alias": retired_alias(self.wanted.identity, str(old["token"])),
            "metadata": {**(old.get("metadata") or {}), MARKER: marker},
        }
        self.client.request("POST", self.kind.update.path, body, repeatable=True)

    def _end_predecessor(self, found: Found) -> None:
        """Delete the keys that this one replaced, when their grace time is over."""
        now = datetime.now(timezone.utc)
        ends = predecessors_of(found)
        self.ended = [token for token, end in ends.items() if end <= now]
        if not self.ended:
            return
        waiting = {token: end for token, end in ends.items() if end > now}
        metadata = {**(found.get("metadata") or {}), **self.operation.body.get("metadata", {})}
        marker = {k: v for k, v in dict(metadata.get(MARKER) or {}).items() if k not in PASSING}
        if waiting:
            marker["older"] = _noted(waiting)
        rest = {k: v for k, v in metadata.items() if k != MARKER}
        body = {**self.operation.body, "metadata": {**rest, MARKER: marker} if marker else rest}
        before = {**self.operation.before, "predecessor": ", ".join(self.ended)}
        after = {**self.operation.after, "predecessor": None}
        self.operation = replace(self.operation, action=UPDATE, body=body, before=before, after=after)

    def _end_both(self, found: Found) -> None:
        """With a key go those that it replaced: no later run would know of them."""
        self.ended = list(predecessors_of(found))
        if self.ended:
            before = {**self.operation.before, "predecessor": ", ".join(self.ended)}
            self.operation = replace(self.operation, before=before)

    @property
    def deleted_ids(self) -> list[str]:
        return [*super().deleted_ids, *self.ended]

    def _finish_store(self, found: Found) -> None:
        """A run that broke off after the successor was made left its value beside the store."""
        if not self.store or not self.next or self.store.holds(str(found["token"])):
            return
        value = self.next.read()
        if value and values.digest(value) == found["token"]:
            self.wanted = replace(self.wanted, given={**self.wanted.given, "key": value})

    def verify(self, found: t.Sequence[Found]) -> None:
        super().verify(found)
        if self.next and self.store and self.shown and self.store.holds(str(self.shown["token"])):
            self.next.remove()
