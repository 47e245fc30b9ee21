# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Rolls of the services that have replicas: llm_fleet and what the hosts answered to batches that a role carries out, and what
a batch came to. Pure; the action plugin fleet calls it, and rollout.py decides the order.
"""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import former, rollout
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.instances import proof_url
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.rollout import (
    DRAIN,
    HOLD,
    NEW,
    READY,
    REMOVED,
    UNCHANGED,
    Batch,
    Member,
    Rules,
)

Value = t.Mapping[str, t.Any]
#: What compose_project's step fetch said, by host and project; hosts that are not in the run are missing.
Answers = t.Mapping[str, t.Mapping[str, t.Mapping[str, t.Any]]]
Traffic = list[dict[str, t.Any]]

VLLM, LITELLM = "vllm", "litellm"
#: As its own container reaches it.
LITELLM_URL = "http://127.0.0.1:4000/v1"
#: What became of a failed project that works again as before, by compose_project's word.
RESTORED = ("restored", "untouched")


def roll(value: Value, service: str, answers: Answers) -> dict[str, t.Any]:
    """What a role loops over."""
    members = MEMBERS[service](value, answers)
    found = rollout.plan(members, RULES[service](value, members))
    count = len(found.batches)
    batches = [
        _printed(value, service, batch, answers, (number, count)) for number, batch in enumerate(found.batches, 1)
    ]
    hosts = sorted({host for batch in batches for host in batch["hosts"]})
    return {"batches": batches, "blocked": found.blocked, "hosts": hosts}


# ---- members


def vllm_members(value: Value, answers: Answers) -> list[Member]:
    """The instances, and what hosts of the run still have beside them."""
    leaving = [one for one in value.get("leaving", ()) if _leaves(one, answers)]
    listed = [*value["instances"], *leaving]
    named = {(one["server"], one["project"]) for one in listed}
    members = [_instance(one, value, answers) for one in value["instances"]]
    members += [_instance(one, value, answers)._replace(change=REMOVED) for one in leaving]
    return members + [
        Member(host, project, change=said["change"], stops=said["stops"], name=f"{project} on {host}")
        for host, projects in answers.items()
        for project, said in projects.items()
        if (host, project) not in named and said["change"] != UNCHANGED
    ]


def _leaves(one: Value, answers: Answers) -> bool:
    """On a host that was not asked it stays, and serves, until a run that has it."""
    said = answers.get(one["server"])
    return bool(answers) and (said is None or said.get(one["project"], {}).get("change") == REMOVED)


def _instance(one: Value, value: Value, answers: Answers) -> Member:
    """Of the nodes of a replica only the head answers requests."""
    host, gate, head = one["server"], one.get("gate") or {}, not one.get("rank")
    said = answers.get(host, {}).get(one["project"])
    before = former.backends(value["instances"], value.get("leaving", ()))
    also = tuple(name for name, model in before.items() if head and model == one["model_name"])
    return Member(
        host=host,
        project=one["project"],
        group=one["model_name"] if head else "",
        name=f"{one['name']} on {host}",
        drained=bool({host, f"{host}/{one['name']}"} & set(value["drained"])),
        gpus=frozenset(one["gpus"]),
        backend=gate.get("backend", ""),
        server=gate.get("server", "") if head else "",
        kept=head and any((gate.get("backend"), gate.get("server")) in _kept(value, one) for one in value["gateways"]),
        also=also if gate.get("backend") not in before else (),
        unit=str(one.get("unit") or ""),
        **_said(said, host, value),
    )


def _kept(value: Value, gateway: str) -> set[tuple[str, str]]:
    """What its gate keeps from requests although no person drained it."""
    gate = value["hosts"][gateway].get("gate") or {}
    return {(one["backend"], one["server"]) for one in gate.get("forgotten") or ()}


def _said(said: Value | None, host: str, value: Value) -> dict[str, t.Any]:
    """Of a host that is not in the run it is only known whether it answers."""
    if said is None:
        return {"here": False, "ready": host not in value["unreachable_hosts"]}
    return {"change": said["change"], "stops": said["stops"], "ready": said["ready"]}


def litellm_members(value: Value, answers: Answers) -> list[Member]:
    """In the order of the gateways: those of one host stand in for each other."""
    members = []
    for host in value["gateways"]:
        listed = (value["hosts"][host].get(LITELLM) or {}).get("gate_servers") or {}
        said = answers.get(host, {})
        for project in [*listed, *(name for name in said if name not in listed and said[name]["change"] != UNCHANGED)]:
            gate = listed.get(project, {})
            members.append(
                Member(
                    host=host,
                    project=project,
                    group=f"LiteLLM on {host}",
                    name=f"{project} on {host}",
                    backend=gate.get("backend", ""),
                    server=str(gate.get("server", "")),
                    kept=(gate.get("backend"), gate.get("server")) in _kept(value, host),
                    **_said(said.get(project), host, value),
                )
            )
    return members


# ---- rules


def vllm_rules(value: Value, members: t.Sequence[Member]) -> Rules:
    """The minimum of each model, and how many instances may be away at once."""
    told = value["rollout"]
    counts: dict[str, int] = {}
    for member in members:
        if member.group and member.change != REMOVED:
            counts[member.group] = counts.get(member.group, 0) + 1
    least = {
        group: rollout.minimum(count, told["min_ready_by_model"].get(group, told["min_ready"]))
        for group, count in counts.items()
    }
    if told["force"]:
        least = {}
    size = rollout.batch_size(sum(counts.values()), told["batch"])
    return Rules(least, size, canary=bool(told["canary_seconds"]))


def litellm_rules(value: Value, members: t.Sequence[Member]) -> Rules:
    """One after the other; the first instance of the first gateway brings the database to its release before all others."""
    counts: dict[str, int] = {}
    for member in members:
        counts[member.group] = counts.get(member.group, 0) + (member.change != REMOVED)
    migrating = (members[0].host, members[0].project) if members else ("", "")
    least = {group: rollout.minimum(count, None) for group, count in counts.items()}
    return Rules(least, 1, first=lambda member: (member.host, member.project) == migrating)


MEMBERS = {VLLM: vllm_members, LITELLM: litellm_members}
RULES = {VLLM: vllm_rules, LITELLM: litellm_rules}


def chosen(value: Value, keys: t.Container[str]) -> dict[str, list[str]]:
    """The projects of servers and instances, by host."""
    found: dict[str, list[str]] = {}
    for one in value["instances"]:
        if one["server"] in keys or f"{one['server']}/{one['name']}" in keys:
            found.setdefault(one["server"], []).append(one["project"])
    return found


# ---- what a role reads


def _printed(value: Value, service: str, batch: Batch, answers: Answers, place: tuple[int, int]) -> dict[str, t.Any]:
    hosts: dict[str, dict[str, t.Any]] = {}
    for member in batch.members:
        part = hosts.setdefault(
            member.host, {"projects": [], "absent": [], "stop_first": member.host in batch.stop_first}
        )
        if member.change == REMOVED:
            folder = answers[member.host][member.project]["project_dir"]
            part["absent"].append({"name": member.project, "project_dir": folder, "state": "absent"})
        else:
            part["projects"].append(member.project)
    states = [(DRAIN, batch.drain), (HOLD, batch.hold)]
    return {
        "number": place[0],
        "of": place[1],
        "service": service,
        "says": _says(batch, place),
        "canary": batch.canary,
        "probes": _probes(value, batch, answers) if batch.canary else {},
        "hosts": hosts,
        "traffic": [entry for state, members in states for entry in traffic(value, service, state, members)],
        "awaited": _awaited(value, service, batch),
        "members": [member._asdict() | {"gpus": sorted(member.gpus)} for member in batch.members],
    }


def _probes(value: Value, batch: Batch, answers: Answers) -> dict[str, list[dict[str, t.Any]]]:
    """By host, who is asked the same questions meanwhile: the replicas that are watched, and for each another one of its model."""
    away = {(member.host, member.project) for member in batch.members}
    found: dict[str, list[dict[str, t.Any]]] = {}
    for watched in (member for member in batch.members if member.server):
        own = [one for one in value["instances"] if one["model_name"] == watched.group and not one.get("rank")]
        beside = [one for one in own if (one["server"], one["project"]) not in away and _answers(one, value, answers)]
        pairs = [(one, True) for one in own if (one["server"], one["project"]) == (watched.host, watched.project)]
        # On another host, if there is one: two on one host stand in each other's way.
        beside.sort(key=lambda one: one["server"] == watched.host)
        for one, changed in [*pairs, *((one, False) for one in beside[:1])]:
            asked = {"container": one["project"], "url": proof_url(one), "model": one["model_name"]}
            found.setdefault(one["server"], []).append({**asked, "of": watched.name, "watched": changed})
    return found


def _answers(one: Value, value: Value, answers: Answers) -> bool:
    said = answers.get(one["server"], {}).get(one["project"])
    drained = {one["server"], f"{one['server']}/{one['name']}"} & set(value["drained"])
    return bool(said and said["ready"] and said["change"] != NEW and not drained)


def _awaited(value: Value, service: str, batch: Batch) -> bool:
    """Whether the gates have to know it as up before the next batch, in which the one that it stands in for leaves."""
    going = {one["model_name"] for one in value.get("leaving", ())} if service == VLLM else set()
    return any(member.change == NEW and member.group in going for member in batch.members)


def _says(batch: Batch, place: tuple[int, int]) -> list[str]:
    words = {
        "canary, watched beside the others": batch.members if batch.canary else (),
        "its requests go to others meanwhile": batch.drain,
        "its requests wait meanwhile": batch.hold,
        "removed": [member for member in batch.members if member.change == REMOVED],
    }
    found = []
    for member in batch.members:
        notes = [note for note, members in words.items() if member in members]
        found.append(f"{member.name}: {member.change}" + (f" ({', '.join(notes)})" if notes else ""))
    return [f"batch {place[0]} of {place[1]}", *found]


def traffic(value: Value, service: str, state: str, members: t.Iterable[Member]) -> Traffic:
    """One entry for each gateway that sends requests to the members: every one to an instance, its own to LiteLLM."""
    found = []
    for gateway in value["gateways"]:
        gate = value["hosts"][gateway].get("gate")
        reached = [member for member in members if member.server and (service == VLLM or member.host == gateway)]
        if gate and reached and gateway not in value["unreachable_hosts"]:
            servers = [
                {"backend": backend, "server": member.server}
                for member in reached
                for backend in (member.backend, *member.also)
            ]
            found.append({"gateway": gateway, "socket": gate["socket"], "state": state, "servers": servers})
    return found


# ---- what a batch came to


def outcome(value: Value, batch: Value, results: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Who gets requests again, what is asked to prove it, and what failed. One that is neither changed nor as it was gets none
    while others answer; where nobody else does, requests need not wait for it any longer."""
    members = [
        Member(**{**one, "gpus": frozenset(one["gpus"]), "also": tuple(one["also"])}) for one in batch["members"]
    ]
    told = {member: _result(member, results) for member in members}
    works = [member for member, said in told.items() if not said.get("failed") or said.get("rollback") in RESTORED]
    # One that was to leave and could not still answers.
    stays = [member for member in works if member.change != REMOVED or told[member].get("failed")]
    open_to = [member for member in stays if not member.drained]
    held = [member for member in members if member not in works and _target(member) in _held(batch)]
    service = batch["service"]
    return {
        "traffic": traffic(value, service, READY, open_to),
        "released": traffic(value, service, READY, held),
        "ways": WAYS[service](value, [member for member in open_to if member.change != NEW]),
        "faults": [f"{member.name}: {_why(said)}" for member, said in told.items() if said.get("failed")],
    }


