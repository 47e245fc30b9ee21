# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of litellm_key: stores that only the controller can reach."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import STORE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.action import StoringAction
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.exchange import Slots


class ActionModule(StoringAction):
    MODULE = "llmfleet.gateway.litellm_key"
    OPTION = "store"
    SPEC = STORE

    def aliases(self) -> t.Mapping[str, str | None]:
        return {str(self._task.args.get("key_alias", "")): self._task.args.get("key")}

    def slots(self, store: t.Mapping[str, t.Any], alias: str) -> Slots | None:
        if store["hashicorp_vault"]:
            return self.vault_slots(store["hashicorp_vault"], store["hashicorp_vault"]["path"])
        return self.file_slots(store["controller_file"], store["vault_id"]) if store["controller_file"] else None
