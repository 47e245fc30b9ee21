# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A Hugging Face config.json, read into the model that memory depends on. Used by whoever plans."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, Union

from .answers import NAME, Answered, answered, layers_of
from .context import derived_context, rope_rows_beyond, rotated
from .families import Family, family_of, refuse_lists, refuse_untold
from .fields import Fields, shown
from .layers import hidden_size, layer_count
from .model import DTYPE_BYTES, MemoryPlanError, Model
from .quantization import read_quantization
from .towers import tower

_HEADLESS = re.compile(r"(ForSequenceClassification|ForTokenClassification|RewardModel)$")
_TEXT_SECTIONS = ("text_config", "llm_config", "language_config")
# RoBERTa and its kin begin to count positions after their padding token: vllm/model_executor/models/roberta.py.
_OFFSET_POSITIONS = frozenset({"roberta", "xlm-roberta", "camembert"})


class ConfigText(str):
    """A config.json as text, the same for the same contents: what many plans of one model are made with."""


Config = Union[Mapping[str, Any], ConfigText]


def canonical(config: Config) -> ConfigText:
    """The file as text."""
    if isinstance(config, ConfigText):
        return config
    if not isinstance(config, Mapping):
        raise MemoryPlanError("A model's config.json must be a dictionary.")
    try:
        return ConfigText(json.dumps(dict(config), sort_keys=True, default=repr))
    except (TypeError, ValueError, RecursionError) as error:
        raise MemoryPlanError("The model's config.json holds what JSON cannot hold.") from error


def read_model(config: Config, quantization: str | None = None, dtype: str = "auto") -> Model:
    """Read config.json; quantization and dtype are vLLM's options, which win over the file.

    The same file gives the same object, which plans are kept by.
    """
    return _read(canonical(config), quantization, str(dtype))


def longest_context(config: Config) -> int:
    """The longest max_model_len that vLLM accepts for this model without being told to go beyond."""
    return read_model(config).max_positions


@lru_cache(maxsize=1024)
def _read(config_text: ConfigText, quantization: str | None, dtype: str) -> Model:
    whole = Fields(json.loads(config_text))
    told = answered(whole)
    whole = Fields({name: value for name, value in whole.values.items() if name != NAME})
    try:
        found = _by_family(whole, quantization, dtype)
    except MemoryPlanError:
        if not told:
            raise
        return _by_answer(whole, told, quantization, dtype)
    if told and found.unsure:
        return _by_answer(whole, told, quantization, dtype)
    return replace(found, answered=told) if told else found


def _by_answer(whole: Fields, told: Answered, quantization: str | None, dtype: str) -> Model:
    """A model of which only vLLM knows the layers."""
    layers, text = layers_of(told), _text_section(whole) or whole
    return Model(
        architectures=_architectures(whole),
        model_type=text.text("model_type"),
        hidden=told.told["hidden"],
        vocab=told.told["vocab"],
        tied=False,
        dtype=_dtype(whole, text, dtype),
        max_positions=told.max_model_len,
        layers=layers,
        softcapped=False,
        encoder=not any(stage.groups for stage in told.stages),
        extra_parameters=0,
        head_bytes=0,
        ropes=1,
        rope_rows_beyond=0,
        rotated=1.0,
        tower=(0, 0),
        undivided=False,
        embeds_everywhere=False,
        heads_everywhere=False,
        quantization=read_quantization((whole, text), quantization, layers),
        unsure="",
        unknown=False,
        answered=told,
        only_answered=True,
    )


