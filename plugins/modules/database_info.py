#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: database_info
short_description: Sizes of LiteLLM's database, and the use of the proxy that it holds
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads in one call of C(psql), inside the database's container, the server's state, the size of the tables, how fast the logs of
    requests grow, and the use of the proxy by hour, day and key.
  - The session is read-only, and each question has eight seconds. One that fails is named in RV(faults) while the others are told.
  - Changes nothing.
options:
  container:
    description: Name of the container of PostgreSQL.
    type: str
    default: llmfleet-postgres
  user:
    description: Role of the database that asks, over the server's own socket.
    type: str
    default: postgres
  database:
    description: Name of the database.
    type: str
    default: litellm
extends_documentation_fragment:
  - llmfleet.gateway.reading
seealso:
  - module: llmfleet.gateway.host_status
"""

EXAMPLES = r"""
- name: Read the database
  llmfleet.gateway.database_info:
  register: found

- name: Say how large it is
  ansible.builtin.debug:
    msg: "{{ found.server.bytes | human_readable }}"
"""

RETURN = r"""
server:
  description: C(version), C(bytes), C(connections), C(max_connections), C(started) and C(longest_transaction_seconds).
  returned: success
  type: dict
tables:
  description: The 40 largest tables with their C(name), C(bytes) with indexes, and estimated C(rows).
  returned: success
  type: list
  elements: dict
logs:
  description: C(rows) that the last C(days) added to the logs of requests, and the age of the oldest in C(oldest_days).
  returned: success
  type: dict
days:
  description: Requests, failures, tokens and spend of each C(model) on each C(day) of the last 30, in UTC.
  returned: success
  type: list
  elements: dict
hours:
  description: Requests, failures, tokens, and the median and 95th percentile of seconds in each C(hour) of the last 48.
  returned: success
  type: list
  elements: dict
users:
  description: The ten keys with most tokens within seven days.
  returned: success
  type: list
  elements: dict
budgets:
  description: Teams and users that have spent 80 % of their budget or more.
  returned: success
  type: list
  elements: dict
faults:
  description: Questions without an answer, with the reason. Their result is null.
  returned: success
  type: dict
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._host.run import run
from ansible_collections.llmfleet.gateway.plugins.module_utils._status.database import read


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "container": {"type": "str", "default": "llmfleet-postgres"},
            "user": {"type": "str", "default": "postgres"},
            "database": {"type": "str", "default": "litellm"},
        },
        supports_check_mode=True,
    )
    asked = module.params
    module.exit_json(changed=False, **read(run, asked["container"], asked["user"], asked["database"]))


if __name__ == "__main__":
    main()
