# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Compares a project's declaration with its files and the host's containers: wanted and found to a plan. Writes nothing."""

from __future__ import annotations

import hashlib
import os
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.attaching import plan_attachments
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import ProjectError
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import LABEL_FLEET, Container
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.files import (
    plan_directories,
    plan_files,
    read_text,
)
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look, refuse_foreign
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Definition, Plan, reload_key
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import UP, Project

IMAGE_CHANGED = "recreate: its image changed"
#: What makes Compose's understanding of a file depend on more than its text.
READS_MORE = re.compile(r"\b(env_file|extends|include|label_file|build|profiles)\b")


# ---- what the services are


def definition(project: Project) -> Definition:
    """As Compose understands it. It is asked only where the text differs from that of the last state that worked."""
    want, good = project.want, project.store.good()
    key = _key(project)
    if key and good and (good["compose"], good["project"]) == (key, want.name):
        return Definition(good["images"], good["hashes"], good["names"], key)
    services = project.engine.config(want.name, want.project_dir, want.compose).get("services") or {}
    for name, service in services.items():
        if not service.get("image"):
            raise ProjectError(f"service {name} of project {want.name} has no image; nothing is built on the host")
        if (service.get("labels") or {}).get(LABEL_FLEET) != want.name:
            raise ProjectError(
                f"service {name} of project {want.name} doesn't carry the label that tells whose it is; write into "
                f"the compose file below services, {name}, labels: {LABEL_FLEET}: {want.name}"
            )
    return Definition(
        images={name: service["image"] for name, service in services.items()},
        hashes=project.engine.hashes(want.name, want.project_dir, want.compose),
        names={name: service.get("container_name") or f"{want.name}-{name}-1" for name, service in services.items()},
        key=key,
    )


def _key(project: Project) -> str:
    """Empty where variables or other files have a say in what the compose file means."""
    text = project.want.compose
    if "$" in text.replace("$$", "") or READS_MORE.search(text) or os.path.exists(project.path(".env")):
        return ""
    return hashlib.sha256("\0".join([project.want.name, project.want.project_dir, text]).encode()).hexdigest()


# ---- the plan


def check_guards(project: Project) -> None:
    for guard in project.want.guards:
        found = read_text(project.path(guard.path))
        if found is not None and found.strip() != guard.equals:
            raise ProjectError(guard.fail_msg.replace("{found}", found.strip()))


def plan_on_disk(project: Project) -> Plan:
    want = project.want
    plan = Plan(want.name, want.project_dir)
    plan.files = plan_files(want.project_dir, want.files)
    plan.directories = plan_directories(want.project_dir, want.directories, project.store.made_directories())
    declared = {spec.path for spec in want.files}
    plan.removed_files = [path for path in project.store.written_files() if path not in declared]
    plan.digests = _digests(project) if want.digests is None else dict(want.digests)
    return plan


def plan_services(project: Project, look: Look, plan: Plan) -> None:
    want, wanted = project.want, plan.definition
    refuse_foreign(look, want, wanted.names)
    left = [found for found in look.own(want) if _left(found, wanted.names)]
    containers = {found.service: found for found in look.own(want) if found not in left}
    plan.networks = _missing_networks(project, look)
    plan.replaced = look.replaced(want)
    plan.orphans = [*left, *(found for found in look.own(want) if found.service not in wanted.images)]
    plan.pulls = sorted({image for image in wanted.images.values() if image not in look.image_ids})
    plan.restarts = {found.id: found.restarts for found in [*containers.values(), *plan.replaced]}
    started = _started_digests(project)
    for name in sorted(wanted.images):
        stale = started.get(name) != plan.digests.get(name)
        _plan_service(project, plan, look, name, containers.get(name), stale)
        _plan_reload(plan, name, containers.get(name), started)
    for found in plan.orphans:
        plan.actions.setdefault(found.service, f"remove {found.name}" if found in left else "remove")
    plan.attachments = plan_attachments(project, look, plan)


