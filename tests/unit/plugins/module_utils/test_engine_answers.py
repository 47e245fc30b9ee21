# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that asks vLLM, as far as it needs none; that of an image is asked by the scenario default."""

from __future__ import annotations

import argparse
import os
import sys
import time
import types
from typing import Any

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._compose.engine import TIMED_OUT, limited
from ansible_collections.llmfleet.gateway.plugins.module_utils._engine_answers import (
    asking,
    extras,
    made,
    own_process,
    program,
    stand_in,
)


class FullAttentionSpec:
    block_size, page_size_bytes = 16, 65536


class SlidingWindowSpec(FullAttentionSpec):
    sliding_window = 1024


class MambaSpec(FullAttentionSpec):
    block_size, page_size_bytes = 2048, 999
    shapes, dtypes = ((4, 8), (100,)), (types.SimpleNamespace(itemsize=2), types.SimpleNamespace(itemsize=4))


class MLAAttentionSpec(FullAttentionSpec):
    page_size_bytes = 18432


class CrossAttentionSpec(FullAttentionSpec):
    pass


class ChunkedLocalAttentionSpec(FullAttentionSpec):
    attention_chunk_size = 8192


@pytest.mark.parametrize(
    ("spec", "kind", "size", "window"),
    [
        (FullAttentionSpec, "full", 65536, 0),
        (SlidingWindowSpec, "sliding", 65536, 1024),
        (MambaSpec, "state", 464, 0),
        (MLAAttentionSpec, "latent", 18432, 0),
        (CrossAttentionSpec, "cross", 65536, 0),
        (ChunkedLocalAttentionSpec, "chunked", 65536, 8192),
    ],
)
def test_what_a_layer_keeps(spec: type[Any], kind: str, size: int, window: int) -> None:
    found = made.kept(spec())
    assert (found["kind"], found["bytes"], found["window"]) == (kind, size, window)


def model(**said: Any) -> Any:
    return types.SimpleNamespace(**{"runner_type": "generate", "multimodal_config": None, "hf_config": None, **said})


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, ["chat"]),
        ({"multimodal_config": 1, "hf_config": types.SimpleNamespace(vision_config=1)}, ["chat", "vision"]),
        (
            {"_model_info": types.SimpleNamespace(supports_transcription=True, supports_transcription_only=True)},
            ["transcription"],
        ),
        ({"runner_type": "pooling"}, ["embedding"]),
        ({"runner_type": "pooling", "convert_type": "classify"}, ["rerank"]),
        ({"runner_type": "pooling", "_model_info": types.SimpleNamespace(score_type="cross-encoder")}, ["rerank"]),
    ],
)
def test_what_a_model_is_for(said: dict[str, Any], expected: list[str]) -> None:
    assert program.tasks(model(**said)) == expected


def test_an_answer_comes_back_from_its_own_process() -> None:
    assert own_process.in_own_process(lambda: {"pid": os.getpid()}, 10)["pid"] != os.getpid()


def test_what_a_process_dies_of_is_the_answer() -> None:
    def refuse() -> dict[str, Any]:
        raise RuntimeError("no CUDA GPUs are available")

    assert own_process.in_own_process(refuse, 10) == {"failed": "RuntimeError: no CUDA GPUs are available"}
    assert "without an answer" in own_process.in_own_process(lambda: os._exit(3), 10)["failed"]


def test_a_process_that_hangs_is_ended() -> None:
    def hang() -> dict[str, Any]:
        time.sleep(60)
        return {}

    began = time.monotonic()
    assert own_process.in_own_process(hang, 0.3) == {"failed": "no answer within 0 s"}
    assert time.monotonic() - began < 10


def test_words_are_vllm_s_and_not_too_many() -> None:
    told = ValueError("too long\n    For further information visit https://errors.pydantic.dev")
    assert own_process.words_of(told) == "too long"
    assert len(own_process.words_of(ValueError("x" * 9999))) < own_process.WORDS + 10


def test_a_module_of_one_of_two_releases_is_found() -> None:
    assert program.first_of("no.such.module", "json").loads("1") == 1
    with pytest.raises(ModuleNotFoundError):
        program.first_of("no.such", "neither")


