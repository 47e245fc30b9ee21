# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the generated tables of docs/planner.md; with --check, only say whether they are current."""

from __future__ import annotations

import json
import lzma
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.data import CATALOGUE
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._catalogue.lookup import catalogue_listing
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.choice import recommend
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.plan import plan
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.runtime import driver_reserve
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.settings import EngineSettings
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._variables.defaults import default_vllm_version

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT / "tests" / "unit" / "data"
PAGE = ROOT / "docs" / "planner.md"
CONTEXT_GIB = 0.515
GIB = 1024**3
WORDS = {2: "two", 4: "four"}
SHORT = {"tensor_parallel_size": "TP", "pipeline_parallel_size": "PP"}
GROUPS = {
    "gemma-2-9b": "sliding window",
    "Qwen3-30B-A3B": "MoE, V1 runner",
    "DeepSeek-V2-Lite": "MLA and MoE",
    "gpt-oss-20b": "sliding window and MoE",
    "ERNIE-4.5-21B-A3B": "MoE, V1 runner",
    "Gemma-3-12B, text": "sliding window",
    "OLMo-3-7B": "sliding window",
    "Nemotron-3-Nano-30B-A3B": "states, Mamba 2 and delta nets",
    "Qwen3-Next, 8 layers": "states, Mamba 2 and delta nets",
    "Qwen3-Embedding-4B": "embedding, reranker",
    "bge-m3": "embedding, reranker",
    "bge-reranker-v2-m3": "embedding, reranker",
}


TODAY = """
    Qwen3.5-27B Qwen3.5-35B-A3B Qwen3.5-122B-A10B Qwen3.5-122B-A10B-NVFP4 Qwen3.5-397B-A17B-NVFP4
    Qwen3.6-27B-NVFP4 Qwen3.6-35B-A3B-NVFP4 Qwen3-235B-A22B-FP8 Qwen3-Coder-480B-A35B-Instruct
    Qwen3-VL-8B-Instruct Qwen3-VL-30B-A3B-Instruct Qwen3-VL-235B-A22B-Instruct
    GLM-5.1-FP8 GLM-5.2-FP8 DeepSeek-R1 DeepSeek-V3.2 Kimi-K2.5 MiniMax-M2.5 MiniMax-M2.7-NVFP4
    NVIDIA-Nemotron-3-Nano-30B-A3B-BF16 Nemotron-3-Super
    Llama-4-Scout-17B-16E-Instruct Llama-4-Maverick-17B-128E-Instruct Mixtral-8x22B-v0.1
"""
# From this size on, in GB, GPUs are those of servers.
SERVERS = 24


def markdown(rows: Iterable[Iterable[Any]]) -> str:
    """A table, its first row the headings."""
    lines = ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join([lines[0], "|---" * (lines[0].count(" | ") + 1) + "|", *lines[1:]])


