# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the vLLM that is installed beside it: python3 program.py REQUEST, inside an image of vLLM. Imports nothing of the collection.

REQUEST is a file of JSON: {"gpu": {"capability": [9, 0], "memory_bytes": ..., "name": ..., "stand_in": true}, "seconds": 120,
"questions": [{"id": ..., "folder": ..., "options": {...}, "environment": {...}}]}. The folder holds the model's config.json, the options
are those of `vllm serve`, the environment is what the server would have. With "list_options": true the options that it knows come too.
One line of JSON comes out. Each question is answered in a process of its own, forked once vLLM is imported, which takes most of the time.

The model itself is made by made.py. Where vLLM finds no platform, a stand-in for the GPU's takes its place, which is asked for capabilities and
never for memory.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import typing as t

Answer = dict[str, t.Any]

QUIET = {
    "CUDA_VISIBLE_DEVICES": "",
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
}
OPTIONS, CONFIG = "options", "config"
#: Where the parser of `vllm serve` is: from 0.32 on, and before.
PARSERS = ("vllm.entrypoints.launchers.cli_args", "vllm.entrypoints.openai.cli_args")
#: What every question needs beside it.
WARM = (
    "vllm.engine.arg_utils",
    "vllm.model_executor.model_loader.utils",
    "vllm.v1.core.kv_cache_utils",
)


class Refusal(Exception):
    """vLLM takes it not; stage is what it got to."""

    def __init__(self, stage: str, words: str) -> None:
        super().__init__(words)
        self.stage = stage


def beside(name: str) -> t.Any:
    """Another file beside this one, which goes into the image with it."""
    return importlib.import_module(name)


def first_of(*names: str) -> t.Any:
    """A module that lies elsewhere in other releases."""
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    return importlib.import_module(names[-1])


# ---- options and configuration


def own_parser() -> t.Any:
    """That of `vllm serve`."""
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    return first_of(*PARSERS).make_arg_parser(FlexibleArgumentParser())


def known_options() -> list[str]:
    """Every long option of it, without the --no- forms."""
    words = {word[2:] for action in own_parser()._actions for word in action.option_strings if word.startswith("--")}
    return sorted(word for word in words - {"help"} if word.removeprefix("no-") == word or word[3:] not in words)


def parsed(options: Answer) -> t.Any:
    """By vLLM's own parser, as from the file that --config names."""
    import tempfile

    serving, parser = first_of(*PARSERS), own_parser()

    def refuse(message: str) -> t.NoReturn:
        raise Refusal(OPTIONS, message)

    parser.error = refuse
    # It knows an image's file by its ending; JSON is YAML.
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump(options, file)
        file.flush()
        try:
            found = parser.parse_args(["--config", file.name])
            serving.validate_parsed_serve_args(found)
        except Refusal:
            raise
        except (Exception, SystemExit) as error:
            raise Refusal(OPTIONS, beside("own_process").words_of(error)) from error
    return found


def configured(arguments: t.Any) -> t.Any:
    """VllmConfig, as the server makes it."""
    from vllm.engine.arg_utils import AsyncEngineArgs
    from vllm.usage.usage_lib import UsageContext

    try:
        engine = AsyncEngineArgs.from_cli_args(arguments)
        engine.load_format = "dummy"
        return engine.create_engine_config(UsageContext.OPENAI_API_SERVER)
    except (Exception, SystemExit) as error:
        raise Refusal(CONFIG, beside("own_process").words_of(error)) from error


def described(config: t.Any, arguments: t.Any) -> Answer:
    """What follows from the configuration alone."""
    model, scheduler = config.model_config, config.scheduler_config
    return {
        "architecture": str(getattr(model, "architecture", "") or ""),
        "max_model_len": int(model.max_model_len),
        "max_num_seqs": int(scheduler.max_num_seqs),
        "max_num_batched_tokens": int(scheduler.max_num_batched_tokens),
        "dtype": str(model.dtype).rpartition(".")[2],
        "quantization": str(model.quantization or ""),
        "runner": str(getattr(model, "runner_type", "")),
        "tasks": tasks(model),
        "reasoning_parser": _reasoning(config, arguments),
        "shape": shape(model, config),
    }


