# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: fleet_project
short_description: Writes a fleet project
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Writes what a fleet is kept in, C(site.yml), the inventory C(gpu_hosts), C(group_vars/all/main.yml), C(ansible.cfg),
    C(requirements.yml) and C(.gitignore), with comments that tell what to write where.
  - A file that is there stays as it is. None holds a secret; M(llmfleet.gateway.secrets_file) makes those.
  - What is asked for is judged by the rules of C(site.yml) before anything is written.
  - Runs on the controller. The playbook C(init) calls it.
options:
  path:
    description:
      - The folder of the project.
    type: path
    required: true
  gpu_hosts:
    description:
      - Addresses or names of the GPU servers, a list or text with commas. They are called C(gpu1), C(gpu2) and so on. By default an
        address to replace.
    type: raw
  gateway:
    description:
      - Address or name of the server that runs LiteLLM. By default the first GPU server.
    type: str
  ssh_user:
    description:
      - Who ssh logs in as, root or a user with sudo. By default C(root).
    type: str
  gpu_count:
    description:
      - GPUs of each server that vLLM may use, V(0) for none. By default 1.
    type: raw
  domain:
    description:
      - Name of the API, for which the gateway gets a certificate. By default there is none.
    type: str
  models:
    description:
      - The models to serve, a list or text with commas, each a repository on the Hugging Face hub or an absolute path on the servers. The
        name in the API is the last part, unless it is given before, as in V(chat=Qwen/Qwen2.5-7B-Instruct).
    type: raw
attributes:
  check_mode:
    description: Says what it would write.
    support: full
  diff_mode:
    description: Shows what it writes, which is no secret.
    support: full
  idempotent:
    description: What is there stays.
    support: full
"""

EXAMPLES = r"""
- name: Write a project for two servers
  llmfleet.gateway.fleet_project:
    path: my-fleet
    gpu_hosts: [10.0.0.5, 10.0.0.6]
    models: [chat=Qwen/Qwen2.5-7B-Instruct]
"""

RETURN = r"""
path:
  description: The folder.
  returned: success
  type: str
inventory:
  description: The inventory in it.
  returned: success
  type: str
written:
  description: Files that were missing.
  returned: success
  type: list
  elements: str
kept:
  description: Files that were there.
  returned: success
  type: list
  elements: str
"""
