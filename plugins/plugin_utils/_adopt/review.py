# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Goes through every key of the services, so that none is dropped without a word. Pure; translate.py uses it."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import forms
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.forms import Mount
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.which import Server, Who

#: Keys that the translation reads.
_READ = (
    "image",
    "build",
    "command",
    "entrypoint",
    "environment",
    "env_file",
    "ports",
    "volumes",
    "gpus",
    "shm_size",
    "ulimits",
    "profiles",
    "working_dir",
)
#: Keys for which the roles have something of their own that does the same.
_REPLACED = (
    "container_name", "depends_on", "deploy", "expose", "healthcheck", "hostname", "init", "ipc", "labels", "logging", "networks",
    "platform", "pull_policy", "restart", "runtime", "stdin_open", "stop_grace_period", "stop_signal", "tty", "configs", "secrets",
    "network_mode", "scale", "links",
)  # fmt: skip
#: Environment that decides whether old keys and rows can be used.
_VITAL = re.compile(r"DATABASE_\w+|DIRECT_URL|POSTGRES_\w+|LITELLM_(?:MASTER|SALT)_KEY|UI_(?:USERNAME|PASSWORD)")
#: What stands before an API.
_PROXIES = re.compile(r"traefik|nginx|caddy|haproxy|cloudflared|ngrok|envoy|apisix|kong")
#: Of Compose itself, or read through the services.
_FILE_KEYS = ("version", "name", "services", "networks", "volumes", "configs", "secrets")


def review(deployment: Deployment, who: Who, databases: list[Service], server: Server, notes: Notes) -> None:
    for name in deployment.data:
        if name not in _FILE_KEYS and not name.startswith("x-"):
            notes.leave(deployment.at(name), "is no key that the translation knows")
    for service in (*who.own, *databases):
        _keys(service, who, notes)
        _missing(service, deployment, server, notes)
    for service in (*who.others, *(one for one in who.databases if one not in databases)):
        if "vllm" in service.name.lower() and service.data.get("build"):
            notes.leave(
                service.at(),
                "may be vLLM, but what it serves is in the image that is built here: declare it in llm_models, and stop this service then",
            )
        elif _PROXIES.search(service.image.lower()):
            notes.leave(
                service.at(),
                "goes on in the old project. Where it led to LiteLLM, let it lead to the server's address and litellm_port (see"
                " litellm_publish_address), or set llm_domain, and the fleet has TLS itself and needs ports 80 and 443",
            )
        else:
            notes.leave(
                service.at(),
                "is none of vLLM, LiteLLM and its database: it goes on in the old project, and reaches the API by the server's address only",
            )


def faults(services: t.Iterable[Service], notes: Notes) -> None:
    """Of services that the fleet takes over: in others they are nobody's business here."""
    for service in services:
        for note in service.faults:
            notes.fault(*note)


def _missing(service: Service, deployment: Deployment, server: Server, notes: Notes) -> None:
    """Compose puts nothing where nobody sets a variable. Whether a shell did is told by the container, where there is one."""
    held = server.environment(service.name)
    for one in service.missing:
        optional = one.variable and not _VITAL.fullmatch(one.variable)
        if one.key not in _READ or (held is not None and one.variable and one.variable not in held):
            continue
        if optional and held is None and deployment.has_env:
            notes.change(
                one.where,
                f"{one.name} is set nowhere, so nothing stands in its place; where the shell of docker compose had it, write"
                f" {one.name}=VALUE into .env and run this again",
            )
        else:
            notes.fault(
                one.where, f"{one.name} is set nowhere: write {one.name}=VALUE into .env, empty where that was meant"
            )


def _keys(service: Service, who: Who, notes: Notes) -> None:
    replaced = []
    for key in service.data:
        if key in _REPLACED:
            replaced.append(key)
        elif key not in _READ and not key.startswith("x-"):
            notes.leave(
                service.at(key), "is not taken over; what the containers of the roles may do is in docs/hardening.md"
            )
    if replaced:
        notes.change(service.at(), f"{', '.join(sorted(replaced))}: the roles have their own")
    for path in (("replicas",), ("resources", "limits")):
        if path == ("replicas",) and service in who.vllm:
            continue
        if forms.below(service.data, "deploy", *path) not in (None, 1, "1"):
            notes.leave(
                service.at("deploy"),
                f"{'.'.join(path)} is not taken over; see replicas of llm_models, …_memory_limit of the roles",
            )


def mounts(service: Service, used: t.Callable[[Mount], bool], notes: Notes) -> None:
    """What a service has of its server beside what was taken over."""
    for mount in service.mounts:
        if not used(mount):
            notes.leave(service.at("volumes"), f"what it has at {mount.target} is not in the container of the role")
