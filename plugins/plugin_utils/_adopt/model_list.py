# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""model_list of config.yaml: which entry is a model that vLLM serves here, which one a provider's. Pure; translate.py uses it."""

from __future__ import annotations

import typing as t
from urllib.parse import urlsplit

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.environment import (
    HERE,
    Environment,
    service_of,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import Proxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.vllm import Model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes, prices
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.names import ENVIRONMENT_NAME
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.routing import PREFERENCES

#: Parameters of a model here that the fleet says itself.
_LOCAL = ("model", "api_base", "base_url", "api_key", "custom_llm_provider", "max_parallel_requests", *PREFERENCES)
_LOCAL_PROVIDERS = ("openai", "hosted_vllm", "vllm", "text-completion-openai", "custom_openai", "openai_like")
_ENTRY = ("model_name", "litellm_params", "model_info")


class Listed(t.NamedTuple):
    """The models by where they run."""

    names: dict[str, list[str]]  # names in the API by the name of the vLLM service, in the order of the list
    preferences: dict[str, dict[str, t.Any]]  # the same for order, weight and max_parallel_requests
    external: list[dict[str, t.Any]]  # entries of llm_external_models
    replicas: dict[str, list[str]]  # services that do the same as one, by its name
    secrets: dict[str, str]  # environment of LiteLLM that stands in for secrets of the list


class _Target(t.NamedTuple):
    """Who answers: a service of this deployment, its model where it is vLLM; or something else on this server."""

    service: str = ""
    model: Model | None = None
    here: str = ""


class _Reading:
    def __init__(
        self, proxy: Proxy, models: list[Model], environment: Environment, addresses: list[str], notes: Notes
    ) -> None:
        self.proxy, self.models, self.environment, self.notes = proxy, models, environment, notes
        self.here = {*HERE, *addresses}
        self.found = Listed({}, {}, [], {}, {})

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
        target = self._target(params)
        if target.model:
            self._local(place, name, params, entry.get("model_info"), target.model)
        elif target.service:
            self.notes.leave(
                self.at(place),
                f"{name} is answered by the service {target.service}, which stays in the old project, where LiteLLM does not reach it;"
                " publish it, and give its address as api_base in llm_external_models",
            )
        elif target.here:
            self.notes.leave(
                self.at(place),
                f"{name} is answered by something on the server itself, at {target.here}, which is another place inside of the fleet's"
                " containers; give the server's own address as api_base in llm_external_models",
            )
        else:
            self._external(place, name, params, entry.get("model_info"))

    def _target(self, params: t.Mapping[str, t.Any]) -> _Target:
        provider = str(params.get("custom_llm_provider") or self._asked(params).partition("/")[0])
        address = str(self.proxy.value(params.get("api_base") or params.get("base_url")) or "")
        try:
            where = urlsplit(address)
            host, port = where.hostname or "", where.port or 80
        except ValueError:
            return _Target()
        if name := service_of(host, self.environment.deployment):
            model = next((one for one in self.models if one.service.name == name), None)
            return _Target(name, model if provider in _LOCAL_PROVIDERS else None)
        if host in self.here and provider in _LOCAL_PROVIDERS:
            for model in self.models:
                inside = model.port if model.service.data.get("network_mode") == "host" else None
                if port in (inside, *(one.published for one in model.service.ports if one.target == model.port)):
                    return _Target(model.service.name, model)
        return _Target(here=f"{host}:{port}" if host in HERE else "")

    def _asked(self, params: t.Mapping[str, t.Any]) -> str:
        return str(self.proxy.value(params["model"]))

    def _local(self, place: int, name: str, params: t.Mapping[str, t.Any], info: t.Any, model: Model) -> None:
        service = model.service.name
        asked = self._asked(params)
        if not {asked, asked.partition("/")[2]} & set(model.served):
            self.notes.leave(
                self.at(place), f"{name} asks {service} for a name that it does not serve (an adapter, perhaps)"
            )
            return
        elsewhere = next(
            (other for other, names in self.found.names.items() if name in names and other != service), None
        )
        if elsewhere and alike(next(one for one in self.models if one.service.name == elsewhere), model):
            same = self.found.replicas.setdefault(elsewhere, [])
            if service not in same:
                same.append(service)
            return
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
        taken = self._of_entry(service, params, info if isinstance(info, dict) else {})
        for key in params:
            if key not in (*_LOCAL, *taken):
                self.notes.leave(
                    self.at(place, "litellm_params", key), "a model that is served here has no such parameter"
                )
        for key in info if isinstance(info, dict) else ():
            if key not in ("id", *taken):
                self.notes.leave(self.at(place, "model_info", key), "a model that is served here has no such key")

    def _of_entry(self, service: str, params: t.Mapping[str, t.Any], info: t.Mapping[str, t.Any]) -> list[str]:
        """What a model is for and what its tokens cost, where both are said as llm_models takes them."""
        found, said = self.found.preferences[service], {**info, **params}
        taken = []
        if said.get("mode") in modes.MODES:
            found["mode"] = said["mode"]
            taken.append("mode")
        costs = {kind: said.get(key) for kind, key in prices.COSTS.items() if key in said}
        if costs and all(map(_is_cost, costs.values())):
            price = {kind: float(f"{cost * prices.MILLION:.9g}") for kind, cost in costs.items()}
            if any(price.values()) and not list(prices.faults({"price": price})):
                found["price"] = price
            if "price" in found or not any(price.values()):
                taken += [prices.COSTS[kind] for kind in costs]
        return taken

    def _external(self, place: int, name: str, params: t.Mapping[str, t.Any], info: t.Any) -> None:
        found: dict[str, t.Any] = {"name": name, "litellm_params": self._hidden(place, name, params, "litellm_params")}
        for key, value in params.items():
            if self.environment.is_mounted(value):
                self.notes.leave(
                    self.at(place, "litellm_params", key),
                    "names a file of the old container; give its content by a variable in litellm_secret_environment",
                )
        if isinstance(info, dict) and info:
            found["model_info"] = self._hidden(place, name, info, "model_info")
        self.found.external.append(found)

    def _hidden(self, place: int, name: str, part: t.Mapping[str, t.Any], key: str) -> dict[str, t.Any]:
        """Secrets go into the environment, and the entry has their names."""
        faulty = [one for one in part if not isinstance(one, str) or not ENVIRONMENT_NAME.fullmatch(one)]
        for one in faulty:
            self.notes.leave(self.at(place, key, one), "is no name of a parameter")

        def where(_name: str, *path: t.Any) -> str:
            return self.at(place, key, *path)

        kept = {one: value for one, value in part.items() if one not in faulty}
        known = self.environment.resolved(kept, where, self.found.secrets, (name,))
        return self.environment.without_secrets(known, where, self.found.secrets, (name,))


def alike(first: Model, second: Model) -> bool:
    """Whether two services are replicas of one model: all but their places is the same."""

    def kept(model: Model) -> dict[str, t.Any]:
        return {key: value for key, value in model.entry.items() if key not in ("gpus", "port")}

    return (kept(first), first.served, first.service.image) == (kept(second), second.served, second.service.image)


def _is_cost(value: t.Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0


def listed(proxy: Proxy, models: list[Model], environment: Environment, addresses: list[str], notes: Notes) -> Listed:
    reading = _Reading(proxy, models, environment, addresses, notes)
    entries = proxy.config.data.get("model_list") or []
    if not isinstance(entries, list):
        notes.fault(proxy.config.where("model_list"), "is no list; mend it")
        return reading.found
    for place, entry in enumerate(entries):
        reading.take(place, entry)
    return reading.found
