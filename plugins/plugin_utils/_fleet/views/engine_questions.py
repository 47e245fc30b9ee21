# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a server's images are asked of its models before anything is stopped: the arguments of vllm_engine_info. Pure; views/vllm.py uses it."""

from __future__ import annotations

import typing as t

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.engine_answers import draft_of
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import known
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._hub.names import model_key

if t.TYPE_CHECKING:
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.inventory import Host
    from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.value import Fleet

Instance = t.Mapping[str, t.Any]
GIB = 1024**3

#: What says where an instance is found, and what it finds on its host: nothing that a model is taken or refused for.
OF_THE_HOST = frozenset(
    {
        "api-server-count",
        "distributed-executor-backend",
        "headless",
        "host",
        "load-format",
        "master-addr",
        "master-port",
        "model",
        "nnodes",
        "node-rank",
        "port",
        "revision",
        "served-model-name",
        "ssl-ca-certs",
        "ssl-certfile",
        "ssl-keyfile",
        "uds",
    }
)
#: Options that name files or models beside the model's own, which the container of the question does not have.
ELSEWHERE = frozenset(
    {
        "allowed-local-media-path",
        "chat-template",
        "code-revision",
        # Of a model in Mistral's own format, which has its configuration in another file than config.json.
        "config-format",
        "generation-config",
        "download-dir",
        "hf-config-path",
        "io-processor-plugin",
        "log-config-file",
        "logits-processors",
        "lora-modules",
        "middleware",
        "model-class-overrides",
        "reasoning-parser-plugin",
        "scheduler-cls",
        "tokenizer",
        "tokenizer-revision",
        "tool-parser-plugin",
        "tool-server",
        "worker-cls",
        "worker-extension-cls",
    }
)
#: Of an instance's environment: what the container of the question has of its own.
OWN_ENVIRONMENT = frozenset(
    {"CUDA_VISIBLE_DEVICES", "HOME", "HF_HUB_OFFLINE", "PATH", "PYTHONPATH", "TRANSFORMERS_OFFLINE"}
)


def engine_questions(own: t.Iterable[Instance], fleet: Fleet, host: Host) -> dict[str, t.Any]:
    """The part of what the role reads."""
    asked = questions(own, fleet.reading.get("models") or {})
    return {"questions": asked, "models_dir": str(host.variables["vllm_models_dir"]), **gpu_kind(host)}


def questions(own: t.Iterable[Instance], models: t.Mapping[str, t.Any]) -> list[dict[str, t.Any]]:
    """One for each instance that serves; *models* are descriptions as a reading has them."""
    return [_question(instance, models) for instance in own if not instance["rank"]]


def _question(instance: Instance, models: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    options = {name: one for name, one in instance["options"].items() if name not in OF_THE_HOST | ELSEWHERE}
    draft, options = draft_of(options)
    said = instance["environment"]
    return {
        "name": instance["name"],
        "image": instance["image"],
        **_described(str(instance["model"]), str(instance["revision"] or "main"), models),
        "options": options,
        "environment": {name: str(said[name]) for name in sorted(said) if name not in OWN_ENVIRONMENT},
        **({"draft": _described(draft[0], draft[1], models)} if draft else {}),
    }


def _described(model: str, revision: str, models: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found = known(model) or models.get(model if model.startswith("/") else model_key(model, revision)) or {}
    return {"model": model, "revision": revision, "config": found.get("config")}


def gpu_kind(host: Host) -> dict[str, t.Any]:
    """The kind of GPU that the answers are for; nothing of a server without."""
    if not host.gpu_count:
        return {}
    rows = (host.facts.get("gpu") or {}).get("gpus") or []
    row = rows[0] if rows else {}
    found: dict[str, t.Any] = {}
    if row.get("name"):
        found["name"] = str(row["name"])
    if row.get("memory_usable_gib"):
        found["memory_bytes"] = int(float(row["memory_usable_gib"]) * GIB)
    parts = str(row.get("compute_capability") or "").split(".")
    if len(parts) == 2 and all(part.isdigit() for part in parts):
        found["capability"] = [int(part) for part in parts]
    return {"gpu_kind": found}
