# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start real vLLM with dummy weights on a real GPU, and compare what it says with the plan.

Needs one NVIDIA GPU, vLLM and nvidia-ml-py; cases with several GPUs are left out where they are not there. Each case is
one engine in a process of its own, with a few tokens generated; the parent watches the GPUs' memory meanwhile, and the
fullest counts. Results are lines of JSON like those in tests/unit/data:

    python3 tests/gpu/planner_truth.py --out results.jsonl [--logs FOLDER] [--only ID ...] [--seconds 500]

CUDA_VISIBLE_DEVICES, with indexes of GPUs, says which GPUs it may use.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pynvml

GIB = 1024**3
ROOT = Path(__file__).resolve().parents[2]
CONTEXT_GIB = 0.515
START_LIMIT_S = 240

# id, model, settings that differ from DEFAULTS
CASES: list[tuple[str, str, dict[str, Any]]] = [
    ("ds-v2-lite", "DeepSeek-V2-Lite", {}),
    ("l31-8b-u098", "Llama-3.1-8B", {"gpu_memory_utilization": 0.98}),
    ("q3-30b-seqs64", "Qwen3-30B-A3B", {"max_num_seqs": 64}),
    ("gemma2-9b-seqs128-t2048", "gemma-2-9b", {"max_num_seqs": 128, "max_num_batched_tokens": 2048}),
    ("mistral-7b-u097", "Mistral-7B-Instruct-v0.3", {"gpu_memory_utilization": 0.97, "max_num_seqs": 64}),
    ("l32-1b-kvfp8", "Llama-3.2-1B-Instruct", {"kv_cache_dtype": "fp8", "max_num_seqs": 512}),
    ("q25-7b-awq", "Qwen2.5-7B-Instruct-AWQ", {"max_num_seqs": 256}),
    ("ds-v2-lite-seqs64-t2048", "DeepSeek-V2-Lite", {"max_num_seqs": 64, "max_num_batched_tokens": 2048}),
    ("q3-4b-seqs16", "Qwen3-4B", {"max_num_seqs": 16, "max_num_batched_tokens": 1024, "max_model_len": 40960}),
    ("phi-4-t4096", "phi-4", {"max_num_batched_tokens": 4096, "max_num_seqs": 256, "max_model_len": 16384}),
    ("q25-14b-fp8", "Qwen2.5-14B-Instruct", {"quantization": "fp8", "max_num_seqs": 256}),
    ("l31-8b-fp8dyn", "Meta-Llama-3.1-8B-Instruct-FP8-dynamic", {"max_num_seqs": 128}),
    ("gpt-oss-20b", "gpt-oss-20b", {"max_num_seqs": 256}),
    ("q25-32b-u080-len32k", "Qwen2.5-32B-Instruct", {"gpu_memory_utilization": 0.8, "max_model_len": 32768}),
    ("q25-7b-tp2", "Qwen2.5-7B-Instruct", {"tensor_parallel_size": 2}),
    ("q3-30b-tp2", "Qwen3-30B-A3B", {"tensor_parallel_size": 2, "max_num_seqs": 256}),
    ("l31-70b-tp2", "Llama-3.1-70B-Instruct", {"tensor_parallel_size": 2, "max_num_seqs": 256}),
    ("q25-14b-pp2", "Qwen2.5-14B-Instruct", {"pipeline_parallel_size": 2, "max_num_seqs": 256}),
]
DEFAULTS: dict[str, Any] = {
    "gpu_memory_utilization": 0.9,
    "max_model_len": 8192,
    "max_num_batched_tokens": 8192,
    "max_num_seqs": 1024,
    "enforce_eager": False,
    "quantization": None,
    "kv_cache_dtype": "auto",
    "tensor_parallel_size": 1,
    "pipeline_parallel_size": 1,
}
ENGINE = """
import json, sys
from vllm import LLM, SamplingParams
options = json.loads(sys.argv[1])
engine = LLM(load_format="dummy", skip_tokenizer_init=True, **options)
engine.generate([{"prompt_token_ids": [1, 2, 3, 4]}], SamplingParams(max_tokens=4, ignore_eos=True, detokenize=False))
print("SERVED", flush=True)
"""


def planner() -> tuple[Any, Any, dict[str, Any]]:
    """The planner's own modules, from this working tree."""
    sys.path.insert(0, str(ROOT / "plugins"))
    plan = importlib.import_module("plugin_utils._planner.plan")
    engine_log = importlib.import_module("module_utils._engine_log")
    catalogue = importlib.import_module("plugin_utils._catalogue.data").CATALOGUE
    configs = {name.rpartition("/")[2]: entry["config"] for name, entry in catalogue.items()}
    return plan, engine_log, configs


