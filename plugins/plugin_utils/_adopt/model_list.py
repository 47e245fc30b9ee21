# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""model_list of config.yaml: which entry is a model that vLLM serves here, which one a provider's. Pure; translate.py uses it."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import REFERENCE, Proxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.vllm import Model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.names import ENVIRONMENT_NAME
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.routing import PREFERENCES

#: Parameters of a model here that the fleet says itself.
_LOCAL = ("model", "api_base", "api_key", "custom_llm_provider", "max_parallel_requests", *PREFERENCES)
_LOCAL_PROVIDERS = ("openai", "hosted_vllm", "vllm", "text-completion-openai", "custom_openai", "openai_like")
_HERE = ("localhost", "127.0.0.1", "::1", "host.docker.internal", "172.17.0.1", "gateway.docker.internal")
_ENTRY = ("model_name", "litellm_params", "model_info")


class Listed(t.NamedTuple):
    """The models by where they run."""

    names: dict[str, list[str]]  # names in the API by the name of the vLLM service, in the order of the list
    preferences: dict[str, dict[str, t.Any]]  # the same for order, weight and max_parallel_requests
    external: list[dict[str, t.Any]]  # entries of llm_external_models
    secrets: dict[str, str]  # environment of LiteLLM that stands in for secrets of the list


class _Reading:
    def __init__(
        self, proxy: Proxy, models: list[Model], deployment: Deployment, addresses: list[str], notes: Notes
    ) -> None:
        self.proxy, self.models, self.deployment, self.notes = proxy, models, deployment, notes
        self.here = {*_HERE, *addresses}
        self.found = Listed({}, {}, [], {})
        self.taken = set(proxy.environment)

    def at(self, place: int, *path: t.Any) -> str:
        return self.proxy.config.where("model_list", place, *path)

    def take(self, place: int, entry: t.Any) -> None:
        name, params = (
            (entry.get("model_name"), entry.get("litellm_params")) if isinstance(entry, dict) else (None, None)
        )
        if not isinstance(name, str) or not isinstance(params, dict) or not isinstance(params.get("model"), str):
            self.notes.fault(
                self.at(place), "needs model_name and litellm_params with a model; mend it, or take it out"
            )
            return
        for key in entry:
            if key not in _ENTRY:
                self.notes.leave(self.at(place, key), "is no part of a model that the fleet knows")
        service, model = self._target(params)
        if model:
            self._local(place, name, params, entry.get("model_info"), model)
        elif service:
            self.notes.leave(
                self.at(place),
                f"{name} is answered by the service {service}, which stays in the old project, where LiteLLM does not reach it;"
                " publish it, and give its address as api_base in llm_external_models",
            )
        else:
            self._external(place, name, params, entry.get("model_info"))

    def _target(self, params: t.Mapping[str, t.Any]) -> tuple[str, Model | None]:
        """The service of this deployment that answers, and its model where it is vLLM."""
        provider = str(params.get("custom_llm_provider") or str(params["model"]).partition("/")[0])
        address = self.proxy.value(params.get("api_base") or params.get("base_url"))
        try:
            where = urlsplit(str(address or ""))
            host, port = where.hostname or "", where.port or 80
        except ValueError:
            return "", None
        for name, service in self.deployment.services.items():
            if host in _names(name, service.data):
                model = next((one for one in self.models if one.service.name == name), None)
                return name, model if provider in _LOCAL_PROVIDERS else None
        if host in self.here and provider in _LOCAL_PROVIDERS:
            for model in self.models:
                inside = model.port if model.service.data.get("network_mode") == "host" else None
                if port in (inside, *(one.published for one in model.service.ports if one.target == model.port)):
                    return model.service.name, model
        return "", None

    def _local(self, place: int, name: str, params: t.Mapping[str, t.Any], info: t.Any, model: Model) -> None:
        service = model.service.name
        asked = str(params["model"]).partition("/")[2] or str(params["model"])
        if asked not in model.served:
            self.notes.leave(
                self.at(place), f"{name} asks {service} for a name that it does not serve (an adapter, perhaps)"
            )
            return
        elsewhere = next(
            (other for other, names in self.found.names.items() if name in names and other != service), None
        )
        if elsewhere:
            self.notes.leave(
                self.at(place),
                f"{name} is served by {elsewhere} and by {service}: the fleet's replicas are equal, so write replicas: 2 of"
                f" {name} where both do the same, or another name for this one",
            )
            return
        names = self.found.names.setdefault(service, [])
        if name not in names:
            names.append(name)
        kept = ("max_parallel_requests", *PREFERENCES)
        self.found.preferences.setdefault(service, {}).update(
            {key: params[key] for key in kept if params.get(key) is not None}
        )
        for key in params:
            if key not in _LOCAL and key != "base_url":
                self.notes.leave(
                    self.at(place, "litellm_params", key), "a model that is served here has no such parameter"
                )
        for key in info if isinstance(info, dict) else ():
            if key not in ("id", "mode"):
                self.notes.leave(self.at(place, "model_info", key), "a model that is served here has no such key")

    def _external(self, place: int, name: str, params: t.Mapping[str, t.Any], info: t.Any) -> None:
        found: dict[str, t.Any] = {"name": name, "litellm_params": self._hidden(place, name, params, "litellm_params")}
        if isinstance(info, dict) and info:
            found["model_info"] = self._hidden(place, name, info, "model_info")
        self.found.external.append(found)
        for key, value in params.items():
            if (
                isinstance(value, str)
                and secret_parts.is_reference(value)
                and value.removeprefix(REFERENCE) not in self.taken
            ):
                self.notes.leave(
                    self.at(place, "litellm_params", key),
                    "names a variable that nothing sets; set it in litellm_secret_environment, or the provider refuses",
                )

    def _hidden(self, place: int, name: str, part: t.Mapping[str, t.Any], key: str) -> dict[str, t.Any]:
        """Secrets go into the environment, and the entry has their names."""
        faulty = [one for one in part if not isinstance(one, str) or not ENVIRONMENT_NAME.fullmatch(one)]
        for one in faulty:
            self.notes.leave(self.at(place, key, one), "is no name of a parameter")

        def replace(path: tuple[str, ...], text: str) -> str:
            if secret_parts.is_reference(text):
                return text
            return REFERENCE + hidden(self.found.secrets, self.taken, (name, *path), text)

        return secret_parts.replaced({one: value for one, value in part.items() if one not in faulty}, replace)


