# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the controller: makes new values of declared keys beside the ones that are used, and puts them in their place afterwards."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible.template import trust_as_template
from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm.store import mint
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._key_store.replacing import Choice, choices, named

Value = dict[str, t.Any]
#: Beside a key's file: the value that LiteLLM is about to know. A run that was cut off goes on with it.
NEXT = ".next"


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Value | None = None) -> Value:
        result = super().run(tmp, task_vars)
        del tmp
        self._vars = task_vars or {}
        _validation, args = self.validate_argument_spec(
            {
                "found": {"type": "list", "elements": "dict"},
                "aliases": {"type": "list", "elements": "str", "default": []},
                "grace": {"type": "str", "default": "24h"},
                "files": {"type": "list", "elements": "path"},
            },
            required_one_of=[("found", "files")],
            mutually_exclusive=[("found", "files")],
        )
        try:
            said = self._put(args["files"]) if args["files"] is not None else self._begun(args)
        except (OSError, ValueError) as error:
            # Returned, not raised: the task hides its result, and the next one says why.
            return {**result, "failed": True, "msg": str(error)}
        return {**result, **said}

    def _begun(self, args: Value) -> Value:
        raw = self._vars["hostvars"].raw_get(self._vars["inventory_hostname"]).get("llm_state") or {}
        if not isinstance(raw, dict) or not isinstance(raw.get("keys") or [], list):
            raise ValueError(
                "llm_state is one template, so that nobody can see where its keys' values come from: write it out"
            )
        stored = bool(self._said("gateway_state_key_directory") or self._said("gateway_state_key_store"))
        entries = {str(one.get("key_alias")): one for one in raw.get("keys") or []}
        every = choices(list(entries.values()), args["found"], stored)
        chosen = named(every, args["aliases"])
        keys = [self._desired(entries[choice.alias], choice, args["grace"]) for choice in chosen]
        return {
            "changed": False,
            "aliases": [choice.alias for choice in chosen],
            "stays": {choice.alias: choice.why for choice in every if choice.why},
            "files": [self._path(choice) for choice in chosen if choice.path],
            "desired": {"keys": keys},
        }

    def _said(self, name: str) -> t.Any:
        return self._templar.template(self._vars.get(name))

    def _desired(self, entry: Value, choice: Choice, grace: str) -> Value:
        rest = self._templar.template({name: value for name, value in entry.items() if name not in ("key", "rotate")})
        if not choice.path:
            return {**rest, "rotate": {"grace": grace, "generation": choice.generation}}
        return {**rest, "key": self._next(self._path(choice)), "rotate": {"grace": grace}}

    def _path(self, choice: Choice) -> str:
        found = self._templar.template(trust_as_template("{{ " + choice.path + " }}"))
        return os.path.abspath(os.path.expanduser(str(found)))

    def _next(self, path: str) -> str:
        beside = path + NEXT
        if not os.path.exists(beside):
            value = mint()
            if self._task.check_mode:
                return value
            with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
                stream.write(value + "\n")
        with open(beside, encoding="utf-8") as stream:
            return stream.read().strip()

    def _put(self, files: list[str]) -> Value:
        waiting = [path for path in files if os.path.exists(path + NEXT)]
        for path in [] if self._task.check_mode else waiting:
            os.replace(path + NEXT, path)
        return {"changed": bool(waiting), "files": waiting}
