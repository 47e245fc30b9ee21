# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The whole of a translation: files and facts of a server in, variables and secrets of a fleet out. Pure.

The action compose_deployment calls it again as long as files are wanted.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import carried, review, routes, vllm
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment, Service, deployment
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.database import Database, database
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.environment import Environment
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.model_list import Listed, listed
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.paths import Paths
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import Proxy, proxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.settings import settings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.source import Source
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.which import Server, Who, projects, who_is_who
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.models import (
    LONGEST_SLUG,
    RESERVED_SLUGS,
    is_word,
    slug,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.rules import postgres
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import SERVED_NAME

Variables = dict[str, t.Any]
#: Images whose release the roles pin themselves.
OFFICIAL = (
    "vllm/vllm-openai",
    "vllm/vllm-openai-cpu",
    "berriai/litellm",
    "berriai/litellm-database",
    "berriai/litellm-non_root",
)


class Translation(t.NamedTuple):
    """Complete where nothing is wanted and there are no faults."""

    wanted: list[str]
    notes: Notes
    project: str = ""
    services: tuple[str, ...] = ()  # that the fleet takes over
    database: Database | None = None
    variables: Variables = {}
    secrets: Variables = {}
    repositories: tuple[str, ...] = ()  # of models whose commit is worth knowing


def translate(
    folder: str,
    files: t.Mapping[str, str | None],
    facts: t.Mapping[str, t.Any],
    compose_files: t.Sequence[str] = (),
    new_salt: bool = False,
) -> Translation:
    source, notes = Source(folder, files), Notes()
    found = deployment(source, compose_files, notes)
    server = Server(facts, found.project) if found else None
    if facts.get("docker") is False:
        notes.change(
            folder, "Docker is not there, so it is not known what runs and where volumes lie; adopt_move needs it"
        )
    if server and len(names_of := projects(server.containers)) > 1:
        notes.fault(
            folder,
            f"has containers of several projects, {', '.join(names_of)}, and none of {server.project}, which is the name by its files: write"
            " COMPOSE_PROJECT_NAME=NAME into .env with the one that is meant",
        )
    who = who_is_who(found, server, notes) if found and server else None
    if not found or not server or not who:
        return Translation(sorted(source.wanted), notes)
    return _Whole(source, found, who, server, notes).translation(new_salt)


class _Whole:
    def __init__(self, source: Source, found: Deployment, who: Who, server: Server, notes: Notes) -> None:
        self.source, self.deployment, self.who, self.server, self.notes = source, found, who, server, notes
        self.variables: Variables = {}

    def translation(self, new_salt: bool) -> Translation:
        review.faults(self.who.own, self.notes)
        models = [found for one in self.who.vllm if (found := vllm.read(one, self._paths(one), self.notes))]
        gateway = proxy(self.who.litellm, self._paths(self.who.litellm), self.deployment, self.notes)
        where = (
            database(gateway, self.who.databases, self.deployment, self.server.addresses, self.notes)
            if gateway
            else None
        )
        review.faults([where.service] if where and where.service else [], self.notes)
        if not gateway or not where:
            return Translation(sorted(self.source.wanted), self.notes)
        own = [where.service] if where.service else []
        review.review(self.deployment, self.who, own, self.server, self.notes)
        environment = Environment(gateway, self.deployment, self.notes)
        found = listed(gateway, models, environment, self.server.addresses, self.notes)
        set_up = settings(gateway, environment, found.secrets, self.notes)
        self._models(models, found)
        self._routes(gateway, found)
        self._gateway(gateway)
        self._database(where)
        self.variables.update(set_up.variables)
        held = carried.carried(gateway, where, models, new_salt, self.notes)
        secrets: Variables = {**held, **self._secret_environment(models)}
        if set_up.secrets:
            secrets["litellm_secret_environment"] = set_up.secrets
        return Translation(
            wanted=sorted(self.source.wanted),
            notes=self.notes,
            project=self.deployment.project,
            services=tuple(one.name for one in (*self.who.own, *own)),
            database=where,
            variables=self.variables,
            secrets=secrets,
            repositories=tuple(
                m.entry["model"] for m in models if "/" in m.entry["model"] and m.entry["model"][0] != "/"
            ),
        )

    def _paths(self, service: Service) -> Paths:
        return Paths(service, self.source, self.server, self.deployment.data.get("volumes") or {})

    # ---- models

    def _models(self, models: list[vllm.Model], found: Listed) -> None:
        entries, taken, slugs = [], set[str](), set[str]()
        replicas = {name for names in found.replicas.values() for name in names}
        for model in models:
            if model.service.name in replicas:
                continue
            said = found.names.get(model.service.name, [])
            if not said:
                self.notes.change(
                    model.service.at(),
                    "LiteLLM's configuration has no model of it; it becomes one under the name that vLLM serves. One that was entered in the"
                    " UI and leads to it does not reach it any more: delete it there",
                )
            name, *former = said or model.served[:1]
            if name in taken:
                self.notes.leave(model.service.at(), f"its name {name} is another model's; give it one in llm_models")
                continue
            taken.add(name)
            named = self._named(model, name, former, slugs)
            of_list = found.preferences.get(model.service.name, {})
            entries.append({**named, **of_list, **self._replicated(model, found.replicas.get(model.service.name, []))})
            self._mounts(model)
        if entries:
            self.variables["llm_models"] = entries
        if found.external:
            self.variables["llm_external_models"] = found.external
        on_gpu = [model for model in models if model.on_gpu]
        known = [index + 1 for model in on_gpu for index in model.entry.get("gpus") or []]
        said = [model.entry.get("tensor_parallel_size") for model in on_gpu]
        sizes = [size if isinstance(size, int) else 1 for size in said]
        self.variables["llm_gpu_count"] = (self.server.gpus or max([*known, *sizes])) if on_gpu else 0
        self._for_all(models)

    def _replicated(self, model: vllm.Model, others: list[str]) -> Variables:
        """Services that do the same are replicas, which the fleet places."""
        if not others:
            return model.entry
        count = len(others) + int(model.entry.get("replicas", 1))
        self.notes.change(
            model.service.at(), f"{', '.join(others)} does the same: it has {count} replicas, which the fleet places"
        )
        return {**{key: value for key, value in model.entry.items() if key != "gpus"}, "replicas": count}

    def _named(self, model: vllm.Model, name: str, former: list[str], slugs: set[str]) -> Variables:
        """A name that no container can have is a former name of one that can."""
        plain = slug(name)
        taken = plain in (*RESERVED_SLUGS, *slugs)
        if SERVED_NAME.fullmatch(name) and len(plain) <= LONGEST_SLUG and is_word(plain) and not taken:
            slugs.add(plain)
            return {"name": name, **({"aliases": former} if former else {})}
        tries = (
            f"{slug(name.rpartition('/')[2])[: LONGEST_SLUG - 8].strip('-') or 'model'}-model{n}"
            for n in ("", *range(2, 99))
        )
        new = next(one for one in tries if one not in slugs)
        slugs.add(new)
        self.notes.change(
            model.service.at(), f"its name {name} can't be a container's: it is {new} now, and {name} an alias of it"
        )
        return {"name": new, "aliases": [name, *former]}

    def _mounts(self, model: vllm.Model) -> None:
        paths = self._paths(model.service)
        kept = (model.models_dir, model.entry["model"])

        def used(mount: t.Any) -> bool:
            place = paths.on_server(mount.target) or ""
            return any(
                one.startswith("/") and (f"{one}/".startswith(f"{place}/") or f"{place}/".startswith(f"{one}/"))
                for one in kept
            )

        review.mounts(model.service, used, self.notes)

    def _for_all(self, models: list[vllm.Model]) -> None:
        """What the role vllm has one variable for."""
        folders = Counter(model.models_dir for model in models if model.models_dir).most_common()
        if folders:
            self.variables["vllm_models_dir"] = folders[0][0]
        for model in models:
            if model.models_dir not in ("", *(folder for folder, _count in folders[:1])):
                self.notes.leave(
                    model.service.at("volumes"),
                    f"its weights are in {model.models_dir}; they are fetched again into {folders[0][0]}",
                )
        if models and all(model.offline for model in models):
            self.variables["vllm_offline"] = True
        self._one(models, "vllm_hf_endpoint", "environment", lambda model: model.hub_endpoint, values.repository_url)
        self._one(
            models, "vllm_shm_size", "shm_size", lambda model: model.service.data.get("shm_size"), values.docker_size
        )
        self._one(models, "vllm_ulimits", "ulimits", lambda model: model.service.data.get("ulimits"), names.ulimits)
        self._one(models, "vllm_image", "image", lambda model: self._image(model.service), names.image)

    def _one(
        self,
        models: list[vllm.Model],
        variable: str,
        key: str,
        value_of: t.Callable[[vllm.Model], t.Any],
        rule: t.Callable[[t.Any], str],
    ) -> None:
        """The first that says something is right for all; the others are told."""
        for model in models:
            value = value_of(model)
            if not value:
                continue
            if variable not in self.variables and not rule(value):
                self.variables[variable] = value
            elif self.variables.get(variable) != value:
                self.notes.leave(
                    model.service.at(key),
                    f"is nothing that {variable}, which is for all models, takes beside the others",
                )

    def _image(self, service: Service) -> str:
        plain = service.image.partition("@")[0]
        plain = plain.rpartition(":")[0] if ":" in plain.rpartition("/")[2] else plain
        if not plain or plain.endswith(OFFICIAL):
            self.notes.change(
                service.at("image"), "is the release that the roles pin now (vllm_version, litellm_version)"
            )
            return ""
        self.notes.change(
            service.at("image"),
            "is kept; it has to have the official image's interface, and a release that the roles know",
        )
        return service.image

    def _secret_environment(self, models: list[vllm.Model]) -> Variables:
        found: dict[str, str] = {}
        for model in models:
            for name, value in model.secret_environment.items():
                if found.setdefault(name, value) != value:
                    self.notes.leave(
                        model.service.at("environment", name),
                        "differs from another model's; vllm_secret_environment is for all",
                    )
        return {"vllm_secret_environment": found} if found else {}

    # ---- the gateway and its database

    def _routes(self, gateway: Proxy, found: Listed) -> None:
        entries = [*self.variables.get("llm_models", []), *found.external]
        default = routes.route(gateway, entries, self.notes)
        if default:
            self.variables["llm_default_fallbacks"] = default

    def _gateway(self, gateway: Proxy) -> None:
        service = gateway.service
        if image := self._image(service):
            self.variables["litellm_image"] = image
        if user := gateway.environment.get("UI_USERNAME"):
            self.variables["litellm_ui_username"] = user
        published = [one for one in service.ports if one.target == gateway.port and one.published]
        if service.data.get("network_mode") == "host":
            self.variables["litellm_port"] = gateway.port
        elif published:
            self.variables["litellm_port"] = published[0].published
            if published[0].address:
                self.variables["litellm_publish_address"] = published[0].address
        else:
            self.variables["litellm_publish_address"] = "127.0.0.1"
            self.notes.change(
                service.at("ports"),
                "published no port of the API, so it listens on the loopback address (litellm_publish_address)",
            )
        for port in service.ports:
            if port not in published[:1]:
                self.notes.leave(service.at("ports"), f"port {port.published or port.target} is not published any more")
        paths = self._paths(service)
        config = self.source.path(gateway.config.name)
        review.mounts(service, lambda mount: f"{config}/".startswith(f"{paths.on_server(mount.target)}/"), self.notes)

    def _database(self, where: Database) -> None:
        if not where.service:
            self.variables.update(
                postgres_mode="external",
                postgres_host=where.host,
                postgres_port=where.port,
                litellm_database_name=where.name,
                litellm_database_user=where.user,
            )
        for variable, value in (
            (("postgres_database", where.name), ("postgres_user", where.user)) if where.service else ()
        ):
            if postgres.own_identifier(value):
                self.notes.change(
                    where.service.at() if where.service else "", f"{variable} can't be {value} and is litellm now"
                )
            else:
                self.variables[variable] = value
        if where.options:
            self.variables["litellm_database_options"] = where.options
        if where.service:
            review.mounts(
                where.service,
                lambda mount: mount.target.startswith(("/var/lib/postgresql", "/run/secrets")),
                self.notes,
            )
            for port in where.service.ports:
                self.notes.leave(
                    where.service.at("ports"),
                    f"port {port.published or port.target} of the database is not published any more",
                )
