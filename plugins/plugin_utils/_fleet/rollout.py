# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""In which order a change reaches the fleet, so that enough of every model stays ready: members to batches. Pure.

A member is one Compose project of one host. Members of one group, a model's replicas for instance, stand in for each other. What
stops nothing comes first, all at once; what stops a running member comes in batches that leave each group its minimum. Where
nobody would be left, requests are held in the gate instead. Only rolls.py and tests call it.
"""

from __future__ import annotations

import typing as t
from collections import Counter

NEW, CHANGED, RELOADED, REMOVED, UNCHANGED = "new", "changed", "reloaded", "removed", "unchanged"
#: States of a server in the gate.
READY, DRAIN, HOLD = "ready", "drain", "hold"


class Member(t.NamedTuple):
    """One project of one host, as the step fetch found it."""

    host: str
    project: str
    group: str = ""
    name: str = ""  # for people
    change: str = UNCHANGED
    stops: bool = False
    ready: bool = True
    here: bool = True  # in this run
    drained: bool = False  # by a person, who alone ends that
    kept: bool = False  # from requests by a gate, although no person wants that: a run that was cut off left it so
    gpus: frozenset[int] = frozenset()
    unit: str = ""  # the replica on several hosts that it is a node of
    backend: str = ""  # of the gate; empty for one that no gate knows
    server: str = ""  # its name there
    also: tuple[str, ...] = ()  # backends of former names in which it is too

    @property
    def serves(self) -> bool:
        return self.ready and not (self.drained or self.kept) and (self.leaves or self.change not in (NEW, REMOVED))

    @property
    def leaves(self) -> bool:
        """It goes for good, and the gates still send requests there. Nodes leave together."""
        return self.change == REMOVED and bool(self.server or self.unit)

    @property
    def due(self) -> bool:
        """One that has yet to become healthy, or to get requests again, is waited for, although nothing of it changes."""
        return self.here and (self.change != UNCHANGED or not self.ready or self.kept)


class Batch(t.NamedTuple):
    """What changes at the same time. Traffic is only taken from members that stop, or that nobody stands in for."""

    members: tuple[Member, ...]
    drain: tuple[Member, ...] = ()
    hold: tuple[Member, ...] = ()
    stop_first: frozenset[str] = frozenset()  # hosts on which all have to stop before one starts
    canary: bool = False


class Plan(t.NamedTuple):
    batches: list[Batch]
    blocked: list[str]  # what can't be done without falling below a minimum, a line each


class Rules(t.NamedTuple):
    """What a roll has to keep."""

    minimum: t.Mapping[str, int]  # ready members by group
    size: int = 1  # members that stop in one batch
    first: t.Callable[[Member], bool] = lambda member: False  # those that all others wait for
    canary: bool = False


Unit = tuple[Member, ...]


def minimum(replicas: int, wanted: str | int | None) -> int:
    """Of a model: a number, or a percentage, rounded up. By default all but one, and a percentage is never more: then nothing
    could change. No number is more than there are: else none could go."""
    text = "100%" if wanted in (None, "") else str(wanted).strip()
    if not text.endswith("%"):
        return min(int(text), replicas)
    return min(-(-replicas * int(text[:-1]) // 100), max(0, replicas - 1))


def batch_size(members: int, wanted: str | int) -> int:
    """At least one, a percentage rounded down."""
    text = str(wanted).strip()
    return max(1, members * int(text[:-1]) // 100 if text.endswith("%") else int(text))


def plan(members: t.Sequence[Member], rules: Rules) -> Plan:
    """The same members always give the same batches."""
    serving = {member for member in members if member.serves}
    batches: list[Batch] = []
    units = _units([member for member in members if member.due])
    leaders = [unit for unit in units if any(rules.first(member) for member in unit)]
    for unit in leaders:
        batches.append(_batch([unit], serving))
        serving |= _working(unit)
    rest = [unit for unit in units if unit not in leaders]
    still = [unit for unit in rest if not _stops(unit)]
    if still:
        batches.append(_batch(still, serving))
        serving |= {member for unit in still for member in _working(unit)}
    # From here on a member is taken away by being in a batch, and is back after it.
    return _stopping([unit for unit in rest if unit not in still], serving, rules, batches)


def _stops(unit: Unit) -> bool:
    """What goes for good without being known to the gates has no traffic."""
    return any(member.leaves or (member.stops and member.change != REMOVED) for member in unit)


def _working(unit: Unit) -> set[Member]:
    return {member for member in unit if member.change != REMOVED and not member.drained}


# ---- units


def _units(members: t.Sequence[Member]) -> list[Unit]:
    """Members that start on a GPU which another one has to leave, or shrink on, change together, and so do the nodes of a
    replica; others each alone. Whether both had room at the same time is not known here."""
    units: list[list[Member]] = []
    for member in members:
        joined = [unit for unit in units if any(_share(member, other) for other in unit)]
        merged = [other for unit in joined for other in unit]
        units = [unit for unit in units if unit not in joined]
        units.append([*merged, member])
    order = {member: index for index, member in enumerate(members)}
    found = [tuple(sorted(unit, key=order.__getitem__)) for unit in units]
    return sorted(found, key=lambda unit: order[unit[0]])


def _share(one: Member, other: Member) -> bool:
    both = (one, other)
    if one.unit and one.unit == other.unit:
        return True
    if all(member.change == REMOVED for member in both):
        return False
    moving = all(
        member.change == NEW or member.leaves or (member.change == CHANGED and member.stops) for member in both
    )
    return moving and one.host == other.host and bool(one.gpus & other.gpus)


# ---- batches


def _stopping(units: list[Unit], serving: set[Member], rules: Rules, batches: list[Batch]) -> Plan:
    """Those that serve nobody now first: a repair takes nothing away and gives others someone to stand in for them. What only
    leaves is the last, since it can stand in for the others until then."""
    left, watched = list(units), set[str]()
    while left:
        left.sort(key=lambda unit: (bool(serving.intersection(unit)), all(member.leaves for member in unit)))
        chosen, canary = _choose(left, serving, rules, watched)
        if not chosen:
            return Plan(batches, [_reason(unit, serving, rules) for unit in left])
        watched |= {member.group for unit in chosen for member in unit}
        batches.append(_batch(chosen, serving)._replace(canary=canary))
        serving.difference_update(*chosen)
        serving |= {member for unit in chosen for member in _working(unit)}
        left = [unit for unit in left if unit not in chosen]
    return Plan(batches, [])


def _choose(left: list[Unit], serving: set[Member], rules: Rules, watched: set[str]) -> tuple[list[Unit], bool]:
    """As many as may be away at once; the first of a group alone, where it is to be watched beside the others."""
    chosen: list[Unit] = []
    for unit in left:
        fits = not chosen or sum(map(len, [*chosen, unit])) <= rules.size
        if not fits or not _allowed([*chosen, unit], serving, rules) or (chosen and _emptied([*chosen, unit], serving)):
            continue
        if not rules.canary or not _compared(unit, serving) - watched:
            chosen.append(unit)
        elif not chosen:
            return [unit], True
    return chosen, False


def _compared(unit: Unit, serving: set[Member]) -> set[str]:
    """Groups of the unit that others serve meanwhile. What leaves can't be put back beside what comes."""
    if any(member.leaves for member in unit):
        return set()
    return {member.group for member in unit if _left(member.group, unit, serving)}