def _left(found: Container, names: t.Mapping[str, str]) -> bool:
    """Made by a Compose that ended before it had put it in its predecessor's place: until then it is named by that one's id."""
    name = names.get(found.service, "")
    return bool(name) and re.fullmatch(f"[0-9a-f]{{12}}_{re.escape(name)}", found.name) is not None


def _plan_service(project: Project, plan: Plan, look: Look, name: str, found: Container | None, stale: bool) -> None:
    image = plan.definition.images[name]
    action = _action(found, plan.definition.hashes[name], look.image_ids.get(image), stale, project.want.recreate)
    former = found or _predecessor(plan, name)
    before = project.store.good().get("images", {}).get(name, image)
    if _other_image(former, before, image, look.image_ids.get(image)):
        plan.image_changes[name] = former
    if action:
        plan.actions[name] = action
    if found and action.startswith("recreate"):
        plan.force.append(name)
        plan.recreated += [found] if found.status == "running" else []


def _plan_reload(plan: Plan, name: str, found: Container | None, started: t.Mapping[str, str]) -> None:
    """A container that is made or started anew reads its files anyway."""
    key = reload_key(name)
    if found and found.status == "running" and name not in plan.actions and started.get(key) != plan.digests.get(key):
        plan.actions[name] = "reload: a file that it reads changed"
        plan.reloads.append(found)


def _predecessor(plan: Plan, name: str) -> Container | None:
    """The container of another project whose place this service takes: the one of its name, or the only one."""
    same = [found for found in plan.replaced if found.service == name]
    if len(plan.replaced) == 1 == len(plan.definition.images):
        same = plan.replaced
    return same[0] if same else None


def _other_image(former: Container | None, before: str, image: str, image_id: str | None) -> bool:
    """Whether the service gets another image than it has, or had when it last worked."""
    if former is None:
        return before != image
    return former.image != image or bool(image_id and former.image_id != image_id)


def _action(found: Container | None, wanted_hash: str, image_id: str | None, stale: bool, recreate: bool) -> str:
    if found is None:
        return "create"
    if found.config_hash != wanted_hash:
        return "recreate: its definition changed"
    if image_id and found.image_id != image_id:
        return IMAGE_CHANGED
    if stale:
        return "recreate: a file that it reads changed"
    if recreate:
        return "recreate: asked for"
    if found.unhealthy:
        return "recreate: it is unhealthy"
    if found.status != "running" and not found.finished:
        return f"start: it is {found.status}"
    return ""


def _missing_networks(project: Project, look: Look) -> list[tuple[str, bool]]:
    for name, internal in project.want.networks:
        found = look.networks.get(name, internal)
        if found != internal:
            words = {True: "internal (no way out)", False: "not internal"}
            raise ProjectError(
                f"network {name} exists and is {words[found]}, but has to be {words[internal]}. Disconnect or stop its "
                f"containers, remove it with: docker network rm {name}, and run again"
            )
    return [network for network in project.want.networks if network[0] not in look.networks]


def _digests(project: Project) -> dict[str, str]:
    """Service, or key of its reloads, to a digest of all the files that it reads: Compose's own hash ignores their content."""
    parts: dict[str, list[str]] = {}
    for spec in project.want.files:
        for key in (*spec.services, *map(reload_key, spec.reload)):
            parts.setdefault(key, []).append(spec.digest())
    return {name: hashlib.sha256("".join(sorted(found)).encode()).hexdigest() for name, found in parts.items()}


def _started_digests(project: Project) -> dict[str, t.Any]:
    """What every service was last started with; a service that an unfinished run was at is left out."""
    pending = project.store.pending()
    if pending and project.job.kind == UP and project.job.succeeded():
        return pending["services"]
    good = project.store.good().get("services", {})
    return {name: digest for name, digest in good.items() if name not in pending.get("touched", [])}