def runs() -> list[dict[str, Any]]:
    """The recorded runs."""
    files = sorted(DATA.glob("h?00_vllm*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def config_of(model: str) -> dict[str, Any]:
    """The config.json of a run: published, or the catalogue's."""
    published = json.loads((DATA / "published_configs.json").read_text(encoding="utf-8"))
    named = {model, f"{model}-Instruct"}
    known = (entry["config"] for name, entry in CATALOGUE.items() if name.rpartition("/")[2] in named)
    return published.get(model) or next(known)


def planned(run: dict[str, Any]) -> dict[str, Any]:
    """The plan with a run's settings."""
    config = config_of(run["model"])
    options = {name: value for name, value in run["settings"].items() if name != "model_runner"}
    options["compile_cache"] = "cold" if options["compile_cache"] == "cold" else "warm"
    held = max(0.0, run["total_gib"] - run["free_at_start_gib"] - CONTEXT_GIB)
    settings = EngineSettings(gpu_memory_gib=run["total_gib"], used_gib=held, vllm_version=run["vllm"], **options)
    return plan(config, settings)


def gpus_of(run: dict[str, Any]) -> int:
    """GPUs of a replica."""
    tensor: int = run["settings"]["tensor_parallel_size"]
    pipeline: int = run["settings"].get("pipeline_parallel_size", 1)
    return tensor * pipeline


def several() -> str:
    """Every run over several GPUs, planned / real."""
    rows = [
        ["run", "GPUs", "share", "KV tokens", "peak after the start, GiB", "peak under load, GiB", "free under load"]
    ]
    for run in runs():
        if gpus_of(run) == 1:
            continue
        found, settings = planned(run), run["settings"]
        load = run.get("peak_used_under_load_gib")
        loaded = found["peak_used_gib"] + found["growth_gib"]
        reserve = driver_reserve(int(run["total_gib"] * GIB)) / GIB
        split = ", ".join(f"{name} {settings[key]}" for key, name in SHORT.items() if settings.get(key, 1) > 1)
        experts = ", experts parallel" if settings.get("enable_expert_parallel") else ""
        experts += ", FlashInfer's sampler" if settings.get("flashinfer_sampler", True) else ""
        rows.append(
            [
                f"{run['model']}, {split}{experts}, {settings['max_num_seqs']} requests",
                f"{gpus_of(run)} {run['gpu'].split()[1]}",
                str(settings["gpu_memory_utilization"]),
                f"{found['kv_cache_tokens']:,} / {run['kv_cache_tokens']:,}",
                f"{found['peak_used_gib']:.1f} / {run['peak_used_gib']:.1f}",
                f"{loaded:.1f} / {load:.1f}" if load else "",
                f"{run['total_gib'] + reserve - load:.1f}" if load else "",
            ]
        )
    return markdown(rows)


def accuracy() -> str:
    """Largest error of each group of models, and refusals."""
    groups: dict[str, list[tuple[float, float, float]]] = {}
    agreed, refused, total = 0, 0, 0
    for run in runs():
        found = planned(run)
        total += 1
        agreed += found["fits"] == run["started"]
        refused += not run["started"]
        if run["started"]:
            peak = abs(found["peak_used_gib"] - run["peak_used_gib"])
            # An encoder keeps nothing.
            errors = (0.0, 0.0, peak)
            if run["kv_cache_tokens"]:
                errors = (
                    *(100 * abs(found[key] / run[key] - 1) for key in ("kv_cache_tokens", "max_concurrency")),
                    peak,
                )
            groups.setdefault(
                f"{WORDS[gpus_of(run)]} GPUs" if gpus_of(run) > 1 else GROUPS.get(run["model"], "dense and GQA"),
                [],
            ).append(errors)
    rows: list[list[Any]] = [["group", "runs", "KV tokens, largest error", "concurrency", "peak"]]
    for group, found_errors in groups.items():
        tokens, concurrency, peak = (max(column) for column in zip(*found_errors))
        rows.append([group, len(found_errors), f"{tokens:.2f} %", f"{concurrency:.2f} %", f"{peak:.2f} GiB"])
    return f"{markdown(rows)}\n\nStarts and refusals: {agreed} of {total} runs predicted, {refused} of them refusals."


def catalogue() -> str:
    """Every model of the catalogue with its recommended settings."""
    # Of the others only how they are served is known.
    listed = [entry for entry in catalogue_listing(default_vllm_version()) if "config" in entry]
    classes = list(listed[0]["recommended"])
    rows = [["model", "GB on disk", "gated", "licence", "for", *classes]]
    for entry in listed:
        gate = "yes" if entry["gated"] else "no"
        settings = [recommended(entry["recommended"][size]) for size in classes]
        rows.append([entry["repository"], entry["disk_gb"], gate, entry["license"], entry["purpose"], *settings])
    return markdown(rows)


def today() -> str:
    """Settings of models whose published configuration vLLM was asked of, and which no catalogue has."""
    configs = json.loads(lzma.decompress((DATA / "architectures.json.xz").read_bytes()))["configs"]
    rows: list[list[Any]] = []
    for name in TODAY.split():
        found = recommend(configs[name], default_vllm_version())
        classes = [size for size in found if int(size) >= SERVERS]
        rows = rows or [["model", *classes]]
        rows.append([name, *(recommended(found[size]) for size in classes)])
    return markdown(rows)


def recommended(settings: dict[str, Any] | None) -> str:
    """One cell of the catalogue's table."""
    if settings is None:
        return "-"
    batch = f", {settings['max_num_seqs']} seqs" if "max_num_seqs" in settings else ""
    eager = ", eager" if settings.get("enforce_eager") else ""
    if "tensor_parallel_size" in settings:
        return (
            f"{settings['max_model_len']} ({settings['max_concurrency']:.0f}, {settings['tensor_parallel_size']} GPUs)"
        )
    return f"{settings['max_model_len']} ({settings['max_concurrency']:.0f}{batch}{eager})"


def vram() -> str:
    """What each model of the catalogue takes of an H100."""
    keys = ["weights_gib", "activation_gib", "cuda_graphs_gib", "sampler_gib", "kv_cache_gib", "kv_bytes_per_token"]
    keys += ["kv_cache_tokens", "peak_used_gib", "largest_gpu_memory_utilization"]
    rows = [["model", *keys]]
    for name, entry in CATALOGUE.items():
        settings = EngineSettings(79.18, default_vllm_version(), gpu_memory_utilization=0.9, max_model_len=8192)
        found = plan(entry["config"], settings)
        cells = [found[key] for key in keys] if found["fits"] else [found["weights_gib"], *["-"] * (len(keys) - 1)]
        rows.append([name, *cells])
    return markdown(rows)


def rewritten(text: str) -> str:
    """The page with its tables made anew."""
    tables = {"accuracy": accuracy, "several": several, "catalogue": catalogue, "today": today, "vram": vram}
    for name, make in tables.items():
        parts = re.split(rf"(<!-- {name}: [^\n]*-->\n|<!-- end {name} -->)", text)
        text = "".join([*parts[:2], make(), "\n", *parts[3:]])
    return text


def main() -> int:
    """Write, or check."""
    before = PAGE.read_text(encoding="utf-8")
    after = rewritten(before)
    if "--check" in sys.argv[1:]:
        if before != after:
            print("docs/planner.md is not current: run scripts/planner_docs.py", file=sys.stderr)
        return int(before != after)
    PAGE.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
