# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Multiplies matrices on the GPU, says how fast, and whether the result is that of the processor. Then it waits."""

from __future__ import annotations

import json
import multiprocessing
import time
from pathlib import Path

SIZE, ROUNDS = 8192, 20


def multiply() -> None:
    """In a process of its own, so that the GPU is empty again for those that come after."""
    import torch

    small = torch.randn(512, 512)
    right = torch.allclose((small.cuda() @ small.cuda()).cpu(), small @ small, rtol=1e-2, atol=1e-2)
    left = torch.randn(SIZE, SIZE, device="cuda", dtype=torch.bfloat16)
    for _round in range(3):
        left @ left
    torch.cuda.synchronize()
    began = time.monotonic()
    for _round in range(ROUNDS):
        left @ left
    torch.cuda.synchronize()
    rate = 2 * SIZE**3 * ROUNDS / (time.monotonic() - began) / 1e12
    print(
        json.dumps({"device": torch.cuda.get_device_name(0), "right": right, "bf16_tflops": round(rate, 1)}), flush=True
    )


if __name__ == "__main__":
    work = multiprocessing.Process(target=multiply)
    work.start()
    work.join()
    if work.exitcode == 0:
        Path("/tmp/done").touch()
    while True:
        time.sleep(3600)
