# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: llm_state_yaml
short_description: Objects read from LiteLLM as a file for an inventory
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Writes what M(llmfleet.gateway.litellm_info) read as the variable C(llm_state) in YAML.
  - Ansible takes every text of a variables file for a template, and users of a gateway choose aliases and metadata of
    their keys. So every text that could be one is written as C(!unsafe), and Ansible never looks into it. Templates are
    only the variables of secrets that the module names in C(placeholders).
options:
  _input:
    description: The result of M(llmfleet.gateway.litellm_info).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Read all objects
  llmfleet.gateway.litellm_info:
    api_url: http://127.0.0.1:4000
    api_key: "{{ litellm_master_key }}"
  register: found

- name: Write them for an inventory
  ansible.builtin.copy:
    content: "{{ found | llmfleet.gateway.llm_state_yaml }}"
    dest: /root/llm_state.yml
    mode: '0600'
"""

RETURN = r"""
_value:
  description: The text of the file.
  type: str
"""

import typing as t

import yaml
from ansible.errors import AnsibleFilterError

HEAD = "---\n# Fill in the vault_... variables: LiteLLM can't show secrets and raw keys.\n"
# Ansible looks for a template in a text with one of its delimiters, and reads other delimiters out of this beginning.
DELIMITER = "{"
OVERRIDE = "#jinja2:"


class Unsafe(str):
    """A text that is not to become a template."""


class Dumper(yaml.SafeDumper):
    """Writes our texts, and repeats instead of referring: an inventory is read by people."""

    def ignore_aliases(self, data: t.Any) -> bool:
        return True


Dumper.add_representer(Unsafe, lambda dumper, text: dumper.represent_scalar("!unsafe", str(text), style='"'))


def llm_state_yaml(found: t.Any) -> str:
    if not isinstance(found, dict) or not isinstance(found.get("desired"), dict):
        raise AnsibleFilterError("llm_state_yaml: give it the result of litellm_info")
    placeholders = {tuple(str(part) for part in path) for path in found.get("placeholders") or []}
    state = _as_data(found["desired"], placeholders, ())
    text = yaml.dump({"llm_state": state}, Dumper=Dumper, indent=2, width=160, sort_keys=False, allow_unicode=True)
    return HEAD + t.cast(str, text)


def _as_data(value: t.Any, placeholders: t.Collection[tuple[str, ...]], path: tuple[str, ...]) -> t.Any:
    if isinstance(value, dict):
        return {_text(name): _as_data(part, placeholders, (*path, str(name))) for name, part in value.items()}
    if isinstance(value, list):
        return [_as_data(part, placeholders, (*path, str(number))) for number, part in enumerate(value)]
    if isinstance(value, str):
        return str(value) if path in placeholders else _text(value)
    return value


def _text(text: str) -> str:
    return Unsafe(text) if DELIMITER in text or text.startswith(OVERRIDE) else str(text)


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"llm_state_yaml": llm_state_yaml}
