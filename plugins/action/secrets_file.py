# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the controller: finds out which secrets are missing, and adds them to the file of the inventory."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import members
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secrets import add, default_path, missing


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        _validation, args = self.validate_argument_spec({"path": {"type": "path"}})
        path = Path(args["path"] or self._default(variables))
        names = [*members(variables["groups"]), "localhost"]
        wanted = missing(variables["hostvars"].raw_get(name) for name in names)
        if wanted and not self._task.check_mode:
            self._add(path, wanted)
        return {
            **result,
            "changed": bool(wanted),
            "path": str(path),
            "added": [secret.variable for secret in wanted],
            "msg": self._told(path, [secret.variable for secret in wanted]),
        }

    def _default(self, variables: dict[str, t.Any]) -> str:
        sources = variables.get("ansible_inventory_sources") or []
        if not sources:
            raise AnsibleActionFail("There is no inventory (-i) to keep secrets beside: give one, or path")
        return default_path(str(sources[0]))

    def _add(self, path: Path, wanted: list[t.Any]) -> None:
        try:
            add(path, wanted)
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from error

    def _told(self, path: Path, added: list[str]) -> str:
        return (
            f"{', '.join(added) or 'Nothing'} was missing. Secrets are kept in {path}; encrypt it with ansible-vault encrypt"
            f" {path}, and keep a copy: litellm_salt_key can't be made again"
        )
