# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What this proxy would refuse, asked before anything is written: for want of a licence, of its configuration, of its version.

Used by the state, and by what looks up references.
"""

from __future__ import annotations

import functools
import typing as t

from . import versions
from .change import Change
from .client import Client, ForbiddenError, LiteLLMError, NotFoundError
from .errors import EXPECTED, Failure, PlanError
from .kinds import Kind
from .plan import CREATE, UPDATE, Operation


def refused(client: Client, changes: t.Sequence[Change]) -> list[Failure]:
    """All that is known before the writing. A question that gets no answer leaves it to the proxy."""
    changing = [change for change in changes if change.changes]
    operations = [change.operation for change in changing]
    questions: tuple[t.Callable[[], None], ...] = (
        lambda: _unlicensed(client, operations),
        lambda: _closed(client, operations),
        lambda: versions.refuse_unknown(client, operations),
        lambda: _not_taken(client, changing),
    )
    failures = []
    for question in questions:
        try:
            question()
        except EXPECTED as exc:
            failures.append(Failure(exc))
    return failures


def _unlicensed(client: Client, operations: t.Sequence[Operation]) -> None:
    """Refuse options that need a licence before anything is written, with their names."""
    asked = {
        f"{op.kind.name} {op.identity!r}: {field.name}"
        for op in operations
        for field in op.kind.fields
        if field.licence and op.body.get(field.name)
    }
    asked |= {
        f"{op.kind.name} {op.identity!r}: {field.name}.{part}"
        for op in operations
        for field in op.kind.fields
        for part in field.licensed_parts
        if (op.body.get(field.name) or {}).get(part) is not None
    }
    asked |= {
        f"{op.kind.name} {op.identity!r}: {call.licence}" for op in operations for call in op.calls if call.licence
    }
    if asked and not has_licence(client):
        raise PlanError(f"{'; '.join(sorted(asked))}: this needs a LiteLLM Enterprise licence, and the proxy has none")


def _closed(client: Client, operations: t.Sequence[Operation]) -> None:
    """Refuse what this proxy takes from nobody, before anything is written."""
    for kind in {op.kind.plural: op.kind for op in operations if op.kind.closed}.values():
        names = {name for op in operations if op.kind is kind for name in op.changed_fields or kind.by_name}
        said = kind.closed(client.get, names) if kind.closed else None
        if said:
            raise PlanError(said)


def refuse_without_licence(client: Client, kind: Kind) -> None:
    if not has_licence(client):
        raise PlanError(f"{kind.plural} need a LiteLLM Enterprise licence, and this proxy has none")


@functools.lru_cache(maxsize=1)
def has_licence(client: Client) -> bool:
    """Asked once in a run, whoever wants to know."""
    try:
        answer = client.get("/health/license")
    except (ForbiddenError, NotFoundError):
        return True  # an older proxy can't tell, or the key may not ask: let the proxy decide by itself
    return isinstance(answer, dict) and answer.get("license_type") == "enterprise"


def _not_taken(client: Client, changes: t.Sequence[Change]) -> None:
    """Refuse values that only the proxy knows to be wrong, all of them at once."""
    answers: dict[str, t.Any] = {}

    def read(path: str) -> t.Any:
        if path not in answers:
            try:
                answers[path] = client.get(path)
            except LiteLLMError:
                answers[path] = None  # an older version, or the key may not ask
        return answers[path]

    said = [wrong for change in changes for wrong in _not_described(read, change)]
    said += [
        f"{change.kind.name} {change.wanted.identity!r}: {wrong}"
        for change in changes
        if change.kind.not_taken and change.operation.action in (CREATE, UPDATE)
        for wrong in change.kind.not_taken(
            read, change.wanted.identity, change.wanted.given, change.operation.changed_fields
        )
    ]
    if said:
        raise PlanError("; ".join(said))


def _not_described(read: t.Callable[[str], t.Any], change: Change) -> list[str]:
    """Parts and choices that the proxy's own description of its API does not have: it drops or refuses them."""
    written = change.operation.changed_fields if change.operation.action in (CREATE, UPDATE) else ()
    said = []
    for item in (item for item in change.kind.fields if item.described and item.name in written):
        schema = versions.schema(read(versions.DESCRIPTION), str(item.described))
        value = change.wanted.given.get(item.name)
        known = list(schema.get("properties" if isinstance(value, dict) else "enum") or ())
        asked = value if isinstance(value, dict) else [value] if value else []
        strange = [repr(one) for one in asked if known and one not in known]
        about = f"{change.kind.name} {change.wanted.identity!r}: {item.name}"
        if strange:
            said.append(f"{about}: this LiteLLM has no {', '.join(strange)}; there are {', '.join(sorted(known))}")
        elif isinstance(value, dict):
            said += [f"{about}.{wrong}" for wrong in versions.wrong_types(schema, value)]
    return said
