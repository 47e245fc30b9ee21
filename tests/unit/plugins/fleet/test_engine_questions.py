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
        "environment": {},
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
            "environment": {},
        }
    ]


def test_the_catalogue_knows_a_config() -> None:
    (found,) = questions([instance(model="Qwen/Qwen2.5-7B-Instruct")], {})
    assert found["config"]["architectures"] == ["Qwen2ForCausalLM"]


def test_a_node_without_an_api_is_not_asked() -> None:
    assert questions([instance(rank=1)], {}) == []


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"spec-model": "org/d"}, {"spec-model": "@draft"}),
        ({"speculative-config": '{"model": "org/d", "revision": "r"}'}, {"speculative-config": {"model": "@draft"}}),
        (
            {"speculative-config": {"model": "org/d", "method": "eagle"}},
            {"speculative-config": {"model": "@draft", "method": "eagle"}},
        ),
    ],
)
def test_a_draft_is_a_model_too(options: dict[str, Any], word: dict[str, Any]) -> None:
    revision = "r" if "revision" in str(options) else "main"
    described = {f"org/d@{revision}" if revision == "r" else "org/d": {"config": {"model_type": "d"}}}
    (found,) = questions([instance(options=options)], described)
    assert found["options"] == word
    assert (found["draft"]["model"], found["draft"]["revision"]) == ("org/d", revision)


@pytest.mark.parametrize("said", [{"method": "ngram"}, {"model": "ngram"}, "no JSON", {"method": "mtp"}])
def test_speculation_without_another_model_is_asked_as_it_is(said: Any) -> None:
    (found,) = questions([instance(options={"speculative-config": said})], {})
    assert "draft" not in found and found["options"]["speculative-config"] == said


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