def _left(group: str, away: t.Iterable[Member], serving: set[Member]) -> int:
    gone = set(away)
    return sum(1 for member in serving if member.group == group and member not in gone)


def _allowed(units: t.Sequence[Unit], serving: set[Member], rules: Rules) -> bool:
    """One that serves nobody takes nothing away, however few there are."""
    return not _too_few([member for unit in units for member in unit], serving, rules)


def _emptied(units: t.Sequence[Unit], serving: set[Member]) -> bool:
    """Whether requests would wait although what leaves could go at another time."""
    away = [member for unit in units for member in unit]
    return any(member.leaves and member in serving and not _left(member.group, away, serving) for member in away)


def _too_few(away: t.Sequence[Member], serving: set[Member], rules: Rules) -> list[str]:
    """Groups that would fall below their minimum."""
    lost = {member.group for member in away if member in serving}
    return sorted(group for group in lost if _left(group, away, serving) < rules.minimum.get(group, 0))


def _batch(units: t.Sequence[Unit], serving: set[Member]) -> Batch:
    members = tuple(member for unit in units for member in unit)
    known = [member for member in members if member.server and not member.drained]
    alone = {member for member in known if not _left(member.group, members, serving)}
    # Requests for one that is only coming wait as well, unless others answer them.
    hold = [member for member in known if member in alone and (member.stops or not member.serves)]
    drain = [member for member in known if member not in alone and (member.stops or member.kept)]
    crowded = {host for unit in units if _stops(unit) for host in _twice(unit)}
    return Batch(members, tuple(drain), tuple(hold), frozenset(crowded))


def _twice(unit: Unit) -> list[str]:
    """Hosts on which several members of a unit are."""
    return [host for host, count in Counter(member.host for member in unit).items() if count > 1]


def _reason(unit: Unit, serving: set[Member], rules: Rules) -> str:
    names = ", ".join(member.name or member.project for member in unit)
    return "; ".join(
        f"{names} was left as it is: {_left(group, unit, serving)} of {group} would be ready while it changes, "
        f"and {rules.minimum[group]} must be"
        for group in _too_few(unit, serving, rules)
    )