def hidden(secrets: dict[str, str], taken: t.Collection[str], words: t.Sequence[str], text: str) -> str:
    """The name of the environment variable that holds a secret; one for equal texts."""
    for name, value in secrets.items():
        if value == text:
            return name
    letters = (
        letter if letter.isalnum() and letter.isascii() else "_" for letter in "_".join(("ADOPTED", *words)).upper()
    )
    plain = "".join(letters)
    name, number = plain, 2
    while name in taken or name in secrets:
        name, number = f"{plain}_{number}", number + 1
    secrets[name] = text
    return name


def _names(name: str, data: t.Mapping[str, t.Any]) -> set[str]:
    """By which a service is reached in its networks."""
    networks = data.get("networks")
    listed = networks.values() if isinstance(networks, dict) else []
    aliases = [alias for one in listed if isinstance(one, dict) for alias in one.get("aliases") or []]
    return {name, *(str(data[key]) for key in ("container_name", "hostname") if data.get(key)), *map(str, aliases)}


def service_of(host: str, deployment: Deployment) -> str:
    """The service that a name in the networks means; empty for one elsewhere."""
    return next((name for name, one in deployment.services.items() if host in _names(name, one.data)), "")


def listed(proxy: Proxy, models: list[Model], deployment: Deployment, addresses: list[str], notes: Notes) -> Listed:
    reading = _Reading(proxy, models, deployment, addresses, notes)
    entries = proxy.config.data.get("model_list") or []
    if not isinstance(entries, list):
        notes.fault(proxy.config.where("model_list"), "is no list; mend it")
        return reading.found
    for place, entry in enumerate(entries):
        reading.take(place, entry)
    return reading.found
