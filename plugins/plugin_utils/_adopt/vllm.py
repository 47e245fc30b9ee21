# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One vLLM service as an entry of llm_models, and what it says for all instances. Pure; translate.py uses it."""

from __future__ import annotations

import posixpath
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.module_utils._litellm import secret_parts
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt import forms, vllm_command
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.compose import Service
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.notes import Notes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._adopt.paths import Paths
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.vllm_options import NEWEST, REMOVED, options_for

#: Keys of an entry of llm_models that are options of vLLM.
ENTRY_OPTIONS = {
    "tensor-parallel-size": "tensor_parallel_size",
    "gpu-memory-utilization": "gpu_memory_utilization",
    "max-model-len": "max_model_len",
    "revision": "revision",
    "trust-remote-code": "trust_remote_code",
}
#: Options that the fleet says itself, without a word to the user.
OWN_OPTIONS = frozenset(
    {"model", "host", "port", "served-model-name", "api-key", "hf-token", "download-dir", "uvicorn-log-level"}
)
#: Options of servers that work together, which a Compose file on each of them starts.
SEVERAL_HOSTS = ("nnodes", "node-rank", "master-addr", "headless", "data-parallel-address", "data-parallel-rank")
HUB_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HUGGINGFACE_HUB_TOKEN", "HUGGINGFACE_TOKEN")
GPU_VARIABLES = ("NVIDIA_VISIBLE_DEVICES", "CUDA_VISIBLE_DEVICES")
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
#: Where the weights are, by the hub's library; the fleet says HF_HOME.
PLACES = ("HF_HOME", "HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "TRANSFORMERS_CACHE", "XDG_CACHE_HOME")
#: Environment that the containers of the roles have by themselves or must not have.
DROPPED = ("NVIDIA_DRIVER_CAPABILITIES", "VLLM_API_KEY", "HF_ENDPOINT")
#: What one file of variables for all services gives vLLM too.
_FOREIGN = re.compile(r"LITELLM_\w+|POSTGRES_\w+|DATABASE_\w+|REDIS_\w+|UI_(?:USERNAME|PASSWORD)|COMPOSE_\w+|HOME|PATH")
PORT = 8000
#: Where the models' folder is in the containers of the role.
MODELS = "/models"


class Model(t.NamedTuple):
    """A service of vLLM. Its name in the API is LiteLLM's word; the entry lacks it until then."""

    service: Service
    entry: dict[str, t.Any]
    served: list[str]
    port: int  # inside the container
    models_dir: str
    api_key: str
    hub_token: str
    hub_endpoint: str
    offline: bool
    on_gpu: bool
    secret_environment: dict[str, str]


class _Reading:
    def __init__(self, service: Service, options: vllm_command.Options, paths: Paths, notes: Notes) -> None:
        self.service, self.options, self.paths, self.notes = service, options, paths, notes
        self.models_dir = ""
        self.entry: dict[str, t.Any] = {}

    def at(self, option: str) -> str:
        return f"{self.service.at('command')} --{option}"

    # ---- where the weights are

    def find_models(self) -> None:
        said, options = self.service.environment, self.options
        home = said.get("HF_HOME") or f"{said.get('XDG_CACHE_HOME') or '/root/.cache'}/huggingface"
        hub = (
            options.get("download-dir")
            or said.get("HF_HUB_CACHE")
            or said.get("HUGGINGFACE_HUB_CACHE")
            or f"{home}/hub"
        )
        on_server, kept = self.paths.on_server(home), self.paths.on_server(str(hub))
        if on_server and kept == f"{on_server}/hub":
            self.models_dir = on_server
            if volume := self.paths.in_volume(home):
                self.notes.change(
                    self.service.at("volumes"),
                    f"the weights stay in Docker's volume {volume}: never remove it with the old project (down --volumes)",
                )
        elif kept and posixpath.basename(kept) == "hub":
            self.models_dir = posixpath.dirname(kept)
        elif kept:
            self.notes.leave(
                self.service.at("volumes"),
                f"the weights in {kept} are no cache of the hub's usual form (HF_HOME with hub in it), so they are fetched again;"
                " or name a model by its path in llm_models",
            )

    def model(self) -> str:
        named = self.options.get("model")
        if not isinstance(named, str):
            self.notes.fault(self.service.at("command"), "names no model; write the one that it serves behind --model")
            return ""
        if not named.startswith(("/", ".")):
            return named
        found = self.paths.on_server(named)
        if not found:
            self.notes.fault(
                self.service.at("command"),
                f"serves {named}, which is no folder of the server but a part of the image; copy it out and mount it",
            )
        return found or ""

    # ---- options

    def take_options(self) -> None:
        for name, value in self.options.items():
            if name in SEVERAL_HOSTS:
                self.notes.fault(
                    self.at(name), "belongs to several servers that work together, which are not taken over"
                )
            elif name == "config":
                self.notes.fault(self.at(name), "reads a file of options; write them into the command")
            elif name in ENTRY_OPTIONS:
                self.entry[ENTRY_OPTIONS[name]] = value
            elif name not in OWN_OPTIONS:
                self._engine_arg(name, value)
        if self.entry.get("max_model_len") == -1:
            self.entry["max_model_len"] = "auto"
        if self.entry.get("trust_remote_code") is True and not self.entry.get("revision"):
            self._pin()

    def _engine_arg(self, name: str, value: t.Any) -> None:
        _made_from, known = options_for(NEWEST)
        if name in REMOVED:
            self.notes.leave(self.at(name), f"of vLLM {NEWEST}: {REMOVED[name]}")
        elif name not in known:
            self.notes.leave(self.at(name), f"vLLM {NEWEST} has no such option")
        elif secret_parts.is_secret_name(name.replace("-", "_")):
            self.notes.leave(
                self.at(name), "is a secret, which may not stand in options; set it in vllm_secret_environment"
            )
        elif (placed := self._placed(value)) is None:
            self.notes.leave(
                self.at(name),
                "names a file that the containers of the roles don't have; put it into the models' folder",
            )
        else:
            self.entry.setdefault("engine_args", {})[name.replace("-", "_")] = placed

    def _placed(self, value: t.Any) -> t.Any:
        """With paths as the role's containers have them: only the models' folder is mounted."""
        if isinstance(value, list):
            parts = [self._placed(part) for part in value]
            return None if None in parts else parts
        before, path = ("", value) if isinstance(value, str) and value.startswith("/") else _after_name(value)
        if not path:
            return value
        found = self.paths.on_server(path)
        if not self.models_dir or not found or not f"{found}/".startswith(f"{self.models_dir}/"):
            return None
        return before + posixpath.join(MODELS, posixpath.relpath(found, self.models_dir))

    def _pin(self) -> None:
        """Code of a repository is run by a commit only: the one that the cache has."""
        commit = self.paths.server.commits.get(str(self.options.get("model")), "")
        if re.fullmatch(r"[0-9a-f]{40}", commit):
            self.entry["revision"] = commit
            self.notes.change(self.at("trust-remote-code"), "the commit that was served is the model's revision now")
        elif "/" in str(self.options.get("model")) and not str(self.options.get("model")).startswith("/"):
            self.notes.leave(
                self.at("trust-remote-code"), "needs the commit whose code may run: write it as revision of the model"
            )

    # ---- GPUs and ports

    def take_gpus(self) -> bool:
        """Whether it has some. Indexes are kept; a number of GPUs is the planner's to place."""
        found = self._device_ids()
        if found is None:
            return self._takes_all()
        if found and all(one.isdigit() for one in found):
            self.entry["gpus"] = [int(one) for one in found]
        elif found:
            self.notes.leave(
                self.service.at("deploy"),
                "names GPUs by their UUIDs; the fleet places the model, or write indexes as gpus",
            )
        return True

    def _takes_all(self) -> bool:
        """Without a word of GPUs: an engine may give its containers all of them by itself."""
        said = self.service
        for_cpu = "cpu" in said.image.lower() or self.options.get("device") == "cpu"
        if (
            for_cpu
            or _visible(said) in ("none", "void")
            or any(name.startswith("VLLM_CPU_") for name in said.environment)
        ):
            return False
        count = self.paths.server.gpus
        told = f"the server has {count}, so it is taken for one that uses them" if count else "so it runs on CPUs"
        self.notes.change(said.at(), f"asks for no GPU; {told} (llm_gpu_count)")
        return bool(count)

    def take_replicas(self) -> None:
        count = forms.below(self.service.data, "deploy", "replicas") or self.service.data.get("scale")
        if isinstance(count, int) and count > 1:
            self.entry["replicas"] = count

    def _device_ids(self) -> list[str] | None:
        """Empty for GPUs without a choice, None for no GPUs."""
        said = self.service
        visible = _visible(said)
        reserved = forms.below(said.data, "deploy", "resources", "reservations", "devices")
        asked = said.data.get("gpus")
        devices = [one for one in [*forms.listed(reserved), *forms.listed(asked)] if isinstance(one, dict)]
        ids = [str(name) for one in devices for name in forms.listed(one.get("device_ids"))]
        if visible in ("none", "void"):
            return None
        if not (devices or asked or visible or said.data.get("runtime") == "nvidia"):
            return None
        chosen = [] if visible in ("", "all") else [part.strip() for part in visible.split(",")]
        if ids and chosen and all(one.isdigit() and int(one) < len(ids) for one in chosen):
            return [ids[int(one)] for one in chosen] if "CUDA_VISIBLE_DEVICES" in said.environment else ids
        return ids or chosen

    def take_port(self) -> int:
        inside = self.options.get("port", PORT)
        inside = inside if isinstance(inside, int) else PORT
        published = next((one for one in self.service.ports if one.target == inside), None)
        if not published or not published.published:
            return inside
        if published.published >= 1024:
            self.entry["port"] = published.published
        if published.address not in ("127.0.0.1", "::1"):
            self.notes.change(
                self.service.at("ports"),
                f"vLLM was open on port {published.published} of every address of the server and is on the loopback address now;"
                " clients go through LiteLLM (vllm_publish_address opens it to a network that you trust)",
            )
        return inside


def _visible(service: Service) -> str:
    return _first(service.environment, reversed(GPU_VARIABLES))


def _after_name(value: t.Any) -> tuple[str, str]:
    """An adapter is NAME=/path."""
    found = re.fullmatch(r"([\w.-]+=)(/.*)", value) if isinstance(value, str) else None
    return (found[1], found[2]) if found else ("", "")


def read(service: Service, paths: Paths, notes: Notes) -> Model | None:
    try:
        options = vllm_command.options(service)
    except vllm_command.CommandError as error:
        notes.fault(service.at("command"), str(error))
        return None
    reading = _Reading(service, options, paths, notes)
    reading.find_models()
    reading.entry["model"] = reading.model()
    reading.take_options()
    on_gpu = reading.take_gpus()
    reading.take_replicas()
    port = reading.take_port()
    secret = _environment(service, reading.entry, paths, notes)
    served = options.get("served-model-name", options.get("model", ""))
    keys = options.get("api-key", service.environment.get("VLLM_API_KEY", ""))
    return Model(
        service=service,
        entry=reading.entry,
        served=[str(one) for one in (served if isinstance(served, list) else [served])],
        port=port,
        models_dir=reading.models_dir,
        api_key=str(keys[0] if isinstance(keys, list) else keys),
        hub_token=_first(service.environment, HUB_TOKENS) or str(options.get("hf-token", "")),
        hub_endpoint=service.environment.get("HF_ENDPOINT", ""),
        offline=_first(service.environment, OFFLINE).lower() in ("1", "true", "yes", "on"),
        on_gpu=on_gpu,
        secret_environment=secret,
    )


def _first(environment: t.Mapping[str, str], names: t.Iterable[str]) -> str:
    return next((environment[name] for name in names if environment.get(name)), "")


def _environment(service: Service, entry: dict[str, t.Any], paths: Paths, notes: Notes) -> dict[str, str]:
    """What is no secret goes into the entry, the rest is returned."""
    known = (*HUB_TOKENS, *GPU_VARIABLES, *OFFLINE, *PLACES, *DROPPED)
    foreign = [name for name in service.environment if _FOREIGN.fullmatch(name)]
    if foreign:
        notes.change(
            service.at("environment"), f"{', '.join(foreign)}: vLLM needs none of it, and has none of it any more"
        )
    secret: dict[str, str] = {}
    for name, value in service.environment.items():
        if name in known or name in foreign:
            continue
        if name == "VLLM_SERVER_DEV_MODE" and value not in ("", "0", "false"):
            notes.leave(service.at("environment", name), "opens requests that run code in vLLM without a key")
        elif value.startswith("/") and (value.startswith("/run/secrets/") or paths.on_server(value)):
            notes.leave(
                service.at("environment", name), f"names {value} of the old container, which the role's has not"
            )
        elif secret_parts.is_secret_name(name) or secret_parts.mask_text(value) != value:
            secret[name] = value
        elif name != "VLLM_SERVER_DEV_MODE":
            entry.setdefault("environment", {})[name] = value
    return secret
