# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lays each host's variables over the roles' defaults and templates them, fleet-wide ones once."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host, group_names, members

#: One value for the whole fleet: templated once, since looking them up may cost or make something (keys).
FLEET_VARIABLES = ("llm_models", "llm_external_models", "llm_state")
#: A variable of these names is the collection's, or a misspelling of one.
PREFIXES = ("docker_", "gateway_state_", "litellm_", "llm_", "nvidia_", "postgres_", "preflight_", "vllm_")
#: Lookups that would make something, such as the key of virtual_key, only look: the fleet is read, not changed.
LOOK_ONLY = {"ansible_check_mode": True}
#: What the plays themselves set.
OWN_FACTS = frozenset({"llm_fleet", "llm_host", "llm_outside"})


class Resolved(t.NamedTuple):
    """The hosts of the fleet, and in words what could not be templated."""

    hosts: dict[str, Host]
    faults: list[str]


class Raw(t.Protocol):
    """The part of Ansible's hostvars that is read here."""

    def raw_get(self, host_name: str) -> dict[str, t.Any]: ...


def resolve(
    hostvars: Raw, groups: t.Mapping[str, list[str]], defaults: t.Mapping[str, t.Any], loader: DataLoader | None
) -> Resolved:
    """Every host of the fleet with its variables."""
    names = members(groups)
    raw = {name: hostvars.raw_get(name) for name in names}
    faults: list[str] = []
    shared = _fleet_variables(raw, defaults, loader, faults)
    hosts = {}
    for name in names:
        variables = _variables(name, raw[name], defaults, loader, faults)
        hosts[name] = Host(name, group_names(name, groups), {**variables, **shared}, raw[name].get("llm_host") or {})
    return Resolved(hosts, faults)


def _fleet_variables(
    raw: t.Mapping[str, t.Mapping[str, t.Any]],
    defaults: t.Mapping[str, t.Any],
    loader: DataLoader | None,
    faults: list[str],
) -> dict[str, t.Any]:
    found = {}
    for variable in FLEET_VARIABLES:
        holders = [name for name in raw if variable in raw[name]]
        for other in holders[1:]:
            if (
                raw[other][variable] is not raw[holders[0]][variable]
                and raw[other][variable] != raw[holders[0]][variable]
            ):
                faults.append(
                    f"{variable} of {other} differs from that of {holders[0]}: it is one for the whole fleet, so write"
                    " it into group_vars/all"
                )
                break
        source = dict(raw[holders[0]]) if holders else {}
        value = source.get(variable, defaults.get(variable))
        found[variable] = _templated(
            Templar(loader=loader, variables={**defaults, **source, **LOOK_ONLY}), variable, value, "the fleet", faults
        )
    return found


def _variables(
    name: str,
    raw: t.Mapping[str, t.Any],
    defaults: t.Mapping[str, t.Any],
    loader: DataLoader | None,
    faults: list[str],
) -> dict[str, t.Any]:
    own = {key: raw[key] for key in raw if key.startswith(PREFIXES) and key not in OWN_FACTS}
    laid = {**defaults, **own}
    templar = Templar(loader=loader, variables={**defaults, **raw, **LOOK_ONLY})
    return {
        key: _templated(templar, key, value, name, faults) for key, value in laid.items() if key not in FLEET_VARIABLES
    }


def _templated(templar: Templar, key: str, value: t.Any, where: str, faults: list[str]) -> t.Any:
    if not _may_be_template(value):
        return value
    try:
        return templar.template(value)
    except AnsibleError as error:
        # Ansible shows the line of the template, which may be a secret: only the reason goes on.
        faults.append(f"{key} of {where} can't be templated: {_reason(error)}")
        return None


def _reason(error: AnsibleError) -> str:
    text = str(error.message).splitlines()[0] if error.message else type(error).__name__
    return text if "undefined" in text else f"{type(error).__name__}; a value that holds {{{{ is written as !unsafe"


def _may_be_template(value: t.Any) -> bool:
    """Plain values, the most by far, skip the template engine."""
    if isinstance(value, (bool, int, float)) or value is None:
        return False
    if type(value) is str or isinstance(value, str):
        return "{" in value
    if isinstance(value, dict):
        return any(_may_be_template(one) for pair in value.items() for one in pair)
    if isinstance(value, (list, tuple)):
        return any(_may_be_template(one) for one in value)
    return True
