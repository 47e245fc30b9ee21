# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which variables of the environment of LiteLLM come along, and what a reference to one that does not stands for. Pure; model_list.py and
settings.py use it.
"""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import REFERENCE, Proxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.names import ENVIRONMENT_NAME
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.rules.litellm import OWNED_ENVIRONMENT
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.secrets import secret_environment
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import litellm_settings

#: What other parts of the translation take, or what is of the old containers only.
_TRANSLATED = re.compile(
    r"DATABASE_(?:URL|HOST|PORT|USER|USERNAME|PASSWORD|NAME|SCHEMA)|DIRECT_URL|POSTGRES_\w+|PG[A-Z]+|COMPOSE_\w+|PORT|HOST|"
    r"NUM_WORKERS|STORE_MODEL_IN_DB|CONFIG_FILE_PATH|HF_TOKEN|HUGGING_FACE_HUB_TOKEN"
)
#: What the role sets itself, or what breaks its containers: one worker each, nothing but memory to write to.
_OWN = litellm_settings.environment({"litellm_log_level": "", "llm_domain": ""}, False)
_BREAKS = "HOME LD_LIBRARY_PATH LD_PRELOAD PATH PROMETHEUS_MULTIPROC_DIR PYTHONPATH USE_PRISMA_MIGRATE WEB_CONCURRENCY"
_ROLE = frozenset({*_OWN, *_BREAKS.split()}) - {"STORE_MODEL_IN_DB"}
_REDIS = re.compile(r"REDIS_(?:HOST|PORT|PASSWORD|USERNAME|URL|SSL|DB)")
#: The server itself, as a container calls it.
HERE = ("localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal", "172.17.0.1", "gateway.docker.internal")
#: Where Compose puts what a service has in `secrets`.
SECRET_FILES = "/run/secrets/"
#: Stands where nothing may stay.
_GONE = object()
OLD_SERVICE = "leads to the service {} of the old project, which the fleet's LiteLLM does not reach"


class Environment:
    """Of the LiteLLM service, with what its config.yaml sets."""

    def __init__(self, proxy: Proxy, deployment: Deployment, notes: Notes) -> None:
        self.proxy, self.deployment, self.notes = proxy, deployment, notes
        self.held = proxy.environment
        general = proxy.section("general_settings")
        said = [str(general.get(key) or "") for key in ("master_key", "database_url")]
        self._used = {text.removeprefix(REFERENCE) for text in said if secret_parts.is_reference(text)}

    # ---- one variable

    def carried(self, name: str) -> bool:
        """Whether LiteLLM has it again."""
        value = self.held.get(name, "")
        return bool(value) and not self.is_translated(name) and name not in _ROLE and not self.why_not(name, value)

    def is_translated(self, name: str) -> bool:
        return name in OWNED_ENVIRONMENT or name in self._used or bool(_TRANSLATED.fullmatch(name))

    def is_same(self, name: str) -> bool:
        """Whether the role sets it to what it was; who brings the database up to date is another matter."""
        return (
            name in _OWN and name != "DISABLE_SCHEMA_UPDATE" and self.held.get(name, "").lower() == _OWN[name].lower()
        )

    def why_not(self, name: str, value: str) -> str:
        """Why a variable can't come along; empty where it can."""
        if not ENVIRONMENT_NAME.fullmatch(name):
            return "is no name of an environment variable to a shell"
        if name in _ROLE:
            return "is the role's own, or nothing that its containers may have"
        if _REDIS.fullmatch(name) and (service := self.redis()):
            return OLD_SERVICE.format(service) + "; the role redis is the fleet's own"
        if reason := self.where_to(value, name.lower()):
            return reason
        if self.is_mounted(value):
            return f"names {value}, a file or folder of the old container; the role's container has none of it"
        if is_secret(name, value) and secret_environment({name: value}):
            return (
                "is a secret with white space or control characters in it; set it in litellm_secret_environment without"
            )
        return ""

    def redis(self) -> str:
        """The service of the deployment that REDIS_HOST or REDIS_URL names."""
        for name in ("REDIS_HOST", "REDIS_URL"):
            if service := self.service_in(self.held.get(name, ""), name.lower()):
                return service
        return ""

    def is_mounted(self, value: t.Any) -> bool:
        """Whether it is a path that the old container had from its server."""
        text = str(value)
        below = (f"{one.target.rstrip('/')}/" for one in self.proxy.service.mounts)
        return text.startswith(SECRET_FILES) or (
            text.startswith("/") and any(f"{text}/".startswith(place) for place in below)
        )

    # ---- services of the deployment

    def where_to(self, value: t.Any, key: str) -> str:
        """Why an address that a value has at any depth is none for the fleet; empty where it is one, or none is there."""
        if service := self.service_in(value, key):
            return OLD_SERVICE.format(service)
        own = next((host for host in self._hosts(value, key) if host in HERE), "")
        return f"leads to {own}, which is another place inside of the fleet's containers" if own else ""

    def service_in(self, value: t.Any, key: str) -> str:
        """The first service of the deployment that a value names as a host, at any depth."""
        return next((found for host in self._hosts(value, key) if (found := service_of(host, self.deployment))), "")

    def _hosts(self, value: t.Any, key: str) -> t.Iterator[str]:
        if isinstance(value, dict):
            for name, part in value.items():
                yield from self._hosts(part, str(name))
        elif isinstance(value, list):
            for part in value:
                yield from self._hosts(part, key)
        else:
            text = str(self.proxy.value(value) or "")
            if "://" in text:
                yield host_of(text)
            elif key.endswith("host"):
                yield text.partition(":")[0]

    # ---- references

    def resolved(
        self, value: t.Any, where: t.Callable[..., str], secrets: dict[str, str], path: tuple[t.Any, ...]
    ) -> t.Any:
        """References to what does not come along as what they stand for; those that nothing sets are told."""
        if isinstance(value, dict):
            return {key: self.resolved(part, where, secrets, (*path, key)) for key, part in value.items()}
        if isinstance(value, list):
            return [self.resolved(part, where, secrets, (*path, place)) for place, part in enumerate(value)]
        if not isinstance(value, str) or not secret_parts.is_reference(value):
            return value
        name = value.removeprefix(REFERENCE)
        text = self.held.get(name, "")
        if not text:
            self.notes.leave(
                where(*path),
                f"names the variable {name}, which nothing sets; set it in litellm_secret_environment, or the provider refuses",
            )
        if not text or self.carried(name):
            return value
        return REFERENCE + hidden(secrets, self.held, path, text) if is_secret(name, text) else text

    def without_secrets(
        self, value: dict[str, t.Any], where: t.Callable[..., str], secrets: dict[str, str], path: tuple[t.Any, ...]
    ) -> dict[str, t.Any]:
        """Secrets go into the environment, and their places name a variable. One with white space can't, and is told."""

        def replace(below: tuple[str, ...], text: str) -> t.Any:
            if secret_parts.is_reference(text):
                return text
            if secret_environment({"X": text}):
                place = (int(step) if step.isdecimal() else step for step in below)
                self.notes.leave(
                    where(*path, *place),
                    "is a secret with white space in it, as after Bearer, which LiteLLM's environment can't have; set it in the UI",
                )
                return _GONE
            return REFERENCE + hidden(secrets, self.held, (*path, *below), text)

        return _pruned(secret_parts.replaced(value, replace))


