# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role vllm takes, and the variables of a GPU server that the whole fleet reads."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration import names, secrets, values
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.declaration.finding import (
    Place,
    Relation,
    Rule,
    shown,
)

#: Lets anyone who reaches the port run code in the engine (/collective_rpc), without a key.
DEV_MODE = "VLLM_SERVER_DEV_MODE"
#: Environment variables that come from variables of their own, and from which.
OWNED_ENVIRONMENT = {
    "HF_ENDPOINT": "vllm_hf_endpoint",
    "HF_HOME": "vllm_models_dir",
    "HF_TOKEN": "vllm_hf_token",
    "HUGGING_FACE_HUB_TOKEN": "vllm_hf_token",
    "VLLM_API_KEY": "vllm_api_key",
    "VLLM_PREVIOUS_API_KEY": "vllm_previous_api_key",
}


def _dev_mode(value: t.Mapping[t.Any, t.Any]) -> str:
    if str(value.get(DEV_MODE, "0")).strip().lower() in ("0", "", "false"):
        return ""
    return f"{DEV_MODE} opens requests that run code in vLLM without a key; take it out"


def _owned(value: t.Mapping[t.Any, t.Any]) -> str:
    found = [name for name in value if name in OWNED_ENVIRONMENT]
    return f"{found[0]} is set through {OWNED_ENVIRONMENT[found[0]]}; take it out" if found else ""


#: Environment of vLLM's containers, which stands in files that others read; also that of one model in llm_models.
environment: Rule = values.every(
    names.environment, _dev_mode, _owned, secrets.no_secrets("move it into vllm_secret_environment")
)


def _share(value: t.Any) -> str:
    try:
        fine = 0 < float(value) <= 1
    except ValueError:
        fine = False
    return (
        ""
        if fine
        else f"{shown(value)} is no share of a GPU's memory; write a number above 0 and at most 1, or leave it empty"
    )


def _own_network(place: Place) -> t.Iterator[tuple[str, str]]:
    if place.values.get("vllm_host_network") and "gateways" in place.groups:
        yield (
            "vllm_host_network",
            "is true, but the host is a gateway too, and LiteLLM reaches instances on its own host through Docker's network;"
            " write false, or take the host out of one of the two groups",
        )


def _two_keys(place: Place) -> t.Iterator[tuple[str, str]]:
    """vLLM reads several as arguments of an option, where one that looks like another option ends them."""
    names_of_keys = ("vllm_api_key", "vllm_previous_api_key")
    keys = {name: str(place.values.get(name) or "") for name in names_of_keys}
    for name in names_of_keys if all(keys.values()) else ():
        if keys[name].startswith("-"):
            yield name, "begins with -, which vLLM takes for an option while there are two keys; choose another new key"


def _memory(place: Place) -> t.Iterator[tuple[str, str]]:
    """Of the GPUs of a host, one number or one for each."""
    declared = place.values.get("llm_gpu_memory_gib")
    if declared in (None, "") or not place.gpus:
        return
    listed = declared if isinstance(declared, (list, tuple)) else [declared] * place.gpus
    try:
        sizes = [float(value) for value in listed]
    except (TypeError, ValueError):
        sizes = []
    if len(sizes) != place.gpus or not all(0 < size < float("inf") for size in sizes):
        yield (
            "llm_gpu_memory_gib",
            f"is {_numbers(declared)}; write the usable GiB of each GPU, one number or {place.gpus} of them (llm_gpu_count)",
        )


def _numbers(value: t.Any) -> str:
    return f"a list of {len(value)}" if isinstance(value, (list, tuple)) else shown(value)


_capability = values.matching(re.compile(r"[A-Z][A-Z_]+"), "capability", "IPC_LOCK, without CAP_")
_user = values.matching(re.compile(r"[0-9]+:[0-9]+"), "user with its group", "0:0, as numbers")


def _media_domain(value: t.Any) -> str:
    return "" if value == "*" else values.host(value)


VLLM: dict[str, Rule] = {
    "vllm_version": values.version,
    "vllm_image": names.image,
    "vllm_models_dir": values.path,
    "vllm_cache_dir": values.optional(values.path),
    "vllm_allowed_media_domains": values.each(_media_domain),
    "vllm_cap_add": values.each(_capability),
    "vllm_download_user": _user,
    "vllm_memory_limit": values.optional(values.docker_size),
    "vllm_probe_seconds": values.between(1),
    "vllm_pids_limit": values.between(1),
    "vllm_api_key": secrets.of_length(16, secrets.header),
    "vllm_previous_api_key": values.optional(secrets.of_length(16, secrets.header)),
    "vllm_hf_token": secrets.hub_token,
    "vllm_hf_endpoint": values.repository_url,
    "vllm_gpu_memory_utilization": values.optional(_share),
    "vllm_port_base": values.unprivileged_port,
    "vllm_publish_address": values.optional(values.address),
    "vllm_network": values.optional(names.network_name),
    "vllm_shm_size": values.docker_size,
    "vllm_shutdown_timeout": values.between(0),
    "vllm_start_period": values.compose_duration,
    "vllm_network_check_timeout": values.between(5, 600),
    "vllm_wait_timeout": values.between(1),
    "vllm_ulimits": names.ulimits,
    "vllm_environment": environment,
    "vllm_secret_environment": values.every(names.environment, _dev_mode, _owned, secrets.secret_environment),
    "vllm_uid": values.uid,
    "vllm_gid": values.uid,
}
VLLM_RELATIONS: tuple[Relation, ...] = (_own_network, _two_keys)


def _kinds_of_gpu(value: t.Mapping[t.Any, t.Any]) -> str:
    wrong = [
        name
        for name, size in value.items()
        if isinstance(size, bool) or not isinstance(size, (int, float)) or size <= 0
    ]
    if not wrong:
        return ""
    return f"{names.listed(wrong)} has no memory; write usable GiB of each kind of GPU, such as {{RTX 4090: 23.55}}"


_long_secret = values.optional(secrets.of_length(32))
_REPLICAS = values.matching(re.compile(r"[0-9]+%?"), "number of replicas", "1 or 50%")

FLEET: dict[str, Rule] = {
    "llm_key_secret": _long_secret,
    "llm_ca_key": _long_secret,
    "llm_ca_next_key": _long_secret,
    "llm_ca_previous_key": _long_secret,
    "llm_plan_gpus": _kinds_of_gpu,
    "llm_gpu_count": values.between(0, 64),
    "llm_gpu_hour_price": values.between(0),
    "llm_private_address": values.optional(values.reachable_address),
    "llm_project_root": values.own_path,
    "llm_rollout_batch": values.matching(re.compile(r"[1-9][0-9]*%?"), "number of instances", "1 or 25%"),
    "llm_rollout_min_ready": values.optional(_REPLICAS),
    "llm_rollout_min_ready_by_model": lambda value: values.each(_REPLICAS)(value.values()),
    "llm_rollout_drain_timeout": values.between(1),
    "llm_canary_seconds": values.between(0),
}
FLEET_RELATIONS: tuple[Relation, ...] = (_memory,)


def warnings(place: Place) -> t.Iterator[tuple[str, str]]:
    """What is allowed and deserves a thought: some requests to vLLM need no key."""
    for name in ("vllm_publish_address", "llm_private_address"):
        if values.is_public(place.values.get(name)):
            yield (
                name,
                "is a public address, and vLLM answers some requests without a key; let only the gateways through to it",
            )
