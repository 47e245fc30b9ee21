# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: operation
short_description: Says what an operation will do, asks before something is lost, and gives its result to automation
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Without O(result) it comes before the first change of an operation, with it it is the last task.
  - Runs on the controller and changes no host.
options:
  name:
    description: The operation, as its playbook is called. Whoever is asked types it.
    type: str
    required: true
  check_arguments:
    description:
      - Only looks at the variables of the command (C(-e)), before any host is asked.
      - Refused are names that look like an argument of the operation, arguments of other operations, and values that an argument can't have.
    type: bool
    default: false
  will:
    description: What the operation is about to do, in sentences.
    type: list
    elements: str
    default: []
  destroys:
    description:
      - What is lost or interrupted by it, in sentences. With none nobody is asked.
      - With some the name of the operation has to be typed, unless O(confirm). Where nobody can be asked it is refused.
    type: list
    elements: str
    default: []
  confirm:
    description: Consent that was given with the command, as C(-e confirm=yes).
    type: bool
    default: false
  result:
    description: What the operation came to.
    type: dict
  path:
    description:
      - File on the controller for O(result) as JSON, of mode 0600. With none it is printed.
      - Given before the operation too, it is refused there where it can't be written.
    type: str
    default: ''
  faults:
    description: What failed, in sentences. The task fails with them, once the result is given.
    type: list
    elements: str
    default: []
  remedy:
    description: What to do about O(faults). It is the last line of the error.
    type: str
    default: ''
attributes:
  check_mode:
    description: Says what would be done and asks nothing. The result is given, and says that it is one of check mode.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: Changes no host.
    support: full
"""

EXAMPLES = r"""
- name: Check what the command says
  llmfleet.gateway.operation:
    name: reset_database
    check_arguments: true
  run_once: true

- name: Say what will be done, and ask
  llmfleet.gateway.operation:
    name: reset_database
    will: [Back up the database, Make an empty one]
    destroys: [Every key, every team and the spend so far]
    confirm: "{{ confirm | default(false) }}"
    path: "{{ result | default('') }}"
  run_once: true

- name: Give the result
  llmfleet.gateway.operation:
    name: reset_database
    result: {backup: /var/backups/llmfleet/litellm.dump}
    path: "{{ result | default('') }}"
  run_once: true
"""

RETURN = r"""
confirmed:
  description: Whether there was something to consent to.
  returned: before the operation
  type: bool
path:
  description: The file; empty where the result was printed.
  returned: after the operation
  type: str
result:
  description: O(result) with C(operation), C(finished), C(check_mode) and C(failed), and where that is true with C(faults) and C(remedy).
  returned: after the operation
  type: dict
"""
