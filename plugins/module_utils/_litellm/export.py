# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What to declare so that the objects of a proxy are as they are. Secrets stand as variables to fill in. Pure."""

from __future__ import annotations

import hashlib
import json
import re
import typing as t
from collections import Counter
from datetime import datetime, timezone

from . import prices, secret_parts, showing, values
from .annotations import MARKER, declared_parts, user_metadata
from .kinds import Field, Found, Kind, dig
from .kinds._table import BUDGETS, HALF_MASKED, LIFETIME, SECRETS, WRITE_ONLY, shared_budget
from .secret_parts import Path


class Placeholder(str):
    """Stands for a secret to fill in. A text of the proxy that looks like one is none: only this class is."""

    place: Path

    def __new__(cls, place: Path, mark: str = "") -> Placeholder:
        # Ansible takes names of ASCII letters only.
        variable = re.sub(r"\W+", "_", "_".join(("vault", *place)), flags=re.ASCII).lower() + mark
        text = super().__new__(cls, "{{ " + variable + " }}")
        text.place = place
        return text


def desired(
    kind: Kind, found: t.Sequence[Found], now: datetime | None = None, hide: bool = True
) -> list[dict[str, t.Any]]:
    """What to declare so that these objects are as they are. Secrets stand as variables to fill in, unless they are to stay."""
    now = now or datetime.now(timezone.utc)
    return [_item(kind, item, now, hide) for item in found if item.get(kind.identity) and kind.declarable(item)]


def unambiguous(declared: t.Any) -> t.Any:
    """The same with a variable of its own for every secret: names that read alike would hand one's value to another."""
    places = [placeholder for path, placeholder in _placeholders(declared)]
    taken = Counter(str(one) for one in {one.place: one for one in places}.values())
    return _renamed(declared, taken)


def _renamed(value: t.Any, taken: t.Mapping[str, int]) -> t.Any:
    if isinstance(value, dict):
        return {name: _renamed(part, taken) for name, part in value.items()}
    if isinstance(value, list):
        return [_renamed(part, taken) for part in value]
    if isinstance(value, Placeholder) and taken[str(value)] > 1:
        return Placeholder(value.place, "_" + hashlib.sha256(json.dumps(value.place).encode()).hexdigest()[:8])
    return value


def placeholder_paths(declared: t.Any) -> list[list[str]]:
    """Where the placeholders are: the only texts that are meant as templates."""
    return [list(path) for path, placeholder in _placeholders(declared)]


def _placeholders(value: t.Any, path: Path = ()) -> t.Iterator[tuple[Path, Placeholder]]:
    if isinstance(value, Placeholder):
        yield path, value
    parts: t.Iterable[tuple[t.Any, t.Any]] = value.items() if isinstance(value, dict) else ()
    for name, part in enumerate(value) if isinstance(value, list) else parts:
        yield from _placeholders(part, (*path, str(name)))


