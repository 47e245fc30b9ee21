# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is sent to create an object and to change it, in the form that its endpoints understand. Pure."""

from __future__ import annotations

import typing as t

from . import values
from .annotations import MARKER, marker_target, metadata_target
from .kinds._table import EMPTY, LIFETIME, METADATA, NULL, SECRETS, SUBKEYS, Call, Field, Found, Kind, Write, dig
from .wanted import Wanted, given_fields

Body = dict[str, t.Any]


def creation(kind: Kind, wanted: Wanted) -> tuple[Body, tuple[Call, ...]]:
    """The body, and the calls for what it can't hold. A new object has nothing to clear, and some endpoints choke on a null."""
    body: Body = {**kind.constants, kind.identity: wanted.identity}
    calls: list[Call] = []
    for item in given_fields(kind, wanted):
        value = wanted.given[item.name]
        if _is_nothing(item, value) or (item.compare == LIFETIME and value in values.FOREVER):
            continue
        if item.rule:
            sent = item.rule.created(value)
            body.update({item.name: sent} if sent is not None else {})
            calls += item.rule.made(value)
        elif item.own_call:
            _add(calls, item.own_call, item.name, value)
        else:
            constant = kind.constants.get(item.name)
            body[item.name] = {**(constant or {}), **_without_nulls(value)} if constant else _without_nulls(value)
    return _with_annotations(kind, wanted, body), tuple(calls)


def _with_annotations(kind: Kind, wanted: Wanted, body: Body) -> Body:
    if kind.id_at_creation and kind.annotations:
        # This id lives inside another option.
        body[kind.annotations] = {**(body.get(kind.annotations) or {}), kind.id_path[-1]: body.pop(kind.identity)}
    if kind.annotations and (marker := marker_target(kind, wanted, {})):
        body[kind.annotations] = {**(body.get(kind.annotations) or {}), MARKER: marker}
    return body


def _is_nothing(item: Field, value: t.Any) -> bool:
    """An empty text is none, also where LiteLLM takes none."""
    return value is None or (value == "" and item.type == "str" and item.clear == NULL)


def _add(calls: list[Call], write: Write, name: str, value: t.Any) -> None:
    """Options that one call takes are sent together."""
    for place, call in enumerate(calls):
        if call.write == write:
            calls[place] = Call(write, {**call.body, name: value})
            return
    calls.append(Call(write, {name: value}))


def _without_nulls(value: t.Any) -> t.Any:
    return {k: v for k, v in value.items() if v is not None} if isinstance(value, dict) else value


def change(kind: Kind, wanted: Wanted, found: Found, changed: t.Sequence[Field], marked: bool) -> Body:
    """The body of an update: only what differs, and what the endpoint wants along with it."""
    body: Body = {}
    whole = kind.annotations if kind.annotations and not kind.annotations_merge else None
    names = _with_companions(kind, wanted, {item.name for item in changed} | ({whole} if whole and marked else set()))
    for item in given_fields(kind, wanted):
        if item.name in names and item.name != whole and not _sent_otherwise(item):
            _put(body, item, wanted.given[item.name], found)
    if whole:
        inside = (item for item in changed if item.clear == METADATA)
        inside_only = any(item.by_metadata or wanted.given[item.name] is None for item in inside)
        if inside_only or marked or whole in names:
            target = metadata_target(kind, wanted, found)
            body[whole] = target or ({MARKER: {}} if kind.drops_empty_annotations else {})
    elif marked and kind.annotations:
        marker = marker_target(kind, wanted, found)
        body[kind.annotations] = {**(body.get(kind.annotations) or {}), MARKER: marker}
    return {**kind.sent_along(body, found), **body} if kind.sent_along and body else body


def _sent_otherwise(item: Field) -> bool:
    return bool(item.own_call or item.rule or item.by_metadata or item.afterwards)


def _with_companions(kind: Kind, wanted: Wanted, names: set[str]) -> set[str]:
    groups = (group for group in (*kind.required_together, *kind.companions) if names & set(group))
    return names.union(name for group in groups for name in group if name in wanted.given)


def _put(body: Body, item: Field, value: t.Any, found: Found) -> None:
    """Write one field in the form that its endpoint understands, cleared in the way that works."""
    value = None if _is_nothing(item, value) else value
    if item.compare == SECRETS or (value is not None and item.clear != SUBKEYS):
        body[item.name] = value
    elif item.clear == SUBKEYS:
        parts = value if value is not None else dict.fromkeys(values.found_value(item, found) or {})
        body[item.name] = {k: _empty_part(found, item, k) if v is None else v for k, v in parts.items() if k != MARKER}
    elif item.clear in (NULL, EMPTY):
        body[item.name] = _cleared(item)
    if item.update and item.name in body:
        body.update(item.update(body[item.name], dig(found, item.read_path)))


def _cleared(item: Field) -> t.Any:
    return item.default if item.clear == NULL else {"list": [], "dict": {}}.get(item.type, "")


def _empty_part(found: Found, item: Field, key: str) -> t.Any:
    current = dig(found, (*item.read_path, key))
    return type(current)() if isinstance(current, (list, dict)) else None


def calls(
    kind: Kind, wanted: Wanted, found: Found, changed: t.Sequence[Field], body: t.Mapping[str, t.Any]
) -> tuple[Call, ...]:
    """The calls of an update besides the main one."""
    again = kind.restored(body, found) if kind.restored else {}
    result = [Call(kind.update, again)] if again else []
    for item in changed:
        value = wanted.given[item.name]
        if item.rule:
            result += item.rule.calls(value, dig(found, item.read_path))
        elif item.own_call:
            _add(result, item.own_call, item.name, _cleared(item) if value is None else value)
        elif item.afterwards:
            _add(result, kind.update, item.name, _cleared(item) if value is None else value)
    return tuple(result)
