# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The formulas against what vLLM says of many architectures: docs/planner-architectures.md from tests/unit/data.

    python scripts/architectures.py [--check]

The data are answers of plugins/module_utils/_engine_answers/program.py; tests/benchmark/architectures.py makes them.
"""

from __future__ import annotations

import json
import lzma
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner import kv, versions, weights
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.model import MemoryPlanError, Model
from ansible_collections.llmfleet.gateway.plugins.plugin_utils._planner.reader import read_model

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "planner-architectures.md"
DATA = ROOT / "tests" / "unit" / "data" / "architectures.json.xz"
# Of the weights of one GPU.
GOAL_PERCENT = 0.5
SIZES = (("tensor_parallel_size", "TP"), ("pipeline_parallel_size", "PP"), ("enable_expert_parallel", "EP"))


class Compared(NamedTuple):
    """One run: how far the formulas are off, or why they say nothing."""

    name: str
    architecture: str
    options: str
    weights_gib: float
    percent: float
    cache_equal: bool
    unknown: str

    @property
    def good(self) -> bool:
        """Within the goal."""
        return not self.unknown and abs(self.percent) <= GOAL_PERCENT and self.cache_equal


def data() -> dict[str, Any]:
    """The answers with the configurations that they are of."""
    return dict(json.loads(lzma.decompress(DATA.read_bytes())))


def compared() -> Iterator[Compared]:
    """Every run."""
    found = data()
    for run in found["runs"]:
        config = found["configs"][run["config"]]
        yield _compared(run, config, found["vllm"])


def _compared(run: dict[str, Any], config: dict[str, Any], version: str) -> Compared:
    options = run["options"]
    shown = " ".join(f"{short} {int(options[name])}" for name, short in SIZES if name in options)
    head = (
        run["config"],
        config["architectures"][0],
        shown,
        max(one["weight_bytes"] for one in run["stages"]) / 1024**3,
    )
    try:
        model = read_model(config)
    except MemoryPlanError:
        return Compared(*head, 0.0, False, "refused by name")
    if model.unsure:
        return Compared(*head, 0.0, False, "from the checkpoint's size")
    percents, equal = zip(*(_stage(model, run, number, version) for number in range(len(run["stages"]))))
    return Compared(*head, max(percents, key=abs), all(equal), "")


def _stage(model: Model, run: dict[str, Any], number: int, version: str) -> tuple[float, bool]:
    """How far the weights of a stage are off, in percent, and whether its cache is laid out the same."""
    options, real = run["options"], run["stages"][number]
    parallel = options.get("tensor_parallel_size", 1)
    stage = weights.stages(len(model.layers), options.get("pipeline_parallel_size", 1))[number]
    multiples = versions.engine_for(version).mxfp4_multiples
    whole = options.get("enable_expert_parallel", False)
    planned = sum(weight.size for weight in weights.tensors(model, stage, parallel, multiples, whole))
    laid = kv.layout(model, stage, parallel, "auto", 8192, versions.engine_for(version).keeps_chunks)
    mine = sorted(0 if group.is_state else group.block_tokens for group in laid.groups)
    # vLLM's is what a large room divided by its blocks comes to.
    same = abs(laid.block_bytes - (real["block_bytes"] or 0)) < 1024
    return 100 * (planned / real["weight_bytes"] - 1), same and mine == [tokens for tokens, _layers in real["blocks"]]


def page() -> str:
    """The whole page."""
    rows, found = list(compared()), data()
    known = [row for row in rows if not row.unknown]
    good = [row for row in known if row.good]
    names = sorted({row.architecture for row in good})
    lines = [
        "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->",
        "<!-- Written by scripts/architectures.py -->",
        "# The planner's formulas against vLLM, by architecture",
        "",
        f"vLLM {found['vllm']} was asked by [the program that asks images](planner.md#vllm-answers-for-itself), on one "
        f"process and without a GPU's memory ({found['gpu']}), for configurations of transformers "
        f"{found['transformers']}, which are mostly those of a family's first model, and some of published models. "
        "`python scripts/architectures.py` makes this page of its answers.",
        "",
        f"Of {len(rows)} runs the formulas know {len(known)}; {len(good)} of them, of {len(names)} architectures, have "
        f"weights within {GOAL_PERCENT} % and the KV cache's blocks equal. The others are below, and why.",
        "",
        "| model | architecture | GPUs | weights GiB | formulas | KV cache |",
        "|---|---|---|---|---|---|",
    ]
    for row in sorted(rows, key=lambda one: (one.good, bool(one.unknown), one.architecture, one.options, one.name)):
        said = row.unknown or f"{row.percent:+.2f} %"
        cache = "" if row.unknown else "equal" if row.cache_equal else "**differs**"
        lines.append(f"| {row.name} | {row.architecture} | {row.options} | {row.weights_gib:.3f} | {said} | {cache} |")
    return "\n".join(lines).replace("|  |", "| |") + "\n"


def main() -> int:
    """Write, or check."""
    text = page()
    if "--check" in sys.argv[1:]:
        current = PAGE.read_text(encoding="utf-8") == text
        if not current:
            sys.stderr.write("docs/planner-architectures.md is not current: run scripts/architectures.py\n")
        return int(not current)
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
