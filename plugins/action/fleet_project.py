# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs on the controller: renders the files that a fleet project lacks, and writes them. Never a secret, and no file that is there."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import yaml
from ansible import constants as C
from ansible import context
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase
from ansible.plugins.loader import lookup_loader
from ansible.utils.vars import load_extra_vars
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._project import asked, declared, files
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import COLLECTION, role_defaults

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
                "path": {"type": "path", "required": True},
                "gpu_hosts": {"type": "raw"},
                "gateway": {"type": "str"},
                "ssh_user": {"type": "str"},
                "gpu_count": {"type": "raw"},
                "domain": {"type": "str"},
                "models": {"type": "raw"},
            }
        )
        folder = self._folder(args.pop("path"))
        given = {name: value for name, value in args.items() if value not in (None, "")}
        missing = files.missing(folder)
        texts = self._rendered(self._view(given), missing, task_vars or {})
        if not self._task.check_mode:
            self._write(folder, texts)
        kept = [name for name in files.FILES if name not in missing]
        for line in files.unheard(given, kept):
            self._display.warning(line)
        return {**result, **self._told(folder, texts, kept)}

    def _folder(self, path: str) -> Path:
        if not path.strip():
            raise AnsibleActionFail("Say where the project shall be: -e dir=my-fleet")
        folder = Path(path).absolute()
        blocking = next((one for one in (folder, *folder.parents) if one.exists() and not one.is_dir()), None)
        if blocking:
            raise AnsibleActionFail(f"{blocking} is a file; name a folder: -e dir=my-fleet")
        return folder

    def _view(self, given: Value) -> Value:
        wanted = asked.read(given)
        said = load_extra_vars(self._loader)
        found = [*asked.misspelt(said), *asked.faults(wanted)] or declared.faults(
            wanted, role_defaults(self._loader), self._loader
        )
        if found:
            raise AnsibleActionFail(
                "Nothing was written, since site.yml would refuse such a fleet:\n" + "\n".join(found)
            )
        encrypted = bool(self._loader._vault.secrets)
        return files.view(wanted, _version(), encrypted, _password_file())

    def _rendered(self, view: Value, names: list[str], variables: Value) -> dict[str, str]:
        lookup = lookup_loader.get("ansible.builtin.template", loader=self._loader, templar=self._templar)
        folder = COLLECTION / "playbooks" / "templates" / "project"
        known = {**variables, "project": view}
        return {name: lookup.run([str(folder / files.FILES[name])], variables=known)[0] for name in names}

    def _write(self, folder: Path, texts: dict[str, str]) -> None:
        try:
            for name, text in texts.items():
                path = folder / name
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "x", encoding="utf-8") as stream:
                    stream.write(text)
        except OSError as error:
            raise AnsibleActionFail(f"{error}. What was written is there; mend it and run again") from None

    def _told(self, folder: Path, texts: dict[str, str], kept: list[str]) -> Value:
        diff = [
            {"before": "", "after": text, "before_header": "absent", "after_header": str(folder / name)}
            for name, text in texts.items()
        ]
        return {
            "changed": bool(texts),
            "path": str(folder),
            "inventory": str(folder / files.INVENTORY),
            "written": list(texts),
            "kept": kept,
            "diff": diff,
        }


def _version() -> str:
    """Of this collection: installed it has a manifest, as a checkout the file that the manifest is made from."""
    manifest = COLLECTION / "MANIFEST.json"
    if manifest.exists():
        return str(json.loads(manifest.read_text(encoding="utf-8"))["collection_info"]["version"])
    return str(yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))["version"])


def _password_file() -> str:
    """The one that this run was given, if there is one and nothing else: with it in ansible.cfg later runs need no option."""
    named = context.CLIARGS.get("vault_password_files") or [C.DEFAULT_VAULT_PASSWORD_FILE]
    others = [*(context.CLIARGS.get("vault_ids") or ()), *(C.DEFAULT_VAULT_IDENTITY_LIST or ())]
    return str(Path(named[0]).expanduser().absolute()) if len(named) == 1 and named[0] and not others else ""
