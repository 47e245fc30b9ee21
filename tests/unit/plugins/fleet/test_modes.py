# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a model is for, what LiteLLM is told of it, and what a probe asks."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet import modes
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._fleet.models import model_errors
from declared import fleet_plan


def entry(**given: t.Any) -> dict[str, t.Any]:
    return {"name": "m", "model": "org/m", **given}


def described(*architectures: str, **config: t.Any) -> dict[str, t.Any]:
    return {"config": {"architectures": list(architectures), **config}}


@pytest.mark.parametrize(
    ("architecture", "mode"),
    [
        ("Qwen3ForCausalLM", "chat"),
        ("Qwen3VLForConditionalGeneration", "chat"),
        ("XLMRobertaModel", "embedding"),
        ("BertModel", "embedding"),
        ("XLMRobertaForSequenceClassification", "rerank"),
        ("WhisperForConditionalGeneration", "audio_transcription"),
        ("SomethingNew", "chat"),
    ],
)
def test_a_mode_follows_from_the_architecture(architecture: str, mode: str) -> None:
    assert modes.mode(entry(), described(architecture)) == mode


@pytest.mark.parametrize("named", [None, "Bert", [1, None], {}])
def test_a_config_that_says_nothing_is_a_chat_model(named: t.Any) -> None:
    assert modes.mode(entry(), {"config": {"architectures": named}}) == modes.mode(entry(), {}) == "chat"


def test_what_is_declared_wins() -> None:
    assert modes.mode(entry(mode="embedding"), described("Qwen3ForCausalLM")) == "embedding"


@pytest.mark.parametrize(
    ("word", "meant"), [("embeding", "embedding"), ("transcription", "audio_transcription"), ("reranker", "rerank")]
)
def test_a_word_that_is_no_mode_is_refused_with_the_one_that_was_meant(word: str, meant: str) -> None:
    (fault,) = modes.faults(entry(mode=word), {})
    assert f"mode '{word}' is none of" in fault and f"did you mean {meant}?" in fault


def test_a_mode_that_the_model_can_not_have_is_refused_by_name() -> None:
    (fault,) = modes.faults(entry(mode="chat"), described("WhisperForConditionalGeneration"))
    assert "mode chat: org/m is a model for audio_transcription (WhisperForConditionalGeneration)" in fault
    assert modes.faults(entry(mode="rerank"), described("BertModel")) == []
    assert modes.faults(entry(mode="chat"), {}) == modes.faults(entry(), described("BertModel")) == []


def test_the_declaration_refuses_it_too() -> None:
    (fault,) = model_errors(entry(mode="chatt"), 2, "0.32.0", False, {})
    assert fault.startswith("llm_models[2] (m): mode 'chatt' is none of")


def planned(**given: t.Any) -> dict[str, t.Any]:
    groups = {"gateways": ["box"], "gpu_servers": ["box"]}
    (one,) = fleet_plan([entry(model="/srv/m", **given)], {"box": {"llm_gpu_count": 0}}, groups)
    return one


def test_a_declared_embedding_is_served_by_the_pooling_runner_unless_engine_args_say_otherwise() -> None:
    one = planned(mode="embedding")
    assert (one["options"]["runner"], one["model_info"]["mode"]) == ("pooling", "embedding")
    assert planned(mode="embedding", engine_args={"runner": "auto"})["options"]["runner"] == "auto"
    assert "runner" not in planned()["options"]


def test_what_litellm_is_told() -> None:
    options = {"max-model-len": 8192, "tool-call-parser": "hermes", "enable-auto-tool-choice": True}
    found = modes.model_info(entry(), described("Qwen3VLForConditionalGeneration", vision_config={"depth": 1}), options)
    assert found == {
        "mode": "chat",
        "max_input_tokens": 8192,
        "max_output_tokens": 8192,
        "supports_function_calling": True,
        "supports_vision": True,
        "supports_response_schema": True,
    }
    told = modes.model_info(entry(model_info={"supports_vision": False, "x": 1}), {}, {"reasoning-parser": "qwen3"})
    assert (told["supports_reasoning"], told["supports_vision"], told["x"]) == (True, False, 1)


