#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: docker_daemon_config
short_description: Merge options into Docker's daemon.json
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Merges options into the Docker engine's configuration file as structured JSON, and keeps the keys that others put there.
  - Tells whether the running engine has to be restarted for the change, or only reloaded.
  - What the installed C(dockerd) does not accept (C(dockerd --validate), engine 23.0 and newer) is refused before the
    file is touched.
attributes:
  check_mode:
    description: Can run in check mode and says what would change, without changing it.
    support: full
  diff_mode:
    description: Returns the file's text before and after, without credentials.
    support: full
  idempotent:
    description: A second run with the same options changes nothing.
    support: full
options:
  path:
    description: The configuration file. Its directory is made when it is missing.
    type: path
    default: /etc/docker/daemon.json
  options:
    description:
      - The options to merge, as a JSON merge patch (RFC 7396).
      - Dictionaries are merged into those in the file, lists and everything else replace what is there,
        and a null removes the key.
      - Credentials in it (users and passwords in addresses, values of options such as C(splunk-token)) are kept out of the result and
        the diff. Ansible writes a task's arguments to the host's log, so give such a task C(no_log).
    type: dict
    required: true
  mode:
    description:
      - The file's mode, as an octal number in quotes. The owner is the user that the module runs as.
      - By default V(0644), or V(0600) when the file holds credentials.
    type: str
seealso:
  - name: Configuration file of the Docker daemon
    description: Every option, and which of them a reload takes over.
    link: https://docs.docker.com/reference/cli/dockerd/#daemon-configuration-file
"""

EXAMPLES = r"""
- name: Rotate the logs, and drop a default runtime that was set before
  llmfleet.gateway.docker_daemon_config:
    options:
      log-driver: json-file
      log-opts:
        max-size: 50m
        max-file: "3"
      default-runtime: null
  register: daemon_config

- name: Let the engine take it over
  ansible.builtin.systemd_service:
    name: docker
    state: "{{ 'restarted' if daemon_config.restart_required else 'reloaded' }}"
  when: daemon_config.restart_required or daemon_config.reload_required
"""

RETURN = r"""
path:
  description: The configuration file.
  returned: success
  type: str
  sample: /etc/docker/daemon.json
changed_keys:
  description: The top-level options that differ from before.
  returned: success
  type: list
  elements: str
  sample: [log-opts]
restart_required:
  description:
    - Whether an engine runs that must be restarted to have this configuration.
    - Stays true in later runs until the engine was restarted, so that an interrupted run is not forgotten.
    - Also true when an upgrade replaced the program that the engine runs from.
  returned: success
  type: bool
reload_required:
  description: Whether an engine runs that must be reloaded (SIGHUP), which is enough.
  returned: success
  type: bool
restart_pending:
  description: Whether an earlier change of the file, or of the engine's program, still waits for the engine's restart.
  returned: success
  type: bool
validated:
  description: Whether the installed C(dockerd) was asked about the new configuration.
  returned: success
  type: bool
"""

import os
import tempfile
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.llmfleet.gateway.plugins.module_utils._docker_daemon import (
    DEFAULT_PIDFILE,
    PENDING,
    DaemonConfigError,
    changed_keys,
    check_with_dockerd,
    default_mode,
    engine_identity,
    engine_replaced,
    merge,
    parse,
    read_text,
    reload_suffices,
    render,
    secrets,
    shown,
)


def stage(module: AnsibleModule, text: str) -> str:
    """Writes the text where only this module sees it, and returns the path."""
    handle, path = tempfile.mkstemp(dir=module.tmpdir, suffix=".json")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    return path


def validate(module: AnsibleModule, staged: str) -> bool:
    """Asks dockerd about the staged file; False when there is no dockerd to ask."""
    dockerd = module.get_bin_path("dockerd", opt_dirs=["/usr/local/bin"])
    if dockerd is None:
        return False
    objection = check_with_dockerd(module.run_command, dockerd, staged)
    if objection is not None:
        raise DaemonConfigError(f"dockerd does not accept the configuration, nothing was written: {objection}")
    return True


def write(module: AnsibleModule, staged: str, path: str, mode: int) -> None:
    """Replaces the file; at no moment can more users read it than may read both the old and the new text."""
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    os.chmod(staged, mode)
    if os.path.exists(path):
        # atomic_move gives the new file the old one's mode.
        os.chmod(path, mode & os.stat(path).st_mode)
    module.atomic_move(staged, path)
    os.chmod(path, mode)


def engine_needs(engine: str | None, before: dict[str, Any], after: dict[str, Any]) -> dict[str, bool]:
    """What the running engine needs to run as declared."""
    if engine is None:
        return {"restart_pending": False, "restart_required": False, "reload_required": False}
    pending = read_text(PENDING) == engine or engine_replaced(engine)
    restart = pending or not reload_suffices(before, after)
    return {
        "restart_pending": pending,
        "restart_required": restart,
        "reload_required": before != after and not restart,
    }


def apply(module: AnsibleModule) -> dict[str, Any]:
    """Brings the file to the wanted state and returns what to tell."""
    path = os.path.realpath(module.params["path"])
    text = read_text(path)
    before = parse(text, path)
    after = merge(before, module.params["options"])
    keys = changed_keys(before, after)
    engine = engine_identity(before.get("pidfile", DEFAULT_PIDFILE))
    result: dict[str, Any] = {"changed": bool(keys), "path": path, "changed_keys": keys, "validated": False}
    result.update(engine_needs(engine, before, after))
    wanted = render(after) if keys else text
    mode = module.params["mode"] or default_mode(after)
    module.no_log_values.update(secrets(before) | secrets(after))
    if keys:
        staged = stage(module, wanted)
        result["validated"] = validate(module, staged)
        texts = {"before": shown(before, text), "after": shown(after, wanted)}
        result["diff"] = {**texts, "before_header": path, "after_header": path}
        if not module.check_mode:
            if engine and not reload_suffices(before, after):
                remember(engine)
            write(module, staged, path, int(mode, 8))
    elif os.path.exists(path):
        result["changed"] = module.set_mode_if_different(path, mode, False)
    return result


def remember(engine: str) -> None:
    """Keeps in mind which engine process has not seen the new configuration."""
    with open(PENDING, "w", encoding="utf-8") as handle:
        handle.write(engine)


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "default": "/etc/docker/daemon.json"},
            "options": {"type": "dict", "required": True},
            "mode": {"type": "str"},
        },
        supports_check_mode=True,
    )
    try:
        module.exit_json(**apply(module))
    except DaemonConfigError as exc:
        module.fail_json(msg=str(exc))


if __name__ == "__main__":
    main()