def shape(model: t.Any, config: t.Any) -> Answer:
    """What activation, graphs and sampler are reckoned from where nothing better is known."""
    text = model.hf_text_config
    found: Answer = {
        "hidden": model.get_hidden_size(),
        "vocab": model.get_vocab_size(),
        "heads": getattr(text, "num_attention_heads", 0),
        "kv_heads": model.get_total_num_kv_heads(),
        "head_dim": model.get_head_size(),
        "layers": model.get_total_num_hidden_layers() if hasattr(model, "get_total_num_hidden_layers") else 0,
        "intermediate": getattr(text, "intermediate_size", 0),
        "experts": model.get_num_experts() if hasattr(model, "get_num_experts") else 0,
        "experts_per_token": getattr(text, "num_experts_per_tok", 0) or getattr(text, "top_k_experts", 0),
        "expert_width": getattr(text, "moe_intermediate_size", 0),
    }
    return {name: _whole(value) for name, value in found.items()}


def _whole(value: t.Any) -> int:
    if isinstance(value, (list, tuple)):
        value = max((one for one in value if isinstance(one, int)), default=0)
    return value if isinstance(value, int) else 0


def tasks(model: t.Any) -> list[str]:
    """Modes by the names that LiteLLM and people use."""
    info = getattr(model, "_model_info", None)
    if getattr(model, "runner_type", "") == "pooling":
        crossing = getattr(info, "score_type", "") == "cross-encoder" or getattr(info, "supports_cross_encoding", False)
        return ["rerank" if crossing or getattr(model, "convert_type", "") == "classify" else "embedding"]
    found = []
    if not getattr(info, "supports_transcription_only", False):
        found.append("chat")
    if getattr(info, "supports_transcription", False):
        found.append("transcription")
    if getattr(model, "multimodal_config", None) is not None:
        found.append("vision" if _sees(model) else "multimodal")
    return found


def _sees(model: t.Any) -> bool:
    return getattr(model.hf_config, "vision_config", None) is not None


def _reasoning(config: t.Any, arguments: t.Any) -> str:
    """What vLLM chose by itself."""
    asked = getattr(arguments, "reasoning_parser", "") or ""
    chosen = getattr(getattr(config, "structured_outputs_config", None), "reasoning_parser", "") or ""
    return "" if chosen == asked else str(chosen)


# ---- one question


def answer(question: Answer) -> Answer:
    """All that is asked of one model with its options."""
    os.environ.update(question.get("environment") or {})
    try:
        arguments = parsed({**question["options"], "model": question["folder"]})
        config = configured(arguments)
    except Refusal as refusal:
        return {"accepted": False, "stage": refusal.stage, "refusal": str(refusal)}
    found: Answer = {"accepted": True, **described(config, arguments)}
    stages = config.parallel_config.pipeline_parallel_size
    if config.parallel_config.data_parallel_size > 1:
        return {**found, "built": False, "why": "data parallel replicas are not built"}
    ranks = [
        beside("own_process").in_own_process(
            lambda stage=stage: beside("made").rank_of(config, stage), question["seconds"]
        )
        for stage in range(stages)
    ]
    failed = next((rank["failed"] for rank in ranks if "failed" in rank), "")
    if failed:
        return {**found, "built": False, "why": failed}
    return {**found, "built": True, "stages": ranks}


# ---- all of them


def warmed() -> None:
    """What every question needs, imported once. Models are looked at in this process: each has one of its own already."""
    first_of(*PARSERS)
    for name in WARM:
        importlib.import_module(name)
    registry = importlib.import_module("vllm.model_executor.models.registry")
    registry._LazyRegisteredModel.inspect_model_cls = lambda self: registry._ModelInfo.from_model_cls(
        self.load_model_cls()
    )


def run(request: Answer) -> Answer:
    """Every question's answer, with what answered."""
    began = time.monotonic()
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import vllm

    platform, missing = beside("stand_in").platform_for(request["gpu"])
    warmed()
    found: Answer = {
        "vllm": vllm.__version__,
        "platform": platform,
        "import_seconds": round(time.monotonic() - began, 1),
    }
    if request.get("list_options"):
        found["options"] = known_options()
    answers = {}
    for question in request["questions"]:
        asked = {**question, "seconds": float(request["seconds"])}
        started = time.monotonic()
        one = beside("own_process").in_own_process(lambda asked=asked: answer(asked), asked["seconds"])
        if missing and "failed" in one:
            # vLLM's own words ("Failed to infer device type") name no cause.
            one["failed"] += f" ({missing})"
        answers[question["id"]] = {**one, "seconds": round(time.monotonic() - started, 1)}
    return {**found, "answers": answers, "seconds": round(time.monotonic() - began, 1)}


def main() -> None:
    """Whatever vLLM prints goes to the standard error: the answer alone is the output."""
    out = os.dup(1)
    os.dup2(2, 1)
    with open(sys.argv[1], encoding="utf-8") as stream:
        request = json.load(stream)
    data = json.dumps(run(request)).encode() + b"\n"
    with os.fdopen(out, "wb") as stream:
        stream.write(data)


if __name__ == "__main__":
    main()
