# Copyright (c) 2026, llmfleet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write the options of `vllm serve` by release: plugins/plugin_utils/_fleet/vllm_options.json.

    python scripts/vllm_options.py IMAGE [--check]

An image of vLLM is asked by the program that asks images of models (docs/planner.md); its release is put beside those
that are there already. With --check nothing is written, and the exit code tells whether they are what is written.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import typing as t
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TARGET = ROOT / "plugins" / "plugin_utils" / "_fleet" / "vllm_options.json"
PROGRAM = ROOT / "plugins" / "module_utils" / "_engine_answers"
REQUEST = {"gpu": {}, "seconds": 1, "questions": [], "list_options": True}


def asked(image: str) -> dict[str, t.Any]:
    """What the image says, without a GPU or a network."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file in PROGRAM.glob("*.py"):
            (folder / file.name).write_text(file.read_text(encoding="utf-8"), encoding="utf-8")
        (folder / "request.json").write_text(json.dumps(REQUEST), encoding="utf-8")
        folder.chmod(0o755)
        command = [
            "docker",
            "run",
            "--rm",
            "--network=none",
            f"--volume={folder}:/ask:ro",
            "--entrypoint=python3",
            image,
        ]
        done = subprocess.run(
            [*command, "/ask/program.py", "/ask/request.json"], check=True, stdout=subprocess.PIPE, text=True
        )
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def with_release(table: dict[str, t.Any], answer: dict[str, t.Any]) -> dict[str, t.Any]:
    """The table with what an image said of its release, which counts by its first two numbers."""
    release = ".".join(str(answer["vllm"]).split(".")[:2])
    return dict(sorted({**table, release: sorted(answer["options"])}.items(), key=lambda pair: _order(pair[0])))


def _order(release: str) -> tuple[int, ...]:
    return tuple(int(part) for part in release.split("."))


def main() -> int:
    """Write, or check."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("image")
    parser.add_argument("--check", action="store_true")
    said = parser.parse_args()
    before = TARGET.read_text(encoding="utf-8")
    after = json.dumps(with_release(json.loads(before), asked(said.image)), indent=1) + "\n"
    if said.check:
        return int(before != after)
    TARGET.write_text(after, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
