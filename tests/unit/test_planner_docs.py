# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The generated tables of the planner's pages are those that the planner gives."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["planner_docs.py", "architectures.py"])
def test_tables_are_current(name: str) -> None:
    command = [sys.executable, str(ROOT / "scripts" / name), "--check"]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_the_formulas_agree_with_vllm_for_sixty_architectures() -> None:
    text = (ROOT / "docs" / "planner-architectures.md").read_text(encoding="utf-8")
    found = re.search(r"of (\d+) architectures, have weights within 0.5 %", text)
    assert found and int(found.group(1)) >= 60


def test_what_the_formulas_know_is_within_the_goal() -> None:
    """Weights of one GPU, the blocks of the KV cache and the layers of each kind."""
    rows = (ROOT / "docs" / "planner-architectures.md").read_text(encoding="utf-8").splitlines()
    known = [(row.split("|")[1].strip(), *row.split("|")[5:7]) for row in rows if " % |" in row]
    assert len(known) >= 460
    assert [row for row in known if row[2].strip() != "equal"] == []
    assert {row[0] for row in known if abs(float(row[1].split()[0])) > 0.5} == GAPS.keys()
    assert all(abs(float(row[1].split()[0])) < GAPS.get(row[0], 0.5) for row in known)


# In percent: tensors that repacking pads, what is whole on every GPU, copies of what latent attention unpacks.
GAPS = {
    "Kimi-K2.5": 1.2,
    "NVIDIA-Nemotron-3.5-Lightning-30B-A3B-NVFP4": 1.8,
    "bge-reranker-v2-m3": 4.3,
    "mla-fp8-block": 0.8,
    "moe-awq": 2.9,
    "moe-ct-w4a16": 0.9,
    "ms-marco": 1.4,
    "qwen-yarn": 0.6,
    "smollm3": 1.1,
}
