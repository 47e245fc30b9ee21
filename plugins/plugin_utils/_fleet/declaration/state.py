# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every mistake of llm_state and of a key store, by litellm_state's own reader. Used by check.py and rules/litellm.py.

The reader is called in _read and in key_store_faults only. What it can't see is checked here: entries of lists, misspelled
options (it stops at the first), and raw keys that no HTTP header can carry.
"""

from __future__ import annotations

import typing as t

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import desired as reader
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.argspec import KEY_STORE, object_spec
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.plan import PlanError
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.resources import KINDS, Kind
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, secrets, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import shown
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.spec import judge

#: Entries of lists, by the option that holds them: their keys, and what a value is judged by.
_WINDOWS = {"budget_duration": values.litellm_duration, "max_budget": None, "reset_at": None}
ENTRIES: dict[str, dict[str, t.Any]] = {
    "budget_limits": _WINDOWS,
    "members_with_roles": {
        "role": lambda value: "" if value in ("admin", "user") else f"{shown(value)} is no role; write admin or user",
        "user_email": None,
        "user_id": None,
    },
}
#: Options with a duration. Nonsense in most of them LiteLLM takes in silence, and then resets daily.
DURATIONS = ("budget_duration", "duration", "renew_before", "rotation_interval", "team_member_budget_duration")
FOREVER = "-1"


def state_faults(state: t.Any) -> list[str]:
    """Lines that name the object and the option."""
    if not isinstance(state, dict):
        return [
            "llm_state: is not a dictionary; write lists of objects by their kind, such as {keys: [{key_alias: my-app}]}"
        ]
    faults = [
        f"llm_state: {shown(str(name))} is no kind of object{names.meant(str(name), KINDS)}"
        for name in state
        if name not in KINDS
    ]
    for plural, kind in KINDS.items():
        items = state.get(plural)
        if items is not None and not isinstance(items, list):
            faults.append(f"llm_state.{plural}: is not a list; write one entry for each {kind.name}")
        else:
            faults += _kind_faults(kind, items or [])
    return faults


def _kind_faults(kind: Kind, items: list[t.Any]) -> list[str]:
    options = _options(kind)
    faults: list[str] = []
    for index, item in enumerate(items):
        where = f"llm_state.{kind.plural}[{index}]"
        if not isinstance(item, dict):
            faults.append(f"{where}: is not a dictionary; write its options by name, {kind.identity} first")
            continue
        if isinstance(item.get(kind.identity), str):
            where += f" ({item[kind.identity]})"
        faults += [f"{where}: {fault}" for fault in _object_faults(kind, item, options)]
    return faults


def _options(kind: Kind) -> dict[str, dict[str, t.Any]]:
    """The options of one object, with the choices that the spec leaves to the plan, and secrets marked."""
    options = {**reader.STATE, **object_spec(kind)}
    for field in kind.fields:
        marks = {"choices": list(field.choices or ()), "no_log": field.secret}
        options[field.name] = {**options[field.name], **{name: mark for name, mark in marks.items() if mark}}
    return options


def _object_faults(kind: Kind, item: dict[t.Any, t.Any], options: dict[str, dict[str, t.Any]]) -> list[str]:
    faults, fine = [], {}
    for name, value in item.items():
        found = _option_faults(name, value, options)
        faults += found
        if not found:
            fine[name] = value
    if kind.identity in item and kind.identity not in fine:
        return faults
    return faults + _read(kind, fine)


def _option_faults(name: t.Any, value: t.Any, options: dict[str, dict[str, t.Any]]) -> list[str]:
    if name not in options:
        return [f"has no option {shown(str(name))}{names.suggestion(str(name), options)}"]
    if value is None:
        return []
    _, found = judge(options[name], value)
    faults = [f"{name}{where}: {text}" for where, text in found] or _entry_faults(name, value)
    if not faults and name in DURATIONS and value != FOREVER and (fault := values.litellm_duration(value)):
        faults = [f"{name}: {fault}"]
    if not faults and name == "key" and (fault := secrets.header(value)):
        faults = [f"key {fault}"]
    return faults


def _entry_faults(name: str, entries: t.Any) -> list[str]:
    """The reader looks no deeper than that the entries are dictionaries."""
    known, faults = ENTRIES.get(name, {}), []
    for index, entry in enumerate(entries if known else []):
        for key, part in entry.items() if isinstance(entry, dict) else ():
            if key not in known:
                faults.append(f"{name}[{index}] has no {shown(str(key))}{names.suggestion(str(key), known)}")
            elif known[key] and (fault := known[key](part)):
                faults.append(f"{name}[{index}].{key}: {fault}")
    return faults


def _read(kind: Kind, item: dict[t.Any, t.Any]) -> list[str]:
    """What litellm_state's reader says of one object, without the place in front of it."""
    try:
        reader.read({kind.plural: [item]}, "", b"")
    except PlanError as error:
        return [str(error).removeprefix(f"{kind.plural} #0: ")]
    return []


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
    _, found = judge({"type": "dict", "options": known}, store)
    faults = [f"{where.lstrip('.')} {text}".strip() for where, text in found]
    return faults or list(ArgumentSpecValidator({"key_store": KEY_STORE}).validate({"key_store": store}).error_messages)
