# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which service of a deployment is which program, and what the server knows of its containers. Pure; translate.py uses it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import forms
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes

#: Programs beside vLLM and LiteLLM whose images are named after them.
_HELPERS = re.compile(r"exporter|router|benchmark|guidellm|dashboard|litellm-(?:rs|ui|mcp)")
_DATABASES = re.compile(r"postgres|postgresql|pgvector|timescaledb|postgis")


class Who(t.NamedTuple):
    """The services by their programs."""

    vllm: list[Service]
    litellm: Service
    same: list[Service]  # further ones of LiteLLM, which do what that one does
    databases: list[Service]
    others: list[Service]

    @property
    def own(self) -> list[Service]:
        """Those that the fleet takes over; further databases are judged later."""
        return [*self.vllm, self.litellm, *self.same]


def who_is_who(deployment: Deployment, server: Server, notes: Notes) -> Who | None:
    listed = _started(deployment, server, notes)
    litellm = _gateways(listed)
    vllm = [one for one in listed if one not in litellm and _is_vllm(one)]
    databases = [one for one in listed if one not in (*litellm, *vllm) and _DATABASES.search(_last(one.image))]
    others = [one for one in deployment.services.values() if one not in (*litellm, *vllm, *databases)]
    if not litellm:
        notes.fault(
            deployment.at("services"),
            "has no service of LiteLLM; give the folder of the one that has it as compose_dir, or its files as compose_file",
        )
        return None
    first, *more = litellm
    different = [one for one in more if not _alike(first, one)]
    if different:
        notes.fault(
            deployment.at("services"),
            f"has {len(litellm)} services of LiteLLM ({', '.join(one.name for one in litellm)}) that differ; bring them to one in the old"
            " deployment first, or name the files with one of them as compose_file",
        )
        return None
    for service in more:
        notes.change(service.at(), f"is the same as {first.name}: how many there are is litellm_instances now")
    for service in (*vllm, first, *databases):
        if service.data.get("build"):
            notes.leave(
                service.at("build"),
                "the image is built here, and what the build adds to it is not in the images of the roles; vllm_image and litellm_image"
                " take one that has it",
            )
    return Who(vllm, first, more, databases, others)


def _started(deployment: Deployment, server: Server, notes: Notes) -> list[Service]:
    """A service with profiles runs where one of them was asked for: by .env, or else as the containers tell."""
    asked = [name for name in str(deployment.variables.get("COMPOSE_PROFILES", "")).split(",") if name]
    found = []
    for service in deployment.services.values():
        profiles = [str(name) for name in forms.listed(service.data.get("profiles"))]
        if not profiles or "*" in asked or set(asked) & set(profiles) or server.container(service.name):
            found.append(service)
        elif asked or server.containers:
            notes.leave(
                service.at("profiles"),
                f"does not run, since nothing asks for its profile ({', '.join(profiles)}); where it should, write"
                f" COMPOSE_PROFILES={profiles[0]} into .env and run this again",
            )
        else:
            if _is_vllm(service) or _is_gateway(service):
                notes.change(service.at("profiles"), f"is taken for one that runs (profile {', '.join(profiles)})")
            found.append(service)
    return found


def _gateways(listed: list[Service]) -> list[Service]:
    """By its image or program; where none is told by that, by what only LiteLLM has in its environment."""
    found = [one for one in listed if _is_gateway(one)]
    if found:
        return found
    named = [
        one
        for one in listed
        if "litellm" in one.image.lower() or (one.data.get("build") and "litellm" in one.name.lower())
    ]
    return [one for one in named if _configured(one)]


def _is_gateway(service: Service) -> bool:
    image = _last(service.image)
    return (image.startswith("litellm") and not _HELPERS.search(image)) or _runs(service, "litellm")


def _configured(service: Service) -> bool:
    words = [*service.entrypoint, *service.command]
    return any(word.partition("=")[0] == "--config" for word in words) or "LITELLM_MASTER_KEY" in service.environment


def _alike(first: Service, second: Service) -> bool:
    """Whether two containers do the same, by what decides it."""
    return all(
        getattr(first, part) == getattr(second, part) for part in ("command", "entrypoint", "environment", "mounts")
    )


def _is_vllm(service: Service) -> bool:
    image = _last(service.image)
    words = [*service.entrypoint, *service.command]
    if _HELPERS.search(image):
        return False
    return "vllm" in image or _runs(service, "vllm") or any("vllm.entrypoints" in word for word in words)


def _runs(service: Service, program: str) -> bool:
    words = [*service.entrypoint, *service.command]
    if words and words[0].rpartition("/")[2] in ("sh", "bash", "dash", "ash"):
        return bool(re.search(rf"(?:^|\s|/|&&|;){program}\s", " ".join(words[1:]) + " "))
    return bool(words) and words[0].rpartition("/")[2] == program


def _last(image: str) -> str:
    """The name of an image without its registry, tag and digest."""
    return image.partition("@")[0].rpartition("/")[2].partition(":")[0].lower()


def of_project(containers: t.Sequence[dict[str, t.Any]], project: str) -> list[dict[str, t.Any]]:
    """Of those in the folder: somebody may run another project in it, with services of the same names. A project that was started under
    another name (docker compose -p) is the deployment where it is the only one."""
    return [one for one in containers if one.get("project", project) == project] or list(containers)


def projects(containers: t.Sequence[dict[str, t.Any]]) -> list[str]:
    return sorted({str(one["project"]) for one in containers if one.get("project")})


class Server:
    """What was read of the server beside files: containers of the deployment, volumes, GPUs, its own addresses."""

    def __init__(self, facts: t.Mapping[str, t.Any], project: str) -> None:
        self.project = project
        self.containers = of_project(facts.get("containers") or [], project)
        self.volumes: dict[str, str] = dict(facts.get("volumes") or {})
        self.gpus = int(facts.get("gpus") or 0)
        self.addresses: list[str] = list(facts.get("addresses") or [])
        self.commits: dict[str, str] = dict(facts.get("commits") or {})

    def container(self, service: str) -> dict[str, t.Any] | None:
        return next((one for one in self.containers if one["service"] == service), None)

    def environment(self, service: str) -> set[str] | None:
        """Names of the variables that are set in a container to anything; None without a container."""
        found = self.container(service)
        return set(found["environment"]) if found and "environment" in found else None

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
