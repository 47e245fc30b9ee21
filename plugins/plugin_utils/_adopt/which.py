# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which service of a deployment is which program, and what the server knows of its containers. Pure; translate.py uses it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes

_DATABASES = re.compile(r"postgres|postgresql|pgvector|timescaledb|postgis")


class Who(t.NamedTuple):
    """The services by their programs."""

    vllm: list[Service]
    litellm: Service
    databases: list[Service]
    others: list[Service]

    @property
    def own(self) -> list[Service]:
        """Those that the fleet takes over; further databases are judged later."""
        return [*self.vllm, self.litellm]


def who_is_who(deployment: Deployment, notes: Notes) -> Who | None:
    listed = list(deployment.services.values())
    litellm = [one for one in listed if _last(one.image).startswith("litellm") or _runs(one, "litellm")]
    vllm = [one for one in listed if one not in litellm and _is_vllm(one)]
    databases = [one for one in listed if one not in (*litellm, *vllm) and _DATABASES.search(_last(one.image))]
    others = [one for one in listed if one not in (*litellm, *vllm, *databases)]
    if len(litellm) != 1:
        many = f"has {len(litellm)} services of LiteLLM ({', '.join(one.name for one in litellm)})"
        remedy = (
            "bring them to one in the old deployment first" if litellm else "give the folder of the one that has it"
        )
        notes.fault(deployment.at("services"), f"{many if litellm else 'has no service of LiteLLM'}; {remedy}")
        return None
    for service in (*vllm, *litellm, *databases):
        if service.data.get("build") and not service.image:
            notes.leave(
                service.at("build"), "the image is built here; name one that holds it by litellm_image or vllm_image"
            )
    return Who(vllm, litellm[0], databases, others)


def _is_vllm(service: Service) -> bool:
    words = [*service.entrypoint, *service.command]
    return "vllm" in _last(service.image) or _runs(service, "vllm") or any("vllm.entrypoints" in word for word in words)


def _runs(service: Service, program: str) -> bool:
    words = [*service.entrypoint, *service.command]
    return bool(words) and words[0].rpartition("/")[2] == program


def _last(image: str) -> str:
    """The name of an image without its registry, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()


class Server:
    """What was read of the server beside files: containers of the deployment, volumes, GPUs, its own addresses."""

    def __init__(self, facts: t.Mapping[str, t.Any], project: str) -> None:
        self.project = project
        self.containers: list[dict[str, t.Any]] = list(facts.get("containers") or [])
        self.volumes: dict[str, str] = dict(facts.get("volumes") or {})
        self.gpus = int(facts.get("gpus") or 0)
        self.addresses: list[str] = list(facts.get("addresses") or [])
        self.commits: dict[str, str] = dict(facts.get("commits") or {})

    def container(self, service: str) -> dict[str, t.Any] | None:
        return next((one for one in self.containers if one["service"] == service), None)

    def mounted(self, service: str, target: str) -> str | None:
        """Where a container really has it from."""
        found = self.container(service) or {}
        return next((one["source"] for one in found.get("mounts") or [] if one["target"].rstrip("/") == target), None)

    def volume(self, name: str, declared: t.Mapping[str, t.Any]) -> str | None:
        """The folder of a volume by its name in the compose file."""
        said = declared.get(name) or {}
        if said.get("external") and not said.get("name"):
            return self.volumes.get(name)
        return self.volumes.get(str(said.get("name") or f"{self.project}_{name}"))
