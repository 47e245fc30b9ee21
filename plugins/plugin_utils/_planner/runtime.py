# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a running engine takes beside weights and KV cache.

The formulas follow vLLM's code; the constants were read off runs of vLLM 0.26.0 on an H100 (docs/planner.md).
"""

from __future__ import annotations

from dataclasses import dataclass

from .model import DTYPE_BYTES, Dense, Experts, FeedForward, Latent, Model, State
from .weights import Stage, embedding_bytes

MIB = 1024**2
GIB = 1024**3

# cuBLAS keeps one workspace of this size on Hopper (torch aten/src/ATen/cuda/CublasHandlePool.cpp).
CUBLAS_WORKSPACE = 32 * MIB
# Compiling for the first time leaves this much more live at the peak.
COMPILE_OVERHEAD = 50 * MIB
# CUDA's context and vLLM's kernels, there before vLLM's first look at the memory.
CONTEXT = int(0.515 * GIB)
NON_TORCH = int(0.225 * GIB)
# As soon as a replica has several GPUs, NCCL and one communicator for each group of GPUs (tensor, pipeline, experts) come beside the context,
# before vLLM's first look, and less is left for after it. Measured on H100 and H200: 0.95 GiB with one group, 1.43 with two, whatever their size.
COMMUNICATION = int(0.47 * GIB)
COMMUNICATOR = int(0.48 * GIB)
# Pipelines make two more with their first requests, one for hidden states and one for sampled tokens (v1/worker/gpu/pp_utils.py): 0.8 to
# 1.4 GiB on each GPU in five runs.
PIPELINE_COMMUNICATORS = 2
NON_TORCH_OF_SEVERAL = int(0.07 * GIB)
NON_TORCH_OF_SEVERAL_WITH_EXPERTS = int(0.105 * GIB)
# What the graphs of the V2 runner then hold beside: 0.10 to 0.17 GiB above the formula for one GPU in four runs.
GRAPHS_OF_SEVERAL = int(0.13 * GIB)
# What sampling with every feature on leaves in torch's cache for each value of the logits: by FlashInfer's sampler, which vLLM takes where
# it can, and by vLLM's own. Measured with 256 and 1024 requests on one, two and four GPUs.
SAMPLED_BYTES = 16.6
SAMPLED_BYTES_WITHOUT_FLASHINFER = 8.6
# A state's input projection, its reordered copies and its convolution's output while a layer runs, in halves of the projection: 1.30 GiB of
# Qwen3-Next's delta nets and 1.06 of Nemotron 3 Nano's Mamba 2 with 8,192 tokens.
STATE_COPIES = 6
# What the kernels of delta nets take once requests come, in 32-bit values of the layer's width for each token: 1.7 GiB of Qwen3-Next on one GPU.
DELTA_NET_CHUNKS = 13
TOWER = int(0.8 * GIB)
# Requests take this much of what runs on the V1 runner: 0.0 to 0.4 GiB in 17 runs.
V1_GROWTH = int(0.25 * GIB)
# Without graphs most of the activation stays in torch's cache.
EAGER_LEFT = 0.75
# Hidden vectors that experts keep beside once their outputs are summed up over GPUs: 1.4 to 1.7 of GLM-4.5-Air, gpt-oss and DeepSeek-V2-Lite,
# and why 9 of Qwen3-30B-A3B is not known.
SUMMED_EXPERTS = 2
SUMMED_EXPERTS_OF = {"Qwen3MoeForCausalLM": 9}
# What latent attention keeps beside: 0.2 to 0.45 GiB in three runs of one model.
LATENT_BESIDE = int(0.25 * GIB)
# logit_bias.py, bad_words.py: 1024 allowed, 2 x 1024 biased, 128 stop and 1024 + 129 bad-word entries of 4 bytes.
SAMPLER_ROW = 4 * (1024 + 2048 + 128 + 1024 + 129)
# FlashAttention splits a request's keys into up to this many parts under CUDA graphs
# (vllm/v1/attention/backends/flash_attn.py, flash_attn_max_num_splits_for_cuda_graph).
ATTENTION_SPLITS = 32


@dataclass(frozen=True)
class Batch:
    """The sizes that vLLM profiles with."""

    sequences: int
    tokens: int
    eager: bool
    cold: bool
    v2_runner: bool
    tensor_parallel: int
    pipeline_parallel: int = 1
    # False: an embedding or a reranker, which samples nothing
    generates: bool = True
    flashinfer_sampler: bool = True
    # each GPU has whole experts
    whole_experts: bool = False

    @property
    def several(self) -> bool:
        """Whether a replica has several GPUs."""
        return self.tensor_parallel * self.pipeline_parallel > 1


def _body_per_token(model: Model, tensor_parallel: int) -> int:
    """Bytes per token at the widest point of a layer.

    In the MLP the fused gate and up projection, its activated product, the residual, the normalised input, and the
    attention's output, which the compiled piece got as its input, are alive at once.
    """
    size = DTYPE_BYTES[model.dtype]
    output = max((mixer.width for mixer in model.mixers), default=0) // tensor_parallel * size
    around = 2 * model.hidden * size + output
    return max(_dense_bytes(model, tensor_parallel), _state_bytes(model, tensor_parallel)) + around


def _dense_bytes(model: Model, tensor_parallel: int) -> int:
    size, parts = DTYPE_BYTES[model.dtype], [_dense_of(part) for part in model.feed_forwards]
    widest = max(parts, key=lambda part: part.width, default=Dense(0))
    wide = widest.width // tensor_parallel
    quantized = model.quantization and model.quantization.dynamic_activations
    # Dynamic fp8 writes the activated product in one byte a value and keeps the quantized input.
    product = (wide + model.hidden) if quantized else wide * size
    return (2 if widest.gated else 1) * wide * size + product


def _dense_of(part: FeedForward) -> Dense:
    return part if isinstance(part, Dense) else Dense(part.shared_width, part.gated)


def _state_bytes(model: Model, tensor_parallel: int) -> int:
    """What a state-space layer has alive beside its input and output."""
    size = DTYPE_BYTES[model.dtype]
    states = [mixer for mixer in model.mixers if isinstance(mixer, State)]
    return max(
        (STATE_COPIES * (state.channels(tensor_parallel) + state.inner // tensor_parallel) * size for state in states),
        default=0,
    )


def _experts_per_token(model: Model, batch: Batch) -> int:
    """Workspaces of fused_moe/experts/triton_moe.py, workspace_shapes: two per routed expert.

    Measured beside them: nine vectors of the hidden size, those of the layer and copies around the routing.
    """
    experts = model.experts
    if experts is None:
        return 0
    summed = max((SUMMED_EXPERTS_OF.get(name, SUMMED_EXPERTS) for name in model.architectures), default=SUMMED_EXPERTS)
    # Experts in a space of their own are summed up once they have left it, with what every token passes.
    vectors = 9 + (summed if batch.tensor_parallel > 1 and not experts.latent else 0)
    return _workspace_per_token(model, batch) + DTYPE_BYTES[model.dtype] * vectors * model.hidden


def _workspace_per_token(model: Model, batch: Batch) -> int:
    experts = model.experts
    if experts is None:
        return 0
    width = experts.width // (1 if batch.whole_experts else batch.tensor_parallel)
    hidden = experts.latent or model.hidden
    up = 2 * width if experts.gated else width
    return DTYPE_BYTES[model.dtype] * experts.per_token * (max(width, hidden) + max(up, hidden))


def workspace(model: Model, batch: Batch) -> int:
    """What profiling took and the engine keeps: the experts' workspaces (v1/worker/workspace.py), and beside latent attention."""
    beside = LATENT_BESIDE if model.latent else 0
    return batch.tokens * _workspace_per_token(model, batch) + beside


