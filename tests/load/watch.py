# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Counts the ready servers of a gate's backends over its runtime socket, several times a second.

    python3 watch.py --socket /opt/llmfleet/gate/run/admin.sock --seconds 600 [--every 0.5] [--backend vllm-tiny …]

One JSON line a sample: {"at": …, "ready": {"vllm-tiny": 2}}. It ends when its standard output does. Also read from
standard input on a host (ssh HOST python3 - --socket … < watch.py), so it needs Python 3.9 and nothing else.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import socket
import sys
import time


def ask(path: str, command: str) -> str:
    with socket.socket(socket.AF_UNIX) as gate:
        gate.settimeout(2)
        gate.connect(path)
        gate.sendall(command.encode() + b"\n")
        pieces: list[bytes] = []
        while True:
            piece = gate.recv(65536)
            if not piece:
                return b"".join(pieces).decode()
            pieces.append(piece)


def ready(text: str, backends: list[str]) -> dict[str, int]:
    """Servers that get new requests. A backup or one without weight isn't a replica: it is there to wait with."""
    found: dict[str, int] = {}
    for row in csv.DictReader(io.StringIO(text.lstrip("# "))):
        name = row["pxname"]
        if row["svname"] in ("FRONTEND", "BACKEND") or (backends and name not in backends):
            continue
        usable = row["status"].startswith(("UP", "no check")) and row["bck"] == "0" and row["weight"] != "0"
        found[name] = found.get(name, 0) + usable
    return found


def sample(path: str, backends: list[str]) -> dict[str, object]:
    """A gate that does not answer is said so: it isn't the same as none that is ready."""
    line: dict[str, object] = {"at": round(time.time(), 3)}
    try:
        line["ready"] = ready(ask(path, "show stat"), backends)
    except OSError as error:
        line["error"] = str(error)
    return line


def main() -> None:
    parser = argparse.ArgumentParser(description="Counts the ready servers of a gate's backends.")
    parser.add_argument("--socket", required=True)
    parser.add_argument("--seconds", type=float, required=True, help="the longest that it runs")
    parser.add_argument("--every", type=float, default=0.5)
    parser.add_argument("--backend", action="append", default=[], help="only these (default: all)")
    args = parser.parse_args()
    end = time.monotonic() + args.seconds
    while time.monotonic() < end:
        try:
            print(json.dumps(sample(args.socket, args.backend)), flush=True)
        except BrokenPipeError:
            sys.exit(0)
        time.sleep(args.every)


if __name__ == "__main__":
    main()
