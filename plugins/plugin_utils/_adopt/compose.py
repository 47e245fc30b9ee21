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
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.documents import Document, DocumentError, read
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.interpolation import (
    InterpolationError,
    interpolate,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Note, Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.source import (
    COMPOSE_FILES,
    ENVIRONMENT,
    OVERRIDES,
    Source,
)

Data = dict[str, t.Any]
#: Of which the later file's entries follow the earlier one's.
_APPENDED = (
    "ports",
    "volumes",
    "devices",
    "env_file",
    "dns",
    "extra_hosts",
    "cap_add",
    "security_opt",
    "tmpfs",
    "expose",
)
_FLAT = "write the whole of it into one file (docker compose config > flat.yml), and give that one: -e compose_file=flat.yml"


class Missing(t.NamedTuple):
    """A variable that nobody sets, and what uses it: a key of a service, and below `environment` which of its variables."""

    where: str
    key: str
    variable: str
    name: str


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
    reading = _Reading(source, variables, text is not None, notes)
    documents = [found for name in names if (found := reading.document(name))]
    if len(documents) < len(names):
        return None
    return reading.deployment(documents)


def _shell(source: Source) -> dict[str, str]:
    """What the shell that started Compose certainly had."""
    return {"PWD": source.folder, **({"HOME": source.home} if source.home else {})}


def _default_files(source: Source, variables: t.Mapping[str, str]) -> list[str]:
    if variables.get("COMPOSE_FILE"):
        return variables["COMPOSE_FILE"].split(variables.get("COMPOSE_PATH_SEPARATOR", ":"))
    first, over = source.first(COMPOSE_FILES), source.first(OVERRIDES)
    return [name for name in (first, over if first else None) if name]


class _Reading:
    def __init__(self, source: Source, variables: dict[str, str], has_env: bool, notes: Notes) -> None:
        self.source, self.variables, self.has_env, self.notes = source, variables, has_env, notes
        self.missing: dict[tuple[t.Any, ...], list[Missing]] = {}
        self.faults: dict[tuple[t.Any, ...], list[Note]] = {}

    def _fault(self, path: tuple[t.Any, ...], where: str, text: str) -> None:
        """Of a service that may be none of the fleet's, kept with it."""
        if path[:1] == ("services",) and len(path) > 1:
            self.faults.setdefault(path[:2], []).append(Note(where, text))
        else:
            self.notes.fault(where, text)

    def document(self, name: str) -> Document | None:
        text = self.source.text(name)
        if text is None:
            self.notes.fault(name, "is not in the folder; name the files by -e compose_file=NAME,NAME")
            return None
        try:
            return read(text, self.source.short(name), core=True)
        except DocumentError as error:
            self.notes.fault(error.where, error.text)
            return None

    def deployment(self, documents: list[Document]) -> Deployment:
        def at(*path: t.Any) -> str:
            """The later file says last."""
            known = [one for one in documents if path in one.lines]
            return (known or documents)[-1].where(*path)

        parts = [t.cast(Data, self._replaced(one.data, (), one)) for one in documents]
        merged: Data = {}
        for part, one in zip(parts, documents):
            self._refuse(part, one)
            merged = _merged(merged, self._normal(part, one))
        services = {name: self._service(name, data, at) for name, data in (merged.get("services") or {}).items()}
        if not services:
            self.notes.fault(at(), "has no services; give the file that deploys as compose_file")
        project = (
            merged.get("name") or self.variables.get("COMPOSE_PROJECT_NAME") or os.path.basename(self.source.folder)
        )
        rest = {name: value for name, value in merged.items() if name != "services"}
        return Deployment(
            _project_name(str(project)),
            services,
            rest,
            [one.name for one in documents],
            at,
            self.variables,
            self.has_env,
        )

    # ---- one file

    def _replaced(self, value: t.Any, path: tuple[t.Any, ...], document: Document) -> t.Any:
        if isinstance(value, dict):
            return {name: self._replaced(part, (*path, name), document) for name, part in value.items()}
        if isinstance(value, list):
            return [self._replaced(part, (*path, place), document) for place, part in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            found = interpolate(value, self.variables)
        except InterpolationError as error:
            self._fault(path, document.where(*path), str(error))
            return ""
        key, variable = _used_by(path[2:], value)
        places = (Missing(document.where(*path), key, variable, name) for name in found.missing)
        self.missing.setdefault(path[:2], []).extend(places)
        return found.text

    def _refuse(self, data: Data, document: Document) -> None:
        if data.get("include"):
            self.notes.fault(document.where("include"), f"takes further files in; {_FLAT}")
        services = data.get("services") or {}
        if not isinstance(services, dict) or not all(isinstance(one, dict) for one in services.values()):
            self.notes.fault(document.where("services"), "is no mapping of services by their names; mend it")
            data["services"] = {}
            return
        for name, service in services.items():
            if service.get("extends"):
                self.notes.fault(document.where("services", name, "extends"), f"takes another service's keys; {_FLAT}")

    def _normal(self, data: Data, document: Document) -> Data:
        services = {}
        for name, service in (data.get("services") or {}).items():
            services[name] = dict(service)
            for key, form in (("environment", forms.environment), ("env_file", forms.env_files)):
                if service.get(key) is not None:
                    where = document.where("services", name, key)
                    services[name][key] = self._formed(form, service[key], name, where) or {}
        return {**data, "services": services}

    def _formed(self, form: t.Callable[[t.Any], t.Any], value: t.Any, service: str, where: str) -> t.Any:
        try:
            return form(value)
        except forms.FormError as error:
            self._fault(("services", service), where, str(error))
            return None

    # ---- one service

    def _service(self, name: str, data: Data, at: t.Callable[..., str]) -> Service:
        def below(*path: t.Any) -> str:
            return at("services", name, *path)

        def formed(form: t.Callable[[t.Any], t.Any], key: str) -> t.Any:
            return self._formed(form, data.get(key), name, below(key)) or []

        missing = self.missing.setdefault(("services", name), [])
        faults = self.faults.setdefault(("services", name), [])
        return Service(
            name=name,
            data=data,
            environment=self._environment(name, data, below, missing),
            command=formed(forms.words, "command"),
            entrypoint=formed(forms.words, "entrypoint"),
            ports=formed(forms.ports, "ports"),
            mounts=formed(forms.mounts, "volumes"),
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
                self._fault(
                    path, where, f"names {entry['path']}, which can't be read; put it there, or take the entry out"
                )
            return {}
        name, notes = self.source.short(entry["path"]), Notes()
        lines = dotenv.parse(text, name, notes, self.variables, raw=entry["format"] == "raw")
        for note in notes.faults:
            self._fault(path, note.where, note.text)
        for note in notes.changed:
            self.notes.change(note.where, note.text)
        return {key: line.value for key, line in lines.items()}


def _used_by(path: tuple[t.Any, ...], text: str) -> tuple[str, str]:
    """The key of a service at a path, and the variable of its environment, which may be a list of NAME=VALUE."""
    key = str(path[0]) if path else ""
    if key != "environment" or len(path) < 2:
        return key, ""
    return key, text.partition("=")[0] if isinstance(path[1], int) else str(path[1])


def _merged(first: Data, second: Data) -> Data:
    """As Compose lays a file over another."""
    found = dict(first)
    for name, value in second.items():
        before = found.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            found[name] = _merged(before, value)
        elif name in _APPENDED and isinstance(before, list) and isinstance(value, list):
            found[name] = [*before, *value]
        elif value is not None or name not in found:
            found[name] = value
    return found


def _project_name(text: str) -> str:
    """What Compose makes of it."""
    return "".join(letter for letter in text.lower() if letter.isalnum() or letter in "_-").lstrip("_-")