def _latent_bytes(model: Model, batch: Batch, max_model_len: int) -> int:
    """mla_attention.py profiles its worst case: keys and values of one chunk, unpacked for all heads."""
    latent = model.latent
    if latent is None:
        return 0
    chunk = min(max(8 * max_model_len, 4 * batch.sequences * 16), 64 * 1024)
    heads = latent.heads // batch.tensor_parallel
    size = DTYPE_BYTES[model.dtype]
    unpacked = chunk * heads * (latent.nope_dim + latent.value_dim)
    queries = batch.tokens * (heads * (latent.nope_dim + latent.rope_dim) + 3 * model.hidden)
    return size * (unpacked + queries)


def activation(model: Model, stage: Stage, batch: Batch, max_model_len: int) -> int:
    """Peak of torch's memory in the profiling run, above the weights."""
    body = CUBLAS_WORKSPACE + max(
        batch.tokens * _body_per_token(model, batch.tensor_parallel),
        batch.tokens * _experts_per_token(model, batch),
        _latent_bytes(model, batch, max_model_len),
    )
    peak = max(body, _logits(model, batch)) if stage.holds_head and batch.generates else body
    if not batch.cold or batch.eager:
        return peak
    return max(body + COMPILE_OVERHEAD, peak, _first_compile(model, stage, batch))


