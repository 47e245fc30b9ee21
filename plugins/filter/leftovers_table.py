# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: leftovers_table
short_description: What a cleanup frees on each host, in words
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - For the playbook C(cleanup).
options:
  _input:
    description: Of each host what M(llmfleet.gateway.leftovers) found there.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Say what would be freed
  ansible.builtin.debug:
    msg: "{{ {'gpu1': found.leftovers} | llmfleet.gateway.leftovers_table }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._operation.sizes import leftovers


class FilterModule:
    """See DOCUMENTATION."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"leftovers_table": leftovers}
