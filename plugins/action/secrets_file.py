# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the controller: finds out which secrets are missing, and adds them to the file of the inventory. Takes a step of the rotation
of the fleet's authority there, if told to."""

from __future__ import annotations

import shlex
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca.rotation import STEPS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import members
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secret_rotation import ROTATED, refused
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.secrets import (
    add,
    begin_rotation,
    default_path,
    end_rotation,
    held_by,
    held_in,
    missing,
    rotate,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.vault_file import VaultFile

Held = list[t.Mapping[str, t.Any]]


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
            {
                "path": {"type": "path"},
                "inventory": {"type": "path"},
                "all_secrets": {"type": "bool", "default": False},
                "rotate_ca": {"type": "str", "choices": list(STEPS)},
                "rotate": {"type": "list", "elements": "str"},
                "drop_previous": {"type": "bool", "default": False},
            },
            mutually_exclusive=[("inventory", "rotate_ca", "rotate", "drop_previous")],
        )
        self._keys = self._loader._vault.secrets or []
        path = Path(args["path"] or self._default(args["inventory"], variables))
        if args["rotate_ca"]:
            return {**result, **self._rotated(path, args["rotate_ca"])}
        if args["rotate"] is not None:
            return {**result, **self._begun(path, args["rotate"])}
        if args["drop_previous"]:
            gone = self._tried(end_rotation, path, not self._task.check_mode, self._keys)
            return {**result, **self._done(path, [], gone)}
        held = self._held(args["inventory"], variables)
        several = len(held) > 2  # the controller is one of them
        authority = args["all_secrets"] or several or any(found.get("llm_domain") for found in held)
        return {**result, **self._added(path, missing(secrets(authority), held))}

    def _added(self, path: Path, lacking: list[t.Any]) -> dict[str, t.Any]:
        """What stands in the file already is not missing, whoever reads the file."""
        file = self._tried(VaultFile, path, self._keys)
        wanted = missing(lacking, [self._tried(held_by, file)]) if lacking else []
        if wanted and not self._task.check_mode:
            self._tried(add, path, wanted, self._keys)
        names = [secret.variable for secret in wanted]
        told = self._told(file, names)
        return {"changed": bool(wanted), "path": str(path), "encrypted": file.encrypted, "added": names, "msg": told}

    def _held(self, inventory: str | None, variables: dict[str, t.Any]) -> Held:
        """The variables of every host of the fleet, and of the controller."""
        if inventory:
            return t.cast(Held, self._tried(held_in, inventory, self._loader))
        hosts = members(variables["groups"])
        return [variables["hostvars"].raw_get(name) for name in [*hosts, "localhost"]]

    def _rotated(self, path: Path, step: str) -> dict[str, t.Any]:
        changed = self._tried(rotate, path, step, not self._task.check_mode, self._keys)
        done = "taken" if changed else "taken before"
        return {"changed": changed, "path": str(path), "added": [], "msg": f"Step {step} is {done} in {path}"}

    def _begun(self, path: Path, names: list[str]) -> dict[str, t.Any]:
        chosen = list(ROTATED) if names == ["all"] else names
        faults = refused(chosen)
        if faults:
            raise AnsibleActionFail("\n".join(faults))
        write = not self._task.check_mode
        new = self._tried(begin_rotation, path, chosen, secrets(authority=True), write, self._keys)
        kept = [ROTATED[name] for name in chosen if ROTATED[name]]
        return {**self._done(path, new, []), "chosen": chosen, "kept": kept}

    def _done(self, path: Path, new: list[str], gone: list[str]) -> dict[str, t.Any]:
        told = f"New in {path}: {', '.join(new) or 'nothing'}; taken out: {', '.join(gone) or 'nothing'}"
        return {"changed": bool(new or gone), "path": str(path), "added": new, "removed": gone, "msg": told}

    def _default(self, inventory: str | None, variables: dict[str, t.Any]) -> str:
        sources = [inventory] if inventory else variables.get("ansible_inventory_sources") or []
        if not sources:
            raise AnsibleActionFail("There is no inventory (-i) to keep secrets beside: give one, or path")
        return default_path(str(sources[0]))

    def _tried(self, change: t.Callable[..., t.Any], *args: t.Any) -> t.Any:
        try:
            return change(*args)
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from error

    def _told(self, file: VaultFile, added: list[str]) -> str:
        were = "were" if len(added) > 1 else "was"
        how = (
            "encrypted"
            if file.encrypted
            else f"in plain text: encrypt it with ansible-vault encrypt {shlex.quote(str(file.path))}"
        )
        return (
            f"{', '.join(added) or 'Nothing'} {were} missing. Secrets are kept in {file.path}, {how}."
            " Keep a copy: litellm_salt_key can't be made again"
        )
