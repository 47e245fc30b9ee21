# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compose files as one: variables replaced, one over another, with what they include and what their services extend.

Pure; compose.py uses it.
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import dotenv, forms
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.documents import Document, DocumentError, read
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.interpolation import (
    InterpolationError,
    interpolate,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Note, Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.source import ENVIRONMENT, Source

Data = dict[str, t.Any]
Path = tuple[t.Any, ...]
Variables = t.Mapping[str, str]
#: Of which the later file's entries follow the earlier one's.
_APPENDED = (
    "ports", "volumes", "devices", "env_file", "dns", "extra_hosts", "cap_add", "security_opt", "tmpfs", "expose",
)  # fmt: skip
#: No project nests deeper.
_DEEPEST = 20


class Missing(t.NamedTuple):
    """A variable that nobody sets, and what uses it: a key of a service, and below `environment` which of its variables."""

    where: str
    key: str
    variable: str
    name: str


class Files:
    """Reads them. Faults of a service, which may be none of the fleet's, are kept with it."""

    def __init__(self, source: Source, notes: Notes) -> None:
        self.source, self.notes = source, notes
        self.documents: list[Document] = []
        self.missing: dict[str, list[Missing]] = {}
        self.faults: dict[str, list[Note]] = {}

    def fault(self, path: Path, where: str, text: str) -> None:
        if path[:1] == ("services",) and len(path) > 1:
            self.faults.setdefault(str(path[1]), []).append(Note(where, text))
        else:
            self.notes.fault(where, text)

    def formed(self, form: t.Callable[[t.Any], t.Any], value: t.Any, service: str, where: str) -> t.Any:
        try:
            return form(value)
        except forms.FormError as error:
            self.fault(("services", service), where, str(error))
            return None

    def at(self, *path: t.Any) -> str:
        """The later file says last."""
        known = [one for one in self.documents if path in one.lines]
        return (known or self.documents)[-1].where(*path)

    def merged(self, names: t.Sequence[str], variables: Variables, depth: int = 0) -> Data | None:
        """None where one of them can't be read: that is among the faults, or the file is still wanted."""
        documents = [one for name in names if (one := self._document(name))]
        if len(documents) < len(names):
            return None
        found: Data = {}
        for one in documents:
            found = over(found, self._part(one, variables, depth))
        self.documents += documents
        return found

    # ---- one file

    def _document(self, name: str) -> Document | None:
        text = self.source.text(name)
        if text is None:
            self.notes.fault(name, "is not in the folder; name the files by -e compose_file=NAME,NAME")
            return None
        try:
            return read(text, self.source.short(name), core=True)
        except DocumentError as error:
            self.notes.fault(error.where, error.text)
            return None

    def _part(self, document: Document, variables: Variables, depth: int) -> Data:
        """With what it includes below it."""
        data: Data = self._replaced(document.data, (), document, variables)
        services = data.get("services") or {}
        if not isinstance(services, dict) or not all(isinstance(one, dict) for one in services.values()):
            self.notes.fault(document.where("services"), "is no mapping of services by their names; mend it")
            services = {}
        found: Data = {}
        for place, entry in enumerate(forms.listed(data.pop("include", None))):
            found = over(found, self._included(entry, document.where("include", place), document, variables, depth))
        data["services"] = services
        whole = {name: self._extended(name, data, document, variables, ()) for name in services}
        return over(found, {**data, "services": whole})

    def _replaced(self, value: t.Any, path: Path, document: Document, variables: Variables) -> t.Any:
        if isinstance(value, dict):
            return {name: self._replaced(part, (*path, name), document, variables) for name, part in value.items()}
        if isinstance(value, list):
            return [self._replaced(part, (*path, place), document, variables) for place, part in enumerate(value)]
        if not isinstance(value, str) or "$" not in value:
            return value
        try:
            found = interpolate(value, variables)
        except InterpolationError as error:
            self.fault(path, document.where(*path), str(error))
            return ""
        if path[:1] == ("services",) and len(path) > 1:
            key, variable = _used_by(path[2:], value)
            places = (Missing(document.where(*path), key, variable, name) for name in found.missing)
            self.missing.setdefault(str(path[1]), []).extend(places)
        return found.text

    # ---- what it takes in

    def _included(self, entry: t.Any, where: str, document: Document, variables: Variables, depth: int) -> Data:
        said = entry if isinstance(entry, dict) else {"path": entry}
        given = said.get("path")
        paths = [path for path in (given if isinstance(given, list) else [given]) if isinstance(path, str)]
        if depth == _DEEPEST or not paths:
            self.notes.fault(where, "is no path of a file to include, or includes itself; mend it")
            return {}
        around = posixpath.dirname(document.name)
        names = [posixpath.join(around, path) for path in paths]
        folder = posixpath.join(around, str(said.get("project_directory") or posixpath.dirname(paths[0])))
        known = {**self._variables(said.get("env_file"), around, folder, variables), **variables}
        found = self.merged(names, known, depth + 1) or {}
        services = {name: _moved(one, folder) for name, one in (found.get("services") or {}).items()}
        return {**found, "services": services}

    def _variables(self, said: t.Any, around: str, folder: str, variables: Variables) -> dict[str, str]:
        """Of an included project: those of its own .env, or of the files that are named instead."""
        names = [posixpath.join(around, str(one)) for one in (said if isinstance(said, list) else [said]) if one]
        found: dict[str, str] = {}
        for name in names or [posixpath.join(folder, ENVIRONMENT)]:
            text = self.source.text(name)
            lines = dotenv.parse(text, self.source.short(name), self.notes, {**found, **variables}) if text else {}
            found.update((key, line.value) for key, line in lines.items())
        return found

    def _extended(self, name: str, data: Data, document: Document, variables: Variables, seen: tuple[str, ...]) -> Data:
        """A service over the one that it extends."""
        service = dict(data["services"][name])
        said = service.pop("extends", None)
        own = self._normal(service, name, document)
        if not said:
            return own
        base, file = (said.get("service"), said.get("file")) if isinstance(said, dict) else (said, None)
        other: Document | None = document
        other_data, folder = data, ""
        if file:
            folder = posixpath.dirname(str(file))
            other = self._document(posixpath.join(posixpath.dirname(document.name), str(file)))
            other_data = self._replaced(other.data, (), other, variables) if other else {}
        services = other_data.get("services")
        this = f"{other.name if other else file} {base}"
        if not other or this in seen or not isinstance(services, dict) or not isinstance(services.get(base), dict):
            where = document.where("services", name, "extends")
            self.fault(("services", name), where, "names no service, or one that extends this one; mend it")
            return own
        if other is not document:
            self.documents.insert(0, other)
        found = self._extended(str(base), other_data, other, variables, (*seen, this))
        self._take_over(name, str(base))
        return over(_moved(found, folder), own)

    def _take_over(self, name: str, base: str) -> None:
        """What is wrong with a service is wrong with those that extend it."""
        if name != base:
            self.missing.setdefault(name, []).extend(self.missing.get(base, []))
            self.faults.setdefault(name, []).extend(self.faults.get(base, []))

    def _normal(self, service: Data, name: str, document: Document) -> Data:
        """Lists as mappings, where the later file's entries replace the earlier one's."""
        for key, form in (("environment", forms.environment), ("env_file", forms.env_files)):
            if service.get(key) is not None:
                where = document.where("services", name, key)
                service[key] = self.formed(form, service[key], name, where) or {}
        return service


def _used_by(path: Path, text: str) -> tuple[str, str]:
    """The key of a service at a path, and the variable of its environment, which may be a list of NAME=VALUE."""
    key = str(path[0]) if path else ""
    if key != "environment" or len(path) < 2:
        return key, ""
    return key, text.partition("=")[0] if isinstance(path[1], int) else str(path[1])


def _moved(service: Data, folder: str) -> Data:
    """With paths as the project's folder sees them."""
    if not folder:
        return service
    found = dict(service)
    if isinstance(found.get("env_file"), list):
        found["env_file"] = [{**one, "path": _below(folder, one["path"])} for one in found["env_file"]]
    if isinstance(found.get("volumes"), list):
        found["volumes"] = [_moved_volume(one, folder) for one in found["volumes"]]
    return found


def _moved_volume(entry: t.Any, folder: str) -> t.Any:
    if isinstance(entry, str):
        return _below(folder, entry) if entry.startswith(".") else entry
    if isinstance(entry, dict) and str(entry.get("source") or "").startswith("."):
        return {**entry, "source": _below(folder, str(entry["source"]))}
    return entry


def _below(folder: str, path: str) -> str:
    """Begins with a dot or a slash, as a path has to."""
    if path.startswith(("/", "~")):
        return path
    found = posixpath.join(folder, path)
    return found if found.startswith(("/", ".")) else f"./{found}"


def over(first: Data, second: Data) -> Data:
    """As Compose lays a file over another."""
    found = dict(first)
    for name, value in second.items():
        before = found.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            found[name] = over(before, value)
        elif name in _APPENDED and isinstance(before, list) and isinstance(value, list):
            found[name] = [*before, *value]
        elif value is not None or name not in found:
            found[name] = value
    return found
