# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the filters share that plan a host's packages anew, after a role changed some."""

from __future__ import annotations


class ModuleDocFragment:
    """Used by docker_plan, nvidia_driver_plan and nvidia_container_toolkit_plan."""

    DOCUMENTATION = r"""
description:
  - What differs on a host from what is declared. The plan is part of C(llm_fleet); this makes it anew after the role changed
    packages and looked at the host again.
positional: facts
options:
  _input:
    description: What is declared, as the role's view in C(llm_fleet) has it.
    type: dict
    required: true
  facts:
    description: What M(llmfleet.gateway.host_info) found on the host, the fact C(llm_host).
    type: dict
    required: true
"""
