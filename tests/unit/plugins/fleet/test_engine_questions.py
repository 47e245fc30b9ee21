# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a server's images are asked of its models."""

from __future__ import annotations

import types
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.views.engine_questions import gpu_kind, questions


def instance(**said: Any) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "name": "a",
        "image": "vllm:1",
        "model": "/srv/m",
        "revision": None,
        "rank": 0,
        "options": {},
    }
    return {**plain, **said}


def test_what_matters_is_asked_and_what_the_host_has_is_not() -> None:
    options = {"max-model-len": 4096, "port": 8001, "host": "::", "model": "/srv/m", "tokenizer": "/elsewhere"}
    options["config-format"] = "mistral"
    found = questions([instance(options=options)], {"/srv/m": {"config": {"model_type": "x"}}})
    assert found == [
        {
            "name": "a",
            "image": "vllm:1",
            "model": "/srv/m",
            "revision": "main",
            "options": {"max-model-len": 4096},
            "config": {"model_type": "x"},
        }
    ]


def test_the_catalogue_knows_a_config() -> None:
    (found,) = questions([instance(model="Qwen/Qwen2.5-7B-Instruct")], {})
    assert found["config"]["architectures"] == ["Qwen2ForCausalLM"]


@pytest.mark.parametrize(
    "said",
    [{"rank": 1}, {"options": {"spec-model": "x"}}, {"options": {"speculative-config": '{"model": "x"}'}}],
)
def test_what_the_question_can_not_hold_is_not_asked(said: dict[str, Any]) -> None:
    assert questions([instance(**said)], {}) == []


def test_n_grams_need_no_other_model() -> None:
    assert questions([instance(options={"speculative-config": {"method": "ngram"}})], {})


def host(count: int, *rows: dict[str, Any]) -> Any:
    return types.SimpleNamespace(gpu_count=count, facts={"gpu": {"gpus": list(rows)}} if rows else {})


def test_the_kind_of_gpu_is_what_was_read() -> None:
    row = {"name": "NVIDIA L4", "memory_usable_gib": 22.0, "compute_capability": "8.9"}
    assert gpu_kind(host(1, row)) == {
        "gpu_kind": {"name": "NVIDIA L4", "memory_bytes": 22 * 1024**3, "capability": [8, 9]}
    }
    assert gpu_kind(host(1)) == {"gpu_kind": {}}
    assert gpu_kind(host(1, {"name": None, "compute_capability": "N/A"})) == {"gpu_kind": {}}
    assert gpu_kind(host(0)) == {}
