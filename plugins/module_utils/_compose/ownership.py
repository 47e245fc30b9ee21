# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whose a container is: one look at all of the host's, and the refusal of those that are not ours.

A container of a Compose project is ours when Compose made it in the project's directory, or when it carries our label
with the project's name. Everything else under that name is somebody's, and is never touched.
"""

from __future__ import annotations

import os
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import (
    Declaration,
    ProjectError,
    Replaced,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container, Engine, Row


def same_directory(one: str, other: str) -> bool:
    return bool(one and other) and os.path.realpath(one) == os.path.realpath(other)


def owned(row: Row, project: str, project_dir: str) -> bool:
    if row.project != project:
        return False
    return row.fleet_project == project or (not row.fleet_project and same_directory(row.working_dir, project_dir))


class Look:
    """The host's containers at one moment, and the images and networks that were asked for, each in one question."""

    def __init__(self, engine: Engine, wanted: t.Iterable[Declaration]) -> None:
        self.engine = engine
        self.rows = engine.rows()
        wanted = list(wanted)
        guests = {name for want in wanted for names in want.attach_containers.values() for name in names}
        ids = [row.id for row in self.rows if row.name in guests or any(_concerns(row, want) for want in wanted)]
        self.containers = {found.id: found for found in engine.inspect(ids)}
        self.image_ids: dict[str, str] = {}
        self.networks: dict[str, bool] = {}

    def ask(self, images: t.Iterable[str], networks: t.Iterable[str]) -> None:
        self.image_ids = self.engine.image_ids(images)
        self.networks = self.engine.networks(networks)

    def _pick(self, wanted: t.Callable[[Row], bool]) -> list[Container]:
        return [self.containers[row.id] for row in self.rows if row.id in self.containers and wanted(row)]

    def own(self, want: Declaration) -> list[Container]:
        """The project's services; not what someone once ran in it by `docker compose run`."""
        return self._pick(lambda row: owned(row, want.name, want.project_dir) and row.oneoff != "True")

    def all_own(self, want: Declaration) -> list[Container]:
        return self._pick(lambda row: owned(row, want.name, want.project_dir))

    def replaced(self, want: Declaration) -> list[Container]:
        """The containers of other projects whose place this one takes."""
        return self._pick(lambda row: any(_is_replaced(row, entry) for entry in want.replaces))

    def by_id(self, ids: t.Container[str]) -> list[Container]:
        return [found for found in self.containers.values() if found.id in ids]

    def named(self, name: str) -> Container | None:
        """A container of ours, of whatever project; None where there is none of that name."""
        row = next((row for row in self.rows if row.name == name), None)
        if row and not row.fleet_project:
            raise ProjectError(f"container {name} is none of ours, so it is attached to no network of ours; rename it")
        return self.containers.get(row.id) if row else None

    def forget(self, ids: t.Container[str]) -> None:
        """They were removed since."""
        self.rows = [row for row in self.rows if row.id not in ids]

    def left_of(self, entry: Replaced) -> list[Row]:
        """What there still is of an old project."""
        return [row for row in self.rows if owned(row, entry.project, entry.project_dir)]


def _is_replaced(row: Row, entry: Replaced) -> bool:
    return owned(row, entry.project, entry.project_dir) and entry.covers(row.service)


def _concerns(row: Row, want: Declaration) -> bool:
    return owned(row, want.name, want.project_dir) or any(_is_replaced(row, entry) for entry in want.replaces)


def refuse_foreign(look: Look, want: Declaration, names: t.Mapping[str, str]) -> None:
    """Refuses containers of others under the project's name, or with a name that a service's container would get."""
    for row in look.rows:
        if row.project == want.name and not _concerns(row, want):
            raise ProjectError(
                f"container {row.name} belongs to another project called {want.name}, in "
                f"{row.working_dir or 'an unknown folder'} and not in {want.project_dir}; nothing was touched. "
                "Rename that project, or remove it if nobody needs it"
            )
    for service, name in names.items():
        holder = next((row for row in look.rows if row.name == name), None)
        if holder and not _concerns(holder, want):
            whose = f"project {holder.project} in {holder.working_dir}" if holder.project else "no Compose project"
            raise ProjectError(
                f"service {service} of project {want.name} needs the container name {name}, which a container of "
                f"{whose} has; nothing was touched. Rename that container, or remove it if nobody needs it"
            )


def found_projects(look: Look, prefix: str) -> dict[str, str]:
    """Projects that carry our label and a name with that prefix: name to directory."""
    rows = [row for row in look.rows if row.fleet_project.startswith(prefix) and row.fleet_project == row.project]
    return {row.fleet_project: row.working_dir for row in rows if row.working_dir}
