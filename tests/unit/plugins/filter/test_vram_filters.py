# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filters, as a template calls them."""

from __future__ import annotations

from typing import Any

import pytest
from ansible.errors import AnsibleFilterError
from ansible_collections.llmfleet.gateway.plugins.filter.vllm_figures import FilterModule as Figures
from ansible_collections.llmfleet.gateway.plugins.filter.vram_plan import FilterModule as Plan
from ansible_collections.llmfleet.gateway.plugins.filter.vram_share import FilterModule as Share
from ansible_collections.llmfleet.gateway.plugins.filter.vram_table import FilterModule as Table
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE

vram_plan = Plan().filters()["vram_plan"]
vram_share = Share().filters()["vram_share"]
vllm_figures = Figures().filters()["vllm_figures"]
vram_table = Table().filters()["vram_table"]

LLAMA = CATALOGUE["meta-llama/Llama-3.1-8B"]["config"]
SMALL = CATALOGUE["Qwen/Qwen2.5-1.5B-Instruct"]["config"]
PROMISED = {
    "weights_gib",
    "activation_gib",
    "cuda_graphs_gib",
    "non_torch_gib",
    "kv_cache_gib",
    "kv_bytes_per_token",
    "kv_cache_tokens",
    "max_concurrency",
    "peak_used_gib",
    "fits",
    "reason",
    "largest_max_model_len",
    "smallest_gpu_memory_utilization",
}


def test_plan_has_every_promised_key() -> None:
    assert set(vram_plan(LLAMA, gpu_memory_gib=79.18)) >= PROMISED


def test_strings_of_a_template_are_taken() -> None:
    as_text = vram_plan(LLAMA, gpu_memory_gib="79.18", max_model_len="8192", enforce_eager="true", max_num_seqs="")
    as_values = vram_plan(LLAMA, gpu_memory_gib=79.18, max_model_len=8192, enforce_eager=True, max_num_seqs=None)
    assert as_text == as_values
    assert as_text["cuda_graphs_gib"] == 0


def test_result_of_the_module_is_taken() -> None:
    described = {"config": LLAMA, "weight_bytes": 17000000000}
    assert vram_plan(described, gpu_memory_gib=79.18)["settings"]["weight_bytes"] == 17000000000
    assert "weight_bytes" not in vram_plan(LLAMA, gpu_memory_gib=79.18)["settings"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"gpu_memory_gib": 79.18, "max_len": 1}, "vram_plan has no option max_len"),
        ({}, "needs gpu_memory_gib"),
        ({"gpu_memory_gib": "lots"}, "gpu_memory_gib cannot be 'lots'"),
        ({"gpu_memory_gib": 0}, "above 0"),
        ({"gpu_memory_gib": 79.18, "enforce_eager": "perhaps"}, "enforce_eager cannot be 'perhaps'"),
        ({"gpu_memory_gib": 79.18, "tensor_parallel_size": 3}, "not divisible"),
    ],
)
def test_mistakes_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(AnsibleFilterError, match=message):
        vram_plan(LLAMA, **options)


def test_input_must_be_a_description() -> None:
    with pytest.raises(AnsibleFilterError, match=r"takes a model's config\.json"):
        vram_plan("Qwen/Qwen2.5-7B-Instruct", gpu_memory_gib=79.18)


def test_share_of_one_model_is_the_whole_gpu() -> None:
    (alone,) = vram_share([{"name": "a", "model": LLAMA}], gpu_memory_gib=79.18)
    assert alone["name"] == "a"
    assert 1 <= alone["free_gib"] < 1.2


def test_share_of_two_models() -> None:
    models = [{"name": "a", "model": {"config": SMALL}, "max_model_len": "8192"}, {"name": "b", "model": LLAMA}]
    first, second = vram_share(models, gpu_memory_gib="79.18")
    assert first["settings"]["max_model_len"] == 8192
    assert second["free_gib"] >= 1


def test_share_explains_what_does_not_fit() -> None:
    large = CATALOGUE["meta-llama/Llama-3.1-70B-Instruct"]["config"]
    with pytest.raises(AnsibleFilterError, match="big does not fit"):
        vram_share([{"name": "big", "model": large}], gpu_memory_gib=79.18)
    with pytest.raises(AnsibleFilterError, match="needs name and model"):
        vram_share([{"name": "big"}], gpu_memory_gib=79.18)


def test_figures_against_a_plan() -> None:
    planned = vram_plan(
        LLAMA, gpu_memory_gib=79.179, gpu_memory_utilization=0.9, max_model_len=8192, vllm_version="0.26.0"
    )
    log = "GPU KV cache size: 449,968 tokens\nMaximum concurrency for 8,192 tokens per request: 54.93x\n"
    found = vllm_figures(log, plan=planned)
    assert found["warnings"] == []
    assert abs(found["figures"]["kv_cache_tokens"]["error_percent"]) < 1
    assert found["parallel_limit"] == 54


def test_figures_of_a_metrics_page_without_a_plan() -> None:
    page = 'vllm:cache_config_info{block_size="16",num_gpu_blocks="100"} 1.0\n'
    assert vllm_figures(page) == {
        "real": {"kv_cache_tokens": 1600},
        "figures": {},
        "warnings": [],
        "parallel_limit": None,
    }


@pytest.mark.parametrize(
    ("written", "length"), [("8k", 8000), ("8K", 8192), (4096, 4096), ("auto", 131072), (-1, 131072)]
)
def test_lengths_as_vllm_takes_them(written: Any, length: int) -> None:
    assert vram_plan(LLAMA, gpu_memory_gib=79.18, max_model_len=written)["settings"]["max_model_len"] == length


def test_automatic_length_is_the_longest_that_fits() -> None:
    found = vram_plan(LLAMA, gpu_memory_gib=23.55, max_model_len="auto")
    assert found["fits"]
    assert found["settings"]["max_model_len"] == found["largest_max_model_len"] < 131072


def test_table_has_a_line_for_each_model_and_gpu() -> None:
    models = [{"name": "small", "model": SMALL}, {"name": "llama", "model": LLAMA, "max_model_len": 32768}]
    lines = vram_table(models, gpus={"H100": "79.18", "RTX 3060": 11.6})
    assert [line.split()[-1] for line in lines[:5]] == ["verdict", "fits", "fits", "fits", "large"]
    assert lines[5].startswith("llama on RTX 3060 does not fit")
    assert len(lines) == 9


def test_table_names_what_is_refused() -> None:
    lines = vram_table([{"name": "odd", "model": LLAMA, "tensor_parallel_size": 3}], gpus={"H100": 79.18})
    assert lines[1].endswith("refused")
    assert "not divisible" in lines[2]
    with pytest.raises(AnsibleFilterError, match="no GPU to plan for"):
        vram_table([], gpus={})
