# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Replaces secrets in the text of the file of secrets. Pure. Only secrets.py imports it.

Where two values have to be valid for a while, the one before stays beside the new one, and its being there says that a rotation has
not come to its end.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca.rotation import held, with_value, without

#: What can be replaced, and where the value before is kept while both are valid.
ROTATED = {
    "vllm_api_key": "vllm_previous_api_key",
    "redis_password": "redis_previous_password",
    "postgres_password": "",
    "litellm_master_key": "",
    "litellm_ui_password": "",
}
#: What can't, and why.
NEVER = {
    "litellm_salt_key": "what LiteLLM has encrypted with it in its database could never be read again",
    "llm_ca_key": "the playbook rotate_ca replaces it",
    "llm_key_secret": "the virtual keys that are derived from it would be others, all at once",
}


def refused(names: t.Sequence[str]) -> list[str]:
    """What is wrong with a choice of secrets."""
    faults = [f"{name} can't be replaced by this: {NEVER[name]}" for name in names if name in NEVER]
    unknown = [name for name in names if name not in NEVER and name not in ROTATED]
    faults += [f"{name} is no secret that can be replaced; choose of {', '.join(ROTATED)}" for name in unknown]
    return faults if names else [f"Say which, as -e secrets=redis_password,vllm_api_key, of {', '.join(ROTATED)}"]


def begun(text: str, names: t.Iterable[str], make: t.Callable[[str], str]) -> tuple[str, list[str]]:
    """The text with new values, and which are new. One whose value before is still there goes on with what it has."""
    changed = []
    for name in names:
        before, current = ROTATED[name], held(text, name)
        if not current:
            raise ValueError(
                f"has no {name} as a line of its own ({name}: TEXT); where your secrets are kept elsewhere, set it there"
                + (f", and {before} to the value of now" if before else "")
                + ", and run the playbook site"
            )
        if before and held(text, before):
            continue
        text = _in_place(text, name, make(name))
        text = with_value(text, before, current) if before else text
        changed.append(name)
    return text, changed


def ended(text: str) -> tuple[str, list[str]]:
    """The text without values of before, and which are gone."""
    names = [before for before in ROTATED.values() if before and held(text, before)]
    for name in names:
        text = without(text, name)
    return text, names


def _in_place(text: str, name: str, value: str) -> str:
    """Comments and order stay."""
    lines = text.splitlines(keepends=True)
    return "".join(f"{name}: {value}\n" if line.startswith(f"{name}:") else line for line in lines)
