# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a project should be, read from the module's options. Pure; whatever acts on a project reads it."""

from __future__ import annotations

import errno
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    DirectorySpec,
    FileSpec,
    group_id,
    user_id,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.recreate import COMPOSE_FILE

PRESENT, ABSENT, PREVIOUS = "present", "absent", "previous"


class ProjectError(Exception):
    """The project can't be brought to its state; the message says what to do."""


def words(error: Exception) -> str:
    """A KeyError's text is its key in quotes; the reader wants to know what was looked for."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{error}. Free some space (df -h; playbooks/cleanup.yml says what it would free) and run again"
    return f"not found: {error}" if isinstance(error, KeyError) else str(error)


class Hook(t.NamedTuple):
    """A command inside a running service. It prints CHANGED when it changed (or, checking, would change) something."""

    service: str
    command: list[str]
    check_command: list[str]
    description: str
    stdin_file: str = ""
    timeout: int = 300


class BeforeHook(t.NamedTuple):
    """A command that must succeed before a service gets another image, such as a backup."""

    service: str
    command: list[str]
    description: str
    one_off: bool = False
    timeout: int = 3600


class Reload(t.NamedTuple):
    """How a running service takes changed files, and what has to say first that they are right."""

    signal: str
    command: list[str]
    check: list[str]

    def commands(self, container: str, checked: bool = True) -> list[list[str]]:
        # Not by `docker kill`: whatever signal it sends, the engine takes the container for stopped by a person from then on, and
        # `unless-stopped` brings it back neither after a crash nor after a reboot.
        words = ["sh", "-c", 'kill -s "$0" 1', self.signal] if self.signal else self.command
        act = ["docker", "exec", container, *words]
        return [["docker", "exec", container, *self.check], act] if checked and self.check else [act]


class Guard(t.NamedTuple):
    """A file that must hold a text, where it exists at all, before anything is touched."""

    path: str
    equals: str
    fail_msg: str


class Replaced(t.NamedTuple):
    """Containers of another project that this one takes the place of. No service: all that nobody else names."""

    project: str
    project_dir: str
    service: str
    but: frozenset[str] = frozenset()

    def covers(self, service: str) -> bool:
        return service == self.service if self.service else service not in self.but


class Declaration(t.NamedTuple):
    """What the project should be."""

    name: str
    project_dir: str
    state: str = PRESENT
    files: tuple[FileSpec, ...] = ()
    directories: tuple[DirectorySpec, ...] = ()
    networks: tuple[tuple[str, bool], ...] = ()
    hooks: tuple[Hook, ...] = ()
    before_image_change: tuple[BeforeHook, ...] = ()
    guards: tuple[Guard, ...] = ()
    forward_only: tuple[str, ...] = ()
    replaces: tuple[Replaced, ...] = ()
    reload: t.Mapping[str, Reload] = {}
    attach: t.Mapping[str, list[str]] = {}
    attach_containers: t.Mapping[str, list[str]] = {}
    max_restarts: int = 2
    recreate: bool = False
    #: What services read, where it is remembered and not computed from the files.
    digests: t.Mapping[str, str] | None = None

    @property
    def compose(self) -> str:
        for spec in self.files:
            if spec.path == COMPOSE_FILE:
                return spec.content
        raise ProjectError(f"files has no {COMPOSE_FILE}, so project {self.name} has no services")

    @property
    def network_names(self) -> set[str]:
        """Those of whose being the plan depends."""
        attached = [name for names in self.attach.values() for name in names]
        return {*(name for name, _internal in self.networks), *attached}


Params = dict[str, t.Any]


def _file_spec(entry: Params, contents: dict[str, str]) -> FileSpec:
    content = contents.get(entry["path"]) if entry["secret"] else entry["content"]
    if content is None:
        raise ProjectError(f"files: {entry['path']} has no content; give it src or content")
    return FileSpec(
        path=entry["path"],
        content=content,
        mode=int(entry["mode"], 8),
        owner=user_id(entry["owner"]),
        group=group_id(entry["group"]),
        secret=entry["secret"],
        services=tuple(entry["services"]),
        reload=tuple(entry["reload"]),
    )


def _directory_spec(entry: Params) -> DirectorySpec:
    return DirectorySpec(entry["path"], int(entry["mode"], 8), user_id(entry["owner"]), group_id(entry["group"]))


def _reloads(project: Params) -> dict[str, Reload]:
    """Checked here, since Ansible knows no options below names that the user chooses."""
    found = {}
    for service, entry in project["reload"].items():
        where = f"reload.{service} of project {project['name']}"
        if not isinstance(entry, dict) or bool(entry.get("signal")) == bool(entry.get("command")):
            raise ProjectError(f"{where} needs either signal or command")
        unknown = sorted(set(entry) - {"signal", "command", "check"})
        if unknown:
            raise ProjectError(f"{where} has no option {unknown[0]}: it takes signal or command, and check")
        words = {name: list(map(str, entry.get(name) or [])) for name in ("command", "check")}
        found[service] = Reload(signal=str(entry.get("signal") or ""), **words)
    unknown = sorted({service for file in project["files"] for service in file["reload"]} - set(found))
    if unknown:
        raise ProjectError(f"files are to be reloaded by {unknown[0]}, and reload of {project['name']} doesn't say how")
    return found


def _names(value: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    return {name: list(dict.fromkeys(map(str, names))) for name, names in value.items()}


def _replaced(entry: Params, projects: list[Params]) -> Replaced:
    """A wildcard leaves alone what any project of the call names, also one that fails."""
    old = (entry["project"], entry["project_dir"])
    others = [other for project in projects for other in project["replaces"]]
    named = frozenset(
        other["service"] for other in others if other["service"] and old == (other["project"], other["project_dir"])
    )
    return Replaced(*old, entry["service"] or "", named)


def declaration(project: Params, params: Params) -> Declaration:
    """One of the module's projects; *params* are the options of the whole call."""
    contents = params["secret_contents"].get(project["name"], {})
    hooks = [{**entry, "stdin_file": entry["stdin_file"] or ""} for entry in project["hooks"]]
    return Declaration(
        name=project["name"],
        project_dir=project["project_dir"].rstrip("/") or "/",
        state=project["state"],
        files=tuple(_file_spec(entry, contents) for entry in project["files"]),
        directories=tuple(_directory_spec(entry) for entry in project["directories"]),
        networks=tuple((entry["name"], entry["internal"]) for entry in project["networks"]),
        hooks=tuple(Hook(**entry) for entry in hooks),
        before_image_change=tuple(BeforeHook(**entry) for entry in project["before_image_change"]),
        guards=tuple(Guard(**entry) for entry in project["guards"]),
        forward_only=tuple(project["forward_only"]),
        replaces=tuple(_replaced(entry, params["projects"]) for entry in project["replaces"]),
        reload=_reloads(project),
        attach=_names(project["attach"]),
        attach_containers=_names(project["attach_containers"]),
        max_restarts=params["max_restarts"],
        recreate=params["recreate"],
    )


def refuse_duplicates(projects: list[Params]) -> None:
    """Two projects of one name, or in one directory, would undo each other's half."""
    for option in ("name", "project_dir"):
        first: dict[str, int] = {}
        for index, project in enumerate(projects):
            value = project[option]
            if value in first:
                raise ProjectError(f"projects[{first[value]}] and projects[{index}] have the same {option}: {value}")
            first[value] = index
