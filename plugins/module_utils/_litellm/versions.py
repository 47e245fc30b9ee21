# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the version of a proxy lacks, by the proxy's own description of its API: an older one takes unknown options and drops them.

Used by the state before it writes. Only options that not all versions have cost the request for the description.
"""

from __future__ import annotations

import re
import typing as t

from .client import Client, LiteLLMError
from .errors import PlanError
from .kinds import Field, Kind, Write
from .plan import CREATE, DELETE, UPDATE, Operation
from .values import as_number

DESCRIPTION = "/openapi.json"


def refuse_unknown(client: Client, operations: t.Sequence[Operation]) -> None:
    options = [(operation, field) for operation in operations for field in _young(operation)]
    calls = [(operation, write) for operation in operations for write in _young_calls(operation)]
    if not options and not calls:
        return
    try:
        description = client.get(DESCRIPTION)
    except LiteLLMError:
        return  # it need not describe itself: what it drops is then said after the writing
    lacking = [_named(op, field.name) for op, field in options if _lacks(description, op.kind, field)]
    lacking += [_named(op, f"{write.method} {write.path}") for op, write in calls if _has_not(description, write)]
    if lacking:
        raise PlanError(
            f"{'; '.join(lacking)}: the version of this proxy does not know that. Leave it out, or update the proxy"
        )


def _named(operation: Operation, what: str) -> str:
    return f"{operation.kind.name} {operation.identity!r}: {what}"


def _young(operation: Operation) -> list[Field]:
    if operation.action not in (CREATE, UPDATE):
        return []
    written = {name for name in operation.changed_fields if operation.after.get(name) is not None}
    return [field for field in operation.kind.fields if field.young and field.name in written]


def _young_calls(operation: Operation) -> list[Write]:
    kind, action = operation.kind, operation.action
    main = {CREATE: kind.create, DELETE: kind.delete, UPDATE: kind.update if operation.body else None}.get(action)
    writes = [*([main] if main else []), *(call.write for call in operation.calls)]
    return list(dict.fromkeys(write for write in writes if write.young))


def _lacks(description: t.Any, kind: Kind, field: Field) -> bool:
    known = _properties(description, kind.create.method, kind.create.path)
    return known is not None and (field.api_name or field.name) not in known


def _has_not(description: t.Any, write: Write) -> bool:
    """Whether it describes calls, and not this one, whatever it names what stands in the path."""
    paths = description.get("paths") if isinstance(description, dict) else None
    if not isinstance(paths, dict) or not paths:
        return False
    wanted = _without_names(write.path)
    return not any(_without_names(path) == wanted and write.method.lower() in (paths[path] or {}) for path in paths)


def _without_names(path: str) -> str:
    return re.sub(r"\{[^}]*\}", "{}", path.split("?")[0])


def schema(description: t.Any, name: str) -> dict[str, t.Any]:
    """One of the schemas, which may be named as what is sent; or of one of its parts, after a point, that with its choices."""
    name, _point, part = name.partition(".")
    try:
        schemas = description["components"]["schemas"]
        found = schemas.get(name) or schemas.get(f"{name}-Input") or {}
        if part:
            found = found["properties"][part]
            found = next((one for one in (found, *found.get("anyOf", ())) if "enum" in one), {})
        return dict(found)
    except (KeyError, TypeError, AttributeError, ValueError):
        return {}


def wrong_types(schema: t.Mapping[str, t.Any], value: t.Mapping[str, t.Any]) -> list[str]:
    """Parts of other types than it has. A text that is a number or a switch is taken for one, as the proxy does it."""
    properties = schema.get("properties")
    wrong = []
    for name, part in value.items():
        types = _types((properties or {}).get(name))
        if part is not None and types and not types & _types_of(part):
            wrong.append(f"{name} must be {' or '.join(TYPES[one] for one in sorted(types & set(TYPES)))}")
    return wrong


TYPES = {"array": "a list", "object": "a dictionary", "string": "a text", "integer": "a number", "number": "a number"}
TYPES["boolean"] = "true or false"


def _types(schema: t.Any) -> set[str]:
    """Those that JSON has; none where the description says it otherwise."""
    if not isinstance(schema, dict):
        return set()
    choices = schema.get("anyOf")
    if not isinstance(choices, list):
        return {schema["type"]} if isinstance(schema.get("type"), str) else set()
    parts = [_types(one) for one in choices]
    return set().union(*parts) if all(parts) else set()


def _types_of(value: t.Any) -> set[str]:
    """All as which it may be taken."""
    if isinstance(value, bool):
        return {"boolean", "integer", "number"}
    if isinstance(value, (list, dict)):
        return {"array"} if isinstance(value, list) else {"object"}
    if isinstance(value, (int, float)):
        return {"number", "boolean"} | ({"integer"} if float(value).is_integer() else set())
    number = as_number(value)
    return (
        {"string"}
        | ({"boolean"} if not re.search(r"[^A-Za-z01]", str(value)) else set())
        | ({"integer", "number"} if number is not None else set())
    )


def _properties(description: t.Any, method: str, path: str) -> set[str] | None:
    """What a call takes, where the description says it."""
    try:
        content = description["paths"][path][method.lower()]["requestBody"]["content"]
        schema = next(iter(content.values()))["schema"]
        schema = description["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]]
        return set(schema["properties"])
    except (KeyError, TypeError, StopIteration, AttributeError):
        return None
