# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What only one object can have, and another has: values of keys, ids, mails, names. Used by the state before anything is written."""

from __future__ import annotations

import typing as t
from concurrent.futures import ThreadPoolExecutor

from . import reader
from .change import Change
from .errors import Failure, PlanError
from .key_change import KeyChange
from .kinds import Found, Kind, dig
from .plan import CREATE, DELETE, UPDATE, taken_id

Readings = t.Mapping[str, reader.Reading]


def failures(changes: t.Sequence[Change], read: Readings, workers: int) -> list[Failure]:
    return _values(changes, read, workers) + _ids(changes, read) + _names(changes, read)


def _values(changes: t.Sequence[Change], read: Readings, workers: int) -> list[Failure]:
    """Values of new keys that other keys have already; a value twice in the list counts as well."""
    new = [(change, token) for change in changes if isinstance(change, KeyChange) and (token := change.new_token())]
    if not new:
        return []
    keys = read[new[0][0].kind.plural]
    users = {str(item.get("token")): item.get("key_alias") for item in keys.found}
    if not keys.complete:
        users.update(_other_users([(change, token) for change, token in new if token not in users], workers))
    said = []
    for change, token in new:
        if token in users and not change.adopt(users[token], keys.found):
            said.append(Failure(change.taken_by(users[token])))
        users[token] = change.wanted.identity
    return said


def _ids(changes: t.Sequence[Change], read: Readings) -> list[Failure]:
    """Ids of new objects that others have: LiteLLM refuses them only when it comes to it."""
    said = []
    for change in changes:
        chosen = change.wanted.given.get(change.kind.id)
        if change.operation.action != CREATE or not chosen or change.kind.raw_value:
            continue
        for item in read[change.kind.plural].found:
            if item.get(change.kind.id) == chosen:
                said.append(Failure(taken_id(change.kind, change.wanted, item)))
    return said


def _names(changes: t.Sequence[Change], read: Readings) -> list[Failure]:
    """What only one can have, such as a mail, and another has who keeps it."""
    groups = {(c.kind.plural, names): (c.kind, names) for c in changes for names in _unique_names(c.kind)}
    return [failure for kind, names in groups.values() for failure in _names_of(kind, names, changes, read)]


def _unique_names(kind: Kind) -> list[tuple[str, ...]]:
    alone = [(item.name,) for item in kind.fields if item.unique and item.name not in kind.one_name]
    return [*alone, *([kind.one_name] if kind.one_name else [])]


def _names_of(kind: Kind, names: tuple[str, ...], changes: t.Sequence[Change], read: Readings) -> list[Failure]:
    changes = [change for change in changes if change.kind is kind]
    written = [(change, name, value) for change in changes for name in names if (value := _written(change, name))]
    left = {(_id(change), name) for change in changes for name in names if _leaves(change, name)}
    holders: dict[str, list[Found]] = {}
    for other in read[kind.plural].found if written else ():
        for name in names:
            if (str(other.get(kind.id)), name) not in left:
                holders.setdefault(_value(kind, other, name), []).append(other)
    said = []
    for change, name, value in written:
        others = [other for other in holders.get(value.lower(), []) if str(other.get(kind.id)) != _id(change)]
        for holder in others[:1]:
            who = f"{kind.name} {change.wanted.identity!r}"
            said.append(Failure(PlanError(f"{who}: the {name} {value!r} is that of {holder.get(kind.identity)!r}")))
    return said + (_exchanges(kind, changes) if kind.one_name else [])


def _exchanges(kind: Kind, changes: t.Sequence[Change]) -> list[Failure]:
    """What gives a name and gets one that another gives at the same time: LiteLLM looks at each change by itself."""
    giving = [change for change in givers(changes) if change.operation.action == UPDATE]
    left = {_value(kind, c.operation.found or {}, name) for c in giving for name in kind.one_name if _leaves(c, name)}
    both = [change for change in giving if any(_written(change, name).lower() in left for name in kind.one_name)]
    names = ", ".join(repr(change.wanted.identity) for change in both)
    return [Failure(PlanError(f"{kind.plural} {names} exchange names: do that in two calls"))] if both else []


def givers(changes: t.Sequence[Change]) -> list[Change]:
    """What loses, or is deleted with, what others get: it goes first."""
    getting: dict[str, set[str]] = {}
    for change in changes:
        for name in (name for names in _unique_names(change.kind) for name in names):
            if value := _written(change, name):
                getting.setdefault(change.kind.plural, set()).add(value.lower())
    moving = (change for change in changes if change.operation.action in (DELETE, UPDATE))
    return [change for change in moving if _gives_one_of(change, getting.get(change.kind.plural, set()))]


def _gives_one_of(change: Change, values: t.Collection[str]) -> bool:
    left = (name for names in _unique_names(change.kind) for name in names if _leaves(change, name))
    return bool(values) and any(_value(change.kind, change.operation.found or {}, name) in values for name in left)


def _value(kind: Kind, found: Found, name: str) -> str:
    path = kind.by_name[name].read_path if name in kind.by_name else (name,)
    return str(dig(found, path) or "").lower()


def _id(change: Change) -> str:
    return str((change.shown or {}).get(change.kind.id))


def _written(change: Change, name: str) -> str:
    if change.operation.action not in (CREATE, UPDATE) or name not in change.operation.changed_fields:
        return ""
    return str((change.wanted.identity if name == change.kind.identity else change.wanted.given.get(name)) or "")


def _leaves(change: Change, name: str) -> bool:
    action = change.operation.action
    return action == DELETE or (action == UPDATE and name in change.operation.changed_fields)


def _other_users(new: t.Sequence[tuple[KeyChange, str]], workers: int) -> dict[str, t.Any]:
    """Who has these values among the keys that were not read."""
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(new)))) as pool:
        found = pool.map(lambda pair: pair[0].user_of(pair[1]), new)
        return {token: user["key_alias"] for (change, token), user in zip(new, found) if user}
