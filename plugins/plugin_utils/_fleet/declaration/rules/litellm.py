# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the roles litellm and gateway_state take."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import (
    names,
    releases,
    secrets,
    values,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import (
    Place,
    Relation,
    Rule,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.state import key_store_faults
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import config_secrets

#: Environment variables that come from variables of their own, and from which.
OWNED_ENVIRONMENT = {
    "DATABASE_URL": "litellm_database_host and the others of the database",
    "LITELLM_LOG": "litellm_log_level",
    "LITELLM_MASTER_KEY": "litellm_master_key",
    "LITELLM_SALT_KEY": "litellm_salt_key",
    "LLM_REDIS_PASSWORD": "redis_password",
    "UI_PASSWORD": "litellm_ui_password",
    "UI_USERNAME": "litellm_ui_username",
    "VLLM_API_KEY": "vllm_api_key",
}


def _owned(value: t.Mapping[t.Any, t.Any]) -> str:
    found = [name for name in value if name in OWNED_ENVIRONMENT]
    return f"{found[0]} is set through {OWNED_ENVIRONMENT[found[0]]}; take it out" if found else ""


def _options(value: t.Any) -> str:
    if re.fullmatch(r"[A-Za-z_]+=[^\s&=]*(?:&[A-Za-z_]+=[^\s&=]*)*", str(value)):
        return ""
    return "is no list of options; write one such as sslmode=require&connect_timeout=10"


def _kept_out(variable: str) -> Rule:
    """Secrets at any depth go into the environment, except where LiteLLM reads none there."""
    return lambda value: "; ".join(config_secrets.move(value, [variable], "").faults)


def _key_store(value: t.Any) -> str:
    return "; ".join(key_store_faults(value))


def _release(place: Place) -> t.Iterator[tuple[str, str]]:
    version, image = (str(place.values.get(name) or "") for name in ("litellm_version", "litellm_image"))
    of_version = releases.refusal(version, "")
    if of_version:
        yield "litellm_version", of_version
    elif refused := releases.refusal("", image):
        yield "litellm_image", refused


def _key_places(place: Place) -> t.Iterator[tuple[str, str]]:
    if place.values.get("gateway_state_key_directory") and place.values.get("gateway_state_key_store"):
        yield "gateway_state_key_store", "is given beside gateway_state_key_directory; keep one of the two"


LITELLM: dict[str, Rule] = {
    "litellm_version": values.version,
    "litellm_image": names.image,
    "litellm_uid": values.uid,
    "litellm_gid": values.uid,
    "litellm_master_key": secrets.master_key,
    "litellm_salt_key": secrets.of_length(16),
    "litellm_ui_username": values.not_empty,
    "litellm_ui_password": secrets.of_length(12),
    "litellm_publish_address": values.address,
    "litellm_port": values.port,
    "litellm_database_host": values.host,
    "litellm_database_port": values.port,
    "litellm_database_name": values.not_empty,
    "litellm_database_user": values.not_empty,
    "litellm_database_password": secrets.plain,
    "litellm_database_options": values.optional(_options),
    "litellm_database_network": values.optional(names.network_name),
    "litellm_network": names.network_name,
    "litellm_instances": values.between(0, 64),
    "litellm_max_in_flight": values.between(0),
    "litellm_database_connection_pool_limit": values.between(0, 10000),
    "litellm_max_connections": values.between(1),
    "litellm_batch_write_at": values.between(1),
    "litellm_spend_logs_retention": values.litellm_duration,
    "litellm_request_timeout": values.between(1),
    "litellm_num_retries": values.between(0),
    "litellm_settings": _kept_out("litellm_settings"),
    "litellm_router_settings": _kept_out("litellm_router_settings"),
    "litellm_general_settings": _kept_out("litellm_general_settings"),
    "litellm_environment": values.every(
        names.environment, _owned, secrets.no_secrets("move it into litellm_secret_environment")
    ),
    "litellm_secret_environment": values.every(names.environment, _owned, secrets.secret_environment),
    "litellm_start_period": values.compose_duration,
    "litellm_memory_limit": values.optional(values.docker_size),
    "litellm_pids_limit": values.between(1),
    "litellm_wait_timeout": values.between(1),
    "litellm_stop_grace_period": values.compose_duration,
}
LITELLM_RELATIONS: tuple[Relation, ...] = (_release,)

STATE: dict[str, Rule] = {
    "gateway_state_api_key": values.optional(secrets.header),
    "gateway_state_api_url": values.optional(values.repository_url),
    "gateway_state_owner": values.not_empty,
    "gateway_state_export_file": values.not_empty,
    "gateway_state_export_owner": values.one_line,
    "gateway_state_key_directory": values.optional(values.path),
    "gateway_state_key_store": _key_store,
    "gateway_state_workers": values.between(1, 64),
}
STATE_RELATIONS: tuple[Relation, ...] = (_key_places,)
