# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A model's modules made without memory: weights and cache of one GPU. Only program.py imports it, by its name, inside an image.

Modules are built on the meta device, whose tensors have sizes and no memory, on a fake process group: any tensor, pipeline and expert parallel
size on one process.
"""

from __future__ import annotations

import importlib
import json
import math
import typing as t

Answer = dict[str, t.Any]


def beside(name: str) -> t.Any:
    """Another file beside this one, which goes into the image with it."""
    return importlib.import_module(name)


def built(config: t.Any, stage: int) -> list[t.Any]:
    """The tensors of one rank of a pipeline stage, without memory. The configuration is changed for good: one rank a process."""
    import torch
    from vllm.config import set_current_vllm_config
    from vllm.model_executor.model_loader.utils import initialize_model

    parallel = config.parallel_config
    rank = stage * parallel.tensor_parallel_size
    with set_current_vllm_config(config):
        _groups(parallel.tensor_parallel_size, parallel.pipeline_parallel_size, rank)
        torch.set_default_dtype(config.model_config.dtype)
        with torch.device("meta"), beside("stand_in").sizes_only():
            module = initialize_model(vllm_config=config)
            found = [*module.parameters(), *module.buffers(), *beside("extras").adapter_slots(config, module)]
            if stage == parallel.pipeline_parallel_size - 1:
                found += beside("extras").draft(config, module)
        _aligned(config)
    return found


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


def tensor_sizes(tensors: list[t.Any]) -> list[list[int]]:
    """Bytes and number of the tensors of each size, in order of first appearance."""
    sizes: dict[int, int] = {}
    seen: set[int] = set()
    for tensor in tensors:
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
    chunk = getattr(spec, "attention_chunk_size", 0) or 0
    window = chunk or getattr(spec, "sliding_window", 0) or 0
    if name.startswith(("Mamba", "ShortConv", "Linear")):
        kind = "state"
    elif name.startswith("CrossAttention"):
        kind = "cross"
    elif name.startswith("EncoderOnly"):
        kind = "none"
    elif name.startswith("ChunkedLocal"):
        kind = "chunked"
    else:
        kind = "sliding" if window and name.startswith("SlidingWindow") else "latent" if "MLA" in name else "full"
    raw = _state_bytes(spec) if kind == "state" else _unpadded(spec)
    return {
        "kind": kind,
        "block_tokens": int(spec.block_size),
        "bytes": int(raw if isinstance(raw, int) else spec.page_size_bytes),
        "window": int(window) if kind in ("sliding", "chunked") else 0,
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
    tensors = built(config, stage)
    specs = cache_specs(config)
    counted: dict[str, Answer] = {}
    for spec in specs.values():
        one = kept(spec)
        counted.setdefault(json.dumps(one, sort_keys=True), {**one, "layers": 0})["layers"] += 1
    sizes = tensor_sizes(tensors)
    found = {
        "weight_bytes": sum(size * count for size, count in sizes),
        "tensors": sizes,
        "cache": list(counted.values()),
        "attention_block": int(config.cache_config.block_size or 0),
    }
    try:
        found |= grouped(config, specs)
    except Exception as error:
        found["grouping_failed"] = beside("own_process").words_of(error)
    return found
