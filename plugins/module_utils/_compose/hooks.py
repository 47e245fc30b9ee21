# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Commands in a project's services: before another image, once healthy, and as the proof that an old state works."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import (
    BeforeHook,
    Hook,
    ProjectError,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container, EngineError
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import Project

CHANGED = "CHANGED"


def before_image_change(project: Project, plan: Plan) -> None:
    """Runs what must succeed before the images change. A service that has no container has nothing to lose."""
    for hook in project.want.before_image_change:
        former = plan.image_changes.get(hook.service)
        if former is not None:
            try:
                _run_before(project, hook, former)
            except EngineError as error:
                raise ProjectError(f"{hook.description} failed, so nothing was changed: {error}") from error


def _run_before(project: Project, hook: BeforeHook, former: Container) -> None:
    if hook.one_off and former.project == project.want.name:
        # The files on the disk still are the former ones.
        one_off = project.compose("run", "--rm", "--no-deps", "-T", hook.service, *hook.command)
        project.engine.run(*one_off[1:], timeout=hook.timeout)
        return
    if former.status != "running":
        raise ProjectError(
            f"{hook.description} is due before service {hook.service} changes its image, but its container "
            f"{former.name} is {former.status}: start it, or do by hand what it does and remove the container"
        )
    project.engine.execute(former.id, hook.command, None, hook.timeout)


def run_hooks(project: Project, containers: list[Container]) -> list[str]:
    """Brings about what lies behind the healthy services. Returns the descriptions of what changed something."""
    changed = []
    for hook in project.want.hooks:
        found = _container(project, hook.service, containers)
        if found is None:
            raise ProjectError(f"{hook.description}: there is no container of service {hook.service}")
        said = _execute(project, hook, found, hook.command, project.file_declared(hook.stdin_file))
        if CHANGED in said.split():
            changed.append(hook.description)
    return changed


def foresee_hooks(project: Project, containers: list[Container], plan: Plan) -> None:
    for hook in project.want.hooks:
        found = _container(project, hook.service, containers)
        if found is None or not found.ready:
            plan.unforeseen.append(f"{hook.description}: {hook.service} is not running yet")
            continue
        said = _execute(project, hook, found, hook.check_command, project.file_declared(hook.stdin_file))
        if CHANGED in said.split():
            plan.hooks.append(hook.description)


def disproof(project: Project, containers: list[Container]) -> str:
    """What the checks of a state that was put back say against it; empty where it works."""
    faults = []
    for hook in _former_hooks(project):
        found = _container(project, hook.service, containers)
        if found is None:
            continue
        try:
            said = _execute(project, hook, found, hook.check_command, project.file_on_disk(hook.stdin_file))
        except EngineError as error:
            faults.append(str(error))
        else:
            if CHANGED in said.split():
                faults.append(f"{hook.description}: it is not as these files say")
    return "; ".join(faults)


def _former_hooks(project: Project) -> list[Hook]:
    """The checks that the restored state was proven by; those of the declaration where it came from another project."""
    good = project.store.good()
    if good.get("project") != project.want.name:
        return list(project.want.hooks)
    return [Hook(command=[], **{name: entry[name] for name in _KEPT}) for entry in good["hooks"]]


_KEPT = ("service", "check_command", "description", "stdin_file", "timeout")


def remembered(hooks: t.Iterable[Hook]) -> list[dict[str, t.Any]]:
    """What the next run needs to prove this state, should it have to come back to it."""
    return [{name: getattr(hook, name) for name in _KEPT} for hook in hooks]


def _container(project: Project, service: str, containers: list[Container]) -> Container | None:
    same = [found for found in containers if found.service == service]
    # A service of a former project may have had another name.
    foreign = [found for found in containers if found.project != project.want.name]
    return same[-1] if same else (foreign[0] if len(foreign) == 1 else None)


def _execute(project: Project, hook: Hook, found: Container, command: list[str], stdin: str | None) -> str:
    try:
        return project.engine.execute(found.id, command, stdin, hook.timeout)
    except EngineError as error:
        raise EngineError(f"{hook.description}: {error}") from error
