# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which answers still hold: the same image, the same model and the same options give the same. Pure but for the model's folder."""

from __future__ import annotations

import hashlib
import json
import os
import typing as t

Question = t.Mapping[str, t.Any]

#: Answers of another form are asked for anew.
FORMAT = 2
#: In options: stands for the folder of the draft model, which only the container has.
DRAFT = "@draft"
#: Options whose values change nothing of what is answered.
INDIFFERENT = frozenset(
    {
        "enable-server-load-tracking",
        "gpu-memory-utilization",
        "host",
        "kv-cache-memory-bytes",
        "master-addr",
        "master-port",
        "node-rank",
        "port",
        "served-model-name",
        "shutdown-timeout",
        "uvicorn-log-level",
    }
)
#: Options that weights and cache depend on.
SIZES = (
    "dtype",
    "enable-expert-parallel",
    "enable-lora",
    "fully-sharded-loras",
    "kv-cache-dtype",
    "lora-dtype",
    "lora-target-modules",
    "max-lora-rank",
    "max-loras",
    "pipeline-parallel-size",
    "quantization",
    "spec-method",
    "spec-model",
    "spec-tokens",
    "speculative-config",
    "tensor-parallel-size",
)
#: Not kept: what only a reader of one answer wants.
PASSING = ("seconds",)


def key(question: Question, image_id: str, gpu: Question) -> str:
    """Of what an answer depends on. An option that is indifferent counts by its name: it must be one of vLLM's."""
    options = {
        name: None if name in INDIFFERENT else value
        for name, value in question["options"].items()
        if name not in ("model", "revision")
    }
    model = [config_text(question), config_text(question["draft"]) if question.get("draft") else ""]
    of_image = [FORMAT, image_id, options, dict(question.get("environment") or {}), dict(gpu)]
    text = json.dumps([of_image, model], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def asked(question: Question) -> dict[str, t.Any]:
    """What a plan finds an answer by."""
    sizes = {name: question["options"][name] for name in SIZES if name in question["options"]}
    draft = question.get("draft") or {}
    found = {name: question[name] for name in ("image", "model", "revision")}
    return {**found, "draft": [draft["model"], draft["revision"]] if draft else [], "options": sizes}


def config_text(question: Question) -> str:
    """The model's config.json: that of its folder, else the one that is known of it; empty where there is none."""
    path = os.path.join(question.get("folder") or "", "config.json")
    if question.get("folder") and os.path.isfile(path):
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    return json.dumps(question["config"], sort_keys=True) if question.get("config") else ""


def snapshot(models_dir: str, model: str, revision: str) -> str:
    """Where a download of the hub's left a model; empty where it is not there."""
    if model.startswith("/"):
        return model
    top = os.path.join(models_dir, "hub", "models--" + model.replace("/", "--"))
    commit = revision
    try:
        with open(os.path.join(top, "refs", revision), encoding="utf-8") as stream:
            commit = stream.read().strip()
    except OSError:
        pass
    found = os.path.join(top, "snapshots", commit)
    return found if os.path.isfile(os.path.join(found, "config.json")) else ""


def sound(text: str) -> dict[str, dict[str, t.Any]]:
    """The kept answers by key; none where the file is damaged or of another form."""
    try:
        found = json.loads(text)
        answers = found["answers"] if found["format"] == FORMAT else {}
        return {str(name): dict(one) for name, one in answers.items() if isinstance(one.get("accepted"), bool)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return {}


def written(answers: t.Mapping[str, t.Any]) -> str:
    """The file's text."""
    slim = {key: {name: value for name, value in one.items() if name not in PASSING} for key, one in answers.items()}
    return json.dumps({"format": FORMAT, "answers": slim}, indent=1, sort_keys=True) + "\n"
