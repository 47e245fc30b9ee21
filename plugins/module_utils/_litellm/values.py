# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One form for everything that LiteLLM treats alike: numbers, lists, durations, times, hashes of keys. Pure."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import typing as t
from datetime import datetime, timedelta, timezone

from . import secret_parts
from .kinds._table import DIGEST, HALF_MASKED, LIFETIME, SUBSET, WINDOWS, Field, dig

SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800, "mo": 30 * 86400}
FOREVER = ("-1",)
# How LiteLLM shows what it hides: with the ends, or without.


def digest(value: str) -> str:
    """What LiteLLM stores in the place of a key."""
    return hashlib.sha256(value.encode()).hexdigest()


def fingerprint(key: bytes, value: t.Any) -> str:
    """A short trace of a secret: equal for equal values, worth nothing without the key."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()[:32]


def split_secrets(field: Field, value: t.Mapping[str, t.Any]) -> tuple[dict[str, t.Any], dict[str, t.Any]]:
    """The parts of an object that the API shows, and those that it hides: with secrets masked, and by their places."""
    secret = {k: v for k, v in value.items() if field.all_secret or _is_secret(k, v)}
    readable = {k: v for k, v in value.items() if k not in secret}
    return secret_parts.masked(readable), {**secret, **secret_parts.by_path(readable)}


def _is_secret(name: str, value: t.Any) -> bool:
    return secret_parts.is_secret_name(name) and not isinstance(value, bool)


def seen_through(found: t.Any, wanted: t.Any) -> t.Any:
    """What the proxy masks in the middle counts as what is wanted, where the ends that it shows agree."""
    if isinstance(found, dict) and isinstance(wanted, dict):
        return {name: seen_through(part, wanted.get(name)) for name, part in found.items()}
    if isinstance(found, list) and isinstance(wanted, list) and len(found) == len(wanted):
        return [seen_through(part, whole) for part, whole in zip(found, wanted)]
    if _is_number(found) is not _is_number(wanted):
        number = as_number(found)
        return wanted if number is not None and number == as_number(wanted) else found
    if isinstance(found, bool) and isinstance(wanted, str):
        return wanted if wanted.strip().lower() == str(found).lower() else found
    if isinstance(found, str) and isinstance(wanted, str) and (mask := HALF_MASKED.search(found)):
        fits = wanted.startswith(found[: mask.start()]) and wanted.endswith(found[mask.end() :])
        return wanted if fits else found
    return found


def _is_number(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def as_number(value: t.Any) -> float | None:
    """A number, also one that is written as text: `3e-7` is a text in YAML 1.1."""
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def seconds(duration: str) -> int:
    """The length of a duration in LiteLLM's form: a number and s, m, h, d, w or mo."""
    match = re.fullmatch(r"([0-9]+)(s|mo|m|h|d|w)", duration.strip())
    if not match:
        raise ValueError(f"{duration!r} is no duration: write a number and s, m, h, d, w or mo, such as 30d")
    return int(match.group(1)) * SECONDS[match.group(2)]


def moment(value: str) -> datetime:
    """A time in any of the forms that LiteLLM answers with (`Z`, `+00:00`, with or without fractions)."""
    text = value.replace("Z", "+00:00")
    # Python 3.9 reads fractions of three or six digits only.
    text = re.sub(r"\.(\d+)", lambda m: "." + m.group(1)[:6].ljust(6, "0"), text)
    parsed = datetime.fromisoformat(text)
    return parsed if parsed.tzinfo else parsed.replace(tzinfo=timezone.utc)


def time_left(expires: str, now: datetime) -> timedelta:
    return moment(expires) - now


def canonical(field: Field, value: t.Any) -> t.Any:
    """One form for everything that LiteLLM treats alike, so that only true differences are seen."""
    if value is None or value in ([], {}) or (value == "" and field.type == "str"):
        return field.default
    if field.compare == WINDOWS:
        return _ordered([{k: v for k, v in without_nulls(window).items() if k != "reset_at"} for window in value])
    if field.parts:
        added = {part.name: part.default for part in field.parts if part.default is not None}
        value = [{k: v for k, v in entry.items() if v != added.get(k)} for entry in without_nulls(value)]
    if field.type in ("int", "float"):
        return _number(value)
    if field.type == "list" and not field.ordered:
        return _ordered(without_nulls(value))
    if field.type == "dict":
        value = without_nulls(value)
        return (field.without_added(value) if field.without_added else value) or field.default
    return value


def wanted_value(field: Field, value: t.Any) -> t.Any:
    if value is not None and field.compare == DIGEST:
        return digest(value)
    if value in FOREVER and field.compare == LIFETIME:
        return None
    if isinstance(value, dict) and field.compare == SUBSET:
        return {key: _part(field, key, part) for key, part in value.items()}
    return canonical(field, value)


def found_value(field: Field, found: t.Mapping[str, t.Any], wanted: t.Any = None) -> t.Any:
    """The field as the API shows it; of an object compared in part, the wanted sub-keys only."""
    value = dig(found, field.read_path)
    if field.compare == SUBSET:
        keys = wanted if isinstance(wanted, dict) else (value or {})
        parts = {key: _part(field, key, (value or {}).get(key)) for key in keys if key != "object_permission_id"}
        return parts if isinstance(wanted, dict) else {k: v for k, v in parts.items() if v} or None
    return canonical(field, value)


def _part(field: Field, name: str, value: t.Any) -> t.Any:
    return canonical_part(field.form(name, value) if field.form else value)


def canonical_part(value: t.Any, ordered: bool = False) -> t.Any:
    """A part of an object. Lists have no order, unless they are said to have one."""
    if value in ([], {}, None):
        return None
    return without_nulls(value) if ordered else _without_order(without_nulls(value))


def _without_order(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {name: _without_order(part) for name, part in value.items()}
    return _ordered([_without_order(part) for part in value]) if isinstance(value, list) else value


def without_nulls(value: t.Any) -> t.Any:
    """Drop the nulls that LiteLLM adds to objects, nested ones as well."""
    if isinstance(value, dict):
        return {k: without_nulls(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [without_nulls(v) for v in value]
    return value


def _ordered(values: list[t.Any]) -> list[t.Any]:
    return sorted(values, key=lambda v: json.dumps(v, sort_keys=True))


def _number(value: t.Any) -> t.Any:
    if isinstance(value, str):
        value = float(value)
    return int(value) if isinstance(value, float) and value.is_integer() else value
