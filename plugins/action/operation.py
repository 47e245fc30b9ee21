# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the controller: says what an operation will do, asks before something is lost, and gives its result to automation."""

from __future__ import annotations

import datetime
import typing as t

from ansible.errors import AnsibleActionFail, AnsiblePromptInterrupt, AnsiblePromptNoninteractive
from ansible.plugins.action import ActionBase
from ansible.utils.vars import load_extra_vars
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import read_specs, spelling
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import GATEWAYS, GPU_SERVERS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._operation import arguments, form
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION

Value = dict[str, t.Any]


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Value | None = None) -> Value:
        result = super().run(tmp, task_vars)
        del tmp
        _validation, args = self.validate_argument_spec(
            {
                "name": {"type": "str", "required": True},
                "check_arguments": {"type": "bool", "default": False},
                "will": {"type": "list", "elements": "str", "default": []},
                "destroys": {"type": "list", "elements": "str", "default": []},
                "confirm": {"type": "bool", "default": False},
                "result": {"type": "dict"},
                "path": {"type": "str", "default": ""},
                "faults": {"type": "list", "elements": "str", "default": []},
                "remedy": {"type": "str", "default": ""},
            }
        )
        self._args = args
        try:
            if args["check_arguments"]:
                self._check(args["name"], task_vars or {})
                return {**result, "changed": False}
            said = self._announced() if args["result"] is None else self._finished(args["result"])
        except (form.Refused, OSError) as error:
            # What Ansible would add of the cause would come after the remedy.
            raise AnsibleActionFail(str(error)) from None
        return {**result, "changed": False, **said}

    # ---- before any host is asked

    def _check(self, name: str, variables: Value) -> None:
        if not self._task.run_once:
            raise form.Refused("The task needs run_once: true, so that a refusal holds for every host")
        said = {
            one: value for one, value in load_extra_vars(self._loader).items() if not one.startswith(("ansible_", "__"))
        }
        known = {
            *spelling.OTHERS,
            *spelling.RENAMED,
            *(one for role in read_specs(COLLECTION).values() for one in role),
        }
        groups = variables.get("groups") or {}
        hosts = list(dict.fromkeys([*groups.get(GATEWAYS, ()), *groups.get(GPU_SERVERS, ())]))
        found = arguments.faults(name, said, known, hosts, variables.keys())
        if found:
            raise form.Refused("\n".join([f"{name} changed nothing, since its command can't be meant so:", *found]))

    # ---- before

    def _announced(self) -> Value:
        """Consent is a matter of the whole run: a host that goes on alone would not have been asked."""
        args, check = self._args, self._task.check_mode
        if not self._task.run_once:
            raise form.Refused("The task needs run_once: true, so that a refusal holds for every host")
        form.result_path(args["path"])
        for line in form.announcement(args["name"], args["will"], args["destroys"], check):
            self._display.display(line)
        asks = bool(args["destroys"]) and not check
        if asks and not args["confirm"]:
            self._ask(args["name"], args["destroys"])
        return {"confirmed": asks}

    def _ask(self, name: str, destroys: list[str]) -> None:
        try:
            answer = self._display.prompt_until(form.question(name))
        except AnsiblePromptNoninteractive as error:
            raise form.Refused(form.unasked(name, destroys)) from error
        except AnsiblePromptInterrupt as error:
            raise form.Refused(form.declined(name)) from error
        if answer.decode(errors="replace").strip() != name:
            raise form.Refused(form.declined(name))

    # ---- after

    def _finished(self, found: Value) -> Value:
        args = self._args
        whole = {
            "operation": args["name"],
            "finished": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
            "check_mode": bool(self._task.check_mode),
            **found,
            "failed": bool(args["faults"]),
        }
        if args["faults"]:
            whole.update(faults=args["faults"], remedy=args["remedy"])
        path = form.result_path(args["path"])
        if path:
            form.write(path, whole)
        else:
            self._display.display(form.text_of(whole).rstrip())
        if args["faults"]:
            raise form.Refused(form.failure(args["name"], args["faults"], args["remedy"]))
        return {"path": str(path or ""), "result": whole}
