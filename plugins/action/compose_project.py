# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of compose_project: renders the templates, shows progress, decides on the rollback."""

from __future__ import annotations

import time
import typing as t

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader

MODULE = "llmfleet.gateway.compose_project"
#: Between two progress lines, in seconds. One module call waits that long on the host, so it costs no more round trips.
WINDOW = 15
INTERNAL = ("secret_contents", "step", "window", "stop_services")
#: What the module says to this plugin and no one else.
PRIVATE_RESULTS = ("phase", "stage", "progress", "services", "reason")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        super().run(tmp, task_vars)
        self._vars = task_vars or {}
        self._args = self._module_args()
        self._label = f"{self._vars.get('inventory_hostname', '')} | {self._args['name']}"
        first = self._begin()
        if first.get("failed"):
            return first
        for text in first.get("unforeseen", []):
            self._tell(f"check mode can't foresee {text}")
        last = self._wait(first)
        if last.get("failed") or last["phase"] == "done":
            return self._public(first, last)
        return self._public(first, {**self._recover(last), "failed": True})

    # ---- arguments

    def _module_args(self) -> dict[str, t.Any]:
        args = dict(self._task.args)
        for name in INTERNAL:
            if name in args:
                raise AnsibleActionFail(f"{name} is the action plugin's own option; leave it out")
        if "name" not in args or "project_dir" not in args:
            raise AnsibleActionFail("compose_project needs name and project_dir")
        files, secrets = [], {}
        for entry in [*(args.get("files") or []), *(args.get("directories") or [])]:
            if isinstance(entry.get("mode"), int):
                raise AnsibleActionFail(f"{entry.get('path')}: mode must be an octal number in quotes, such as '0644'")
        for entry in args.get("files") or []:
            rendered = self._render(dict(entry))
            if boolean(rendered.get("secret", False)):
                secrets[rendered["path"]] = rendered.pop("content")
            files.append(rendered)
        return {**args, "files": files, "secret_contents": secrets}

    def _render(self, entry: dict[str, t.Any]) -> dict[str, t.Any]:
        if "path" not in entry:
            raise AnsibleActionFail("every entry of files needs a path")
        if ("src" in entry) == ("content" in entry):
            raise AnsibleActionFail(f"files: {entry['path']} needs either src or content")
        if "src" in entry:
            lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
            entry["content"] = lookup.run([entry.pop("src")], variables=self._vars)[0]
        entry["content"] = str(entry["content"])
        return entry

    # ---- talking to the host

    def _call(self, step: str, **more: t.Any) -> dict[str, t.Any]:
        args = {**self._args, "step": step, "window": WINDOW, **more}
        return self._execute_module(module_name=MODULE, module_args=args, task_vars=self._vars)

    def _tell(self, text: str) -> None:
        self._display.display(f"{self._label}: {text}")

    def _begin(self) -> dict[str, t.Any]:
        end = time.monotonic() + self._pull_timeout
        while (status := self._call("apply")).get("phase") == "busy":
            if time.monotonic() > end:
                return {
                    "failed": True,
                    "msg": f"an earlier run is still at it after {self._pull_timeout} s: {status['progress']}",
                }
            self._tell(f"waiting for an earlier run: {status['progress']}")
            time.sleep(2)
        return status

    @property
    def _pull_timeout(self) -> int:
        return int(self._args.get("pull_timeout", 7200))

    def _wait(self, status: dict[str, t.Any]) -> dict[str, t.Any]:
        """Polls until the services are healthy, have failed or are out of time."""
        begin = time.monotonic()
        stage = ""
        while status.get("phase") == "waiting":
            if status["stage"] != stage:
                stage, begin = status["stage"], time.monotonic()
            limit = self._pull_timeout if stage == "starting" else int(self._args.get("wait_timeout", 300))
            passed = time.monotonic() - begin
            if passed > limit:
                return {**status, "phase": "timeout", "reason": f"not healthy after {limit} s: {status['progress']}"}
            what = "pulling images and starting containers" if stage == "starting" else "waiting for health"
            self._tell(f"{what}, {passed:.0f} s of at most {limit} s: {status['progress']}")
            status = self._call("watch")
        return status

    # ---- failure

    def _recover(self, status: dict[str, t.Any]) -> dict[str, t.Any]:
        """The way back, and a message that says where the host stands now."""
        reason = status["reason"]
        self._tell("the new state failed, looking for the way back")
        answer = self._call("roll_back")
        outcome = answer.get("rollback", "none")
        if answer.get("failed"):
            return {
                "msg": f"{reason}\nPutting the last working files back failed too: {answer.get('msg')}",
                "rollback": "failed",
            }
        if outcome == "kept":
            hint = self._args.get("forward_only_hint", "Restore the backup, and run again with the former image.")
            return {
                "msg": f"{reason}\nNothing was put back: the new image may have migrated data forward. {hint}",
                "rollback": "kept",
            }
        if outcome == "restored":
            return self._restored(reason)
        return self._no_way_back(status, reason)

    def _restored(self, reason: str) -> dict[str, t.Any]:
        last = self._wait(self._call("watch"))
        if last.get("phase") == "done":
            text = "The last working files were put back and run again. Mend the cause and run again."
            return {"msg": f"{reason}\n{text}", "rollback": "restored"}
        why = last.get("reason") or last.get("msg")
        return {
            "msg": f"{reason}\nThe last working files were put back, but do not run either: {why}",
            "rollback": "failed",
        }

    def _no_way_back(self, status: dict[str, t.Any], reason: str) -> dict[str, t.Any]:
        where = f"Look at it with: cd {self._args['project_dir']} && docker compose logs"
        if status["phase"] == "timeout":
            text = "It was left running. If it only needs longer, raise the timeout and run again."
            return {"msg": f"{reason}\n{text} {where}", "rollback": "running"}
        if status.get("services"):
            self._call("stop", stop_services=status["services"])
        return {"msg": f"{reason}\nThere is no earlier working state; it was stopped. {where}", "rollback": "stopped"}

    @staticmethod
    def _public(first: dict[str, t.Any], last: dict[str, t.Any]) -> dict[str, t.Any]:
        merged = {**first, **last, "changed": bool(first.get("changed") or last.get("changed"))}
        merged["diff"] = [*first.get("diff", []), *last.get("diff", [])] if last is not first else first.get("diff", [])
        return {
            name: value
            for name, value in merged.items()
            if name not in PRIVATE_RESULTS and not name.startswith("_ansible_verbose")
        }
