#!/usr/bin/python
# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: postgres_transfer
short_description: Moves a database from one PostgreSQL in a container to another
version_added: "0.1.0"
author:
  - llmfleet contributors (@llmfleet)
description:
  - Dumps a database by its own server's C(pg_dump), and restores it, all of it or nothing, by the target's C(pg_restore). The source may
    be of a lower major release, not of a higher one. It is only read.
  - Afterwards every table has as many rows as in the source, or the task fails.
options:
  step:
    description:
      - V(rehearse) restores into a database of its own, which is removed again, and says how long that takes. The source may be in use.
      - V(move) restores into O(target.database), which must be empty. One that was moved before is left alone, so nothing that came later
        is lost. Nobody may write into the source any more.
      - V(set_aside) gives O(target.database) another name, as the first step back. Nothing of it is lost.
    type: str
    choices: [rehearse, move, set_aside]
    required: true
  source:
    description: The database to move. Left out for a dump that is there, or V(set_aside).
    type: dict
    suboptions:
      container:
        description: Name of its container, which is started where it is stopped.
        type: str
        required: true
      user:
        description: Who may read all of the database.
        type: str
        required: true
      password:
        description: The password, where the server asks for one even inside of its container.
        type: str
        default: ''
      database:
        description: Name of the database.
        type: str
        required: true
  dump:
    description: Instead of O(source), absolute path of a dump on the server, of C(pg_dump) in its custom or its plain format, also packed by
      gzip.
    type: path
  target:
    description: Where it goes.
    type: dict
    required: true
    suboptions:
      container:
        description: Name of the container.
        type: str
        required: true
      owner:
        description: Role that everything belongs to afterwards.
        type: str
        required: true
      database:
        description: Name of the database, which O(target.owner) owns.
        type: str
        required: true
  path:
    description: Absolute path of the file that the dump is kept in.
    type: path
attributes:
  check_mode:
    description: Says whether there is something to move.
    support: full
  diff_mode:
    description: Has nothing to show.
    support: none
  idempotent:
    description: A database that was moved is left alone.
    support: full
seealso:
  - module: llmfleet.gateway.compose_deployment
"""

EXAMPLES = r"""
- name: Move the database of the old deployment
  llmfleet.gateway.postgres_transfer:
    step: move
    source: {container: llm-db-1, user: litellm, database: litellm}
    target: {container: llmfleet-postgres, owner: litellm, database: litellm}
    path: /opt/llmfleet/adopted/litellm.dump
"""

RETURN = r"""
moved_before:
  description: Whether the database was moved by an earlier run.
  returned: success
  type: bool
tables:
  description: Number of tables that were restored.
  returned: when something was restored
  type: int
rows:
  description: Number of rows in them.
  returned: when something was restored
  type: int
seconds:
  description: Seconds that dump and restore took.
  returned: when something was restored
  type: dict
bytes:
  description: Size of the dump.
  returned: when something was restored
  type: int
set_aside:
  description: The name that the database has now.
  returned: when it was set aside
  type: str
