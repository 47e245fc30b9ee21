# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A model's description in a directory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils._model_directory import ModelInfoError, from_directory

CONFIG = '{"model_type": "qwen2"}'


def test_directory(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(CONFIG)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 1000)
    (tmp_path / "consolidated.safetensors").write_bytes(b"x" * 1000)
    found = from_directory(str(tmp_path))
    assert (found["source"], found["weight_bytes"], found["config"]) == ("path", 1000, {"model_type": "qwen2"})


def test_index_of_a_directory_wins(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(CONFIG)
    (tmp_path / "model.safetensors").write_bytes(b"x" * 1000)
    index = tmp_path / "model.safetensors.index.json"
    index.write_text(json.dumps({"metadata": {"total_size": 900}}))
    assert from_directory(str(tmp_path))["weight_bytes"] == 900
    index.write_text("[]")
    assert from_directory(str(tmp_path))["weight_bytes"] == 1000


def test_directory_without_a_config(tmp_path: Path) -> None:
    with pytest.raises(ModelInfoError, match=r"no readable config\.json"):
        from_directory(str(tmp_path))
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelInfoError, match="not valid JSON"):
        from_directory(str(tmp_path))


@pytest.mark.parametrize("text", ["[]", "null", "7", "{}", '{"error": "log in"}', "[" * 100000])
def test_a_page_that_is_no_config(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelInfoError) as caught:
        from_directory(str(tmp_path))
    assert caught.value.kind == "invalid"


@pytest.mark.parametrize(
    ("said", "beside", "read"),
    [
        (None, '{"quantization": {"quant_algo": "NVFP4"}}', {"quantization": {"quant_algo": "NVFP4"}}),
        ({"quant_method": "fp8"}, '{"quantization": {"quant_algo": "NVFP4"}}', {"quant_method": "fp8"}),
        (None, "[1]", None),
        (None, "{{ x", None),
    ],
)
def test_modelopts_own_file_says_how_it_is_quantized(tmp_path: Path, said: object, beside: str, read: object) -> None:
    """As vLLM reads it: only where config.json says nothing."""
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama", "quantization_config": said}))
    (tmp_path / "hf_quant_config.json").write_text(beside)
    assert from_directory(str(tmp_path))["config"]["quantization_config"] == read
