# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: compose_yaml
short_description: A Compose file as text that Docker Compose reads as it was meant
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Writes every text in double quotes, so that no value is taken for a number, a comment or a mapping, and doubles every
    dollar sign, so that Docker Compose puts no variable in its place.
positional: _input
options:
  _input:
    description: The content of a Compose file.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show what Docker Compose would read
  ansible.builtin.debug:
    msg: "{{ {'name': 'web', 'services': {'web': {'image': 'nginx:1.29', 'environment': {'PRICE': '$5'}}}}
             | llmfleet.gateway.compose_yaml }}"
"""

RETURN = r"""
_value:
  description: The text, a line each for what stands at its own.
  type: str
"""

import json
import re
import typing as t

#: A key that is no number, truth value or null in any YAML, so it needs no quotes.
PLAIN_KEY = re.compile(r"(?!(?:y|n|yes|no|on|off|true|false|null)$)[a-z][a-z0-9_]*", re.IGNORECASE)


def compose_yaml(content: t.Mapping[str, t.Any]) -> str:
    return "\n".join(_lines(content, "")) + "\n"


def _lines(content: t.Mapping[str, t.Any], indent: str) -> t.Iterator[str]:
    for key, value in content.items():
        if isinstance(value, t.Mapping) and value:
            yield f"{indent}{_key(key)}:"
            yield from _lines(value, indent + "  ")
        elif isinstance(value, list) and any(isinstance(entry, t.Mapping) for entry in value):
            yield f"{indent}{_key(key)}:"
            yield from (f"{indent}  - {_flow(entry)}" for entry in value)
        else:
            yield f"{indent}{_key(key)}: {_flow(value)}"


def _key(key: t.Any) -> str:
    return str(key) if PLAIN_KEY.fullmatch(str(key)) else json.dumps(str(key), ensure_ascii=False)


def _flow(value: t.Any) -> str:
    """JSON is YAML too. Compose looks for variables in values only, not in keys."""
    return json.dumps(value, ensure_ascii=False).replace("$", "$$")


class FilterModule:
    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"compose_yaml": compose_yaml}
