# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What adopt_move and adopt_undo do with a deployment: from where to where its database goes, what stops, which images are needed. Pure;
the action compose_deployment uses it."""

from __future__ import annotations

import typing as t

Value = t.Mapping[str, t.Any]
DATABASE = "llmfleet-postgres"


def planned(told: Value, host: Value, dump: str, folder: str) -> dict[str, t.Any]:
    """*host* is the server's part of llm_fleet."""
    root = str((host.get("preflight") or {}).get("root") or "")
    kept = f"{root}/adopted"
    transfer = _transfer(told["database"], host, dump, kept)
    stopped = (
        ", ".join(one["name"] for one in told["containers"]) or f"the containers of {folder}, of which there are none"
    )
    where = f"of {told['database']['container']}" if "source" in transfer else f"in {dump}"
    moved = f"Move the database {where} to {DATABASE}" + (
        f"; the dump stays as {transfer['path']}" if "path" in transfer else ""
    )
    return {
        "memory": f"{kept}/containers.json",
        "transfer": transfer,
        "images": sorted(_images(host)),
        "will": [
            *([f"Try it first beside what runs: dump the database and restore it in {DATABASE}"] if transfer else []),
            f"Stop {stopped}; they stay, and so does every file in {folder}",
            *([moved] if transfer else ["Use the database where it is"]),
            "Bring up the fleet (site.yml)",
        ],
        "interrupts": [
            "The API answers nothing from the stop of the old LiteLLM until the fleet is up, which loads every model"
        ],
    }


def _transfer(database: Value, host: Value, dump: str, kept: str) -> dict[str, t.Any]:
    """Nothing for a database that stays where it is."""
    instance = _instance(host)
    if not instance or not (dump or database["service"]):
        return {}
    names = {name: _bare(instance[part]["identifier"]) for name, part in (("owner", "user"), ("database", "database"))}
    target = {"container": DATABASE, **names}
    if dump:
        return {"dump": dump, "target": target}
    source = {"container": database["container"], "user": database["user"], "database": database["name"]}
    return {"source": source, "target": target, "path": f"{kept}/{names['database']}.dump"}


def _instance(host: Value) -> dict[str, t.Any]:
    projects = (host.get("postgres") or {}).get("projects") or [{}]
    return (projects[0].get("vars") or {}).get("postgres_instance") or {}


def _bare(identifier: str) -> str:
    return identifier[1:-1].replace('""', '"')


def _images(value: t.Any) -> set[str]:
    """Of every service in the host's compose files."""
    if isinstance(value, dict):
        services = value.get("services")
        own = (
            {str(one["image"]) for one in services.values() if isinstance(one, dict) and one.get("image")}
            if isinstance(services, dict)
            else set()
        )
        return own.union(*map(_images, value.values()))
    return set[str]().union(*map(_images, value)) if isinstance(value, list) else set()
