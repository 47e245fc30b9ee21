# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Paths inside a container as paths on its server. Pure; the readers of vLLM and LiteLLM use it."""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.source import Source
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.which import Server


class Paths:
    """The mounts of one service."""

    def __init__(self, service: Service, source: Source, server: Server, volumes: t.Mapping[str, t.Any]) -> None:
        self.service, self.source, self.server, self.volumes = service, source, server, volumes

    def on_server(self, path: str) -> str | None:
        """None for one that is only in the image."""
        place = posixpath.normpath(path)
        fitting = [
            one for one in self.service.mounts if place == one.target or place.startswith(f"{one.target.rstrip('/')}/")
        ]
        if not fitting:
            return None
        mount = max(fitting, key=lambda one: len(one.target))
        below = self._source(mount.target, mount.source, mount.volume)
        return posixpath.normpath(below + place[len(mount.target) :]) if below else None

    def in_volume(self, path: str) -> str:
        """The name of the volume that holds it; empty for a folder of the server."""
        place = posixpath.normpath(path)
        fitting = [one for one in self.service.mounts if f"{place}/".startswith(f"{one.target.rstrip('/')}/")]
        return (
            max(fitting, key=lambda one: len(one.target)).source
            if fitting and any(one.volume for one in fitting)
            else ""
        )

    def _source(self, target: str, source: str, volume: bool) -> str | None:
        """What the container has is the truth; without a container the file says it."""
        real = self.server.mounted(self.service.name, target)
        if real:
            return real
        if volume:
            return self.server.volume(source, self.volumes)
        return None if source.startswith("~") and not self.source.home else self.source.path(source)