def _target(member: Member) -> tuple[str, str]:
    return member.backend, member.server


def _held(batch: Value) -> set[tuple[str, str]]:
    entries = [entry for entry in batch["traffic"] if entry["state"] == HOLD]
    return {(one["backend"], one["server"]) for entry in entries for one in entry["servers"]}


def vllm_ways(value: Value, members: t.Sequence[Member]) -> Traffic:
    """The members' models, through the first LiteLLM of each gateway that answers."""
    models = sorted({member.group for member in members if member.server})
    gateways = [name for name in value["gateways"] if name not in value["unreachable_hosts"]]
    views = {name: (value["hosts"][name].get(LITELLM) or {}).get("projects") or [] for name in gateways}
    return [_way(name, projects[0]["name"], models) for name, projects in views.items() if projects and models]


def litellm_ways(value: Value, members: t.Sequence[Member]) -> Traffic:
    """Each of them for one model that runs."""
    away = {*value["unreachable_hosts"], *value["drained"]}
    models = [one["model_name"] for one in value["instances"] if one["server"] not in away][:1]
    return [_way(member.host, member.project, models) for member in members if models]


def _way(gateway: str, container: str, models: list[str]) -> dict[str, t.Any]:
    return {"gateway": gateway, "container": container, "url": LITELLM_URL, "models": models}


WAYS = {VLLM: vllm_ways, LITELLM: litellm_ways}


def _result(member: Member, results: t.Mapping[str, t.Any]) -> t.Mapping[str, t.Any]:
    """Of one project; a host that did not answer, or whose module could not begin, failed as a whole."""
    result = results.get(member.host) or {"failed": True, "msg": "its host dropped out of the run"}
    of_project = (result.get("projects") or {}).get(member.project)
    if of_project is not None and not result.get("unreachable"):
        return of_project
    return {"failed": True, "msg": str(result.get("msg") or "nothing is known of it")}


def _why(said: t.Mapping[str, t.Any]) -> str:
    return re.sub(r"\s+$", "", str(said.get("msg") or "failed"))
