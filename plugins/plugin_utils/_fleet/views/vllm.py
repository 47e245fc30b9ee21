# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role vllm reads: one Compose project for each instance of a host, complete, so that its templates only print.

Pure and without secrets: the templates take those from the role's variables. Only _fleet/views/__init__.py imports it.
"""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes, readings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.instances import proof_url
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views import vllm_networks
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import (
    LOCKED_DOWN,
    directory,
    duration,
    mount,
    secret_folders,
)
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.engine_questions import engine_questions
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.network_check import network_checks
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.weights import (
    MODELS,
    SECRETS,
    apart,
    download_service,
    download_user,
    downloads,
    is_hub,
    is_path,
)

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Instance = t.Mapping[str, t.Any]
Said = t.Mapping[str, t.Any]

PREFIX = "llmfleet-vllm-"
#: The service's name in every project.
SERVICE = "vllm"
#: What the release before had instead: one project with a service an instance.
FORMER_PROJECT = "vllm"
#: Where an instance keeps what it may write. HOME too, and nothing else of the container's file system.
CACHE = "/cache"
LOCKS = "/run/llmfleet/locks"
#: A name that no server can have (RFC 2606): vLLM takes an empty list of domains for all of them.
NO_DOMAIN = "nothing.invalid"
#: Seconds that an instance which comes first on a GPU has to begin, after a restart of the engine.
PATIENCE = 60
#: What a changed instance has to answer before requests go to it, and how long that may take.
PROOF, PROOF_SECONDS = "ask.py", 400
#: What start.py imports where a replica has several nodes.
NODES = "nodes.py"
#: The file of secrets that a container takes into its environment.
SECRET_FILE = "environment.json"


def view(fleet: Fleet, host: Host) -> dict[str, t.Any]:
    own = [instance for instance in fleet.instances if instance["server"] == host.name]
    serving = [instance for instance in own if not instance["rank"]]
    projects = [project(instance, fleet.root, host) for instance in own]
    # Of the release before, also what is not declared any more; where no instance is left, the whole of it.
    former = {"project": FORMER_PROJECT, "project_dir": f"{fleet.root}/vllm"}
    gone = {"name": "llmfleet-vllm", "project_dir": former["project_dir"], "state": "absent", "replaces": []}
    projects = projects or [gone]
    projects[0]["replaces"].append(former)
    return {
        "projects": projects,
        "prune_prefix": PREFIX,
        "wait_timeout": int(host.variables["vllm_wait_timeout"]),
        "closed_models": closed_models(own, host),
        "network_checks": network_checks(fleet, host),
        **engine_questions([{**one, "options": _options(one, host.variables)} for one in own], fleet, host),
        "ray": [{"project": one["project"], "image": one["image"]} for one in own if one.get("ray")],
        "figures": [_figures(instance) for instance in serving],
        "probes": [_probe(instance) for instance in serving],
        "figures_differ": set(_known(host)) != {instance["name"] for instance in serving},
    }


def _known(host: Host) -> t.Mapping[str, t.Any]:
    """Figures of instances that came up here before, by name."""
    return readings.figures((host.facts.get("figures") or {}).get("instances"))


def closed_models(own: t.Iterable[Instance], host: Host) -> list[str]:
    """Repositories that may refuse, of instances that never came up here: asked before an image is pulled, so that a
    missing licence costs seconds."""
    if host.variables["vllm_offline"]:
        return []
    new = [instance for instance in own if instance["name"] not in _known(host) and is_hub(instance["model"])]
    return sorted({one["model"] for one in new if one["gated"] or host.variables["vllm_hf_token"]})


def _figures(instance: Instance) -> dict[str, t.Any]:
    """What the module vllm_figures compares with the log of an instance."""
    return {
        "name": instance["name"],
        "container": instance["container"],
        "plan": instance["plan"] or {},
        "max_num_seqs": instance["options"].get("max-num-seqs"),
    }


def _probe(instance: Instance) -> dict[str, t.Any]:
    """What the module model_probe tries of an instance once it has come up, from inside of its container."""
    return {
        "name": instance["name"],
        "container": instance["container"],
        "url": proof_url(instance),
        "model": instance["model_name"],
        **modes.checks(instance["model_info"]),
    }


def project(instance: Instance, root: str, host: Host) -> dict[str, t.Any]:
    """One entry of compose_project's list."""
    said = host.variables
    fetched = downloads(instance) if apart(said) else []
    return {
        "name": instance["project"],
        "project_dir": instance["project_dir"],
        "state": "present",
        "directories": _directories(instance, root, said, bool(fetched)),
        "files": _files(instance, said, bool(fetched)),
        "networks": vllm_networks.shared_network(instance, said),
        # A node without an API is well while its head is.
        "hooks": [] if instance["rank"] else [_hook(instance)],
        "attach_containers": vllm_networks.attached(instance, said),
        "replaces": [{"project": FORMER_PROJECT, "project_dir": f"{root}/vllm", "service": instance["name"]}],
        "vars": {
            "vllm_instance": {
                "compose": compose(instance, root, said, fetched),
                "options": _options(instance, said),
                "turn": _turn(instance, said),
                "server_has_token": bool(said["vllm_hf_token"]) and not fetched and not said["vllm_offline"],
            }
        },
    }


