# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the controller: finds out which secrets are missing, and adds them to the file of the inventory. Takes a step of the rotation
of the fleet's authority there, if told to."""

from __future__ import annotations

import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca.rotation import STEPS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import members
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secrets import (
    add,
    default_path,
    missing,
    rotate,
)


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        del tmp
        variables = task_vars or {}
        _validation, args = self.validate_argument_spec(
            {"path": {"type": "path"}, "rotate_ca": {"type": "str", "choices": list(STEPS)}}
        )
        path = Path(args["path"] or self._default(variables))
        if args["rotate_ca"]:
            return {**result, **self._rotated(path, args["rotate_ca"])}
        hosts = members(variables["groups"])
        held = [variables["hostvars"].raw_get(name) for name in [*hosts, "localhost"]]
        authority = len(hosts) > 1 or any(found.get("llm_domain") for found in held)
        wanted = missing(secrets(authority), held)
        if wanted and not self._task.check_mode:
            self._tried(add, path, wanted)
        return {
            **result,
            "changed": bool(wanted),
            "path": str(path),
            "added": [secret.variable for secret in wanted],
            "msg": self._told(path, [secret.variable for secret in wanted]),
        }

    def _rotated(self, path: Path, step: str) -> dict[str, t.Any]:
        changed = self._tried(rotate, path, step, not self._task.check_mode)
        done = "taken" if changed else "taken before"
        return {"changed": changed, "path": str(path), "added": [], "msg": f"Step {step} is {done} in {path}"}

    def _default(self, variables: dict[str, t.Any]) -> str:
        sources = variables.get("ansible_inventory_sources") or []
        if not sources:
            raise AnsibleActionFail("There is no inventory (-i) to keep secrets beside: give one, or path")
        return default_path(str(sources[0]))

    def _tried(self, change: t.Callable[..., t.Any], *args: t.Any) -> t.Any:
        try:
            return change(*args)
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from error

    def _told(self, path: Path, added: list[str]) -> str:
        return (
            f"{', '.join(added) or 'Nothing'} was missing. Secrets are kept in {path}; encrypt it with ansible-vault encrypt"
            f" {path}, and keep a copy: litellm_salt_key can't be made again"
        )
