#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: vllm_figures
short_description: Keep what started vLLM instances say of their memory
version_added: "0.1.0"
author: llmfleet contributors (@llmfleet)
description:
  - Reads weights, KV cache, tokens and concurrency of every instance's last start out of its container's log, and keeps
    them with what was planned in a local facts file, which Ansible reads with the other facts as
    C(ansible_local.llmfleet_vllm).
  - Warns, with both numbers, where a plan was more than 5 % off.
  - The containers are only read. All the instances of a host take one call.
options:
  instances:
    description: The instances of this host. Those that are not named are dropped from the file.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the instance.
        type: str
        required: true
      container:
        description: Name of its container.
        type: str
        required: true
      plan:
        description: What was planned, by the names of P(llmfleet.gateway.vram_plan#filter); nothing where it was not.
        type: dict
        default: {}
      max_num_seqs:
        description: Requests that vLLM takes at once, where that is set.
        type: int
  path:
    description: The facts file. Its directory is made when it is missing.
    type: path
    default: /etc/ansible/facts.d/llmfleet_vllm.fact
  start_limit:
    description: Seconds of the log to read, from the container's start on. What vLLM says of its memory stands there.
    type: int
    default: 3600
attributes:
  check_mode:
    description: Can run in check mode and writes nothing.
    support: partial
    details: Says whether the file would change by what the logs have now. Figures of a container to be started can't be foreseen.
  diff_mode:
    description: Returns the file's text before and after.
    support: full
  idempotent:
    description: A second call changes nothing as long as no container was started anew.
    support: full
seealso:
  - plugin: llmfleet.gateway.vllm_figures
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Compare the plan with what vLLM found
  llmfleet.gateway.vllm_figures:
    instances:
      - name: qwen
        container: vllm-qwen
        plan: {kv_cache_tokens: 1041504, max_concurrency: 31.78}
"""

RETURN = r"""
ansible_facts:
  description: The figures, as the facts file has them.
  returned: success
  type: dict
  contains:
    llmfleet_vllm:
      description: The figures by instance.
      type: dict
      contains:
        instances:
          description:
            - For each instance C(predicted), C(real), C(figures) (both with the error in percent), C(warnings), and
              C(parallel_limit), the requests of full length that it holds.
          type: dict
"""

import json
import os
from datetime import datetime, timedelta
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._engine_log import read_log, record

ARGUMENTS: dict[str, dict[str, Any]] = {
    "instances": {
        "type": "list",
        "elements": "dict",
        "required": True,
        "options": {
            "name": {"type": "str", "required": True},
            "container": {"type": "str", "required": True},
            "plan": {"type": "dict", "default": {}},
            "max_num_seqs": {"type": "int"},
        },
    },
    "path": {"type": "path", "default": "/etc/ansible/facts.d/llmfleet_vllm.fact"},
    "start_limit": {"type": "int", "default": 3600},
}


def starts(module: AnsibleModule, docker: str, containers: list[str]) -> dict[str, str]:
    """When each container was started; those that are not there are left out."""
    if not containers:
        return {}
    template = "{{.Name}} {{.State.StartedAt}}"
    _rc, out, _err = module.run_command([docker, "inspect", "--type", "container", "--format", template, *containers])
    lines = [line.split() for line in out.splitlines()]
    return {words[0].lstrip("/"): words[1] for words in lines if len(words) == 2}


def log_of_start(module: AnsibleModule, docker: str, container: str, started: str) -> str:
    """The log from the last start on: an older start had other figures, and later lines are requests."""
    try:
        begin = datetime.strptime(started[:19], "%Y-%m-%dT%H:%M:%S")
    except ValueError:
        return ""
    until = begin + timedelta(seconds=module.params["start_limit"])
    window = ["--since", started, "--until", until.strftime("%Y-%m-%dT%H:%M:%SZ")]
    _rc, out, err = module.run_command([docker, "logs", *window, container])
    return f"{out}\n{err}"


def collect(module: AnsibleModule, docker: str, kept: dict[str, Any]) -> dict[str, Any]:
    """A record of each instance; what was kept of one stays where its log says nothing any more."""
    wanted = module.params["instances"]
    begun = starts(module, docker, [instance["container"] for instance in wanted])
    found = {}
    for instance in wanted:
        name, container = instance["name"], instance["container"]
        real = read_log(log_of_start(module, docker, container, begun[container])) if container in begun else {}
        if real or name not in kept:
            found[name] = record(instance["plan"], real, instance["max_num_seqs"])
        else:
            found[name] = kept[name]
    return found


def read_file(path: str) -> str:
    """The facts file's text; empty where there is none."""
    try:
        with open(path, encoding="utf-8") as stream:
            return stream.read()
    except OSError:
        return ""


def kept_in(text: str) -> dict[str, Any]:
    """The records in the file, none where it is damaged."""
    try:
        records = dict(json.loads(text)["instances"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return {}
    return {
        name: one for name, one in records.items() if isinstance(one, dict) and isinstance(one.get("warnings"), list)
    }


def write_file(module: AnsibleModule, path: str, text: str) -> None:
    """Replaces the file at once, readable by all: it holds no secret."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    staged = os.path.join(module.tmpdir, "llmfleet_vllm.fact")
    with open(staged, "w", encoding="utf-8") as stream:
        stream.write(text)
    os.chmod(staged, 0o644)
    module.atomic_move(staged, path)


def run(module: AnsibleModule) -> dict[str, Any]:
    """What the module returns."""
    path = module.params["path"]
    before = read_file(path)
    docker = module.get_bin_path("docker")
    if docker is None:
        return {"changed": False}
    found = collect(module, docker, kept_in(before))
    for name, one in found.items():
        for warning in one["warnings"]:
            module.warn(f"{name}: {warning}")
    after = json.dumps({"instances": found}, indent=2, sort_keys=True) + "\n"
    changed = json.loads(after)["instances"] != kept_in(before)
    if changed and not module.check_mode:
        write_file(module, path, after)
    return {
        "changed": changed,
        "ansible_facts": {"llmfleet_vllm": {"instances": found}},
        "diff": {"before": before, "after": after if changed else before, "before_header": path, "after_header": path},
    }


def main() -> None:
    """Entry point."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    module.exit_json(**run(module))


if __name__ == "__main__":
    main()
