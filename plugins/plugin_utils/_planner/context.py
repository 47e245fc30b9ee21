# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The longest context that vLLM accepts for a model: vllm/config/model.py, _get_and_verify_max_len."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any

from .fields import MOST, Fields, shown
from .model import MemoryPlanError

_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "seq_length",
    "model_max_length",
    "max_target_positions",
    "max_sequence_length",
    "max_seq_length",
    "seq_len",
)
# The positions of these kinds of rotary embedding are written as they are once scaled.
_SCALED_ALREADY = frozenset(
    {"default", "su", "longrope", "llama3", "mrope", "yarn", "deepseek_yarn", "deepseek_llama_scaling"}
)


def derived_context(text: Fields, model_type: str) -> int:
    """The context that follows from the text part of a config.json.

    Newer versions of vLLM take max_position_embeddings for YaRN's context, older ones multiply: the file's own number
    is what both accept.
    """
    positions = [text.whole(name) for name in _NAMES if text.get(name) is not None]
    if text.get("model_max_length") is not None:
        positions = [text.whole("model_max_length")]
    longest = min(positions) if positions else text.whole(_NAMES[0])
    # Gemma 3's 131,072 are scaled already, though its kind of scaling is linear.
    factor = 1.0 if "gemma3" in model_type else _factor(text)
    return min(MOST, int(longest * factor))


def rope_rows_beyond(text: Fields, model_type: str, positions: int) -> int:
    """Rows that a table of rotary angles has beyond the context: Gemma 3's, whose linear scaling lengthens the table alone, and those of
    positions in pictures, which are four times as many (rotary_embedding/mrope.py).
    """
    if any(scaling.get("mrope_section") for scaling in _scalings(text)):
        return min(MOST, 3 * positions)
    if "gemma3" not in model_type:
        return 0
    return min(MOST, int(positions * max(0.0, _factor(text) - 1)))


def rotated(text: Fields) -> float:
    """The part of each head that is rotated."""
    inner = text.get("rope_parameters")
    for value in (
        text.get("partial_rotary_factor"),
        inner.get("partial_rotary_factor") if isinstance(inner, Mapping) else None,
    ):
        if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value <= 1:
            return float(value)
    return 1.0


def _factor(text: Fields) -> float:
    factor = 1.0
    for scaling in _scalings(text):
        kind = scaling.get("rope_type") or scaling.get("type") or "default"
        if str(kind) not in _SCALED_ALREADY and scaling.get("factor") is not None:
            factor = _positive(scaling["factor"])
    return factor


def _scalings(text: Fields) -> Iterator[Mapping[str, Any]]:
    """The file's sections on rotary embeddings: one for all layers, or one for each kind of layer."""
    for name in ("rope_scaling", "rope_parameters"):
        value = text.get(name)
        if isinstance(value, Mapping):
            nested = [part for part in value.values() if isinstance(part, Mapping)]
            yield from nested or [value]
            return


def _positive(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value <= 0:
        raise MemoryPlanError(f"The factor of rope_scaling in the model's config.json cannot be {shown(value)}.")
    return float(value)
