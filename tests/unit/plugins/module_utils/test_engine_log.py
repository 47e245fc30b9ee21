# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a started engine says of itself: its log, its metrics page, and the comparison with the plan."""

from __future__ import annotations

import pytest
from ansible_collections.llmfleet.gateway.plugins.module_utils import _engine_log as engine_log

LOG = """
INFO 11-22 10:00:00 vLLM API server version 0.26.0
INFO Model loading took 99.0 GiB and 1.0 seconds
INFO Available KV cache memory: 1.0 GiB
INFO 11-22 11:00:00 vLLM API server version 0.26.0
(Worker_TP0) INFO Initializing a V1 LLM engine (v0.26.0) with config
(Worker_TP0) INFO Model loading took 15.0 GiB and 3.210000 seconds
(Worker_TP0) INFO Available KV cache memory: 54.93 GiB
(Worker_TP1) INFO Available KV cache memory: 54.80 GiB
INFO GPU KV cache size: 449,968 tokens
INFO Maximum concurrency for 8,192 tokens per request: 54.93x
INFO Graph capturing finished in 7 secs, took 0.98 GiB
INFO Actual usage is 15.0 GiB for weight, 1.1 GiB for peak activation, 0.23 GiB for non-torch memory, and 0.98 GiB
"""


def test_figures_of_the_last_start() -> None:
    assert engine_log.read_log(LOG) == {
        "weights_gib": 15.0,
        "kv_cache_gib": 54.8,
        "kv_cache_tokens": 449968,
        "max_model_len": 8192,
        "max_concurrency": 54.93,
        "cuda_graphs_gib": 0.98,
        "activation_gib": 1.1,
        "non_torch_gib": 0.23,
    }


@pytest.mark.parametrize(
    "line",
    [
        "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`",
        "ValueError: To serve at least one request with the model's max seq len (8192), (1.0 GiB KV cache is needed",
        "ValueError: To serve at least one request with the models's max seq len (131072), 4.54 GiB KV cache is needed",
        "ValueError: Free memory on device cuda:0 (1/79 GiB) on startup is less than desired GPU memory utilization",
        "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB.",
    ],
)
def test_refusals_are_read(line: str) -> None:
    assert engine_log.read_log(f"INFO start\n{line}\n")["refusal"] in line


def test_figures_of_the_metrics_page() -> None:
    page = 'vllm:cache_config_info{block_size="16",cache_dtype="auto",num_gpu_blocks="28123"} 1.0\n'
    assert engine_log.read_metrics(page) == {"kv_cache_tokens": 449968}
    assert engine_log.read_metrics("vllm:num_requests_running 0\n") == {}


def test_comparison_warns_above_five_percent() -> None:
    real = {"weights_gib": 15.0, "kv_cache_tokens": 100000, "max_concurrency": 12.2}
    found = engine_log.compare({"weights_gib": 15.1, "kv_cache_tokens": 106000, "max_concurrency": 12.2}, real)
    assert found["figures"]["kv_cache_tokens"] == {"predicted": 106000, "real": 100000, "error_percent": 6.0}
    assert found["warnings"] == ["kv_cache_tokens: planned 106000, vLLM has 100000 (+6.0 %)"]


def test_limit_for_the_gateway() -> None:
    assert engine_log.parallel_limit({"max_concurrency": 54.93}) == 54
    assert engine_log.parallel_limit({"max_concurrency": 0.4}) == 1
    assert engine_log.parallel_limit({"max_concurrency": 54.93}, 16) == 16
    assert engine_log.parallel_limit({}) is None


@pytest.mark.parametrize("odd", [None, "many", True, [], {}, float("nan"), float("inf"), -1, 0])
def test_figures_of_any_type_are_compared_or_left_out(odd: object) -> None:
    planned = {"weights_gib": odd, "max_num_seqs": odd}
    found = engine_log.record(planned, {"weights_gib": 15.0, "max_concurrency": odd, "kv_cache_gib": odd})
    assert "kv_cache_gib" not in found["figures"]
    assert ("weights_gib" in found["figures"]) is (odd in (-1, 0) and odd is not True)


@pytest.mark.parametrize(
    "line", ["Model loading took , GiB", "KV cache size: tokens", "Maximum concurrency for x tokens"]
)
def test_a_line_without_its_number_says_nothing(line: str) -> None:
    assert engine_log.read_log(f"vLLM API server version 0.32.0\n{line}\n") == {}
