# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has to be done to one object: from what is wanted and what was found to an operation. Pure: the same arguments always give the same operation."""

from __future__ import annotations

import typing as t
from dataclasses import dataclass, field
from datetime import datetime, timezone

from . import bodies, showing, values
from .annotations import fingerprint, marker_of, marker_target
from .compare import compare
from .errors import DuplicateError, PlanError
from .kinds._table import (
    LIFETIME,
    NEVER,
    SECRETS,
    Call,
    Field,
    Found,
    Kind,
    dig,
    is_limit_of_budget,
    shared_budget,
)
from .wanted import Wanted, given_fields, has_one_of

CREATE = "create"
UPDATE = "update"
DELETE = "delete"
NOTHING = "none"
LINE_ENDS = "\x85\u2028\u2029"


@dataclass(frozen=True)
class Operation:
    """One step from what is to what is wanted, with all that is needed to show it and to do it."""

    action: str
    kind: Kind
    identity: str
    id: str | None = None
    body: t.Mapping[str, t.Any] = field(default_factory=dict, repr=False)
    before: t.Mapping[str, t.Any] = field(default_factory=dict)
    after: t.Mapping[str, t.Any] = field(default_factory=dict)
    found: Found | None = field(default=None, repr=False)
    calls: tuple[Call, ...] = field(default=(), repr=False)
    along: tuple[str, ...] = ()  # what LiteLLM deletes or unlinks by itself when this is done

    @property
    def changes(self) -> bool:
        return self.action != NOTHING

    @property
    def changed_fields(self) -> list[str]:
        names = list(dict.fromkeys([*self.before, *self.after]))
        return [name for name in names if self.before.get(name) != self.after.get(name)]

    def diff(self) -> dict[str, t.Any]:
        header = f"{self.kind.name} {self.identity}"
        along = {"along": list(self.along)} if self.along else {}
        return {
            "before_header": header,
            "after_header": header,
            "before": {**self.before, **along},
            "after": dict(self.after),
        }


def pick(kind: Kind, identity: str, found: t.Sequence[Found]) -> Found | None:
    """The one object of that name. Several are an error that names each, never a silent choice."""
    matches = [item for item in found if item.get(kind.identity) == identity]
    if len(matches) > 1:
        ids = ", ".join(sorted(str(item.get(kind.id)) for item in matches))
        how = f", or say which one is meant by `{kind.id}`" if kind.id in kind.by_name else ""
        raise DuplicateError(
            f"{len(matches)} {kind.plural} have the {kind.identity} {identity!r}: {ids}. "
            f"Delete or rename all but one of them{how}."
        )
    return matches[0] if matches else None


def find(kind: Kind, wanted: Wanted, by_name: t.Mapping[str, t.Sequence[Found]]) -> Found | None:
    """The object that is meant: by its name, by its former one, and among several of a name by its id."""
    chosen = wanted.given.get(kind.id)
    for name in (wanted.identity, wanted.previous):
        named = by_name.get(name, []) if name else []
        if chosen and (len(named) > 1 or wanted.state == "absent" or wanted.twin):
            named = [item for item in named if item.get(kind.id) == chosen]
        if named:
            return pick(kind, str(name), named)
    return None


def refuse_permanent(kind: Kind, wanted: Wanted, found: Found | None) -> None:
    if not kind.permanent:
        return
    if found is None:
        raise PlanError(f"there is no {kind.name} {wanted.identity!r}; there are {', '.join(kind.listing.each)}")
    if wanted.state == "absent":
        raise PlanError(f"{kind.name} {wanted.identity!r}: it is always there; clear its parts with null")


def refuse_name(kind: Kind, wanted: Wanted) -> None:
    if said := kind.new_name(wanted.identity):
        raise PlanError(f"{kind.name} {wanted.identity!r}: {said}")


def refuse_incomplete(kind: Kind, wanted: Wanted) -> None:
    refuse_name(kind, wanted)
    lacking = [".".join(path) for path in kind.needed if dig(wanted.given, path) in (None, "", [], {})]
    lacking += kind.lacking(wanted.given)
    if lacking:
        raise PlanError(f"{kind.name} {wanted.identity!r}: there is none yet, and a new one needs {', '.join(lacking)}")
    if kind.needed_one and not any(wanted.given.get(name) for name in kind.needed_one):
        raise PlanError(
            f"{kind.name} {wanted.identity!r}: there is none yet, and a new one needs one of {', '.join(kind.needed_one)}"
        )


def taken_id(kind: Kind, wanted: Wanted, holder: Found) -> PlanError:
    name, id = holder.get(kind.identity), holder.get(kind.id)
    rename = f" To rename that one, give `previous_name: {name}`." if kind.renamable else ""
    return PlanError(f"{kind.name} {wanted.identity!r}: the {kind.id} {id!r} is that of {name!r}.{rename}")


def plan(kind: Kind, wanted: Wanted, found: Found | None, now: datetime | None = None) -> Operation:
    if wanted.state == "absent":
        return _plan_absent(kind, wanted, found)
    if found is None:
        return _plan_create(kind, wanted)
    return _plan_update(kind, wanted, found, now or datetime.now(timezone.utc))


