# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: docker_daemon_options
short_description: Options of daemon.json from the variables of the role docker
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - What is merged into daemon.json. The variables may hold credentials, so this is made where the file is written, not in C(llm_fleet).
options:
  _input:
    description: The role's variables by their names.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Merge the options into daemon.json
  llmfleet.gateway.docker_daemon_config:
    options: "{{ dict(names | zip(q('ansible.builtin.vars', *names))) | llmfleet.gateway.docker_daemon_options }}"
  vars:
    names: "{{ llm_fleet.hosts[inventory_hostname].docker.daemon_variables }}"
"""

RETURN = r"""
_value:
  description: The options, as a JSON merge patch.
  type: dict
"""

from collections.abc import Callable
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._packages.daemon import daemon_options


class FilterModule:
    """See DOCUMENTATION."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"docker_daemon_options": daemon_options}