def run_engine(options: dict[str, Any], log: Path, handles: list[Any]) -> tuple[bool, float, float]:
    """Start one engine and stop it; whether it served, the seconds, and the peak of the fullest GPU's memory."""
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
    began, peak = time.monotonic(), 0
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-c", ENGINE, json.dumps(options)],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )
        while process.poll() is None and time.monotonic() - began < START_LIMIT_S:
            peak = max(peak, *(pynvml.nvmlDeviceGetMemoryInfo(handle).used for handle in handles))
            # An engine may hang while it shuts down; once it has served or failed, nothing more is to be learnt.
            if any(sign in log.read_bytes() for sign in (b"SERVED", b"EngineCore failed to start")):
                break
            time.sleep(0.05)
        stop(process, handles)
    return b"SERVED" in log.read_bytes(), time.monotonic() - began, peak / GIB


def stop(process: subprocess.Popen[bytes], handles: list[Any]) -> None:
    """End the engine with its own children, and wait until the GPUs are empty again."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
    for _attempt in range(100):
        if not any(pynvml.nvmlDeviceGetComputeRunningProcesses(handle) for handle in handles):
            return
        time.sleep(0.1)


def gpu_gib(handle: Any) -> float:
    """The GPU's memory as CUDA sees it: NVML's total less what the driver reserves."""
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2)
    return (memory.total - memory.reserved) / GIB


def one_case(
    case: tuple[str, str, dict[str, Any]],
    parts: tuple[Any, Any, dict[str, Any]],
    handles: list[Any],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    """Run a case and set the plan beside it."""
    name, model, changes = case
    plan, engine_log, configs = parts
    settings = {**DEFAULTS, **changes}
    total = gpu_gib(handles[0])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "config.json").write_text(json.dumps(configs[model]), encoding="utf-8")
        log = Path(folder) / "log"
        served, seconds, peak = run_engine({"model": folder, **settings, **arguments.engine}, log, handles)
        text = log.read_text(encoding="utf-8", errors="replace")
    if arguments.logs:
        (arguments.logs / f"{name}.log").write_text(text, encoding="utf-8")
    real = engine_log.read_log(text)
    version = importlib.metadata.version("vllm").split("+")[0]
    planned = plan.plan(configs[model], plan.EngineSettings(gpu_memory_gib=total, vllm_version=version, **settings))
    print(verdict(name, real, planned, served, peak), flush=True)
    if not served and "refusal" not in real:
        print("\n".join(text.splitlines()[-25:]), flush=True)
    return {
        "id": name,
        "model": model,
        "vllm": version,
        "gpu": pynvml.nvmlDeviceGetName(handles[0]),
        "settings": {**settings, "compile_cache": "cold"},
        "started": served,
        "total_gib": round(total, 3),
        "free_at_start_gib": round(total - CONTEXT_GIB, 3),
        "startup_s": round(seconds, 1),
        "peak_used_gib": round(peak, 2),
        **{key: real.get(key) for key in FIGURES},
        "refusal": real.get("refusal"),
    }


FIGURES = (
    "weights_gib",
    "activation_gib",
    "non_torch_gib",
    "cuda_graphs_gib",
    "kv_cache_gib",
    "kv_cache_tokens",
    "max_concurrency",
)


def verdict(name: str, real: dict[str, Any], planned: dict[str, Any], served: bool, peak: float) -> str:
    """One line: each figure as planned/real."""
    shown = ", ".join(f"{key} {planned.get(key)}/{real.get(key)}" for key in FIGURES)
    agreed = "agrees" if planned["fits"] == served else "DISAGREES"
    return f"{name}: fits {planned['fits']}/{served} {agreed}; {shown}, peak {planned['peak_used_gib']}/{peak:.2f}"


def main() -> int:
    """Run the cases until the time is spent."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True, type=Path)
    parser.add_argument("--logs", type=Path)
    parser.add_argument("--engine", type=json.loads, default={}, help="more options of the engine, as JSON")
    parser.add_argument("--only", nargs="*")
    parser.add_argument("--seconds", type=float, default=3600)
    arguments = parser.parse_args()
    pynvml.nvmlInit()
    every = ",".join(map(str, range(pynvml.nvmlDeviceGetCount())))
    visible = os.environ.get("CUDA_VISIBLE_DEVICES", every).split(",")
    handles = [pynvml.nvmlDeviceGetHandleByIndex(int(index)) for index in visible]
    parts, began = planner(), time.monotonic()
    for case in CASES:
        if arguments.only and case[0] not in arguments.only:
            continue
        if time.monotonic() - began > arguments.seconds:
            print(f"no time left for {case[0]}", flush=True)
            continue
        settings = {**DEFAULTS, **case[2]}
        count = settings["tensor_parallel_size"] * settings["pipeline_parallel_size"]
        if count > len(handles):
            print(f"{case[0]} needs {count} GPUs", flush=True)
            continue
        line = one_case(case, parts, handles[:count], arguments)
        with arguments.out.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps(line) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
