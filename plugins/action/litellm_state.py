# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of litellm_state: stores that only the controller can reach."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import KEY_STORE
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import file_name, key_path
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.action import StoringAction
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.exchange import Slots


class ActionModule(StoringAction):
    MODULE = "llmfleet.gateway.litellm_state"
    OPTION = "key_store"
    SPEC = KEY_STORE

    def aliases(self) -> t.Mapping[str, str | None]:
        """Keys without a value of their own. What else may be wrong with them is the module's to say."""
        desired = self._task.args.get("desired")
        keys = desired.get("keys") if isinstance(desired, dict) else None
        named = (key for key in (keys if isinstance(keys, list) else []) if isinstance(key, dict))
        return {str(key["key_alias"]): None for key in named if key.get("key_alias") and not key.get("key")}

    def slots(self, store: t.Mapping[str, t.Any], alias: str) -> Slots | None:
        if store["hashicorp_vault"]:
            path = f"{store['hashicorp_vault']['path'].strip('/')}/{file_name(alias)}"
            return self.vault_slots(store["hashicorp_vault"], path)
        path = key_path(store["controller_directory"], alias)
        return self.file_slots(path, store["vault_id"], make_directory=True)
