# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every mistake of llm_state and of a key store, by litellm_state's own reader. Used by check.py and rules/litellm.py.

The one file of this package that knows the reader.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import desired
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import KEY_STORE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, secrets
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.spec import judge


def state_faults(state: t.Any) -> list[str]:
    """Lines that name the object by its kind and place, and the option."""
    return [f"llm_state: {mistake}" for mistake in desired.mistakes(state)]


def key_store_faults(store: t.Any) -> list[str]:
    """gateway_state_key_store, by the option of litellm_state that takes it."""
    if not store:
        return []
    known = KEY_STORE["options"]
    unknown = [name for name in store if name not in known]
    if unknown:
        return [f"has no option {names.listed(unknown)}{names.meant(str(unknown[0]), known)}"]
    vault = store.get("hashicorp_vault")
    if isinstance(vault, dict) and vault.get("token") and (fault := secrets.header(vault["token"])):
        return [f"hashicorp_vault.token {fault}"]
    _store, found = judge({"type": "dict", "options": known}, store)
    faults = [f"{where.lstrip('.')} {text}".strip() for where, text in found]
    return faults or list(ArgumentSpecValidator({"key_store": KEY_STORE}).validate({"key_store": store}).error_messages)
