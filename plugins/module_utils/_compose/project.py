# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One project in one module call: what it should be, what is remembered, the engine. The others act on it."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import Declaration
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container, Engine, compose_args
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import absolute, read_text
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.job import Job
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.mask import Mask
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Attachment
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.recreate import COMPOSE_FILE
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import Store

#: What a job is there for.
FETCH, UP, STOP, REMOVE = "fetch", "up", "stop", "remove"


class Project:
    """Holds no state of its own: what must outlive a call is in the store."""

    def __init__(self, want: Declaration, engine: Engine, mask: Mask) -> None:
        self.want = want
        self.engine = engine
        self.mask = mask
        self.store = Store(want.project_dir)
        self.job = Job(os.path.join(self.store.path, "job"), engine.runner)

    def path(self, name: str) -> str:
        return absolute(self.want.project_dir, name)

    def compose(self, *args: str) -> list[str]:
        """A command on the compose file that is on the disk."""
        return ["docker", *compose_args(self.want.name, self.want.project_dir, self.path(COMPOSE_FILE)), *args]

    def up(self, force: t.Sequence[str], attachments: t.Sequence[Attachment] = ()) -> list[list[str]]:
        """Containers that are to be in further networks are made, attached and only then started."""
        up = self.compose("--progress", "plain", "up", "--detach", "--no-build")
        first = self.compose("--progress", "plain", "up", "--no-start", "--no-build") if attachments else up
        forced = [[*first, "--no-deps", "--force-recreate", *force]] if force else []
        made = [first, *(one.command for one in attachments)] if attachments else []
        return [*forced, *made, up]

    def file_on_disk(self, path: str) -> str | None:
        return read_text(self.path(path)) if path else None

    def file_declared(self, path: str) -> str | None:
        """What a file should hold: check mode has to ask about that, not about what is on the disk."""
        return next((spec.content for spec in self.want.files if spec.path == path), None)

    def watched(self, look: Look) -> list[Container]:
        """The containers that have to become healthy: after a takeover was taken back, the former project's."""
        pending = self.store.pending()
        if pending.get("rolled_back") and pending["replaced"]:
            return look.by_id(pending["replaced"])
        return look.own(self.want)


def removal(containers: t.Iterable[Container]) -> list[list[str]]:
    """Commands that end containers gracefully and remove them, by their ids: no name can mean somebody else's."""
    ids = [found.id for found in containers]
    return [["docker", "stop", *ids], ["docker", "rm", *ids]] if ids else []
