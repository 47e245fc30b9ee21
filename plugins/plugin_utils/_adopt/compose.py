# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The services of a deployment as Docker Compose sees them: files over each other, variables replaced, forms made one.

translate.py and the readers of single services use it.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import dotenv, forms
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.files import Data, Files, Missing
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Note, Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.source import (
    COMPOSE_FILES,
    ENVIRONMENT,
    OVERRIDES,
    Source,
)


class Service(t.NamedTuple):
    """One service. `data` has its other keys as they are written. Its faults count where the fleet takes it over."""

    name: str
    data: Data
    environment: dict[str, str]
    command: list[str]
    entrypoint: list[str]
    ports: list[forms.Port]
    mounts: list[forms.Mount]
    missing: list[Missing]
    faults: list[Note]
    at: t.Callable[..., str]  # FILE:LINE and the key below the service

    @property
    def image(self) -> str:
        return str(self.data.get("image") or "")


class Deployment(t.NamedTuple):
    """What a folder deploys."""

    project: str
    services: dict[str, Service]
    data: Data  # the other keys of the files
    files: list[str]
    at: t.Callable[..., str]
    variables: dict[str, str]  # of .env
    has_env: bool


def deployment(source: Source, compose_files: t.Sequence[str], notes: Notes) -> Deployment | None:
    """None where there is nothing to read: what is missing is among the faults, or still wanted."""
    text = source.text(ENVIRONMENT)
    shell = _shell(source)
    lines = dotenv.parse(text, ENVIRONMENT, notes, shell) if text is not None else {}
    variables = {**shell, **{name: line.value for name, line in lines.items()}}
    names = list(compose_files) or _default_files(source, variables)
    if not names:
        notes.fault(
            source.folder, f"holds none of {', '.join(COMPOSE_FILES)}; give the folder of the deployment as compose_dir"
        )
        return None
    files = Files(source, notes)
    data = files.merged(names, variables)
    return _Reading(source, variables, text is not None, files).deployment(data) if data is not None else None


def _shell(source: Source) -> dict[str, str]:
    """What the shell that started Compose certainly had."""
    return {"PWD": source.folder, **({"HOME": source.home} if source.home else {})}


def _default_files(source: Source, variables: t.Mapping[str, str]) -> list[str]:
    if variables.get("COMPOSE_FILE"):
        return variables["COMPOSE_FILE"].split(variables.get("COMPOSE_PATH_SEPARATOR", ":"))
    first, over = source.first(COMPOSE_FILES), source.first(OVERRIDES)
    return [name for name in (first, over if first else None) if name]


class _Reading:
    def __init__(self, source: Source, variables: dict[str, str], has_env: bool, files: Files) -> None:
        self.source, self.variables, self.has_env, self.files = source, variables, has_env, files

    def deployment(self, data: Data) -> Deployment:
        at = self.files.at
        services = {name: self._service(name, one) for name, one in (data.get("services") or {}).items()}
        if not services:
            self.files.notes.fault(at(), "has no services; give the file that deploys as compose_file")
        project = data.get("name") or self.variables.get("COMPOSE_PROJECT_NAME") or os.path.basename(self.source.folder)
        rest = {name: value for name, value in data.items() if name != "services"}
        names = [one.name for one in self.files.documents]
        return Deployment(_project_name(str(project)), services, rest, names, at, self.variables, self.has_env)

    # ---- one service

    def _service(self, name: str, data: Data) -> Service:
        def below(*path: t.Any) -> str:
            return self.files.at("services", name, *path)

        def formed(form: t.Callable[[t.Any], t.Any], key: str) -> t.Any:
            return self.files.formed(form, data.get(key), name, below(key)) or []

        missing = self.files.missing.setdefault(name, [])
        faults = self.files.faults.setdefault(name, [])
        return Service(
            name=name,
            data=data,
            environment=self._environment(name, data, below, missing),
            command=formed(forms.words, "command"),
            entrypoint=formed(forms.words, "entrypoint"),
            ports=list(dict.fromkeys(formed(forms.ports, "ports"))),
            mounts=list({one.target: one for one in formed(forms.mounts, "volumes")}.values()),
            missing=missing,
            faults=faults,
            at=below,
        )

    def _environment(
        self, service: str, data: Data, at: t.Callable[..., str], missing: list[Missing]
    ) -> dict[str, str]:
        found: dict[str, str] = {}
        for entry in data.get("env_file") or []:
            found.update(self._env_file(service, entry, at("env_file")))
        for name, value in (data.get("environment") or {}).items():
            if value is not None:
                found[name] = value
            elif name in self.variables:
                found[name] = self.variables[name]
            elif name not in found:
                missing.append(Missing(at("environment", name), "environment", name, name))
        return found

    def _env_file(self, service: str, entry: Data, where: str) -> dict[str, str]:
        text = self.source.text(entry["path"])
        path = ("services", service)
        if text is None:
            if entry["required"]:
                self.files.fault(
                    path, where, f"names {entry['path']}, which can't be read; put it there, or take the entry out"
                )
            return {}
        name, notes = self.source.short(entry["path"]), Notes()
        lines = dotenv.parse(text, name, notes, self.variables, raw=entry["format"] == "raw")
        for note in notes.faults:
            self.files.fault(path, note.where, note.text)
        for note in notes.changed:
            self.files.notes.change(note.where, note.text)
        return {key: line.value for key, line in lines.items()}


def _project_name(text: str) -> str:
    """What Compose makes of it."""
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter in "_-").lstrip("_-")
