# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Sends operations: which call, in what form, what may be repeated, and what was kept of it. Used by the changes and the state."""

from __future__ import annotations

import functools
import time
import typing as t
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from . import reader
from .client import Client, LiteLLMError, NotFoundError, UnclearError
from .compare import differing
from .errors import NotKeptError, RaceError
from .kinds import Call, Kind, Write
from .plan import CREATE, DELETE, UPDATE, Operation
from .wanted import Wanted

Object = t.Mapping[str, t.Any]
READ_AGAIN = (0.0, 0.2, 0.5, 1.0, 2.0)


def execute(client: Client, operation: Operation) -> t.Any:
    """Send one operation. Creating isn't repeated blindly; updates and deletions do no harm twice."""
    kind = operation.kind
    if kind.written_by and (operation.body or operation.action == DELETE):
        body = None if operation.action == DELETE else operation.body
        return kind.written_by(client.request, operation.identity, body)
    if operation.action == CREATE:
        return _send(client, kind.create, None, _named(kind, operation.body), repeatable=False)
    if operation.action == UPDATE and operation.body and kind.changed_by:
        return kind.changed_by(client.request, operation.found or {}, operation.body)
    if operation.action == UPDATE and operation.body:
        return _send(client, kind.update, operation.id, _named(kind, operation.body), repeatable=True)
    if operation.action == DELETE:
        return withdraw(client, kind, [str(operation.id)])
    return None


def _named(kind: Kind, body: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    names = {field.name: field.api_name for field in kind.fields if field.api_name}
    return {names.get(name) or name: value for name, value in body.items()}


def withdraw(client: Client, kind: Kind, ids: t.Sequence[str], workers: int = 1) -> None:
    """Delete what others may be using."""
    if kind.before_delete:
        before = functools.partial(_before_delete, client, kind)
        with ThreadPoolExecutor(max_workers=max(1, min(workers, len(ids)))) as pool:
            list(pool.map(before, ids))
    delete(client, kind, ids)


def delete(client: Client, kind: Kind, ids: t.Sequence[str]) -> None:
    try:
        if kind.delete.id_list:
            client.request(kind.delete.method, kind.delete.path, {kind.delete.id_field: list(ids)}, repeatable=True)
        else:
            for one in ids:
                _send(client, kind.delete, one, {}, repeatable=True)
    except NotFoundError:
        pass  # gone already, as wanted


def _before_delete(client: Client, kind: Kind, id: str) -> None:
    try:
        if kind.before_delete:
            kind.before_delete(functools.partial(client.request, repeatable=True), id)
    except NotFoundError:
        pass  # gone already, as wanted


def _send(client: Client, write: Write, id: str | None, body: t.Mapping[str, t.Any], *, repeatable: bool) -> t.Any:
    path = write.path
    if "{id}" in path:
        path = path.replace("{id}", urllib.parse.quote(str(id), safe=""))
    payload: dict[str, t.Any] = dict(body)
    if id is not None and write.id_field:
        payload[write.id_field] = id
    if write.envelope:
        payload = {write.envelope: payload}
    return client.request(write.method, path, payload or None, repeatable=repeatable)


def create_once(client: Client, operation: Operation) -> Object:
    """Create an object; where no answer came, look whether it was made before calling it a failure."""
    kind = operation.kind
    try:
        return t.cast(Object, execute(client, operation) or {})
    except UnclearError:
        made = reader.read_named(client, operation.kind, operation.identity)
        if not made:
            raise
        return made[0]
    except LiteLLMError as exc:
        if not kind.half_made or kind.half_made not in exc.message:
            raise
        delete(client, kind, [operation.identity])
        raise type(exc)(f"{exc.message} (taken back)", method=exc.method, path=exc.path, status=exc.status) from exc


def follow_up(client: Client, operation: Operation, id: str, late: bool = False) -> None:
    """The calls besides the main one; each does no harm twice."""
    for call in operation.calls:
        if call.late is late:
            _follow(client, call, id)


def _follow(client: Client, call: Call, id: str) -> None:
    try:
        _send(client, call.write, call.id or id, _with_own_id(call.body, id), repeatable=True)
    except LiteLLMError as exc:
        if not call.already or call.already not in exc.message:
            raise


def _with_own_id(value: t.Any, id: str) -> t.Any:
    if isinstance(value, t.Mapping):
        return {name: _with_own_id(part, id) for name, part in value.items()}
    if isinstance(value, list):
        return [_with_own_id(part, id) for part in value]
    return id if value is Call.SELF else value


def settle_race(client: Client, kind: Kind, identity: str, ours: str, found: t.Sequence[Object]) -> t.Sequence[Object]:
    """Of twins made at once the oldest stays. Every racer applies the same rule, so one key is left."""
    twins = [item for item in found if item.get(kind.identity) == identity]
    if len(twins) < 2:
        return twins
    ranked = sorted(twins, key=lambda item: (str(item.get("created_at")), str(item.get(kind.id))))
    if ranked[0].get(kind.id) == ours:
        return [ranked[0]]
    delete(client, kind, [ours])
    raise RaceError(
        f"another run made the {kind.name} {identity!r} at the same time ({kind.id} {ranked[0].get(kind.id)}); "
        f"ours ({ours}) was removed again. Run again to bring the remaining one to its desired state."
    )


def read_until_there(client: Client, kind: Kind, identities: t.Sequence[str], workers: int) -> reader.Objects:
    """Read what was just written; some versions need a moment until a new object is listed."""
    found: reader.Objects = []
    missing = list(identities)
    for pause in READ_AGAIN:
        time.sleep(pause)
        found += reader.read(client, kind, missing, workers)
        there = {item.get(kind.identity) for item in found}
        missing = [identity for identity in identities if identity not in there]
        if not missing:
            break
    return found


def check_kept(kind: Kind, wanted: Wanted, found: Object) -> None:
    """LiteLLM accepts unknown and refused values in silence: what it didn't keep is an error."""
    lasting = {name: value for name, value in wanted.given.items() if name != "duration"}
    names = ", ".join(differing(kind, replace(wanted, given=lasting), found))
    if names:
        raise NotKeptError(
            f"the proxy accepted the {kind.name} {wanted.identity!r} but did not keep: {names}. "
            "What was sent for these is not what it shows now."
        )
