# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is put together: the fleet's value, and what each host, the database and the proxy said of themselves."""

from __future__ import annotations

import datetime
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._status.values import Mapping, items, mapping, text

#: Of the fleet's own containers.
VLLM, LITELLM = "llmfleet-vllm-", "llmfleet-litellm-"


class Readings(t.NamedTuple):
    """Everything as it was registered; what could not be read is empty, with a reason."""

    value: Mapping  # llm_fleet
    now: datetime.datetime
    hosts: Mapping = {}  # what host_status returned, by host
    reasons: t.Mapping[str, str] = {}  # why a host could not be read
    plan_error: str = ""  # why there is no plan of instances
    database: Mapping | None = None  # None: this fleet has no database of its own
    keys: Mapping | None = None
    drift: Mapping | None = None  # None: nothing is declared, or it was not asked for

    def host(self, name: str) -> Mapping:
        return mapping(self.hosts.get(name))

    def read(self, name: str) -> bool:
        return bool(self.host(name))

    def boxes(self, name: str) -> list[Mapping]:
        return items(self.host(name).get("containers"))

    def fault(self, name: str, part: str) -> str:
        """Why a part of a host could not be read."""
        return text(mapping(self.host(name).get("faults")).get(part))

    @property
    def names(self) -> list[str]:
        return list(mapping(self.value.get("hosts")))

    def instances(self) -> list[Mapping]:
        return items(self.value.get("instances"))

    @property
    def planned(self) -> bool:
        """Whether it is known which instances there should be."""
        return self.value.get("stage") == "known"


def expected(value: Mapping, name: str) -> list[Mapping]:
    """Containers that a host should have, by the projects of its services, with the image of each."""
    found = []
    for view in mapping(mapping(value.get("hosts")).get(name)).values():
        for project in items(mapping(view).get("projects")):
            if project.get("state") == "present":
                found += _of_project(project)
    return found


def _of_project(project: Mapping) -> list[Mapping]:
    services: Mapping = {}
    for one in mapping(project.get("vars")).values():
        services.update(mapping(mapping(mapping(one).get("compose")).get("services")))
    return [
        {
            "project": text(project.get("name")),
            "service": service,
            "container": text(mapping(said).get("container_name")),
            "image": text(mapping(said).get("image")),
        }
        for service, said in services.items()
    ]
