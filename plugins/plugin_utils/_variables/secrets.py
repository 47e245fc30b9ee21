# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the secrets that the table of services names and that are not set yet. Only the action plugin secrets_file imports it."""

from __future__ import annotations

import base64
import os
import secrets
import string
import typing as t
from pathlib import Path

import yaml
from ansible.errors import AnsibleError
from ansible.inventory.manager import InventoryManager
from ansible.vars.manager import VariableManager
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca import rotation
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import members
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import Secret
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables import secret_rotation
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.vault_file import NO_PASSWORD, Keys, VaultFile

#: What a new file begins with.
NEW = """---
# The secrets of the fleet, made at random. Keep a copy elsewhere: what litellm_salt_key encrypted in the database can't be read with
# another. Whatever else is secret belongs here too, such as vllm_hf_token and the keys of other providers.
"""
#: Letters and digits only: no quoting, no template and no shell has a say in them.
CHARACTERS = string.ascii_letters + string.digits


def missing(wanted: t.Iterable[Secret], variables: t.Iterable[t.Mapping[str, t.Any]]) -> list[Secret]:
    """Secrets that none of the hosts has, by the hosts' variables."""
    held = list(variables)
    return [secret for secret in wanted if not any(found.get(secret.variable) for found in held)]


def held_in(inventory: str, loader: t.Any) -> list[t.Mapping[str, t.Any]]:
    """The variables of every host of the fleet in an inventory that is not the run's, and of the controller. None of one to come.
    ValueError where they can't be read; Ansible would quote the line, which may be a secret's."""
    if not os.path.exists(inventory):
        return []
    try:
        source = InventoryManager(loader=loader, sources=[inventory])
        manager = VariableManager(loader=loader, inventory=source)
        hosts = [source.get_host(name) for name in [*members(source.get_groups_dict()), "localhost"]]
        return [manager.get_vars(host=host, include_hostvars=False) for host in hosts if host]
    except AnsibleError as error:
        reason = f"{_place(error)}{str(error.message).partition(chr(10))[0]}"
    # Only its words tell: the class is that of any file that can't be parsed.
    if "decrypt" in reason.lower():
        raise ValueError(f"A file of {inventory} is encrypted, {NO_PASSWORD}")
    raise ValueError(f"The inventory {inventory} can't be read: {reason} Correct it, then run this again")


def _place(error: BaseException | None) -> str:
    """The file and its line, which the error or the one that it comes from has."""
    while error:
        path, line = (getattr(getattr(error, "obj", None), name, None) for name in ("path", "line_num"))
        if path:
            return f"{path}{f':{line}' if line else ''}: "
        error = error.__cause__ or error.__context__
    return ""


def held_by(file: VaultFile) -> t.Mapping[str, t.Any]:
    """The variables of a file of secrets. ValueError where it can't be read, without a word of it."""
    text = file.text()
    try:
        found = yaml.load(text, Loader=_Loader) or {}
    except (yaml.YAMLError, ValueError, RecursionError):  # also of a text that is like a date and none
        found = None
    if not isinstance(found, dict):
        raise ValueError(f"{file.path} holds no variables in YAML, one a line as name: value. Correct it")
    return found


class _Loader(yaml.SafeLoader):
    """Knows of Ansible's tags that there is a value, not what it is."""


for _tag in ("!vault", "!vault-encrypted", "!unsafe"):
    _Loader.add_constructor(_tag, lambda _loader, node: node.value)


def made(secret: Secret) -> str:
    if secret.random_bytes:
        return base64.b64encode(secrets.token_bytes(secret.random_bytes)).decode()
    return secret.prefix + "".join(secrets.choice(CHARACTERS) for _position in range(secret.length))


def default_path(source: str) -> str:
    """The file of secrets of an inventory: a directory keeps its group_vars inside, a file beside itself."""
    folder = source if os.path.isdir(source) else os.path.dirname(source)
    return os.path.join(folder, "group_vars", "all", "vault.yml")


def add(path: Path, wanted: t.Sequence[Secret], keys: Keys = ()) -> None:
    """Appends new secrets; what stands in the file stays as it is. ValueError where nothing can be added."""
    file = VaultFile(path, keys)
    text = file.text() or NEW
    lines = yaml.safe_dump({secret.variable: made(secret) for secret in wanted}, sort_keys=False)
    file.replace(f"{text.rstrip()}\n{lines}")


def rotate(path: Path, step: str, write: bool, keys: Keys = ()) -> bool:
    """Takes a step of the rotation of the fleet's authority; whether there was anything to do. ValueError where it can't be taken."""
    file = VaultFile(path, keys)
    text = file.text()
    try:
        after = rotation.rotated(text, step, lambda: made(Secret(rotation.NEXT)))
    except rotation.RotationError as error:
        raise ValueError(f"{path} {error}") from error
    if after != text and write:
        file.replace(after)
    return after != text


def begin_rotation(
    path: Path, names: t.Sequence[str], known: t.Sequence[Secret], write: bool, keys: Keys = ()
) -> list[str]:
    """Makes new values, and keeps those that have to be valid beside them. Returns whose values are new. ValueError where it can't be."""
    form = {secret.variable: secret for secret in known}
    return _changed(path, lambda text: secret_rotation.begun(text, names, lambda name: made(form[name])), write, keys)


def end_rotation(path: Path, write: bool, keys: Keys = ()) -> list[str]:
    """Takes out the values of before. Returns their variables."""
    return _changed(path, secret_rotation.ended, write, keys)


def _changed(path: Path, change: t.Callable[[str], tuple[str, list[str]]], write: bool, keys: Keys) -> list[str]:
    file = VaultFile(path, keys)
    text = file.text()
    try:
        after, names = change(text)
    except ValueError as error:
        raise ValueError(f"{path} {error}") from error
    if after != text and write:
        file.replace(after)
    return names
