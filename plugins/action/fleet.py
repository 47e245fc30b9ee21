# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Computes the fleet on the controller: reads every host's variables, and returns the value that is registered as llm_fleet."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.assemble import assemble
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import DECLARED, KNOWN, Fleet
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import role_defaults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.resolve import resolve


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        _validation, args = self.validate_argument_spec(
            {"stage": {"type": "str", "choices": [DECLARED, KNOWN], "required": True}}
        )
        groups = variables["groups"]
        found = resolve(variables["hostvars"], groups, role_defaults(self._loader), self._loader)
        if found.faults:
            raise AnsibleActionFail("\n".join(found.faults))
        fleet = Fleet(
            root=str(next(iter(found.hosts.values())).variables["llm_project_root"]),
            gateways=list(groups.get("gateways", [])),
            gpu_servers=list(groups.get("gpu_servers", [])),
            hosts=found.hosts,
            instances=[],
            stage=args["stage"],
        )
        return {"changed": False, **assemble(fleet)}
