#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: compose_project
short_description: Bring a Docker Compose project and its files to their declared state
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Writes a project's compose file, configuration and secrets into one directory, has Docker Compose check the compose
    file first, starts what is new, recreates what changed, and waits until every service is healthy.
  - A container is recreated when its definition, its image or the content of a file that it reads has changed. Compose
    by itself does not see the last of these.
  - When the new state does not become healthy, the files and containers of the last healthy state are put back and the
    task fails, see O(forward_only) for the exception.
  - A converged project costs one module call. Progress is shown while images are pulled and services start.
options:
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
      - V(absent) removes the containers and the files that were written. Data directories stay.
    type: str
    choices: [present, absent]
    default: present
  files:
    description: Files of the project. One of them must have O(files[].path=compose.yml).
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Where the file goes, relative to O(project_dir) or absolute.
        type: str
        required: true
      src:
        description: Template on the controller to render, looked up as M(ansible.builtin.template) does.
        type: str
      content:
        description: Content of the file, instead of O(files[].src).
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
  directories:
    description: Directories that must exist, such as those for data. Their content is never touched.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: Path, relative to O(project_dir) or absolute.
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
    description: Docker networks that several projects share. Made when absent, never removed.
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
  hooks:
    description:
      - Commands that run inside a healthy service at the end of every run, for state that lies behind the service, such
        as a database role.
      - A command reports a change by printing the word C(CHANGED).
      - Where a failed run was taken back, its commands do not run.
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
        description: The command that only reports, used in check mode.
        type: list
        elements: str
        required: true
      stdin_file:
        description:
          - One of O(files), whose declared content both commands get as standard input.
          - So check mode asks about the new content, which is not on the disk yet.
        type: str
  guards:
    description: Files that must hold a text, where they exist, before anything is touched.
    type: list
    elements: dict
    default: []
    suboptions:
      path:
        description: The file, relative to O(project_dir) or absolute.
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
        understand the data any more. The task fails with O(forward_only_hint).
    type: list
    elements: str
    default: []
  forward_only_hint:
    description: What a person has to do then.
    type: str
    default: Restore the backup that was taken before the change, and run again with the former image.
  recreate:
    description: Whether to recreate all the services although nothing changed.
    type: bool
    default: false
  wait_timeout:
    description: Seconds that the services have to become healthy, counted from their start.
    type: int
    default: 300
  pull_timeout:
    description: Seconds that pulling images and starting containers may take.
    type: int
    default: 7200
  max_restarts:
    description: A service that the engine restarts more often than this while it is waited for has failed.
    type: int
    default: 2
  secret_values:
    description: Values that are masked in everything this module says, such as the logs of a failed service.
    type: list
    elements: str
    default: []
  secret_contents:
    description: Used between the action plugin and the module. Do not set it.
    type: dict
    default: {}
  step:
    description: Used between the action plugin and the module. Do not set it.
    type: str
    choices: [apply, watch, roll_back, stop]
    default: apply
  window:
    description: Used between the action plugin and the module. Do not set it.
    type: float
    default: 10
  stop_services:
    description: Used between the action plugin and the module. Do not set it.
    type: list
    elements: str
    default: []
extends_documentation_fragment:
  - ansible.builtin.action_common_attributes
attributes:
  check_mode:
    support: full
    details:
      - Where Docker is not installed yet, the services can't be foreseen. RV(unforeseen) says so.
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
    name: web
    project_dir: /opt/web
    files:
      - path: compose.yml
        content: |
          services:
            web:
              image: docker.io/library/caddy:2.10.0
              restart: unless-stopped
              volumes:
                - ./Caddyfile:/etc/caddy/Caddyfile:ro
      - path: Caddyfile
        content: |
          :80 {
            respond "hello"
          }
        services: [web]

- name: Remove the containers and files, keep the data
  llmfleet.gateway.compose_project:
    name: web
    project_dir: /opt/web
    state: absent
"""

RETURN = r"""
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
networks:
  description: Networks that are made.
  returned: success
  type: list
  elements: str
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
    - What became of the failed state. V(restored), the last healthy state runs again; V(kept), data may have been
      migrated forward; V(stopped), there was no earlier state; V(running), it was still starting when the time was up;
      V(failed), the last healthy state could not be brought back.
  returned: failure after the start
  type: str