def _logits(model: Model, batch: Batch) -> int:
    """The sampler of the profiling run.

    The V2 runner profiles greedy sampling: the logits, twice where they are soft-capped. The V1 runner warms up
    top-k and top-p: the logits, their 32-bit copy, and three more of that size.
    """
    rows = min(batch.sequences, batch.tokens)
    size = DTYPE_BYTES[model.dtype]
    per_value = size * (2 if model.softcapped else 1) if batch.v2_runner else size + 16
    shards = size if batch.tensor_parallel > 1 else 0
    values = rows * model.vocab
    hidden = batch.tokens * model.hidden * size
    return CUBLAS_WORKSPACE + hidden + int(values * (per_value + shards / batch.tensor_parallel))


def _first_compile(model: Model, stage: Stage, batch: Batch) -> int:
    """A first start compiles the piece with the embedding, and a copy of its table is alive meanwhile."""
    if not stage.holds_embedding:
        return 0
    size = DTYPE_BYTES[model.dtype]
    live = batch.tokens * model.hidden * 2 * size
    if model.quantization and model.quantization.dynamic_activations:
        live += batch.tokens * model.hidden
    return embedding_bytes(model, batch.tensor_parallel) + live


def communication(model: Model, batch: Batch) -> int:
    """Beside the context of each GPU, outside vLLM's share: distributed/parallel_state.py, initialize_model_parallel."""
    if not batch.several:
        return 0
    return COMMUNICATION + _groups(model, batch) * COMMUNICATOR


def _groups(model: Model, batch: Batch) -> int:
    within_stage = batch.tensor_parallel > 1
    return within_stage + (batch.pipeline_parallel > 1) + (within_stage and model.experts is not None)


def pipeline(batch: Batch) -> int:
    """What comes with the first requests through a pipeline."""
    return PIPELINE_COMMUNICATORS * COMMUNICATOR if batch.pipeline_parallel > 1 else 0


def tower(model: Model, stage: Stage) -> int:
    """What pictures take once it serves, and as much again under load: 0.95 and 1.7 GiB above the plan of Qwen3-VL-4B, with 64 pictures of 896
    x 896 points.
    """
    return TOWER if stage.holds_embedding and any(model.tower) else 0


def non_torch(model: Model, batch: Batch) -> int:
    """What is taken outside of torch after vLLM's first look."""
    if not batch.several:
        return NON_TORCH
    experts = batch.tensor_parallel > 1 and model.experts
    return NON_TORCH_OF_SEVERAL_WITH_EXPERTS if experts else NON_TORCH_OF_SEVERAL


def growth(model: Model, batch: Batch, peak: int, left: int) -> int:
    """What requests take once it serves, above what the warm-up left: the V2 runner's cache was emptied after profiling, so its activation
    is taken anew; the V1 runner's warm-up keeps it. *peak* is that of a start that compiles nothing.
    """
    beside = _between_stages(model, batch) + _delta_nets(model, batch)
    if not batch.v2_runner:
        return V1_GROWTH + beside
    # What is summed up over GPUs lies beside its parts.
    summed = batch.tokens * model.hidden * 2 * DTYPE_BYTES[model.dtype] if batch.tensor_parallel > 1 else 0
    return max(0, peak + summed - _reused(model, batch, peak, left)) + beside


