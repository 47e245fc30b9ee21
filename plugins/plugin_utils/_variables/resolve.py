# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lays each host's variables over the roles' defaults and templates them, fleet-wide ones once."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import Unreadable
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.spelling import prefixes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host, group_names, members

#: One value for the whole fleet: templated once, since looking them up may cost or make something (keys).
FLEET_VARIABLES = ("llm_models", "llm_external_models", "llm_state")
#: Lookups that would make something, such as the key of virtual_key, only look: the fleet is read, not changed.
LOOK_ONLY = {"ansible_check_mode": True}
#: What the plays themselves set.
OWN_FACTS = frozenset({"llm_fleet", "llm_host", "llm_looked", "llm_looked_outside"})


class Resolved(t.NamedTuple):
    """The hosts of the fleet, what they disagree about, and what Ansible has of each."""

    hosts: dict[str, Host]
    faults: list[str]
    raw: dict[str, dict[str, t.Any]]


class Raw(t.Protocol):
    """The part of Ansible's hostvars that is read here."""

    def raw_get(self, host_name: str) -> dict[str, t.Any]: ...


def resolve(
    hostvars: Raw, groups: t.Mapping[str, list[str]], defaults: t.Mapping[str, t.Any], loader: DataLoader | None
) -> Resolved:
    """Every host of the fleet with its variables; Unreadable stands for what can't be templated."""
    names = members(groups)
    raw = {name: hostvars.raw_get(name) for name in names}
    shared = {name: _fleet_variable(name, raw, defaults, loader) for name in FLEET_VARIABLES}
    hosts = {}
    ours = prefixes(defaults)
    for name in names:
        variables = {**_variables(raw[name], defaults, ours, loader), **shared}
        hosts[name] = Host(name, group_names(name, groups), variables)
    return Resolved(hosts, [fault for name in FLEET_VARIABLES for fault in _differing(name, raw)], raw)


def _differing(variable: str, raw: t.Mapping[str, t.Mapping[str, t.Any]]) -> list[str]:
    holders = [name for name in raw if variable in raw[name]]
    for other in holders[1:]:
        first, value = raw[holders[0]][variable], raw[other][variable]
        if value is not first and value != first:
            return [
                f"{variable} of {other} differs from that of {holders[0]}: it is one for the whole fleet, so write it into"
                " group_vars/all"
            ]
    return []


def _fleet_variable(
    variable: str,
    raw: t.Mapping[str, t.Mapping[str, t.Any]],
    defaults: t.Mapping[str, t.Any],
    loader: DataLoader | None,
) -> t.Any:
    source = next((found for found in raw.values() if variable in found), {})
    templar = Templar(loader=loader, variables={**defaults, **source, **LOOK_ONLY})
    return _templated(templar, source.get(variable, defaults.get(variable)))


def _variables(
    raw: t.Mapping[str, t.Any], defaults: t.Mapping[str, t.Any], ours: tuple[str, ...], loader: DataLoader | None
) -> dict[str, t.Any]:
    own = {key: raw[key] for key in raw if key.startswith(ours) and key not in OWN_FACTS}
    templar = Templar(loader=loader, variables={**defaults, **raw, **LOOK_ONLY})
    laid = {**defaults, **own}
    return {key: _templated(templar, value) for key, value in laid.items() if key not in FLEET_VARIABLES}


def _templated(templar: Templar, value: t.Any) -> t.Any:
    if not _may_be_template(value):
        return value
    try:
        return templar.template(value)
    except AnsibleError as error:
        return Unreadable(str(error.message or type(error).__name__))


def _may_be_template(value: t.Any) -> bool:
    """Plain values, the most by far, skip the template engine."""
    if isinstance(value, (bool, int, float)) or value is None:
        return False
    if isinstance(value, str):
        return "{" in value
    if isinstance(value, dict):
        return any(_may_be_template(one) for pair in value.items() for one in pair)
    if isinstance(value, (list, tuple)):
        return any(_may_be_template(one) for one in value)
    return True
