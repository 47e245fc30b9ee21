# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: preflight_rows
short_description: Judge what was found on the hosts before anything is changed
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Compares what M(llmfleet.gateway.preflight_info) found on each host with what is declared for it.
  - Returns one row for each thing that was looked at, the table as text, and every fault with its remedy.
positional: _input
options:
  _input:
    description: What was found, by host.
    type: dict
    required: true
  declared:
    description:
      - What is declared, by host. C(gpu_count), C(driver_managed) and C(manages_packages); C(image), C(vllm_version) and
        C(cuda) (by default that of the image); C(images) with the room in GiB of each; C(models); C(ports) with what each is for;
        C(shares), the part of its memory that is used of each GPU.
    type: dict
    required: true
seealso:
  - module: llmfleet.gateway.preflight_info
"""

EXAMPLES = r"""
- name: Refuse hosts that can't be used
  ansible.builtin.assert:
    that: not judged.refusal
    fail_msg: "{{ judged.refusal }}"
  vars:
    judged: "{{ {'gpu1': found} | llmfleet.gateway.preflight_rows({'gpu1': declared}) }}"
"""

RETURN = r"""
_value:
  description: The judgement.
  type: dict
  contains:
    rows:
      description: Rows with C(host), C(check), C(found), C(verdict) (V(ok), V(warning) or V(error)) and C(remedy).
      type: list
      elements: dict
    table:
      description: The same as lines of text.
      type: list
      elements: str
    refusal:
      description: Every fault with its remedy, empty when there is none.
      type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._preflight.judge import judge, lines, refusal


def preflight_rows(found: Mapping[str, Any], declared: Mapping[str, Any]) -> dict[str, Any]:
    """See DOCUMENTATION."""
    rows = [row for host, facts in found.items() for row in judge(host, facts, declared[host])]
    return {"rows": [row._asdict() for row in rows], "table": lines(rows), "refusal": refusal(rows)}


class FilterModule:
    """The judgement of preflight."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Names and functions of the filters here."""
        return {"preflight_rows": preflight_rows}
