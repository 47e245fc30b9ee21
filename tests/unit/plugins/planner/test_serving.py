# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How the catalogue says that models are served."""

from __future__ import annotations

import fnmatch
import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.lookup import catalogue_listing
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.serving import data, options, serving
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import OWNED_OPTIONS
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.vllm_options import options_for
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import default_vllm_version

ROWS: list[tuple[str, dict[str, t.Any]]] = [
    *data()["rows"].items(),
    *((one["match"][0], one) for one in data()["families"]),
]
TOOL, REASONING = "tool-call-parser", "reasoning-parser"


@pytest.mark.parametrize(("name", "row"), ROWS, ids=[name for name, _row in ROWS])
def test_a_row_holds_only_what_the_release_has(name: str, row: dict[str, t.Any]) -> None:
    """A parser that the image does not have ends its start."""
    given, (_version, known) = row["options"], options_for(data()["vllm"])
    assert set(given) <= set(known) and not set(given) & set(OWNED_OPTIONS)
    assert given.get(TOOL) in [None, *data()["parsers"]["tool"]]
    assert given.get(REASONING) in [None, *data()["parsers"]["reasoning"]]
    for option in ("tokenizer-mode", "load-format"):
        assert given.get(option) in [None, *data()["parsers"][option]]
    assert bool(given.get(TOOL)) == bool(given.get("enable-auto-tool-choice"))
    assert row["mode"] in modes.MODES
    assert row["source"] and all(one.split()[0] in data()["sources"] for one in row["source"])


@pytest.mark.parametrize("one", data()["licenses"], ids=[one["match"][0] for one in data()["licenses"]])
def test_a_licence_has_a_source_and_models(one: dict[str, t.Any]) -> None:
    assert (one["license"] and "@" in one["source"]) or one["source"].startswith("recipes ")
    rows = [name for name in data()["rows"] for match in one["match"] if fnmatch.fnmatchcase(name, match)]
    assert rows or any(serving(match.replace("*", "")) or serving(match.replace("*", "27B")) for match in one["match"])


def test_a_licence_is_what_its_publisher_says_and_nothing_where_nobody_did() -> None:
    assert serving("Qwen/Qwen3-8B")["license"] == "apache-2.0"
    assert serving("openai/gpt-oss-120b")["license"] == "apache-2.0"
    assert serving("meta-llama/Llama-3.3-70B-Instruct")["gated"] is True
    assert "license" not in serving("moonshotai/Kimi-K2.5") and "license" not in serving("deepseek-ai/DeepSeek-V3.1")
    assert serving("meta-llama/Llama-4-Scout-17B-16E-Instruct")["gated"] is True
    assert "license" not in serving("moonshotai/Kimi-K3") and serving("someone/else") == {}


def test_the_parsers_are_those_of_the_pinned_release() -> None:
    assert data()["vllm"] == default_vllm_version()


@pytest.mark.parametrize(
    ("model", "tool", "reasoning"),
    [
        ("Qwen/Qwen3.5-27B", "qwen3_coder", "qwen3"),
        ("Qwen/Qwen3-8B", "hermes", "qwen3"),
        ("Qwen/Qwen3-14B", "hermes", "qwen3"),
        ("Qwen/Qwen2.5-7B-Instruct", "hermes", None),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", "hermes", None),
        ("Qwen/Qwen3-Coder-30B-A3B-Instruct", "qwen3_xml", None),
        ("openai/gpt-oss-120b", "openai", "openai_gptoss"),
        ("zai-org/GLM-4.7", "glm47", "glm45"),
        ("zai-org/GLM-5.2", "glm47", "glm45"),
        ("deepseek-ai/DeepSeek-V3.2", "deepseek_v32", "deepseek_v3"),
        ("deepseek-ai/DeepSeek-V4-Pro", "deepseek_v4", "deepseek_v4"),
        ("moonshotai/Kimi-K2-Thinking", "kimi_k2", "kimi_k2"),
        ("moonshotai/Kimi-K3", "kimi_k3", "kimi_k3"),
        ("google/gemma-4-31B-it", "gemma4", "gemma4"),
        ("google/gemma-3-27b-it", None, None),
        ("mistralai/Ministral-3-8B-Reasoning-2512", "mistral", "mistral"),
        ("mistralai/Magistral-Small-2509", "mistral", "mistral"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama3_json", None),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", "llama4_pythonic", None),
        ("ibm-granite/granite-4.0-h-small", "granite4", None),
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", "qwen3_coder", "nemotron_v3"),
        ("baidu/ERNIE-4.5-21B-A3B-Thinking", "ernie45", "ernie45"),
        ("MiniMaxAI/MiniMax-M3", "minimax_m3", "minimax_m3"),
        ("microsoft/Phi-4-mini-instruct", None, None),
        ("meta-llama/Llama-3.1-8B", None, None),
    ],
)
def test_families_have_their_parsers(model: str, tool: str | None, reasoning: str | None) -> None:
    found = serving(model)["options"]
    assert (found.get(TOOL), found.get(REASONING)) == (tool, reasoning)


@pytest.mark.parametrize(
    ("model", "mode"),
    [
        ("BAAI/bge-m3", "embedding"),
        ("intfloat/multilingual-e5-large", "embedding"),
        ("Qwen/Qwen3-Embedding-8B", "embedding"),
        ("Qwen/Qwen3-Reranker-0.6B", "rerank"),
        ("BAAI/bge-reranker-v2-m3", "rerank"),
        ("openai/whisper-large-v3-turbo", "audio_transcription"),
        ("meta-llama/Llama-3.1-8B", "completion"),
    ],
)
def test_modes_beside_chat(model: str, mode: str) -> None:
    found = serving(model)
    assert found["mode"] == mode
    assert (found["options"].get("runner") == "pooling") == (mode in ("embedding", "rerank"))


def test_other_spellings_and_precisions_are_the_same_model() -> None:
    assert serving("qwen/qwen3.5-27b") == serving("Qwen/Qwen3.5-27B")
    for name in ("RedHatAI/Qwen3.5-27B-FP8-dynamic", "nvidia/Qwen3.5-27B-NVFP4", "Qwen/Qwen3.5-27B-AWQ"):
        found = serving(name)
        assert found["options"][TOOL] == "qwen3_coder" and "gpu_memory_gib" not in found


@pytest.mark.parametrize("model", ["/srv/models/qwen", "somebody/Qwen3.5-27B", "org/new", "", "RedHatAI/unknown-FP8"])
def test_of_what_nobody_described_nothing_is_known(model: str) -> None:
    assert serving(model) == {}


def test_an_older_release_gets_no_parsers_that_it_may_not_have() -> None:
    assert options("Qwen/Qwen3-8B", "0.31.1") == {}
    assert options("Qwen/Qwen3-8B", "0.32.0") == options("Qwen/Qwen3-8B", "nightly") != {}
    assert options("Qwen/Qwen3-8B", "0.100.0") != {}


def test_the_listing_has_every_row() -> None:
    listed = {one["repository"]: one for one in catalogue_listing("0.32.0")}
    assert set(listed) == {*CATALOGUE, *data()["rows"]}
    assert listed["Qwen/Qwen3-8B"]["config"] and listed["Qwen/Qwen3-8B"]["serving"]["options"][TOOL] == "hermes"
