# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts together on the controller what the tasks of the playbook status read: shows it, writes the page, returns the value."""

from __future__ import annotations

import datetime
import os
import tempfile
import typing as t

from ansible.errors import AnsibleActionFail, AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status import asking, page, terminal
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.findings import ERROR, WARNING
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.status import status_of

Value = dict[str, t.Any]

ASK, REPORT = "ask", "report"
#: What the tasks register.
LOOKED, ASKED, READ = "llm_looked", "__status_asked", "__status_read"
DATABASE, KEYS, DRIFT = "__status_database", "__gateway_state_keys", "__gateway_state_differences"
NEVER = "never"


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> Value:
        result = super().run(tmp, task_vars)
        del tmp
        self._vars = task_vars or {}
        _validation, self._args = self.validate_argument_spec(
            {
                "stage": {"type": "str", "choices": [ASK, REPORT], "required": True},
                "page": {"type": "str"},
                "fail_on": {"type": "str", "choices": [NEVER, WARNING, ERROR], "default": NEVER},
            }
        )
        value = self._ask() if self._args["stage"] == ASK else self._report()
        return {**result, "changed": False, **value}

    # ---- what the tasks registered

    def _registered(self, name: str, host: str) -> Value:
        found = self._vars["hostvars"].get(host, {}).get(name) if host in self._vars["hostvars"] else None
        return dict(found) if isinstance(found, dict) and not found.get("skipped") else {}

    def _ask(self) -> Value:
        planned, reason = self._plan()
        value = planned or self._declared()
        looked = {name: self._registered(LOOKED, name) for name in value["hosts"]}
        facts = {name: (one.get("ansible_facts") or {}).get("llm_host") for name, one in looked.items()}
        return {**asking.asked(value, facts), "planned": planned, "plan_error": reason}

    def _declared(self) -> Value:
        found: Value = self._templar.template(self._vars["llm_fleet"])
        return found

    def _plan(self) -> tuple[Value, str]:
        """Which instances there should be, or why that can't be said. A task of its own would end the run."""
        task = self._task.copy()
        task.args = {"stage": "known", "driver_to_come": True, "preflight": False}
        action = self._shared_loader_obj.action_loader.get(
            "llmfleet.gateway.fleet",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        try:
            return action.run(task_vars=self._vars), ""
        except AnsibleError as error:
            return {}, " ".join(str(error).split())

    # ---- the report

    def _report(self) -> Value:
        asked = self._registered(ASKED, self._vars["inventory_hostname"])
        value = asked.get("planned") or self._declared()
        first, where = next(iter(value["gateways"]), ""), asking.database(value)["host"]
        database = {"host": where, **self._registered(DATABASE, where)} if where else None
        status = status_of(
            asking.readings_of(
                {
                    "value": value,
                    "now": datetime.datetime.now(datetime.timezone.utc),
                    "hosts": {name: self._registered(READ, name) for name in value["hosts"]},
                    "plan_error": asked.get("plan_error", ""),
                    "database": database,
                    "keys": self._registered(KEYS, first),
                    "drift": self._registered(DRIFT, first) or None,
                }
            )
        )
        for line in terminal.lines(status):
            self._display.display(line.text, color=line.colour or None)
        if self._args["page"] and not self._task.check_mode:
            self._write(self._args["page"], page.html(status))
        return {"status": status, **self._faults(status["problems"])}

    def _faults(self, problems: list[Value]) -> Value:
        """What the run ends with, where it was asked to fail."""
        levels = {ERROR: (ERROR,), WARNING: (ERROR, WARNING)}.get(self._args["fail_on"], ())
        found = [one for one in problems if one["level"] in levels]
        remedy = f"Remedy for {found[0]['where']}: {found[0]['remedy']}" if found else ""
        return {"faults": [f"{one['where']}: {one['what']}" for one in found], "remedy": remedy}

    def _write(self, path: str, text: str) -> None:
        """For its owner: it names keys and hosts. Whole or not at all."""
        place = os.path.abspath(os.path.expanduser(path))
        try:
            descriptor, temporary = tempfile.mkstemp(dir=os.path.dirname(place), suffix=".html")
            with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
                handle.write(text)
            os.replace(temporary, place)
        except OSError as error:
            raise AnsibleActionFail(f"The page can't be written to {place}: {error.strerror}") from error
        self._display.display(f"The page is in {place}")
