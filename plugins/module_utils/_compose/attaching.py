# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Containers in networks that their compose file doesn't name, so that a new network makes no new container. Reads only.

A network may be made after the container that is to be in it, or the other way round: whoever comes second attaches.
Who is still needed in a network stays in it: it is left when nobody else is in it, or with the project that made it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.declaration import ProjectError
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import Container
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.ownership import Look
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.plan import Attachment, Plan
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.project import Project


def plan_attachments(project: Project, look: Look, plan: Plan) -> list[Attachment]:
    own = {found.service: found for found in look.own(project.want)}
    there = {*look.networks, *(name for name, _internal in plan.networks)}
    found = []
    for service, networks in project.want.attach.items():
        wanted = [name for name in networks if name in there]
        container, name = own.get(service), plan.definition.names.get(service)
        if name is None:
            raise ProjectError(f"attach names {service}, and project {project.want.name} has no such service")
        if container is None or plan.actions.get(service, "").startswith("recreate"):
            found += [Attachment(name, network) for network in wanted]
        else:
            found += _left(project, container, wanted)
            found += [Attachment(name, network) for network in wanted if network not in container.networks]
    return found + _others(project, look, plan)


def _left(project: Project, container: Container, wanted: t.Sequence[str]) -> list[Attachment]:
    """Also networks that are gone: with one of them no container starts."""
    marked = [name for name, attached_there in container.networks.items() if attached_there and name not in wanted]
    alone = [name for name in marked if set(project.engine.members(name)) <= {container.id}]
    return [Attachment(container.name, name, leaves=True) for name in alone]


def _others(project: Project, look: Look, plan: Plan) -> list[Attachment]:
    """Containers of other projects of ours that are to be in this one's networks, once Compose has made those."""
    wanted = project.want.attach_containers
    found = []
    for network, names in wanted.items():
        for name in names:
            container = look.named(name)
            if container and network not in container.networks:
                found.append(Attachment(name, network))
    if plan.recreating and wanted:
        # A project that gets another network leaves the former one to nobody.
        former = [name for name in project.engine.project_networks(project.want.name) if name not in wanted]
        guests = {name for names in wanted.values() for name in names}
        found += attached([one for one in map(look.named, sorted(guests)) if one], former)
    return found


def attached(containers: t.Iterable[Container], networks: t.Iterable[str]) -> list[Attachment]:
    """Those that were attached to one of the networks, on their way out."""
    wanted = list(networks)
    return [Attachment(one.name, name, leaves=True) for one in containers for name in wanted if one.networks.get(name)]


def attachments_again(project: Project, names: t.Mapping[str, str], made: t.Container[str]) -> list[Attachment]:
    """Of services that are made anew from files that were put back."""
    wanted = {service: networks for service, networks in project.want.attach.items() if service in made}
    there = project.engine.networks({name for networks in wanted.values() for name in networks})
    return [
        Attachment(names[service], name) for service, networks in wanted.items() for name in networks if name in there
    ]
