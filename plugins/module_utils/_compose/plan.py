# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What differs, and so what a run does. The same object answers check mode and drives the run. Made by planning."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import ATTACHED, Container
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    DirectorySpec,
    FileChange,
    absolute,
)


class Definition(t.NamedTuple):
    """The services as Compose understands them, each by its name."""

    images: dict[str, str]
    hashes: dict[str, str]
    names: dict[str, str]
    #: What tells that this still is Compose's answer; empty where only Compose itself can tell.
    key: str


NO_DEFINITION = Definition({}, {}, {}, "")


class Attachment(t.NamedTuple):
    """A container that comes into a network, or leaves it, while it runs."""

    container: str
    network: str
    leaves: bool = False

    def __str__(self) -> str:
        return f"detach from {self.network}" if self.leaves else f"attach to {self.network}"

    @property
    def command(self) -> list[str]:
        if self.leaves:
            return ["docker", "network", "disconnect", "--force", self.network, self.container]
        mark = ["--driver-opt", f"{ATTACHED}=true"]
        return ["docker", "network", "connect", *mark, self.network, self.container]


def reload_key(service: str) -> str:
    """Where digests are remembered by service, that of the files which it takes by a reload. No service has such a name."""
    return f"reload:{service}"


class Plan:
    def __init__(self, name: str, project_dir: str) -> None:
        self.name = name
        self.project_dir = project_dir
        self.definition = NO_DEFINITION
        self.files: list[FileChange] = []
        self.directories: list[tuple[DirectorySpec, str]] = []
        self.networks: list[tuple[str, bool]] = []
        self.removed_files: list[str] = []
        self.actions: dict[str, str] = {}
        self.force: list[str] = []
        self.orphans: list[Container] = []
        self.replaced: list[Container] = []
        self.pulls: list[str] = []
        #: Services that only fetch, and are run ahead.
        self.fetches: list[str] = []
        #: Running containers of its own that it recreates.
        self.recreated: list[Container] = []
        #: Of other projects, which have to be gone before a container of this one starts.
        self.gone_first: list[Container] = []
        self.stop_first = False
        #: Whether the whole project goes.
        self.leaves = False
        self.unforeseen: list[str] = []
        self.image_changes: dict[str, Container | None] = {}
        self.restarts: dict[str, int] = {}
        self.digests: dict[str, str] = {}
        self.hooks: list[str] = []
        self.reloads: list[Container] = []
        self.attachments: list[Attachment] = []

    @property
    def engine_work(self) -> bool:
        return bool(self.actions or self.networks or self.replaced or self.attachments)

    @property
    def recreating(self) -> bool:
        """Whether Compose has something to do: a reload goes without it."""
        return len(self.actions) > len(self.reloads)

    @property
    def touched(self) -> set[str]:
        """What a take-back has to bring to the old files again."""
        reloaded = {found.service for found in self.reloads}
        return {reload_key(name) if name in reloaded else name for name in self.actions}

    @property
    def stopped(self) -> list[Container]:
        """Every running container that it ends."""
        return [*self.recreated, *(found for found in [*self.orphans, *self.replaced] if found.status == "running")]

    @property
    def changed(self) -> bool:
        return bool(
            self.files or self.directories or self.removed_files or self.engine_work or self.hooks or self.unforeseen
        )

    def summary(self) -> dict[str, t.Any]:
        return {
            "changed": self.changed,
            "files": {change.spec.path: change.describe() for change in self.files},
            "directories": {spec.path: what for spec, what in self.directories},
            "removed_files": self.removed_files,
            "actions": self.actions,
            "replaced": [found.name for found in self.replaced],
            "networks": [name for name, internal in self.networks],
            "attachments": [str(one) for one in self.attachments],
            "pulls": self.pulls,
            "unforeseen": self.unforeseen,
            "hooks": self.hooks,
        }

    def diff(self) -> list[dict[str, str]]:
        diffs = [self._file_diff(change) for change in self.files]
        diffs += [line_diff(absolute(self.project_dir, spec.path), "", what) for spec, what in self.directories]
        diffs += [line_diff(absolute(self.project_dir, path), "present", "absent") for path in self.removed_files]
        diffs += [line_diff(f"network {name}", "absent", "present") for name, internal in self.networks]
        diffs += [line_diff(f"container {one.container}", "", str(one)) for one in self.attachments]
        diffs += [line_diff(f"{self.name}: service {name}", "", what) for name, what in sorted(self.actions.items())]
        diffs += [line_diff(f"container {found.name}", "present", "absent") for found in self.replaced]
        diffs += [line_diff(f"{self.name}: hook", "", what) for what in self.hooks]
        return diffs

    def _file_diff(self, change: FileChange) -> dict[str, str]:
        path = absolute(self.project_dir, change.spec.path)
        if not change.content_differs:
            return line_diff(path, "", ", ".join(change.attributes))
        if change.spec.secret:
            before = "" if change.before is None else "(secret, not shown)\n"
            return _diff(path, before, "(secret, new content not shown)\n")
        return _diff(path, change.before or "", change.spec.content)


def _diff(header: str, before: str, after: str) -> dict[str, str]:
    return {"before_header": header, "after_header": header, "before": before, "after": after}


def line_diff(header: str, before: str, after: str) -> dict[str, str]:
    before, after = (f"{text}\n" if text else "" for text in (before, after))
    return _diff(header, before, after)