@pytest.mark.parametrize("length", ["auto", -1, "8k", True, None])
def test_a_context_that_only_vllm_knows_is_left_out(length: t.Any) -> None:
    assert modes.model_info(entry(mode="embedding"), {}, {"max-model-len": length}) == {"mode": "embedding"}


def test_an_embedding_claims_no_tools() -> None:
    options = {"tool-call-parser": "hermes", "enable-auto-tool-choice": True, "max-model-len": 512}
    assert modes.model_info(entry(mode="embedding"), {}, options) == {"mode": "embedding", "max_input_tokens": 512}


def test_only_what_is_claimed_is_worth_a_warning() -> None:
    found = modes.checks({"mode": "chat", "supports_function_calling": True, "supports_response_schema": True})
    assert found["declared"] == ["chat", "stream", "json_schema", "tool_call", "tool_call_stream"]
    assert found["checks"] == [*found["declared"], "vision"]
    assert modes.checks({"mode": "rerank"}) == {"checks": ["rerank"], "declared": ["rerank"]}
    assert modes.checks({"mode": ["x"]}) == modes.checks({}) == {"checks": [], "declared": []}


def test_a_model_declared_by_name_alone_gets_what_belongs_to_it() -> None:
    found = modes.options(entry(model="Qwen/Qwen3-8B"), "0.32.0")
    assert found == {"enable-auto-tool-choice": True, "tool-call-parser": "hermes", "reasoning-parser": "qwen3"}
    info = modes.model_info(entry(model="Qwen/Qwen3-8B"), {}, found)
    assert info["supports_function_calling"] and info["supports_reasoning"] and "supports_vision" not in info


def test_engine_args_win_over_the_catalogue_and_null_takes_out() -> None:
    said = {"tool_call_parser": "qwen3_json", "reasoning-parser": None}
    found = modes.options(entry(model="Qwen/Qwen3-8B", engine_args=said), "0.32.0")
    assert found == {"enable-auto-tool-choice": True, "tool-call-parser": "qwen3_json"}


def test_a_model_made_something_else_keeps_none_of_its_parsers() -> None:
    assert modes.options(entry(model="Qwen/Qwen3-8B", mode="embedding"), "0.32.0") == {"runner": "pooling"}


def test_what_vllm_is_told_to_make_of_a_model_is_its_mode() -> None:
    made = entry(model="Qwen/Qwen3-8B", engine_args={"convert": "embed"})
    assert modes.mode(made, {}) == "embedding"
    assert modes.options(made, "0.32.0") == {"runner": "pooling", "convert": "embed"}
    assert modes.mode(entry(engine_args={"convert": ["embed"]}), {}) == "chat"


def test_the_catalogue_refuses_a_mode_too() -> None:
    (fault,) = modes.faults(entry(model="BAAI/bge-reranker-v2-m3", mode="chat"), {})
    assert "a model for rerank (by the catalogue)" in fault


def test_a_model_that_sees_by_the_catalogue() -> None:
    assert modes.model_info(entry(model="google/gemma-4-31B-it"), {}, {})["supports_vision"]
    assert "supports_vision" not in modes.model_info(
        entry(model="google/gemma-4-31B-it"), {}, {"language-model-only": True}
    )


def test_a_template_that_vllm_documents_for_tools_is_told_and_not_set() -> None:
    llama: dict[str, t.Any] = {"name": "l", "model": "meta-llama/Llama-3.1-8B-Instruct"}
    (line,) = modes.template_lines([llama, {"name": "q", "model": "Qwen/Qwen3-8B"}], "0.32.0")
    assert "chat-template: /vllm-workspace/examples/tool_chat_template_llama3.1_json.jinja" in line
    assert "l: vLLM documents the tools of this model (llama3_json)" in line
    for own in ({"chat_template": "/own.jinja"}, {"tool-call-parser": None}):
        assert modes.template_lines([{**llama, "engine_args": own}], "0.32.0") == []
    assert modes.template_lines([{**llama, "mode": "embedding"}], "0.32.0") == []
    assert modes.template_lines([llama], "0.31.0") == []
    assert "chat-template" not in modes.options(llama, "0.32.0")
