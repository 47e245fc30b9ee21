# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A translation as files of a fleet project, which are written once and never over others. The action compose_deployment uses it."""

from __future__ import annotations

import os
import re
import tempfile
import typing as t
from pathlib import Path

import yaml
from ansible.parsing.vault import VaultLib, is_encrypted
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.translate import Translation

DECLARATION = "group_vars/all/main.yml"
SECRETS = "group_vars/all/vault.yml"
REPORT = "adopted.txt"
#: The one server of a new project has this name (fleet_project).
CONNECTION = "host_vars/gpu1.yml"
#: How Ansible reaches it, beside address and user, and without passwords.
CONNECTION_VARIABLES = (
    "ansible_port",
    "ansible_ssh_private_key_file",
    "ansible_ssh_common_args",
    "ansible_ssh_extra_args",
    "ansible_control_path",
    "ansible_become_method",
    "ansible_python_interpreter",
)
#: Also the beginning by which Ansible reads other delimiters.
_TEMPLATE = re.compile(r"\{\{|\{%|\{#|\A#jinja2:")
#: Ansible's vault secrets, as its loader has them.
Keys = t.Sequence[tuple[str, t.Any]]


class ProjectError(ValueError):
    """What is in the way."""


class _Dumper(yaml.SafeDumper):
    """Text of others is data: Ansible takes none of it for a template."""

    def ignore_aliases(self, data: t.Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
    tag = "!unsafe" if _TEMPLATE.search(value) else "tag:yaml.org,2002:str"
    return dumper.represent_scalar(tag, value, style="'" if tag == "!unsafe" and "\n" not in value else None)


# Ansible's values of the inventory are of kinds derived from these.
_Dumper.add_representer(str, _text)
_Dumper.add_multi_representer(str, lambda dumper, value: _text(dumper, "".join(value)))
_Dumper.add_multi_representer(int, lambda dumper, value: dumper.represent_int(value))


class _Reader(yaml.SafeLoader):
    """Knows of Ansible's tags that there is a value."""


for _tag in ("!vault", "!unsafe"):
    _Reader.add_constructor(_tag, lambda _loader, node: node.value)


def declaration(found: Translation, folder: str) -> str:
    head = (
        f"---\n# Taken over from the Compose deployment in {_one_line(folder)}. What was left behind, and what is other than it was, stands"
        f"\n# in {REPORT} of this project. Each role documents its variables: ansible-doc -t role llmfleet.gateway.ROLE\n"
    )
    variables = {name: value for name, value in found.variables.items() if name != "llm_gpu_count"}
    return head + "".join(_dumped({name: value}) for name, value in variables.items())


def secrets(found: Translation) -> str:
    head = (
        "---\n# The secrets of the deployment that was taken over. Keep a copy elsewhere: what litellm_salt_key encrypted in the database"
        "\n# can't be read with another.\n"
    )
    return head + "".join(_dumped({name: value}) for name, value in found.secrets.items())


def report(found: Translation) -> str:
    notes = found.notes.told()
    parts = [
        ("Not taken over, by file, line and key. Declare it in the project where you need it:", notes["left"]),
        ("Taken over, and not quite what it was:", notes["changed"]),
    ]
    return (
        "\n\n".join(f"{head}\n" + "\n".join(f"- {line}" for line in lines or ["nothing"]) for head, lines in parts)
        + "\n"
    )


def _dumped(value: t.Any) -> str:
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=10_000, allow_unicode=True)


def _one_line(text: str) -> str:
    return re.sub(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", "?", text)


def connection(variables: t.Mapping[str, t.Any]) -> str:
    """As the inventory of the run says it; empty where it says nothing."""
    said = {name: variables[name] for name in CONNECTION_VARIABLES if variables.get(name)}
    return f"---\n# How Ansible reaches the server, as when it was taken over.\n{_dumped(said)}" if said else ""


def texts_of(found: Translation, compose_dir: str, connected: str) -> dict[str, str]:
    """The files by their names. The secrets first: without them nothing else helps."""
    texts = {SECRETS: secrets(found), DECLARATION: declaration(found, compose_dir), REPORT: report(found)}
    return {**texts, CONNECTION: connected} if connected else texts


def write(
    folder: Path, texts: dict[str, str], found: Translation, keys: Keys, check_mode: bool
) -> dict[str, list[str]]:
    """Files that were written, and those that were there and stay."""
    _same_secrets(folder / SECRETS, found, keys)
    kept = [name for name in texts if name != REPORT and (folder / name).exists()]
    written = [name for name in texts if name not in kept]
    for name in () if check_mode else written:
        text = VaultLib(keys).encrypt(texts[name]).decode() if name == SECRETS and keys else texts[name]
        _put(folder / name, text, 0o600 if name == SECRETS else 0o644)
    return {"written": written, "kept": kept}


def _same_secrets(path: Path, found: Translation, keys: Keys) -> None:
    """A project of other secrets would lose the database's content, or have two of everything."""
    if not path.exists():
        return
    text = path.read_text(encoding="utf-8")
    try:
        held = yaml.load(VaultLib(keys).decrypt(text) if is_encrypted(text) else text, Loader=_Reader)
    except Exception:
        raise ProjectError(
            f"{path} is there and can't be read: give its vault password, or another folder as dir"
        ) from None
    wrong = [name for name, value in found.secrets.items() if not isinstance(held, dict) or held.get(name) != value]
    if wrong:
        raise ProjectError(f"{path} is there with other values of {', '.join(wrong)}: give another folder as dir")


def _put(path: Path, text: str, mode: int) -> None:
    """At once, and with its mode from the beginning."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=str(path.parent), prefix=".adopted-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(aside).chmod(mode)
    Path(aside).replace(path)