def _reused(model: Model, batch: Batch, peak: int, left: int) -> int:
    """What requests find in torch's cache. Without graphs nothing has emptied it. Else they use the warm-up's logits where these are blocks
    as large as what they need: with 1024 requests the rest was 0 to 0.4 GiB in seven runs, with 256 everything.
    """
    if batch.eager:
        return int(EAGER_LEFT * peak)
    logits = min(batch.sequences, batch.tokens // 2) * model.vocab * 4
    widest = max((_dense_of(part).width for part in model.feed_forwards), default=0) // batch.tensor_parallel
    if logits < 2 * batch.tokens * widest * DTYPE_BYTES[model.dtype]:
        return 0
    return left // 2


def _delta_nets(model: Model, batch: Batch) -> int:
    states = [mixer for mixer in model.mixers if isinstance(mixer, State) and mixer.is_delta_net]
    widest = max((state.inner for state in states), default=0) // batch.tensor_parallel
    return DELTA_NET_CHUNKS * 4 * widest * batch.tokens


def _between_stages(model: Model, batch: Batch) -> int:
    """Hidden states and residuals of the batches in flight, gathered from their parts where a stage has several GPUs."""
    if batch.pipeline_parallel == 1:
        return 0
    one = batch.tokens * model.hidden * 2 * DTYPE_BYTES[model.dtype]
    return (batch.pipeline_parallel + 1) * one * (2 if batch.tensor_parallel > 1 else 1)


# model_executor/models/config.py, GptOssForCausalLMConfig.
_LARGEST_GRAPH = {"GptOssForCausalLM": 1024}


def capture_sizes(sequences: int, tokens: int = 8192, architectures: tuple[str, ...] = ()) -> list[int]:
    """vllm/config/vllm.py, _set_cudagraph_sizes; a model's own largest size stands whatever the number of requests."""
    own = [_LARGEST_GRAPH[name] for name in architectures if name in _LARGEST_GRAPH]
    largest = min(own[0] if own else min(2 * sequences, 512), tokens)
    sizes = [1, 2, 4, *range(8, 256, 8), *range(256, largest + 1, 16)]
    return [size for size in sizes if size <= largest]


def graphs(model: Model, stage: Stage, batch: Batch) -> int:
    """Memory of the CUDA graphs: the largest batch's tensors, and the nodes of every graph of every layer."""
    if batch.eager:
        return 0
    sizes = capture_sizes(batch.sequences, batch.tokens, model.architectures)
    full = [size for size in sizes if size <= batch.sequences]
    splits = ATTENTION_SPLITS * full[-1] * _decode_width(model) * 4 // batch.tensor_parallel
    tensors = sizes[-1] * _body_per_token(model, batch.tensor_parallel)
    nodes = (len(stage.layers) + _on_own_stream(model, stage)) * (len(sizes) + len(full)) * GRAPH_NODE
    return int(nodes + GRAPH_SPLITS * splits + 2 * tensors)


def _on_own_stream(model: Model, stage: Stage) -> int:
    """Layers whose shared expert runs beside the others (fused_moe/runner/shared_experts.py): seen to take about as much again."""
    parts = [model.layers[index].feed_forward for index in stage.layers]
    return sum(1 for part in parts if isinstance(part, Experts) and part.shared_width)


def _decode_width(model: Model) -> int:
    """Width of the attention's output while decoding; latent attention decodes in the latent space (flashattn_mla.py)."""
    widths = [mixer.heads * mixer.kv_rank if isinstance(mixer, Latent) else mixer.width for mixer in model.mixers]
    return max(widths, default=0)


GRAPH_NODE = int(0.105 * MIB)
GRAPH_SPLITS = 1.45
# The estimate that vLLM takes out of the KV cache comes out about this share of what the graphs then take.
GRAPH_ESTIMATE = 0.81


def sampler_state(model: Model, batch: Batch) -> int:
    """Per-request state of the V2 sampler: vllm/v1/worker/gpu/sample/penalties.py, a counter and a bit per token."""
    if not batch.v2_runner or not batch.generates:
        return 0
    return batch.sequences * (4 * model.vocab + model.vocab // 8 + SAMPLER_ROW)


def sampler_cache(model: Model, batch: Batch, peak: int) -> int:
    """What the warm-up of the sampler leaves in torch's cache, outside vLLM's own sum.

    The V2 runner prefills two tokens for every request and samples with every feature on (warmup.py,
    warmup_kernels): logits, their copies and the probabilities come to SAMPLED_BYTES a value. Without graphs nothing
    empties the cache after profiling, so most of the activation stays too.
    """
    if not batch.generates:
        # Nothing empties the cache of the first runner, so that the activation stays: 0.5 to 0.8 GiB in three runs.
        return peak
    values = min(batch.sequences, batch.tokens // 2) * model.vocab
    left = int(EAGER_LEFT * peak) if batch.eager else 0
    if not batch.v2_runner:
        return values * (DTYPE_BYTES[model.dtype] + 16) + 256 * MIB + left
    prefill = min(2 * batch.sequences, batch.tokens) * _body_per_token(model, batch.tensor_parallel)
    per_value = SAMPLED_BYTES if batch.flashinfer_sampler else SAMPLED_BYTES_WITHOUT_FLASHINFER
    return int(per_value * values) + 80 * MIB + (left or prefill)


def driver_reserve(total: int) -> int:
    """What the driver keeps for itself, outside CUDA's total but inside nvidia-smi's: 480 MiB of an H100."""
    return int(302 * MIB + 0.0022 * total)
