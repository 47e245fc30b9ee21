# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What depends on vLLM's version, in one table. Read in vLLM's own source at the versions named."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

_V2_IN_0_22 = frozenset({"Qwen3ForCausalLM"})
_V2_IN_0_24 = _V2_IN_0_22 | frozenset(
    {
        "DeepseekV2ForCausalLM",
        "GraniteMoeForCausalLM",
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "Qwen2MoeForCausalLM",
    }
)
_V2_MOE_IN_0_26 = frozenset(
    {
        "DeepseekV2ForCausalLM",
        "GraniteMoeForCausalLM",
        "InklingForCausalLM",
        "InklingForConditionalGeneration",
        "LongcatFlashNgramForCausalLM",
        "Qwen2MoeForCausalLM",
    }
)


@dataclass(frozen=True)
class Engine:
    """The traits of one vLLM version that memory depends on."""

    since: tuple[int, int, int]
    # vllm/config/cache.py: CacheConfig.gpu_memory_utilization.
    default_utilization: float = 0.92
    # vllm/config/vllm.py: use_v2_model_runner. Which models run on the V2 model runner.
    v2_for_all: bool = False
    v2_for_dense: bool = False
    v2_architectures: frozenset[str] = frozenset()
    # vllm/v1/worker/gpu_worker.py: VLLM_MEMORY_PROFILER_ESTIMATE_CUDAGRAPHS is on from 0.21.0.
    subtracts_graph_estimate: bool = True
    # vllm/v1/worker/gpu/model_runner.py: profile_cudagraph_memory returns 0 in the V2 runner.
    v2_estimates_graphs: bool = False
    # vllm/utils/mem_utils.py: memory_profiling counts what torch holds since the start (sampler state too).
    counts_sampler_state: bool = False
    # vllm/v1/kv_cache_interface.py: a sliding window reserves for every batch in flight, or for one.
    reserves_batches_in_flight: bool = False
    # vllm/envs.py: VLLM_ALLOW_CHUNKED_LOCAL_ATTN_WITH_HYBRID_KV_CACHE is on, so layers of chunked attention keep a chunk each.
    keeps_chunks: bool = False
    # vllm/engine/arg_utils.py: models with states of fixed size have prefix caching too unless it is switched off (vllm-project/vllm#50991).
    hybrids_cache_prefixes: bool = False
    # vllm/engine/arg_utils.py: get_batch_defaults has a tier of its own from 160 GiB on.
    large_gpu_tier: bool = False
    # vllm/model_executor/layers/quantization/mxfp4.py padded experts for its kernels: their width and the hidden size to
    # multiples of these. gpt-oss-120b took 65.97 GiB in 0.10.1 (vllm-project/vllm#23278) and 64.38 in 0.14.1 (#33155)
    # where 60.98 are stored; 0.26.0 pads the width of one GPU to a multiple of 64, which is none of gpt-oss's on one GPU.
    mxfp4_multiples: tuple[int, int] = (1, 1)


_V0_11 = Engine(since=(0, 0, 0), default_utilization=0.9, subtracts_graph_estimate=False, mxfp4_multiples=(128, 256))
_V0_14 = replace(_V0_11, since=(0, 14, 0), mxfp4_multiples=(1, 256))
_V0_21 = replace(_V0_14, since=(0, 21, 0), default_utilization=0.92, subtracts_graph_estimate=True)
_V0_22 = replace(_V0_21, since=(0, 22, 0), v2_architectures=_V2_IN_0_22)
_V0_24 = replace(_V0_22, since=(0, 24, 0), v2_architectures=_V2_IN_0_24)
_V0_26 = replace(
    _V0_24,
    since=(0, 26, 0),
    v2_for_dense=True,
    v2_architectures=_V2_MOE_IN_0_26,
    reserves_batches_in_flight=True,
    keeps_chunks=True,
    mxfp4_multiples=(64, 1),
)
_V0_28 = replace(
    _V0_26,
    since=(0, 28, 0),
    v2_architectures=_V2_MOE_IN_0_26 | {"DeepseekV4ForCausalLM", "KimiK3ForConditionalGeneration"},
    counts_sampler_state=True,
    hybrids_cache_prefixes=True,
    large_gpu_tier=True,
)
_V0_30 = replace(_V0_28, since=(0, 30, 0), v2_for_all=True, v2_estimates_graphs=True)

ENGINES = (_V0_11, _V0_14, _V0_21, _V0_22, _V0_24, _V0_26, _V0_28, _V0_30)


def parse_version(text: str) -> tuple[int, int, int]:
    """Turn "v0.26.0" or "0.26.0-cu129" into (0, 26, 0)."""
    digits = []
    for part in text.strip().lstrip("v").split("-")[0].split("+")[0].split("."):
        number = "".join(char for char in part if char.isdigit())
        digits.append(int(number) if number else 0)
    padded = [*digits, 0, 0, 0]
    return padded[0], padded[1], padded[2]


@lru_cache(maxsize=64)
def engine_for(version: str) -> Engine:
    """The traits of the newest known version that is not newer than the one asked for."""
    wanted = parse_version(version)
    return [engine for engine in ENGINES if engine.since <= wanted][-1]


def uses_v2_runner(engine: Engine, architectures: tuple[str, ...], is_moe: bool, is_special: bool = False) -> bool:
    """Whether vLLM picks its V2 model runner for this model. Special are those that keep states, and those that generate nothing."""
    if engine.v2_for_all:
        return True
    if is_special:
        return False
    if engine.v2_for_dense and not is_moe:
        return True
    return any(name in engine.v2_architectures for name in architectures)


def default_batch(engine: Engine, gpu_bytes: int) -> tuple[int, int]:
    """vLLM's (max_num_seqs, max_num_batched_tokens) of its API server for a GPU of this size."""
    gib = gpu_bytes / 1024**3
    if engine.large_gpu_tier and gib >= 160:
        return 1024, 16384
    return (1024, 8192) if gib >= 70 else (256, 2048)
