# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: image_pins
short_description: Images in use as variables that pin them by digest
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - For the playbook C(digests).
options:
  _input:
    description: Of each host the containers that M(llmfleet.gateway.container_info) found there.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show the variables
  ansible.builtin.debug:
    msg: "{{ ({'gpu1': found.containers} | llmfleet.gateway.image_pins).text }}"
"""

RETURN = r"""
_value:
  description: The C(variables), their C(text) as a file of variables, and C(faults), why some image can't be pinned.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._operation.pins import pins


class FilterModule:
    """See DOCUMENTATION."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"image_pins": pins}
