#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_deployment
short_description: Reads a Compose deployment of vLLM, LiteLLM and PostgreSQL, and translates it into a fleet project
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Reads C(.env), the compose files, LiteLLM's C(config.yaml) and what else they name from a folder of a server, and what Docker says
    of its containers. Changes nothing on the server.
  - On the controller this becomes variables of a fleet, and secrets of it. Both are written below O(dir), unless it is empty.
  - What can't be translated is told by file, line and key. What has to be mended first ends the task, with all of it at once.
  - No value of a file is told, and none is taken for a template.
options:
  compose_dir:
    description: Absolute path of the folder on the server.
    type: path
    required: true
  compose_file:
    description: Compose files in there, where they are not those that Compose takes by itself.
    type: list
    elements: str
    default: []
  new_salt:
    description:
      - Whether a salt key that a fleet does not take, since it is too short, is replaced by a new one. What it encrypted, models and
        credentials that were entered in the UI, can't be read any more then. Virtual keys work on.
    type: bool
    default: false
  dir:
    description:
      - Folder of the fleet project on the controller. C(group_vars/all/main.yml) and C(group_vars/all/vault.yml) are written there, the
        latter encrypted where Ansible has a vault password. Files that are there already and differ are refused.
    type: path
  dump:
    description: For a move without O(dir), a dump of the database on the server that is to be taken instead of the database itself.
    type: path
  files:
    description: Used by the action plugin.
    type: list
    elements: str
    default: []
  models_dir:
    description: Used by the action plugin.
    type: str
    default: ''
  repositories:
    description: Used by the action plugin.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    description: Reads and translates, and writes nothing.
    support: full
  diff_mode:
    description: Shows the declaration that would be written, without the file of secrets.
    support: full
  idempotent:
    description: The same deployment gives the same files.
    support: full
seealso:
  - module: llmfleet.gateway.postgres_transfer
  - module: llmfleet.gateway.compose_services
"""

EXAMPLES = r"""
- name: Translate what is in /srv/llm
  llmfleet.gateway.compose_deployment:
    compose_dir: /srv/llm
    dir: my-fleet
  register: adopted
"""

RETURN = r"""
left:
  description: What was not translated, by file, line and key.
  returned: success
  type: list
  elements: str
different:
  description: What was translated and is not quite what it was.
  returned: success
  type: list
  elements: str
written:
  description: Files that were written.
  returned: success
  type: list
  elements: str
made:
  description: Secrets that are missing, since the deployment has none of the kind or one that a fleet does not take.
  returned: success
  type: list
  elements: str
gpu_count:
  description: GPUs of the server that models are declared for.
  returned: success
  type: int
ssh_user:
  description: Who the run logs in as, empty where it says nobody.
  returned: success
  type: str
project:
  description: Name of its Compose project.
  returned: success
  type: str
services:
  description: Services of the deployment that the fleet takes over, LiteLLM first and the database last.
  returned: success
  type: list
  elements: str
containers:
  description: Containers of the deployment.
  returned: success
  type: list
  elements: dict
  contains:
    id:
      description: Identifier.
      type: str
    name:
      description: Name.
      type: str
    service:
      description: Service in the compose file.
      type: str
    state:
      description: State by Docker's words.
      type: str
    restart:
      description: Restart policy.
      type: str
database:
  description: The database of the deployment, without its password.
  returned: success
  type: dict
  contains:
    service:
      description: Service that it is in. Empty for a database elsewhere.
      type: str
    name:
      description: Name of the database.
      type: str
    user:
      description: Who LiteLLM logs in as.
      type: str
    container:
      description: Name of its container, empty where there is none.
      type: str
"""

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._adopt import reading
from ..module_utils._host.run import run


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "compose_dir": {"type": "path", "required": True},
            "compose_file": {"type": "list", "elements": "str", "default": []},
            "new_salt": {"type": "bool", "default": False},
            "dir": {"type": "path"},
            "dump": {"type": "path"},
            "files": {"type": "list", "elements": "str", "default": []},
            "models_dir": {"type": "str", "default": ""},
            "repositories": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    said = module.params
    try:
        docker = reading.has_docker()
        facts = {
            "docker": docker,
            "containers": reading.containers(run, said["compose_dir"]) if docker else [],
            "volumes": reading.volumes(run) if docker else {},
            "gpus": reading.gpus(),
            "addresses": reading.addresses(run),
            "commits": {name: reading.commit(said["models_dir"], name) for name in said["repositories"]},
        }
        files = {path: reading.text(path) for path in said["files"]}
    except reading.ReadingError as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=False, files=files, facts=facts)


if __name__ == "__main__":
    main()
