# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asks the vLLM that is installed beside it: python3 program.py REQUEST, inside an image of vLLM. Imports nothing of the collection.

REQUEST is a file of JSON: {"gpu": {"capability": [9, 0], "memory_bytes": ..., "name": ..., "stand_in": true}, "seconds": 120,
"questions": [{"id": ..., "folder": ..., "options": {...}}]}. The folder holds the model's config.json, the options are those of `vllm serve`.
One line of JSON comes out. Each question is answered in a process of its own, forked once vLLM is imported, which takes most of the time.

Modules are built on the meta device, whose tensors have sizes and no memory, on a fake process group: any tensor, pipeline and expert parallel
size on one process. Where vLLM finds no platform, a stand-in for the GPU's takes its place, which is asked for capabilities and never for memory.
"""

from __future__ import annotations

import importlib
import json
import math
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


def beside() -> t.Any:
    """The file beside this one, which goes into the image with it."""
    return importlib.import_module("stand_in")


def own_process() -> t.Any:
    """Another file beside this one."""
    return importlib.import_module("own_process")


def first_of(*names: str) -> t.Any:
    """A module that lies elsewhere in other releases."""
    for name in names[:-1]:
        try:
            return importlib.import_module(name)
        except ModuleNotFoundError:
            continue
    return importlib.import_module(names[-1])


# ---- options and configuration


def parsed(options: Answer) -> t.Any:
    """By vLLM's own parser, as from the file that --config names."""
    import tempfile

    from vllm.utils.argparse_utils import FlexibleArgumentParser

    serving = first_of(*PARSERS)
    parser = serving.make_arg_parser(FlexibleArgumentParser())

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
            raise Refusal(OPTIONS, own_process().words_of(error)) from error
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
        raise Refusal(CONFIG, own_process().words_of(error)) from error


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


# ---- the model


def built(config: t.Any, stage: int) -> t.Any:
    """The modules of one rank of a pipeline stage, without memory. The configuration is changed for good: one rank a process."""
    import torch
    from vllm.config import set_current_vllm_config
    from vllm.model_executor.model_loader.utils import initialize_model

    parallel = config.parallel_config
    rank = stage * parallel.tensor_parallel_size
    with set_current_vllm_config(config):
        _groups(parallel.tensor_parallel_size, parallel.pipeline_parallel_size, rank)
        torch.set_default_dtype(config.model_config.dtype)
        with torch.device("meta"), beside().sizes_only():
            module = initialize_model(vllm_config=config)
        _aligned(config)
    return module


def _groups(tensor: int, pipeline: int, rank: int) -> None:
    """Process groups that talk to nobody."""
    from torch import distributed
    from torch.testing._internal.distributed.fake_pg import FakeStore
    from vllm.distributed import parallel_state

    distributed.init_process_group("fake", rank=rank, world_size=tensor * pipeline, store=FakeStore())
    parallel_state.in_the_same_node_as = lambda group, source_rank=0: [True] * (tensor * pipeline)
    new_group, new_model_group = distributed.new_group, parallel_state.init_model_parallel_group
    distributed.new_group = lambda *given, **named: new_group(*given, **{**named, "backend": "fake"})
    parallel_state.init_model_parallel_group = lambda *given, **named: new_model_group(
        *given, **{**named, "use_message_queue_broadcaster": False, "use_device_communicator": False}
    )
    parallel_state.init_distributed_environment(
        world_size=tensor * pipeline, rank=rank, distributed_init_method="env://", local_rank=0, backend="fake"
    )
    parallel_state.initialize_model_parallel(tensor, pipeline)


def _aligned(config: t.Any) -> None:
    """Pages of attention are made as large as states once the layers are known, as the worker has it done."""
    from vllm.platforms import current_platform

    align = getattr(current_platform, "update_block_size_for_backend", None)
    if align:
        align(config)


def tensor_sizes(module: t.Any) -> list[list[int]]:
    """Bytes and number of the tensors of each size, in order of first appearance."""
    sizes: dict[int, int] = {}
    seen: set[int] = set()
    for tensor in [*module.parameters(), *module.buffers()]:
        if id(tensor) not in seen:
            seen.add(id(tensor))
            size = tensor.numel() * tensor.element_size()
            sizes[size] = sizes.get(size, 0) + 1
    return [[size, count] for size, count in sizes.items() if size]


