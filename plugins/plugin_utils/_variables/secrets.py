# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Makes the secrets that the table of services names and that are not set yet. Only the action plugin secrets_file imports it."""

from __future__ import annotations

import os
import secrets
import string
import tempfile
import typing as t
from pathlib import Path

import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._ca import rotation
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.services import Secret

ENCRYPTED = "$ANSIBLE_VAULT"
#: Letters and digits only: no quoting, no template and no shell has a say in them.
CHARACTERS = string.ascii_letters + string.digits


def missing(wanted: t.Iterable[Secret], variables: t.Iterable[t.Mapping[str, t.Any]]) -> list[Secret]:
    """Secrets that none of the hosts has, by the hosts' variables."""
    held = list(variables)
    return [secret for secret in wanted if not any(found.get(secret.variable) for found in held)]


def made(secret: Secret) -> str:
    return secret.prefix + "".join(secrets.choice(CHARACTERS) for _position in range(secret.length))


def default_path(source: str) -> str:
    """The file of secrets of an inventory: a directory keeps its group_vars inside, a file beside itself."""
    folder = source if os.path.isdir(source) else os.path.dirname(source)
    return os.path.join(folder, "group_vars", "all", "vault.yml")


def add(path: Path, wanted: t.Sequence[Secret]) -> None:
    """Appends new secrets; what stands in the file stays as it is. ValueError where nothing can be added."""
    text = path.read_text(encoding="utf-8") if path.exists() else "---\n"
    if text.startswith(ENCRYPTED):
        names = ", ".join(secret.variable for secret in wanted)
        raise ValueError(
            f"{path} is encrypted and lacks {names}. Decrypt it (ansible-vault decrypt), run this again, and encrypt it"
        )
    lines = yaml.safe_dump({secret.variable: made(secret) for secret in wanted}, sort_keys=False)
    # Folders that are there keep their mode.
    path.parent.mkdir(parents=True, exist_ok=True)
    _replace(path, f"{text.rstrip()}\n{lines}")


def rotate(path: Path, step: str, write: bool) -> bool:
    """Takes a step of the rotation of the fleet's authority; whether there was anything to do. ValueError where it can't be taken."""
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    if text.startswith(ENCRYPTED):
        raise ValueError(
            f"{path} is encrypted. Decrypt it (ansible-vault decrypt), run this again, and encrypt it when it is through"
        )
    try:
        after = rotation.rotated(text, step, lambda: made(Secret(rotation.NEXT)))
    except rotation.RotationError as error:
        raise ValueError(f"{path} {error}") from error
    if after != text and write:
        _replace(path, after)
    return after != text


def _replace(path: Path, text: str) -> None:
    """At once and readable by its owner only, also while it is written."""
    handle, aside = tempfile.mkstemp(dir=str(path.parent), prefix=".secrets-")
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        stream.write(text)
    Path(aside).replace(path)
