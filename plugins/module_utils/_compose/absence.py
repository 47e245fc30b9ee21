# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A project that is to be gone: its containers, the files that were written and what is remembered of it. Never data."""

from __future__ import annotations

import os
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.attaching import attached
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import absolute, remove_files
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import (
    Look,
    refuse_foreign,
    same_directory,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import REMOVE, Project, removal
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.state import Store


def plan_absence(project: Project, look: Look | None) -> Plan:
    """Without a look there is no engine, and so no container."""
    want = project.want
    plan = Plan(want.name, want.project_dir)
    plan.leaves = True
    plan.removed_files = _files(project)
    if look is not None:
        refuse_foreign(look, want, {})
        plan.orphans = look.all_own(want)
        plan.actions = {found.service or found.name: "remove" for found in plan.orphans}
        plan.replaced = look.replaced(want)
    return plan


def _files(project: Project) -> list[str]:
    """What was written, and what is declared: the first is unknown where the state was damaged."""
    declared = {spec.path for spec in project.want.files if os.path.lexists(project.path(spec.path))}
    return sorted(declared.union(project.store.written_files()))


def start_removal(project: Project, plan: Plan) -> bool:
    """Whether there are containers to end, which is the job's work."""
    leaving = [*plan.orphans, *plan.replaced]
    if not leaving:
        return False
    networks = project.engine.project_networks(project.want.name)
    project.store.ensure()
    if not project.store.pending():
        # Tells the watch to keep away. It is no pending change for a run: that one only removes what is left.
        project.store.save_pending({"absent": True})
    # A neighbour may still be in one of them. That is no failure: it goes when the neighbour has left (left_networks).
    ended = [["/bin/sh", "-c", 'docker network rm "$@" || true', "sh", *networks]] if networks else []
    project.job.start([*removal(leaving), *_detach(project, networks), *ended], REMOVE)
    return True


def _detach(project: Project, networks: t.Iterable[str]) -> list[list[str]]:
    """Who was attached to a network leaves it with the last container of the project, not before; who is removed meanwhile, as the
    gate of a server that leaves the fleet, has left it already."""
    members = {member for network in networks for member in project.engine.members(network)}
    return [
        ["/bin/sh", "-c", '"$@" || true', "sh", *one.command]
        for one in attached(project.engine.inspect(sorted(members)), networks)
    ]


def finish_removal(project: Project, look: Look | None, declared_files: t.Container[str]) -> None:
    remove_files(project.want.project_dir, _files(project))
    if look is not None:
        clean_replaced(project, look, declared_files)
    project.store.remove()


def clean_replaced(project: Project, look: Look, declared: t.Container[str]) -> None:
    """Removes the files of a project that was replaced, once its last service is gone; its data directories stay."""
    for entry in project.want.replaces:
        if same_directory(entry.project_dir, project.want.project_dir) or look.left_of(entry):
            continue
        store = Store(entry.project_dir)
        if store.exists and store.good().get("project", entry.project) == entry.project:
            former = [path for path in store.written_files() if absolute(entry.project_dir, path) not in declared]
            remove_files(entry.project_dir, former)
            store.remove()
