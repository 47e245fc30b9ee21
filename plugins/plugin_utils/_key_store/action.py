# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The action plugins of keys: they run the module as ever, unless keys are stored on the controller. Used by them only."""

from __future__ import annotations

import abc
import os
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import controller_store
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import StoreError

from .exchange import Exchange, Slots
from .file import EncryptableFile, FileSlots
from .hashicorp import VaultSlots, settings_of


class StoringAction(ActionBase):
    """Runs a module as ever, unless its keys are stored on the controller: then their values are exchanged."""

    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = True

    MODULE: t.ClassVar[str]
    OPTION: t.ClassVar[str]  # the option that names the store
    SPEC: t.ClassVar[t.Mapping[str, t.Any]]

    @abc.abstractmethod
    def aliases(self) -> t.Mapping[str, str | None]:
        """The keys that have a store, and the value that the caller gave."""

    @abc.abstractmethod
    def slots(self, store: t.Mapping[str, t.Any], alias: str) -> Slots | None:
        """The store of one key; none where it isn't on the controller."""

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        if controller_store.OPTION in self._task.args:
            raise AnsibleActionFail(f"{controller_store.OPTION} is the action plugin's own option; leave it out")
        try:
            stores = self._stores()
        except StoreError as exc:
            raise AnsibleActionFail(str(exc)) from exc
        if not stores:
            wrap_async = self._task.async_val and not self._connection.has_native_async
            return self._execute_module(self.MODULE, task_vars=task_vars, wrap_async=wrap_async)
        if self._task.async_val:
            raise AnsibleActionFail("async can't be used with a store on the controller")
        arguments = {name: value for name, value in self._task.args.items() if name != self.OPTION}

        def call(more: dict[str, t.Any]) -> dict[str, t.Any]:
            return self._execute_module(self.MODULE, {**arguments, **more}, task_vars=task_vars)

        given = {alias: raw for alias, raw in self.aliases().items() if raw}
        return Exchange(stores, given, call).run(self._task.check_mode)

    def _stores(self) -> dict[str, Slots]:
        named = self._task.args.get(self.OPTION)
        if not named:
            return {}
        validated = ArgumentSpecValidator({self.OPTION: dict(self.SPEC)}).validate({self.OPTION: named})
        if validated.error_messages:
            raise AnsibleActionFail(f"{self.OPTION}: {'; '.join(validated.error_messages)}")
        store = validated.validated_parameters[self.OPTION]
        found = {alias: self.slots(store, alias) for alias in self.aliases()}
        return {alias: slots for alias, slots in found.items() if slots}

    def file_slots(self, path: str, vault_id: str | None, make_directory: bool = False) -> Slots:
        secrets = self._loader._vault.secrets or []
        return FileSlots(EncryptableFile(self._loader.path_dwim(path), make_directory, secrets, vault_id))

    def vault_slots(self, options: t.Mapping[str, t.Any], path: str) -> Slots:
        return VaultSlots(settings_of(options, os.environ), options["mount"], path, options["field"])
