#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: gate_statistics
short_description: Read what the gate of a host counted of each server
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads HAProxy's statistics over its runtime socket. Counters begin anew with each reload of the gate.
options:
  socket:
    description: Path of the runtime socket of the gate, C(llm_fleet.hosts[inventory_hostname].gate.socket).
    type: path
    required: true
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  platform:
    support: full
    platforms: posix
"""

EXAMPLES = r"""
- name: Read what the gate counted
  llmfleet.gateway.gate_statistics:
    socket: /opt/llmfleet/gate/run/admin.sock
  register: counted
"""

RETURN = r"""
servers:
  description: The servers.
  returned: success
  type: list
  elements: dict
  contains:
    backend:
      description: Name of the backend.
      type: str
    server:
      description: Name of the server.
      type: str
    requests:
      description: Requests that were sent there.
      type: int
    errors:
      description: Answers with a status from 500 on, connections that failed and answers that broke off.
      type: int
    milliseconds:
      description: Mean time of the last 1024 requests, from first to last byte.
      type: int
"""

import csv
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._gate.runtime import GateError, Runtime

ERRORS = ("hrsp_5xx", "econ", "eresp")


def counted(text: str) -> list[dict[str, t.Any]]:
    """Of `show stat`; only rows of servers."""
    rows = csv.DictReader(text.lstrip("# ").splitlines())
    return [
        {
            "backend": row["pxname"],
            "server": row["svname"],
            "requests": int(row["stot"] or 0),
            "errors": sum(int(row[name] or 0) for name in ERRORS),
            "milliseconds": int(row["ttime"] or 0),
        }
        for row in rows
        if row.get("type") == "2"
    ]


def main() -> None:
    module = AnsibleModule(argument_spec={"socket": {"type": "path", "required": True}}, supports_check_mode=True)
    runtime = Runtime(module.params["socket"])
    try:
        found = counted(runtime.tell(runtime.workers()[0], "show stat"))
    except (GateError, OSError, ValueError, KeyError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, servers=found)


if __name__ == "__main__":
    main()