def _by_family(whole: Fields, quantization: str | None, dtype: str) -> Model:
    section = _text_section(whole)
    nested = section is not None
    bare = section or whole
    model_type = bare.text("model_type") or whole.text("model_type")
    architectures = _architectures(whole) or _architectures(bare)
    family, is_known = family_of(architectures, model_type, nested)
    name = (architectures[0] if architectures else model_type) or "this model"
    text = Fields(bare.values, family.defaults)
    label = f"{name} ({model_type})" if model_type else name
    refuse_untold(text, family, label)
    refuse_lists(text, family, label, layer_count(text))
    positions, made = _positions(text, model_type, family), family.layers(text, family.traits)
    return Model(
        architectures=architectures,
        model_type=model_type,
        hidden=hidden_size(text),
        vocab=text.whole("vocab_size"),
        tied=_tied(whole, text, family, architectures),
        dtype=_dtype(whole, text, dtype),
        max_positions=positions,
        layers=made,
        softcapped=bool(text.get("final_logit_softcapping")),
        encoder=family.encoder,
        extra_parameters=_position_embeddings(text, family),
        head_bytes=_head_bytes(text, name, model_type, family),
        ropes=family.ropes,
        rope_rows_beyond=rope_rows_beyond(text, model_type, positions),
        rotated=rotated(text),
        tower=tower(whole, hidden_size(text)),
        undivided=family.undivided,
        embeds_everywhere=family.embeds_everywhere,
        heads_everywhere=family.heads_everywhere,
        quantization=read_quantization((whole, text), quantization, made),
        unsure=family.unsure if is_known else f"the planner does not know the architecture {shown(name)}",
        unknown=not is_known,
    )


def _text_section(whole: Fields) -> Fields | None:
    """Models with pictures describe their language part in a section of its own."""
    for name in _TEXT_SECTIONS:
        section = whole.section(name)
        if section and (section.get("hidden_size") is not None or section.get("model_type") is not None):
            return section
    return None


def _architectures(fields: Fields) -> tuple[str, ...]:
    names = fields.get("architectures")
    return tuple(name for name in names if isinstance(name, str)) if isinstance(names, (list, tuple)) else ()


def _tied(whole: Fields, text: Fields, family: Family, architectures: tuple[str, ...]) -> bool:
    """Absent means the default of the model's class; the outer file decides (vllm/config/vllm.py, with_hf_config).

    What classifies or rewards has no head over the vocabulary (model_executor/models/adapters.py).
    """
    if any(_HEADLESS.search(name) for name in architectures):
        return True
    if family.never_tied:
        return False
    for fields in (whole, text):
        if fields.get("tie_word_embeddings") is not None:
            return family.encoder or fields.flag("tie_word_embeddings")
    return family.tied


def _dtype(whole: Fields, text: Fields, asked: str) -> str:
    if asked != "auto":
        if asked not in DTYPE_BYTES:
            raise MemoryPlanError(f"dtype {shown(asked)} is not one of {', '.join(sorted(DTYPE_BYTES))}.")
        return asked
    stored = text.text("dtype", "torch_dtype") or whole.text("dtype", "torch_dtype") or "bfloat16"
    stored = stored.replace("torch.", "")
    # vLLM serves float32 checkpoints in 16 bits: vllm/config/model.py, _get_and_verify_dtype.
    return "bfloat16" if stored == "float32" or stored not in DTYPE_BYTES else stored


def _positions(text: Fields, model_type: str, family: Family) -> int:
    longest = derived_context(text, model_type)
    if family.encoder and model_type in _OFFSET_POSITIONS:
        return max(1, longest - text.count("pad_token_id", default=1) - 1)
    return longest


def _position_embeddings(text: Fields, family: Family) -> int:
    if family.encoder:
        rows = text.count("max_position_embeddings") + text.count("type_vocab_size", default=1)
    elif family.position_rows is not None:
        rows = text.count("max_position_embeddings", "n_positions") + family.position_rows
        if family.undivided:
            # Of transformers' own code: one byte for each pair of positions, the mask.
            return rows * hidden_size(text) + rows * rows // 2
    else:
        return 0
    return rows * hidden_size(text)


def _head_bytes(text: Fields, architecture: str, model_type: str, family: Family) -> int:
    """BERT's head that guesses words is whole on every GPU, and RoBERTa's is left out; what scores texts has 32 bits (bert.py, roberta.py)."""
    hidden = hidden_size(text)
    if family.encoder and architecture.endswith("ForMaskedLM") and model_type not in _OFFSET_POSITIONS:
        return 2 * hidden * (hidden + text.whole("vocab_size"))
    if family.encoder and architecture.endswith("ForSequenceClassification"):
        return 4 * hidden * hidden
    return 0
