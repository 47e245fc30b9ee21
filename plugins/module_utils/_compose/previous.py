# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A project as it was before the state that works now: its declaration, made of the files that were kept."""

from __future__ import annotations

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import (
    PRESENT,
    Declaration,
    Hook,
    ProjectError,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import FileSpec
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import Store

#: Only its owner may read a secret, and nobody but root enters the folder of those that are kept.
OTHERS = 0o077


def previous(want: Declaration) -> Declaration:
    """With the directories, networks and what else is declared: they are there for both. ProjectError where nothing was kept."""
    store = Store(want.project_dir)
    found, texts = store.previous()
    if not found or found["project"] != want.name:
        raise ProjectError(
            f"no state of project {want.name} from before the one that works now is kept; nothing was touched"
        )
    migrated = [
        name for name in want.forward_only if found["images"].get(name) != store.good().get("images", {}).get(name)
    ]
    if migrated:
        raise ProjectError(
            f"service {migrated[0]} of project {want.name} had another image, and its data may have been migrated forward since; "
            "nothing was touched"
        )
    hooks = [{**entry, "command": entry["check_command"]} for entry in found["hooks"]]
    return want._replace(
        state=PRESENT,
        files=tuple(
            FileSpec(path, texts[path], one["mode"], one["owner"], one["group"], not one["mode"] & OTHERS, ())
            for path, one in found["files"].items()
        ),
        hooks=tuple(Hook(**entry) for entry in hooks),
        digests=found["services"],
    )