def _plan_absent(kind: Kind, wanted: Wanted, found: Found | None) -> Operation:
    if found is None:
        return Operation(NOTHING, kind, wanted.identity)
    if kind.reached_by_name:
        refuse_name(kind, wanted)
    before = {kind.identity: wanted.identity, kind.id: found.get(kind.id)}
    return Operation(DELETE, kind, wanted.identity, id=found.get(kind.id), before=before, found=found)


def _plan_create(kind: Kind, wanted: Wanted) -> Operation:
    for item in given_fields(kind, wanted):
        _refuse_line_ends(kind, item, wanted)
    after: dict[str, t.Any] = {kind.identity: wanted.identity}
    after.update((item.name, _shown(item, wanted)) for item in given_fields(kind, wanted))
    if kind.annotations:
        after.update(_shown_owner(marker_target(kind, wanted, {})))
    body, calls = bodies.creation(kind, wanted)
    return Operation(CREATE, kind, wanted.identity, body=body, after=after, calls=calls)


def _shown(item: Field, wanted: Wanted) -> t.Any:
    """An option of a new object, as a diff shows it."""
    value = wanted.given[item.name]
    if item.rule:
        return item.rule.canonical(value)
    if item.compare == SECRETS:
        trace = fingerprint(item, wanted)
        return {**values.split_secrets(item, value or {})[0], **({"(secrets)": trace} if trace else {})}
    if item.compare == LIFETIME:
        return None if value is None or value in values.FOREVER else f"{value} from now"
    return showing.masked(item, None if value is None else values.wanted_value(item, value))


def _shown_owner(marker: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {"owner": marker["owner"]} if "owner" in marker else {}


def _plan_update(kind: Kind, wanted: Wanted, found: Found, now: datetime) -> Operation:
    renamed = found.get(kind.identity) != wanted.identity
    before: dict[str, t.Any] = {kind.identity: found.get(kind.identity)}
    after: dict[str, t.Any] = {kind.identity: wanted.identity}
    changed: list[Field] = []
    for item in given_fields(kind, wanted):
        old, new = compare(kind, item, wanted, found, now)
        before[item.name], after[item.name] = showing.masked_pair(item, old, new)
        if old != new:
            changed.append(item)
    marker, marker_now = marker_target(kind, wanted, found), marker_of(kind, found)
    if wanted.owner:
        before.update(_shown_owner(marker_now))
        after.update(_shown_owner(marker))
    if not changed and not renamed and marker == marker_now:
        return Operation(NOTHING, kind, wanted.identity, found.get(kind.id), {}, before, after, found)
    if renamed or kind.reached_by_name:
        refuse_name(kind, wanted)
    for item in changed:
        _refuse_impossible(kind, item, wanted)
        _refuse_shared_budget(kind, item, wanted, found)
        _refuse_line_ends(kind, item, wanted)
    names = [item.name for item in changed]
    if kind.obstacle and (said := kind.obstacle(wanted.given, names, found)):
        raise PlanError(f"{kind.name} {wanted.identity!r}: {said}")
    body = bodies.change(kind, wanted, found, changed, marker != marker_now)
    body = {**body, **({kind.identity: wanted.identity} if renamed else {})}
    calls = bodies.calls(kind, wanted, found, changed, body)
    return Operation(UPDATE, kind, wanted.identity, found.get(kind.id), body, before, after, found, calls)


def _refuse_shared_budget(kind: Kind, item: Field, wanted: Wanted, found: Found) -> None:
    """LiteLLM would write such a limit into the budget itself, and so change everybody's who shares it.

    Who makes a budget without a name gets such a name as LiteLLM gives to its own: of these the state looks who has them.
    """
    budget = shared_budget(found)
    if budget is not None and is_limit_of_budget(item):
        raise in_common(kind, item.name, wanted, budget, "others may share")


def in_common(kind: Kind, option: str, wanted: Wanted, budget: str, who: str) -> PlanError:
    return PlanError(
        f"{kind.name} {wanted.identity!r}: its {option} is that of the budget {budget!r}, which {who}. "
        "Change the budget itself (litellm_budget), or give this one a budget of its own and name it in `budget_id`; "
        "where LiteLLM can't change that, delete it first."
    )


def _refuse_line_ends(kind: Kind, item: Field, wanted: Wanted) -> None:
    """Structures come as JSON into the database, where these are written otherwise."""
    if (item.type != "dict" or item.as_text) and has_one_of(LINE_ENDS, wanted.given[item.name]):
        raise PlanError(
            f"{kind.name} {wanted.identity!r}: {item.name} has a line end of Unicode in it (U+0085, U+2028 or U+2029), after "
            "which LiteLLM adds spaces: write another one"
        )


def _refuse_impossible(kind: Kind, item: Field, wanted: Wanted) -> None:
    if item.create_only:
        raise PlanError(
            f"{kind.name} {wanted.identity!r}: {item.name} is set at creation and differs from what is wanted; "
            "LiteLLM can't change it. Give the object another name, or delete it first."
        )
    if item.clear == NEVER and wanted.given[item.name] in (None, "", [], {}):
        raise PlanError(f"{kind.name} {wanted.identity!r}: LiteLLM can't clear {item.name}.")
