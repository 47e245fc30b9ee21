# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Reads objects: all pages, by name where that is cheaper, and what only a look at one object shows."""

from __future__ import annotations

import math
import typing as t
import urllib.parse
from concurrent.futures import ThreadPoolExecutor

from .client import BadReplyError, Client, NotFoundError
from .errors import NoKindError
from .kinds._table import Kind, dig

Objects = list[dict[str, t.Any]]
LOOKED_UP_SINGLY = 10  # ids or mails; beyond that the pages of all are read
Seen = t.Callable[[Objects], t.Any]  # is told of each page of a long list when it comes in


class Reading(t.NamedTuple):
    """What was read of a kind, and whether that is all there is."""

    found: Objects
    complete: bool


def read(client: Client, kind: Kind, identities: t.Collection[str] | None = None, workers: int = 4) -> Objects:
    """The objects of a kind: all of them, or at least those of the given names."""
    return read_enough(client, kind, identities, workers).found


def read_enough(
    client: Client, kind: Kind, identities: t.Collection[str] | None, workers: int, seen: Seen = len
) -> Reading:
    try:
        return _read_enough(client, kind, identities, workers, seen)
    except NotFoundError as exc:
        raise NoKindError(f"{exc}: this LiteLLM has no {kind.plural}, or api_url is wrong") from exc


def _read_enough(client: Client, kind: Kind, identities: t.Collection[str] | None, workers: int, seen: Seen) -> Reading:
    listing = kind.listing
    if listing.each:
        return _read_each(client, kind, identities)
    if listing.page_size is None:
        return Reading(_items(kind, client.get(listing.path, listing.query)), True)
    if identities is not None and len(identities) == 1 and listing.identity_filter:
        return Reading(read_named(client, kind, next(iter(identities))), False)
    first = _page(client, kind, 1)
    pages = math.ceil(_total(kind, first) / listing.page_size)
    if identities is not None and listing.identity_filter and len(identities) < pages:
        lists = _each(lambda name: read_named(client, kind, name), identities, workers)
        return Reading(_unique(kind, [item for part in lists for item in part]), False)

    def items_of(answer: t.Any) -> Objects:
        items = _items(kind, answer)
        seen(items)
        return items

    lists = [items_of(first)]
    lists += _each(lambda page: items_of(_page(client, kind, page)), range(2, pages + 1), workers)
    return Reading(_unique(kind, [item for part in lists for item in part]), True)


def _read_each(client: Client, kind: Kind, identities: t.Collection[str] | None) -> Reading:
    """Objects that have a path each; of all, those that this version has."""
    found: Objects = []
    for name, path in kind.listing.each.items():
        if identities is not None and name not in identities:
            continue
        try:
            answer = client.get(path)
        except NotFoundError as exc:
            if identities is None:
                continue
            raise NoKindError(f"{exc}: this LiteLLM has no {kind.name} {name!r}, or api_url is wrong") from exc
        item = kind.listing.each_item(name, answer) if kind.listing.each_item else answer
        found.append({**item, kind.identity: name})
    return Reading(found, identities is None)


def read_named(client: Client, kind: Kind, identity: str) -> Objects:
    """Every object of one name: more than one page of them would be a strange day, yet is read."""
    listing = kind.listing
    if not listing.identity_filter:
        return [item for item in read(client, kind) if item.get(kind.identity) == identity]
    found: Objects = []
    for page in range(1, 1000):
        answer = _page(client, kind, page, {listing.identity_filter: identity})
        found += _items(kind, answer)
        if page * (listing.page_size or 1) >= _total(kind, answer):
            break
    return _unique(kind, [item for item in found if item.get(kind.identity) == identity])


def read_where(client: Client, kind: Kind, query: t.Mapping[str, str], workers: int) -> Objects:
    """Every object that a parameter of the listing finds; of a kind without pages all of them."""
    if kind.listing.page_size is None:
        return read(client, kind)
    first = _page(client, kind, 1, query)
    pages = math.ceil(_total(kind, first) / kind.listing.page_size)
    rest = _each(lambda page: _items(kind, _page(client, kind, page, query)), range(2, pages + 1), workers)
    return _unique(kind, _items(kind, first) + [item for part in rest for item in part])


def _page(client: Client, kind: Kind, page: int, more: t.Mapping[str, t.Any] | None = None) -> t.Any:
    listing = kind.listing
    query = {**listing.query, "page": page, listing.size_parameter: listing.page_size, **(more or {})}
    return client.get(listing.path, query)


def _items(kind: Kind, answer: t.Any) -> Objects:
    envelope = kind.listing.envelope
    items = answer.get(envelope) if envelope and isinstance(answer, dict) else answer
    if kind.listing.items:
        items = kind.listing.items(answer)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise BadReplyError(f"expected a list of {kind.plural}", method="GET", path=kind.listing.path)
    if kind.id_path:
        return [{**item, kind.id: dig(item, kind.id_path)} for item in items]
    return items


def with_detail(client: Client, kind: Kind, item: t.Mapping[str, t.Any], always: bool = False) -> dict[str, t.Any]:
    """An object with what the listing leaves out."""
    if not always and kind.listing.detail_hints and not any(dig(item, hint) for hint in kind.listing.detail_hints):
        return dict(item)
    path = str(kind.listing.detail).replace("{id}", urllib.parse.quote(str(item[kind.id]), safe=""))
    answer = client.get(path)
    detail = answer.get(kind.listing.detail_envelope) if kind.listing.detail_envelope else answer
    read = {**item, **{f.read_path[0]: dig(detail, f.read_path[:1]) for f in kind.fields if f.detail}}
    return kind.listing.detail_more(read, answer) if kind.listing.detail_more else read


def _total(kind: Kind, answer: t.Any) -> int:
    total = answer.get("total_count", answer.get("total")) if isinstance(answer, dict) else None
    if not isinstance(total, int):
        raise BadReplyError(f"expected a count of all {kind.plural}", method="GET", path=kind.listing.path)
    return total


def _unique(kind: Kind, items: Objects) -> Objects:
    return list({str(item.get(kind.id)): item for item in items}.values())


def _each(work: t.Callable[[t.Any], Objects], over: t.Iterable[t.Any], workers: int) -> list[Objects]:
    todo = list(over)
    if len(todo) < 2:
        return [work(item) for item in todo]
    with ThreadPoolExecutor(max_workers=min(workers, len(todo))) as pool:
        return list(pool.map(work, todo))
