# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Servers and instances that a person takes requests from, for good or while a server reboots, and gives them back to. Pure; the
action plugin fleet calls it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import rolls
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.rollout import DRAIN, HOLD, READY, Member
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import FleetError

Value = t.Mapping[str, t.Any]

#: Until somebody ends it by READY; and for the time of a run, in which requests for a model that is nowhere else wait, until BACK.
DRAINED, AWAY, BACK = "drained", "away", "back"
STATES = (DRAINED, READY, AWAY, BACK)


def traffic(value: Value, names: t.Sequence[str], state: str) -> dict[str, t.Any]:
    """What the gates are told, what is refused, and the reading in which a drain is kept. FleetError with names that are none."""
    keys = [key for name in names for key in keys_of(value, name)]
    members = rolls.vllm_members(value, {})
    chosen = [member for member in members if {member.host, _key(member)} & set(keys)]
    kept = _kept(value, keys, state)
    if state in (READY, BACK):
        told = [(READY, [member for member in chosen if not {member.host, _key(member)} & set(kept)])]
    else:
        told = _taken(members, chosen, state)
    return {
        "says": [f"{member.name}: {word}" for word, some in told for member in some] or ["no instance is there"],
        "traffic": [entry for word, some in told for entry in rolls.traffic(value, rolls.VLLM, word, some)],
        **_shortage(value, members, chosen, state),
        "reading": _reading(value["reading"], kept),
    }


def keys_of(value: Value, name: str) -> list[str]:
    """Of a server its name; of an instance SERVER/NAME, or NAME for all of that name."""
    known = [f"{one['server']}/{one['name']}" for one in value["instances"]]
    if name in value["gpu_servers"]:
        return [name]
    found = [key for key in known if name in (key, key.partition("/")[2])]
    if not found:
        there = ", ".join([*value["gpu_servers"], *known])
        raise FleetError(f"{name} is neither a server nor an instance; write one of: {there}")
    return found


def _key(member: Member) -> str:
    return f"{member.host}/{member.name.partition(' ')[0]}"


def _taken(members: t.Sequence[Member], chosen: t.Sequence[Member], state: str) -> list[tuple[str, list[Member]]]:
    """Requests for a model that is nowhere else wait where that is for a while, and are refused where it is for good."""
    others = {member.group for member in members if member not in chosen and member.serves}
    hold = [member for member in chosen if state == AWAY and member.group not in others and not member.drained]
    drain = [member for member in chosen if member not in hold and not (state == AWAY and member.drained)]
    return [(DRAIN, drain), (HOLD, hold)]


def _shortage(value: Value, members: t.Sequence[Member], chosen: t.Sequence[Member], state: str) -> dict[str, t.Any]:
    """It is refused, or with force=yes a matter of consent."""
    lines = [] if state in (READY, BACK) else _short(value, members, chosen, state)
    forced = bool(value["rollout"]["force"])
    return {
        "short": lines if forced else [],
        "refused": [] if forced else [f"{line}; -e force=yes does it all the same" for line in lines],
    }


def _short(value: Value, members: t.Sequence[Member], chosen: t.Sequence[Member], state: str) -> list[str]:
    """Models of which too few replicas would be left; none at all is too few for good, whatever is declared."""
    least = rolls.vllm_rules({**value, "rollout": {**value["rollout"], "force": False}}, members).minimum
    lines = []
    for group in dict.fromkeys(member.group for member in chosen if member.group and member.serves):
        left = sum(1 for member in members if member.group == group and member.serves and member not in chosen)
        wanted = max(least.get(group, 0), 1 if state == DRAINED else 0)
        if left < wanted:
            lines.append(f"{left} replicas of {group} would be left, and {wanted} must be")
    return lines


def _kept(value: Value, keys: t.Sequence[str], state: str) -> list[str]:
    """A server that gets requests back takes what was drained of it along."""
    kept: list[str] = list(value["drained"])
    if state == DRAINED:
        return sorted({*kept, *keys})
    if state in (AWAY, BACK):
        return kept
    return [one for one in kept if one not in keys and one.partition("/")[0] not in keys]


def _reading(before: Value, kept: list[str]) -> dict[str, t.Any]:
    rest = {key: part for key, part in before.items() if key != "drained"}
    changed = list(before.get("drained", [])) != kept
    return {**rest, **({"drained": kept} if kept else {}), "number": before["number"] + int(changed)}
