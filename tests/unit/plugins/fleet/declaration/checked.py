# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A fleet that is declared right, by the roles' own defaults, and what is said of it after a change."""

from __future__ import annotations

import functools
import typing as t
from pathlib import Path

from ansible.parsing.dataloader import DataLoader
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import Report, check, read_specs
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve

CHECKOUT = Path(__file__).resolve().parents[5]
SECRETS = {
    "litellm_master_key": "sk-0123456789abcdef0123456789abcdef",
    "litellm_salt_key": "sk-salt-0123456789abcdef",
    "litellm_ui_password": "a-long-password",
    "postgres_password": "another-long-password",
    "redis_password": "a-third-long-password",
    "vllm_api_key": "yet-another-long-key",
}
#: Needed where there are several hosts.
CA_KEY = "an-authority-0123456789abcdef0123456789"
GOOD: dict[str, t.Any] = {
    "llm_models": [{"name": "tiny", "model": "/srv/models/tiny"}],
    "llm_ca_key": CA_KEY,
    **SECRETS,
}
#: One host of each group, and one server for everything.
APART = {"gateways": ["gw1"], "gpu_servers": ["gpu1"]}
TOGETHER = {"gateways": ["one"], "gpu_servers": ["one"]}


@functools.cache
def specs() -> dict[str, t.Any]:
    return dict(read_specs(CHECKOUT))


@functools.cache
def defaults() -> dict[str, t.Any]:
    return role_defaults(DataLoader())


class _Raw(dict[str, dict[str, t.Any]]):
    """Stands for Ansible's hostvars."""

    def raw_get(self, host_name: str) -> dict[str, t.Any]:
        return self[host_name]


@functools.cache
def _good(hosts: tuple[str, ...]) -> dict[str, dict[str, t.Any]]:
    raw = _Raw({name: {**GOOD, "inventory_hostname": name} for name in hosts})
    found = resolve(raw, {"gateways": list(hosts), "gpu_servers": list(hosts)}, defaults(), None)
    assert not found.faults
    return {name: dict(host.variables) for name, host in found.hosts.items()}


def report(
    change: t.Mapping[str, t.Any], groups: t.Mapping[str, list[str]] | None = None, **of_host: t.Mapping[str, t.Any]
) -> Report:
    """What is said of the good fleet with *change* on all hosts, and the changes of single hosts."""
    groups = TOGETHER if groups is None else groups
    names = tuple(dict.fromkeys([*groups.get("gateways", []), *groups.get("gpu_servers", [])]))
    hosts = {name: {**found, **change, **of_host.get(name, {})} for name, found in _good(names).items()}
    return check(hosts, groups, specs(), defaults())


def said(
    change: t.Mapping[str, t.Any], groups: t.Mapping[str, list[str]] | None = None, **of_host: t.Mapping[str, t.Any]
) -> list[str]:
    return report(change, groups, **of_host).faults