@pytest.fixture
def platforms(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A vLLM without a platform of its own."""
    package, found = types.ModuleType("vllm"), types.ModuleType("vllm.platforms")
    found.current_platform = platform()  # type: ignore[attr-defined]
    package.platforms, package.__version__ = found, "0.26.0"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", package)
    monkeypatch.setitem(sys.modules, "vllm.platforms", found)
    return found


def platform(**which: bool) -> Any:
    names = ("is_unspecified", "is_cuda", "is_cpu")
    return types.SimpleNamespace(**{name: lambda name=name: which.get(name, False) for name in names})


def test_a_platform_of_another_maker_is_left_alone(platforms: Any) -> None:
    assert stand_in.platform_for({"stand_in": True, "capability": [9, 0]}) == ("SimpleNamespace", "")


def cuda_fails(_gpu: Any) -> Any:
    raise ImportError("libcuda.so.1: cannot open shared object file")


@pytest.mark.parametrize(("which", "said"), [("is_unspecified", "ImportError: libcuda.so.1"), ("is_cpu", "")])
def test_an_image_in_which_nothing_stands_in_for_the_gpu_says_why(
    platforms: Any, monkeypatch: pytest.MonkeyPatch, which: str, said: str
) -> None:
    platforms.current_platform = platform(**{which: True})
    monkeypatch.setattr(stand_in, "_cuda", cuda_fails)
    name, missing = stand_in.platform_for({"stand_in": True, "capability": [9, 0]})
    assert name == "SimpleNamespace" and (said in missing if said else not missing)


@pytest.mark.parametrize("answer", [{"failed": "RuntimeError: Failed to infer device type"}, {"accepted": True}])
def test_a_failure_names_what_was_missing(
    platforms: Any, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    beside = types.SimpleNamespace(
        platform_for=lambda _gpu: ("X", "no libcuda"), in_own_process=lambda _work, _seconds: dict(answer)
    )
    monkeypatch.setattr(program, "beside", lambda _name: beside)
    monkeypatch.setattr(program, "warmed", lambda: None)
    found = program.run({"gpu": {}, "seconds": 1, "questions": [{"id": "m"}]})["answers"]["m"]
    expected = {"failed": answer["failed"] + " (no libcuda)"} if "failed" in answer else answer
    assert {name: one for name, one in found.items() if name != "seconds"} == expected


@pytest.mark.parametrize(("wanted", "expected"), [((8, 9), (8, 9)), (90, (9, 0)), (100, (10, 0))])
def test_capabilities_are_pairs(wanted: Any, expected: tuple[int, int]) -> None:
    assert stand_in._pair(wanted) == expected


class Tensor:
    def __init__(self, *shape: int) -> None:
        self.shape = shape


class Module:
    def __init__(self, **tensors: Tensor) -> None:
        self.tensors = tensors

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        return [(name.replace("__", "."), one) for name, one in self.tensors.items()]

    def named_buffers(self) -> list[tuple[str, Tensor]]:
        return []


TARGET = Module(model__embed_tokens__weight=Tensor(100, 8), lm_head__weight=Tensor(100, 8))


@pytest.mark.parametrize(
    ("method", "stages", "head", "count"),
    [("mtp", 1, 100, 1), ("eagle3", 1, 32, 2), ("draft_model", 1, 100, 3), ("mtp", 2, 100, 3)],
)
def test_a_draft_has_what_it_may_of_its_model(
    monkeypatch: pytest.MonkeyPatch, method: str, stages: int, head: int, count: int
) -> None:
    draft = Module(
        model__embed_tokens__weight=Tensor(100, 8), lm_head__weight=Tensor(head, 8), layers__0__weight=Tensor(8, 8)
    )
    monkeypatch.setattr(extras, "_made", lambda config: draft)
    config = types.SimpleNamespace(
        speculative_config=types.SimpleNamespace(method=method),
        parallel_config=types.SimpleNamespace(pipeline_parallel_size=stages),
    )
    assert len(extras.draft(config, TARGET)) == count


@pytest.mark.parametrize("said", [None, types.SimpleNamespace(method="ngram", draft_model_config=1)])
def test_n_grams_are_no_model(said: Any) -> None:
    assert extras.draft(types.SimpleNamespace(speculative_config=said), TARGET) == []


def test_without_lora_there_are_no_slots() -> None:
    assert extras.adapter_slots(types.SimpleNamespace(lora_config=None), TARGET) == []


def test_the_options_are_those_of_the_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--enable-lora", action=argparse.BooleanOptionalAction)
    parser.add_argument("--no-thing", "-n")
    monkeypatch.setattr(program, "own_parser", lambda: parser)
    assert program.known_options() == ["enable-lora", "no-thing"]


def test_a_command_that_had_to_be_killed_took_too_long() -> None:
    """timeout(1) with -k kills itself too: to Ansible that is -9, and a container was left behind by it."""

    def killed(_command: list[str], **_more: Any) -> tuple[int, str, str]:
        time.sleep(0.02)
        return -9, "", ""

    assert limited(killed)(["docker", "run"], timeout=0.01) == (TIMED_OUT, "", "no answer within 0 s")
    assert limited(killed)(["docker", "run"], timeout=60)[0] == 137


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            "docker: Error response from daemon: no python3\n\nRun 'docker run --help' for more information\n",
            "docker: Error",
        ),
        ("Traceback\nModuleNotFoundError: No module named 'vllm'\n", "ModuleNotFoundError: No module named 'vllm'"),
        ("", "exit code 3"),
    ],
)
def test_the_reason_is_what_helps(error: str, reason: str) -> None:
    assert asking._reason(3, error).startswith(reason)
