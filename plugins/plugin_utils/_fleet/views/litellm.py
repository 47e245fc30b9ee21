# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role litellm reads: the Compose project of each LiteLLM instance of a host, with config.yaml's content.

Pure and without secrets: the environment file is filled from the variables that `environment_from` names; secrets that can't be
moved there are the plan's refusals. Only _fleet/views/__init__.py imports it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes, prices, routing
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.ordered import ordered
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import gate, litellm_settings, redis
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import (
    LOCKED_DOWN,
    bracketed,
    mount,
    secret_folders,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.config_secrets import Moved, Place, move

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Said = t.Mapping[str, t.Any]

PREFIX = "llmfleet-litellm-"
#: The service's name in every project, and so its name in the networks.
SERVICE = "litellm"
FORMER_PROJECT = "litellm"
#: Port inside the container.
CONTAINER_PORT = 4000
#: Its temporary files, migrations included, are memory of the host.
TEMPORARY = "/tmp:mode=1777,size=1g"
PROBE = ["python3", "/etc/llmfleet/probe.py"]
HINT = "Restore the database from the backup made before, set litellm_version back, and run again."
#: General settings that say where Redis is, or need it.
OF_REDIS = ("coordination_redis", "use_redis_transaction_buffer", "use_shared_health_check")
#: Parts of config.yaml that a variable of the same meaning is merged into, and the prefix of their secrets' names.
SETTINGS = {
    "litellm_settings": ("litellm_settings", "LLM_LITELLM_SETTINGS"),
    "router_settings": ("litellm_router_settings", "LLM_ROUTER_SETTINGS"),
    "general_settings": ("litellm_general_settings", "LLM_GENERAL_SETTINGS"),
}


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    config, environment, faults = configuration(fleet, host)
    numbers = range(1, fleet.litellm[host.name] + 1)
    return {
        "projects": [project(number, fleet, host, config) for number in numbers],
        "gate_servers": {f"{PREFIX}{number}": _gate_server(number) for number in numbers},
        "prune_prefix": PREFIX,
        "wait_timeout": int(host.variables["litellm_wait_timeout"]),
        "environment_from": environment,
        "probes": _probes(fleet),
        "redis": redis.where(fleet, host) is not None,
        "salt": salt(fleet, host),
        "rehearsal": rehearsal(fleet, host, config),
        "plan": {"refusals": faults},
    }


def _probes(fleet: Fleet) -> list[dict[str, t.Any]]:
    """What the playbook probe asks each model through LiteLLM, from inside of its first container."""
    found = {instance["model_name"]: instance["model_info"] for instance in fleet.serving}
    asked = {"container": f"{PREFIX}1", "url": f"http://127.0.0.1:{CONTAINER_PORT}/v1"}
    return [{"name": name, **asked, "model": name, **modes.checks(info)} for name, info in found.items()]


def _gate_server(number: int) -> dict[str, str]:
    """By which names the gate knows an instance, for who rolls them."""
    return {"backend": gate.LITELLM_BACKEND, "server": str(number)}


def project(number: int, fleet: Fleet, host: Host, config: dict[str, t.Any]) -> dict[str, t.Any]:
    said = host.variables
    name = f"{PREFIX}{number}"
    return {
        "name": name,
        "project_dir": f"{fleet.root}/litellm/{number}",
        "state": "present",
        "directories": secret_folders("mounted"),
        "files": _files(said),
        "networks": _made_networks(fleet, host),
        "hooks": [_hook(fleet)],
        "forward_only": [SERVICE],
        "forward_only_hint": HINT,
        "replaces": [{"project": FORMER_PROJECT, "project_dir": f"{fleet.root}/litellm", "service": SERVICE}]
        if number == 1
        else [],
        "vars": {
            "litellm_instance": {
                "compose": compose(number, fleet, host),
                "config": config,
                "database": database(said),
                "migrates": migrates(number, fleet, host),
                "vllm_key": bool(fleet.instances),
            }
        },
    }


def _hook(fleet: Fleet) -> dict[str, t.Any]:
    """Health says nothing of the key between LiteLLM, the gate and vLLM, so one instance of each model is asked."""
    question = [*PROBE, "readiness", *dict.fromkeys(instance["url"] for instance in fleet.serving)]
    return {
        "service": SERVICE,
        "description": "LiteLLM is ready, its database connected, its key taken by the gate and vLLM",
        "command": question,
        "check_command": question,
    }


def _files(said: Said) -> list[dict[str, t.Any]]:
    return [
        {"path": "compose.yml", "src": "compose.yml.j2"},
        {"path": "config.yaml", "src": "config.yaml.j2", "services": [SERVICE]},
        {"path": "entrypoint.sh", "src": "../files/entrypoint.sh", "services": [SERVICE]},
        {"path": "probe.py", "src": "../files/probe.py", "services": [SERVICE]},
        {
            "path": "secrets/mounted/environment",
            "src": "environment.j2",
            "secret": True,
            "mode": "0600",
            "owner": str(said["litellm_uid"]),
            "group": str(said["litellm_gid"]),
            "services": [SERVICE],
        },
    ]


def migrates(number: int, fleet: Fleet, host: Host) -> bool:
    """One instance of the fleet brings the database to its release, and the others start after it."""
    return number == 1 and host.name == fleet.gateways[0]


# ---- config.yaml


def configuration(fleet: Fleet, host: Host) -> tuple[dict[str, t.Any], dict[str, Place], list[str]]:
    """config.yaml without secrets, where the secrets come from, and what can't be kept out of it."""
    external = [_external(entry, index) for index, entry in enumerate(fleet.external_models)]
    settings = {name: _settings(name, fleet, host) for name in SETTINGS}
    parts = [*external, *settings.values()]
    models = [*_local_models(fleet), *(part.value for part in external)]
    config = {
        "model_list": litellm_settings.kept_open(models),
        **{name: part.value for name, part in settings.items()},
    }
    environment = {name: place for part in parts for name, place in part.environment.items()}
    return config, environment, [fault for part in parts for fault in part.faults]


def _local_models(fleet: Fleet) -> list[dict[str, t.Any]]:
    """One deployment a model: its replicas are the gate's business, so one more or less is no change here."""
    found: dict[str, t.Mapping[str, t.Any]] = {}
    for instance in fleet.serving:
        found.setdefault(instance["model_name"], instance)
    return [routing.preferred(_local(instance, fleet), fleet) for instance in found.values()]


def _local(instance: t.Mapping[str, t.Any], fleet: Fleet) -> dict[str, t.Any]:
    name = instance["model_name"]
    params = {"model": f"hosted_vllm/{name}", "api_base": instance["url"], "api_key": "os.environ/VLLM_API_KEY"}
    entry = next((one for one in fleet.variable("llm_models") if one["name"] == name), {"name": name})
    return {
        "model_name": name,
        "litellm_params": {**params, **prices.costs(entry, fleet.variable("llm_gpu_hour_price"))},
        "model_info": ordered(instance["model_info"]),
    }


def _external(entry: t.Mapping[str, t.Any], index: int) -> Moved:
    moved = move(dict(entry), ["llm_external_models", index], f"LLM_EXTERNAL_{index}")
    rest = {key: value for key, value in moved.value.items() if key not in ("name", "litellm_params", *routing.KEYS)}
    params = ordered(moved.value["litellm_params"])
    return moved._replace(value={"model_name": entry["name"], "litellm_params": params, **ordered(rest)})


def _settings(name: str, fleet: Fleet, host: Host) -> Moved:
    variable, prefix = SETTINGS[name]
    moved = move(host.variables[variable], [variable], prefix)
    own = litellm_settings.OWN[name](fleet, host)
    return moved._replace(value={**own, **routing.settings(name, fleet), **ordered(moved.value)})


# ---- database


def database(said: Said) -> dict[str, t.Any]:
    """The database's URL around user and password, which are put there by the template that writes the environment: the user may
    follow from the password."""
    options = said["litellm_database_options"]
    where = (
        f"{bracketed(said['litellm_database_host'])}:{said['litellm_database_port']}/{said['litellm_database_name']}"
    )
    return {
        "user": str(said["litellm_database_user"]),
        "own": _own_database(said),
        "after": f"@{where}" + (f"?{options}" if options else ""),
    }


def _own_database(said: Said) -> bool:
    """Whether the role postgres makes the logins of this database, one for each password."""
    ours = ("postgres", said["postgres_publish_address"])
    known = said["litellm_database_host"] in ours and said["litellm_database_user"] == said["postgres_user"]
    return bool(known and said["postgres_mode"] == "deploy")


def salt(fleet: Fleet, host: Host) -> dict[str, list[str]]:
    """How stored_values.py runs beside the instances: a container that ends by itself, in the database's network."""
    said = host.variables
    folder = f"{fleet.root}/litellm/1/secrets/mounted"
    return {
        "command": [
            *("docker", "run", "--rm", "--interactive", "--pull", "never"),
            *("--network", str(said["litellm_database_network"] or said["litellm_network"])),
            *("--user", f"{said['litellm_uid']}:{said['litellm_gid']}", "--read-only", "--tmpfs", TEMPORARY),
            *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--entrypoint", "python3"),
        ],
        "running": ["--volume", f"{folder}:/run/llmfleet:ro"],
        "image": [str(said["litellm_image"])],
    }


def rehearsal(fleet: Fleet, host: Host, config: dict[str, t.Any]) -> dict[str, t.Any]:
    """How a LiteLLM runs on a copy of the database (plugin_utils/_backup/rehearsal.py): as the first instance, without Redis, which is
    not there, counting at once, and with models that it answers for by itself."""
    said = host.variables
    parts = {**config, "litellm_settings": {**config["litellm_settings"]}}
    parts["model_list"] = [
        {**one, "litellm_params": {**one["litellm_params"], "mock_response": "Yes."}} for one in config["model_list"]
    ]
    parts["router_settings"] = {
        name: value for name, value in config["router_settings"].items() if not name.startswith("redis")
    }
    parts["general_settings"] = {
        name: value for name, value in config["general_settings"].items() if name not in OF_REDIS
    } | {"proxy_batch_write_at": 1}
    for name in ("cache", "cache_params"):
        parts["litellm_settings"].pop(name, None)
    return {
        "after": str(said["litellm_image"]),
        "user": f"{said['litellm_uid']}:{said['litellm_gid']}",
        "folder": f"{fleet.root}/litellm/1",
        "config": parts,
        "environment": _environment(said, True),
        "seconds": int(said["litellm_wait_timeout"]),
    }


# ---- the container


def compose(number: int, fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """The project's compose file."""
    networks = {short: {"name": network, "external": True} for short, network in _networks(fleet, host)}
    services = {SERVICE: service(number, fleet, host)}
    return {"name": f"{PREFIX}{number}", "services": services, "networks": networks}


def service(number: int, fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """By Compose's names."""
    said, name = host.variables, f"{PREFIX}{number}"
    found: dict[str, t.Any] = {
        "image": str(said["litellm_image"]),
        "container_name": name,
        "labels": {"io.llmfleet.project": name},
        "restart": "unless-stopped",
        "init": True,
        **LOCKED_DOWN,
        "user": f"{said['litellm_uid']}:{said['litellm_gid']}",
        "read_only": bool(said["litellm_read_only"]),
        "tmpfs": [TEMPORARY],
        "pids_limit": int(said["litellm_pids_limit"]),
        "stop_grace_period": str(said["litellm_stop_grace_period"]),
        "entrypoint": ["/bin/sh", "/etc/llmfleet/entrypoint.sh"],
        # One worker: each would count limits for itself.
        "command": ["--config", "/etc/llmfleet/config.yaml", "--host", "0.0.0.0", "--port", str(CONTAINER_PORT)],
        "environment": _environment(said, migrates(number, fleet, host)),
        "volumes": _volumes(),
        "networks": [network for network, _name in _networks(fleet, host)],
        "healthcheck": _healthcheck(said),
    }
    if said["litellm_memory_limit"]:
        found["mem_limit"] = str(said["litellm_memory_limit"])
    return found


def _environment(said: Said, migrating: bool) -> dict[str, str]:
    own = litellm_settings.environment(said, migrating)
    return {**own, **ordered({name: str(value) for name, value in said["litellm_environment"].items()})}


def _volumes() -> list[dict[str, t.Any]]:
    files = [mount(f"./{name}", f"/etc/llmfleet/{name}") for name in ("config.yaml", "entrypoint.sh", "probe.py")]
    return [*files, mount("./secrets/mounted", "/run/llmfleet")]


def _healthcheck(said: Said) -> dict[str, t.Any]:
    return {
        "test": ["CMD", *PROBE, "liveliness"],
        "interval": "30s",
        "timeout": "10s",
        "retries": 5,
        "start_period": str(said["litellm_start_period"]),
        "start_interval": "2s",
    }


# ---- networks


def _networks(fleet: Fleet, host: Host) -> list[tuple[str, str]]:
    """Names in the compose file and Docker's: LiteLLM's own, which the gate is in too, the database's and that of Redis."""
    said = host.variables
    found = [("fleet", str(said["litellm_network"]))]
    if said["litellm_database_network"]:
        found.append(("database", str(said["litellm_database_network"])))
    shared = redis.where(fleet, host)
    if shared and shared.network:
        found.append(("redis", shared.network))
    return found


def _made_networks(fleet: Fleet, host: Host) -> list[dict[str, t.Any]]:
    said = host.variables
    found: list[dict[str, t.Any]] = [{"name": str(said["litellm_network"])}]
    if said["litellm_database_network"]:
        found.append({"name": str(said["litellm_database_network"]), "internal": True})
    shared = redis.where(fleet, host)
    if shared and shared.network:
        found.append({"name": shared.network, "internal": True})
    return found
