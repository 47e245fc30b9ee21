# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrades: what runs another image than the declared one, and a record of it, so that no later run goes back by accident. Pure.

The record is a part of the reading. By service it has the images of before, the one that was gone to, and the backup made in between.
"""

from __future__ import annotations

import typing as t

Value = t.Mapping[str, t.Any]
#: Of each host what the module container_info said.
Found = t.Mapping[str, t.Sequence[t.Mapping[str, t.Any]]]
Record = dict[str, dict[str, t.Any]]

PART = "upgraded"
#: In the order of an upgrade, with the variables that say the release.
SERVICES = {
    "postgres": ("postgres_version", "postgres_image"),
    "vllm": ("vllm_version", "vllm_image"),
    "litellm": ("litellm_version", "litellm_image"),
}
PREFIXES = {"postgres": "llmfleet-postgres", "vllm": "llmfleet-vllm-", "litellm": "llmfleet-litellm-"}
#: The variable that brings PostgreSQL back as well.
POSTGRES_TOO = "with_postgres"
OLDER = "once a newer minor release has served a database, an older one may be unable to restore what it dumps of it"
LOST = (
    "The way back from a LiteLLM that has migrated the database is the backup that is made now: keys, teams and spend of after"
    " it are not in that (the database that it replaces is kept)"
)
AS_BEFORE = "All of it runs as before, and nothing has to be undone. Mend the cause, or take another release, and run upgrade again"


# ---- what is to be done


def plan(value: Value, found: Found, given: Value) -> dict[str, t.Any]:
    """Services whose containers have another image than the declared one, and what follows; *given* are variables of the command."""
    changed = {name: of for name in SERVICES if (of := _differing(name, value, found))}
    before = {name: sorted({one["image"] for one in of}) for name, of in changed.items()}
    after = {name: declared(value, name) for name in changed}
    return {
        "changed_services": list(changed),
        "before": before,
        "after": after,
        "images": {name: {"before": before[name], "after": after[name]} for name in changed},
        "projects": _by_host(changed.get("vllm", [])),
        "pins": {name: given[name] for name in _variables() if name in given},
        "will": _will(value, before, after),
        "destroys": [LOST] if "litellm" in changed else [],
        "refused": [*_refused(value, before, found), *_nowhere(changed, value)],
    }


def declared(value: Value, service: str) -> str:
    return str(next(row["image"] for row in value["services"] if row["name"] == service))


def _differing(service: str, value: Value, found: Found) -> list[dict[str, str]]:
    """Containers of the service, with the host and the image."""
    wanted = _wanted(service, value)
    return [
        {"host": host, "project": one["project"], "image": str(one["image"])}
        for host, containers in found.items()
        for one in containers
        if one.get("service") == service
        and str(one.get("project") or "").startswith(PREFIXES[service])
        and str(one["image"]) != wanted.get((host, one["project"]), declared(value, service))
    ]


def _wanted(service: str, value: Value) -> dict[tuple[str, str], str]:
    """An instance of vLLM may have an image of its own."""
    if service != "vllm":
        return {}
    return {(one["server"], one["project"]): str(one["image"]) for one in value["instances"]}


def _by_host(containers: t.Sequence[t.Mapping[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for one in containers:
        found.setdefault(one["host"], []).append(one["project"])
    return found


def _next(given: Value) -> str:
    pins = [f"{name}: {given[name]}" for name in _variables() if name in given]
    if not pins:
        return "The releases are in the inventory"
    return f"Write {' and '.join(pins)} into the inventory: site.yml refuses to run without it"


def _back(before: t.Mapping[str, list[str]]) -> str:
    back = {name: images[0] for name, images in before.items() if len(images) == 1}
    # Beside others it stays.
    rest = {name: image for name, image in back.items() if name != "postgres"} or back
    images = "".join(f" -e {name}_image={image}" for name, image in rest.items())
    alone = f" -e {POSTGRES_TOO}=yes" if "postgres" in rest else ""
    return f"ansible-playbook llmfleet.gateway.upgrade_undo -i INVENTORY{images}{alone}"


def _variables() -> list[str]:
    return [name for names in SERVICES.values() for name in names]


def _will(value: Value, before: t.Mapping[str, list[str]], after: t.Mapping[str, str]) -> list[str]:
    lines = [f"{name}: from {', '.join(before[name])} to {after[name]}" for name in before]
    if not lines:
        return ["Nothing: all that runs has the declared image"]
    if "vllm" in before:
        lines.append("Ask the new image of vLLM whether it takes every declared option and model")
    if {"postgres", "litellm"} & set(before):
        lines.append("Copy the database beside the running one, and see the new releases work with the copy")
        lines.append("Back up the database")
    return [*lines, "Change one instance after the other, as site.yml does, and ask all of LiteLLM afterwards"]


def _refused(value: Value, before: t.Mapping[str, list[str]], found: Found) -> list[str]:
    several = [name for name in ("litellm", "postgres") if len(before.get(name, ())) > 1]
    lines = [f"{name} runs by several images ({', '.join(before[name])}): run site.yml first" for name in several]
    deployed = "postgres" in (value["hosts"][value["gateways"][0]] if value["gateways"] else {})
    if "litellm" in before and not deployed:
        lines.append(
            "the database is not deployed by this fleet (postgres_mode is external), so that it can't be copied here: try the new release"
            " with a copy by the means of whoever runs it, back it up, and run site.yml"
        )
    return lines


def _nowhere(changed: t.Collection[str], value: Value) -> list[str]:
    if not changed or not value["unreachable_hosts"]:
        return []
    return [
        f"{', '.join(value['unreachable_hosts'])} does not answer, and would stay behind: bring it back, or take it out"
    ]


# ---- the record


def kept(reading: Value) -> Record:
    """What was upgraded; what is damaged is left out."""
    found = reading.get(PART)
    rows = found.items() if isinstance(found, dict) else ()
    return {
        str(name): dict(row)
        for name, row in rows
        if name in SERVICES and isinstance(row, dict) and isinstance(row.get("before"), list) and row.get("after")
    }


def noted(reading: Value, images: t.Mapping[str, str]) -> Record:
    """Until another image is declared than those that it is about."""
    return {
        name: row
        for name, row in kept(reading).items()
        if images.get(name) in (*map(str, row["before"]), str(row["after"]))
    }


def entries(found: Value, more: Value) -> Record:
    """Of a plan that is about to be carried out. What ran several images has no one way back."""
    return {
        name: {
            "before": found["before"][name],
            "after": found["after"][name],
            "pins": {one: found["pins"][one] for one in SERVICES[name] if one in found["pins"]},
            **(more if name == "litellm" else {}),
        }
        for name in found["changed_services"]
        if len(found["before"][name]) == 1
    }


def recorded(reading: Value, more: t.Mapping[str, t.Any], without: t.Container[str] = ()) -> dict[str, t.Any]:
    """The reading with these upgrades, and without others. Images of before are all that were gone away from."""
    record = {name: row for name, row in kept(reading).items() if name not in without}
    for name, row in more.items():
        former = [one for one in record.get(name, {}).get("before", []) if one not in (*row["before"], row["after"])]
        record[name] = {**row, "before": [*former, *row["before"]]}
    rest = {key: part for key, part in reading.items() if key != PART}
    return {**rest, **({PART: record} if record else {}), "number": reading["number"] + 1}


def outcome(value: Value, planned: Value, left: Value, more: Value, migrated: bool) -> dict[str, t.Any]:
    """What came of a plan, by a second one of afterwards. What runs as before is not remembered, and asks for no way back."""
    same = _as_before(planned, left, migrated)
    done = [name for name in planned["changed_services"] if name not in same]
    rows = {name: row for name, row in entries(planned, more).items() if name in done}
    back = _back({name: planned["before"][name] for name in done}) if done else ""
    pins = {one: text for one, text in planned["pins"].items() if any(one in SERVICES[name] for name in done)}
    return {
        "changed_services": left["changed_services"],
        "as_before": same,
        # Newer than the one that was written before the change.
        "reading": {**recorded(value["reading"], rows), "number": value["reading"]["number"] + 2},
        "next": _next(pins) if done else "",
        "back": back,
        "remedy": f"Mend the cause and run upgrade again, or go back: {back}" if done else AS_BEFORE,
    }


def _as_before(planned: Value, left: Value, migrated: bool) -> list[str]:
    """Services of which every container has its image of before. Whether LiteLLM has migrated does not show in that."""
    same = [name for name, images in planned["before"].items() if left["before"].get(name) == images]
    return [
        name
        for name in same
        if not (name == "litellm" and migrated) and (name != "vllm" or left["projects"] == planned["projects"])
    ]


def faults(value: Value) -> list[str]:
    """Where a run would go back to an image that an upgrade has left."""
    return [
        f"{name} was upgraded to {row['after']}, and the declaration has {declared(value, name)} still. Write"
        f" {_pin(row)} into the inventory; the way back is llmfleet.gateway.upgrade_undo{_asked(name)}"
        for name, row in kept(value["reading"]).items()
        if _goes_back(value, name, row)
    ]


def _pin(row: Value) -> str:
    pins = row.get("pins")
    lines = [f"{name}: {text}" for name, text in pins.items()] if isinstance(pins, dict) else []
    return " and ".join(lines) or f"the image {row['after']}"


# ---- the way back


def _asked(service: str) -> str:
    return f" -e {POSTGRES_TOO}=yes" if service == "postgres" else ""


def undo(value: Value, with_postgres: bool = False) -> dict[str, t.Any]:
    """What upgrade_undo does by the record and the declaration, which has to be that of before but for a PostgreSQL that stays."""
    known = kept(value["reading"])
    record = {name: row for name, row in known.items() if name != "postgres" or with_postgres}
    stays = {name: row for name, row in known.items() if name not in record}
    backup = str(record.get("litellm", {}).get("backup") or "")
    lost = ["Keys, teams and spend of after the upgrade are not in the database any more, only in the one that is kept"]
    # Beside LiteLLM it goes back first, so that the older release loads the backup itself.
    stays_as_it_is = "postgres" in record and "litellm" not in record
    older = [f"Backups that are made from then on may be of no use: {OLDER}"] if stays_as_it_is else []
    return {
        "images": {name: {"before": row["after"], "after": row["before"][-1]} for name, row in record.items()},
        "record": record,
        "refused": _undo_refused(value, record, stays),
        "will": _undo_will(record, stays, backup),
        "destroys": (lost if "litellm" in record else []) + older,
        "backup": backup,
        "next": [
            f"Write {_pin(row)} into the inventory" for name, row in stays.items() if _goes_back(value, name, row)
        ],
    }


def _goes_back(value: Value, service: str, row: Value) -> bool:
    """Whether a run by this declaration would go back to an image of before."""
    return declared(value, service) in map(str, row["before"])


def _undo_refused(value: Value, record: Record, stays: Record) -> list[str]:
    if stays and not record:
        return [f"postgres alone was upgraded, and stays: {OLDER}. Write -e {POSTGRES_TOO}=yes to go back nonetheless"]
    refused = [] if record else ["no upgrade is known that could be undone"]
    if "litellm" in record and not record["litellm"].get("backup"):
        refused.append(
            "the record of LiteLLM's upgrade has no backup: choose one, and bring it back by llmfleet.gateway.restore"
        )
    for name, row in record.items():
        if declared(value, name) != str(row["before"][-1]):
            refused.append(
                f"{name} was {row['before'][-1]} before its upgrade, and the declaration has {declared(value, name)}: set {name}_image or"
                f" {name}_version to what it was, in the inventory or with -e"
            )
    return refused


def _undo_will(record: Record, stays: Record, backup: str) -> list[str]:
    lines = [f"{name}: from {row['after']} back to {row['before'][-1]}" for name, row in record.items()]
    lines += [
        f"{name}: stays at {row['after']}, since {OLDER} (-e {POSTGRES_TOO}=yes: back too)"
        for name, row in stays.items()
    ]
    if "litellm" in record:
        lines.append(f"Back up the database as it is, and bring back {backup}, which was made before the upgrade")
        lines.append("Let requests wait in the gates meanwhile, and keep the database of now under another name")
    return lines
