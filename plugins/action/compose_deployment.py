# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The controller's side of compose_deployment: has files read until all are known, translates them, and writes the project."""

from __future__ import annotations

import posixpath
import typing as t
from pathlib import Path

from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import moving, project
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.translate import Translation, translate
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.which import of_project, projects
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import secrets

Value = dict[str, t.Any]
MODULE = "llmfleet.gateway.compose_deployment"
#: Files name files: compose files include others, which name those of their services.
ROUNDS = 12
#: Secrets that have to be those of the deployment when its database is moved.
SAME = ("litellm_salt_key", "litellm_master_key")


class ActionModule(ActionBase):
    TRANSFERS_FILES = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Value | None = None) -> Value:
        result = super().run(tmp, task_vars)
        del tmp
        self._variables = task_vars or {}
        _validation, args = self.validate_argument_spec(
            {
                "compose_dir": {"type": "str", "required": True},
                "compose_file": {"type": "list", "elements": "str", "default": []},
                "new_salt": {"type": "bool", "default": False},
                "dir": {"type": "path"},
                "dump": {"type": "path"},
            },
            mutually_exclusive=[("dir", "dump")],
        )
        folder = posixpath.normpath(args["compose_dir"].strip())
        if not folder.startswith("/"):
            raise AnsibleActionFail(
                "compose_dir must be the absolute path of the deployment's folder on the server, such as /srv/llm"
            )
        found, facts = self._translated(folder, args["compose_file"], args["new_salt"])
        faults = [str(note) for note in found.notes.faults] or ([] if args["dir"] else self._differing(found))
        if faults:
            raise AnsibleActionFail(
                "Nothing was written and nothing was stopped. Mend this first, or give the folder of another deployment as compose_dir:\n"
                + "\n".join(faults)
            )
        told = {**result, **self._told(found, facts)}
        if args["dir"]:
            return {**told, **self._written(args["dir"], found, folder)}
        return {**told, **self._planned(told, args["dump"] or "", folder)}

    def _planned(self, told: Value, dump: str, folder: str) -> Value:
        hosts = (self._variables.get("llm_fleet") or {}).get("hosts") or {}
        plan = moving.planned(told, hosts.get(self._variables["inventory_hostname"]) or {}, dump, folder)
        where = told["database"]
        if "source" in plan["transfer"] and not where["container"]:
            raise AnsibleActionFail(
                f"The service {where['service']} has no container in {folder} to dump the database by: start it there"
                f" (docker compose up -d {where['service']}), or give a dump (-e dump=/srv/litellm.dump)"
            )
        return plan

    # ---- reading

    def _translated(self, folder: str, compose_files: list[str], new_salt: bool) -> tuple[Translation, Value]:
        files: dict[str, str | None] = {}
        facts: Value = {}
        found = Translation(wanted=[], notes=translate(folder, {}, {}).notes)
        for number in range(ROUNDS):
            if number == ROUNDS - 1:
                raise AnsibleActionFail("Files of the deployment change while they are read; run it again")
            read = self._read(folder, found if number else None)
            files.update(read["files"])
            facts = read["facts"]
            found = translate(folder, files, facts, compose_files, new_salt)
            pinned = {name for name in found.repositories if name in facts["commits"]}
            if not found.wanted and pinned == set(found.repositories):
                break
        return found, facts

    def _read(self, folder: str, found: Translation | None) -> Value:
        """What the server has of the files that are wanted, and of the models that are known by now."""
        args = {
            "compose_dir": folder,
            "files": found.wanted if found else [],
            "models_dir": str(found.variables.get("vllm_models_dir", "")) if found else "",
            "repositories": list(found.repositories) if found else [],
        }
        read = self._execute_module(module_name=MODULE, module_args=args, task_vars=self._variables)
        if read.get("failed"):
            # A module that did not even start says why there only.
            why = " ".join(str(read.get("module_stderr") or "").split())[:400]
            raise AnsibleActionFail(f"{read.get('msg') or 'The deployment can not be read'}{why and f': {why}'}")
        return read

    # ---- what comes of it

    def _differing(self, found: Translation) -> list[str]:
        """A fleet that is to get this database has its secrets."""
        held = {name: self._templar.template(self._variables.get(name, "")) for name in SAME}
        return [
            f"{name} of the fleet is not the deployment's, which its database needs: take the fleet project that adopt wrote"
            for name in SAME
            if name in found.secrets and held[name] != found.secrets[name]
        ]

    def _written(self, path: str, found: Translation, folder: str) -> Value:
        where = Path(path).absolute()
        keys = self._loader._vault.secrets or []
        try:
            texts = project.texts_of(found, folder, project.connection(self._reached()))
            files = project.write(where, texts, found, keys, bool(self._task.check_mode))
        except (OSError, ValueError) as error:
            raise AnsibleActionFail(str(error)) from None
        made = [secret.variable for secret in secrets(authority=False) if secret.variable not in found.secrets]
        diff = [
            {
                "before": "",
                "after": project.declaration(found, folder),
                "after_header": str(where / project.DECLARATION),
            }
            for name in files["written"]
            if name == project.DECLARATION
        ]
        changed = [name for name in files["written"] if name != project.REPORT]
        return {**files, "changed": bool(changed), "path": str(where), "made": made, "diff": diff}

    def _reached(self) -> Value:
        """The inventory's own words, templated for this host."""
        said = self._variables["hostvars"].raw_get(self._variables["inventory_hostname"])
        return {name: self._templar.template(said[name]) for name in project.CONNECTION_VARIABLES if name in said}

    def _told(self, found: Translation, facts: Value) -> Value:
        notes, own = found.notes.told(), of_project(facts["containers"], found.project)
        containers = [{key: one[key] for key in ("id", "name", "service", "state", "restart")} for one in own]
        where = found.database
        service = where.service.name if where and where.service else ""
        # The gateway first, so that nobody writes any more, and the database last.
        order = [name for name in reversed(found.services) if name != service] + ([service] if service else [])
        return {
            "changed": False,
            "left": notes["left"],
            "different": notes["changed"],
            "gpu_count": found.variables.get("llm_gpu_count", 0),
            # What -u says stands in no variable.
            "ssh_user": str(self._play_context.remote_user or ""),
            "project": next(iter(projects(own)), found.project),
            "services": order,
            "containers": [one for one in containers if one["service"] in order],
            "database": {
                "service": service,
                "name": where.name if where else "",
                "user": where.user if where else "",
                "container": next((one["name"] for one in containers if one["service"] == service), ""),
            },
        }
