# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Weights that always say the same letter."""

from __future__ import annotations

import json
import struct

from tests.load import stutter


def test_the_letter_stands_out_and_the_layers_add_nothing() -> None:
    tensors = {
        "model.embed_tokens.weight": {"dtype": "F32", "shape": [3, 2], "data_offsets": [0, 24]},
        "model.layers.0.mlp.down_proj.weight": {"dtype": "F32", "shape": [2], "data_offsets": [24, 32]},
        "model.norm.weight": {"dtype": "F32", "shape": [1], "data_offsets": [32, 36]},
    }
    header = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    data = struct.pack("<Q", len(header)) + header + struct.pack("<9f", *[7.0] * 9)
    made = stutter.weights(data, letter=1)
    assert made[: 8 + len(header)] == data[: 8 + len(header)]
    numbers = struct.unpack("<9f", made[8 + len(header) :])
    assert [round(one, 3) for one in numbers] == [0.1, 0.1, 1.0, 1.0, 0.1, 0.1, 0.0, 0.0, 1.0]
