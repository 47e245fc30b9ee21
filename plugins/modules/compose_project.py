#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_project
short_description: Bring Docker Compose projects and their files to their declared state
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Writes each project's compose file, configuration and secrets into one directory, has Docker Compose check the compose
    file first, pulls images before anything is stopped, starts what is new, recreates what changed, and waits until every
    service is healthy.
  - A container is recreated when its definition, its image or the content of a file that it reads has changed. Compose
    by itself does not see the last of these.
  - Every service must carry the label C(io.llmfleet.project) with the project's name. A container is ours if Compose made
    it in the project's directory, or if it carries that label. Any other container of the project's name, and one that
    holds a name that a service's container would get, is refused before anything is written.
  - When a new state does not become healthy, or a hook fails, the files and containers of the last state that worked
    are put back, their hooks' checks run, and the task fails, see O(projects[].forward_only) for the exception. Each
    project succeeds or is put back by itself; the task fails when one of them did.
  - Projects that are as declared cost one module call, all of them together. Progress is shown while images are pulled
    and services start.
options:
  projects:
    description: The projects of this host. Names and directories must differ.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: Name of the Compose project.
        type: str
        required: true
      project_dir:
        description: Absolute path of the directory for the project's files. Made when absent.
        type: path
        required: true
      state:
        description:
          - V(present) brings the project to its declared state.
          - V(absent) removes the containers, the files that were written and what is remembered of the project. Data
            directories stay.
          - V(previous) brings its services to what they were before the state that works now, with the files, images and
            definitions that were kept of it. The project fails where there is none.
        type: str
        choices: [present, absent, previous]
        default: present
      vars:
        description: Variables for the templates of O(projects[].files[].src), beside those of the task.
        type: dict
        default: {}
      files:
        description: Files of the project. One of them must have O(projects[].files[].path=compose.yml).
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Where the file goes, relative to O(projects[].project_dir) or absolute.
            type: str
            required: true
          src:
            description: Template on the controller to render, looked up as M(ansible.builtin.template) does.
            type: str
          content:
            description: Content of the file, instead of O(projects[].files[].src).
            type: str
          mode:
            description: Permissions as an octal string.
            type: str
            default: '0644'
          owner:
            description: User name or numeric user id. In a container's bind mount the number is what counts.
            type: str
            default: '0'
          group:
            description: Group name or numeric group id.
            type: str
            default: '0'
          secret:
            description: Whether output and diffs must tell only that the file changed. Never set it on the compose file.
            type: bool
            default: false
          services:
            description: Services that read this file, and so are recreated when it changes.
            type: list
            elements: str
            default: []
          reload:
            description:
              - Services that read this file and take a change of it without a new container, as O(projects[].reload) says.
              - The container must have the file's directory mounted, not the file by itself. A file is replaced when it
                changes, and a mount of the file alone goes on showing the former one.
            type: list
            elements: str
            default: []
      directories:
        description:
          - Directories that must exist, such as those for data. Their content is never touched.
          - Owner and mode are kept of those with a relative path and of those that were made here. Another directory that
            was there before keeps what it has.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: Path, relative to O(projects[].project_dir) or absolute.
            type: str
            required: true
          mode:
            description: Permissions as an octal string.
            type: str
            default: '0755'
          owner:
            description: User name or numeric user id.
            type: str
            default: '0'
          group:
            description: Group name or numeric group id.
            type: str
            default: '0'
      networks:
        description:
          - Docker networks that several projects share. Made when absent, never removed.
          - One that exists and differs in O(projects[].networks[].internal) is refused.
        type: list
        elements: dict
        default: []
        suboptions:
          name:
            description: Name of the network.
            type: str
            required: true
          internal:
            description: Whether the network has no way out.
            type: bool
            default: false
      before_image_change:
        description:
          - Commands that must succeed before a service gets another image, such as a backup. When one fails, nothing is
            changed.
          - They do not run for a service that has no container yet.
        type: list
        elements: dict
        default: []
        suboptions:
          service:
            description: The service whose image changes.
            type: str
            required: true
          description:
            description: What the command sees to, shown in errors.
            type: str
            required: true
          command:
            description: The command, run in the service's running old container.
            type: list
            elements: str
            required: true
          one_off:
            description: Whether to run it in a new container of the old definition (C(docker compose run)) instead.
            type: bool
            default: false
          timeout:
            description: Seconds that it may take.
            type: int
            default: 3600
      hooks:
        description:
          - Commands that run inside a healthy service at the end of every run, for state that lies behind the service, such
            as a database role, or for a proof that it works.
          - A command reports a change by printing the word C(CHANGED). One that fails makes the new state a failed one.
          - Where a failed state was put back, the check commands of the state that runs again prove that it works.
        type: list
        elements: dict
        default: []
        suboptions:
          service:
            description: Service to run in.
            type: str
            required: true
          description:
            description: What the command sees to, shown in results and errors.
            type: str
            required: true
          command:
            description: The command that brings the state about.
            type: list
            elements: str
            required: true
          check_command:
            description: The command that only reports, used in check mode and after something was put back.
            type: list
            elements: str
            required: true
          stdin_file:
            description:
              - One of O(projects[].files), whose declared content both commands get as standard input.
              - So check mode asks about the new content, which is not on the disk yet.
            type: str
          timeout:
            description: Seconds that it may take.
            type: int
            default: 300
      reload:
        description:
          - How services take files that are named O(projects[].files[].reload), by the service's name. Each has either
            C(signal), such as V(USR2), which C(sh) in the container sends to process 1, or C(command), a list that is run in
            the container; and may have C(check), a list that is run in the container before.
          - Where only such files of a service changed, its container is reloaded. A service that is made, started or
            recreated reads them anyway.
          - When the check, the command or a hook fails, the former files are put back and reloaded without a check.
        type: dict
        default: {}
      attach:
        description:
          - Networks that containers are to be in beside those of the compose file, by the service's name. A network that
            comes or goes so makes no new container.
          - A network that does not exist yet is left out; who makes it attaches the container by
            O(projects[].attach_containers).
          - A network that is not listed any more is left as soon as no other container is in it, and with the project that
            made it. Networks that a person has connected are left alone.
        type: dict
        default: {}
      attach_containers:
        description:
          - Containers of other projects of ours that are to be in a network of this project, by the network's name.
            One that does not exist yet is left out.
          - They leave the network when this project is removed, or has another network.
        type: dict
        default: {}
      guards:
        description: Files that must hold a text, where they exist, before anything is touched.
        type: list
        elements: dict
        default: []
        suboptions:
          path:
            description: The file, relative to O(projects[].project_dir) or absolute.
            type: str
            required: true
          equals:
            description: The text, compared without surrounding white space.
            type: str
            required: true
          fail_msg:
            description: The error otherwise. C({found}) stands for the file's text.
            type: str
            required: true
      forward_only:
        description:
          - Services whose image migrates data forward when it starts.
          - When the image of one of them changed in a run that fails, nothing is put back, since the old image may not
            understand the data any more. The task fails with O(projects[].forward_only_hint).
        type: list
        elements: str
        default: []
      forward_only_hint:
        description: What a person has to do then.
        type: str
        default: Restore the backup that was taken before the change, and run again with the former image.
      replaces:
        description:
          - Containers of other projects, such as those of an earlier layout, whose place this one takes.
          - They are stopped when the new containers start, started again when those fail, and removed when those work.
            The other project's files are removed with its last service; its data directories stay.
        type: list
        elements: dict
        default: []
        suboptions:
          project:
            description: Name of the other Compose project.
            type: str
            required: true
          project_dir:
            description: Its directory. A project of that name elsewhere is left alone.
            type: path
            required: true
          service:
            description: Its service. Without one, every service that no other entry of O(projects) names.
            type: str
      secret_values:
        description: Values that are masked in everything this module says, such as the logs of a failed service.
        type: list
        elements: str
        default: []
  prune_prefix:
    description:
      - Projects that carry our label, have a name that begins with this, and are not in O(projects) are made absent, by
        O(step=all) and O(step=apply); O(step=fetch) says that they would be.
    type: str
    default: ''
  step:
    description:
      - V(all) does everything, in order, and puts back what fails.
      - V(fetch) says what would be done to each project, RV(projects) tells how, stops nothing, and fetches images that are
        not there, and what services bring that carry the label C(io.llmfleet.step) with the value C(fetch). Those are run
        beside the project where they would get another container. V(apply) writes the files and starts the containers,
        after fetching what is missing. V(verify) waits for health and runs the hooks. V(commit) keeps the
        verified state as the one to come back to. V(take_back) brings the last committed one back.
      - With a single step nothing is put back by itself, which is the business of who calls the steps.
    type: str
    choices: [all, fetch, apply, verify, commit, take_back]
    default: all
  stop_first:
    description:
      - Whether no new container is started before the former ones of all O(projects) have ended. For those that share what
        is scarce, such as the memory of a GPU.
      - Containers of projects that are made absent always end first.
    type: bool
    default: false
  recreate:
    description: Whether to recreate all the services although nothing changed.
    type: bool
    default: false
  wait_timeout:
    description: Seconds that the services of a project have to become healthy, counted from their start.
    type: int
    default: 300
  pull_timeout:
    description: Seconds that pulling a project's images may take, and so starting or stopping its containers.
    type: int
    default: 7200
  lock_timeout:
    description: Seconds to wait for another run, or the watch, that is at one of the projects.
    type: int
    default: 60
  max_restarts:
    description: A service that the engine restarts more often than this while it is waited for has failed.
    type: int
    default: 2
  secret_contents:
    description: Used between the action plugin and the module. Do not set it.
    type: dict
    default: {}
  call:
    description: Used between the action plugin and the module. Do not set it.
    type: str
    choices: [begin, watch, take_back, stop]
    default: begin
  only:
    description: Used between the action plugin and the module. Do not set it.
    type: list
    elements: str
    default: []
  window:
    description: Used between the action plugin and the module. Do not set it.
    type: float
    default: 10
  stop_services:
    description: Used between the action plugin and the module. Do not set it.
    type: dict
    default: {}
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - Where Docker is not installed yet, the services can't be foreseen. RV(projects) says so under C(unforeseen).
  diff_mode:
    support: full
  platform:
    support: full
    platforms: posix
