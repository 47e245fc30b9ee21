# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What hosts and the database are asked, by the fleet's value: the options of host_status and of database_info."""

from __future__ import annotations

import re

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.readings import Readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping, items, mapping, text

#: Of the gate, which shows it to other hosts.
GATE_CERTIFICATE = "gate/secrets/mounted/host.pem"
LOOPBACK = "127.0.0.1"
EVERYWHERE = ("", "0.0.0.0", "::")
DOCKER_ROOT = "/var/lib/docker"


def asked(value: Mapping, looked: Mapping) -> Mapping:
    """Options by host, and of the database; looked is what host_info said, for the folder of the engine."""
    root, hosts = text(value.get("root"), 500), mapping(value.get("hosts"))
    return {
        "hosts": {name: _host(value, root, name, mapping(looked.get(name))) for name in hosts},
        "database": database(value),
    }


def _host(value: Mapping, root: str, name: str, looked: Mapping) -> Mapping:
    said = mapping(mapping(value.get("hosts")).get(name))
    own = [one for one in items(value.get("instances")) if one.get("server") == name and not one.get("rank")]
    return {
        "root": root,
        "gpus": bool(said.get("gpu_count")),
        "disks": _disks(value, root, said, looked, name),
        "urls": {
            str(one["container"]): re.sub(r"/metrics$", "", str(one["metrics"])) for one in own if one["host_network"]
        },
        "certificates": _certificates(value, root, said),
        "backup": next(iter(_folders(value, name, "backup")), None),
    }


def _disks(value: Mapping, root: str, said: Mapping, looked: Mapping, name: str) -> list[str]:
    engine = text(mapping(looked.get("docker")).get("root"), 500) or DOCKER_ROOT
    models = mapping(said.get("look")).get("models_dir")
    data = _folders(value, name)
    return list(dict.fromkeys([root, engine, *([str(models)] if models else []), *data]))


def _folders(value: Mapping, name: str, service: str = "") -> list[str]:
    """Of the data of services on a host, or of one of them."""
    rows = [one for one in items(value.get("services")) if one.get("data") and name in one["hosts"]]
    return [str(one["data"]) for one in rows if service in ("", one["name"])]


def _certificates(value: Mapping, root: str, said: Mapping) -> list[Mapping]:
    found: list[Mapping] = []
    url = re.fullmatch(r"https://\[?([^\]/]+?)\]?(?::\d+)?", text(mapping(said.get("edge")).get("url"), 300))
    if url:
        found.append({"name": "edge", "server_name": url.group(1), **_edge(said, url.group(1))})
    if len(mapping(value.get("hosts"))) > 1 and mapping(said.get("gate")):
        found.append({"name": "gate", "path": f"{root}/{GATE_CERTIFICATE}"})
    return found


def _edge(said: Mapping, name: str) -> Mapping:
    """Where the edge listens for TLS, seen from its own host: the last port that its container publishes."""
    for project in items(mapping(said.get("edge")).get("projects")):
        compose = mapping(mapping(mapping(project.get("vars")).get("edge_instance")).get("compose"))
        for service in mapping(compose.get("services")).values():
            ports = [str(one) for one in mapping(service).get("ports") or []]
            match = re.fullmatch(r"(?:(.*):)?(\d+):\d+", ports[-1]) if ports else None
            if match:
                address = (match.group(1) or "").strip("[]")
                return {"address": LOOPBACK if address in EVERYWHERE else address, "port": int(match.group(2))}
    return {"address": LOOPBACK, "port": 443}


def database(value: Mapping) -> Mapping:
    """Where the fleet's own is; nothing where it has none."""
    hosts: list[str] = next((one["hosts"] for one in items(value.get("services")) if one.get("name") == "postgres"), [])
    name = next(iter(hosts), "")
    database_name = ""
    for project in items(mapping(mapping(mapping(value.get("hosts")).get(name)).get("postgres")).get("projects")):
        instance = mapping(mapping(project.get("vars")).get("postgres_instance"))
        quoted = text(mapping(instance.get("database")).get("identifier"))
        database_name = quoted[1:-1].replace('""', '"')
    return {"host": name, "options": {"database": database_name} if database_name else {}}


def why_unread(result: Mapping) -> str:
    """Of a task that did not say what it should have."""
    lines = str(result.get("msg") or "").strip().splitlines()
    return text(lines[0] if lines else "it was not asked").removeprefix("Task failed: ")


def readings_of(raw: Mapping) -> Readings:
    """From what the tasks registered; see the action status."""
    results = {name: mapping(one) for name, one in mapping(raw["hosts"]).items()}
    read = {name: one for name, one in results.items() if "containers" in one and not one.get("unreachable")}
    reasons = {name: why_unread(one) for name, one in results.items() if name not in read}
    found = raw["database"]
    if found is not None and "server" not in found:
        found = {"host": found.get("host"), "error": why_unread(found)}
    return Readings(raw["value"], raw["now"], read, reasons, raw["plan_error"], found, raw["keys"], raw["drift"])
