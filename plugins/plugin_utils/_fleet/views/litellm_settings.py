# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""LiteLLM's settings as the role writes them, each with its reason; what a user says of the same name wins.

Pure and without secrets. Only views/litellm.py imports it. What they do together is measured: docs/limits.md.
"""

from __future__ import annotations

import typing as t
from collections import Counter

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.litellm_instances import pool_limit
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import edge, redis

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Settings = dict[str, t.Any]

#: Of the role's own, in the environment of the process.
REDIS_PASSWORD = "LLM_REDIS_PASSWORD"


def litellm_settings(_fleet: Fleet, host: Host) -> Settings:
    """Without enable_redis_auth_cache, which would share what is known of a key: with it /key/delete answers 503 while Redis is
    away, though it has deleted the key."""
    timeout = int(host.variables["litellm_request_timeout"])
    return {"json_logs": True, "request_timeout": timeout, "telemetry": False}


def router_settings(_fleet: Fleet, host: Host) -> Settings:
    said = host.variables
    return {
        # A retry goes to another deployment than the one that failed, where there is one (an external model beside a local
        # one). Without it the next pick may be the dead one again. A model's only deployment is tried again.
        "enable_weighted_failover": True,
        "num_retries": int(said["litellm_num_retries"]),
        "routing_strategy": str(said["litellm_routing_strategy"]),
    }


def general_settings(fleet: Fleet, host: Host) -> Settings:
    said = host.variables
    found: Settings = {
        # A client that leaves frees its place; LiteLLM does that by itself for streams only.
        "cancel_on_disconnect": True,
        "database_connection_pool_limit": pool_limit(host, host.litellm_processes),
        "maximum_spend_logs_retention_period": str(said["litellm_spend_logs_retention"]),
        "proxy_batch_write_at": int(said["litellm_batch_write_at"]),
        **_admission(int(said["litellm_max_in_flight"])),
    }
    where = redis.where(fleet, host)
    if where:
        # By name, so that a mistake in it is an error at the start; variables REDIS_… alone are given up in silence.
        found["coordination_redis"] = {
            "host": where.host,
            "port": where.port,
            "password": f"os.environ/{REDIS_PASSWORD}",
            # A request waits that long for a Redis that hangs, until LiteLLM goes on without it. Of its own it waits 5 s.
            "socket_timeout": 1.0,
            **({"ssl": True} if where.ssl else {}),
        }
        # For who turns on background_health_checks: one instance asks for all. They are off, since each costs tokens.
        found["use_shared_health_check"] = True
    if host.litellm_processes > 1:
        # While releases overlap, the newer one changes tables under the older one, whose prepared statements then fail.
        found["database_disable_prepared_statements"] = True
        # Seconds that an instance believes what it knows of a key. A blocked one is called out to the others through Redis,
        # a deleted one is not, and without Redis neither is.
        found["user_api_key_cache_ttl"] = 1
    return found


def _admission(most: int) -> Settings:
    """More requests than that at once are answered with 503 and retry-after, and don't fill the memory until all of them fail."""
    if not most:
        return {}
    return {
        "admission_queue_timeout_seconds": 1.0,
        "max_in_flight_requests_per_worker": most,
        "max_queued_requests_per_worker": most // 5,
    }


def kept_open(models: t.Sequence[Settings]) -> list[Settings]:
    """LiteLLM closes a deployment for some seconds after an answer such as 404, which one client's mistake can bring about.
    Where a name has no other deployment that helps nobody, so it stays open for the rest."""
    count = Counter(model["model_name"] for model in models)
    alone = {"cooldown_time": 0}
    return [
        {**model, "model_info": {**alone, **(model.get("model_info") or {})}}
        if count[model["model_name"]] == 1
        else model
        for model in models
    ]


#: By the part of config.yaml.
OWN: dict[str, t.Callable[[Fleet, Host], Settings]] = {
    "litellm_settings": litellm_settings,
    "router_settings": router_settings,
    "general_settings": general_settings,
}


def environment(said: t.Mapping[str, t.Any], migrates: bool) -> dict[str, str]:
    """Variables of the container. HOME stays the image's: what its database client needs is below it. What is written goes
    to memory."""
    found = {
        "DOCS_URL": "/docs",
        # Edge and gate keep connections for two minutes. Who closes an idle one first must be who opened it: a request that
        # meets the closing is lost.
        "KEEPALIVE_TIMEOUT": "180",
        "LITELLM_LOCAL_MODEL_COST_MAP": "True",
        "LITELLM_LOG": str(said["litellm_log_level"]),
        "LITELLM_MIGRATION_DIR": "/tmp/migrations",
        "LITELLM_MODE": "PRODUCTION",
        "LOGNAME": "litellm",
        "NPM_CONFIG_CACHE": "/tmp/npm",
        # A key is looked up once a second, and on a busy host (vLLM imports for a minute) an answer of the database may take
        # longer than the 10 s of LiteLLM's own: a client would rather wait than be refused.
        "PROXY_DB_LOOKUP_DEADLINE_SECONDS": "60",
        # Seconds until LiteLLM asks again whether a Redis that was away is back; each process counts alone meanwhile.
        "REDIS_CIRCUIT_BREAKER_RECOVERY_TIMEOUT": "5",
        # Rows of spend wait in memory, where a kill finds them. By itself LiteLLM writes them less and less often, down to every
        # 30 s, while fewer than 100 wait; so every second while there is one.
        "SPEND_LOG_QUEUE_POLL_INTERVAL": "1",
        "SPEND_LOG_QUEUE_SIZE_THRESHOLD": "1",
        "STORE_MODEL_IN_DB": "True",
        "USER": "litellm",
        "XDG_CACHE_HOME": "/tmp/cache",
    }
    if said["llm_domain"]:
        # Its UI and single sign-on send browsers there; by the request it would be the plain HTTP behind the edge.
        found["PROXY_BASE_URL"] = edge.url(said)
    # One instance of the fleet migrates the database.
    return found if migrates else {**found, "DISABLE_SCHEMA_UPDATE": "True"}
