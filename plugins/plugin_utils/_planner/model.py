# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model as the planner knows it: one list of layers, whatever its config.json calls them. Pure data; read_model makes it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Union

if TYPE_CHECKING:
    from .answers import Answered

DTYPE_BYTES = {"float32": 4, "float": 4, "bfloat16": 2, "float16": 2, "half": 2, "auto": 2}


# Architectures that vLLM runs without writing, unless it is told to.
_ONLY_READS = re.compile(r"(For\w+Classification|ForTextEncoding|ForRewardModel\w*|(?<!LMHead)(?<!Chat)Model)$")


class MemoryPlanError(ValueError):
    """The model or the settings cannot be planned; the message says what to change."""


@dataclass(frozen=True)
class Attention:
    """Attention with keys and values."""

    heads: int
    kv_heads: int
    head_dim: int
    # the window of sliding attention, 0 for all tokens
    window: int = 0
    # the window is a chunk: what came before it is not looked at (Llama 4)
    chunked: bool = False
    bias: bool = False
    # queries come with a gate of their own size (Qwen3-Next)
    gated: bool = False
    # False: the keys and values of an earlier layer serve (Gemma 3n and 4), or nothing is kept (encoders)
    cached: bool = True
    projects_keys: bool = True
    # the checkpoint stores the keys' projection only, and vLLM loads it twice (Gemma 4)
    values_are_keys: bool = False

    @property
    def width(self) -> int:
        """Width of all heads' output together."""
        return self.heads * self.head_dim


@dataclass(frozen=True)
class Latent:
    """Multi-head latent attention, as DeepSeek has it; with index_heads also its sparse attention's indexer."""

    heads: int
    kv_rank: int
    rope_dim: int
    nope_dim: int
    value_dim: int
    query_rank: int
    index_heads: int = 0
    index_dim: int = 0

    @property
    def width(self) -> int:
        """Width of all heads' output together."""
        return self.heads * self.value_dim


@dataclass(frozen=True)
class State:
    """A state of fixed size for each request: Mamba 2, or a gated delta net.

    A convolution over inner + 2 x groups x group_width channels, and heads x head_dim x state_size values.
    """

    inner: int
    groups: int
    group_width: int
    heads: int
    head_dim: int
    state_size: int
    conv_kernel: int
    # columns of the input projection for each head, beside the convolution's channels and the gate
    head_scalars: int
    # bytes of one value of the state; 0 follows the model's dtype
    state_bytes: int = 0

    @property
    def is_delta_net(self) -> bool:
        """Whether it is a gated delta net, which has two numbers for each head."""
        return self.head_scalars == 2

    @property
    def width(self) -> int:
        """Width of the output before its projection."""
        return self.inner

    def channels(self, tensor_parallel: int) -> int:
        """Channels of the convolution on one GPU; groups that do not divide are copied to every GPU."""
        groups = self.groups if self.groups % tensor_parallel == 0 else self.groups + tensor_parallel - self.groups
        return (self.inner + 2 * groups * self.group_width) // tensor_parallel


@dataclass(frozen=True)
class Dense:
    """A feed-forward part of one width."""

    width: int
    gated: bool = True


@dataclass(frozen=True)
class Experts:
    """A mixture of experts, with the part that every token passes."""

    count: int
    per_token: int
    width: int
    shared_width: int = 0
    gated: bool = True
    # the width that tokens are brought to for the routed experts; 0: the model's own
    latent: int = 0


Mixer = Union[Attention, Latent, State]
FeedForward = Union[Dense, Experts]


@dataclass(frozen=True)
class Layer:
    """One layer: what looks at other tokens, and what does not; Nemotron-H's layers have one of them."""

    mixer: Mixer | None
    feed_forward: FeedForward | None
    norms: int = 2


