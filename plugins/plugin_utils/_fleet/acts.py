# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Services that a person stops, starts or restarts: which projects are meant, in which order, and where their requests are meanwhile.
Pure; the action plugin fleet calls it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import rolls
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.rollout import DRAIN, HOLD, READY, Member
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import FleetError

Value = t.Mapping[str, t.Any]
Steps = list[dict[str, t.Any]]

STARTED, STOPPED, RESTARTED = "started", "stopped", "restarted"
ACTS = (STARTED, STOPPED, RESTARTED)
#: In the order in which they start; each stands on those before it.
SERVICES = ("postgres", "redis", "gate", "vllm", "litellm", "edge")
#: What everybody meets while a service that nothing stands in for is away.
AWAY = {
    "postgres": "keys that no LiteLLM remembers are refused, and spend is counted later",
    "redis": "limits are counted by each LiteLLM alone",
    "gate": "requests that run through it are cut off, and new ones are refused",
    "edge": "requests that run through it are cut off, and new ones are refused",
}


def steps(value: Value, act: str, services: t.Sequence[str], names: t.Sequence[str]) -> dict[str, t.Any]:
    """One after the other. FleetError where the words name nothing that there is."""
    found = _chosen(value, services, names)
    members = rolls.vllm_members(value, {}) + rolls.litellm_members(value, {})
    listed = [_step(value, act, parts, members, found) for parts in _ordered(found, act)]
    return {
        "steps": listed,
        "will": [line for step in listed for line in step["says"]],
        "destroys": list(dict.fromkeys(line for step in listed for line in step.pop("lost"))),
    }


# ---- what is meant


class Part(t.NamedTuple):
    """One project of one host."""

    service: str
    host: str
    project: str
    name: str = ""  # of a vLLM instance
    unit: str = ""


def parts(value: Value) -> list[Part]:
    """All that there is, in the order in which it starts."""
    found = []
    for service in SERVICES:
        for host, view in value["hosts"].items():
            named = {one["project"]: one for one in value["instances"] if one["server"] == host}
            for project in (view.get(service) or {}).get("projects", ()):
                if project["state"] == "present":
                    one = named.get(project["name"], {})
                    part = Part(service, host, project["name"], one.get("name", ""), str(one.get("unit") or ""))
                    found.append(part)
    return found


def _chosen(value: Value, services: t.Sequence[str], names: t.Sequence[str]) -> list[Part]:
    there = parts(value)
    found = [part for part in there if not services or part.service in services]
    unknown = [name for name in names if not any(name in _words(part) for part in there)]
    if unknown or not found or not (services or names):
        raise FleetError(_nothing(there, unknown))
    found = [part for part in found if not names or set(names) & _words(part)]
    if not found:
        raise FleetError(f"{' and '.join([*services, *names])} have nothing in common\n{_remedy(there)}")
    units = {part.unit for part in found if part.unit}
    return [part for part in there if part in found or part.unit in units]


def _words(part: Part) -> set[str]:
    """A host; of an instance its name, its project's, or both after its host."""
    known = {part.project, part.name, part.project.removeprefix("llmfleet-")} - {""}
    return {part.host, *known, *(f"{part.host}/{one}" for one in known)}


def _nothing(there: t.Sequence[Part], unknown: t.Sequence[str]) -> str:
    what = f"{', '.join(unknown)} is not there" if unknown else "nothing is named that there is"
    return f"{what}\n{_remedy(there)}"


def _remedy(there: t.Sequence[Part]) -> str:
    services = ", ".join(dict.fromkeys(part.service for part in there))
    hosts = ", ".join(dict.fromkeys(part.host for part in there))
    instances = ", ".join(dict.fromkeys(part.name or part.project.removeprefix("llmfleet-") for part in there))
    return f"Write -e service= one of {services}; -e server= one of {hosts}; or -e instance= one of {instances}"


# ---- the order


def _ordered(found: t.Sequence[Part], act: str) -> list[list[Part]]:
    """The nodes of a replica together; what stands on another is stopped before it."""
    groups: dict[tuple[str, ...], list[Part]] = {}
    for part in found:
        groups.setdefault(("unit", part.unit) if part.unit else part[:3], []).append(part)
    listed = list(groups.values())
    return listed[::-1] if act == STOPPED else listed


def _step(
    value: Value, act: str, chosen: t.Sequence[Part], members: t.Sequence[Member], all_chosen: t.Sequence[Part]
) -> dict[str, t.Any]:
    own = [one for one in members if any(_same(one, part) for part in chosen)]
    # What the same operation has stopped by then stands in for nobody.
    others = [
        one
        for one in members
        if one not in own and not (act == STOPPED and any(_same(one, part) for part in all_chosen))
    ]
    service, waits = chosen[0].service, _waits(act, own, others)
    hosts: dict[str, list[str]] = {}
    for part in chosen:
        hosts.setdefault(part.host, []).append(part.project)
    state = HOLD if waits else DRAIN
    return {
        "hosts": hosts,
        "service": service,
        "state": act,
        "says": [f"{_title(part)}: {act}{_note(act, part, own, waits)}" for part in chosen],
        "away": _traffic(value, service, state, own) if act != STARTED else [],
        "back": _traffic(value, service, READY, [one for one in own if not one.drained]) if act != STOPPED else [],
        "lost": _lost(act, chosen, own, others),
    }


def _same(member: Member, part: Part) -> bool:
    return (member.host, member.project) == (part.host, part.project)


def _waits(act: str, own: t.Sequence[Member], others: t.Sequence[Member]) -> bool:
    """Requests for what is nowhere else wait while it restarts. Nobody waits for what is stopped until somebody starts it."""
    return act == RESTARTED and any(one.group and not _stands_in(one, others) for one in own)


def _stands_in(member: Member, others: t.Sequence[Member]) -> bool:
    return any(one.group == member.group and one.serves for one in others)


def _note(act: str, part: Part, own: t.Sequence[Member], waits: bool) -> str:
    if act == STARTED or not any(one.server for one in own):
        return ""
    return " (its requests wait meanwhile)" if waits else " (its requests go to others first)"


def _title(part: Part) -> str:
    return f"{part.name or part.project.removeprefix('llmfleet-')} on {part.host}"


def _lost(act: str, chosen: t.Sequence[Part], own: t.Sequence[Member], others: t.Sequence[Member]) -> list[str]:
    if act == STARTED:
        return []
    service, until = chosen[0].service, "until it is started" if act == STOPPED else "until it is back, some seconds"
    if service in AWAY:
        return [f"{_title(part)} is away {until}: {AWAY[service]}" for part in chosen]
    if act == RESTARTED:
        return []
    alone = [one.group for one in own if one.group and not _stands_in(one, others)]
    return [f"Requests for {group} are refused {until}" for group in dict.fromkeys(alone)]


def _traffic(value: Value, service: str, state: str, members: t.Sequence[Member]) -> rolls.Traffic:
    return rolls.traffic(value, service, state, members) if service in (rolls.VLLM, rolls.LITELLM) else []
