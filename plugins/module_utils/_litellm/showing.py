# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What of an option may be shown: its table tells of secrets, and so do the names inside it. Pure.

Used wherever something is shown, exported or handed to Ansible to be hidden.
"""

from __future__ import annotations

import typing as t

from . import secret_parts
from .kinds._table import DIGEST, SECRETS, Field, Found, Kind
from .secret_parts import MASK, Path

# Names under which some versions echo a raw key.
ECHOED_KEYS = ("key", "api_key")
Replace = t.Callable[[Path, t.Any], t.Any]


def replaced(field: Field, value: t.Any, replace: Replace) -> t.Any:
    """The value with every secret in it as the function gives it for its path."""
    if value is None or field.plain:
        return value
    hidden = [part.name for part in field.parts if part.secret]
    if hidden and isinstance(value, list):
        return [_replaced_entry(hidden, entry, number, replace) for number, entry in enumerate(value)]
    if field.secret and (field.all_secret or field.compare != SECRETS):
        return _all_replaced(value, replace, ())
    return secret_parts.replaced(value, replace)


def _replaced_entry(hidden: t.Collection[str], entry: t.Any, number: int, replace: Replace) -> t.Any:
    if not isinstance(entry, dict):
        return replace((str(number),), entry)
    name = str(entry.get("name") or number)
    return {part: replace((name,), value) if part in hidden else value for part, value in entry.items()}


def _all_replaced(value: t.Any, replace: Replace, path: Path) -> t.Any:
    if isinstance(value, dict):
        return {name: _all_replaced(part, replace, (*path, str(name))) for name, part in value.items()}
    if isinstance(value, list):
        return [_all_replaced(part, replace, (*path, str(number))) for number, part in enumerate(value)]
    return None if value is None else replace(path, value)


def masked(field: Field, value: t.Any) -> t.Any:
    if field.plain or value is None:
        return value
    return MASK if is_whole_secret(field) else secret_parts.masked(value)


def masked_pair(field: Field, old: t.Any, new: t.Any) -> tuple[t.Any, t.Any]:
    """Secrets in a diff show only that they differ."""
    if field.plain:
        return old, new
    if not is_whole_secret(field):
        return secret_parts.masked_pair(old, new)
    return (MASK, MASK) if old == new else (f"{MASK} (found)", f"{MASK} (wanted)")


def is_whole_secret(field: Field) -> bool:
    """Whether nothing of the option is ever shown in a diff."""
    return field.secret and (field.all_secret or field.compare != SECRETS)


def texts(field: Field, value: t.Any, shortest: int) -> set[str]:
    """The secret texts of an option. One that only its name makes a secret counts from a certain length on."""
    if field.plain or (secret_parts.is_plain(value) and not field.secret):
        return set()
    if isinstance(value, str) and is_whole_secret(field):
        return {value} if value else set()
    found = {text for text in secret_parts.strings(value) if len(text) >= shortest}
    if field.secret:
        replaced(field, value, lambda path, text: found.add(text) if isinstance(text, str) and text else None)
    return found


def visible(kind: Kind, found: Found) -> dict[str, t.Any]:
    """An object without what some versions show and nobody should see."""
    hidden = {*ECHOED_KEYS, *(field.name for field in kind.fields if field.all_secret)}
    return {
        name: _seen(kind, kind.by_name.get(name), name, value) for name, value in found.items() if name not in hidden
    }


def _seen(kind: Kind, field: Field | None, name: str, value: t.Any) -> t.Any:
    if name in (kind.id, kind.identity) or (field and field.compare == DIGEST):
        return value
    if field:
        return (
            secret_parts.masked(replaced(field, value, lambda path, text: MASK))
            if field.secret
            else masked(field, value)
        )
    # The table says what an option is; what else the proxy shows is told by its name.
    return secret_parts.masked({name: value})[name]
