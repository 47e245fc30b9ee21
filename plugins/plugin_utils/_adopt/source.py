# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The files of a deployment on its server, by path. One that was not fetched yet is noted as wanted, and the reading is repeated
with it. translate.py makes it, compose.py and its readers ask it.
"""

from __future__ import annotations

import posixpath
import re
import typing as t

#: In the order in which Compose looks for them, each with what lies over it.
COMPOSE_FILES = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
ENVIRONMENT = ".env"


class Source:
    """A folder, and what was read: text, or None where there is no such file."""

    def __init__(self, folder: str, files: t.Mapping[str, str | None]) -> None:
        self.folder, self.files = folder, files
        self.wanted: set[str] = set()

    @property
    def home(self) -> str:
        """Of the person in whose home the folder is; empty where it is in nobody's."""
        found = re.match(r"/root(?=/|$)|/home/[^/]+", self.folder)
        return found.group() if found else ""

    def path(self, name: str) -> str:
        """~ is the home, as Compose takes it; a name with ~ is no path where that is not known."""
        if self.home and (name == "~" or name.startswith("~/")):
            name = self.home + name[1:]
        return posixpath.normpath(posixpath.join(self.folder, name))

    def text(self, path: str) -> str | None:
        """None also for one that is still to be fetched: nothing may be concluded while something is wanted."""
        place = self.path(path)
        if place not in self.files:
            self.wanted.add(place)
            return None
        return self.files[place]

    def short(self, path: str) -> str:
        """As people call it: relative to the folder where it is in there."""
        place = self.path(path)
        return place[len(self.folder) + 1 :] if place.startswith(f"{self.folder}/") else place

    def first(self, names: t.Iterable[str]) -> str | None:
        found = [name for name in names if self.text(name) is not None]
        return found[0] if found else None