"""

import contextlib
import fcntl
import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    DirectorySpec,
    FileSpec,
    group_id,
    user_id,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import (
    Declaration,
    EngineError,
    Guard,
    Hook,
    Plan,
    Project,
    ProjectError,
)


def argument_spec() -> dict[str, t.Any]:
    owned = {"owner": {"type": "str", "default": "0"}, "group": {"type": "str", "default": "0"}}
    strings = {"type": "list", "elements": "str", "default": []}

    def dicts(**options: t.Any) -> dict[str, t.Any]:
        return {"type": "list", "elements": "dict", "default": [], "options": options}

    def required(kind: str = "str", **more: t.Any) -> dict[str, t.Any]:
        return {"type": kind, "required": True, **more}

    return {
        "name": required(),
        "project_dir": required("path"),
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "files": dicts(
            path=required(),
            src={"type": "str"},
            content={"type": "str"},
            mode={"type": "str", "default": "0644"},
            secret={"type": "bool", "default": False, "no_log": False},
            services=strings,
            **owned,
        ),
        "directories": dicts(path=required(), mode={"type": "str", "default": "0755"}, **owned),
        "networks": dicts(name=required(), internal={"type": "bool", "default": False}),
        "hooks": dicts(
            service=required(),
            description=required(),
            command=required("list", elements="str"),
            check_command=required("list", elements="str"),
            stdin_file={"type": "str"},
        ),
        "guards": dicts(path=required(), equals=required(), fail_msg=required()),
        "forward_only": strings,
        "forward_only_hint": {
            "type": "str",
            "default": "Restore the backup that was taken before the change, and run again with the former image.",
        },
        "recreate": {"type": "bool", "default": False},
        "wait_timeout": {"type": "int", "default": 300},
        "pull_timeout": {"type": "int", "default": 7200},
        "max_restarts": {"type": "int", "default": 2},
        "secret_values": {"type": "list", "elements": "str", "default": [], "no_log": True},
        "secret_contents": {"type": "dict", "default": {}, "no_log": True},
        "step": {"type": "str", "choices": ["apply", "watch", "roll_back", "stop"], "default": "apply"},
        "window": {"type": "float", "default": 10},
        "stop_services": strings,
    }


def file_spec(entry: dict[str, t.Any], secret_contents: dict[str, str]) -> FileSpec:
    content = secret_contents.get(entry["path"]) if entry["secret"] else entry["content"]
    if content is None:
        raise ProjectError(f"files: {entry['path']} has no content; give it src or content")
    return FileSpec(
        path=entry["path"],
        content=content,
        mode=int(entry["mode"], 8),
        owner=user_id(entry["owner"]),
        group=group_id(entry["group"]),
        secret=entry["secret"],
        services=tuple(entry["services"]),
    )


def declaration(params: dict[str, t.Any]) -> Declaration:
    return Declaration(
        name=params["name"],
        project_dir=params["project_dir"],
        files=tuple(file_spec(entry, params["secret_contents"]) for entry in params["files"]),
        directories=tuple(
            DirectorySpec(entry["path"], int(entry["mode"], 8), user_id(entry["owner"]), group_id(entry["group"]))
            for entry in params["directories"]
        ),
        networks=tuple((entry["name"], entry["internal"]) for entry in params["networks"]),
        hooks=tuple(
            Hook(entry["service"], entry["command"], entry["check_command"], entry["description"], entry["stdin_file"])
            for entry in params["hooks"]
        ),
        guards=tuple(Guard(entry["path"], entry["equals"], entry["fail_msg"]) for entry in params["guards"]),
        forward_only=tuple(params["forward_only"]),
        max_restarts=params["max_restarts"],
        recreate=params["recreate"],
    )


@contextlib.contextmanager
def lock(project: Project) -> t.Iterator[None]:
    """Two runs on one project would each undo the other's half."""
    project.state.ensure()
    with open(project.state.file("lock"), "w", encoding="utf-8") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def finish(project: Project, plan: Plan, result: dict[str, t.Any], window: float) -> dict[str, t.Any]:
    """Looks whether the services are healthy; when they are, remembers the state as good and runs the hooks."""
    status = project.watch(window)
    if status["phase"] == "done":
        rolled_back = project.rolled_back()
        project.commit()
        if not rolled_back:
            project.run_hooks(False, plan)
        status["hooks"] = plan.hooks
    return {**result, **status, "changed": bool(result.get("changed") or status.get("hooks"))}


def apply(module: AnsibleModule, project: Project) -> dict[str, t.Any]:
    if module.check_mode:
        plan = project.plan(check_mode=True)
        if not plan.unforeseen:
            project.run_hooks(True, plan)
        return {**plan.summary(), "diff": plan.diff(), "phase": "done"}
    plan = project.plan(check_mode=False)
    project.apply(plan)
    result = finish(project, plan, plan.summary(), module.params["window"])
    return {**result, "diff": plan.diff()}


def absent(module: AnsibleModule, project: Project) -> dict[str, t.Any]:
    plan = project.plan_absent()
    if plan.changed and not module.check_mode:
        project.apply_absent(plan)
    return {**plan.summary(), "diff": plan.diff(), "phase": "done"}


def perform(module: AnsibleModule, project: Project) -> dict[str, t.Any]:
    step = module.params["step"]
    begin = absent if module.params["state"] == "absent" else apply
    # Nothing is locked where that would make a directory: in check mode, or for a project that was never there.
    if module.check_mode or (begin is absent and not os.path.isdir(project.state.path)):
        return begin(module, project)
    with lock(project):
        if step == "apply":
            if project.job.return_code() is None:
                return {"phase": "busy", "progress": project.job.last_line()}
            return begin(module, project)
        if step == "watch":
            plan = Plan(project.want.project_dir)
            return {**finish(project, plan, {}, module.params["window"]), "diff": plan.diff()}
        if step == "roll_back":
            return {"phase": "done", "rollback": project.roll_back()}
        project.stop(module.params["stop_services"])
        return {"phase": "done"}


def main() -> None:
    # The invocation is not logged: it holds whole files, which the result's diff shows better.
    module = AnsibleModule(argument_spec=argument_spec(), supports_check_mode=True, no_log=True)
    os.umask(0o022)
    try:
        result = perform(module, Project(declaration(module.params), module.run_command))
    except (ProjectError, EngineError, OSError, KeyError, ValueError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(**result)


if __name__ == "__main__":
    main()