requirements:
  - Docker Engine with Docker Compose 2.20 or newer on the managed host
"""

EXAMPLES = r"""
- name: Run a web server with one configuration file
  llmfleet.gateway.compose_project:
    projects:
      - name: web
        project_dir: /opt/web
        files:
          - path: compose.yml
            content: |
              services:
                web:
                  image: docker.io/library/caddy:2.10.0
                  labels: {io.llmfleet.project: web}
                  restart: unless-stopped
                  volumes:
                    - ./Caddyfile:/etc/caddy/Caddyfile:ro
          - path: Caddyfile
            content: |
              :80 {
                respond "hello"
              }
            services: [web]

- name: Run a proxy that takes another configuration without losing a connection
  llmfleet.gateway.compose_project:
    projects:
      - name: proxy
        project_dir: /opt/proxy
        files:
          - path: compose.yml
            content: |
              services:
                proxy:
                  image: docker.io/library/haproxy:3.0
                  labels: {io.llmfleet.project: proxy}
                  restart: unless-stopped
                  command: [haproxy, -W, -f, /etc/proxy/haproxy.cfg]
                  volumes:
                    - ./config:/etc/proxy:ro
          - path: config/haproxy.cfg
            src: haproxy.cfg.j2
            reload: [proxy]
        reload:
          proxy:
            check: [haproxy, -c, -f, /etc/proxy/haproxy.cfg]
            signal: USR2

