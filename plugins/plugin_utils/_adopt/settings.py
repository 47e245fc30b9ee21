# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's settings and environment as variables of the role litellm. Pure; translate.py uses it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.environment import (
    OLD_SERVICE,
    Environment,
    is_secret,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.proxy import Proxy

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


class Settings(t.NamedTuple):
    variables: dict[str, t.Any]
    secrets: dict[str, str]  # environment of LiteLLM


def settings(proxy: Proxy, environment: Environment, secrets: dict[str, str], notes: Notes) -> Settings:
    """*secrets* are those of the model list, which more come to."""
    found = _Reading(proxy, environment, dict(secrets), notes)
    for section in SECTIONS:
        found.section(section)
    for name in proxy.config.data:
        if name not in _SECTIONS_READ:
            notes.leave(
                proxy.config.where(name),
                "the roles render no such section; declare such objects in llm_state (ansible-doc llmfleet.gateway.litellm_state)",
            )
    found.environment()
    if proxy.section("general_settings").get("store_model_in_db") is False:
        notes.change(
            proxy.config.where("general_settings", "store_model_in_db"),
            "was off; the fleet's LiteLLM takes models and credentials from the UI, too",
        )
    if "litellm_spend_logs_retention" not in found.variables:
        found.variables["litellm_spend_logs_retention"] = KEEP_LOGS
        notes.change(
            proxy.config.where("general_settings"),
            f"the log of requests was kept for ever and is kept for {KEEP_LOGS} now (litellm_spend_logs_retention)",
        )
    return Settings(found.variables, found.secrets)


class _Reading:
    def __init__(self, proxy: Proxy, environment: Environment, secrets: dict[str, str], notes: Notes) -> None:
        self.proxy, self.held, self.secrets, self.notes = proxy, environment, secrets, notes
        self.variables: dict[str, t.Any] = {}

    # ---- sections

    def section(self, name: str) -> None:
        said = self.proxy.config.data.get(name)
        if said is not None and not isinstance(said, dict):
            self.notes.fault(self.proxy.config.where(name), "is no mapping; mend it")
            return
        gone = self._gone(name, said or {})
        for key, value in (said or {}).items():
            where = self.proxy.config.where(name, key)
            if key in _TAKEN[name] or value is None:
                continue
            if key in _VARIABLES[name]:
                self._variable(where, *_VARIABLES[name][key], value)
            elif reason := gone.get(key) or self._elsewhere(key, value):
                self.notes.leave(where, reason)
            elif key.endswith(("callback", "callbacks")) and isinstance(value, list):
                self._callbacks(where, name, key, value)
            else:
                hidden = self._hidden((name, key), value)
                if hidden is not None:
                    self.variables.setdefault(SECTIONS[name], {})[key] = hidden

    def _gone(self, name: str, said: t.Mapping[str, t.Any]) -> dict[str, str]:
        """Keys that are of no use without the Redis, or another service, of the old project."""
        if name == "litellm_settings" and said.get("cache"):
            given = said.get("cache_params")
            params: dict[str, t.Any] = given if isinstance(given, dict) else {}
            redis = params.get("type", "redis") == "redis" and not {"host", "url"} & set(params)
            service = self.held.redis() if redis else ""
            reason = self.held.where_to(params, "") or (OLD_SERVICE.format(service) if service else "")
            return dict.fromkeys(("cache", "cache_params"), reason) if reason else {}
        if name == "router_settings":
            redis = {key: value for key, value in said.items() if key.startswith("redis_")}
            reason = self.held.where_to(redis, "")
            return dict.fromkeys(redis, f"{reason}; where the fleet needs a Redis it has its own") if reason else {}
        return {}

    def _callbacks(self, where: str, name: str, key: str, value: list[t.Any]) -> None:
        """Without those that are Python code beside the configuration."""
        code = [str(one) for one in value if _names_code(one)]
        kept = [one for one in value if not _names_code(one)]
        if code:
            self.notes.leave(where, f"{', '.join(code)} names Python code, which is not in the container of the role")
        if kept or not code:
            self.variables.setdefault(SECTIONS[name], {})[key] = kept

    def _variable(self, where: str, variable: str, kind: type, value: t.Any) -> None:
        value = self.proxy.value(value)
        try:
            typed = kind(value)
        except (TypeError, ValueError, OverflowError):
            typed = None
        if isinstance(value, (bool, float)) and typed != value:
            typed = None
        if typed is None or (variable == "litellm_routing_strategy" and typed not in _STRATEGIES):
            self.notes.leave(where, f"is nothing that {variable} takes")
        else:
            self.variables[variable] = typed

    def _elsewhere(self, key: str, value: t.Any) -> str:
        """Why a setting can't come along."""
        if key in _CODE or (key.endswith(("callback", "callbacks")) and isinstance(value, str) and _names_code(value)):
            return "names Python code, which is not in the container of the role"
        if reason := self.held.where_to(value, key):
            return reason
        if self.held.is_mounted(value):
            return "names a file of the old container, which the role's has not"
        return ""

    def _hidden(self, path: tuple[str, ...], value: t.Any) -> t.Any:
        """Secrets go into the environment; what is secret by its name alone lies one level up."""
        known = self.held.resolved({path[1]: value}, self._where, self.secrets, (path[0],))
        return self.held.without_secrets(known, self._where, self.secrets, (path[0],)).get(path[1])

    def _where(self, *path: t.Any) -> str:
        return self.proxy.config.where(*path)

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
            elif self.held.is_translated(name) or self.held.is_same(name) or not value:
                continue
            elif reason := self.held.why_not(name, value):
                self.notes.leave(self._at(name), reason)
            elif is_secret(name, value):
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
        elif value:
            self.notes.leave(self._at("LITELLM_LOG"), "is no level that litellm_log_level takes")


def _names_code(value: t.Any) -> bool:
    return isinstance(value, str) and "." in value
