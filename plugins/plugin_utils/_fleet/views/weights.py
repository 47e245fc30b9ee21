# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Weights of an instance: which repositories its server reads, and the container that fetches them before it starts.

Pure and without secrets; views/vllm.py uses it.
"""

from __future__ import annotations

import json
import re
import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.compose import LOCKED_DOWN, mount

Instance = t.Mapping[str, t.Any]
Said = t.Mapping[str, t.Any]

#: Places in the containers.
MODELS = "/models"
SECRETS = "/run/llmfleet/secrets"
#: What a download needs of the environment: how to reach the hub, and how to use it.
DOWNLOAD_VARIABLES = re.compile(
    r"(HF_|HTTPS?_PROXY|NO_PROXY|ALL_PROXY|SSL_CERT_|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE)", re.I
)
#: Loaders that fetch the weights themselves, from where the hub's cache is no help.
OWN_LOADERS = ("gguf", "modelexpress", "runai_streamer", "runai_streamer_sharded", "tensorizer")
#: Options that may name a further repository.
REPOSITORY_OPTIONS = (("tokenizer", "tokenizer-revision"), ("hf-config-path", ""), ("generation-config", ""))

_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def apart(said: Said) -> bool:
    return bool(said["vllm_separate_download"]) and not said["vllm_offline"]


def is_path(model: str) -> bool:
    return model.startswith("/")


def downloads(instance: Instance) -> list[dict[str, t.Any]]:
    """Repositories that the server reads; none where it has to fetch by itself, or where all is on the disk."""
    options = instance["options"]
    if options.get("load-format") in OWN_LOADERS or not (is_path(instance["model"]) or is_hub(instance["model"])):
        return []
    found = repositories(instance, options)
    return [{"repository": name, "revision": found[name]} for name in sorted(found)]


def repositories(model: Said, options: Said) -> dict[str, t.Any]:
    """Of the hub, each with its revision: the model's own, its tokenizer's, that of its draft and those of its adapters."""
    named = [(model["model"], model.get("revision"))]
    named += [(options.get(name), options.get(revision)) for name, revision in REPOSITORY_OPTIONS]
    named += [_draft(options.get("speculative-config"))]
    named += [(path, None) for path in _adapters(options.get("lora-modules"))]
    return {name: revision for name, revision in reversed(named) if isinstance(name, str) and is_hub(name)}


def is_hub(name: str) -> bool:
    return bool(_REPOSITORY.fullmatch(name))


def _draft(config: t.Any) -> tuple[t.Any, t.Any]:
    """The model of speculative decoding, given as JSON or as a dictionary."""
    found = _parsed(config)
    return (found.get("model"), found.get("revision")) if isinstance(found, dict) else (None, None)


def _adapters(modules: t.Any) -> list[t.Any]:
    """Paths of LoRA adapters, written as name=path, as JSON or as dictionaries."""
    found = [_parsed(one) for one in (modules if isinstance(modules, list) else [modules])]
    return [one.get("path") if isinstance(one, dict) else str(one).partition("=")[2] for one in found if one]


def _parsed(value: t.Any) -> t.Any:
    if isinstance(value, str) and value.lstrip().startswith("{"):
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def download_user(said: Said) -> tuple[str, str]:
    user, _colon, group = str(said["vllm_download_user"]).partition(":")
    return user, group or user


def download_service(instance: Instance, said: Said, fetched: list[dict[str, t.Any]]) -> dict[str, t.Any]:
    """A container that ends when the weights are there. It runs no code of the model, so it may write and has the token."""
    user, group = download_user(said)
    passed = {name: str(value) for name, value in instance["environment"].items() if DOWNLOAD_VARIABLES.match(name)}
    found: dict[str, t.Any] = {
        "image": instance["image"],
        "container_name": f"{instance['container']}-download",
        "labels": {"io.llmfleet.project": instance["project"], "io.llmfleet.step": "fetch"},
        "restart": "no",
        "init": True,
        **LOCKED_DOWN,
        "user": f"{user}:{group}",
        "read_only": True,
        "tmpfs": ["/tmp:mode=1777"],
        "pids_limit": 1024,
        "entrypoint": ["python3", "/etc/llmfleet/download.py"],
        "command": [json.dumps(fetched)],
        "environment": {
            "DO_NOT_TRACK": "1",
            "HF_ENDPOINT": str(said["vllm_hf_endpoint"]),
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HOME": "/tmp",
            **passed,
            "HF_HOME": MODELS,
            "HF_HUB_CACHE": f"{MODELS}/hub",
        },
        "volumes": [
            mount("./download.py", "/etc/llmfleet/download.py"),
            mount("./secrets/download", SECRETS),
            mount(str(said["vllm_models_dir"]), MODELS, False),
        ],
    }
    if user == "0":
        # A directory of weights that was there before may be anyone's.
        found["cap_add"] = ["DAC_OVERRIDE"]
    if said["vllm_host_network"]:
        found["network_mode"] = "host"
    return found