def portable(found: t.Mapping[str, t.Sequence[Found]], groups: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The same objects with what holds on another gateway as well: access groups in keys by their names, and what
    LiteLLM writes on both sides only on the side that is made later."""
    result: dict[str, t.Any] = dict(found)
    assigned = {str(g["access_group_id"]): g.get("assigned_team_ids") or [] for g in found.get("access_groups", [])}
    members = {str(k["token"]): k.get("access_group_ids") or [] for k in found.get("keys", [])}
    if "teams" in found:
        result["teams"] = [_less(team, "access_group_ids", assigned, str(team["team_id"])) for team in found["teams"]]
    if "access_groups" in found:
        ids = {str(group["access_group_id"]): group for group in found["access_groups"]}
        result["access_groups"] = [_less(g, "assigned_key_ids", members, i) for i, g in ids.items()]
    if "keys" in found:
        result["keys"] = [_named_groups(key, groups) for key in found["keys"]]
    return result


def _less(item: Found, name: str, other_side: t.Mapping[str, t.Sequence[str]], own: str) -> dict[str, t.Any]:
    return {**item, name: [one for one in item.get(name) or [] if own not in other_side.get(one, ())]}


def _named_groups(key: Found, groups: t.Mapping[str, str]) -> dict[str, t.Any]:
    ids = key.get("access_group_ids") or []
    if not ids or not set(ids) <= set(groups):
        return dict(key)
    return {**key, "access_group_ids": [], "access_group_names": sorted(groups[one] for one in ids)}


def _item(kind: Kind, item: Found, now: datetime, hide: bool) -> dict[str, t.Any]:
    result: dict[str, t.Any] = {kind.identity: item[kind.identity]}
    for field in kind.fields:
        value = _value(kind, field, item, now)
        if value not in (None, [], {}) and value != field.default:
            result[field.name] = _hidden(kind, field, item, value) if hide else value
    result = kind.without_said(result) if kind.without_said else result
    names = {ref.option: item[ref.option] for ref in kind.references if ref.many and item.get(ref.option)}
    return {**result, **names}


def _value(kind: Kind, field: Field, item: Found, now: datetime) -> t.Any:
    """The option as it is on the proxy, secrets included where it shows them."""
    if not field.exported or field.compare == WRITE_ONLY or field.ignore_drift or _belongs_to_budget(field, item):
        return None
    found = dig(item, field.read_path)
    if field.compare == LIFETIME:
        return _rest_of_life(found, now)
    if field.rule:
        return field.rule.exported(found)
    if field.compare == SECRETS:
        return _with_unnamed_secrets(kind, field, item, found or {})
    if field.name == kind.annotations:
        return _user_part(kind, item)
    value = values.found_value(field, item)
    value = prices.with_numbers(value) if field.parameters else value
    return {k: v for k, v in value.items() if k not in field.added_parts} if field.added_parts and value else value


def _belongs_to_budget(field: Field, item: Found) -> bool:
    """Limits are the object's own when LiteLLM made the budget for them, else those of a shared budget."""
    own = shared_budget(item) is None
    return own if field.name == "budget_id" else field.read_path[0] in BUDGETS and not own


def _rest_of_life(expires: t.Any, now: datetime) -> str | None:
    if not isinstance(expires, str):
        return None
    # One that has ended is declared with the shortest life there is.
    return f"{max(1, int(values.time_left(expires, now).total_seconds()))}s"


def _with_unnamed_secrets(kind: Kind, field: Field, item: Found, found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """An object with secret parts, and the usual one of them where the proxy doesn't even name it."""
    parts = {k: v for k, v in found.items() if v is not None and not (v is False and k in field.off)}
    marked = dig(item, (kind.annotations or "", MARKER, "fingerprints", field.name))
    if marked and not values.split_secrets(field, parts)[1]:
        parts.update(dict.fromkeys(field.usual_parts(item), secret_parts.MASK))
    return t.cast("dict[str, t.Any]", prices.with_numbers(parts))


def _hidden(kind: Kind, field: Field, item: Found, value: t.Any) -> t.Any:
    """The value with placeholders for its secrets. What the proxy shows half masked is one of them, whatever its name."""
    place: Path = (kind.name, str(item[kind.identity]))
    if field.compare != SECRETS:
        place = (*place, field.name)
        shown = showing.replaced(field, value, lambda path, text: Placeholder((*place, *path)))
        if field.name != kind.annotations:
            return shown
        return {k: _half_masked(v, (*place, k)) if k in kind.encrypted_metadata else v for k, v in shown.items()}
    parts = {k: Placeholder((*place, k)) for k in value if k in values.split_secrets(field, value)[1]}
    rest = {k: v for k, v in value.items() if k not in parts}
    rest = showing.replaced(field, rest, lambda path, text: Placeholder((*place, *path)))
    return {k: parts.get(k) or _half_masked(rest[k], (*place, k)) for k in value}


def _half_masked(value: t.Any, place: Path) -> t.Any:
    if isinstance(value, dict):
        return {name: _half_masked(part, (*place, str(name))) for name, part in value.items()}
    if isinstance(value, list):
        return [_half_masked(part, (*place, str(number))) for number, part in enumerate(value)]
    return Placeholder(place) if isinstance(value, str) and HALF_MASKED.search(value) else value


def _user_part(kind: Kind, item: Found) -> dict[str, t.Any] | None:
    part = user_metadata(kind, dig(item, (kind.annotations or "",)) or {}, kind.exported_metadata)
    if kind.exported_annotations is not None:
        names = {*kind.exported_annotations, *declared_parts(kind, item)}
        part = {k: v for k, v in part.items() if k in names}
    return {k: v for k, v in part.items() if v is not None} or None