- name: Remove the containers and files, keep the data
  llmfleet.gateway.compose_project:
    projects:
      - name: web
        project_dir: /opt/web
        state: absent

- name: Fetch what is about to change, while all of it runs, and learn what would be stopped
  llmfleet.gateway.compose_project:
    projects: "{{ web_projects }}"
    step: fetch
"""

RETURN = r"""
projects:
  description: What was done, by name of the project.
  returned: always
  type: dict
  contains:
    changed:
      description: Whether something of the project was changed.
      type: bool
    failed:
      description: Whether it could not be brought to its state.
      type: bool
    msg:
      description: Why, and where the host stands.
      returned: failure
      type: str
    actions:
      description: Service name to what is done with its container and why. Services that stay as they are do not appear.
      returned: success
      type: dict
      sample: {"litellm": "recreate: a file that it reads changed"}
    files:
      description: Path to what differs, of the files that differ.
      returned: success
      type: dict
      sample: {"config.yaml": "content"}
    directories:
      description: Path to what differs, of the directories that differ.
      returned: success
      type: dict
      sample: {"data": "create"}
    removed_files:
      description: Files of an earlier run that the declaration no longer has.
      returned: success
      type: list
      elements: str
    change:
      description:
        - What a run would do to the project. V(changed) and V(reloaded) tell of one that has containers, V(removed) of one that
          is to be gone, whether it was given or found by O(prune_prefix).
      returned: success of O(step=fetch)
      type: str
      sample: changed
    stops:
      description: Whether a run would end a container that is running.
      returned: success of O(step=fetch)
      type: bool
    ready:
      description: Whether the project's containers run and are healthy now, or those whose place it takes.
      returned: success of O(step=fetch)
      type: bool
    project_dir:
      description: The project's directory.
      returned: success of O(step=fetch)
      type: str
    fetches:
      description: Services that only fetch, and that are run ahead.
      returned: success of O(step=fetch)
      type: list
      elements: str
    replaced:
      description: Containers of other projects whose place is taken.
      returned: success
      type: list
      elements: str
    networks:
      description: Networks that are made.
      returned: success
      type: list
      elements: str
    attachments:
      description: Networks that running containers come into or leave.
      returned: success
      type: list
      elements: str
      sample: ["attach to llmfleet-vllm-assistant"]
    pulls:
      description: Images that are not on the host yet.
      returned: success
      type: list
      elements: str
    unforeseen:
      description: What check mode can't tell, and why.
      returned: success
      type: list
      elements: str
    hooks:
      description: Descriptions of the hooks that changed something.
      returned: success
      type: list
      elements: str
    containers:
      description: The project's containers, once they are healthy.
      returned: success, except in check mode
      type: list
      elements: dict
      sample: [{"service": "litellm", "name": "litellm", "state": "running", "health": "healthy"}]
    rollback:
      description:
        - What became of the failed state. V(restored), the last state that worked runs again and its checks pass;
          V(unproven), it runs again and a check fails; V(kept), data may have been migrated forward; V(stopped), there was
          no earlier state; V(running), there was none and the services still run; V(untouched), nothing had been
          changed; V(failed), the last state that worked could not be brought back.
      returned: failure, and by O(step=take_back)
      type: str
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.batch import FAILURES, Batch
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Engine, limited
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.protocol import (
    CALLS,
    FORWARD_ONLY_HINT,
    PULL_TIMEOUT,
    STEPS,
    WAIT_TIMEOUT,
    Call,
    Step,
)

