# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the version of a proxy lacks, by the proxy's own description of its API: an older one takes unknown options and drops them.

Used by the state before it writes. Only options that not all versions have cost the request for the description.
"""

from __future__ import annotations

import typing as t

from .client import Client, LiteLLMError
from .errors import PlanError
from .kinds import Field, Kind
from .plan import CREATE, UPDATE, Operation

DESCRIPTION = "/openapi.json"


def refuse_unknown(client: Client, operations: t.Sequence[Operation]) -> None:
    asked = [(operation, field) for operation in operations for field in _young(operation)]
    if not asked:
        return
    try:
        description = client.get(DESCRIPTION)
    except LiteLLMError:
        return  # it need not describe itself: what it drops is then said after the writing
    lacking = [
        f"{op.kind.name} {op.identity!r}: {field.name}" for op, field in asked if _lacks(description, op.kind, field)
    ]
    if lacking:
        raise PlanError(
            f"{'; '.join(lacking)}: the version of this proxy does not know that. Leave it out, or update the proxy"
        )


def _young(operation: Operation) -> list[Field]:
    if operation.action not in (CREATE, UPDATE):
        return []
    written = {name for name in operation.changed_fields if operation.after.get(name) is not None}
    return [field for field in operation.kind.fields if field.young and field.name in written]


def _lacks(description: t.Any, kind: Kind, field: Field) -> bool:
    known = _properties(description, kind.create.method, kind.create.path)
    return known is not None and (field.api_name or field.name) not in known


def _properties(description: t.Any, method: str, path: str) -> set[str] | None:
    """What a call takes, where the description says it."""
    try:
        content = description["paths"][path][method.lower()]["requestBody"]["content"]
        schema = next(iter(content.values()))["schema"]
        schema = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return set(schema["properties"])
    except (KeyError, TypeError, StopIteration, AttributeError):
        return None
