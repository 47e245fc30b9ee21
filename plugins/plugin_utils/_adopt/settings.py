# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's settings and environment as variables of the role litellm. Pure; translate.py uses it."""

from __future__ import annotations

import re
import typing as t
from urllib.parse import urlsplit

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Deployment
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.model_list import hidden, service_of
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import REFERENCE, Proxy
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.names import ENVIRONMENT_NAME
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.rules.litellm import OWNED_ENVIRONMENT
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.secrets import secret_environment

#: Sections of config.yaml and the variables that are merged over what the role renders of them.
SECTIONS = {
    "litellm_settings": "litellm_settings",
    "router_settings": "litellm_router_settings",
    "general_settings": "litellm_general_settings",
}
#: Settings with a variable of their own, and how it takes them.
_VARIABLES: dict[str, dict[str, tuple[str, type]]] = {
    "litellm_settings": {
        "request_timeout": ("litellm_request_timeout", int),
        "num_retries": ("litellm_num_retries", int),
    },
    "router_settings": {
        "num_retries": ("litellm_num_retries", int),
        "routing_strategy": ("litellm_routing_strategy", str),
    },
    "general_settings": {
        "database_connection_pool_limit": ("litellm_database_connection_pool_limit", int),
        "maximum_spend_logs_retention_period": ("litellm_spend_logs_retention", str),
        "proxy_batch_write_at": ("litellm_batch_write_at", int),
    },
}
#: What other parts of the translation take, or the role says itself.
_TAKEN = {
    "litellm_settings": ("fallbacks", "default_fallbacks", "json_logs", "telemetry"),
    "router_settings": ("fallbacks", "default_fallbacks", "model_group_alias"),
    "general_settings": ("master_key", "database_url", "store_model_in_db"),
}
#: Settings that name Python code, which would have to be in the container.
_CODE = (
    "custom_auth",
    "custom_sso",
    "custom_ui_sso_sign_in_handler",
    "custom_key_generate",
    "post_call_rules",
    "custom_provider_map",
)
_SECTIONS_READ = ("model_list", "environment_variables", "include", *SECTIONS)
#: The 90 days of the role would remove what an older deployment has kept.
KEEP_LOGS = "3650d"
_STRATEGIES = (
    "simple-shuffle", "least-busy", "latency-based-routing", "usage-based-routing", "usage-based-routing-v2",
    "cost-based-routing", "lar1",
)  # fmt: skip
_LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
#: Environment that is another part's of the translation, or the role's.
_DROPPED = re.compile(
    r"DATABASE_\w+|DIRECT_URL|POSTGRES_\w+|PG[A-Z]+|COMPOSE_\w+|PORT|HOST|NUM_WORKERS|STORE_MODEL_IN_DB|CONFIG_FILE_PATH|"
    r"LITELLM_MODE|HF_TOKEN|HUGGING_FACE_HUB_TOKEN|DOCS_URL|KEEPALIVE_TIMEOUT"
)
_REDIS = re.compile(r"REDIS_(?:HOST|PORT|PASSWORD|USERNAME|URL|SSL)")


class Settings(t.NamedTuple):
    variables: dict[str, t.Any]
    secrets: dict[str, str]  # environment of LiteLLM


def settings(proxy: Proxy, deployment: Deployment, secrets: dict[str, str], notes: Notes) -> Settings:
    """*secrets* are those of the model list, which more come to."""
    found = _Reading(proxy, deployment, dict(secrets), notes)
    for section in SECTIONS:
        found.section(section)
    for name in proxy.config.data:
        if name not in _SECTIONS_READ:
            notes.leave(
                proxy.config.where(name),
                "the roles render no such section; declare such objects in llm_state (ansible-doc llmfleet.gateway.litellm_state)",
            )
    found.environment()
    if "litellm_spend_logs_retention" not in found.variables:
        found.variables["litellm_spend_logs_retention"] = KEEP_LOGS
        notes.change(
            proxy.config.where("general_settings"),
            f"the log of requests was kept for ever and is kept for {KEEP_LOGS} now (litellm_spend_logs_retention)",
        )
    return Settings(found.variables, found.secrets)


