# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of any type in a config.json and in the settings: a plan or MemoryPlanError, nothing else."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.lookup import complete
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.options import settings_from
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.plan import plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.reader import longest_context, read_model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.settings import EngineSettings

PUBLISHED = json.loads((Path(__file__).parents[2] / "data" / "published_configs.json").read_text(encoding="utf-8"))
CONFIGS = {
    **PUBLISHED,
    **{name: CATALOGUE[name]["config"] for name in ("Qwen/Qwen3-30B-A3B", "deepseek-ai/DeepSeek-V2-Lite")},
    **{name: CATALOGUE[name]["config"] for name in ("openai/gpt-oss-20b", "Qwen/Qwen2.5-7B-Instruct-AWQ")},
}
ODD: list[Any] = [
    None,
    True,
    "",
    "8",
    "many",
    0,
    -1,
    1,
    3,
    1.5,
    10**12,
    10**40,
    math.inf,
    math.nan,
    [],
    [1, 2],
    [None] * 32,
    {},
    {"a": 1},
    [{"x": []}],
    "x" * 5000,
    "{{ lookup('pipe', 'id') }}",
    "64k",
]


def mutations(config: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The config with one value replaced, at any depth."""
    for key, value in config.items():
        for odd in ODD:
            yield {**config, key: odd}
        if isinstance(value, dict):
            for inner in mutations(value):
                yield {**config, key: inner}
        yield {name: kept for name, kept in config.items() if name != key}


def survives(config: Any, **options: Any) -> None:
    settings = EngineSettings(**{"gpu_memory_gib": 79.18, "vllm_version": "0.32.0", "max_model_len": 4096, **options})
    try:
        found = plan(config, settings)
    except MemoryPlanError as error:
        assert len(str(error)) < 600
    else:
        assert isinstance(found["fits"], bool)
        json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("name", CONFIGS)
def test_one_odd_value(name: str) -> None:
    for config in mutations(CONFIGS[name]):
        survives(config)


@pytest.mark.parametrize("seed", range(6))
def test_several_odd_values(seed: int) -> None:
    chance = random.Random(seed)
    keys = sorted({key for config in CONFIGS.values() for key in (*config, *config.get("text_config", ()))})
    for _try in range(400):
        config = dict(CONFIGS[chance.choice(sorted(CONFIGS))])
        for key in chance.sample(keys, 4):
            config[key] = chance.choice(ODD)
        survives(config, weight_bytes=chance.choice([None, 1, 10**10]), tensor_parallel_size=chance.choice([1, 2, 7]))


@pytest.mark.parametrize("config", [None, 5, "text", "[]", [], {}, {"text_config": 5}, {1: 2}, {(1, 2): 3}], ids=str)
def test_no_config_at_all(config: Any) -> None:
    with pytest.raises(MemoryPlanError):
        read_model(config)
    with pytest.raises(MemoryPlanError):
        longest_context(config)


def test_a_config_that_is_nested_too_deeply() -> None:
    config: dict[str, Any] = {}
    inner = config
    for _level in range(100000):
        inner["text_config"] = {}
        inner = inner["text_config"]
    with pytest.raises(MemoryPlanError):
        read_model(config)


@pytest.mark.parametrize("odd", ODD, ids=lambda value: repr(value)[:20])
def test_settings_of_any_type(odd: Any) -> None:
    for name in EngineSettings.__dataclass_fields__:
        survives(CONFIGS["Qwen3-Next-80B-A3B"], **{name: odd})
        try:
            settings_from({"gpu_memory_gib": 79.18, "vllm_version": "0.32.0", name: odd})
        except MemoryPlanError as error:
            assert len(str(error)) < 600


@pytest.mark.parametrize("weight_bytes", [None, 0, -5, "many", 1.5, True, 10**30, []])
def test_descriptions_of_any_kind_are_completed(weight_bytes: Any) -> None:
    for config in ({}, {"model_type": 5}, PUBLISHED["Gemma-4-31B"], CONFIGS["Qwen/Qwen3-30B-A3B"]):
        found = complete({"repository": None, "config": config, "weight_bytes": weight_bytes}, "0.32.0")
        assert isinstance(found["planner_note"], str)


QWEN3 = CATALOGUE["Qwen/Qwen3-8B"]["config"]
V2_LITE = CATALOGUE["deepseek-ai/DeepSeek-V2-Lite"]["config"]
GEMMA4 = PUBLISHED["Gemma-4-31B"]


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            {**QWEN3, "num_key_value_heads": 5},
            "32 attention heads (num_attention_heads), which 5 heads of keys and values (num_key_value_heads) can't",
        ),
        ({**QWEN3, "hidden_size": [4096]}, "hidden_size in the model's config.json differs by layer"),
        ({**QWEN3, "quantization_config": {"quant_method": "{{ x }}"}}, "quantization method '{{ x }}' (quant_method)"),
        (
            {**GEMMA4, "text_config": "{{ x }}"},
            "text_config in the model's config.json must be a dictionary, not '{{ x }}'",
        ),
        ({**GEMMA4, "vision_config": [1]}, "vision_config in the model's config.json must be a dictionary, not [1]"),
        ({**QWEN3, "num_key_value_heads": 64}, "which 64 heads"),
        ({**QWEN3, "num_key_value_heads": 0}, "num_key_value_heads in the model's config.json cannot be 0"),
        (
            {**QWEN3, "quantization_config": "fp8"},
            "quantization_config in the model's config.json must be a dictionary, not 'fp8'",
        ),
        ({**QWEN3, "quantization_config": {"quant_method": None}}, "names no quant_method"),
        ({**V2_LITE, "num_experts_per_tok": 999}, "sends each token to 999 of 64 experts"),
        ({**V2_LITE, "moe_intermediate_size": None}, "leaves moe_intermediate_size to the library's default"),
        ({**V2_LITE, "kv_lora_rank": None}, "leaves kv_lora_rank to the library's default"),
        (
            {**GEMMA4, "text_config": {**GEMMA4.get("text_config", GEMMA4), "num_kv_shared_layers": 999}},
            "num_kv_shared_layers",
        ),
        ({**GEMMA4, "text_config": None, "num_hidden_layers": None}, "leaves num_hidden_layers"),
    ],
)
def test_what_no_vllm_takes_is_no_plan(config: dict[str, Any], said: str) -> None:
    """Each of these had a plan once, and a wrong one."""
    with pytest.raises(MemoryPlanError) as caught:
        plan(config, EngineSettings(139.8, "0.32.0"))
    assert said in str(caught.value)


def test_modelopts_own_form_is_read() -> None:
    quantized = {
        **QWEN3,
        "quantization_config": {"producer": {"name": "modelopt"}, "quantization": {"quant_algo": "FP8"}},
    }
    assert plan(quantized, EngineSettings(139.8, "0.32.0"))["weights_gib"] < 10
