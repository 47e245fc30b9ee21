# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet from a few lines: models, variables and readings by host, groups."""

from __future__ import annotations

import typing as t

from ansible.parsing.dataloader import DataLoader
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import lookups, readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.compute import NOTHING, Known, compute
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import check, read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import KNOWN, Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve

LOADER = DataLoader()
DEFAULTS = role_defaults(LOADER)
SPECS = read_specs(COLLECTION)
Variables = dict[str, t.Any]


class Inventory:
    """Ansible's hostvars as far as they are read."""

    def __init__(self, hosts: t.Mapping[str, Variables]) -> None:
        self.hosts = hosts

    def raw_get(self, host_name: str) -> Variables:
        return {"inventory_hostname": host_name, **self.hosts.get(host_name, {})}


def facts(found: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What host_info returned, from its own words (llm_host), or those of the older modules."""
    if "llm_host" in found:
        return dict(found["llm_host"])
    older = found.get("ansible_facts", {"default_ipv4": {"address": "10.0.0.9"}})
    addresses = {
        f"default_{name}": (older.get(f"default_{name}") or {}).get("address", "") for name in ("ipv4", "ipv6")
    }
    read = {"gpu": found.get("llm_gpu_info") or {}, "addresses": addresses, "memory_mb": 0}
    return {**read, **(found.get("more_facts") or {})}


def hosts_of(
    models: t.Any, hostvars: t.Mapping[str, Variables], groups: dict[str, list[str]], external: t.Any = None
) -> dict[str, Host]:
    shared = {"llm_models": models, "llm_external_models": external or []}
    laid = {name: {**shared, **found} for name, found in hostvars.items()}
    found = resolve(Inventory(laid), groups, DEFAULTS, LOADER)
    assert not found.faults
    converted = check({name: host.variables for name, host in found.hosts.items()}, groups, SPECS, DEFAULTS).hosts
    return {
        name: host._replace(variables={**host.variables, **converted[name]}, facts=facts(hostvars.get(name, {})))
        for name, host in found.hosts.items()
    }


def fleet_of(
    models: t.Any,
    hostvars: t.Mapping[str, Variables],
    groups: dict[str, list[str]],
    external: t.Any = None,
    stage: str = KNOWN,
    known: Known = NOTHING,
) -> Fleet:
    """The fleet; hosts that known.unreachable names have no facts."""
    hosts = hosts_of(models, hostvars, groups, external)
    hosts = {name: host._replace(facts={}) if name in known.unreachable else host for name, host in hosts.items()}
    folders = lookups.from_folders(hosts.values())
    return compute(hosts, groups, stage, known._replace(models={**folders, **known.models}))


def fleet_plan(
    models: t.Any,
    hostvars: t.Mapping[str, Variables],
    groups: dict[str, list[str]],
    external: t.Any = None,
    **more: t.Any,
) -> list[dict[str, t.Any]]:
    """The instances of a fleet."""
    return fleet_of(models, hostvars, groups, external, **more).instances


__all__ = ["Known", "facts", "fleet_of", "fleet_plan", "hosts_of", "readings"]
