# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_plan
short_description: Plan of Docker's packages on a host
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
extends_documentation_fragment: llmfleet.gateway.role_plan
"""

EXAMPLES = r"""
- name: Plan anew
  ansible.builtin.set_fact:
    plan: "{{ llm_fleet.hosts[inventory_hostname].docker.declared | llmfleet.gateway.docker_plan(ansible_facts.llm_host) }}"
"""

RETURN = r"""
_value:
  description: Packages, holds, key and repository that differ, and what keeps them from being mended.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.docker import packages_plan


class FilterModule:
    """See DOCUMENTATION."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"docker_plan": packages_plan}
