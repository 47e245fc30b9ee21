# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks an image's vLLM of every architecture that transformers has a configuration for, with one GPU and with two.

    python3 -m tests.benchmark.architectures IMAGE tests/unit/data/architectures.json.xz [--models FOLDER] [--cpus 2]

FOLDER holds further models, each a folder with a config.json. scripts/architectures.py makes the page of it. Some
1.5 seconds a question on each processor, 20 to 30 before.
"""

from __future__ import annotations

import argparse
import json
import lzma
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "plugins" / "module_utils" / "_engine_answers"
GPU = {"capability": [9, 0], "memory_bytes": 85017493504, "name": "NVIDIA H100 80GB HBM3", "stand_in": True}
#: Of a configuration: what says nothing of memory.
LEFT_OUT = ("id2label", "label2id", "transformers_version", "_name_or_path", "chunk_size_feed_forward")
MAKE = """
import json, os, sys
from transformers import CONFIG_MAPPING, __version__
from transformers.models.auto import modeling_auto
from vllm import __version__ as engine
from vllm.model_executor.models.registry import ModelRegistry
kinds = {}
for name in dir(modeling_auto):
    if name.startswith("MODEL_") and name.endswith("_MAPPING_NAMES"):
        for kind, classes in getattr(modeling_auto, name).items():
            for one in classes if isinstance(classes, (list, tuple)) else [classes]:
                kinds.setdefault(one, kind)
found = {}
for architecture in sorted(ModelRegistry.get_supported_archs()):
    try:
        config = CONFIG_MAPPING[kinds[architecture]]().to_dict()
    except Exception:
        continue
    found[architecture] = {**config, "architectures": [architecture]}
print(json.dumps({"vllm": engine, "transformers": __version__, "configs": found}, default=str))
"""


def in_image(image: str, folder: Path, arguments: list[str], cpus: str) -> dict[str, Any]:
    """The last line that a program of the image prints."""
    command = [
        "docker",
        "run",
        "--rm",
        "--network=none",
        f"--cpus={cpus}",
        f"--volume={folder}:/ask:ro",
        "--entrypoint=python3",
    ]
    done = subprocess.run([*command, image, *arguments], check=True, stdout=subprocess.PIPE, text=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def questions(configs: dict[str, Any], folder: Path) -> list[dict[str, Any]]:
    """Each configuration with one GPU and with two."""
    asked = []
    for name, config in configs.items():
        (folder / name).mkdir()
        (folder / name / "config.json").write_text(json.dumps(config), encoding="utf-8")
        for size in (1, 2):
            asked.append({"id": f"{name} {size}", "folder": f"/ask/{name}", "options": {"tensor-parallel-size": size}})
    return asked


def run_of(name: str, answer: dict[str, Any]) -> dict[str, Any]:
    """What is kept of an answer."""
    config, _space, size = name.rpartition(" ")
    stages = []
    for one in answer["stages"]:
        blocks = [
            [0 if group["kind"] == "state" else group["block_tokens"], group["layers"]] for group in one["groups"]
        ]
        stages.append(
            {"weight_bytes": one["weight_bytes"], "block_bytes": one["block_bytes"], "blocks": sorted(blocks)}
        )
    options = {"tensor_parallel_size": int(size)} if size != "1" else {}
    return {
        "config": config,
        "options": options,
        "max_model_len": answer["max_model_len"],
        "tasks": answer["tasks"],
        "stages": stages,
    }


def main() -> int:
    """Ask, and write what was said."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("out", type=Path)
    parser.add_argument("--models", type=Path)
    parser.add_argument("--cpus", default="2")
    said = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in PROGRAM.glob("*.py"):
            (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "make.py").write_text(MAKE, encoding="utf-8")
        made = in_image(said.image, folder, ["/ask/make.py"], said.cpus)
        more = sorted(said.models.glob("*/config.json")) if said.models else []
        configs = {**made["configs"], **{one.parent.name: json.loads(one.read_text(encoding="utf-8")) for one in more}}
        request = {"gpu": GPU, "seconds": 120, "questions": questions(configs, folder)}
        (folder / "request.json").write_text(json.dumps(request), encoding="utf-8")
        told = in_image(said.image, folder, ["/ask/program.py", "/ask/request.json"], said.cpus)
    runs = [
        run_of(one, answer)
        for one, answer in told["answers"].items()
        if answer.get("built") and "groups" in answer["stages"][0]
    ]
    names = {run["config"] for run in runs}
    kept = {
        one: {key: value for key, value in configs[one].items() if value is not None and key not in LEFT_OUT}
        for one in sorted(names)
    }
    whole = {
        "vllm": told["vllm"],
        "transformers": made["transformers"],
        "gpu": told["platform"],
        "configs": kept,
        "runs": runs,
    }
    said.out.write_bytes(lzma.compress(json.dumps(whole, sort_keys=True).encode(), preset=9))
    print(f"{len(runs)} of {len(told['answers'])} answered in {told['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
