# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What vLLM itself said of a model (the module vllm_engine_info), in the place of formulas. Used by the readers and by stages.

It travels within the config.json under a name of ours, so that whoever plans the model has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from .fields import MOST, Fields
from .model import Attention, Dense, Experts, Layer, MemoryPlanError

NAME = "llmfleet_engine_answer"
_KINDS = frozenset({"full", "latent", "sliding", "chunked", "state", "cross"})


class Laid(NamedTuple):
    """A group of layers as vLLM lays them out."""

    block_tokens: int
    window: int
    is_state: bool
    chunked: bool
    # blocks of a request, where they do not follow from its length
    fixed: int
    # cross attention, which keeps what was heard
    is_cross: bool = False


class AnsweredStage(NamedTuple):
    """One GPU of a pipeline stage."""

    tensors: tuple[tuple[int, int], ...]
    block_bytes: int
    groups: tuple[Laid, ...]


class Answered(NamedTuple):
    """For the sizes that were asked for, and for no others."""

    tensor_parallel: int
    expert_parallel: bool
    stages: tuple[AnsweredStage, ...]
    max_model_len: int
    shape: tuple[tuple[str, int], ...]

    @property
    def told(self) -> dict[str, int]:
        """Its shape by name."""
        return dict(self.shape)


def within(config: Mapping[str, Any], answer: Mapping[str, Any], sizes: tuple[int, bool]) -> dict[str, Any]:
    """The config.json with what vLLM said of it for these sizes."""
    said = {name: answer.get(name) for name in ("stages", "shape", "max_model_len")}
    return {**config, NAME: {**said, "tensor_parallel": sizes[0], "expert_parallel": sizes[1]}}


def answered(whole: Fields) -> Answered | None:
    """What is within a config.json; none where there is nothing, or nothing whole."""
    said = whole.get(NAME)
    if not isinstance(said, Mapping):
        return None
    try:
        stages = tuple(_stage(one) for one in said["stages"])
        shape = tuple(sorted((str(name), _count(value)) for name, value in said["shape"].items()))
        found = Answered(
            _count(said["tensor_parallel"]), bool(said["expert_parallel"]), stages, _count(said["max_model_len"]), shape
        )
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return found if stages and found.max_model_len and found.tensor_parallel else None


def _stage(said: Mapping[str, Any]) -> AnsweredStage:
    tensors = tuple((_count(size), _count(count)) for size, count in said["tensors"])
    groups = tuple(_group(one) for one in said["groups"])
    if not tensors or (groups and not said["block_bytes"]):
        raise ValueError("not whole")
    return AnsweredStage(tensors, _count(said["block_bytes"]), groups)


def _group(said: Mapping[str, Any]) -> Laid:
    if said["kind"] not in _KINDS or not said["block_tokens"]:
        raise ValueError("not whole")
    kind, blocks = said["kind"], _count(said.get("blocks", 0))
    fixed = kind in ("state", "cross")
    window = _count(said["window"])
    return Laid(_count(said["block_tokens"]), window, fixed, kind == "chunked", blocks, kind == "cross")


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST * 2**20:
        raise ValueError("not a count")
    return value


def layers_of(found: Answered) -> tuple[Layer, ...]:
    """A model of that shape, plain: what activation, graphs and sampler are reckoned from where no family is known."""
    told = found.told
    if not told.get("hidden") or not told.get("layers") or not told.get("vocab"):
        raise MemoryPlanError(
            "vLLM's answer does not tell the model's shape. Set gpu_memory_utilization and max_model_len by hand."
        )
    heads = told.get("heads") or 1
    attention = Attention(heads, told.get("kv_heads") or heads, told.get("head_dim") or max(1, told["hidden"] // heads))
    width = told.get("intermediate") or 4 * told["hidden"]
    part: Dense | Experts = Dense(width)
    if told.get("experts", 0) > 1:
        part = Experts(told["experts"], told.get("experts_per_token") or 2, told.get("expert_width") or width)
    return (Layer(attention, part),) * told["layers"]
