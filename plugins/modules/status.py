#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: status
short_description: Shows how the fleet is
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Says what hosts and the database are to be asked, and afterwards puts together what they and the proxy said. It shows problems
    with their remedies and tables of everything, writes a page, and returns the same as a value.
  - Reads C(llm_fleet) and what the tasks of the playbook C(status) registered. Runs on the controller and changes no host.
options:
  stage:
    description:
      - V(ask) returns the options of M(llmfleet.gateway.host_status) by host, and of M(llmfleet.gateway.database_info).
      - V(report) comes after them.
    type: str
    choices: [ask, report]
    required: true
  page:
    description: File on the controller that gets a page for a browser. It needs nothing else, and only its owner may read it.
    type: str
  fail_on:
    description: Which problems are named in RV(faults). V(warning) means errors too.
    type: str
    choices: [never, warning, error]
    default: never
attributes:
  check_mode:
    description: Can run in check mode and writes no page then.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: Changes nothing, and tells of the moment.
    support: full
seealso:
  - module: llmfleet.gateway.host_status
  - module: llmfleet.gateway.database_info
  - module: llmfleet.gateway.container_info
"""

EXAMPLES = r"""
- name: Say how the fleet is
  llmfleet.gateway.status:
    stage: report
    page: status.html
  register: found
  run_once: true
"""

RETURN = r"""
hosts:
  description: Options of M(llmfleet.gateway.host_status) by host.
  returned: stage is V(ask)
  type: dict
database:
  description: The C(host) of the database, and C(options) of M(llmfleet.gateway.database_info).
  returned: stage is V(ask)
  type: dict
planned:
  description: The fleet with its instances, as M(llmfleet.gateway.fleet) returns it in its stage V(known). Empty where that can't be computed.
  returned: stage is V(ask)
  type: dict
plan_error:
  description: Why RV(planned) is empty.
  returned: stage is V(ask)
  type: str
status:
  description:
    - C(verdict) (V(ok), V(warning) or V(error)), C(problems) with C(level), C(where), C(what) and C(remedy), C(totals), C(hosts),
      C(models) with their replicas, C(services), C(images), C(traffic), C(usage), C(keys), C(database), C(certificates), C(backup) and
      C(drift).
    - A figure that could not be read is null.
  returned: stage is V(report)
  type: dict
faults:
  description: The problems that O(fail_on) means, a line each.
  returned: stage is V(report)
  type: list
  elements: str
remedy:
  description: What mends the first of RV(faults). Empty where there is none.
  returned: stage is V(report)
  type: str
"""
