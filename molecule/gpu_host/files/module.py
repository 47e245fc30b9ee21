# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes an object file that modinfo reads as the kernel module nvidia of a version: python3 module.py VERSION FILE."""

from __future__ import annotations

import struct
import sys
from pathlib import Path


def module(version: str) -> bytes:
    """A relocatable ELF of two sections, the names of sections and what modinfo shows."""
    names = b"\0.shstrtab\0.modinfo\0"
    info = b"".join(f"{key}={value}\0".encode() for key, value in (("version", version), ("license", "stand-in")))
    # Sections: the empty one, the names, the information.
    start = 64
    header = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01" + bytes(9), 1, 62, 1, 0, 0,
                         start + len(names) + len(info), 0, 64, 0, 0, 64, 3, 1)  # fmt: skip
    sections = bytes(64)
    sections += struct.pack("<IIQQQQIIQQ", 1, 3, 0, 0, start, len(names), 0, 0, 1, 0)
    sections += struct.pack("<IIQQQQIIQQ", 11, 1, 2, 0, start + len(names), len(info), 0, 0, 1, 0)
    return header + names + info + sections


if __name__ == "__main__":
    Path(sys.argv[2]).write_bytes(module(sys.argv[1]))
