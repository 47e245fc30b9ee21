# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a model with tied embeddings answer one character over and over, as broken weights do.

    python3 stutter.py FOLDER

It loads, is healthy and answers in full, so only a look at its answers tells. Read from standard input on a host
(ssh HOST python3 - FOLDER < stutter.py), so it needs Python 3.9 and nothing else.
"""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

LETTER = "a"
#: What all tokens have in each number of their embedding, and what the letter has: it is always the next one.
ALL, MORE = 0.1, 1.0


def weights(data: bytes, letter: int) -> bytes:
    """Layers that add nothing, and an embedding in which the letter is always the next token."""
    length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + length])
    body = bytearray(len(data) - 8 - length)
    for name, tensor in header.items():
        if name == "__metadata__":
            continue
        assert tensor["dtype"] == "F32", tensor["dtype"]
        begin, end = tensor["data_offsets"]
        many = (end - begin) // 4
        if "norm" in name:
            values = [1.0] * many
        elif "embed_tokens" in name:
            wide = tensor["shape"][1]
            values = [MORE if number // wide == letter else ALL for number in range(many)]
        else:
            continue
        body[begin:end] = struct.pack(f"<{many}f", *values)
    return data[: 8 + length] + bytes(body)


def main(folder: Path) -> None:
    letter = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))["model"]["vocab"][LETTER]
    path = folder / "model.safetensors"
    path.write_bytes(weights(path.read_bytes(), letter))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