class _Reading:
    def __init__(self, proxy: Proxy, deployment: Deployment, secrets: dict[str, str], notes: Notes) -> None:
        self.proxy, self.deployment, self.secrets, self.notes = proxy, deployment, secrets, notes
        self.variables: dict[str, t.Any] = {}

    # ---- sections

    def section(self, name: str) -> None:
        said = self.proxy.config.data.get(name)
        if said is not None and not isinstance(said, dict):
            self.notes.fault(self.proxy.config.where(name), "is no mapping; mend it")
            return
        for key, value in (said or {}).items():
            where = self.proxy.config.where(name, key)
            if key in _TAKEN[name] or value is None:
                continue
            if key in _VARIABLES[name]:
                self._variable(where, *_VARIABLES[name][key], value)
            elif reason := self._elsewhere(key, value):
                self.notes.leave(where, reason)
            else:
                self.variables.setdefault(SECTIONS[name], {})[key] = self._hidden((name, key), value)

    def _variable(self, where: str, variable: str, kind: type, value: t.Any) -> None:
        value = self.proxy.value(value)
        try:
            typed = kind(value)
        except (TypeError, ValueError):
            typed = None
        if typed is None or (variable == "litellm_routing_strategy" and typed not in _STRATEGIES):
            self.notes.leave(where, f"is nothing that {variable} takes")
        else:
            self.variables[variable] = typed

    def _elsewhere(self, key: str, value: t.Any) -> str:
        """Why a setting can't come along."""
        if key in _CODE or (key.endswith("callbacks") and _names_code(value)):
            return "names Python code, which is not in the container of the role"
        if service := self._service_in(value, key):
            return f"leads to the service {service} of the old project, which the fleet's LiteLLM does not reach"
        return ""

    def _service_in(self, value: t.Any, key: str) -> str:
        """The first service of the deployment that a setting names as a host."""
        if isinstance(value, dict):
            return next((found for name, part in value.items() if (found := self._service_in(part, str(name)))), "")
        if isinstance(value, list):
            return next((found for part in value if (found := self._service_in(part, key))), "")
        text = str(self.proxy.value(value))
        if key.endswith("host"):
            return service_of(text, self.deployment)
        return service_of(_host(text), self.deployment) if "://" in text else ""

    def _hidden(self, path: tuple[str, ...], value: t.Any) -> t.Any:
        """Secrets go into the environment; what is secret by its name alone lies one level up."""

        def replace(below: tuple[str, ...], text: str) -> str:
            if secret_parts.is_reference(text):
                return text
            return REFERENCE + hidden(self.secrets, self.proxy.environment, (path[0], *below), text)

        return secret_parts.replaced({path[1]: value}, replace)[path[1]]

    # ---- environment

    def environment(self) -> None:
        said = {**self.proxy.environment, **self.secrets}
        plain: dict[str, str] = {}
        secret: dict[str, str] = {}
        for name, value in said.items():
            if name == "LITELLM_LOG":
                self._log_level(value)
            elif name == "NUM_WORKERS" and value not in ("", "1"):
                self.notes.change(self._at(name), "is litellm_instances now, containers of one worker each")
            elif name in OWNED_ENVIRONMENT or _DROPPED.fullmatch(name) or not value:
                continue
            elif reason := self._unfit(name, value):
                self.notes.leave(self._at(name), reason)
            elif secret_parts.is_secret_name(name) or secret_parts.mask_text(value) != value:
                secret[name] = value
            else:
                plain[name] = value
        if "SERVER_ROOT_PATH" in plain:
            self.variables["litellm_read_only"] = False
        if plain:
            self.variables["litellm_environment"] = plain
        self.secrets = secret

    def _at(self, name: str) -> str:
        return self.proxy.service.at("environment", name)

    def _log_level(self, value: str) -> None:
        if value.upper() in _LOG_LEVELS:
            self.variables["litellm_log_level"] = value.upper()

    def _unfit(self, name: str, value: str) -> str:
        if not ENVIRONMENT_NAME.fullmatch(name):
            return "is no name of an environment variable to a shell"
        if _REDIS.fullmatch(name) or self._service_in(value, name.lower()):
            return (
                "leads to a service of the old project; the role redis is the fleet's own"
                if _REDIS.fullmatch(name)
                else ("leads to a service of the old project, which the fleet's LiteLLM does not reach")
            )
        if (secret_parts.is_secret_name(name) or secret_parts.mask_text(value) != value) and secret_environment(
            {name: value}
        ):
            return (
                "is a secret with white space or control characters in it; set it in litellm_secret_environment without"
            )
        return ""


def _names_code(value: t.Any) -> bool:
    return any(isinstance(one, str) and "." in one for one in (value if isinstance(value, list) else [value]))


def _host(text: str) -> str:
    try:
        return urlsplit(text).hostname or ""
    except ValueError:
        return ""
