# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: secret_values
short_description: Secrets by the places in variables where they stand
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - The fleet's value (M(llmfleet.gateway.fleet)) names where secrets are and holds none. This looks them up at the moment
    in which a file of secrets is rendered.
options:
  _terms:
    description:
      - Dictionaries of a name to the place of its value. A place is a list, the name of a variable followed by keys and
        positions.
    type: list
    elements: dict
    required: true
"""

EXAMPLES = r"""
- name: Count the secrets of the gateway's external models
  ansible.builtin.debug:
    msg: "{{ lookup('llmfleet.gateway.secret_values', {'KEY': ['llm_external_models', 0, 'litellm_params', 'api_key']}) | length }}"
  no_log: true
"""

RETURN = r"""
_raw:
  description: For each term the same names with the values.
  type: list
  elements: dict
"""

import typing as t

from ansible.errors import AnsibleLookupError
from ansible.plugins.lookup import LookupBase


class LookupModule(LookupBase):
    def run(
        self, terms: list[t.Any], variables: dict[str, t.Any] | None = None, **kwargs: t.Any
    ) -> list[dict[str, t.Any]]:
        self.set_options(var_options=variables, direct=kwargs)
        known = variables or {}
        return [{name: self._value(place, known) for name, place in term.items()} for term in terms]

    def _value(self, place: list[t.Any], known: dict[str, t.Any]) -> t.Any:
        variable, *steps = place
        if variable not in known:
            raise AnsibleLookupError(f"the variable {variable} is gone since the fleet was computed: run again")
        value = self._templar.template(known[variable])
        try:
            for step in steps:
                value = value[step]
        except (IndexError, KeyError, TypeError):
            where = ".".join(str(step) for step in place)
            raise AnsibleLookupError(f"{where} is gone since the fleet was computed: run again") from None
        return value
