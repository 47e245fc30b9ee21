# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The secrets of a deployment as those of a fleet; which of them have to be made anew, and why. Pure; translate.py uses it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.database import Database
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import Proxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.vllm import Model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import secrets as rules

Held = dict[str, str]
_SALT = "LITELLM_SALT_KEY"


def carried(proxy: Proxy, database: Database, models: list[Model], new_salt: bool, notes: Notes) -> Held:
    """By the fleet's variables; what is missing is made anew."""
    said, at = proxy.environment, proxy.service.at
    found: Held = {}
    master = str(
        proxy.value(proxy.section("general_settings").get("master_key")) or said.get("LITELLM_MASTER_KEY") or ""
    )
    if fault := rules.master_key(master):
        notes.change(
            at("environment", "LITELLM_MASTER_KEY"), f"{fault}: a new one is made; virtual keys don't depend on it"
        )
    else:
        found["litellm_master_key"] = master
    _salt(found, said.get(_SALT, master), _SALT in said, new_salt, at("environment", _SALT), notes)
    _login(found, said, at, notes)
    _database(found, database, at, notes)
    _vllm(found, models, notes)
    return found


def _salt(found: Held, salt: str, own: bool, new_salt: bool, where: str, notes: Notes) -> None:
    """Without one of its own LiteLLM encrypts by the master key."""
    fault = rules.of_length(16)(salt) if salt else "is empty"
    if not fault:
        found["litellm_salt_key"] = salt
        if not own:
            notes.change(where, "was not set, so LiteLLM encrypted with the master key: that is litellm_salt_key now")
    elif new_salt:
        notes.change(
            where, "a new one is made: credentials and models that were entered in the UI have to be entered again"
        )
    else:
        empty = "is empty, and LiteLLM encrypted with the empty text" if own else "is not set, nor is the master key"
        short = "is too short, or has white space in it" if salt else empty
        notes.fault(
            where,
            f"{short}. It can't be changed without losing what it encrypted (models and credentials that were entered in the UI, none"
            " of the keys): -e new_salt=yes makes a new one",
        )


def _login(found: Held, said: t.Mapping[str, str], at: t.Callable[..., str], notes: Notes) -> None:
    password = said.get("UI_PASSWORD", "")
    if not password:
        notes.change(
            at("environment", "UI_PASSWORD"),
            "was not set, so the UI took the master key: a password of its own is made",
        )
    elif fault := rules.of_length(12)(password):
        notes.change(at("environment", "UI_PASSWORD"), f"{fault.partition('.')[0]}: a new one is made")
    else:
        found["litellm_ui_password"] = password


def _database(found: Held, database: Database, at: t.Callable[..., str], notes: Notes) -> None:
    where = at("environment", "DATABASE_URL")
    if not database.service:
        if database.password and not rules.plain(database.password):
            found["litellm_database_password"] = database.password
        else:
            notes.fault(where, "its password is missing or has white space in it; give it one")
    elif fault := rules.of_length(16)(database.password):
        notes.change(where, f"its password {fault.partition('.')[0]}: a new one is made, for the new database")
    else:
        found["postgres_password"] = database.password


def _vllm(found: Held, models: list[Model], notes: Notes) -> None:
    keys = [model for model in models if model.api_key]
    fitting = [model for model in keys if not rules.of_length(16, rules.header)(model.api_key)]
    if fitting:
        found["vllm_api_key"] = fitting[0].api_key
    for model in keys:
        if model.api_key != found.get("vllm_api_key"):
            notes.change(
                model.service.at("command"), "its key is another one now; LiteLLM has it, other clients of vLLM need it"
            )
    tokens = list(dict.fromkeys(model.hub_token for model in models if model.hub_token))
    if tokens and not rules.hub_token(tokens[0]):
        found["vllm_hf_token"] = tokens[0]
    for model in models:
        if model.hub_token and model.hub_token != found.get("vllm_hf_token"):
            notes.leave(
                model.service.at("environment", "HF_TOKEN"),
                "is another token than the fleet's one, or is none of the hub's",
            )
