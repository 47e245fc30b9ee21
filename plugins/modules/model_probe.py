#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: model_probe
short_description: Try what models can do
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Runs a program in containers of this host that sends a model one small request for each of its abilities, as a client would, and
    judges the answers. Says which work.
  - Warns where one that is declared does not. It never fails because of what a model answers.
options:
  probes:
    description: The models, each with the container that asks it.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name in the result.
        type: str
        required: true
      container:
        description: Name of the container, which has Python and the key in a file.
        type: str
        required: true
      url:
        description: Where the model's API is from inside of that container. Ends in C(/v1).
        type: str
        required: true
      model:
        description: Name of the model in the API.
        type: str
        required: true
      checks:
        description: What is tried, by the program's names.
        type: list
        elements: str
        required: true
      declared:
        description: What of it is worth a warning.
        type: list
        elements: str
        default: []
  program:
    description: The program's text.
    type: str
    required: true
  seconds:
    description: Seconds for the requests of one model. What is not tried by then is unclear.
    type: int
    default: 60
attributes:
  check_mode:
    description: Can run in check mode and changes nothing.
    support: partial
    details: Asks nothing, and returns nothing.
  diff_mode:
    description: There is nothing that changes.
    support: none
  idempotent:
    description: Changes nothing.
    support: full
"""

EXAMPLES = r"""
- name: Try what a model can do
  llmfleet.gateway.model_probe:
    probes:
      - name: assistant
        container: llmfleet-vllm-assistant
        url: http://127.0.0.1:8000/v1
        model: assistant
        checks: [chat, stream, tool_call]
        declared: [chat, stream]
    program: "{{ lookup('ansible.builtin.file', 'conformance.py') }}"
"""

RETURN = r"""
models:
  description: By the name of a probe.
  returned: success
  type: dict
  sample: {"assistant": {"works": ["chat", "stream"], "fails": {"tool_call": "status 400"}, "unclear": {}, "seconds": 2.1}}
  contains:
    works:
      description: What was proven.
      type: list
      elements: str
    fails:
      description: What was refused, or answered in a way that no client can use, with the reason.
      type: dict
    unclear:
      description: What the model did not do although it may be able to, with the reason.
      type: dict
    seconds:
      description: Seconds of all requests together.
      type: float
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule

ARGUMENTS: dict[str, dict[str, Any]] = {
    "probes": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "container": {"type": "str", "required": True},
            "url": {"type": "str", "required": True},
            "model": {"type": "str", "required": True},
            "checks": {"type": "list", "elements": "str", "required": True},
            "declared": {"type": "list", "elements": "str", "default": []},
        },
    },
    "program": {"type": "str", "required": True},
    "seconds": {"type": "int", "default": 60},
}
#: States of the program.
WORKS = "works"
FAILS = "fails"
UNCLEAR = "unclear"
#: Characters of a reason.
MOST = 240


def read(out: str, checks: list[str]) -> dict[str, tuple[str, str, float]]:
    """State, reason and seconds by check. The program ran where others' answers were read: what is not as it should be is unclear."""
    try:
        said = json.loads(out)
    except ValueError:
        said = {}
    found = {}
    for name in checks:
        one = said.get(name) if isinstance(said, dict) else None
        one = one if isinstance(one, dict) else {}
        state = one.get("state") if one.get("state") in (WORKS, FAILS, UNCLEAR) else UNCLEAR
        seconds = one.get("seconds")
        spent = float(seconds) if isinstance(seconds, (int, float)) and not isinstance(seconds, bool) else 0.0
        found[name] = (str(state), str(one.get("said") or "nothing was said of it")[:MOST], spent)
    return found


def summary(found: dict[str, tuple[str, str, float]]) -> dict[str, Any]:
    return {
        "works": [name for name, one in found.items() if one[0] == WORKS],
        "fails": {name: one[1] for name, one in found.items() if one[0] == FAILS},
        "unclear": {name: one[1] for name, one in found.items() if one[0] == UNCLEAR},
        "seconds": round(sum(one[2] for one in found.values()), 1),
    }


def warnings(probe: dict[str, Any], result: dict[str, Any]) -> list[str]:
    return [
        f"{probe['name']}: {name} is declared and does not work: {why}"
        for name, why in result["fails"].items()
        if name in probe["declared"]
    ]


def run(module: AnsibleModule, docker: str, probe: dict[str, Any]) -> dict[str, Any]:
    arguments = [probe["url"], probe["model"], str(module.params["seconds"]), *probe["checks"]]
    command = [docker, "exec", "--interactive", probe["container"], "python3", "-", *arguments]
    rc, out, err = module.run_command(command, data=module.params["program"], binary_data=True)
    if rc:
        last = (err.strip().splitlines() or ["no reason given"])[-1]
        module.warn(f"{probe['name']}: it could not be tried what it can do: {last[:MOST]}")
    return summary(read(out if not rc else "", probe["checks"]))


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    docker = module.get_bin_path("docker", required=True)
    found: dict[str, Any] = {}
    for probe in module.params["probes"] if not module.check_mode else ():
        found[probe["name"]] = run(module, docker, probe)
        for text in warnings(probe, found[probe["name"]]):
            module.warn(text)
    module.exit_json(changed=False, models=found)


if __name__ == "__main__":
    main()
