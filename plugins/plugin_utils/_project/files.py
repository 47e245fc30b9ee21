# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a fleet project: which of them are missing in a folder, and what their templates print. Reads, writes nothing."""

from __future__ import annotations

import json
import typing as t
from pathlib import Path

import yaml
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._project.asked import PLACEHOLDER, Asked, Model, Server

#: Behind an address that nobody gave.
EXAMPLE = "  # an example: write the address of your server here"
INVENTORY = "gpu_hosts"
DECLARATION = "group_vars/all/main.yml"
#: Each file, with its template's name in playbooks/templates/project.
FILES = {
    "site.yml": "site.yml.j2",
    INVENTORY: "gpu_hosts.j2",
    DECLARATION: "main.yml.j2",
    "ansible.cfg": "ansible.cfg.j2",
    "requirements.yml": "requirements.yml.j2",
    ".gitignore": "gitignore.j2",
}
#: Where a parameter ends up, for those who give one when the file is there already.
PLACES = {
    "gpu_hosts": INVENTORY,
    "gateway": INVENTORY,
    "ssh_user": INVENTORY,
    "gpu_count": INVENTORY,
    "domain": DECLARATION,
    "models": DECLARATION,
}


def missing(folder: Path) -> list[str]:
    return [name for name in FILES if not _is_there(folder, name)]


def _is_there(folder: Path, name: str) -> bool:
    """Variables of all hosts may be in files of any name: beside them a second declaration would be read as well."""
    if name != DECLARATION:
        return (folder / name).exists()
    places = [folder / "group_vars", folder / INVENTORY / "group_vars"]
    alone = [path for place in places for path in (place / "all", *place.glob("all.*")) if path.is_file()]
    within = [path for place in places for path in place.glob("all/*") if path.stem != "vault"]
    return bool(alone or within)


def unheard(given: t.Mapping[str, t.Any], kept: t.Collection[str]) -> list[str]:
    """What was asked for and is not written, since its file is there."""
    return [
        f"{PLACES[name]} is there and stays as it is, so {name} was not written: write it there yourself"
        for name in PLACES
        if given.get(name) not in (None, "") and PLACES[name] in kept
    ]


def view(asked: Asked, version: str, encrypted: bool, password_file: str) -> dict[str, t.Any]:
    """What the templates print: every text as YAML writes it."""
    domain = f"llm_domain: {_scalar(asked.domain)}" if asked.domain else "# llm_domain: llm.example.com"
    return {
        "version": version,
        "ssh_user": _scalar(asked.ssh_user),
        "gateway": asked.gateway.name,
        "apart": [_entry(server) for server in asked.servers if server not in asked.gpu_servers],
        "gpu_servers": [_entry(server) for server in asked.gpu_servers],
        "gpu_count": int(asked.gpu_count),
        "domain_line": domain,
        "models": [_entry(model) for model in asked.models],
        "model_names": json.dumps([model.name for model in asked.models]),
        "ignored": [] if encrypted else ["/group_vars/all/vault.yml"],
        "password_line": f"vault_password_file = {password_file}"
        if password_file
        else "# vault_password_file = ~/.config/my-fleet.vault-password",
    }


def _entry(found: Server | Model) -> dict[str, str]:
    return {key: _scalar(text) + EXAMPLE * (text == PLACEHOLDER) for key, text in found._asdict().items()}


def _scalar(text: str) -> str:
    return yaml.safe_dump(text, width=10_000).removesuffix("...\n").strip()
