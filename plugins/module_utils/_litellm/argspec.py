# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The options of the modules, made from the tables of the kinds, and the secrets among them. Used by modules and action plugins."""

from __future__ import annotations

import typing as t

from ansible.module_utils.basic import env_fallback

from . import showing
from .kinds import KINDS, Field, Kind
from .kinds._table import NEVER, SECRETS, Reference

Spec = dict[str, dict[str, t.Any]]

# Names that look like secrets and are none: said aloud, so that nobody has to wonder.
SECRET_LOOKING = ("key", "token", "secret", "pass", "cred")

# A shorter text that only its name makes a secret is masked in its place, not wherever else these letters stand.
SHORTEST = 4

ROTATE: Spec = {"grace": {"type": "str", "default": "24h"}, "generation": {"type": "int"}}


HASHICORP_VAULT: Spec = {
    "path": {"type": "str", "required": True},
    "mount": {"type": "str", "default": "secret"},
    "field": {"type": "str", "default": "key"},
    "url": {"type": "str"},
    "token": {"type": "str", "no_log": True},
    "namespace": {"type": "str"},
    "ca_path": {"type": "path"},
    "validate_certs": {"type": "bool", "default": True},
    "timeout": {"type": "int", "default": 30},
}
STORE: dict[str, t.Any] = {
    "type": "dict",
    "options": {
        "file": {"type": "path"},
        "controller_file": {"type": "path"},
        "vault_id": {"type": "str"},
        "hashicorp_vault": {"type": "dict", "options": HASHICORP_VAULT},
    },
    "mutually_exclusive": [["file", "controller_file", "hashicorp_vault"]],
    "required_one_of": [["file", "controller_file", "hashicorp_vault"]],
    "required_by": {"vault_id": ["controller_file"]},
}
KEY_STORE: dict[str, t.Any] = {
    "type": "dict",
    "no_log": False,
    "options": {
        "controller_directory": {"type": "path"},
        "vault_id": {"type": "str"},
        "hashicorp_vault": {"type": "dict", "options": HASHICORP_VAULT},
    },
    "mutually_exclusive": [["controller_directory", "hashicorp_vault"]],
    "required_one_of": [["controller_directory", "hashicorp_vault"]],
    "required_by": {"vault_id": ["controller_directory"]},
}
CONTROLLER_STORE: dict[str, t.Any] = {
    "type": "dict",
    "options": {
        "where": {"type": "dict"},
        "held": {"type": "dict", "no_log": True},
        "loose": {"type": "list", "elements": "str"},
        "pads": {"type": "dict", "no_log": True},
        "plan_only": {"type": "bool", "default": False},
        "undo": {"type": "list", "elements": "str"},
    },
}


def connection_spec() -> Spec:
    return {
        "api_url": {
            "type": "str",
            "required": True,
            "fallback": (env_fallback, ["LITELLM_PROXY_URL", "LITELLM_API_URL", "LITELLM_API_BASE"]),
        },
        "api_key": {
            "type": "str",
            "required": True,
            "no_log": True,
            "fallback": (env_fallback, ["LITELLM_PROXY_API_KEY", "LITELLM_MASTER_KEY", "LITELLM_API_KEY"]),
        },
        "validate_certs": {"type": "bool", "default": True},
        "ca_path": {"type": "path"},
        "timeout": {"type": "float", "default": 30},
        "changed_by": {"type": "str"},
    }


def field_spec(field: Field) -> dict[str, t.Any]:
    spec: dict[str, t.Any] = {"type": field.type}
    if field.elements:
        spec["elements"] = field.elements
    # Ansible counts a null as a wrong choice: an option that null clears is checked by the plan.
    if field.choices and field.clear == NEVER:
        spec["choices"] = list(field.choices)
    if showing.is_whole_secret(field) and not any(part.secret for part in field.parts) and field.compare != SECRETS:
        spec["no_log"] = True
    elif any(part in field.name for part in SECRET_LOOKING):
        spec["no_log"] = False
    return spec


def _reference_spec(reference: Reference) -> dict[str, t.Any]:
    """A name of another object; one that looks like a secret's is none."""
    spec: dict[str, t.Any] = {"type": "list", "elements": "str"} if reference.many else {"type": "str"}
    if any(part in reference.option for part in SECRET_LOOKING):
        spec["no_log"] = False
    return spec


def object_spec(kind: Kind) -> Spec:
    """The options of one object of a kind, without connection and state."""
    identity: dict[str, t.Any] = {"type": "str", "required": True}
    if any(part in kind.identity for part in SECRET_LOOKING):
        identity["no_log"] = False
    spec = {kind.identity: identity}
    spec.update((field.name, field_spec(field)) for field in kind.fields)
    for reference in kind.references:
        spec[reference.option] = _reference_spec(reference)
    if any(field.name == "metadata" for field in kind.fields):
        spec["metadata_mode"] = {"type": "str", "choices": ["merge", "replace"], "default": "merge"}
    if any(field.name == "duration" for field in kind.fields):
        spec["renew_before"] = {"type": "str"}
    if kind.renamable:
        spec["previous_name"] = {"type": "str"}
    if kind.cascades:
        spec["cascade"] = {"type": "bool", "default": False}
    if kind.raw_value:
        spec["rotate"] = {"type": "dict", "options": ROTATE}
    return spec


def module_spec(kind: Kind, extra: Spec | None = None) -> Spec:
    state: Spec = {"state": {"type": "str", "choices": ["present", "absent"], "default": "present"}}
    return {**connection_spec(), **state, **object_spec(kind), **(extra or {})}


def secret_strings(kind: Kind, params: t.Mapping[str, t.Any]) -> set[str]:
    """The secret parts of an object's options.

    Declaring such an option as no_log would censor all its parts, and every word or number that is
    like one of them, wherever it is shown.
    """
    found: set[str] = set()
    for name, value in params.items():
        if value is not None and name in kind.by_name:
            found |= showing.texts(kind.by_name[name], value, SHORTEST)
    return found


def secret_strings_of_state(desired: t.Any) -> set[str]:
    found: set[str] = set()
    for plural, items in desired.items() if isinstance(desired, dict) else ():
        for item in items if plural in KINDS and isinstance(items, list) else ():
            if isinstance(item, dict):
                found |= secret_strings(KINDS[plural], item)
    return found