def compose(instance: Instance, root: str, said: Said, fetched: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """The project's compose file."""
    services = {SERVICE: service(instance, root, said, bool(fetched))}
    if fetched:
        services["download"] = download_service(instance, said, fetched)
    networks = vllm_networks.networks(instance, said)
    return {"name": instance["project"], "services": services, **({"networks": networks} if networks else {})}


# ---- files and directories


def _directories(instance: Instance, root: str, said: Said, fetching: bool) -> list[dict[str, t.Any]]:
    shared = [directory(f"{root}/locks/{name}") for name in _lock_names(instance)]
    found = [
        *secret_folders("serve", *(["download"] if fetching else [])),
        directory(
            cache_dir(instance, said).removeprefix(f"{instance['project_dir']}/"),
            "0700",
            said["vllm_uid"],
            said["vllm_gid"],
        ),
        directory(said["vllm_models_dir"]),
    ]
    return [*found, *shared]


def cache_dir(instance: Instance, said: Said) -> str:
    """Each instance has its own: vLLM loads what it finds there without a check, and some of that is code."""
    elsewhere = said["vllm_cache_dir"]
    return f"{elsewhere}/{instance['name']}" if elsewhere else f"{instance['project_dir']}/cache"


def _lock_names(instance: Instance) -> list[str]:
    if not instance["gpus"]:
        return []
    ready = [f"ready-{name}" for name in (instance["name"], *instance["start_after"])]
    return [f"gpu-{gpu}" for gpu in sorted(instance["gpus"])] + ready


def _files(instance: Instance, said: Said, fetching: bool) -> list[dict[str, t.Any]]:
    nodes = {"path": NODES, "src": f"../files/{NODES}", "services": [SERVICE]}
    found: list[dict[str, t.Any]] = [
        {"path": "compose.yml", "src": "compose.yml.j2"},
        {"path": "instance.yaml", "src": "instance.yaml.j2", "services": [SERVICE]},
        {"path": "start.py", "src": "../files/start.py", "services": [SERVICE]},
        *([nodes] if instance["unit"] else []),
        # Of no service: a neighbour that comes or goes is no reason to start an instance anew.
        {"path": "turn.json", "src": "turn.json.j2"},
        _secret("serve", SECRET_FILE, said["vllm_uid"], said["vllm_gid"], SERVICE),
        # Of no service either: it is read from standard input.
        {"path": PROOF, "src": f"../files/{PROOF}"},
        # The same key for people and programs on the host; the container doesn't need it.
        {"path": "secrets/api_key", "src": "api_key.j2", "secret": True, "mode": "0600"},
    ]
    if not fetching:
        return found
    user, group = download_user(said)
    return [
        *found,
        {"path": "download.py", "src": "../files/download.py", "services": ["download"]},
        _secret("download", SECRET_FILE, user, group, "download"),
    ]


def _hook(instance: Instance) -> dict[str, t.Any]:
    """A server that says that it is healthy need not answer; one that does not is put back as it was."""
    ask = ["python3", "-", proof_url(instance), instance["model_name"]]
    return {
        "service": SERVICE,
        "description": f"{instance['model_name']} answers a request",
        "command": ask,
        "check_command": ask,
        "stdin_file": PROOF,
        "timeout": PROOF_SECONDS,
    }


def _secret(folder: str, name: str, user: t.Any, group: t.Any, reader: str) -> dict[str, t.Any]:
    return {
        "path": f"secrets/{folder}/{name}",
        "src": f"{folder}_{name}.j2",
        "secret": True,
        "mode": "0600",
        "owner": str(user),
        "group": str(group),
        "services": [reader],
    }


# ---- the server


def service(instance: Instance, root: str, said: Said, fetched: bool) -> dict[str, t.Any]:
    """The container of the server by Compose's names."""
    found: dict[str, t.Any] = {
        "image": instance["image"],
        "container_name": instance["container"],
        "labels": _labels(instance),
        "restart": "unless-stopped",
        "init": True,
        **LOCKED_DOWN,
        "user": f"{said['vllm_uid']}:{said['vllm_gid']}",
        "read_only": bool(said["vllm_read_only"]),
        # Kernels that are built at the start are tried out there.
        "tmpfs": ["/tmp:exec,mode=1777"],
        "pids_limit": int(said["vllm_pids_limit"]),
        "shm_size": str(said["vllm_shm_size"]),
        "stop_grace_period": f"{int(said['vllm_shutdown_timeout']) + 30}s",
        "entrypoint": ["python3", "/etc/llmfleet/start.py", "/etc/llmfleet/turn.json", "vllm", "serve"],
        "command": ["--config", "/etc/llmfleet/instance.yaml"],
        "environment": _environment(instance, said, fetched),
        "volumes": _volumes(instance, root, said, fetched),
        "healthcheck": _healthcheck(instance, said),
        **vllm_networks.connection(instance, said),
    }
    if said["vllm_cap_add"]:
        found["cap_add"] = list(said["vllm_cap_add"])
    if said["vllm_memory_limit"]:
        found["mem_limit"] = str(said["vllm_memory_limit"])
    if said["vllm_ulimits"]:
        found["ulimits"] = dict(said["vllm_ulimits"])
    if instance["gpus"]:
        found["deploy"] = _gpus(instance["gpus"])
    if fetched:
        found["depends_on"] = {"download": {"condition": "service_completed_successfully"}}
    return found


def _labels(instance: Instance) -> dict[str, str]:
    """With the digest of its nodes, where a replica has several: what changes one starts all of them anew."""
    found = {"io.llmfleet.project": instance["project"]}
    return {**found, "io.llmfleet.unit": instance["unit_digest"]} if instance["unit"] else found


def _turn(instance: Instance, said: Said) -> dict[str, t.Any]:
    """What roles/vllm/files/start.py waits for before it becomes the server."""
    return {
        "name": instance["name"],
        "gpus": list(instance["gpus"]),
        "start_after": list(instance["start_after"]),
        "locked_gpus": list(instance["locked_gpus"]),
        "health_url": instance["health_url"],
        "limit": duration(str(said["vllm_start_period"])),
        "patience": PATIENCE,
        "address": instance["unit_address"] if instance["unit"] else "",
        "rank": instance["rank"],
        "nodes": instance["unit_nodes"] if instance["unit"] else [],
        "unit_port": instance["unit_port"] if instance["unit"] else 0,
        "ray": instance.get("ray", ""),
    }


def _environment(instance: Instance, said: Said, fetched: bool) -> dict[str, str]:
    """What the instance is given, over what the container's layout asks for. Nobody in the image's passwd has its user."""
    layout = {
        "DO_NOT_TRACK": "1",
        "HF_HOME": f"{CACHE}/huggingface",
        "HF_HUB_CACHE": f"{MODELS}/hub",
        "HOME": CACHE,
        "LOGNAME": "vllm",
        "TORCHINDUCTOR_CACHE_DIR": f"{CACHE}/torchinductor",
        "TRITON_CACHE_DIR": f"{CACHE}/triton",
        "USER": "vllm",
        "VLLM_CACHE_ROOT": f"{CACHE}/vllm",
        "VLLM_MEDIA_URL_ALLOW_REDIRECTS": "0",
        "VLLM_NO_USAGE_STATS": "1",
        "XDG_CACHE_HOME": CACHE,
        "XDG_CONFIG_HOME": f"{CACHE}/config",
    }
    if fetched or said["vllm_offline"]:
        layout["HF_HUB_OFFLINE"] = "1"
    else:
        layout["HF_ENDPOINT"] = str(said["vllm_hf_endpoint"])
    if instance["unit"]:
        layout["VLLM_HOST_IP"] = str(instance["unit_address"])
    elif instance["host_network"] and len(instance["gpus"]) > 1:
        # Else the workers of tensor parallelism meet at whatever address the host's name has.
        layout["VLLM_HOST_IP"] = str(instance["publish"][-1])
    return {**layout, **{name: str(value) for name, value in instance["environment"].items()}}


def _volumes(instance: Instance, root: str, said: Said, fetched: bool) -> list[dict[str, t.Any]]:
    read_only = fetched or bool(said["vllm_offline"]) or is_path(instance["model"])
    found = [
        mount("./instance.yaml", "/etc/llmfleet/instance.yaml"),
        mount("./start.py", "/etc/llmfleet/start.py"),
        *([mount(f"./{NODES}", f"/etc/llmfleet/{NODES}")] if instance["unit"] else []),
        mount("./turn.json", "/etc/llmfleet/turn.json"),
        mount("./secrets/serve", SECRETS),
        mount(str(said["vllm_models_dir"]), MODELS, read_only),
        mount(cache_dir(instance, said), CACHE, False),
    ]
    if instance["gpus"]:
        found.append(mount(f"{root}/locks", LOCKS))
    if is_path(instance["model"]):
        found.append(mount(instance["model"], instance["model"]))
    return found


def _healthcheck(instance: Instance, said: Said) -> dict[str, t.Any]:
    """Without a proxy, which the environment or Docker's client configuration may name: the server is this container."""
    ask = "import sys, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(sys.argv[1], timeout=5)"
    return {
        "test": ["CMD", "python3", "-c", ask, instance["health_url"]],
        "interval": "30s",
        "timeout": "10s",
        "retries": 5,
        "start_period": str(said["vllm_start_period"]),
        "start_interval": "3s",
    }


def _gpus(gpus: t.Iterable[int]) -> dict[str, t.Any]:
    reserved = [{"driver": "cdi", "device_ids": [f"nvidia.com/gpu={gpu}" for gpu in gpus], "capabilities": ["gpu"]}]
    return {"resources": {"reservations": {"devices": reserved}}}


def _options(instance: Instance, said: Said) -> dict[str, t.Any]:
    """Of vllm serve. A request may make the server fetch a URL, so the hosts that it may ask are named or there are none.
    The role watch asks how many requests are open."""
    domains = list(said["vllm_allowed_media_domains"])
    media = {} if "*" in domains else {"allowed-media-domains": domains or [NO_DOMAIN]}
    return {**media, "enable-server-load-tracking": True, **instance["options"]}
