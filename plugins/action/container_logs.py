# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of container_logs: shows lines as they come, or those of all hosts in one order."""

from __future__ import annotations

import time
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._operation.logs import Seen, merged, shown

MODULE = "llmfleet.gateway.container_logs"
#: Between two looks for new lines.
LOOK_SECONDS = 2.0
#: New lines of a container at most that one look can show.
LOOK_LINES = 10000

Value = dict[str, t.Any]


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Value | None = None) -> Value:
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        name = str(self._task.args.get("merge") or "")
        if name:
            return self._merge(name)
        answer = self._read(self._task.args)
        seconds = int(self._task.args.get("follow") or 0)
        if seconds and not answer.get("failed"):
            return self._follow(answer, time.monotonic() + seconds)
        return answer

    def _read(self, args: Value) -> Value:
        return self._execute_module(module_name=MODULE, module_args=dict(args), task_vars=self._vars)

    def _merge(self, name: str) -> Value:
        hosts = self._vars.get("ansible_play_hosts", ())
        said = {host: (self._vars["hostvars"][host].get(name) or {}).get("lines") or [] for host in hosts}
        lines = merged(said)
        for line in lines:
            self._display.display(shown(line))
        return {"changed": False, "lines": lines}

    def _follow(self, answer: Value, deadline: float) -> Value:
        """The first answer is shown at once, then what is new since its last line."""
        host, seen = self._vars["inventory_hostname"], Seen()
        while not answer.get("failed"):
            for line in seen.fresh(answer.get("lines") or []):
                self._display.display(shown({**line, "host": host}))
            if time.monotonic() >= deadline:
                break
            time.sleep(LOOK_SECONDS)
            since = {"since": seen.last} if seen.last else {}
            answer = self._read({**self._task.args, **since, "lines": LOOK_LINES})
        return {**answer, "changed": False, "lines": []}