def _pruned(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        return {key: _pruned(part) for key, part in value.items() if part is not _GONE}
    return [_pruned(part) for part in value if part is not _GONE] if isinstance(value, list) else value


def is_secret(name: str, value: str) -> bool:
    return secret_parts.is_secret_name(name) or secret_parts.mask_text(value) != value


def hidden(secrets: dict[str, str], taken: t.Collection[str], words: t.Sequence[t.Any], text: str) -> str:
    """The name of the environment variable that holds a secret; one for equal texts."""
    for name, value in secrets.items():
        if value == text:
            return name
    letters = (
        letter if letter.isalnum() and letter.isascii() else "_"
        for letter in "_".join(("ADOPTED", *map(str, words))).upper()
    )
    plain = "".join(letters)
    name, number = plain, 2
    while name in taken or name in secrets:
        name, number = f"{plain}_{number}", number + 1
    secrets[name] = text
    return name


def names_of(service: Service) -> set[str]:
    """By which a service is reached in its networks."""
    networks = service.data.get("networks")
    listed = networks.values() if isinstance(networks, dict) else []
    found = [one.get("aliases") for one in listed if isinstance(one, dict)]
    aliases = [alias for one in found if isinstance(one, list) for alias in one]
    links = (str(service.data[key]) for key in ("container_name", "hostname") if service.data.get(key))
    return {service.name, *links, *map(str, aliases)}


def service_of(host: str, deployment: Deployment) -> str:
    """The service that a name in the networks means; empty for one elsewhere."""
    return next((name for name, one in deployment.services.items() if host in names_of(one)), "")


def host_of(text: str) -> str:
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""
