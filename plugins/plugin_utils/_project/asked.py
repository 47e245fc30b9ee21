# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a new project was asked to be, read and judged on its own. Pure; declared.py judges it as a fleet."""

from __future__ import annotations

import difflib
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import shown
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.models import LONGEST_SLUG, is_word

#: Stands for a server's address until the user writes one; an address that documents may use.
PLACEHOLDER = "192.0.2.10"
#: Small enough for any GPU, and known to the planner without a network.
FIRST_MODEL = "qwen2.5-0.5b=Qwen/Qwen2.5-0.5B-Instruct"
_USER = re.compile(r"[a-z_][a-z0-9_.-]{0,31}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]*")
_SOURCE = re.compile(r"/?[A-Za-z0-9][A-Za-z0-9._/-]*")


#: Of init, beside the folder.
PARAMETERS = ("gpu_hosts", "gateway", "ssh_user", "gpu_count", "domain", "models")


class Server(t.NamedTuple):
    name: str
    address: str


class Model(t.NamedTuple):
    name: str
    model: str


class Asked(t.NamedTuple):
    """What init's parameters say, with what stands for those that were not given."""

    gpu_servers: tuple[Server, ...]
    gateway: Server
    ssh_user: str
    gpu_count: str
    domain: str
    models: tuple[Model, ...]

    @property
    def servers(self) -> tuple[Server, ...]:
        """Each once, the gateway first."""
        return tuple(dict.fromkeys([self.gateway, *self.gpu_servers]))


def read(given: t.Mapping[str, t.Any]) -> Asked:
    """By the parameters' names; those that are absent or empty are taken as a first server would be."""
    addresses = _words(given.get("gpu_hosts")) or [PLACEHOLDER]
    gpu_servers = tuple(Server(f"gpu{number}", address) for number, address in enumerate(addresses, 1))
    apart = str(given.get("gateway") or "").strip()
    same = next((server for server in gpu_servers if server.address == apart), None)
    gateway = same or (Server("gateway1", apart) if apart else gpu_servers[0])
    models = tuple(_model(word) for word in _words(given.get("models")) or [FIRST_MODEL])
    said = {name: str(given.get(name) or "").strip() for name in ("ssh_user", "domain")}
    return Asked(
        gpu_servers, gateway, said["ssh_user"] or "root", str(given.get("gpu_count", 1)), said["domain"], models
    )


def _words(value: t.Any) -> list[str]:
    """A list, or text with commas, as the command line gives it."""
    parts = value if isinstance(value, (list, tuple)) else str(value or "").split(",")
    return [str(part).strip() for part in parts if str(part).strip()]


def _model(word: str) -> Model:
    """name=repository, or a repository whose last part becomes the name, as far as a container can have it."""
    name, equals, model = word.partition("=")
    if equals:
        return Model(name, model)
    plain = word.rstrip("/").rpartition("/")[2].lower()
    short = plain if len(plain) <= LONGEST_SLUG else plain[:LONGEST_SLUG].rstrip("._-")
    return Model(short if is_word(short) else f"model-{short}", word)


def faults(asked: Asked) -> list[str]:
    """What would be no inventory, or a template in it. Rules of single variables are the declaration's."""
    found = []
    for server in asked.servers:
        where = "gateway" if server.name == "gateway1" else "gpu_hosts"
        if fault := values.host(server.address):
            found.append(f"{where}: {fault}")
    twice = {server.address for server in asked.gpu_servers if _times(asked, server.address) > 1}
    found += [f"gpu_hosts names {address} twice; write each server once" for address in sorted(twice)]
    if not _USER.fullmatch(asked.ssh_user):
        found.append(
            f"ssh_user: {shown(asked.ssh_user)} is no name of a user; write the one that ssh logs in as, such as root"
        )
    if not asked.gpu_count.isdecimal():
        found.append(
            f"gpu_count: {shown(asked.gpu_count)} is no number; write how many GPUs each server has, 0 for none"
        )
    if asked.domain and values.host(asked.domain):
        found.append(f"domain: {shown(asked.domain)} is no name; write the API's, such as llm.example.com")
    return found + [fault for model in asked.models for fault in _model_faults(model)]


def misspelt(variables: t.Iterable[str]) -> list[str]:
    """Of the variables of a command line: a parameter that is called otherwise would be taken for one that was not given."""
    known = {"dir", "result", *PARAMETERS}
    close = {name: difflib.get_close_matches(name, sorted(known), 1, 0.8) for name in variables if name not in known}
    return [f"{name} is no parameter; did you mean {found[0]}?" for name, found in close.items() if found]


def _times(asked: Asked, address: str) -> int:
    return [server.address for server in asked.gpu_servers].count(address)


def _model_faults(model: Model) -> t.Iterator[str]:
    if not _NAME.fullmatch(model.name):
        yield f"models: {shown(model.name)} is no name; write letters, digits, dots and dashes, such as chat=Qwen/Qwen2.5-7B-Instruct"
    if not _SOURCE.fullmatch(model.model):
        yield (
            f"models: {shown(model.model)} is no model; write a repository of huggingface.co such as Qwen/Qwen2.5-7B-Instruct,"
            " or the absolute path of a folder on the servers"
        )