@dataclass(frozen=True)
class Quantization:
    """How the linear layers are stored."""

    method: str
    bits: float
    group: int
    # bytes for the scale and zero point of one group
    group_bytes: float
    dynamic_activations: bool = False
    kv_cache_fp8: bool = False
    # parts that stay in the model's own type: attention, dense, shared (experts are never among them)
    plain: frozenset[str] = frozenset()
    # made by vLLM while it loads a checkpoint that is not quantized
    online: bool = False
    # parts that are stored in 8 bits where the others have fewer
    eight_bits: frozenset[str] = frozenset()
    # the head over the vocabulary is among them
    head: bool = False

    def weight_bytes(self, rows: int, columns: int) -> tuple[int, int]:
        """Bytes of one linear layer of columns inputs and rows outputs: its values, and their scales and zero points."""
        groups = -(-columns // self.group) if self.group else 1
        return int(rows * columns * self.bits / 8), int(rows * groups * self.group_bytes)


# Models are compared and hashed by identity: read_model keeps one of each, and plans are kept by it.
@dataclass(frozen=True, eq=False)
class Model:
    """A language model that vLLM serves."""

    architectures: tuple[str, ...]
    model_type: str
    hidden: int
    vocab: int
    tied: bool
    dtype: str
    max_positions: int
    layers: tuple[Layer, ...]
    softcapped: bool
    # an encoder keeps no cache and has no head over the vocabulary
    encoder: bool
    # embeddings of positions and such, on every GPU
    extra_parameters: int
    # bytes of what classifies, or guesses words, in the place of a head over the vocabulary
    head_bytes: int
    # tables of rotary angles, rows of the longest beyond the context, and the part of a head that is rotated
    ropes: int
    rope_rows_beyond: int
    rotated: float
    # parameters of what looks and listens: divided by tensor parallelism, and whole on every GPU
    tower: tuple[int, int]
    # transformers' own code, which vLLM runs where it has none: layers are whole on every GPU
    undivided: bool
    # every pipeline stage holds the embedding, or the head
    embeds_everywhere: bool
    heads_everywhere: bool
    quantization: Quantization | None
    # why only the checkpoint's size says what the weights take; empty where the formulas do
    unsure: str
    # whether the whole architecture is unknown, so that the checkpoint's size must agree with a plain reading
    unknown: bool
    # what vLLM itself said, and whether nothing else is known of the layers
    answered: Answered | None = None
    only_answered: bool = False

    @cached_property
    def mixers(self) -> tuple[Mixer, ...]:
        """The different mixers, in order of first appearance."""
        return tuple(dict.fromkeys(layer.mixer for layer in self.layers if layer.mixer))

    @cached_property
    def feed_forwards(self) -> tuple[FeedForward, ...]:
        """The different feed-forward parts, in order of first appearance."""
        return tuple(dict.fromkeys(layer.feed_forward for layer in self.layers if layer.feed_forward))

    @property
    def heads(self) -> int:
        """Attention heads, which the tensor parallel size must divide."""
        attention = [mixer.heads for mixer in self.mixers if not isinstance(mixer, State)]
        return attention[0] if attention else max((mixer.heads for mixer in self.mixers), default=1)

    @cached_property
    def keeps_states(self) -> bool:
        """Whether some layers keep a state of fixed size for each request."""
        if any(isinstance(mixer, State) for mixer in self.mixers):
            return True
        told = self.answered.stages if self.answered else ()
        return any(group.is_state and not group.is_cross for stage in told for group in stage.groups)

    def generates(self, runner: str) -> bool:
        """Whether it writes text under this runner of vLLM (vllm/config/model.py, _SUFFIX_TO_DEFAULTS), or only reads it."""
        if self.encoder or runner == "pooling":
            return False
        return runner == "generate" or not any(_ONLY_READS.search(name) for name in self.architectures)

    @cached_property
    def latent(self) -> Latent | None:
        """Its latent attention, where it has that."""
        return next((mixer for mixer in self.mixers if isinstance(mixer, Latent)), None)

    @cached_property
    def experts(self) -> Experts | None:
        """Its mixture of experts, where it has one."""
        return next((part for part in self.feed_forwards if isinstance(part, Experts)), None)