Spec = dict[str, t.Any]

STRINGS: Spec = {"type": "list", "elements": "str", "default": []}


def dicts(**options: t.Any) -> Spec:
    return {"type": "list", "elements": "dict", "default": [], "options": options}


def required(kind: str = "str", **more: t.Any) -> Spec:
    return {"type": kind, "required": True, **more}


def project_spec() -> Spec:
    owned = {"owner": {"type": "str", "default": "0"}, "group": {"type": "str", "default": "0"}}
    command = {"service": required(), "description": required(), "command": required("list", elements="str")}
    return {
        "name": required(),
        "project_dir": required("path"),
        "state": {"type": "str", "choices": ["present", "absent", "previous"], "default": "present"},
        "vars": {"type": "dict", "default": {}},
        "files": dicts(
            path=required(),
            src={"type": "str"},
            content={"type": "str"},
            mode={"type": "str", "default": "0644"},
            secret={"type": "bool", "default": False, "no_log": False},
            services=STRINGS,
            reload=STRINGS,
            **owned,
        ),
        "directories": dicts(path=required(), mode={"type": "str", "default": "0755"}, **owned),
        "networks": dicts(name=required(), internal={"type": "bool", "default": False}),
        "before_image_change": dicts(
            one_off={"type": "bool", "default": False}, timeout={"type": "int", "default": 3600}, **command
        ),
        "hooks": dicts(
            check_command=required("list", elements="str"),
            stdin_file={"type": "str"},
            timeout={"type": "int", "default": 300},
            **command,
        ),
        "reload": {"type": "dict", "default": {}},
        "attach": {"type": "dict", "default": {}},
        "attach_containers": {"type": "dict", "default": {}},
        "guards": dicts(path=required(), equals=required(), fail_msg=required()),
        "forward_only": STRINGS,
        "forward_only_hint": {"type": "str", "default": FORWARD_ONLY_HINT},
        "replaces": dicts(project=required(), project_dir=required("path"), service={"type": "str"}),
        "secret_values": {**STRINGS, "no_log": True},
    }


def argument_spec() -> Spec:
    return {
        "projects": {"type": "list", "elements": "dict", "required": True, "options": project_spec()},
        "prune_prefix": {"type": "str", "default": ""},
        "step": {"type": "str", "choices": STEPS, "default": Step.ALL},
        "stop_first": {"type": "bool", "default": False},
        "recreate": {"type": "bool", "default": False},
        "wait_timeout": {"type": "int", "default": WAIT_TIMEOUT},
        "pull_timeout": {"type": "int", "default": PULL_TIMEOUT},
        "lock_timeout": {"type": "int", "default": 60},
        "max_restarts": {"type": "int", "default": 2},
        "secret_contents": {"type": "dict", "default": {}, "no_log": True},
        "call": {"type": "str", "choices": CALLS, "default": Call.BEGIN},
        "only": STRINGS,
        "window": {"type": "float", "default": 10},
        "stop_services": {"type": "dict", "default": {}},
    }


def main() -> None:
    # The invocation is not logged: it holds whole files, which the result's diff shows better.
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True, no_log=True)
    os.umask(0o022)
    batch = Batch(module.params, module.check_mode, Engine(limited(module.run_command)))
    try:
        result = batch.perform()
    except FAILURES as error:
        module.fail_json(msg=batch.mask.text(str(error)))
    statuses = result["projects"].values()
    module.exit_json(changed=any(status.get("changed") for status in statuses), **result)


if __name__ == "__main__":
    main()