"""

import os
import shutil
import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ..module_utils._adopt import transfer
from ..module_utils._host.run import run

SOURCE = {
    "container": {"type": "str", "required": True},
    "user": {"type": "str", "required": True},
    "password": {"type": "str", "default": "", "no_log": True},
    "database": {"type": "str", "required": True},
}
TARGET = {name: {"type": "str", "required": True} for name in ("container", "owner", "database")}


class Transfer:
    """One call of the module."""

    def __init__(self, said: dict[str, Any], check_mode: bool) -> None:
        self.said, self.check_mode = said, check_mode
        self.target = transfer.Server(said["target"]["container"], "postgres")
        self.database, self.owner = said["target"]["database"], said["target"]["owner"]
        old = said["source"]
        self.source = transfer.Server(old["container"], old["user"], old["password"]) if old else None
        if not check_mode:
            _started(self.target)
        self.mark = transfer.mark(self.target, self.database)

    def set_aside(self) -> dict[str, Any]:
        if not self.mark.startswith(transfer.MARK):
            return {"changed": False}
        name = f"{self.database[:40]}_{time.strftime('%Y%m%d_%H%M%S', time.gmtime())}"
        if not self.check_mode:
            transfer.set_aside(self.target, self.database, name)
        return {"changed": True, "set_aside": name}

    def carry(self, into: str) -> dict[str, Any]:
        """Into a database of the target."""
        if self.mark.startswith(transfer.MARK):
            return {"changed": False, "moved_before": True}
        if transfer.counts(self.target, self.database):
            raise transfer.TransferError(
                f"The database {self.database} of {self.target.container} has tables already, and they did not come from here."
                " Adoption is for a new fleet: back that database up and drop it, or give the fleet another postgres_database"
            )
        if self.check_mode:
            return {"changed": True, "moved_before": False}
        began = time.monotonic()
        path = self._dumped(self.source) if self.source else self.said["dump"]
        dumped = time.monotonic()
        transfer.restore(self.target, into, self.owner, path, f"{transfer.MARK}, {time.strftime('%Y-%m-%d')}")
        found = transfer.counts(self.target, into)
        return {
            "changed": True,
            "moved_before": False,
            **transfer.summary(found),
            "bytes": os.path.getsize(path),
            "seconds": {"dump": round(dumped - began, 1), "restore": round(time.monotonic() - dumped, 1)},
            "counts": found,
        }

    def _dumped(self, source: transfer.Server) -> str:
        path, old = self.said["path"], self.said["source"]["database"]
        need = 2 * transfer.size(source, old)
        free = shutil.disk_usage(_existing(os.path.dirname(path))).free
        if need > free:
            raise transfer.TransferError(
                f"{path} needs up to {need // 2**20} MiB with the new database, and {free // 2**20} MiB are free"
            )
        transfer.dump(source, old, path)
        return path

    def ready(self) -> None:
        """The source answers, and is of no higher major."""
        if not self.source:
            return
        if not self.check_mode:
            _started(self.source)
        old = transfer.major(self.source, self.said["source"]["database"])
        new = transfer.major(self.target, "postgres")
        if old > new:
            raise transfer.TransferError(
                f"The old database is of PostgreSQL {old} and the new one of {new}: set postgres_version to a release of {old} or later"
            )

    def rehearse(self) -> dict[str, Any]:
        self.ready()
        if self.check_mode or self.mark.startswith(transfer.MARK):
            return self.carry(self.database)
        transfer.create(self.target, transfer.SCRATCH, self.owner)
        try:
            found = self.carry(transfer.SCRATCH)
        finally:
            transfer.drop(self.target, transfer.SCRATCH)
        return {**found, "changed": False}

    def move(self) -> dict[str, Any]:
        if not self.mark.startswith(transfer.MARK):
            self.ready()
        found = self.carry(self.database)
        if self.source and "counts" in found:
            wrong = transfer.differing(transfer.counts(self.source, self.said["source"]["database"]), found["counts"])
            if wrong:
                raise transfer.TransferError(
                    f"Not as many rows as before in {', '.join(wrong)}: somebody still writes into the old database. Stop that, run"
                    " adopt_undo, and move again"
                )
        return found


def _started(server: transfer.Server) -> None:
    """Nothing to do for one that runs."""
    done = run(["docker", "start", server.container], 120)
    if done.rc:
        raise transfer.TransferError(f"docker start {server.container} failed: {done.err.strip()[:300]}")
    transfer.wait(server, 120)


def _existing(path: str) -> str:
    while not os.path.exists(path):
        path = os.path.dirname(path)
    return path


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "step": {"type": "str", "choices": ["rehearse", "move", "set_aside"], "required": True},
            "source": {"type": "dict", "options": SOURCE},
            "dump": {"type": "path"},
            "target": {"type": "dict", "required": True, "options": TARGET},
            "path": {"type": "path"},
        },
        mutually_exclusive=[("source", "dump")],
        required_if=[("step", "rehearse", ("source", "dump"), True), ("step", "move", ("source", "dump"), True)],
        required_by={"source": ("path",)},
        supports_check_mode=True,
    )
    try:
        call = Transfer(module.params, module.check_mode)
        found = {"rehearse": call.rehearse, "move": call.move, "set_aside": call.set_aside}[module.params["step"]]()
    except (transfer.TransferError, OSError, ValueError) as error:
        module.fail_json(msg=str(error))
    found.pop("counts", None)
    module.exit_json(**found)


if __name__ == "__main__":
    main()