def cache_specs(config: t.Any) -> dict[str, t.Any]:
    """By layer, of those that keep anything: vllm/v1/worker/gpu_model_runner.py, get_kv_cache_spec."""
    from vllm.config import get_layers_from_vllm_config
    from vllm.model_executor.layers.attention_layer_base import AttentionLayerBase

    found = {}
    for name, layer in get_layers_from_vllm_config(config, AttentionLayerBase).items():
        if getattr(layer, "kv_sharing_target_layer_name", None):
            continue
        spec = layer.get_kv_cache_spec(config)
        if spec is not None:
            found[name] = spec
    return found


def kept(spec: t.Any) -> Answer:
    """One layer's cache: bytes of a block, its tokens, and of what kind it is."""
    name = type(spec).__name__
    window = getattr(spec, "sliding_window", 0) or 0
    if name.startswith(("Mamba", "ShortConv", "Linear")):
        kind = "state"
    elif name.startswith("CrossAttention"):
        kind = "cross"
    elif name.startswith("EncoderOnly"):
        kind = "none"
    else:
        kind = "sliding" if window and name.startswith("SlidingWindow") else "latent" if "MLA" in name else "full"
    raw = _state_bytes(spec) if kind == "state" else _unpadded(spec)
    return {
        "kind": kind,
        "block_tokens": int(spec.block_size),
        "bytes": int(raw if isinstance(raw, int) else spec.page_size_bytes),
        "window": int(window) if kind == "sliding" else 0,
        "spec": name,
    }


def _unpadded(spec: t.Any) -> t.Any:
    """Of attention: a page may be padded to the size of others."""
    return getattr(spec, "unpadded_page_size_bytes", None) or getattr(spec, "real_page_size_bytes", None)


def _state_bytes(spec: t.Any) -> int:
    """Of a state, whose page is always padded to that of attention."""
    sizes = zip(getattr(spec, "shapes", ()), getattr(spec, "dtypes", ()))
    return sum(math.prod(shape) * dtype.itemsize for shape, dtype in sizes) or int(spec.page_size_bytes)


def grouped(config: t.Any, specs: dict[str, t.Any]) -> Answer:
    """How vLLM lays the layers out: the bytes of a block of all groups, and what one request of full length takes of them."""
    from vllm.v1.core import kv_cache_utils

    if not specs:
        return {"block_bytes": 0, "groups": []}
    _with_layout(config)
    # Any room does, if it is large enough.
    room = 1 << 50
    found = kv_cache_utils.get_kv_cache_configs(config, [specs], [room])[0]
    groups = []
    for group in found.kv_cache_groups:
        spec = group.kv_cache_spec
        pages = -(-spec.max_memory_usage_bytes(config) // spec.page_size_bytes)
        groups.append({**kept(spec), "layers": len(group.layer_names), "blocks": int(pages)})
    return {"block_bytes": room // found.num_blocks, "groups": groups}


def _with_layout(config: t.Any) -> None:
    """Releases that choose the order of a cache's dimensions want one chosen; it changes nothing of its size."""
    cache = config.cache_config
    if getattr(cache, "kv_cache_layout", "") is None:
        cache.kv_cache_layout = "LBNHC"


def rank_of(config: t.Any, stage: int) -> Answer:
    """Weights and cache of one rank of a stage."""
    module = built(config, stage)
    specs = cache_specs(config)
    counted: dict[str, Answer] = {}
    for spec in specs.values():
        one = kept(spec)
        counted.setdefault(json.dumps(one, sort_keys=True), {**one, "layers": 0})["layers"] += 1
    sizes = tensor_sizes(module)
    found = {
        "weight_bytes": sum(size * count for size, count in sizes),
        "tensors": sizes,
        "cache": list(counted.values()),
        "attention_block": int(config.cache_config.block_size or 0),
    }
    try:
        found |= grouped(config, specs)
    except Exception as error:
        found["grouping_failed"] = own_process().words_of(error)
    return found


# ---- one question


def answer(question: Answer) -> Answer:
    """All that is asked of one model with its options."""
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
        own_process().in_own_process(lambda stage=stage: rank_of(config, stage), question["seconds"])
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

    platform = beside().platform_for(request["gpu"])
    warmed()
    found: Answer = {
        "vllm": vllm.__version__,
        "platform": platform,
        "import_seconds": round(time.monotonic() - began, 1),
    }
    answers = {}
    for question in request["questions"]:
        asked = {**question, "seconds": float(request["seconds"])}
        started = time.monotonic()
        one = own_process().in_own_process(lambda asked=asked: answer(asked), asked["seconds"])
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
